//! Tokens: who may log in, until when, and who may join.

use std::time::Duration;

use rtm_client::core::Command;
use rtm_client::{ErrorKind, LinkOperation, LinkReason, LinkState, TokenChange};
use rtm_token::Service;

use super::server::{APP, BEGIN, CERTIFICATE, OPEN_APP, sign, token};
use super::world::{Lab, join_with, login, subscribe};

const OTHER_APP: &str = "00000000000000000000000000000001";
const OTHER_CERTIFICATE: &str = "00000000000000000000000000000002";

fn alice() -> Vec<Service> {
    vec![Service::rtm("alice", 3_600)]
}

#[test]
fn a_bad_token_is_refused_with_its_number_and_the_client_gives_up() {
    let good = token(600, Service::rtm("alice", 600));
    let cases = [
        (APP, String::new(), -10_005),
        (APP, "007rubbish".to_owned(), -10_005),
        (APP, sign(APP, OTHER_CERTIFICATE, BEGIN, 600, alice()), -10_005),
        (APP, token(600, Service::rtm("bob", 600)), -10_005),
        (APP, token(600, Service::rtc("town", "alice", 600)), -10_005),
        (APP, sign(APP, CERTIFICATE, BEGIN - 601, 600, alice()), -10_009),
        (APP, sign(OTHER_APP, CERTIFICATE, BEGIN, 600, alice()), -10_016),
        (OTHER_APP, good, -10_003),
    ];
    for (app, token, code) in cases {
        let mut lab = Lab::new(0.0);
        lab.add("alice", app, "alice");
        assert_eq!(lab.code("alice", login(&token)), code, "{app} {token}");
        lab.run(Duration::from_secs(60));
        assert_eq!(lab.client("alice").core.link_state(), LinkState::Failed);
        let status = lab.status();
        assert_eq!((status.sessions, status.gateway.logins_refused), (0, 1), "{code}");
    }
}

/// Many services make a token that doesn't fit the handshake.
pub(crate) fn long_token(user: &str) -> String {
    let mut services = vec![Service::rtm(user, 600)];
    for index in 0..60_u64 {
        // Tokens are packed, so the names must not look alike.
        let noise = index.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
        let name = format!("{noise:016x}{:016x}", noise.wrapping_mul(0xd129_0d3b_8a2f_4c11));
        services.push(Service::rtc(&name, user, 600));
    }
    sign(APP, CERTIFICATE, BEGIN, 600, services)
}

#[test]
fn a_token_that_is_too_long_for_the_handshake_comes_in_the_first_message() {
    for loss in [0.0, 0.2] {
        let mut lab = Lab::new(loss);
        lab.add("alice", APP, "alice");
        let token = long_token("alice");
        assert!(token.len() > rtm_session::HANDSHAKE_LOGIN_MAX, "{}", token.len());
        lab.call("alice", login(&token)).unwrap();
        assert_eq!(lab.status().sessions, 1);
        assert!(lab.client("alice").limits.is_some(), "the answer is the same");
        lab.call("alice", subscribe("lobby", 1)).unwrap();
    }
}

#[test]
fn a_long_token_is_looked_at_like_a_short_one() {
    let mut lab = Lab::new(0.0);
    lab.add("alice", APP, "alice");
    assert_eq!(lab.code("alice", login(&long_token("bob"))), -10_005);
    lab.run(Duration::from_secs(60));
    assert_eq!(lab.client("alice").core.link_state(), LinkState::Failed);
    assert_eq!(lab.status().sessions, 0);
}

#[test]
fn a_session_ends_when_its_token_does() {
    let mut lab = Lab::new(0.0);
    lab.add("alice", APP, "alice");
    lab.call("alice", login(&token(100, Service::rtm("alice", 3_600)))).unwrap();
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    lab.run(Duration::from_secs(99));
    assert_eq!(lab.client("alice").core.link_state(), LinkState::Connected);
    lab.run(Duration::from_secs(2));

    let last = *lab.client("alice").link_states().last().unwrap();
    assert_eq!(last, (LinkState::Failed, LinkReason::TokenExpired));
    assert_eq!(lab.client("alice").heard(1), ["ended: -10009"]);
    let status = lab.status();
    assert_eq!((status.sessions, status.channels), (0, 0));
    // A new token helps, and is good for its own time.
    let later = sign(APP, CERTIFICATE, BEGIN + 100, 100, alice());
    lab.call("alice", login(&later)).unwrap();
    lab.run(Duration::from_secs(60));
    assert_eq!(lab.client("alice").core.link_state(), LinkState::Connected);
}

#[test]
fn a_stream_channel_wants_a_token_of_its_own() {
    let mut lab = Lab::new(0.0);
    lab.add("alice", APP, "alice");
    let own = token(600, Service::rtm("alice", 600));
    lab.call("alice", login(&own)).unwrap();
    let rtc = |channel: &str, user: &str| token(600, Service::rtc(channel, user, 600));
    let cases = [
        ("", -10_005),
        (own.as_str(), -10_005),
        (&rtc("village", "alice"), -10_005),
        (&rtc("town", "bob"), -10_005),
        (&rtc("town", "alice"), 0),
    ];
    for (index, (token, code)) in cases.into_iter().enumerate() {
        let handle = index as u64;
        assert_eq!(lab.code("alice", join_with("town", handle, token)), code, "{token}");
    }
    let status = lab.status();
    assert_eq!(status.channels, 1, "refusals made none");
    // An app without tokens wants none.
    lab.add("bob", OPEN_APP, "bob");
    lab.log_in("bob");
    lab.call("bob", join_with("town", 1, "")).unwrap();
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Alice, logged in with a token that lasts so long from the beginning on, and in the lobby.
fn logged_in(seconds: u32) -> Lab {
    let mut lab = Lab::new(0.0);
    lab.add("alice", APP, "alice");
    lab.call("alice", login(&token(seconds, Service::rtm("alice", 3_600)))).unwrap();
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    lab
}

fn renew(token: String) -> Command {
    Command::RenewToken(token)
}

fn warnings(lab: &Lab) -> Vec<u64> {
    let tokens = lab.client("alice").tokens.iter();
    let left = tokens.map(|event| {
        assert_eq!(event.change, TokenChange::WillExpire);
        (event.time_left + Duration::from_millis(500)).as_secs()
    });
    left.collect()
}

#[test]
fn a_client_is_told_thirty_seconds_before_its_token_ends_and_may_renew_it() {
    let mut lab = logged_in(100);
    lab.run(secs(68));
    assert!(warnings(&lab).is_empty());
    lab.run(secs(3));
    assert_eq!(warnings(&lab), [30]);
    let later = sign(APP, CERTIFICATE, BEGIN + 70, 200, alice());
    lab.call("alice", renew(later)).unwrap();
    // It lives on under that, and is told again.
    lab.run(secs(160));
    assert_eq!(warnings(&lab), [30]);
    lab.run(secs(15));
    assert_eq!(warnings(&lab), [30, 30]);
    assert_eq!(lab.client("alice").links.len(), 2, "it was never anything else");
    lab.run(secs(40));
    let last = *lab.client("alice").link_states().last().unwrap();
    assert_eq!(last, (LinkState::Failed, LinkReason::TokenExpired));
    assert_eq!(lab.client("alice").links.last().unwrap().operation, LinkOperation::ServerReject);
}

#[test]
fn a_token_that_ends_soon_is_told_of_at_once() {
    let mut lab = logged_in(20);
    lab.run(secs(1));
    assert_eq!(warnings(&lab), [20]);
    // A shorter one counts, too: whoever renews knows why.
    lab.call("alice", renew(sign(APP, CERTIFICATE, BEGIN, 12, alice()))).unwrap();
    lab.run(secs(12));
    assert_eq!(lab.client("alice").core.link_state(), LinkState::Failed);
}

#[test]
fn a_token_that_is_not_good_is_refused_and_changes_nothing() {
    let mut lab = logged_in(100);
    let bad = [
        (String::new(), -10_005),
        (token(600, Service::rtm("bob", 600)), -10_005),
        (sign(APP, OTHER_CERTIFICATE, BEGIN, 600, alice()), -10_005),
        (sign(APP, CERTIFICATE, BEGIN - 601, 600, alice()), -10_009),
        (sign(OTHER_APP, CERTIFICATE, BEGIN, 600, alice()), -10_016),
    ];
    for (token, code) in bad {
        assert_eq!(lab.code("alice", renew(token)), code);
    }
    assert_eq!(lab.client("alice").core.link_state(), LinkState::Connected);
    // Nor for the next login.
    lab.outage("alice");
    lab.run_until_link("alice", LinkState::Connected);
    assert_eq!(lab.code("alice", renew("x".to_owned())), -10_005);
    lab.run(secs(60));
    assert_eq!(lab.client("alice").core.link_state(), LinkState::Failed, "at the first one's end");
    assert_eq!(lab.code("alice", renew(token(600, Service::rtm("alice", 600)))), -10_002);
}

#[test]
fn a_renewed_token_is_the_one_to_come_back_with() {
    for is_lost_meanwhile in [false, true] {
        let mut lab = logged_in(100);
        let later = sign(APP, CERTIFICATE, BEGIN, 1_000, alice());
        if is_lost_meanwhile {
            lab.set_blackout("alice", true);
            let renewed = lab.command("alice", renew(later));
            lab.run_until_link("alice", LinkState::Disconnected);
            let error = lab.answer("alice", renewed).unwrap_err();
            assert_eq!((error.code(), error.kind()), (-10_026, ErrorKind::NotConnected));
        } else {
            lab.call("alice", renew(later)).unwrap();
            lab.set_blackout("alice", true);
        }
        // The first token has ended by then, and what was given for it.
        lab.run(secs(200));
        lab.set_blackout("alice", false);
        lab.run_until_link("alice", LinkState::Connected);
        assert!(lab.client("alice").links.last().unwrap().is_restored);
    }
}

#[test]
fn a_token_may_be_renewed_without_a_connection() {
    let mut lab = logged_in(100);
    lab.set_blackout("alice", true);
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.call("alice", renew(sign(APP, CERTIFICATE, BEGIN, 1_000, alice()))).unwrap();
    lab.run(secs(200));
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", LinkState::Connected);
    // Without it, it could not have come back.
    let mut lab = logged_in(100);
    lab.set_blackout("alice", true);
    lab.run(secs(200));
    lab.set_blackout("alice", false);
    lab.run(secs(60));
    assert_eq!(lab.client("alice").core.link_state(), LinkState::Failed);
}

#[test]
fn a_channels_token_may_be_renewed_for_joining_it_again() {
    let mut lab = Lab::new(0.0);
    lab.add("alice", APP, "alice");
    lab.call("alice", login(&token(1_000, Service::rtm("alice", 3_600)))).unwrap();
    let rtc = |seconds| token(seconds, Service::rtc("town", "alice", 3_600));
    lab.call("alice", join_with("town", 1, &rtc(100))).unwrap();
    let channel = super::world::name("town");
    let token = rtc(1_000);
    lab.call("alice", Command::RenewChannelToken { channel, token }).unwrap();
    let channel = super::world::name("village");
    let other = Command::RenewChannelToken { channel, token: rtc(1_000) };
    assert_eq!(lab.call("alice", other).unwrap_err().kind(), ErrorKind::NotJoined);
    lab.set_blackout("alice", true);
    lab.run(secs(200));
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", LinkState::Connected);
    assert!(lab.client("alice").links.last().unwrap().is_restored);
}

/// The server takes a login by what came first, whatever has become of the token since.
#[test]
fn a_token_of_another_length_may_come_while_an_attempt_is_under_way() {
    let short = token(600, Service::rtm("alice", 600));
    for [former, newer] in [[short.clone(), long_token("alice")], [long_token("alice"), short]] {
        let mut lab = Lab::new(0.0);
        lab.add("alice", APP, "alice");
        lab.call("alice", login(&former)).unwrap();
        lab.call("alice", subscribe("lobby", 1)).unwrap();
        // Without a ticket the attempt shows a token.
        lab.replace_server();
        lab.set_blackout("alice", true);
        lab.run_until_link("alice", LinkState::Disconnected);
        lab.set_blackout("alice", false);
        lab.run_until_link("alice", LinkState::Connecting);
        lab.run(Duration::from_millis(25));
        lab.call("alice", renew(newer)).unwrap();
        lab.run_until_link("alice", LinkState::Connected);
        lab.run(secs(2));
        let links = &lab.client("alice").links;
        assert!(links.last().unwrap().is_restored);
        assert!(links.iter().all(|link| link.current != LinkState::Failed));
        assert_eq!(links.iter().filter(|it| it.current == LinkState::Connecting).count(), 2);
    }
}

#[test]
fn a_long_token_of_a_user_who_logs_in_too_often_is_refused_as_a_short_one() {
    let mut lab = Lab::new(0.0);
    lab.add("alice", APP, "alice");
    for _ in 0..10 {
        lab.call("alice", login(&long_token("alice"))).unwrap();
        lab.call("alice", Command::Logout).unwrap();
    }
    assert_eq!(lab.code("alice", login(&long_token("alice"))), -10_021);
    let last = *lab.client("alice").link_states().last().unwrap();
    assert_eq!(last, (LinkState::Failed, LinkReason::LoginTooFrequent));
}
