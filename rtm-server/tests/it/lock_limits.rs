//! What locks may have, at each limit and one beyond, and what is refused by which number.

use rtm_client::core::{Answer, Command};
use rtm_client::{ErrorKind, LockDetail};
use rtm_server::AppLimits;
use rtm_session::Config;
use rtm_wire::{
    AcquireLock, ChannelKind, ChannelRef, ErrorCode, GetLocks, RemoveLock, SetLock, Subscribe,
};

use super::locks::{At, secs, token};
use super::world::{Lab, link};

/// A world with these limits, in which alice and bob are in both channels.
fn lab(adjust: impl FnOnce(&mut AppLimits)) -> Lab {
    let mut limits = AppLimits::open();
    adjust(&mut limits);
    let mut lab = Lab::build(11, link(), limits, Config::server());
    lab.add_users(&["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, At::Lobby.watch()).unwrap();
        let mut join = At::Town.watch();
        if let Command::Join { handle, .. } = &mut join {
            handle.0 = 2;
        }
        lab.call(user, join).unwrap();
    }
    lab
}

/// Sends commands one after the other, and compares their numbers.
fn check(lab: &mut Lab, cases: impl IntoIterator<Item = (Command, i32)>) {
    for (index, (command, code)) in cases.into_iter().enumerate() {
        let text = format!("{index}: {command:?}");
        assert_eq!(lab.code("alice", command), code, "{text}");
    }
}

#[test]
fn so_many_locks_of_one_channel_and_not_one_more() {
    let mut lab = lab(|limits| limits.channel.locks = 2);
    for at in [At::Lobby, At::Town] {
        let cases = [
            (at.set("a"), 0),
            (at.set("b"), 0),
            (at.set("c"), -14_001),
            (at.set("a"), -14_004),
            (at.remove("c"), -14_008),
            (at.remove("a"), 0),
            (at.set("c"), 0),
            (at.set("a"), -14_001),
        ];
        check(&mut lab, cases);
    }
}

#[test]
fn so_many_locks_of_one_app_and_not_one_more() {
    let mut lab = lab(|limits| limits.channel.locks_of_app = 3);
    let (lobby, town) = (At::Lobby, At::Town);
    let cases = [
        (lobby.set("a"), 0),
        (town.set("a"), 0),
        (lobby.set("b"), 0),
        (lobby.set("c"), -14_001),
        (town.set("c"), -14_001),
        (lobby.set("a"), -14_004),
        (town.remove("a"), 0),
        (lobby.set("c"), 0),
        (town.set("a"), -14_001),
    ];
    check(&mut lab, cases);
}

#[test]
fn hosted_a_channel_has_thirty_two() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", At::Lobby.watch()).unwrap();
    for number in 0..33 {
        let code = if number < 32 { 0 } else { -14_001 };
        assert_eq!(lab.code("alice", At::Lobby.set(&format!("l{number}"))), code, "{number}");
        // As often as is allowed.
        lab.run(std::time::Duration::from_millis(100));
    }
}

#[test]
fn a_ttl_is_brought_to_what_is_allowed() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    let at = At::Lobby;
    lab.call("alice", at.watch()).unwrap();
    for (asked, given) in [(0, 10), (9, 10), (10, 10), (300, 300), (301, 300), (u64::MAX, 300)] {
        let name = format!("l{asked}");
        lab.call("alice", at.set_for(&name, asked)).unwrap();
        let Answer::Acquired(own) = lab.call("alice", at.acquire(&name)).unwrap() else { panic!() };
        assert_eq!((own.ttl, own.name.as_str()), (secs(given), name.as_str()), "{asked}");
        lab.run(secs(1));
    }
    let answer = lab.call("alice", Command::GetLocks { channel: at.id() }).unwrap();
    let Answer::Locks(locks) = answer else { panic!() };
    let most = locks.iter().filter(|LockDetail { ttl, .. }| *ttl == secs(300));
    assert_eq!((locks.len(), most.count()), (6, 3));
}

#[test]
fn ten_calls_and_two_hundred_lists_a_second() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    let at = At::Lobby;
    for user in ["alice", "bob"] {
        lab.call(user, at.watch()).unwrap();
    }
    lab.run(secs(1));
    for _ in 0..2 {
        let command = |number| match number % 5 {
            0 => at.set("l"),
            1 => at.acquire("l"),
            2 => at.release("l"),
            3 => at.revoke("l", "bob"),
            _ => at.remove("l"),
        };
        let waiters: Vec<_> = (0..11).map(|number| lab.command("alice", command(number))).collect();
        let codes: Vec<_> = waiters
            .into_iter()
            .map(|waiter| lab.answer("alice", waiter).map_or_else(|error| error.code(), |_| 0))
            .filter(|code| *code == -10_021)
            .collect();
        assert_eq!(codes.len(), 1);
        let list = Command::GetLocks { channel: at.id() };
        let lists: Vec<_> = (0..201).map(|_| lab.command("alice", list.clone())).collect();
        let results = lists.into_iter().map(|waiter| lab.answer("alice", waiter));
        let codes: Vec<_> = results.filter_map(|it| it.err().map(|it| it.code())).collect();
        assert_eq!(codes, [-10_021]);
        assert_eq!(lab.code("bob", at.acquire("m")), -14_008, "it is for each client");
        lab.run(secs(2));
    }
}

#[test]
fn each_number_is_what_it_says() {
    let mut lab = lab(|_| {});
    for at in [At::Lobby, At::Town] {
        let long = "l".repeat(65);
        let cases = [
            (at.remove("l"), -14_008),
            (at.acquire("l"), -14_008),
            (at.wait("l"), -14_008),
            (at.release("l"), -14_008),
            (at.revoke("l", "bob"), -14_008),
            (at.set(""), -14_005),
            (at.set("_l"), -14_005),
            (at.set("a.b"), -14_005),
            (at.set(&long), -14_005),
            (at.acquire(&"l".repeat(300)), -14_005),
            (at.set(&long[1..]), 0),
            (at.set("l"), 0),
            (at.set("l"), -14_004),
            (at.release("l"), -14_006),
            (at.revoke("l", "bob"), -14_006),
            (at.revoke("l", "a.b"), -10_006),
            (at.acquire("l"), 0),
            (at.revoke("l", "bob"), -14_006),
        ];
        check(&mut lab, cases);
        assert_eq!(lab.code("bob", at.acquire("l")), -14_007);
        let error = lab.call("bob", at.acquire("l")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LockTaken);
        assert!(error.to_string().contains("alice has lock l"), "{error}");
        assert_eq!(lab.code("bob", at.revoke("l", "alice")), 0);
        assert_eq!(token(lab.call("bob", at.acquire("l"))), 2);
    }
}

#[test]
fn who_is_not_in_the_channel_may_only_read() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    for (at, code) in [(At::Lobby, -11_002), (At::Town, -11_001)] {
        let all = [
            at.set("l"),
            at.remove("l"),
            at.acquire("l"),
            at.wait("l"),
            at.release("l"),
            at.revoke("l", "bob"),
        ];
        for command in all {
            assert_eq!(lab.code("alice", command.clone()), code, "{command:?}");
        }
        assert_eq!(at.locks(&mut lab, "alice"), "");
        lab.run(secs(1));
    }
}

#[test]
fn a_server_refuses_what_clients_do_not_send() {
    let mut lab = lab(|_| {});
    lab.add_raw_user("mallory", Config::default());
    let lobby = ChannelRef { kind: ChannelKind::Message, name: "lobby" };
    let user = ChannelRef { kind: ChannelKind::User, name: "mallory" };
    let long = "l".repeat(65);
    let subscribe = Subscribe { channel: lobby, options: Default::default(), resume: None };
    let set = |channel, name| SetLock { channel, name, ttl_secs: 10 };
    lab.with_raw("mallory", |raw, now| {
        raw.request(now, 1, subscribe);
        raw.request(now, 2, set(user, "l"));
        raw.request(now, 3, AcquireLock { channel: user, name: "l", retry: true });
        raw.request(now, 4, GetLocks { channel: user });
        raw.request(now, 5, set(lobby, &long));
        raw.request(now, 6, RemoveLock { channel: lobby, name: &long });
        raw.request(now, 7, set(lobby, ""));
    });
    lab.run(secs(1));
    for (id, code) in [
        (1, ErrorCode::OK),
        (2, ErrorCode::INVALID_CHANNEL_TYPE),
        (3, ErrorCode::INVALID_CHANNEL_TYPE),
        (4, ErrorCode::INVALID_CHANNEL_TYPE),
        (5, ErrorCode::LOCK_INVALID_NAME),
        (6, ErrorCode::LOCK_NOT_EXIST),
        (7, ErrorCode::LOCK_INVALID_NAME),
    ] {
        assert_eq!(lab.raw("mallory").codes(id), [code], "{id}");
    }
}
