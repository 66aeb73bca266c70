//! Metadata, when sessions are lost and come back, or end for good.

use std::time::Duration;

use rtm_channel::{AppId, UserId};
use rtm_client::core::{Command, HandleId, WriteKind};
use rtm_client::{ErrorKind, LinkState, MetadataItem, MetadataOptions};

use super::server::OPEN_APP;
use super::storage::{
    follow, follow_user, get, join_and_follow, lobby, of_user, set, short, town, write,
};
use super::world::Lab;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn after_a_loss_the_next_session_begins_with_all_of_it() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    lab.call("bob", follow("lobby", 1)).unwrap();
    lab.call("bob", join_and_follow("town", 2)).unwrap();
    lab.call("bob", follow_user("alice", 3)).unwrap();
    let write = |lab: &mut Lab, item| {
        for target in [lobby(), town(), of_user("alice")] {
            lab.call("alice", set(target, &[item])).unwrap();
        }
        lab.run(secs(1));
    };
    write(&mut lab, "a=1");
    lab.set_blackout("bob", true);
    lab.run(secs(45));
    write(&mut lab, "a=2");
    lab.set_blackout("bob", false);
    lab.run_until_link("bob", LinkState::Connected);
    assert!(lab.client("bob").links.last().unwrap().unrestored.is_empty());
    lab.run(secs(1));
    write(&mut lab, "b=3");
    for handle in 1..=3 {
        let told = ["snapshot 0", "set 1 by alice a=1", "snapshot 2 a=2", "set 3 by alice b=3"];
        assert_eq!(lab.client("bob").stored(handle), told, "{handle}");
        assert_eq!(lab.client("bob").stored_set(handle), "a=2 b=3");
    }
    // A user whose metadata isn't told any more is named.
    lab.limits.channel.storage_user_subscriptions = 0;
    lab.restart_server();
    for state in [LinkState::Disconnected, LinkState::Connected] {
        lab.run_until_link("bob", state);
    }
    let last = lab.client("bob").links.last().unwrap();
    let [unrestored] = &last.unrestored[..] else { panic!("{last:?}") };
    assert_eq!((unrestored.user.as_deref(), &*unrestored.channel), (Some("alice"), ""));
    assert!(!last.is_restored);
    lab.end(&["alice", "bob"]);
}

#[test]
fn what_is_unanswered_when_the_session_is_lost_is_unknown_for_writes_and_nothing_for_reads() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.set_blackout("alice", true);
    let written = lab.command("alice", set(lobby(), &["a=1"]));
    let read = lab.command("alice", Command::ReadMetadata { target: lobby() });
    let heard = lab.command("alice", follow_user("bob", 1));
    for (waiter, kind) in [
        (written, ErrorKind::OutcomeUnknown),
        (read, ErrorKind::NotConnected),
        (heard, ErrorKind::NotConnected),
    ] {
        let error = lab.answer("alice", waiter).unwrap_err();
        assert_eq!((error.kind(), error.code()), (kind, -12_018));
    }
    assert_eq!(lab.client("alice").ended, [HandleId(1)]);
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", LinkState::Connected);
    assert_eq!(short(&get(&mut lab, "alice", lobby())), "0", "it never came");
}

#[test]
fn an_answer_that_is_lost_leaves_the_write_done() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    let written = lab.command("alice", set(lobby(), &["a=1"]));
    // It is under way, for 20 ms, and the answer isn't yet.
    lab.run(Duration::from_millis(10));
    lab.set_blackout("alice", true);
    let error = lab.answer("alice", written).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(short(&get(&mut lab, "bob", lobby())), "1 a=1@1");
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", LinkState::Connected);
    // What expects a revision may be sent again: it can't be done twice.
    let again = MetadataItem::new("a", "1").revision(0);
    let again = write(lobby(), WriteKind::Set, &[again], MetadataOptions::new());
    assert_eq!(lab.code("alice", again), -12_014);
}

#[test]
fn subscriptions_to_users_end_with_the_logout_and_with_the_reason_of_a_failure() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, follow_user("carol", 1)).unwrap();
    }
    lab.call("alice", Command::Logout).unwrap();
    assert_eq!(lab.client("alice").ended, [HandleId(1)]);
    assert!(lab.client("alice").storage_ended.is_empty());
    lab.with_server(|server, now| {
        let (app, user) = (AppId::new(OPEN_APP).unwrap(), UserId::new("bob").unwrap());
        server.set_banned(now, app, user, true);
    });
    lab.run_until_link("bob", LinkState::Failed);
    let ended = &lab.client("bob").storage_ended;
    assert_eq!((ended.len(), ended[0].1.kind()), (1, ErrorKind::LoginRejected));
    assert_eq!(lab.client("bob").ended, [HandleId(1)]);
}
