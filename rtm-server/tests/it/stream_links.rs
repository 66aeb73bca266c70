//! The links of stream channels: what they go through, and why, between both real ends.

use std::time::Duration;

use rtm_client::core::{Command, HandleId};
use rtm_client::{
    ErrorKind, JoinOptions, LinkOperation as O, LinkReason as R, LinkState as S, Qos, ServiceType,
    SubscribeOptions,
};
use rtm_server::AppLimits;
use rtm_session::Config;
use rtm_token::Service;

use super::server::{APP, BEGIN, CERTIFICATE, OPEN_APP, sign, token};
use super::world::{
    Lab, join, join_topic, join_with, leave, link, login, name, publication, publish,
    subscribe_topic,
};

/// What somebody's links of stream channels went through.
fn steps(lab: &Lab, user: &str) -> Vec<(S, S, O, R)> {
    let events = lab.client(user).stream_links.iter();
    let step = |event: &rtm_client::StreamLinkEvent| {
        assert_eq!(event.service_type(), ServiceType::STREAM);
        assert_eq!(event.channel.to_string(), "stream channel town");
        assert_eq!(event.error.is_some(), event.current == S::Failed);
        (event.previous, event.current, event.operation, event.reason)
    };
    events.map(step).collect()
}

const JOINING: (S, S, O, R) = (S::Idle, S::Connecting, O::Join, R::Join);
const JOINED: (S, S, O, R) = (S::Connecting, S::Connected, O::Join, R::JoinSuccess);

/// Alice's last step, after which nothing comes.
fn ends(lab: &Lab, step: (S, S, O, R)) {
    assert_eq!(steps(lab, "alice").last(), Some(&step));
}

#[test]
fn a_channel_is_joined_and_left() {
    let mut lab = super::world::alice();
    lab.call("alice", join("town", 1)).unwrap();
    assert_eq!(steps(&lab, "alice"), [JOINING, JOINED]);
    lab.call("alice", leave("town")).unwrap();
    ends(&lab, (S::Connected, S::Idle, O::Leave, R::Leave));
    // The client's own link knows nothing of it, and says which service it is of.
    let links = &lab.client("alice").links;
    assert!(links.iter().all(|link| link.service_type() == ServiceType::MESSAGE));
    assert_eq!(links.len(), 2);
    let numbers = [R::Join, R::JoinSuccess, R::JoinFailed, R::Rejoin, R::Leave].map(R::number);
    assert_eq!(numbers, [11, 12, 13, 14, 15]);
    assert_eq!((O::Join.number(), O::Leave.number()), (2, 3));
}

/// Joins once more with these options, and wants this number and this reason.
fn refused(lab: &mut Lab, join: Command, code: i32, reason: R) {
    let before = lab.client("alice").stream_links.len();
    assert_eq!(lab.code("alice", join), code, "{reason:?}");
    let failed = (S::Connecting, S::Failed, O::Join, reason);
    assert_eq!(steps(lab, "alice")[before..], [JOINING, failed]);
    let event = lab.client("alice").stream_links.last().unwrap();
    assert_eq!(event.error.as_ref().map(|error| error.code()), Some(code));
}

#[test]
fn what_is_wrong_with_a_token_is_the_reason() {
    let mut lab = Lab::new(0.0);
    lab.add("alice", APP, "alice");
    lab.call("alice", login(&token(3_600, Service::rtm("alice", 3_600)))).unwrap();
    let rtc = || vec![Service::rtc("town", "alice", 600)];
    let other = "00000000000000000000000000000001";
    let expired = sign(APP, CERTIFICATE, BEGIN - 700, 600, rtc());
    let foreign = sign(other, CERTIFICATE, BEGIN, 600, rtc());
    refused(&mut lab, join_with("town", 1, "007rubbish"), -10_005, R::InvalidToken);
    refused(&mut lab, join_with("town", 2, &expired), -10_009, R::TokenExpired);
    refused(&mut lab, join_with("town", 3, &foreign), -10_016, R::InconsistentAppId);
    assert_eq!(
        [R::InvalidToken, R::TokenExpired, R::InconsistentAppId].map(R::number),
        [16, 17, 18]
    );
}

#[test]
fn what_the_server_does_not_have_is_the_reason() {
    let mut limits = AppLimits::hosted();
    (limits.services.storage, limits.services.locks) = (false, false);
    let mut lab = Lab::build(5, link(), limits, Config::server());
    lab.add_users(&["alice"]);
    let with = |options: SubscribeOptions| {
        let options = JoinOptions::new().options(options);
        Command::Join { channel: name("town"), options, handle: HandleId(7) }
    };
    let options = SubscribeOptions::new();
    refused(&mut lab, with(options.metadata(true)), -12_019, R::StorageNotAvailable);
    refused(&mut lab, with(options.locks(true)), -14_009, R::LockNotAvailable);

    limits.services.stream = false;
    let mut lab = Lab::build(5, link(), limits, Config::server());
    lab.add_users(&["alice"]);
    refused(&mut lab, join("town", 2), -11_012, R::StreamChannelNotAvailable);
    let reasons = [R::StreamChannelNotAvailable, R::StorageNotAvailable, R::LockNotAvailable];
    assert_eq!(reasons.map(R::number), [34, 35, 36]);
}

#[test]
fn that_it_has_joined_enough_is_the_reason() {
    let mut limits = AppLimits::hosted();
    limits.channel.stream_channels = 1;
    let mut lab = Lab::build(5, link(), limits, Config::server());
    lab.add_users(&["alice"]);
    lab.call("alice", join("village", 1)).unwrap();
    lab.with_client("alice", |alice, _| alice.stream_links.clear());
    refused(&mut lab, join("town", 2), -11_005, R::ChannelInstanceExceedLimitation);
    assert_eq!(R::ChannelInstanceExceedLimitation.number(), 23);
}

#[test]
fn a_full_channel_is_not_joined() {
    let mut limits = AppLimits::hosted();
    limits.channel.stream_members = 1;
    let mut lab = Lab::build(5, link(), limits, Config::server());
    lab.add_users(&["alice", "bob"]);
    lab.call("bob", join("town", 1)).unwrap();
    refused(&mut lab, join("town", 1), -11_007, R::JoinFailed);
}

#[test]
fn without_a_login_nothing_is_joined() {
    let mut lab = Lab::new(0.0);
    lab.add("alice", OPEN_APP, "alice");
    assert_eq!(lab.code("alice", join("town", 1)), -10_002);
    let failed = (S::Idle, S::Failed, O::Join, R::ServiceNotConnected);
    assert_eq!((steps(&lab, "alice"), R::ServiceNotConnected.number()), (vec![failed], 22));
    // Nor when the session is lost before the answer.
    lab.log_in("alice");
    lab.with_client("alice", |alice, _| alice.stream_links.clear());
    lab.set_blackout("alice", true);
    let joined = lab.command("alice", join("town", 2));
    lab.run_until_link("alice", S::Disconnected);
    assert_eq!(lab.answer("alice", joined).unwrap_err().kind(), ErrorKind::NotConnected);
    let failed = (S::Connecting, S::Failed, O::Join, R::ServiceNotConnected);
    assert_eq!(steps(&lab, "alice"), [JOINING, failed]);
}

#[test]
fn a_loss_makes_it_connecting_until_it_is_joined_again() {
    let mut lab = super::world::alice();
    lab.call("alice", join("town", 1)).unwrap();
    lab.set_blackout("alice", true);
    lab.run_until_link("alice", S::Disconnected);
    // Vain attempts to come back are no news.
    lab.run(Duration::from_secs(60));
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", S::Connected);
    let lost = (S::Connected, S::Connecting, O::HeartbeatLost, R::KeepAliveTimeout);
    let back = (S::Connecting, S::Connected, O::Reconnected, R::Rejoin);
    assert_eq!(steps(&lab, "alice"), [JOINING, JOINED, lost, back]);
    // Left while nobody is there to hear it.
    lab.set_blackout("alice", true);
    lab.run_until_link("alice", S::Disconnected);
    lab.call("alice", leave("town")).unwrap();
    ends(&lab, (S::Connecting, S::Idle, O::Leave, R::Leave));
}

#[test]
fn it_ends_with_its_token_and_with_the_login() {
    let mut lab = Lab::new(0.0);
    lab.add("alice", APP, "alice");
    lab.call("alice", login(&token(3_600, Service::rtm("alice", 3_600)))).unwrap();
    let rtc = |seconds| token(seconds, Service::rtc("town", "alice", 3_600));
    lab.call("alice", join_with("town", 1, &rtc(60))).unwrap();
    lab.run(Duration::from_secs(61));
    ends(&lab, (S::Connected, S::Failed, O::ServerReject, R::TokenExpired));
    lab.call("alice", join_with("town", 2, &rtc(600))).unwrap();
    lab.call("alice", Command::Logout).unwrap();
    ends(&lab, (S::Connected, S::Idle, O::Logout, R::Logout));

    let mut lab = super::world::alice();
    lab.call("alice", join("town", 1)).unwrap();
    lab.add("another", OPEN_APP, "alice");
    lab.log_in("another");
    lab.run(Duration::from_secs(1));
    ends(&lab, (S::Connected, S::Failed, O::ServerReject, R::SameUidLogin));
}

#[test]
fn a_join_that_is_not_wanted_any_more_is_canceled() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    lab.call("bob", join("town", 1)).unwrap();
    let joined = lab.command("alice", join("town", 1));
    let left = lab.command("alice", leave("town"));
    let error = lab.answer("alice", joined).unwrap_err();
    assert_eq!((error.code(), error.kind()), (-11_034, ErrorKind::NotJoined));
    assert_eq!(lab.client("alice").ended, [HandleId(1)]);
    assert_eq!(lab.code("alice", join("town", 2)), -10_017, "it is still being left");
    lab.answer("alice", left).unwrap();
    assert_eq!(steps(&lab, "alice"), [JOINING, (S::Connecting, S::Idle, O::Leave, R::Leave)]);
    // Nothing is left of it, and it may be joined again.
    lab.call("bob", leave("town")).unwrap();
    lab.run(Duration::from_secs(5));
    assert_eq!(lab.status().channels, 0);
    lab.call("alice", join("town", 3)).unwrap();
    lab.call("alice", join_topic("town", "chat", 4, Qos::Ordered)).unwrap();
    lab.call("alice", publish(publication(4), b"hi")).unwrap();
}

/// Alice is in the town, has lost her session, and has another one in which the town isn't joined
/// yet.
fn being_restored() -> Lab {
    let mut lab = super::world::alice();
    lab.call("alice", join("town", 1)).unwrap();
    lab.call("alice", join_topic("town", "chat", 2, Qos::Ordered)).unwrap();
    lab.call("alice", subscribe_topic("town", "chat", &[], 3)).unwrap();
    lab.outage("alice");
    lab.run_until_session("alice", 2);
    lab
}

#[test]
fn what_was_left_while_it_was_being_restored_is_left_after_another_loss_too() {
    let mut lab = being_restored();
    lab.set_blackout("alice", true);
    let left = lab.command("alice", leave("town"));
    lab.run(Duration::from_secs(60));
    lab.answer("alice", left).unwrap();
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", S::Connected);
    lab.run(Duration::from_secs(5));
    ends(&lab, (S::Connecting, S::Idle, O::Leave, R::Leave));
    assert_eq!(lab.status().channels, 0);
}

#[test]
fn a_channel_may_be_left_while_it_is_being_restored() {
    let mut lab = being_restored();
    lab.call("alice", leave("town")).unwrap();
    assert_eq!(lab.client("alice").core.link_state(), S::Connected);
    lab.run(Duration::from_secs(5));
    assert!(lab.client("alice").links.last().unwrap().is_restored);
    ends(&lab, (S::Connecting, S::Idle, O::Leave, R::Leave));
    assert_eq!(lab.status().channels, 0);
    assert_eq!(lab.client("alice").ended, [HandleId(3), HandleId(1)]);
}

#[test]
fn that_it_joins_too_often_is_the_reason() {
    // Fifty at once, and one a second.
    let mut limits = AppLimits::hosted();
    (limits.channel.joins_per_second, limits.topic.joined_topics) = (1, 100);
    let mut lab = Lab::build(5, link(), limits, Config::server());
    lab.add_users(&["alice"]);
    lab.call("alice", join("town", 1)).unwrap();
    for number in 0..49 {
        lab.command("alice", join_topic("town", &format!("t{number}"), 100 + number, Qos::Ordered));
    }
    lab.call("alice", leave("town")).unwrap();
    lab.with_client("alice", |alice, _| alice.stream_links.clear());
    refused(&mut lab, join("town", 2), -10_021, R::OperationRateExceedLimitation);
    assert_eq!(R::OperationRateExceedLimitation.number(), 24);
    lab.run(Duration::from_secs(1));
    lab.call("alice", join("town", 3)).unwrap();
}

#[test]
fn a_join_that_was_left_and_lost_was_left() {
    let mut lab = super::world::alice();
    lab.set_blackout("alice", true);
    let joined = lab.command("alice", join("town", 1));
    let left = lab.command("alice", leave("town"));
    lab.run_until_link("alice", S::Disconnected);
    lab.answer("alice", left).unwrap();
    assert_eq!(lab.answer("alice", joined).unwrap_err().code(), -11_034);
    assert_eq!(steps(&lab, "alice"), [JOINING, (S::Connecting, S::Idle, O::Leave, R::Leave)]);
}

#[test]
fn when_the_client_gives_up_its_channels_have_failed_for_that_reason() {
    let mut lab = Lab::new(0.0);
    let patience = Some(Duration::from_secs(15));
    lab.add_with("alice", OPEN_APP, "alice", |config| config.reconnect_timeout = patience);
    lab.log_in("alice");
    lab.call("alice", join("town", 1)).unwrap();
    lab.set_blackout("alice", true);
    lab.run_until_link("alice", S::Failed);
    ends(&lab, (S::Connecting, S::Failed, O::ServerTimeout, R::ReconnectTimeout));
}

#[test]
fn who_renews_a_token_for_a_join_that_is_refused_is_told() {
    let mut lab = Lab::new(0.0);
    lab.add("alice", APP, "alice");
    lab.call("alice", login(&token(3_600, Service::rtm("alice", 3_600)))).unwrap();
    let joined = lab.command("alice", join_with("town", 1, "007rubbish"));
    let (channel, token) = (name("town"), "007more".to_owned());
    let renewed = lab.command("alice", Command::RenewChannelToken { channel, token });
    assert_eq!(lab.answer("alice", joined).unwrap_err().code(), -10_005);
    assert_eq!(lab.answer("alice", renewed).unwrap_err().kind(), ErrorKind::NotJoined);
}
