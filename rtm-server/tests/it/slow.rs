//! Who takes too little loses the session; the others notice nothing.

use std::time::Duration;

use rtm_client::{LinkReason, LinkState};
use rtm_server::AppLimits;
use rtm_session::Config;
use rtm_wire::{ChannelKind, ChannelRef, CloseCode, QueuePolicy, Subscribe, SubscribeOptions};

use super::world::{Lab, channel, link, publish, subscribe, subscribe_with};

#[test]
fn a_full_queue_ends_the_slow_session_and_delays_nobody() {
    let session = Config::server().send_queue(1_024 * 1_024, 100);
    let mut lab = Lab::build(11, link(), AppLimits::open(), session);
    lab.add_users(&["alice", "bob"]);
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    let config = Config::default().message_len_max(1_000).lane_credit(4_000);
    lab.add_raw_user("slow", config);
    lab.with_raw("slow", |raw, now| {
        raw.takes = false;
        let channel = ChannelRef { kind: ChannelKind::Message, name: "lobby" };
        let queue = QueuePolicy::Disconnect;
        let options = SubscribeOptions { queue, ..SubscribeOptions::default() };
        raw.request(now, 1, Subscribe { channel, options, resume: None });
    });
    lab.run(Duration::from_millis(100));
    let mut ended_at = None;
    for index in 0..300 {
        lab.publish("alice", channel("lobby"), &"x".repeat(100));
        // To the server and on, and not a millisecond of waiting.
        lab.run(Duration::from_millis(41));
        assert_eq!(lab.client("bob").channels.len(), index + 1, "bob does not wait");
        if ended_at.is_none() && lab.status().gateway.too_slow == 1 {
            ended_at = Some(index);
        }
    }
    lab.run(Duration::from_secs(1));

    let ended_at = ended_at.expect("the slow session has ended");
    assert!((100..160).contains(&ended_at), "after its queue was full: {ended_at}");
    assert_eq!(lab.raw("slow").close_code(), Some(CloseCode::TOO_SLOW));
    let status = lab.status();
    assert_eq!((status.sessions, status.gateway.too_slow), (2, 1));
    assert_eq!(lab.client("alice").core.operations_in_flight(), 0);
}

#[test]
fn a_slow_client_comes_back_to_a_gap_that_says_what_it_has_missed() {
    let session = Config::server().send_queue(4 * 1_024 * 1_024, 50);
    let mut lab = Lab::build(11, link(), AppLimits::open(), session);
    lab.add_users(&["alice", "bob"]);
    lab.call("bob", subscribe_with("lobby", 1, rtm_client::QueuePolicy::Disconnect)).unwrap();
    lab.with_client("bob", |client, _| client.takes = false);
    let say = |lab: &mut Lab, count: usize| {
        for _ in 0..count {
            let command = publish(channel("lobby"), &[b'x'; 30_000]);
            lab.call("alice", command).unwrap();
        }
    };
    say(&mut lab, 70);
    let lost = lab.client("bob").links[2].clone();
    assert_eq!(lost.reason, LinkReason::KickedOutByServer);
    let text = lost.error.unwrap().to_string();
    assert!(text.contains("too slow"), "{text}");
    lab.with_client("bob", |client, _| client.takes = true);
    lab.run_until_link("bob", LinkState::Connected);
    say(&mut lab, 1);
    lab.run(Duration::from_secs(1));

    let heard = lab.client("bob").heard(1);
    let mut numbers = heard.iter().map(|text| text.split(':').next().unwrap());
    let messages = numbers.clone().filter(|text| text.starts_with("alice")).count();
    let gap = numbers.clone().find(|text| text.starts_with("gap of ")).expect("a gap");
    let missed: usize = gap["gap of ".len()..].parse().unwrap();
    assert_eq!(messages + missed, 71, "{gap}");
    assert_eq!(numbers.next_back(), Some("alice 71"));
}
