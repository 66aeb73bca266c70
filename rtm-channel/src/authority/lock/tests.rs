//! Who has a lock, and who is told, one case at a time; `tests/it/locks.rs` has the long histories.

use rtm_wire::{ChannelKind, Event, LockEvent, OperationId, SessionInstance};

use super::*;
use crate::identity::Identity;
use crate::name::{AppId, ChannelName};

const TIME: UnixTime = UnixTime::from_millis(1_000);

/// So many milliseconds after the beginning.
fn at(millis: u64) -> (Time, UnixTime) {
    (Time::from_micros(millis * 1_000), TIME)
}

fn user(name: &str) -> UserId {
    UserId::new(name).expect("a name")
}

fn asker(session: u64, name: &str) -> Asker {
    let identity = Identity { user: user(name), instance: SessionInstance(session) };
    let (subscriber, operation) = (SubscriberId(session), OperationId(session));
    Asker { subscriber, identity, operation }
}

fn lobby(limits: &Limits) -> LockAuthority {
    let (app, name) = (AppId::new("app"), ChannelName::new("lobby"));
    let kind = ChannelKind::Message;
    let key = ChannelKey { app: app.expect("a name"), kind, name: name.expect("a name") };
    LockAuthority::new(key, Epoch(1), LockToken(0), limits)
}

/// Lock "l" of 10 s, and sessions 1 alice, 2 bob, 3 carol, who hear.
fn with_three() -> LockAuthority {
    let mut locks = lobby(&Limits::hosted());
    assert!(locks.set(at(0), &user("alice"), "l", 10).is_ok());
    for (session, name) in [(1, "alice"), (2, "bob"), (3, "carol")] {
        let _ = locks.join(at(0), SubscriberId(session), &user(name), true);
    }
    locks
}

/// What is sent, as text.
fn told(news: &LockNews) -> Vec<String> {
    let event = |fanout: &Fanout| {
        let Ok(Event::Lock(event)) = Event::decode(&fanout.event) else { panic!("no lock event") };
        let LockEvent { change, actor, locks, .. } = event;
        let mut text = format!("{change:?} by {actor}:");
        for lock in locks.iter() {
            text += &format!(" {}={}/{}", lock.name, lock.owner, lock.token);
        }
        let to: Vec<_> = fanout.to.iter().map(|subscriber| subscriber.0).collect();
        format!("{text} to {to:?}")
    };
    let answer = |answer: &LockAnswer| match &answer.result {
        Ok(acquired) => format!("{} has {}", answer.asker.subscriber.0, acquired.token),
        Err(refusal) => format!("{} fails {}", answer.asker.subscriber.0, refusal.code.0),
    };
    news.fanouts.iter().map(event).chain(news.answers.iter().map(answer)).collect()
}

#[track_caller]
fn has(locks: &mut LockAuthority, millis: u64, session: u64, name: &str) -> (u64, Vec<String>) {
    let (acquired, news) =
        locks.acquire(at(millis), asker(session, name), "l", false).expect("it is free");
    (acquired.expect("it is free").token.0, told(&news))
}

#[track_caller]
fn waits(locks: &mut LockAuthority, session: u64, name: &str) {
    let waiting = locks.acquire(at(0), asker(session, name), "l", true).expect("it may wait");
    assert_eq!(waiting, (None, LockNews::default()));
}

/// Must be refused with this number and change nothing.
#[track_caller]
fn refused<T: std::fmt::Debug>(
    locks: &mut LockAuthority,
    code: u32,
    act: impl FnOnce(&mut LockAuthority) -> Result<T, Refusal>,
) -> String {
    let before = locks.clone();
    let refusal = act(locks).expect_err("it is refused");
    assert_eq!(refusal.code.0, code, "{refusal}");
    assert_eq!(*locks, before, "a refusal changes nothing");
    refusal.reason.into_owned()
}

#[test]
fn a_lock_is_made_had_given_up_and_done_away_with_and_all_hear_it() {
    let mut locks = with_three();
    let news = locks.set(at(1), &user("bob"), "m", 300).expect("it is new");
    assert_eq!(told(&news), ["Set by bob: m=/0 to [1, 2, 3]"]);
    let acquired = (1, vec!["Acquired by alice: l=alice/1 to [1, 2, 3]".to_owned()]);
    assert_eq!(has(&mut locks, 2, 1, "alice"), acquired);
    assert_eq!(has(&mut locks, 3, 1, "alice"), (1, Vec::new()), "its own");
    let news = locks.release(at(4), SubscriberId(1), &user("alice"), "l").expect("it has it");
    assert_eq!(told(&news), ["Released by alice: l=/1 to [1, 2, 3]"]);
    let news = locks.remove(at(5), &user("carol"), "l").expect("it is there");
    assert_eq!(told(&news), ["Removed by carol: l=/1 to [1, 2, 3]"]);
    // Made again, it goes on above its former tokens.
    assert!(locks.set(at(6), &user("alice"), "l", 10).is_ok());
    assert_eq!(has(&mut locks, 7, 2, "bob").0, 2);
    assert_eq!(locks.floor(), LockToken(2));
}

#[test]
fn names_times_and_numbers_are_checked_at_the_limit_and_one_beyond() {
    let mut locks = lobby(&Limits::hosted());
    for (name, asked, ttl) in [("a", 0, 10), ("b", 11, 11), ("c", 300, 300), ("d", 301, 300)] {
        assert!(locks.set(at(0), &user("al"), name, asked).is_ok());
        let all = locks.locks();
        assert_eq!(all.iter().find(|lock| lock.name == name).map(|lock| lock.ttl_secs), Some(ttl));
    }
    refused(&mut locks, 14_004, |locks| locks.set(at(0), &user("bob"), "a", 10));
    for bad in ["", "_a", "a.b", &"x".repeat(65)] {
        refused(&mut locks, 14_005, |locks| locks.set(at(0), &user("bob"), bad, 10));
    }
    for number in 4..32 {
        let name = format!("{number:x>64}");
        assert!(locks.set(at(0), &user("al"), &name, 10).is_ok(), "{number}");
    }
    refused(&mut locks, 14_001, |locks| locks.set(at(0), &user("al"), "z", 10));
    for name in ["z", ""] {
        refused(&mut locks, 14_008, |locks| locks.remove(at(0), &user("al"), name));
        refused(&mut locks, 14_008, |locks| locks.acquire(at(0), asker(1, "al"), name, true));
        refused(&mut locks, 14_008, |locks| {
            locks.release(at(0), SubscriberId(1), &user("al"), name)
        });
        refused(&mut locks, 14_008, |locks| locks.revoke(at(0), &user("al"), name, "al"));
    }
    assert!(locks.remove(at(0), &user("al"), "a").is_ok());
    assert!(locks.set(at(0), &user("al"), "z", 10).is_ok());
}

#[test]
fn who_comes_second_is_refused_or_waits_in_turn() {
    let mut locks = with_three();
    has(&mut locks, 1, 1, "alice");
    let reason =
        refused(&mut locks, 14_007, |locks| locks.acquire(at(2), asker(2, "bob"), "l", false));
    assert_eq!(reason, "alice has lock l; try later, or wait for it");
    waits(&mut locks, 2, "bob");
    waits(&mut locks, 3, "carol");
    for retry in [false, true] {
        let again = |locks: &mut LockAuthority| locks.acquire(at(2), asker(2, "bob"), "l", retry);
        refused(&mut locks, 14_003, again);
    }
    refused(&mut locks, 14_006, |locks| locks.release(at(2), SubscriberId(2), &user("bob"), "l"));
    let news = locks.release(at(3), SubscriberId(1), &user("alice"), "l").expect("it has it");
    let wanted = [
        "Released by alice: l=/1 to [1, 2, 3]",
        "Acquired by bob: l=bob/2 to [1, 2, 3]",
        "2 has 2",
    ];
    assert_eq!(told(&news), wanted);
    let news = locks.leave(at(4).0, SubscriberId(3), &user("carol"));
    assert_eq!(told(&news), ["3 fails 14007"], "who leaves waits no more");
    let news = locks.release(at(5), SubscriberId(2), &user("bob"), "l").expect("it has it");
    assert_eq!(told(&news), ["Released by bob: l=/2 to [1, 2]"]);
}

#[test]
fn as_many_wait_as_are_allowed() {
    let mut locks = with_three();
    has(&mut locks, 1, 1, "alice");
    for number in 0..1_024 {
        waits(&mut locks, 10 + number, &format!("user {number}"));
    }
    refused(&mut locks, 14_007, |locks| locks.acquire(at(2), asker(2, "bob"), "l", true));
    locks.lose(SubscriberId(10), &user("user 0"), at(2).0);
    waits(&mut locks, 2, "bob");
    let news = locks.remove(at(3), &user("bob"), "l").expect("it is there");
    assert_eq!(news.answers.len(), 1_024);
    assert_eq!(told(&news)[1], "11 fails 14008");
}

#[test]
fn a_lost_owner_keeps_its_lock_for_the_ttl_and_not_longer() {
    let mut locks = with_three();
    has(&mut locks, 0, 1, "alice");
    waits(&mut locks, 2, "bob");
    locks.silent(SubscriberId(1), &user("alice"), at(1_000).0);
    locks.lose(SubscriberId(1), &user("alice"), at(5_000).0);
    assert_eq!(locks.poll_timeout(), Some(at(11_000).0), "from the first sign of the loss");
    assert_eq!(told(&locks.handle_timeout(at(10_999))), [""; 0]);
    let back = locks.join(at(10_999), SubscriberId(4), &user("alice"), true);
    assert_eq!(told(&back), ["Snapshot by : l=alice/1 to [4]"], "back in time");
    assert_eq!(locks.poll_timeout(), None);
    assert!(locks.guard("l", SubscriberId(4), &user("alice"), LockToken(1)).is_ok());
    locks.lose(SubscriberId(1), &user("alice"), at(11_000).0);
    assert_eq!(locks.poll_timeout(), None, "the old session means nothing any more");
    locks.lose(SubscriberId(4), &user("alice"), at(12_000).0);
    let gone = locks.handle_timeout(at(22_000));
    let wanted =
        ["Released by alice: l=/1 to [2, 3]", "Acquired by bob: l=bob/2 to [2, 3]", "2 has 2"];
    assert_eq!(told(&gone), wanted);
    // And is told when it comes back, once.
    let back = locks.join(at(30_000), SubscriberId(5), &user("alice"), false);
    assert_eq!(told(&back), [""; 0]);
    for expected in [1, 0] {
        let back = told(&locks.join(at(30_000), SubscriberId(5), &user("alice"), true));
        assert_eq!(back[0], "Snapshot by : l=bob/2 to [5]");
        assert_eq!(back[1..], ["Expired by alice: l=bob/2 to [5]"][..expected]);
    }
}

#[test]
fn a_silent_owner_that_is_heard_in_time_has_its_lock_and_later_has_lost_it() {
    let mut locks = with_three();
    has(&mut locks, 0, 1, "alice");
    locks.silent(SubscriberId(1), &user("alice"), at(1_000).0);
    assert_eq!(told(&locks.heard(at(10_999), SubscriberId(1), &user("alice"))), [""; 0]);
    assert_eq!(locks.poll_timeout(), None);
    locks.silent(SubscriberId(1), &user("alice"), at(20_000).0);
    let late = locks.heard(at(30_000), SubscriberId(1), &user("alice"));
    let wanted = ["Released by alice: l=/1 to [2, 3]", "Expired by alice: l=/1 to [1]"];
    assert_eq!(told(&late), wanted);
    let again = locks.join(at(31_000), SubscriberId(1), &user("alice"), true);
    assert_eq!(told(&again), ["Snapshot by : l=/1 to [1]"], "it was told");
    // Silent, told, and lost before that has arrived: its next session is told again.
    has(&mut locks, 31_000, 1, "alice");
    locks.silent(SubscriberId(1), &user("alice"), at(32_000).0);
    assert_eq!(locks.handle_timeout(at(42_000)).fanouts.len(), 2);
    locks.lose(SubscriberId(1), &user("alice"), at(43_000).0);
    let back = locks.join(at(44_000), SubscriberId(4), &user("alice"), true);
    assert_eq!(told(&back)[1], "Expired by alice: l=/2 to [4]");
}

#[test]
fn who_leaves_keeps_its_lock_for_the_ttl_and_can_do_nothing_with_it() {
    let mut locks = with_three();
    has(&mut locks, 0, 1, "alice");
    assert_eq!(told(&locks.leave(at(1_000).0, SubscriberId(1), &user("alice"))), [""; 0]);
    refused(&mut locks, 14_006, |locks| {
        locks.release(at(2_000), SubscriberId(1), &user("alice"), "l")
    });
    refused(&mut locks, 12_008, |locks| {
        locks.guard("l", SubscriberId(1), &user("alice"), LockToken(0))
    });
    assert_eq!(told(&locks.heard(at(2_000), SubscriberId(1), &user("alice"))), [""; 0]);
    assert_eq!(locks.poll_timeout(), Some(at(11_000).0));
    let gone = locks.handle_timeout(at(11_000));
    assert_eq!(told(&gone), ["Released by alice: l=/1 to [2, 3]"]);
}

#[test]
fn a_silent_waiter_is_passed_over_and_keeps_its_place() {
    let mut locks = with_three();
    has(&mut locks, 0, 1, "alice");
    waits(&mut locks, 2, "bob");
    waits(&mut locks, 3, "carol");
    locks.silent(SubscriberId(2), &user("bob"), at(1).0);
    let news = locks.release(at(2), SubscriberId(1), &user("alice"), "l").expect("it has it");
    assert_eq!(told(&news)[2], "3 has 2");
    locks.silent(SubscriberId(3), &user("carol"), at(3).0);
    let news = locks.handle_timeout(at(10_003));
    let wanted = ["Released by carol: l=/2 to [1, 2]", "Expired by carol: l=/2 to [3]"];
    assert_eq!(told(&news), wanted, "only a silent one waits");
    let news = locks.heard(at(10_004), SubscriberId(2), &user("bob"));
    assert_eq!(told(&news), ["Acquired by bob: l=bob/3 to [1, 2, 3]", "2 has 3"]);
    assert_eq!(locks.waiting, Waiting::default());
}

#[test]
fn anybody_may_revoke_and_names_the_owner() {
    let mut locks = with_three();
    refused(&mut locks, 14_006, |locks| locks.revoke(at(0), &user("bob"), "l", "alice"));
    has(&mut locks, 0, 1, "alice");
    waits(&mut locks, 3, "carol");
    refused(&mut locks, 14_006, |locks| locks.revoke(at(0), &user("bob"), "l", "carol"));
    let news = locks.revoke(at(0), &user("bob"), "l", "alice").expect("it has it");
    let wanted = [
        "Released by bob: l=/1 to [2, 3]",
        "Expired by bob: l=/1 to [1]",
        "Acquired by carol: l=carol/2 to [1, 2, 3]",
        "3 has 2",
    ];
    assert_eq!(told(&news), wanted);
}

#[test]
fn a_guard_is_given_to_the_session_that_holds_the_lock_under_its_token() {
    let mut locks = with_three();
    let ask = |locks: &LockAuthority, name: &str, session, of: &str, token| {
        locks.guard(name, SubscriberId(session), &user(of), LockToken(token))
    };
    refused(&mut locks, 12_008, |locks| ask(locks, "l", 1, "alice", 0));
    refused(&mut locks, 12_007, |locks| ask(locks, "m", 1, "alice", 0));
    has(&mut locks, 0, 1, "alice");
    let guard = ask(&locks, "l", 1, "alice", 0).expect("it has it");
    assert_eq!((guard.lock().as_str(), guard.token()), ("l", LockToken(1)));
    assert_eq!(ask(&locks, "l", 1, "alice", 1), Ok(guard));
    let reason = refused(&mut locks, 12_008, |locks| ask(locks, "l", 1, "alice", 9));
    assert!(reason.starts_with("lock l is held under token 1, not 9;"), "{reason}");
    refused(&mut locks, 12_008, |locks| ask(locks, "l", 2, "bob", 1));
    refused(&mut locks, 12_008, |locks| ask(locks, "l", 2, "alice", 1));
}

#[test]
fn former_owners_are_remembered_up_to_a_limit() {
    let mut limits = Limits::open();
    (limits.locks, limits.lock_ttl_min) = (1_100, 1);
    let mut locks = lobby(&limits);
    for number in 0..1_025_u64 {
        let name = format!("lock {number}");
        assert!(locks.set(at(0), &user("al"), &name, 1).is_ok());
        let asker = asker(number, &format!("user {number}"));
        assert!(locks.acquire(at(0), asker.clone(), &name, false).is_ok());
        locks.lose(asker.subscriber, &asker.identity.user, at(number).0);
    }
    assert!(told(&locks.handle_timeout(at(5_000))).is_empty(), "nobody hears");
    for (number, events) in [(0, 1), (1, 2), (1_024, 2)] {
        let user = user(&format!("user {number}"));
        let news = locks.join(at(6_000), SubscriberId(9_999), &user, true);
        assert_eq!(news.fanouts.len(), events, "{number}");
    }
    // Of a lock that is gone, nobody is told.
    assert!(locks.remove(at(6_000), &user("al"), "lock 7").is_ok());
    assert_eq!(locks.join(at(6_000), SubscriberId(9), &user("user 7"), true).fanouts.len(), 1);
}

#[test]
fn all_locks_that_are_allowed_fit_one_message() {
    let mut locks = lobby(&Limits::open());
    for number in 0..Limits::open().locks as u64 {
        let name = format!("{number:x>64}");
        assert!(locks.set(at(0), &user("al"), &name, 3_600).is_ok());
        let asker = asker(number, &format!("{number:y>64}"));
        assert!(locks.acquire(at(0), asker, &name, false).is_ok());
    }
    let news = locks.join(at(1), SubscriberId(9_999), &user("al"), true);
    assert!(news.fanouts[0].event.len() < 64 * 1_024, "{}", news.fanouts[0].event.len());
}

#[test]
fn positions_grow_over_the_lives_of_a_channel() {
    let mut former = rtm_wire::Position::default();
    for life in 0..3 {
        let mut locks = lobby(&Limits::hosted());
        for number in 0..10 {
            // Time may stand still.
            let now = at(life * 50 + 1);
            let news = locks.set(now, &user("al"), &format!("lock {number}"), 10);
            assert!(news.is_ok());
            let news = locks.join(now, SubscriberId(number), &user("al"), true);
            let Ok(Event::Lock(event)) = Event::decode(&news.fanouts[0].event) else {
                panic!("no lock event")
            };
            assert!(event.position > former);
            former = event.position;
        }
    }
}
