//! Tokens of stream channels: who may publish, and until when one may stay.

use std::time::Duration;

use rtm_client::core::Command;
use rtm_client::{ErrorKind, LinkState, Qos, TokenChange};
use rtm_token::Service;

use super::server::{APP, BEGIN, CERTIFICATE, sign, token};
use super::world::{
    Lab, join_topic, join_with, login, name, publication, publish, subscribe_topic,
};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Users who are logged in with tokens for an hour.
fn users(names: &[&str]) -> Lab {
    let mut lab = Lab::new(0.0);
    for user in names {
        lab.add(user, APP, user);
        lab.call(user, login(&token(3_600, Service::rtm(user, 3_600)))).unwrap();
    }
    lab
}

/// A token for joining the town so long, and for publishing in it so long, from the beginning.
fn pass(user: &str, joins: u32, publishes: u32) -> String {
    let privileges = [(1, joins), (4, publishes)].into();
    let (channel, uid) = ("town".to_owned(), user.to_owned());
    token(3_600, Service::Rtc { channel, uid, privileges })
}

fn renew(token: String) -> Command {
    Command::RenewChannelToken { channel: name("town"), token }
}

/// What somebody was told of tokens: the change, seconds left, and the channel.
fn told(lab: &Lab, user: &str) -> Vec<(TokenChange, u64, String)> {
    let events = lab.client(user).tokens.iter().map(|event| {
        assert!(event.users.is_empty());
        let seconds = (event.time_left + Duration::from_millis(500)).as_secs();
        let channels: Vec<_> = event.channels.iter().map(ToString::to_string).collect();
        (event.change, seconds, channels.join(" "))
    });
    events.collect()
}

fn town() -> String {
    "stream channel town".to_owned()
}

#[test]
fn a_subscriber_listens_and_does_not_publish() {
    let mut lab = users(&["alice", "bob"]);
    let listener = token(3_600, Service::rtc_subscriber("town", "alice", 3_600));
    lab.call("alice", join_with("town", 1, &listener)).unwrap();
    lab.call("bob", join_with("town", 1, &pass("bob", 3_600, 3_600))).unwrap();
    let denied = lab.call("alice", join_topic("town", "chat", 2, Qos::Ordered)).unwrap_err();
    assert_eq!((denied.code(), denied.kind()), (-11_039, ErrorKind::PermissionDenied));
    assert!(denied.to_string().contains("user alice") && denied.to_string().contains("(4)"));
    lab.call("bob", join_topic("town", "chat", 2, Qos::Ordered)).unwrap();
    lab.call("alice", subscribe_topic("town", "chat", &[], 3)).unwrap();
    lab.call("bob", publish(publication(2), b"hi")).unwrap();
    lab.run(secs(1));
    assert_eq!(lab.client("alice").heard_topic(3), ["bob 1: hi"]);
    assert_eq!(lab.client("bob").heard_stream(1).len(), 1, "nobody else came as a publisher");
}

#[test]
fn the_privilege_to_publish_may_end_before_the_membership() {
    let mut lab = users(&["alice"]);
    lab.call("alice", join_with("town", 1, &pass("alice", 3_600, 60))).unwrap();
    lab.call("alice", join_topic("town", "chat", 2, Qos::Ordered)).unwrap();
    lab.call("alice", publish(publication(2), b"hi")).unwrap();
    lab.run(secs(58));
    lab.call("alice", publish(publication(2), b"hi")).unwrap();
    lab.run(secs(2));
    assert_eq!(lab.code("alice", publish(publication(2), b"late")), -11_039);
    assert_eq!(lab.code("alice", join_topic("town", "more", 3, Qos::Ordered)), -11_039);
    // With another token it goes on.
    lab.call("alice", renew(pass("alice", 3_600, 3_600))).unwrap();
    lab.call("alice", publish(publication(2), b"again")).unwrap();
    assert_eq!(told(&lab, "alice"), []);
}

#[test]
fn a_membership_ends_with_its_token_and_is_told_of_in_time() {
    let mut lab = users(&["alice", "bob"]);
    lab.call("alice", join_with("town", 1, &pass("alice", 100, 3_600))).unwrap();
    lab.call("bob", join_with("town", 1, &pass("bob", 3_600, 3_600))).unwrap();
    lab.call("alice", join_topic("town", "chat", 2, Qos::Ordered)).unwrap();
    lab.call("alice", subscribe_topic("town", "chat", &[], 3)).unwrap();
    lab.run(secs(68));
    assert_eq!(told(&lab, "alice"), []);
    lab.run(secs(3));
    let warning = (TokenChange::WillExpire, 30, town());
    assert_eq!(told(&lab, "alice"), std::slice::from_ref(&warning));
    lab.call("alice", publish(publication(2), b"hi")).unwrap();
    lab.run(secs(30));
    assert_eq!(told(&lab, "alice"), [warning, (TokenChange::Expired, 0, town())]);
    assert_eq!(TokenChange::Expired.number(), 3);
    let client = lab.client("alice");
    assert_eq!(client.heard_stream(1).last().unwrap(), "ended: -10009");
    assert_eq!(client.heard_topic(3).last().unwrap(), "ended: -10009");
    assert_eq!(lab.code("alice", publish(publication(2), b"late")), -11_016);
    assert_eq!(lab.client("bob").heard_stream(1).last().unwrap(), "-chat/alice");
    // The session goes on, and the town is there for who has a token.
    assert_eq!(lab.client("alice").core.link_state(), LinkState::Connected);
    let later = sign(APP, CERTIFICATE, BEGIN + 100, 600, vec![Service::rtc("town", "alice", 600)]);
    lab.call("alice", join_with("town", 4, &later)).unwrap();
    lab.call("alice", join_topic("town", "chat", 5, Qos::Ordered)).unwrap();
}

#[test]
fn a_renewed_token_keeps_the_membership() {
    let mut lab = users(&["alice"]);
    lab.call("alice", join_with("town", 1, &pass("alice", 100, 100))).unwrap();
    lab.run(secs(72));
    for (token, code) in [
        (String::new(), -10_005),
        (pass("bob", 3_600, 3_600), -10_005),
        (token(3_600, Service::rtc("village", "alice", 3_600)), -10_005),
        (sign(APP, CERTIFICATE, BEGIN - 601, 600, vec![Service::rtc("town", "", 600)]), -10_009),
    ] {
        assert_eq!(lab.code("alice", renew(token)), code);
    }
    lab.call("alice", renew(pass("alice", 200, 200))).unwrap();
    lab.run(secs(90));
    let warning = |left| (TokenChange::WillExpire, left, town());
    assert_eq!(told(&lab, "alice"), [warning(30)]);
    lab.run(secs(10));
    assert_eq!(told(&lab, "alice"), [warning(30), warning(30)]);
    lab.run(secs(30));
    assert_eq!(lab.client("alice").heard_stream(1).last().unwrap(), "ended: -10009");
    let error = lab.call("alice", renew(pass("alice", 900, 900))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotJoined);
}

#[test]
fn who_left_in_time_is_told_nothing() {
    let mut lab = users(&["alice"]);
    lab.call("alice", join_with("town", 1, &pass("alice", 100, 100))).unwrap();
    lab.call("alice", super::world::leave("town")).unwrap();
    lab.run(secs(200));
    assert_eq!(told(&lab, "alice"), []);
    // Neither is a session that came back to nothing.
    assert_eq!(lab.status().channels, 0);
}

#[test]
fn a_token_that_has_ended_restores_no_membership() {
    let mut lab = users(&["alice"]);
    lab.call("alice", join_with("town", 1, &pass("alice", 100, 100))).unwrap();
    lab.set_blackout("alice", true);
    lab.run(secs(120));
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", LinkState::Connected);
    let event = lab.client("alice").links.last().unwrap();
    let unrestored: Vec<_> =
        event.unrestored.iter().map(|it| (it.channel.as_str(), it.error.code())).collect();
    assert_eq!(unrestored, [("town", -10_009)]);
    assert_eq!(lab.client("alice").heard_stream(1).last().unwrap(), "ended: -10009");
}

#[test]
fn a_token_that_comes_while_the_former_one_is_refused_restores_the_membership() {
    let mut lab = users(&["alice"]);
    lab.call("alice", join_with("town", 1, &pass("alice", 100, 100))).unwrap();
    lab.call("alice", join_topic("town", "chat", 2, Qos::Ordered)).unwrap();
    lab.set_blackout("alice", true);
    lab.run(secs(120));
    lab.set_blackout("alice", false);
    lab.run_until_session("alice", 2);
    let renewed = lab.command("alice", renew(pass("alice", 3_600, 3_600)));
    lab.run_until_link("alice", LinkState::Connected);
    lab.answer("alice", renewed).unwrap();
    assert!(lab.client("alice").links.last().unwrap().is_restored);
    lab.call("alice", publish(publication(2), b"hi")).unwrap();
    // One that isn't good either ends it.
    let mut lab = users(&["alice"]);
    lab.call("alice", join_with("town", 1, &pass("alice", 100, 100))).unwrap();
    lab.set_blackout("alice", true);
    lab.run(secs(120));
    lab.set_blackout("alice", false);
    lab.run_until_session("alice", 2);
    let renewed = lab.command("alice", renew(pass("bob", 3_600, 3_600)));
    lab.run_until_link("alice", LinkState::Connected);
    assert_eq!(lab.answer("alice", renewed).unwrap_err().code(), -10_005);
    assert_eq!(lab.client("alice").heard_stream(1).last().unwrap(), "ended: -10005");
}

#[test]
fn a_token_whose_renewal_was_cut_off_is_the_one_to_come_back_with() {
    let mut lab = users(&["alice"]);
    lab.call("alice", join_with("town", 1, &pass("alice", 100, 100))).unwrap();
    lab.set_blackout("alice", true);
    let renewed = lab.command("alice", renew(pass("alice", 3_600, 3_600)));
    lab.run_until_link("alice", LinkState::Disconnected);
    let error = lab.answer("alice", renewed).unwrap_err();
    assert_eq!((error.code(), error.kind()), (-10_026, ErrorKind::NotConnected));
    lab.run(secs(120));
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", LinkState::Connected);
    assert!(lab.client("alice").links.last().unwrap().is_restored);
}
