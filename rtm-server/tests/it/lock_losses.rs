//! What becomes of locks whose owner, or who waits for them, is lost or leaves.

use rtm_client::core::{Command, WriteKind};
use rtm_client::{ErrorKind, LinkState, MetadataOptions};

use super::locks::{At, is_answered, lab_at, secs, token};
use super::storage::{items, lobby, write};
use super::world::Lab;

/// A world in which alice owns a lock of this TTL in seconds, and all of them watch.
fn owned(at: At, loss: f64, ttl: u64, users: &[&str]) -> Lab {
    let mut lab = lab_at(at, loss, users);
    lab.call("alice", at.set_for("l", ttl)).unwrap();
    assert_eq!(token(lab.call("alice", at.acquire("l"))), 1);
    lab.run(secs(1));
    lab
}

#[test]
fn an_owner_that_is_back_in_time_has_its_lock_as_if_nothing_had_happened() {
    for at in [At::Lobby, At::Town] {
        // In the same session, and in its successor: the session dies after 40 s.
        for (outage, ttl) in [(15, 10), (30, 30), (45, 60)] {
            let mut lab = owned(at, 0.1, ttl, &["alice", "bob"]);
            lab.set_blackout("alice", true);
            lab.run(secs(outage));
            lab.set_blackout("alice", false);
            lab.run_until_link("alice", LinkState::Connected);
            lab.run(secs(100));
            assert_eq!(at.locks(&mut lab, "bob"), "l=alice/1", "{outage} s");
            let told = ["snapshot", "set by alice l=/0", "acquired by alice l=alice/1"];
            assert_eq!(lab.client("bob").locked(1), told, "{outage} s");
            assert_eq!(lab.code("bob", at.acquire("l")), -14_007);
            lab.call("alice", at.release("l")).unwrap();
            assert_eq!(token(lab.call("bob", at.acquire("l"))), 2);
        }
    }
}

#[test]
fn the_ttl_runs_from_the_detected_loss_and_the_next_one_has_it_then() {
    for ttl in [10, 25] {
        let at = At::Lobby;
        let mut lab = owned(at, 0.0, ttl, &["alice", "bob"]);
        let waiter = lab.command("bob", at.wait("l"));
        lab.run(secs(1));
        lab.set_blackout("alice", true);
        let mut seconds = 0;
        while !is_answered(&lab, "bob", waiter) {
            lab.run(secs(1));
            seconds += 1;
            assert!(seconds < 100, "never");
        }
        // As for presence, the loss is detected 9 to 16 s after the last packet that arrives.
        assert!((ttl + 9..=ttl + 17).contains(&seconds), "{seconds} s with a TTL of {ttl} s");
        assert_eq!(token(lab.answer("bob", waiter)), 2);
        lab.run(secs(1));
        let told = lab.client("bob").locked(1);
        let wanted = ["released by alice l=/1", "acquired by bob l=bob/2"];
        assert_eq!(told[told.len() - 2..], wanted);
    }
}

#[test]
fn a_former_owner_is_told_that_its_lock_has_expired_when_it_comes_back() {
    for at in [At::Lobby, At::Town] {
        let mut lab = owned(at, 0.0, 10, &["alice", "bob"]);
        let before = lab.client("alice").locked(1).len();
        let waiter = lab.command("bob", at.wait("l"));
        lab.set_blackout("alice", true);
        lab.run(secs(60));
        assert_eq!(token(lab.answer("bob", waiter)), 2);
        lab.set_blackout("alice", false);
        lab.run_until_link("alice", LinkState::Connected);
        lab.run(secs(2));
        let told = lab.client("alice").locked(1);
        assert_eq!(told[before..], ["snapshot l=bob/2", "expired by alice l=bob/2"], "{at:?}");
        // It may not go on with what it had.
        assert_eq!(lab.code("alice", at.release("l")), -14_006);
        if at == At::Lobby {
            let put = |token| {
                let options = MetadataOptions::new().lock_with_token("l", token);
                write(lobby(), WriteKind::Set, &items(&["a=1"]), options)
            };
            assert_eq!(lab.code("alice", put(1)), -12_008);
            assert_eq!(lab.code("bob", put(2)), 0);
        }
        // Once is enough.
        lab.call("alice", at.go()).unwrap();
        lab.call("alice", at.watch()).unwrap();
        lab.run(secs(1));
        let told = lab.client("alice").locked(1);
        assert_eq!(told[before + 2..], ["snapshot l=bob/2"], "{at:?}");
    }
}

#[test]
fn an_owner_that_is_heard_again_too_late_is_told_in_the_same_session() {
    let at = At::Lobby;
    let mut lab = owned(at, 0.0, 10, &["alice", "bob"]);
    let before = lab.client("alice").locked(1).len();
    lab.set_blackout("alice", true);
    lab.run(secs(30));
    lab.set_blackout("alice", false);
    lab.run(secs(20));
    assert_eq!(lab.client("alice").links.len(), 2, "connecting, connected");
    assert_eq!(lab.client("alice").locked(1)[before..], ["expired by alice l=/1"]);
    assert_eq!(lab.client("bob").locked(1).last().unwrap(), "released by alice l=/1");
    assert_eq!(token(lab.call("alice", at.acquire("l"))), 2);
}

#[test]
fn who_leaves_or_logs_out_keeps_its_lock_for_the_ttl() {
    for at in [At::Lobby, At::Town] {
        let not_there = if at == At::Lobby { -11_002 } else { -11_001 };
        for command in [at.go(), Command::Logout] {
            let is_logout = matches!(command, Command::Logout);
            let mut lab = owned(at, 0.0, 10, &["alice", "bob"]);
            lab.call("alice", command.clone()).unwrap();
            if !is_logout {
                assert_eq!(lab.code("alice", at.release("l")), not_there);
            }
            lab.run(secs(8));
            assert_eq!(lab.code("bob", at.acquire("l")), -14_007, "{at:?}");
            // Back in time.
            if is_logout {
                lab.log_in("alice");
            }
            lab.call("alice", at.watch()).unwrap();
            lab.run(secs(30));
            assert_eq!(at.locks(&mut lab, "bob"), "l=alice/1", "{at:?}");
            lab.call("alice", command).unwrap();
            lab.run(secs(12));
            assert_eq!(at.locks(&mut lab, "bob"), "l=/1", "{at:?}");
            assert_eq!(token(lab.call("bob", at.acquire("l"))), 2);
        }
    }
}

#[test]
fn who_waits_and_is_lost_waits_no_more_and_is_told_that_nothing_is_known() {
    let at = At::Lobby;
    let mut lab = owned(at, 0.0, 10, &["alice", "bob", "carol"]);
    let bob = lab.command("bob", at.wait("l"));
    lab.run(secs(1));
    let carol = lab.command("carol", at.wait("l"));
    lab.run(secs(1));
    lab.set_blackout("bob", true);
    lab.run(secs(60));
    assert_eq!(lab.answer("bob", bob).unwrap_err().kind(), ErrorKind::OutcomeUnknown);
    lab.set_blackout("bob", false);
    lab.run_until_link("bob", LinkState::Connected);
    lab.run(secs(2));
    lab.call("alice", at.release("l")).unwrap();
    assert_eq!(token(lab.answer("carol", carol)), 2, "bob has lost its place");
    let again = lab.command("bob", at.wait("l"));
    lab.run(secs(1));
    lab.call("carol", at.release("l")).unwrap();
    assert_eq!(token(lab.answer("bob", again)), 3);
}

#[test]
fn who_waits_in_silence_is_passed_over_and_keeps_its_place() {
    let at = At::Lobby;
    let mut lab = owned(at, 0.0, 10, &["alice", "bob", "carol"]);
    let bob = lab.command("bob", at.wait("l"));
    lab.run(secs(1));
    let carol = lab.command("carol", at.wait("l"));
    lab.run(secs(1));
    lab.set_blackout("bob", true);
    lab.run(secs(20));
    lab.call("alice", at.release("l")).unwrap();
    assert_eq!(token(lab.answer("carol", carol)), 2);
    lab.set_blackout("bob", false);
    lab.run(secs(15));
    assert!(!is_answered(&lab, "bob", bob));
    lab.call("carol", at.release("l")).unwrap();
    assert_eq!(token(lab.answer("bob", bob)), 3, "in the same session");
}

#[test]
fn what_was_asked_and_not_answered_is_unknown_and_what_was_read_is_not() {
    let at = At::Lobby;
    let mut lab = owned(at, 0.0, 10, &["alice", "bob"]);
    lab.set_blackout("bob", true);
    let unknown = [
        at.set("m"),
        at.remove("m"),
        at.acquire("l"),
        at.wait("m"),
        at.release("l"),
        at.revoke("l", "alice"),
    ];
    let waiters = unknown.map(|command| lab.command("bob", command));
    let read = lab.command("bob", Command::GetLocks { channel: at.id() });
    lab.run(secs(60));
    for waiter in waiters {
        let error = lab.answer("bob", waiter).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::OutcomeUnknown, -14_002));
    }
    let error = lab.answer("bob", read).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::NotConnected, -14_002));
}
