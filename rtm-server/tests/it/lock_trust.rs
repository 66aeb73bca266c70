//! Until when an owner relies on its lock: never longer than the server keeps it.

use std::time::Duration;

use rtm_client::LinkState;
use rtm_client::core::Command;

use super::locks::{At, is_answered, lab, secs, token};
use super::world::Lab;

type Act = fn(At) -> Command;

const TICK: Duration = Duration::from_millis(50);

/// Alice owns a lock of this TTL in seconds, and bob is there.
fn owned(at: At, ttl: u64) -> Lab {
    owned_by(at, ttl, At::watch)
}

/// The same; this is how alice has come.
fn owned_by(at: At, ttl: u64, come: Act) -> Lab {
    let mut lab = lab(11, 0.0, &["alice", "bob"]);
    lab.call("alice", come(at)).unwrap();
    lab.call("bob", at.watch()).unwrap();
    lab.call("bob", at.set_for("l", ttl)).unwrap();
    assert_eq!(token(lab.call("alice", at.acquire("l"))), 1);
    assert!(is_held(&lab, at, 1));
    lab
}

/// Whether alice relies on the lock under this token.
fn is_held(lab: &Lab, at: At, token: u64) -> bool {
    lab.client("alice").held.get(&(at.id(), "l".to_owned())) == Some(&token)
}

/// Runs until alice relies on the lock no more, which happens; how long that took.
fn until_lost(lab: &mut Lab, at: At) -> Duration {
    let mut passed = Duration::ZERO;
    while is_held(lab, at, 1) {
        assert!(passed < secs(400), "never");
        lab.run(TICK);
        passed += TICK;
    }
    passed
}

#[test]
fn an_owner_stops_relying_on_its_lock_before_another_has_it() {
    let at = At::Lobby;
    for (seed, loss) in [(1, 0.0), (2, 0.2), (3, 0.5)] {
        for ttl in [10, 25, 60] {
            let mut lab = lab(seed, loss, &["alice", "bob"]);
            for user in ["alice", "bob"] {
                lab.call(user, at.watch()).unwrap();
            }
            lab.call("alice", at.set_for("l", ttl)).unwrap();
            assert_eq!(token(lab.call("alice", at.acquire("l"))), 1);
            let waiter = lab.command("bob", at.wait("l"));
            lab.run(secs(7));
            assert!(is_held(&lab, at, 1));
            lab.set_blackout("alice", true);
            let lost = until_lost(&mut lab, at);
            // The last packet that has arrived was sent at most a heartbeat and its repetition ago.
            assert!(
                lost <= secs(ttl) && lost >= secs(ttl.saturating_sub(8)),
                "{lost:?} of {ttl} s"
            );
            assert!(!is_answered(&lab, "bob", waiter), "seed {seed}: both have it");
            assert_eq!(token(lab.answer("bob", waiter)), 2);
            // Back again, it isn't held by the former token, nor by the next one's.
            lab.set_blackout("alice", false);
            lab.run_until_link("alice", LinkState::Connected);
            lab.run(secs(20));
            assert!(lab.client("alice").held.is_empty());
        }
    }
}

#[test]
fn an_owner_that_is_heard_relies_on_its_lock_for_as_long_as_it_likes() {
    for (at, loss) in [(At::Lobby, 0.0), (At::Town, 0.0), (At::Lobby, 0.2), (At::Town, 0.2)] {
        let mut lab = lab(11, loss, &["alice"]);
        lab.call("alice", at.come()).unwrap();
        lab.call("alice", at.set_for("l", 10)).unwrap();
        lab.call("alice", at.acquire("l")).unwrap();
        for _ in 0..6_000 {
            lab.run(TICK);
            assert!(is_held(&lab, at, 1));
        }
    }
}

#[test]
fn who_is_back_in_time_relies_on_it_still_and_who_is_not_has_to_acquire_it_again() {
    for at in [At::Lobby, At::Town] {
        // In the same session, and in its successor: the session dies after 40 s.
        for (outage, ttl) in [(15, 60), (45, 120)] {
            let mut lab = owned(at, ttl);
            lab.set_blackout("alice", true);
            lab.run(secs(outage));
            lab.set_blackout("alice", false);
            lab.run_until_link("alice", LinkState::Connected);
            lab.run(secs(300));
            assert!(is_held(&lab, at, 1), "{outage} s");
        }
        // The lock is its user's still: the loss was detected later than it began.
        let mut lab = owned(at, 10);
        lab.set_blackout("alice", true);
        until_lost(&mut lab, at);
        lab.set_blackout("alice", false);
        lab.run(secs(30));
        assert!(lab.client("alice").held.is_empty());
        assert_eq!(at.locks(&mut lab, "bob"), "l=alice/1");
        assert_eq!(token(lab.call("alice", at.acquire("l"))), 1);
        assert!(is_held(&lab, at, 1));
    }
}

#[test]
fn each_end_of_an_ownership_ends_the_reliance_on_it() {
    let at = At::Lobby;
    let ends: [(&str, Act); 6] = [
        ("alice", |at| at.release("l")),
        ("alice", |at| at.remove("l")),
        ("alice", At::go),
        ("alice", |_| Command::Logout),
        ("bob", |at| at.revoke("l", "alice")),
        ("bob", |at| at.remove("l")),
    ];
    for (user, end) in ends {
        // What others do, only who hears of locks knows.
        for (come, hears) in [(At::watch as Act, true), (At::come, false)] {
            let mut lab = owned_by(at, 60, come);
            lab.call(user, end(at)).unwrap();
            lab.run(secs(1));
            let is_known = user == "alice" || hears;
            assert_eq!(lab.client("alice").held.is_empty(), is_known, "{user}");
        }
    }
}

#[test]
fn what_was_held_in_a_former_life_of_the_server_is_relied_on_again_once_the_next_one_tells() {
    let cases = [
        (At::Lobby, At::watch as Act, true),
        (At::Town, At::watch, true),
        (At::Lobby, At::come, false),
        (At::Town, At::come, false),
    ];
    for (at, come, hears) in cases {
        let mut lab = owned_by(at, 300, come);
        for is_same in [true, false] {
            match is_same {
                true => lab.restart_server(),
                false => lab.replace_server(),
            }
            for state in [LinkState::Disconnected, LinkState::Connected] {
                lab.run_until_link("alice", state);
            }
            lab.run(secs(30));
            // Who doesn't hear of locks has to acquire it again.
            assert_eq!(is_held(&lab, at, 1), hears && is_same, "{at:?}");
            assert_eq!(lab.client("alice").held.len(), usize::from(hears && is_same));
            // The same server has kept it; another one knows nothing of it.
            assert_eq!(lab.call("bob", at.set("l")).is_ok(), !is_same);
            assert_eq!(token(lab.call("alice", at.acquire("l"))), 1);
            assert!(is_held(&lab, at, 1));
        }
    }
}

/// The list of locks comes on another lane than the answer that says which life it is of.
#[test]
fn an_owner_relies_on_it_again_in_whichever_order_it_is_told() {
    for seed in 0..20 {
        let (at, mut lab) = (At::Lobby, lab(seed, 0.3, &["alice", "bob"]));
        for user in ["alice", "bob"] {
            lab.call(user, at.watch()).unwrap();
        }
        lab.call("bob", at.set_for("l", 300)).unwrap();
        lab.call("alice", at.acquire("l")).unwrap();
        lab.restart_server();
        for state in [LinkState::Disconnected, LinkState::Connected] {
            lab.run_until_link("alice", state);
        }
        lab.run(secs(20));
        assert!(is_held(&lab, at, 1), "seed {seed}");
    }
}

#[test]
fn in_the_next_life_of_the_server_too_it_stops_before_another_has_it() {
    let at = At::Lobby;
    let mut lab = owned(at, 30);
    lab.restart_server();
    lab.run_until_link("alice", LinkState::Disconnected);
    for user in ["alice", "bob"] {
        lab.run_until_link(user, LinkState::Connected);
    }
    lab.run(secs(60));
    assert!(is_held(&lab, at, 1), "it was acquired 60 s ago, and is heard");
    let waiter = lab.command("bob", at.wait("l"));
    lab.set_blackout("alice", true);
    until_lost(&mut lab, at);
    assert!(!is_answered(&lab, "bob", waiter), "both have it");
    assert_eq!(token(lab.answer("bob", waiter)), 2);
}
