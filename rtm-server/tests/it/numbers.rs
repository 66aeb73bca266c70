//! Error numbers, each by what a user may do to get it.

use std::collections::BTreeMap;
use std::time::Duration;

use rtm_client::core::{Answer, Command, HandleId};
use rtm_client::{
    ChannelId, ErrorKind, HistoryOptions, LinkReason, LinkState, OnlineUsersOptions, Qos,
};
use rtm_token::Service;
use rtm_wire::QueuePolicy;

use super::server::{APP, token};
use super::world::{
    Lab, alice, channel, join, join_topic, login, name, publication, publish, subscribe,
    subscribe_topic, topic, unsubscribe, user_ids,
};

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
fn a_state_is_named_once_in_a_call() {
    let states = ["mood", "mood"].map(|key| (key.to_owned(), "well".to_owned())).to_vec();
    let command = Command::SetStates { channel: ChannelId::message("lobby").unwrap(), states };
    assert_eq!(alice().code("alice", command), -13_010);
}

#[test]
fn a_channel_is_subscribed_once() {
    let mut lab = alice();
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    assert_eq!(lab.code("alice", subscribe("lobby", 2)), -10_017);
    // The first one goes on.
    lab.call("alice", publish(channel("lobby"), b"hi")).unwrap();
    assert_eq!(lab.client("alice").heard(1), ["alice 1: hi"]);
}

#[test]
fn nobody_is_no_list_of_users() {
    let mut lab = alice();
    lab.call("alice", join("town", 1)).unwrap();
    let (channel, topic, handle) = (name("town"), topic("news"), HandleId(2));
    let queue = QueuePolicy::Default;
    let command =
        Command::SubscribeTopic { channel, topic, users: Some(Vec::new()), queue, handle };
    assert_eq!(lab.code("alice", command), -11_011);
}

#[test]
fn of_each_user_of_a_subscription_it_is_told_what_is_wrong() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob", "carol"]);
    for user in ["alice", "bob", "carol"] {
        lab.call(user, join("town", 1)).unwrap();
    }
    for user in ["alice", "bob"] {
        lab.call(user, join_topic("town", "news", 2, Qos::Ordered)).unwrap();
    }
    let subscribed = lab.call("alice", subscribe_topic("town", "news", &["bob", "carol"], 3));
    let Ok(Answer::Users(users)) = subscribed else { panic!("{subscribed:?}") };
    assert_eq!(users.succeeded, ["bob"]);
    let failed: Vec<_> = users.failed.iter().map(|it| (&*it.user, it.error.code())).collect();
    assert_eq!(failed, [("carol", -5)], "it doesn't publish");
    let own = Command::AddPublishers { handle: HandleId(3), users: Some(user_ids(&["alice"])) };
    let added = lab.call("alice", own);
    let Ok(Answer::Users(users)) = added else { panic!("{added:?}") };
    let failed: Vec<_> = users.failed.iter().map(|it| (&*it.user, it.error.code())).collect();
    assert_eq!(failed, [("alice", -6)], "itself");
    lab.call("bob", publish(publication(2), b"hi")).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("alice").heard_topic(3), ["bob 1: hi"]);
}

#[test]
fn who_is_heard_already_or_is_not_heard_is_told_of_each() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 1)).unwrap();
    }
    lab.call("bob", join_topic("town", "news", 2, Qos::Ordered)).unwrap();
    lab.call("alice", subscribe_topic("town", "news", &["bob"], 3)).unwrap();
    let handle = HandleId(3);
    let again = Command::AddPublishers { handle, users: Some(user_ids(&["bob"])) };
    let nobody = Command::RemovePublishers { handle, users: user_ids(&["carol"]) };
    for (command, code) in [(again, -20_001), (nobody, -20_004)] {
        let answer = lab.call("alice", command);
        let Ok(Answer::Users(users)) = answer else { panic!("{code}: {answer:?}") };
        let failed: Vec<_> = users.failed.iter().map(|it| it.error.code()).collect();
        assert_eq!(failed, [code]);
    }
}
