//! A server with many addresses, and logins that have time.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use rtm_client::core::Command;
use rtm_client::{ErrorKind, LinkReason as R, LinkState as S};
use rtm_session::StaticKey;
use rtm_wire::CloseCode;

use super::client::Client;
use super::world::{Lab, SERVER, login};

/// An address at which nobody is.
fn nobody(number: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, number], 7_700))
}

fn nobody_v6(number: u16) -> SocketAddr {
    SocketAddr::from((Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, number), 7_700))
}

/// A lab with a client that has this many seconds to log in.
fn patient(seconds: u64) -> Lab {
    let mut lab = Lab::new(0.0);
    let timeout = Some(Duration::from_secs(seconds));
    lab.add_client("alice", Client::with("alice", 1, |it| it.reconnect_timeout = timeout));
    lab
}

#[test]
fn a_login_tries_every_address_and_two_at_a_time() {
    let mut lab = Lab::new(0.0);
    lab.add("alice");
    // Two of IPv6, and three of IPv4, of which the last has the server.
    let servers = vec![nobody_v6(1), nobody(2), nobody_v6(2), nobody(3), SERVER];
    lab.call("alice", Command::Login { token: String::new(), servers: servers.clone() }).unwrap();
    assert_eq!(lab.world.now().as_micros(), 20_040_000);
    let states = [(S::Connecting, R::Login), (S::Connected, R::LoginSuccess)];
    assert_eq!(lab.client("alice").link_states(), states);

    lab.world.remove(SERVER);
    lab.add("bob");
    let since = lab.world.now();
    let error = lab.call("bob", Command::Login { token: String::new(), servers }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServerUnreachable);
    // Three attempts reach all.
    assert_eq!(lab.world.now().saturating_since(since), Duration::from_secs(30));
}

#[test]
fn names_that_are_looked_up_again_keep_the_turns_of_their_addresses() {
    let mut lab = Lab::new(0.0);
    lab.add("alice");
    let servers = vec![SERVER, nobody(2), nobody(3)];
    lab.call("alice", Command::Login { token: String::new(), servers: servers.clone() }).unwrap();
    lab.run(Duration::from_millis(20));
    let server = lab.world.remove(SERVER).unwrap();
    lab.world.insert(nobody(3), server).unwrap();
    lab.run_until_link("alice", S::Disconnected);
    // The answer is the same each time, and begins with the one that is dead.
    for _ in 0..60 {
        lab.run(Duration::from_secs(1));
        let servers = servers.clone();
        lab.with_client("alice", |client, now| {
            client.core.handle_command(now, Command::Servers(servers), None);
        });
    }
    assert_eq!(lab.client("alice").core.link_state(), S::Connected);
}

#[test]
fn an_address_that_is_new_is_tried_and_one_that_is_gone_is_not() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    let server = lab.world.remove(SERVER).unwrap();
    lab.world.insert(nobody(2), server).unwrap();
    lab.run_until_link("alice", S::Disconnected);
    let found = |lab: &mut Lab, servers| {
        lab.with_client("alice", |client, now| {
            client.core.handle_command(now, Command::Servers(servers), None);
        });
    };
    // A lookup that finds nothing changes nothing.
    found(&mut lab, Vec::new());
    lab.run(Duration::from_secs(60));
    assert_ne!(lab.client("alice").core.link_state(), S::Connected);
    found(&mut lab, vec![nobody(2)]);
    lab.run(Duration::from_secs(60));
    assert_eq!(lab.client("alice").core.link_state(), S::Connected);
}

#[test]
fn after_an_outage_the_server_that_was_there_is_asked_first() {
    let mut lab = Lab::new(0.0);
    lab.add("alice");
    let servers = vec![SERVER, nobody(2), nobody(3)];
    lab.call("alice", Command::Login { token: String::new(), servers }).unwrap();
    lab.run(Duration::from_millis(20));
    lab.with_server(|server, now| server.close(now, "alice", CloseCode::SHUTDOWN, ""));
    lab.run_until_link("alice", S::Disconnected);
    // The pause before the first attempt, and the attempt.
    lab.run(Duration::from_secs(5));
    assert_eq!(lab.client("alice").core.link_state(), S::Connected);
}

#[test]
fn a_patient_login_takes_as_many_attempts_as_it_needs() {
    let mut lab = patient(60);
    let server = lab.world.remove(SERVER).unwrap();
    let waiter = lab.command("alice", login("token"));
    lab.run(Duration::from_secs(35));
    assert!(lab.client("alice").answers.is_empty());
    lab.world.insert(SERVER, server).unwrap();
    lab.answer("alice", waiter).unwrap();
    // What happened in between is nobody's business.
    let states = [(S::Connecting, R::Login), (S::Connected, R::LoginSuccess)];
    assert_eq!(lab.client("alice").link_states(), states);
}

#[test]
fn a_patient_login_ends_when_its_time_is_over_and_not_when_an_attempt_is() {
    let mut lab = patient(15);
    lab.world.remove(SERVER);
    let error = lab.call("alice", login("token")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServerUnreachable);
    assert_eq!(lab.world.now().as_micros(), 15_000_000);
    let states = [(S::Connecting, R::Login), (S::Failed, R::LoginTimeout)];
    assert_eq!(lab.client("alice").link_states(), states);
    // It is over for good.
    lab.run(Duration::from_secs(60));
    assert_eq!(lab.client("alice").link_states(), states);
}

#[test]
fn a_patient_login_in_vain_says_why() {
    let mut lab = Lab::new(0.0);
    let client = Client::with("alice", 1, |it| {
        it.reconnect_timeout = Some(Duration::from_secs(30));
        it.server_key = StaticKey::from_bytes([8; 32]).public();
    });
    lab.add_client("alice", client);
    let error = lab.call("alice", login("token")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongServerKey, "{error}");
}

#[test]
fn a_login_in_the_middle_of_another_begins_anew() {
    let mut lab = patient(30);
    let server = lab.world.remove(SERVER).unwrap();
    let first = lab.command("alice", login("a"));
    lab.run(Duration::from_secs(25));
    let second = lab.command("alice", login("b"));
    assert_eq!(lab.answer("alice", first).unwrap_err().kind(), ErrorKind::LoginCanceled);
    // The first would have been over.
    lab.run(Duration::from_secs(20));
    lab.world.insert(SERVER, server).unwrap();
    lab.answer("alice", second).unwrap();
}

#[test]
fn a_patient_login_begins_without_an_address() {
    let mut lab = patient(60);
    let login = Command::Login { token: "token".into(), servers: Vec::new() };
    let waiter = lab.command("alice", login);
    lab.run(Duration::from_secs(5));
    // It asks for one before each attempt.
    assert!(lab.client("alice").servers_wanted > 1);
    assert!(lab.client("alice").answers.is_empty());
    lab.with_client("alice", |client, now| {
        client.core.handle_command(now, Command::Servers(vec![SERVER]), None);
    });
    lab.answer("alice", waiter).unwrap();

    // Without any, in the end.
    let mut lab = patient(15);
    let login = Command::Login { token: "token".into(), servers: Vec::new() };
    let error = lab.call("alice", login).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::HostNotFound, -10_007));
    assert_eq!(lab.world.now().as_micros(), 15_000_000);
}
