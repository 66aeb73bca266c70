//! Error numbers, each by what a user may do to get it; and that events say when.

use std::collections::BTreeMap;
use std::time::Duration;

use rtm_client::core::{Answer, Command, HandleId, LockAct};
use rtm_client::{
    ChannelId, ErrorKind, HistoryOptions, LinkOperation, LinkReason, LinkState, LockOptions,
    OnlineUsersOptions, Qos, SubscribeOptions,
};
use rtm_token::Service;

use super::server::{APP, BEGIN, token};
use super::storage::{lobby, set};
use super::world::{Lab, channel, join, join_topic, login, name, publish, subscribe, unsubscribe};

#[test]
fn a_token_without_the_privilege_to_log_in_is_not_authorized() {
    let without = Service::Rtm { user_id: "alice".into(), privileges: BTreeMap::new() };
    let ended = Service::rtm("alice", 0);
    for service in [without, ended] {
        let mut lab = Lab::new(0.0);
        lab.add("alice", APP, "alice");
        let waiter = lab.command("alice", login(&token(600, service)));
        let error = lab.answer("alice", waiter).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::NotAuthorized, -10_015), "{error}");
        let last = lab.client("alice").links.last().unwrap();
        assert_eq!((last.current, last.reason.number()), (LinkState::Failed, 4));
        assert_eq!(last.reason, LinkReason::LoginNotAuthorized);
    }
}

/// Alice asks for this, is cut off before it is answered, and gets this number.
#[track_caller]
fn unanswered(command: Command, expected: i32) {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.set_blackout("alice", true);
    assert_eq!(lab.code("alice", command), expected);
}

#[test]
fn a_call_of_presence_that_gets_no_answer_has_the_number_of_presence() {
    let lobby = || ChannelId::message("lobby").unwrap();
    unanswered(Command::GetStates { channel: lobby(), user: "bob".into() }, -13_012);
    let options = OnlineUsersOptions::new();
    unanswered(Command::OnlineUsers { channel: lobby(), options }, -13_012);
    unanswered(Command::UserChannels { user: "bob".into() }, -13_012);
}

#[test]
fn a_history_that_gets_no_answer_has_the_number_of_histories() {
    let (channel, options) = (Some(name("lobby")), HistoryOptions::new());
    unanswered(Command::GetMessages { channel, options }, -15_003);
}

#[test]
fn a_subscription_that_gets_no_answer_has_a_number_of_its_own() {
    unanswered(subscribe("lobby", 1), -11_019);
    // What may be asked for again at once hasn't.
    unanswered(join("town", 1), -10_025);
}

#[test]
fn a_subscription_that_is_undone_before_it_begins_is_canceled() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    lab.command("alice", unsubscribe("lobby"));
    let next = lab.command("alice", subscribe("lobby", 2));
    lab.call("alice", unsubscribe("lobby")).unwrap();
    let error = lab.answer("alice", next).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::NotSubscribed, -11_040));
}

#[test]
fn ten_stream_channels_are_joined_and_not_one_more() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    for index in 0..10 {
        lab.call("alice", join(&format!("town{index}"), index)).unwrap();
    }
    assert_eq!(lab.code("alice", join("town10", 10)), -11_005);
}

#[test]
fn eight_topics_are_joined_and_not_one_more() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", join("town", 1)).unwrap();
    for index in 0..8 {
        let topic = format!("topic{index}");
        lab.call("alice", join_topic("town", &topic, 10 + index, Qos::Ordered)).unwrap();
    }
    assert_eq!(lab.code("alice", join_topic("town", "topic8", 18, Qos::Ordered)), -11_014);
}

#[test]
fn who_asks_for_nobodys_channels_gets_its_own() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    lab.call("bob", subscribe("garden", 1)).unwrap();
    let command = Command::UserChannels { user: String::new() };
    let Ok(Answer::UserChannels(found)) = lab.call("alice", command) else { panic!("no answer") };
    let names: Vec<_> = found.channels.iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), 1);
    assert!(names[0].contains("lobby"), "{names:?}");
}

/// Whether a time is that of the server's calendar, in which the lab's minutes have passed.
fn is_now(time_ms: u64) -> bool {
    let begin = u64::from(BEGIN) * 1_000;
    (begin + 1..begin + 60_000).contains(&time_ms)
}

#[test]
fn events_of_presence_storage_and_locks_say_when() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    let options = SubscribeOptions::new().metadata(true).locks(true);
    let (channel_, handle) = (name("lobby"), HandleId(1));
    lab.call("alice", Command::Subscribe { channel: channel_, options, handle }).unwrap();
    lab.run(Duration::from_secs(1));
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    lab.call("bob", set(lobby(), &["a=1"])).unwrap();
    let act = LockAct::Set(LockOptions::new());
    let channel_ = ChannelId::message("lobby").unwrap();
    lab.call("bob", Command::Lock { channel: channel_, name: "l".into(), act }).unwrap();
    lab.run(Duration::from_secs(1));
    let alice = lab.client("alice");
    let presence: Vec<u64> = alice.presence.iter().map(|(_, it)| it.time_ms).collect();
    let storage: Vec<u64> = alice.storage.iter().map(|(_, it)| it.time_ms).collect();
    let locks: Vec<u64> = alice.locks.iter().map(|(_, it)| it.time_ms).collect();
    for times in [presence, storage, locks] {
        assert!(times.len() >= 2 && times.iter().all(|it| is_now(*it)), "{times:?}");
        assert!(times.is_sorted());
        assert!(times.last().unwrap() - times[0] >= 1_000, "a second later: {times:?}");
    }
    lab.call("alice", publish(channel("lobby"), b"hi")).unwrap();
}

#[test]
fn a_page_of_a_history_has_1_to_100_messages() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    let page = |count| {
        let options = HistoryOptions::new().message_count(count);
        Command::GetMessages { channel: Some(name("lobby")), options }
    };
    for (count, code) in [(0, -15_004), (1, 0), (100, 0), (101, -15_004)] {
        assert_eq!(lab.code("alice", page(count)), code, "{count}");
    }
}

#[test]
fn a_logout_is_said_to_be_one() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", Command::Logout).unwrap();
    let last = lab.client("alice").links.last().unwrap();
    assert_eq!((last.operation, last.operation.number()), (LinkOperation::Logout, 1));
    assert_eq!(last.current, LinkState::Idle);
}

#[test]
fn what_was_subscribed_is_restored_after_a_suspension_too() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    lab.set_blackout("bob", true);
    lab.run_until_link("bob", LinkState::Suspended);
    lab.set_blackout("bob", false);
    lab.run_until_link("bob", LinkState::Connected);
    assert!(lab.client("bob").links.last().unwrap().is_restored);
    lab.call("alice", publish(channel("lobby"), b"hi")).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("bob").heard(1).last().unwrap(), "alice 1: hi");
}

#[test]
fn a_change_of_metadata_is_told_within_a_tenth_of_a_second() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    let options = SubscribeOptions::new().metadata(true);
    let (channel, handle) = (name("lobby"), HandleId(1));
    lab.call("bob", Command::Subscribe { channel, options, handle }).unwrap();
    lab.run(Duration::from_secs(1));
    let before = lab.client("bob").storage.len();
    lab.command("alice", set(lobby(), &["a=1"]));
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.client("bob").stored(1).len(), before + 1, "two ways of 20 ms each");
}
