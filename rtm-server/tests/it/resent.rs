//! Publishes whose session is lost before their answers come: the client sends them again, and they
//! take effect once, or it says that nobody knows.

use std::time::Duration;

use bytes::Bytes;
use rtm_client::core::{Answer, Command, Target};
use rtm_client::{Error, ErrorKind, HistoryOptions, LinkState, PublishOptions, Published, Qos};
use rtm_server::AppLimits;
use rtm_session::Config;

use super::server::OPEN_APP;
use super::world::{
    Lab, channel, join, join_topic, leave_topic, link, name, open_inbox, publication, publish,
    subscribe, subscribe_topic, user,
};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Bob hears the lobby as 1, what is sent to him as 2, and alice's news, which is her 2, as 4.
fn lab_with(limits: AppLimits, loss: f64) -> Lab {
    let mut lab = Lab::build(11, link().loss(loss), limits, Config::server());
    lab.add_users(&["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 3)).unwrap();
    }
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    lab.call("bob", open_inbox(2)).unwrap();
    lab.call("alice", join_topic("town", "news", 2, Qos::Ordered)).unwrap();
    lab.call("bob", subscribe_topic("town", "news", &["alice"], 4)).unwrap();
    lab
}

fn lab() -> Lab {
    lab_with(AppLimits::hosted(), 0.0)
}

fn targets() -> [Target; 3] {
    [channel("lobby"), user("bob"), publication(2)]
}

fn say_all(lab: &mut Lab, text: &str) -> [u64; 3] {
    targets().map(|target| lab.publish("alice", target, text))
}

fn store(lab: &mut Lab, target: Target, text: &str) -> u64 {
    let options = PublishOptions::text().store_in_history(true);
    let payload = Bytes::copy_from_slice(text.as_bytes());
    lab.command("alice", Command::Publish { target, payload, options })
}

/// Alice is cut off until her client knows it, and then for so long.
fn lose_alice(lab: &mut Lab, more: Duration) {
    lab.set_blackout("alice", true);
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.run(more);
    lab.set_blackout("alice", false);
}

fn come_back(lab: &mut Lab, who: &str) {
    lab.run_until_link(who, LinkState::Connected);
    lab.run(secs(5));
}

fn kind(result: Result<Published, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn stored(lab: &mut Lab) -> Vec<String> {
    let options = HistoryOptions::new().oldest_first(true);
    let command = Command::GetMessages { channel: Some(name("lobby")), options };
    let Ok(Answer::History(found)) = lab.call("bob", command) else { panic!("no history") };
    let text = |payload: &Bytes| String::from_utf8_lossy(payload).into_owned();
    found.messages.iter().map(|message| text(&message.message.payload)).collect()
}

#[test]
fn what_took_effect_is_answered_as_it_was_and_heard_once() {
    let mut lab = lab();
    let waiters = say_all(&mut lab, "hi");
    // They are there after 20 ms, and the answers are lost.
    lab.run(Duration::from_millis(10));
    lose_alice(&mut lab, secs(1));
    come_back(&mut lab, "alice");
    for waiter in waiters {
        assert_eq!(lab.published("alice", waiter).unwrap().sequence, 1);
    }
    let bob = lab.client("bob");
    assert_eq!(
        (bob.heard(1), bob.heard(2)),
        (vec!["alice 1: hi".into()], vec!["alice 1: hi".into()])
    );
    assert_eq!(bob.heard_topic(4)[0], "alice 1: hi");
    assert_eq!(bob.heard_topic(4).iter().filter(|it| it.contains("hi")).count(), 1);
    assert_eq!(lab.client("alice").core.operations_in_flight(), 0);
}

#[test]
fn what_never_arrived_is_published_before_what_was_published_later() {
    let mut lab = lab();
    lab.set_blackout("alice", true);
    let lost = say_all(&mut lab, "a");
    lab.run_until_link("alice", LinkState::Disconnected);
    let later = say_all(&mut lab, "b");
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", LinkState::Connected);
    let last = say_all(&mut lab, "c");
    lab.run(secs(5));
    for (sequence, waiters) in [(1, lost), (2, later), (3, last)] {
        for waiter in waiters {
            assert_eq!(lab.published("alice", waiter).unwrap().sequence, sequence);
        }
    }
    let bob = lab.client("bob");
    let expected = ["alice 1: a", "alice 2: b", "alice 3: c"];
    assert_eq!(
        (bob.heard(1), bob.heard(2)),
        (expected.map(String::from).to_vec(), expected.map(String::from).to_vec())
    );
    assert!(bob.heard_topic(4).ends_with(&expected.map(String::from)), "{:?}", bob.heard_topic(4));
}

#[test]
fn several_losses_in_a_row_change_nothing() {
    for seed in 0..20 {
        let loss = link().loss(0.2);
        let mut lab = Lab::build(seed, loss, AppLimits::hosted(), Config::server());
        lab.add_users(&["alice", "bob"]);
        lab.call("bob", subscribe("lobby", 1)).unwrap();
        let mut waiters = Vec::new();
        for round in 0..4_u64 {
            for text in ["a", "b", "c"] {
                waiters.push(lab.publish("alice", channel("lobby"), &format!("{round}{text}")));
                lab.run(Duration::from_millis(7 * (seed + 1)));
            }
            lose_alice(&mut lab, Duration::ZERO);
            // In the middle of what is sent again.
            lab.run(Duration::from_millis(500 + 100 * seed));
        }
        come_back(&mut lab, "alice");
        let sequences: Vec<_> =
            waiters.iter().map(|&it| lab.published("alice", it).unwrap().sequence).collect();
        assert_eq!(sequences, (1..=12).collect::<Vec<_>>(), "{seed}");
        assert_eq!(lab.client("bob").heard(1).len(), 12, "{seed}");
    }
}

#[test]
fn what_the_server_has_forgotten_is_unknown() {
    // Its session ends at the server after 40 s, and 120 s later it is forgotten.
    for (more, is_known) in [(secs(100), true), (secs(150), false)] {
        let mut lab = lab();
        let waiter = lab.publish("alice", channel("lobby"), "hi");
        lab.run(Duration::from_millis(10));
        lose_alice(&mut lab, more);
        come_back(&mut lab, "alice");
        lab.run(secs(30));
        let expected = (!is_known).then_some(ErrorKind::OutcomeUnknown);
        assert_eq!(kind(lab.published("alice", waiter)), expected, "{more:?}");
        assert_eq!(lab.client("bob").heard(1), ["alice 1: hi"]);
    }
}

#[test]
fn a_server_that_remembers_nothing_is_asked_for_nothing_twice() {
    let mut lab = lab();
    let mut waiters = say_all(&mut lab, "hi").to_vec();
    waiters.push(store(&mut lab, channel("lobby"), "stored"));
    lab.run(Duration::from_millis(10));
    lab.set_blackout("alice", true);
    lab.run(secs(1));
    lab.replace_server();
    lab.set_blackout("alice", false);
    lab.run(secs(60));
    for who in ["alice", "bob"] {
        come_back(&mut lab, who);
    }
    for waiter in waiters {
        assert_eq!(kind(lab.published("alice", waiter)), Some(ErrorKind::OutcomeUnknown));
    }
}

#[test]
fn what_was_to_be_stored_is_known_over_restarts_and_the_rest_is_not() {
    // Before it is there, before it is on the disk, when the first one is there, and the others,
    // without their answers; and the server is away so long.
    for (arrived, after) in [(5, 1), (25, 1), (60, 30), (60, 200)] {
        for away in [0, 300] {
            let mut lab = lab();
            lab.with_server(|server, _| server.set_disk_delay(Duration::from_millis(50)));
            let plain = lab.publish("alice", channel("lobby"), "plain");
            let kept = [
                store(&mut lab, channel("lobby"), "one"),
                store(&mut lab, channel("lobby"), "two"),
                store(&mut lab, user("carol"), "three"),
                // Who reads, and whose receipt does not come before the end.
                store(&mut lab, user("bob"), "four"),
            ];
            lab.run(Duration::from_millis(arrived));
            for who in ["alice", "bob"] {
                lab.set_blackout(who, true);
            }
            lab.run(Duration::from_millis(after));
            lab.stop_server_for(secs(away));
            for who in ["alice", "bob"] {
                lab.set_blackout(who, false);
                come_back(&mut lab, who);
            }
            lab.run(secs(40));
            let case = format!("{arrived} {after} {away}");
            for waiter in kept {
                let answer = lab.published("alice", waiter);
                assert_eq!(kind(answer), None, "{case}");
            }
            // Of the others its answer was under way already.
            let expected = (arrived == 5).then_some(ErrorKind::OutcomeUnknown);
            assert_eq!(kind(lab.published("alice", plain)), expected, "{case}");
            assert_eq!(stored(&mut lab), ["one", "two"], "{case}");
            let heard = lab.client("bob").heard(2);
            let heard: Vec<_> = heard.iter().filter(|it| !it.starts_with("gap")).collect();
            assert!(heard.len() == 1 && heard[0].ends_with("four"), "{case}: {heard:?}");
            lab.add_users(&["carol"]);
            lab.call("carol", open_inbox(9)).unwrap();
            lab.run(secs(1));
            let heard = lab.client("carol").heard(9);
            assert!(heard.len() == 1 && heard[0].ends_with("three"), "{case}: {heard:?}");
        }
    }
}

#[test]
fn what_was_forgotten_before_a_restart_is_not_known_after_it() {
    let mut lab = lab();
    let waiter = store(&mut lab, channel("lobby"), "one");
    lab.run(Duration::from_millis(10));
    lab.set_blackout("alice", true);
    lab.run(secs(200));
    lab.restart_server();
    lab.run(secs(1));
    lab.set_blackout("alice", false);
    come_back(&mut lab, "alice");
    lab.run(secs(60));
    assert_eq!(kind(lab.published("alice", waiter)), Some(ErrorKind::OutcomeUnknown));
    assert_eq!(stored(&mut lab), ["one"]);
}

#[test]
fn more_than_the_server_remembers_is_not_sent_again() {
    let mut lab = lab_with(AppLimits::open(), 0.0);
    // All arrive, and the answers wait for the disk until alice is gone.
    lab.with_server(|server, _| server.set_disk_delay(secs(10)));
    let waiters: Vec<_> =
        (0..1_100).map(|it| store(&mut lab, channel("lobby"), &it.to_string())).collect();
    lab.run(secs(5));
    lose_alice(&mut lab, secs(1));
    lab.with_server(|server, _| server.set_disk_delay(Duration::ZERO));
    come_back(&mut lab, "alice");
    lab.run(secs(20));
    let results: Vec<_> =
        waiters.iter().map(|&it| kind(lab.published("alice", it)).is_none()).collect();
    let unknown = results.iter().take_while(|it| !**it).count();
    assert!(results[unknown..].iter().all(|it| *it), "the newest are known");
    assert_eq!(unknown, 76);
    let heard = lab.client("bob").heard(1);
    assert_eq!(heard.len(), 1_100);
    assert!(heard.iter().enumerate().all(|(at, it)| *it == format!("alice {}: {at}", at + 1)));
}

/// Else the server forgets it before it comes, and it is published twice.
#[test]
fn no_more_is_published_behind_one_that_is_sent_again_than_the_server_remembers() {
    for waiting in [1_024, 0] {
        let mut lab = Lab::build(11, link(), AppLimits::open(), Config::server());
        lab.add_with("alice", OPEN_APP, "alice", |config| config.waiting_max.calls = waiting);
        lab.log_in("alice");
        lab.run(secs(1));
        lab.with_server(|server, _| server.set_disk_delay(secs(90)));
        let first = store(&mut lab, channel("lobby"), "first");
        lab.run(secs(1));
        lose_alice(&mut lab, secs(0));
        lab.run_until_link("alice", LinkState::Connected);
        // What goes elsewhere doesn't wait for it.
        let later: Vec<_> =
            (0..1_100).map(|_| lab.publish("alice", channel("garden"), "hi")).collect();
        lab.run(secs(5));
        let answers = &lab.client("alice").answers;
        let is_answered = |it: &&u64| answers.get(*it).is_some_and(Result::is_ok);
        assert_eq!(later.iter().filter(is_answered).count(), 768);
        assert!(!answers.contains_key(&first));
        lab.run(secs(90));
        let answers = &lab.client("alice").answers;
        let expected = if waiting == 0 { 768 } else { 1_100 };
        assert_eq!(later.iter().filter(|it| answers[*it].is_ok()).count(), expected);
        assert!(answers[&first].is_ok());
        lab.add_users(&["bob"]);
        lab.call("bob", subscribe("lobby", 1)).unwrap();
        assert_eq!(stored(&mut lab), ["first"]);
    }
}

#[test]
fn what_waited_keeps_to_the_rates_of_the_server() {
    let mut lab = lab();
    lab.set_blackout("alice", true);
    let mut waiters: Vec<_> =
        (0..100).map(|it| lab.publish("alice", channel("lobby"), &format!("lost {it}"))).collect();
    waiters.extend((0..100).map(|it| lab.publish("alice", publication(2), &format!("lost {it}"))));
    lab.run_until_link("alice", LinkState::Disconnected);
    waiters.extend((0..100).map(|it| lab.publish("alice", channel("lobby"), &format!("{it}"))));
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", LinkState::Connected);
    // What is new waits behind what has waited.
    waiters.push(lab.publish("alice", channel("lobby"), "last"));
    lab.run(secs(10));
    for waiter in waiters {
        lab.published("alice", waiter).unwrap();
    }
    let heard = lab.client("bob").heard(1);
    assert_eq!((heard.len(), &*heard[200]), (201, "alice 201: last"));
    assert_eq!(lab.status().gateway.publishes_limited, 0);
}

#[test]
fn a_publication_and_a_session_end_when_all_was_sent_again() {
    let mut lab = lab();
    lab.set_blackout("alice", true);
    let waiters = say_all(&mut lab, "hi");
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.with_client("alice", |alice, now| alice.drop_handle(now, 2));
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", LinkState::Connected);
    lab.call("alice", Command::Logout).unwrap();
    for waiter in waiters {
        lab.published("alice", waiter).unwrap();
    }
    lab.run(secs(1));
    assert!(lab.client("bob").heard_topic(4).last().unwrap().ends_with(": hi"));
    assert_eq!(lab.client("bob").heard_stream(3).last().unwrap(), "-news/alice");
}

#[test]
fn a_logout_without_a_connection_leaves_it_unknown() {
    let mut lab = lab();
    lab.set_blackout("alice", true);
    let waiters = say_all(&mut lab, "hi");
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.call("alice", Command::Logout).unwrap();
    for waiter in waiters {
        assert_eq!(kind(lab.published("alice", waiter)), Some(ErrorKind::OutcomeUnknown));
    }
    // Another life of the client is somebody else.
    lab.set_blackout("alice", false);
    lab.log_in("alice");
    lab.call("alice", publish(channel("lobby"), b"new")).unwrap();
    lab.run(secs(1));
    assert_eq!(lab.client("bob").heard(1), ["alice 1: new"]);
    assert_ne!(lab.code("alice", leave_topic(2)), 0, "it ended with the logout");
}
