//! A disk that stands still: what is refused, by which number, and what goes on.

use std::time::Duration;

use bytes::Bytes;
use rtm_client::core::{Answer, Command};
use rtm_client::{ChannelId, ErrorKind, HistoryOptions, PublishOptions};
use rtm_server::AppLimits;
use rtm_session::Config;

use super::storage::{lobby, set};
use super::world::{Lab, channel, link, name, publish, subscribe};

const AGES: Duration = Duration::from_secs(100_000);

/// Alice and bob, with as many calls as they like.
fn lab() -> Lab {
    let mut lab = Lab::build(5, link(), AppLimits::open(), Config::server());
    lab.add_users(&["alice", "bob"]);
    lab
}

#[test]
fn while_it_is_behind_what_would_wait_for_it_is_refused() {
    let mut lab = lab();
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    lab.with_server(|server, _| server.set_disk_delay(AGES));
    let (payload, options) = (Bytes::from(vec![b'x'; 60_000]), PublishOptions::new());
    let options = options.store_in_history(true);
    let store = || {
        let (payload, options) = (payload.clone(), options.clone());
        Command::Publish { target: channel("lobby"), payload, options }
    };
    // 64 MiB wait for it. That they have arrived is all that is heard of them.
    for _ in 0..12 {
        for _ in 0..100 {
            lab.command("alice", store());
        }
        lab.run(Duration::from_secs(2));
    }
    let error = lab.call("alice", store()).unwrap_err();
    assert_eq!(error.code(), -11_024);
    assert!(error.to_string().contains("disk is behind"), "{error}");
    let states = super::states::set(ChannelId::message("lobby").unwrap(), &[("mood", "calm")]);
    assert_eq!(lab.code("bob", states), -13_013);
    assert_eq!(lab.code("bob", set(lobby(), &["k=v"])), -12_001);
    // What isn't kept goes on elsewhere.
    lab.call("bob", subscribe("garden", 2)).unwrap();
    lab.call("alice", publish(channel("garden"), b"hi")).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("bob").heard(2), ["alice 1: hi"]);
}

#[test]
fn a_thousand_reads_wait_for_it_and_not_one_more() {
    let mut lab = lab();
    lab.with_server(|server, _| server.set_read_delay(Duration::from_secs(5)));
    let read = || {
        let options = HistoryOptions::new();
        Command::GetMessages { channel: Some(name("lobby")), options }
    };
    let waiting: Vec<_> = (0..1_024).map(|_| lab.command("alice", read())).collect();
    lab.run(Duration::from_secs(1));
    let error = lab.call("bob", read()).unwrap_err();
    assert_eq!((error.code(), error.kind()), (-15_001, ErrorKind::Refused));
    for waiter in waiting {
        assert!(matches!(lab.answer("alice", waiter), Ok(Answer::History(_))));
    }
    assert!(matches!(lab.call("bob", read()), Ok(Answer::History(_))));
}
