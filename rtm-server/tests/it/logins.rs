//! Logging in: twice, elsewhere, again, late, and in the wrong order.

use std::time::Duration;

use rtm_client::core::Command;
use rtm_client::{ErrorKind, LinkReason, LinkState};
use rtm_server::AppLimits;
use rtm_session::Config;
use rtm_token::Service;
use rtm_wire::{CloseCode, ErrorCode, Logout, Request};

use super::raw::{encode, login};
use super::server::{APP, OPEN_APP, token};
use super::world::{Lab, SERVER, channel, link, login as with_token, subscribe};

#[test]
fn the_same_user_elsewhere_ends_the_first_session_which_does_not_come_back() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    lab.add("elsewhere", OPEN_APP, "alice");
    lab.log_in("elsewhere");
    lab.run(Duration::from_secs(300));

    let last = *lab.client("alice").link_states().last().unwrap();
    assert_eq!(last, (LinkState::Failed, LinkReason::SameUidLogin));
    let error = lab.client("alice").links.last().unwrap().error.clone().unwrap();
    assert_eq!(error.code(), -10_013);
    assert_eq!(lab.client("alice").heard(1), ["ended: -10013"]);
    assert_eq!(lab.client("elsewhere").core.link_state(), LinkState::Connected);
    let status = lab.status();
    assert_eq!((status.sessions, status.channels), (1, 0), "its subscription has gone with it");
    assert_eq!(status.gateway.logins, 2, "nobody has tried again");
}

#[test]
fn who_was_driven_out_can_log_in_again_and_drives_out_the_other() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.add("elsewhere", OPEN_APP, "alice");
    lab.log_in("elsewhere");
    lab.run_until_link("alice", LinkState::Failed);
    lab.log_in("alice");
    lab.run_until_link("elsewhere", LinkState::Failed);
    assert_eq!(lab.status().sessions, 1);
}

#[test]
fn one_user_id_in_two_apps_is_two_users() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.add("other", APP, "alice");
    let token = token(600, Service::rtm("alice", 600));
    lab.call("other", with_token(&token)).unwrap();
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    lab.call("other", subscribe("lobby", 1)).unwrap();
    let waiter = lab.publish("other", channel("lobby"), "hi");
    lab.published("other", waiter).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("alice").core.link_state(), LinkState::Connected);
    assert_eq!(lab.client("other").heard(1), ["alice 1: hi"]);
    assert!(lab.client("alice").channels.is_empty(), "that is another app's lobby");
}

#[test]
fn the_same_instance_coming_back_replaces_its_older_session_silently() {
    let mut lab = Lab::with_users(0.0, &["bob"]);
    for (client, instance) in [("first", 7), ("second", 7), ("third", 8)] {
        lab.add_raw(client, Config::default(), &encode(0, login("alice", instance)));
    }
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.raw("first").close_code(), Some(CloseCode::REPLACED));
    let aborted = CloseCode::from(ErrorCode::LOGIN_ABORTED);
    assert_eq!(lab.raw("second").close_code(), Some(aborted));
    assert_eq!(lab.raw("third").closed, None);
    assert_eq!(lab.status().sessions, 2);
}

#[test]
fn a_client_that_comes_back_before_its_session_is_missed_replaces_it() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    // Nothing of the server's comes through any more, so only alice gives the session up.
    let alice = lab.address("alice");
    lab.world.network_mut().set_partition(SERVER, alice, true);
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.world.network_mut().set_partition(SERVER, alice, false);
    lab.run_until_link("alice", LinkState::Connected);

    assert!(lab.client("alice").links.last().unwrap().is_restored);
    lab.run(Duration::from_secs(1));
    let status = lab.status();
    assert_eq!((status.sessions, status.channels), (2, 1));
    let waiter = lab.publish("bob", channel("lobby"), "hi");
    lab.published("bob", waiter).unwrap();
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.client("alice").heard(1), ["bob 1: hi"]);
}

#[test]
fn a_request_before_the_login_ends_the_session() {
    let mut lab = Lab::new(0.0);
    lab.add_raw("eve", Config::default(), b"");
    lab.with_raw("eve", |raw, now| raw.request(now, 1, Request::Logout(Logout)));
    lab.run(Duration::from_secs(1));
    let code = CloseCode::from(ErrorCode::NOT_LOGIN);
    assert_eq!(lab.raw("eve").close_code(), Some(code));
    assert_eq!(lab.status().gateway.logins_refused, 1);
    // In the handshake it is refused.
    lab.add_raw("mallory", Config::default(), &encode(0, Logout));
    assert_eq!(lab.raw("mallory").refused, Some(ErrorCode::NOT_LOGIN));
    lab.add_raw("trudy", Config::default(), b"\xffrubbish");
    assert_eq!(lab.raw("trudy").refused, Some(ErrorCode::INVALID_PARAMETER));
    assert_eq!(lab.status().sessions, 0);
}

#[test]
fn who_never_says_who_he_is_loses_the_session() {
    let mut lab = Lab::new(0.0);
    lab.add_raw("eve", Config::default(), b"");
    lab.run(Duration::from_secs(20));
    let code = CloseCode::from(ErrorCode::NOT_LOGIN);
    assert_eq!(lab.raw("eve").close_code(), Some(code));
}

#[test]
fn a_second_login_in_a_session_is_refused_and_changes_nothing() {
    let mut lab = Lab::new(0.0);
    lab.add_raw_user("alice", Config::default());
    lab.with_raw("alice", |raw, now| {
        raw.request(now, 1, login("alice", 1));
        raw.request(now, 2, login("bob", 1));
    });
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.raw("alice").codes(1), [ErrorCode::DUPLICATE_OPERATION]);
    assert_eq!(lab.raw("alice").codes(2), [ErrorCode::DUPLICATE_OPERATION]);
    assert_eq!(lab.raw("alice").closed, None);
    let status = lab.status();
    assert_eq!((status.sessions, status.gateway.logins), (1, 1));
}

#[test]
fn a_full_server_refuses_until_somebody_goes() {
    let (limits, session) = (AppLimits::hosted(), Config::server().sessions_max(1));
    let mut lab = Lab::build(11, link(), limits, session);
    lab.add_users(&["alice"]);
    lab.add("bob", OPEN_APP, "bob");
    assert_eq!(lab.code("bob", with_token("")), -10_010);
    lab.call("alice", Command::Logout).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.code("bob", with_token("")), 0);
}

#[test]
fn a_logout_ends_everything_of_the_user() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    assert_eq!(lab.status().channels, 1);
    lab.call("alice", Command::Logout).unwrap();
    lab.run(Duration::from_millis(100));
    let status = lab.status();
    assert_eq!((status.sessions, status.channels), (0, 0));
    assert_eq!(lab.client("alice").link_states().last().unwrap().1, LinkReason::Logout);
}

#[test]
fn a_user_logs_in_ten_times_within_five_seconds_and_not_once_more() {
    let mut lab = Lab::new(0.0);
    lab.add("alice", OPEN_APP, "alice");
    lab.add("bob", OPEN_APP, "bob");
    for _ in 0..10 {
        lab.log_in("alice");
        lab.call("alice", Command::Logout).unwrap();
    }
    let error = lab.call("alice", with_token("")).unwrap_err();
    assert_eq!((error.code(), error.kind()), (-10_021, ErrorKind::TooFrequent));
    assert!(error.to_string().contains("alice has logged in 10 times"), "{error}");
    let event = lab.client("alice").links.last().unwrap();
    assert_eq!((event.current, event.reason), (LinkState::Failed, LinkReason::LoginTooFrequent));
    assert_eq!(event.reason.number(), 37);
    lab.log_in("bob");
    lab.run(Duration::from_secs(5));
    lab.log_in("alice");
}

#[test]
fn a_token_of_more_than_a_day_counts_for_a_day() {
    let mut lab = Lab::new(0.0);
    lab.add("alice", APP, "alice");
    let week = 7 * 86_400;
    lab.call("alice", with_token(&token(week, Service::rtm("alice", week)))).unwrap();
    lab.run(Duration::from_secs(86_390));
    assert_eq!(lab.client("alice").core.link_state(), LinkState::Connected);
    lab.run(Duration::from_secs(11));
    let last = *lab.client("alice").link_states().last().unwrap();
    assert_eq!(last, (LinkState::Failed, LinkReason::TokenExpired));
    assert_eq!(lab.code("alice", with_token(&token(week, Service::rtm("alice", week)))), -10_009);
}

#[test]
fn a_login_that_is_overtaken_by_another_is_canceled() {
    let mut lab = Lab::new(0.0);
    lab.add("alice", OPEN_APP, "alice");
    let first = lab.command("alice", with_token(""));
    let second = lab.command("alice", with_token(""));
    lab.answer("alice", second).unwrap();
    let error = lab.answer("alice", first).unwrap_err();
    assert_eq!((error.code(), error.kind()), (-10_023, ErrorKind::LoginCanceled));
    assert_eq!(lab.client("alice").core.link_state(), LinkState::Connected);
}
