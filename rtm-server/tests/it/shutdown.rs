//! An orderly end.

use std::time::Duration;

use rtm_client::{LinkReason, LinkState};
use rtm_session::{CloseCause, Config};
use rtm_wire::{CloseCode, ErrorCode};

use super::raw::{encode, login};
use super::world::{Lab, channel, subscribe};

#[test]
fn what_is_on_its_way_arrives_and_clients_are_told() {
    for loss in [0.0, 0.3] {
        let mut lab = Lab::with_users(loss, &["alice", "bob"]);
        lab.add_raw_user("carol", Config::default());
        lab.call("bob", subscribe("lobby", 1)).unwrap();
        let waiters: Vec<_> = (0..20)
            .map(|index| lab.publish("alice", channel("lobby"), &index.to_string()))
            .collect();
        lab.run(Duration::from_millis(25));
        // All but bob's subscription.
        let done = lab.status().gateway.requests - 1;
        lab.shut_down();
        lab.run(Duration::from_secs(4));

        assert!(lab.server().core.is_finished(), "loss {loss}");
        let carol = lab.raw("carol").closed.clone().expect("closed");
        let CloseCause::Peer { code, reason } = carol else { panic!("{carol:?}") };
        assert_eq!(code, CloseCode::SHUTDOWN);
        assert!(reason.contains("shutting down"), "{reason}");
        for user in ["alice", "bob"] {
            let lost = &lab.client(user).links[2];
            let told = (lost.current, lost.reason);
            assert_eq!(told, (LinkState::Disconnected, LinkReason::KickedOutByServer), "{user}");
        }
        // Whatever was answered with yes was delivered.
        let mut said = Vec::new();
        for (index, waiter) in waiters.into_iter().enumerate() {
            if let Ok(published) = lab.published("alice", waiter) {
                said.push(format!("alice {}: {index}", published.sequence));
            }
        }
        assert_eq!(lab.client("bob").heard(1), said);
        assert_eq!(said.len() as u64, done, "what had come before the end, and nothing after it");
        assert!((1..=20).contains(&done) && (loss > 0.0) == (done < 20), "loss {loss}: {done}");
    }
}

#[test]
fn while_it_ends_nobody_logs_in_and_nothing_is_done() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    // Somebody who hears nothing holds up the end.
    lab.add_raw_user("carol", Config::default());
    lab.add_users(&["bob"]);
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    lab.set_blackout("bob", true);
    let waiter = lab.publish("alice", channel("lobby"), "hi");
    lab.published("alice", waiter).unwrap();
    // Alice's answer is acknowledged only after this, so the session is still there.
    lab.publish("alice", channel("lobby"), "too late");
    lab.shut_down();
    lab.run(Duration::from_millis(100));
    assert!(!lab.server().core.is_finished());
    lab.add_raw("dave", Config::default(), &encode(0, login("dave", 1)));
    assert_eq!(lab.raw("dave").refused, Some(ErrorCode::LOGIN_NO_SERVER_RESOURCES));
    lab.run(Duration::from_secs(5));
    assert!(lab.server().core.is_finished(), "nobody is waited for longer than two seconds");
    assert_eq!(lab.status().sessions, 0);
    assert_eq!(lab.status().channels, 0);
}

#[test]
fn an_end_without_sessions_is_short() {
    let mut lab = Lab::new(0.0);
    lab.shut_down();
    assert!(lab.server().core.is_finished());
    lab.add_raw("eve", Config::default(), b"");
    assert_eq!(lab.raw("eve").refused, Some(ErrorCode::LOGIN_NO_SERVER_RESOURCES));
}

#[test]
fn a_login_under_way_does_not_hold_up_the_end() {
    // Between the first flight and the client's answer to it, in the handshake or in a message.
    for millis in [25, 45, 65, 85] {
        for login in [&encode(0, login("alice", 1))[..], b""] {
            let mut lab = Lab::new(0.0);
            lab.add_raw_user("bob", Config::default());
            lab.add_raw_unconnected("alice", Config::default(), login);
            lab.run(Duration::from_millis(millis));
            lab.shut_down();
            lab.run(Duration::from_secs(4));
            assert!(lab.server().core.is_finished(), "{millis} ms");
            assert_eq!(lab.status().sessions, 0);
            let alice = lab.raw("alice");
            assert_eq!(alice.close_code(), Some(CloseCode::SHUTDOWN), "{millis} ms");
        }
    }
}

#[test]
fn a_client_that_vanishes_in_its_handshake_does_not_hold_up_the_end() {
    let mut lab = Lab::new(0.0);
    lab.add_raw_unconnected("alice", Config::default(), &encode(0, login("alice", 1)));
    lab.run(Duration::from_millis(25));
    lab.set_blackout("alice", true);
    lab.shut_down();
    assert!(!lab.server().core.is_finished(), "she may still come, and would be told");
    lab.run(Duration::from_secs(2));
    assert!(lab.server().core.is_finished());
}

#[test]
fn clients_come_back_to_the_next_life() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    let say = |lab: &mut Lab, text: &str| {
        let waiter = lab.publish("alice", channel("lobby"), text);
        lab.published("alice", waiter).unwrap();
        lab.run(Duration::from_millis(100));
    };
    say(&mut lab, "one");
    lab.shut_down();
    lab.run(Duration::from_secs(4));
    lab.restart_server();
    for user in ["alice", "bob"] {
        lab.run_until_link(user, LinkState::Connected);
    }
    lab.run(Duration::from_secs(1));
    say(&mut lab, "two");
    let heard = lab.client("bob").heard(1);
    assert_eq!(heard, ["alice 1: one", "gap of unknown size", "alice 1: two"]);
    assert_eq!(lab.client("bob").links.last().map(|event| event.is_restored), Some(true));
}
