//! Logging in, losing the session, coming back, logging out.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use rtm_client::core::Command;
use rtm_client::{ErrorKind, LinkReason as R, LinkState as S};
use rtm_wire::{CloseCode, ErrorCode};

use super::client::Client;
use super::server::Server;
use super::world::{Lab, Peer, SERVER, channel, login, subscribe};

const ACCEPTED: [(S, R); 2] = [(S::Connecting, R::Login), (S::Connected, R::LoginSuccess)];

#[test]
fn a_login_takes_one_round_trip() {
    let mut lab = Lab::new(0.0);
    lab.add("alice");
    lab.log_in("alice");
    assert_eq!(lab.world.now().as_micros(), 40_000);
    assert_eq!(lab.client("alice").link_states(), ACCEPTED);
    assert_eq!(lab.client("alice").limits[0].messages_per_second, 60_000);
}

#[test]
fn a_login_that_is_too_long_for_the_handshake_follows_it() {
    let mut lab = Lab::new(0.1);
    lab.add("alice");
    let waiter = lab.command("alice", login(&"x".repeat(4_000)));
    lab.answer("alice", waiter).unwrap();
    assert_eq!(lab.client("alice").link_states(), ACCEPTED);
    assert_eq!(lab.server().requests, ["alice: login"]);
    assert_eq!(lab.client("alice").limits.len(), 1);

    lab.add("bob");
    lab.with_server(|server, _| server.refuse.insert("login", ErrorCode::INVALID_TOKEN));
    let error = lab.call("bob", login(&"x".repeat(4_000))).unwrap_err();
    assert_eq!(error.to_string(), "the script says no [-10005 INVALID_TOKEN]");
    assert_eq!(lab.client("bob").core.link_state(), S::Failed);
}

#[test]
fn refused_logins_fail_with_the_servers_words_and_are_not_repeated() {
    let cases = [
        (ErrorCode::INVALID_TOKEN, ErrorKind::InvalidToken, R::InvalidToken),
        (ErrorCode::TOKEN_EXPIRED, ErrorKind::TokenExpired, R::TokenExpired),
        (ErrorCode::INVALID_APP_ID, ErrorKind::UnknownApp, R::InconsistentAppId),
        (ErrorCode::LOGIN_NOT_AUTHORIZED, ErrorKind::NotAuthorized, R::LoginNotAuthorized),
        (ErrorCode::LOGIN_REJECTED, ErrorKind::LoginRejected, R::LoginRejected),
        (ErrorCode::LOGIN_NO_SERVER_RESOURCES, ErrorKind::ServerFull, R::LoginRejected),
    ];
    for (code, kind, reason) in cases {
        let mut lab = Lab::new(0.0);
        lab.with_server(|server, _| server.refuse_login = Some(code));
        lab.add("alice");
        let error = lab.call("alice", login("token")).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().starts_with("not today"), "{error}");
        lab.run(Duration::from_secs(300));
        let states = lab.client("alice").link_states();
        assert_eq!(states, [(S::Connecting, R::Login), (S::Failed, reason)]);

        // The user may try again.
        lab.with_server(|server, _| server.refuse_login = None);
        lab.log_in("alice");
    }
}

#[test]
fn a_login_without_an_answer_fails_after_its_timeout() {
    let mut lab = Lab::new(0.0);
    lab.add("alice");
    lab.world.remove(SERVER);
    let error = lab.call("alice", login("token")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServerUnreachable);
    assert_eq!(lab.world.now().as_micros(), 10_000_000);
    let states = lab.client("alice").link_states();
    assert_eq!(states, [(S::Connecting, R::Login), (S::Failed, R::LoginTimeout)]);
}

#[test]
fn of_two_addresses_the_first_that_answers_counts() {
    let other = SocketAddr::from((Ipv6Addr::LOCALHOST, 7_700));
    for is_there in [true, false] {
        let mut lab = Lab::new(0.0);
        lab.add("alice");
        if is_there {
            lab.world.insert(other, Peer::Server(Box::new(Server::new(2)))).unwrap();
        }
        let servers = vec![other, SERVER];
        lab.call("alice", Command::Login { token: "token".into(), servers }).unwrap();
        assert_eq!(lab.world.now().as_micros(), 40_000);
        lab.run(Duration::from_secs(60));
        assert_eq!(lab.server().users(), ["alice"]);
        if is_there {
            let Peer::Server(other) = lab.world.node(other) else { panic!("a client") };
            assert_eq!((other.instances.len(), other.users().len()), (1, 0));
        }
    }
}

#[test]
fn a_second_login_replaces_the_first_and_a_third_is_one_too_many() {
    let mut lab = Lab::new(0.0);
    lab.add("alice");
    let first = lab.command("alice", login("a"));
    let second = lab.command("alice", login("b"));
    lab.answer("alice", second).unwrap();
    assert_eq!(lab.answer("alice", first).unwrap_err().kind(), ErrorKind::LoginCanceled);
    let error = lab.call("alice", login("c")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate);
    assert_eq!(lab.client("alice").link_states(), ACCEPTED);
}

#[test]
fn the_client_comes_back_by_itself_with_the_same_instance() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    let address = lab.address("alice");
    let instance = lab.server().instances[0];
    lab.world.network_mut().set_blackout(address, true);
    lab.run_until_link("alice", S::Disconnected);
    lab.run(Duration::from_secs(5));
    lab.world.network_mut().set_blackout(address, false);
    lab.run_until_link("alice", S::Connected);
    let states = lab.client("alice").link_states();
    assert_eq!(states[..3], [ACCEPTED[0], ACCEPTED[1], (S::Disconnected, R::KeepAliveTimeout)]);
    assert_eq!(states.last(), Some(&(S::Connected, R::ReconnectSuccess)));
    assert!(lab.client("alice").links.last().unwrap().is_restored);
    assert!(lab.server().instances.iter().all(|&other| other == instance && other < 1 << 62));

    // A login after a logout is another life.
    lab.call("alice", Command::Logout).unwrap();
    lab.log_in("alice");
    assert_ne!(lab.server().instances.last(), Some(&instance));
}

#[test]
fn a_long_outage_is_a_suspension_and_a_login_ends_it_at_once() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    let server = lab.world.remove(SERVER).unwrap();
    lab.run_until_link("alice", S::Suspended);
    lab.world.insert(SERVER, server).unwrap();
    lab.log_in("alice");
    let states = lab.client("alice").link_states();
    let end = [(S::Connecting, R::Relogin), (S::Connected, R::ReconnectSuccess)];
    assert_eq!(states[states.len() - 2..], end);
}

#[test]
fn a_changed_network_ends_the_pause_before_the_next_attempt() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    let server = lab.world.remove(SERVER).unwrap();
    lab.run_until_link("alice", S::Suspended);
    lab.world.insert(SERVER, server).unwrap();
    // By itself it would wait for ten seconds or more.
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("alice").core.link_state(), S::Suspended);
    lab.with_client("alice", |client, now| {
        client.core.network_changed(now);
        client.take(now);
    });
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("alice").core.link_state(), S::Connected);
}

#[test]
fn the_client_gives_up_at_the_reconnect_timeout() {
    let mut lab = Lab::new(0.0);
    let timeout = Some(Duration::from_secs(60));
    lab.add_client("alice", Client::with("alice", 1, |it| it.reconnect_timeout = timeout));
    lab.log_in("alice");
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    lab.world.remove(SERVER);
    lab.run_until_link("alice", S::Disconnected);
    let since = lab.world.now();
    lab.run_until_link("alice", S::Failed);
    let spent = lab.world.now().saturating_since(since);
    assert!(spent >= Duration::from_secs(50) && spent <= Duration::from_secs(70), "{spent:?}");
    assert_eq!(lab.client("alice").link_states().last(), Some(&(S::Failed, R::ReconnectTimeout)));
    assert_eq!(lab.client("alice").heard(1), ["ended: ServerUnreachable"]);
}

#[test]
fn what_the_server_ends_for_good_is_not_tried_again() {
    let cases = [
        (CloseCode::REPLACED, ErrorKind::LoggedInElsewhere, R::SameUidLogin),
        (ErrorCode::LOGIN_ABORTED.into(), ErrorKind::LoggedInElsewhere, R::SameUidLogin),
        (ErrorCode::TOKEN_EXPIRED.into(), ErrorKind::TokenExpired, R::TokenExpired),
    ];
    for (code, kind, reason) in cases {
        let mut lab = Lab::with_users(0.0, &["alice"]);
        lab.call("alice", subscribe("lobby", 1)).unwrap();
        lab.with_server(|server, now| server.close(now, "alice", code, "so it is"));
        lab.run(Duration::from_secs(120));
        let client = lab.client("alice");
        assert_eq!(client.link_states().last(), Some(&(S::Failed, reason)));
        let error = client.links.last().unwrap().error.clone().unwrap();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains("so it is"), "{error}");
        assert_eq!(client.heard(1), [format!("ended: {kind:?}")]);
        let publish = lab.publish("alice", channel("lobby"), "hi");
        let error = lab.published("alice", publish).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotLoggedIn);
    }
}

#[test]
fn a_server_that_shuts_down_is_awaited() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.with_server(|server, now| server.close(now, "alice", CloseCode::SHUTDOWN, "maintenance"));
    lab.run_until_link("alice", S::Disconnected);
    assert_eq!(lab.client("alice").link_states()[2], (S::Disconnected, R::KickedOutByServer));
    lab.run_until_link("alice", S::Connected);
    assert!(lab.world.now().as_micros() < 1_200_000, "within a second, and a round trip");
}

#[test]
fn a_full_server_is_tried_again_on_the_way_back() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.with_server(|server, now| {
        server.refuse_login = Some(ErrorCode::LOGIN_NO_SERVER_RESOURCES);
        server.close(now, "alice", CloseCode::SHUTDOWN, "");
    });
    lab.run(Duration::from_secs(10));
    assert_ne!(lab.client("alice").core.link_state(), S::Failed);
    lab.with_server(|server, _| server.refuse_login = None);
    lab.run_until_link("alice", S::Connected);
}

#[test]
fn unreadable_operations_end_the_session() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.with_server(|server, now| server.send_raw(now, "alice", b"\x80\xff\xff"));
    lab.run_until_link("alice", S::Disconnected);
    // What is only unknown does not.
    lab.run_until_link("alice", S::Connected);
    lab.run(Duration::from_secs(1));
    lab.with_server(|server, now| server.send_raw(now, "alice", b"\xf0anything"));
    lab.run(Duration::from_secs(60));
    assert_eq!(lab.client("alice").core.link_state(), S::Connected);
}

#[test]
fn a_logout_waits_for_publishes_and_says_good_bye() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    let publishes: Vec<_> = (0..20).map(|_| lab.publish("alice", channel("lobby"), "hi")).collect();
    let logout = lab.command("alice", Command::Logout);
    let late = lab.publish("alice", channel("lobby"), "late");
    assert_eq!(lab.published("alice", late).unwrap_err().kind(), ErrorKind::NotLoggedIn);
    for (index, publish) in publishes.into_iter().enumerate() {
        let published = lab.published("alice", publish).unwrap();
        assert_eq!(published.sequence, index as u64 + 1);
    }
    lab.answer("alice", logout).unwrap();
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.server().requests.last().map(String::as_str), Some("alice: logout"));
    assert_eq!(lab.server().closed, 1);
    assert_eq!(lab.client("alice").link_states().last(), Some(&(S::Idle, R::Logout)));
    let error = lab.call("alice", Command::Logout).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotLoggedIn);
}

#[test]
fn a_logout_ends_after_two_seconds_whatever_the_server_does() {
    for silent in ["publish", "logout"] {
        let mut lab = Lab::with_users(0.0, &["alice"]);
        lab.with_server(|server, _| server.silent.insert(silent));
        let publish = lab.publish("alice", channel("lobby"), "hi");
        let since = lab.world.now();
        lab.call("alice", Command::Logout).unwrap();
        assert_eq!(lab.world.now().saturating_since(since), Duration::from_secs(2));
        let outcome = lab.published("alice", publish);
        assert_eq!(outcome.is_ok(), silent == "logout", "{outcome:?}");
    }
}

#[test]
fn a_logout_ends_attempts_to_come_back() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.world.remove(SERVER);
    for state in [S::Disconnected, S::Connecting, S::Suspended] {
        let mut lab = Lab::with_users(0.0, &["alice"]);
        lab.world.remove(SERVER);
        lab.run_until_link("alice", state);
        lab.call("alice", Command::Logout).unwrap();
        lab.run(Duration::from_secs(300));
        assert_eq!(lab.client("alice").core.link_state(), S::Idle);
        assert_eq!(lab.client("alice").link_states().last(), Some(&(S::Idle, R::Logout)));
    }
}
