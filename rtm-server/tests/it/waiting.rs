//! Calls that are made while there is no connection wait for the next one, in their order.

use std::time::Duration;

use rtm_client::core::{Command, WaitingMax};
use rtm_client::{ErrorKind, LinkState, Qos};
use rtm_server::AppLimits;
use rtm_session::Config;

use super::server::OPEN_APP;
use super::world::{
    Lab, channel, join, join_topic, leave, leave_topic, link, login, name, open_inbox, publication,
    publish, subscribe, subscribe_topic, unsubscribe, user,
};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Alice has been logged in, and is cut off, as she knows.
fn lab() -> Lab {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    lose(&mut lab);
    lab
}

fn lose(lab: &mut Lab) {
    lab.set_blackout("alice", true);
    lab.run_until_link("alice", LinkState::Disconnected);
}

fn come_back(lab: &mut Lab) {
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", LinkState::Connected);
    lab.run(secs(2));
}

/// The error of a call that is answered.
fn kind(lab: &Lab, waiter: u64) -> Option<ErrorKind> {
    let answer = lab.client("alice").answers.get(&waiter).expect("answered");
    answer.as_ref().err().map(|error| error.kind())
}

fn is_waiting(lab: &Lab, waiter: u64) -> bool {
    !lab.client("alice").answers.contains_key(&waiter)
}

#[test]
fn what_is_asked_for_during_the_login_follows_it() {
    let mut lab = Lab::with_users(0.0, &["bob"]);
    lab.add("alice", OPEN_APP, "alice");
    assert_eq!(
        lab.call("alice", publish(channel("lobby"), b"hi")).unwrap_err().kind(),
        ErrorKind::NotLoggedIn,
        "nobody has asked for a login"
    );
    let waiters = [login(""), subscribe("lobby", 1), publish(channel("lobby"), b"hi")]
        .map(|command| lab.command("alice", command));
    lab.run(secs(1));
    for waiter in waiters {
        assert_eq!(kind(&lab, waiter), None);
    }
    assert_eq!(lab.client("alice").heard(1), ["alice 1: hi"]);
}

#[test]
fn a_login_that_fails_ends_what_waits_for_it() {
    let mut lab = Lab::new(0.0);
    lab.add("alice", OPEN_APP, "alice");
    lab.set_blackout("alice", true);
    let waiters = [login(""), subscribe("lobby", 1), publish(channel("lobby"), b"hi")]
        .map(|command| lab.command("alice", command));
    lab.run(secs(30));
    assert_eq!(lab.client("alice").core.link_state(), LinkState::Failed);
    let kinds = waiters.map(|waiter| kind(&lab, waiter));
    let not = Some(ErrorKind::NotLoggedIn);
    assert_eq!(kinds, [Some(ErrorKind::ServerUnreachable), not, not]);
    assert_eq!(lab.client("alice").ended.len(), 1);
}

#[test]
fn calls_of_all_kinds_are_carried_out_in_their_order() {
    let mut lab = lab();
    lab.call("bob", open_inbox(1)).unwrap();
    let commands = [
        subscribe("lobby", 1),
        publish(channel("lobby"), b"a"),
        publish(channel("lobby"), b"b"),
        publish(user("bob"), b"c"),
        join("town", 3),
        open_inbox(4),
        subscribe("garden", 5),
        unsubscribe("garden"),
        subscribe("garden", 6),
    ];
    let waiters = commands.map(|command| lab.command("alice", command));
    lab.run(secs(10));
    assert!(waiters.iter().all(|&waiter| is_waiting(&lab, waiter)));
    come_back(&mut lab);
    assert_eq!(waiters.map(|it| kind(&lab, it)), [None; 9]);
    assert_eq!(lab.client("bob").heard(1), ["alice 1: c"]);
    assert_eq!(lab.client("alice").heard(1), ["alice 1: a", "alice 2: b"]);
    lab.call("bob", publish(channel("garden"), b"d")).unwrap();
    lab.run(secs(1));
    assert_eq!(lab.client("alice").heard(6), ["bob 1: d"]);
}

#[test]
fn as_many_wait_as_may_and_one_more_is_refused_at_once() {
    let max = WaitingMax { calls: 3, bytes: 2_000, time: secs(50) };
    let mut lab = Lab::new(0.0);
    lab.add_with("alice", OPEN_APP, "alice", |config| config.waiting_max = max);
    lab.log_in("alice");
    lab.run(secs(1));
    lose(&mut lab);
    let say = |lab: &mut Lab, len: usize| {
        lab.command("alice", publish(channel("lobby"), &vec![b'x'; len]))
    };
    // 256 bytes each, besides the payload.
    let waiting = [say(&mut lab, 1_488 - 256), say(&mut lab, 0)];
    assert!(waiting.iter().all(|&waiter| is_waiting(&lab, waiter)));
    let too_long = say(&mut lab, 1);
    assert_eq!(kind(&lab, too_long), Some(ErrorKind::NotConnected), "2,001 bytes");
    let third = say(&mut lab, 0);
    assert!(is_waiting(&lab, third), "2,000 bytes");
    let fourth = lab.command("alice", subscribe("lobby", 1));
    assert_eq!(kind(&lab, fourth), Some(ErrorKind::NotConnected));
    let error = lab.client("alice").answers[&fourth].clone().unwrap_err();
    assert!(error.to_string().contains("3 calls wait"), "{error}");
    assert_eq!(lab.client("alice").ended.len(), 1);
    come_back(&mut lab);
    for waiter in [waiting[0], waiting[1], third] {
        assert_eq!(kind(&lab, waiter), None);
    }
}

#[test]
fn what_waited_is_sent_a_part_at_a_time() {
    let mut lab = Lab::build(11, link(), AppLimits::open(), Config::server());
    lab.add_users(&["alice", "bob"]);
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    lose(&mut lab);
    for number in 0..1_024 {
        lab.command("alice", publish(channel("lobby"), number.to_string().as_bytes()));
    }
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", LinkState::Connected);
    let mut most = 0;
    for _ in 0..2_000 {
        lab.run(Duration::from_millis(1));
        most = most.max(lab.client("alice").core.operations_in_flight());
    }
    assert_eq!(most, 256);
    let heard = lab.client("bob").heard(1);
    assert_eq!((heard.len(), &*heard[1_023]), (1_024, "alice 1024: 1023"));
}

#[test]
fn nothing_waits_where_nothing_may() {
    let mut lab = Lab::new(0.0);
    lab.add_with("alice", OPEN_APP, "alice", |config| config.waiting_max.calls = 0);
    lab.log_in("alice");
    lab.run(secs(1));
    lose(&mut lab);
    for command in [publish(channel("lobby"), b"hi"), subscribe("lobby", 1), leave("town")] {
        let waiter = lab.command("alice", command);
        assert!(kind(&lab, waiter).is_some());
    }
}

#[test]
fn after_two_minutes_a_call_is_given_up() {
    let mut lab = lab();
    let first = lab.command("alice", subscribe("lobby", 1));
    lab.run(secs(60));
    let second = lab.command("alice", publish(channel("lobby"), b"hi"));
    lab.run(secs(59));
    assert!(is_waiting(&lab, first));
    lab.run(secs(1));
    assert_eq!(kind(&lab, first), Some(ErrorKind::NotConnected));
    assert_eq!(lab.client("alice").ended.len(), 1);
    assert!(is_waiting(&lab, second));
    come_back(&mut lab);
    lab.run(secs(40));
    assert_eq!(kind(&lab, second), None);
}

fn code(lab: &Lab, waiter: u64) -> i32 {
    let answer = lab.client("alice").answers.get(&waiter).expect("answered");
    answer.as_ref().err().map_or(0, |error| error.code())
}

/// One call of each module that has a number of its own for it: a message, a question of presence,
/// and another.
fn calls() -> [Command; 3] {
    let target = super::storage::lobby();
    [
        publish(channel("lobby"), b"hi"),
        Command::UserChannels { user: "bob".to_owned() },
        Command::ReadMetadata { target },
    ]
}

#[test]
fn what_found_no_connection_in_time_has_the_number_of_its_module() {
    let mut lab = lab();
    let waiters = calls().map(|call| lab.command("alice", call));
    lab.run(secs(121));
    assert_eq!(waiters.map(|it| code(&lab, it)), [-11_027, -13_001, -10_025]);
}

#[test]
fn what_finds_no_room_to_wait_has_the_number_of_its_module() {
    let mut lab = lab();
    for _ in 0..1_024 {
        lab.command("alice", publish(channel("lobby"), b""));
    }
    let waiters = calls().map(|call| lab.command("alice", call));
    assert_eq!(waiters.map(|it| code(&lab, it)), [-11_027, -13_016, -10_025]);
}

#[test]
fn what_waits_when_the_link_ends_is_canceled() {
    let mut lab = lab();
    let waiters = calls().map(|call| lab.command("alice", call));
    lab.command("alice", Command::Logout);
    lab.run(secs(5));
    assert_eq!(waiters.map(|it| code(&lab, it)), [-10_002, -13_015, -10_002]);
}

#[test]
fn what_nobody_wants_any_more_is_not_done() {
    let mut lab = lab();
    let waiter = lab.command("alice", subscribe("lobby", 1));
    let other = lab.command("alice", publish(channel("lobby"), b"hi"));
    lab.with_client("alice", |alice, now| alice.drop_handle(now, 1));
    assert_eq!(lab.client("alice").ended.len(), 1);
    assert!(kind(&lab, waiter).is_some());
    come_back(&mut lab);
    assert_eq!(kind(&lab, other), None);
    let error = lab.call("alice", unsubscribe("lobby")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSubscribed);
}

#[test]
fn a_publication_is_left_after_what_was_published_in_it() {
    for is_dropped in [false, true] {
        let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
        for user in ["alice", "bob"] {
            lab.call(user, join("town", 3)).unwrap();
        }
        lab.call("alice", join_topic("town", "news", 2, Qos::Ordered)).unwrap();
        lab.call("bob", subscribe_topic("town", "news", &[], 4)).unwrap();
        lose(&mut lab);
        let said = lab.command("alice", publish(publication(2), b"hi"));
        match is_dropped {
            true => lab.with_client("alice", |alice, now| alice.drop_handle(now, 2)),
            false => _ = lab.command("alice", leave_topic(2)),
        }
        come_back(&mut lab);
        assert_eq!(kind(&lab, said), None);
        assert!(lab.client("bob").heard_topic(4).last().unwrap().ends_with(": hi"));
        assert_eq!(lab.client("bob").heard_stream(3).last().unwrap(), "-news/alice");
        lab.call("alice", join_topic("town", "news", 5, Qos::Ordered)).unwrap();
    }
}

#[test]
fn a_logout_ends_what_waits() {
    let mut lab = lab();
    let waiters = [subscribe("lobby", 1), publish(channel("lobby"), b"hi")]
        .map(|command| lab.command("alice", command));
    lab.call("alice", Command::Logout).unwrap();
    assert_eq!(waiters.map(|it| kind(&lab, it)), [Some(ErrorKind::NotLoggedIn); 2]);
    lab.set_blackout("alice", false);
    lab.log_in("alice");
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    assert_eq!(lab.client("bob").heard(1).len(), 0);
}

#[test]
fn what_was_published_before_a_logout_is_sent_before_it() {
    for handles in [false, true] {
        let mut lab = lab();
        lab.call("bob", subscribe("lobby", 1)).unwrap();
        // The server takes 60 a second.
        let said: [u64; 100] =
            std::array::from_fn(|_| lab.command("alice", publish(channel("lobby"), b"hi")));
        lab.set_blackout("alice", false);
        lab.run_until_link("alice", LinkState::Connected);
        assert!(is_waiting(&lab, said[99]));
        if handles {
            // And behind them, what nobody holds any more.
            let inbox = lab.command("alice", open_inbox(2));
            lab.with_client("alice", |alice, now| alice.drop_handle(now, 2));
            assert!(kind(&lab, inbox).is_some());
        }
        let logout = lab.command("alice", Command::Logout);
        let late = lab.command("alice", publish(channel("lobby"), b"late"));
        assert_eq!(kind(&lab, late), Some(ErrorKind::NotLoggedIn));
        lab.answer("alice", logout).unwrap();
        assert_eq!(said.map(|it| kind(&lab, it)), [None; 100]);
        lab.run(secs(1));
        assert_eq!(lab.client("bob").heard(1).len(), 100);
    }
}

#[test]
fn what_needs_no_server_does_not_wait() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    lab.call("alice", join("town", 2)).unwrap();
    lose(&mut lab);
    for command in [unsubscribe("lobby"), leave("town")] {
        assert_eq!(lab.code("alice", command), 0);
    }
    let listed = lab.command("alice", Command::Topics { channel: name("town") });
    assert_eq!(kind(&lab, listed), Some(ErrorKind::NotConnected));
    come_back(&mut lab);
    assert_eq!(lab.status().channels, 0, "nothing was restored");
}
