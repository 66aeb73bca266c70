//! Tokens: who may log in, until when, and who may join.

use std::time::Duration;

use rtm_client::{LinkReason, LinkState};
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
