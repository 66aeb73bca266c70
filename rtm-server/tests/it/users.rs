//! Messages to users: receipts, and what waits for who is away.

use std::time::Duration;

use rtm_client::core::{Command, HandleId};
use rtm_client::{LinkState, PublishOptions, Reached};
use rtm_server::AppLimits;
use rtm_session::Config;
use rtm_wire::{ChannelKind, ChannelRef, ErrorCode, MessageType, Publish, PublishFlags};

use super::raw::{encode, login};
use super::world::{Lab, link, open_inbox, user};

/// How a message to a user fares: its reach, or the error's number.
fn send(lab: &mut Lab, from: &str, to: &str, text: &str, store: bool) -> Result<Reached, i32> {
    let waiter = begin(lab, from, to, text, store);
    lab.published(from, waiter).map(|it| it.reached).map_err(|error| error.code())
}

fn begin(lab: &mut Lab, from: &str, to: &str, text: &str, store: bool) -> u64 {
    let options = PublishOptions::text().store_in_history(store);
    let payload = text.to_owned().into();
    lab.command(from, Command::Publish { target: user(to), payload, options })
}

#[test]
fn a_user_who_reads_gets_what_is_for_him_and_nobody_else() {
    let mut lab = Lab::with_users(0.1, &["alice", "bob", "carol"]);
    for who in ["bob", "carol"] {
        lab.call(who, open_inbox(1)).unwrap();
    }
    lab.run(Duration::from_secs(1));
    for index in 0..20 {
        let waiter = lab.publish("alice", user("bob"), &format!("m{index}"));
        let published = lab.published("alice", waiter).unwrap();
        assert_eq!((published.sequence, published.reached), (index + 1, Reached::Received));
    }
    lab.run(Duration::from_secs(5));
    let expected: Vec<_> = (0..20).map(|index| format!("alice {}: m{index}", index + 1)).collect();
    assert_eq!(lab.client("bob").heard(1), expected);
    assert!(lab.client("carol").channels.is_empty());
    lab.end(&["alice", "bob", "carol"]);
}

#[test]
fn who_does_not_read_is_offline() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    assert_eq!(send(&mut lab, "alice", "nobody", "hi", false), Err(-11_033));
    assert_eq!(send(&mut lab, "alice", "bob", "hi", false), Err(-11_033), "no inbox is open");
    lab.call("bob", open_inbox(1)).unwrap();
    lab.run(Duration::from_millis(100));
    assert_eq!(send(&mut lab, "alice", "bob", "a", false), Ok(Reached::Received));
    // An inbox that is dropped is closed, and may be opened again at once.
    lab.with_client("bob", |client, now| client.drop_handle(now, 1));
    lab.run(Duration::from_millis(100));
    assert_eq!(send(&mut lab, "alice", "bob", "hi", false), Err(-11_033));
    lab.call("bob", open_inbox(2)).unwrap();
    lab.with_client("bob", |client, now| client.drop_handle(now, 2));
    lab.call("bob", open_inbox(3)).unwrap();
    lab.run(Duration::from_millis(300));
    assert_eq!(send(&mut lab, "alice", "bob", "b", false), Ok(Reached::Received));
    // It stays open for the next login.
    lab.call("bob", Command::Logout).unwrap();
    assert_eq!(send(&mut lab, "alice", "bob", "hi", false), Err(-11_033));
    lab.log_in("bob");
    lab.run(Duration::from_millis(100));
    assert_eq!(send(&mut lab, "alice", "bob", "c", false), Ok(Reached::Received));
    assert_eq!(lab.client("bob").heard(1), ["alice 1: a"]);
    assert_eq!(lab.client("bob").heard(3), ["alice 2: b", "alice 3: c"]);
    lab.end(&["alice", "bob"]);
}

#[test]
fn an_inbox_that_is_closed_during_an_outage_can_be_opened_after_it() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    lab.call("bob", open_inbox(1)).unwrap();
    lab.run(Duration::from_millis(100));
    lab.set_blackout("bob", true);
    lab.run_until_link("bob", LinkState::Disconnected);
    lab.with_client("bob", |client, now| client.drop_handle(now, 1));
    lab.set_blackout("bob", false);
    lab.run_until_link("bob", LinkState::Connected);
    assert_eq!(send(&mut lab, "alice", "bob", "hi", false), Err(-11_033));
    lab.call("bob", open_inbox(2)).unwrap();
    lab.run(Duration::from_millis(100));
    assert_eq!(send(&mut lab, "alice", "bob", "hi", false), Ok(Reached::Received));
}

/// What was on its way to the handle that is gone comes to the next one, and nothing is confirmed
/// that nobody has had.
#[test]
fn an_inbox_that_is_opened_again_at_once_loses_nothing_that_was_stored() {
    for pause in [0, 5, 15, 25, 35, 45] {
        let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
        for index in 0..12 {
            let sent = send(&mut lab, "alice", "bob", &format!("{index}"), true);
            assert_eq!(sent, Ok(Reached::Stored));
        }
        for handle in 1..=3 {
            lab.command("bob", open_inbox(handle));
            lab.run(Duration::from_millis(pause));
            lab.with_client("bob", |client, now| client.drop_handle(now, handle));
        }
        lab.command("bob", open_inbox(4));
        lab.run(Duration::from_secs(5));
        let bob = lab.client("bob");
        let heard: Vec<_> = (1..=4).flat_map(|handle| bob.heard(handle)).collect();
        let expected: Vec<_> =
            (0..12).map(|index| format!("alice {}: {index}", index + 1)).collect();
        assert_eq!(heard, expected, "{pause} ms");
    }
}

/// Messages of an inbox that is closed may be late, and are not those of the next one.
#[test]
fn an_inbox_that_is_opened_again_tells_no_gap_where_all_was_stored() {
    for seed in 0..60 {
        let link = link().loss(0.2).jitter(Duration::from_millis(30));
        let mut lab = Lab::build(seed, link, AppLimits::open(), Config::server());
        lab.add_users(&["alice", "bob"]);
        let delay = Duration::from_millis([0, 5, 80][seed as usize % 3]);
        lab.with_server(|server, _| server.set_disk_delay(delay));
        for index in 0..6 {
            begin(&mut lab, "alice", "bob", &format!("{index}"), true);
            lab.command("bob", open_inbox(index));
            lab.run(Duration::from_millis(seed * 7 % 150));
            lab.with_client("bob", |client, now| client.drop_handle(now, index));
        }
        lab.command("bob", open_inbox(6));
        lab.run(Duration::from_secs(20));
        let bob = lab.client("bob");
        let heard: Vec<_> = (0..=6).flat_map(|handle| bob.heard(handle)).collect();
        let expected: Vec<_> =
            (0..6).map(|index| format!("alice {}: {index}", index + 1)).collect();
        assert_eq!(heard, expected, "seed {seed}");
    }
}

#[test]
fn what_is_stored_waits_for_who_is_away_and_comes_once_in_order() {
    let mut lab = Lab::with_users(0.1, &["alice", "bob"]);
    for index in 0..5 {
        let sent = send(&mut lab, "alice", "bob", &format!("s{index}"), true);
        assert_eq!(sent, Ok(Reached::Stored));
    }
    assert_eq!(send(&mut lab, "alice", "bob", "not stored", false), Err(-11_033));
    assert_eq!(send(&mut lab, "alice", "bob", "s5", true), Ok(Reached::Stored));
    lab.call("bob", open_inbox(1)).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(send(&mut lab, "alice", "bob", "live", true), Ok(Reached::Received));
    let expected: Vec<_> = (0..6)
        .map(|index| format!("alice {}: s{index}", index + 1))
        .chain(["alice 7: live".to_owned()])
        .collect();
    assert_eq!(lab.client("bob").heard(1), expected);
    // On another device, too, and nothing of it again.
    lab.call("bob", Command::Logout).unwrap();
    lab.add("bob elsewhere", super::server::OPEN_APP, "bob");
    lab.call("bob elsewhere", open_inbox(1)).unwrap();
    lab.log_in("bob elsewhere");
    lab.run(Duration::from_secs(1));
    assert_eq!(send(&mut lab, "alice", "bob", "there", true), Ok(Reached::Received));
    assert_eq!(lab.client("bob elsewhere").heard(1), ["alice 8: there"]);
    lab.end(&["alice", "bob elsewhere"]);
}

#[test]
fn who_vanishes_leaves_stored_messages_waiting_and_others_unknown() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    lab.call("bob", open_inbox(1)).unwrap();
    lab.run(Duration::from_millis(100));
    lab.set_blackout("bob", true);
    let stored = begin(&mut lab, "alice", "bob", "stored", true);
    let other = begin(&mut lab, "alice", "bob", "other", false);
    // A receipt is waited for for ten seconds.
    let answer = lab.published("alice", other).unwrap_err();
    assert_eq!(answer.code(), -11_026);
    assert_eq!(lab.published("alice", stored).unwrap().reached, Reached::Stored);
    // The session survives, and so do both messages.
    lab.run(Duration::from_secs(15));
    lab.set_blackout("bob", false);
    lab.run(Duration::from_secs(10));
    assert_eq!(lab.client("bob").heard(1), ["alice 1: stored", "alice 2: other"]);
    // It doesn't survive: what wasn't stored is a gap.
    lab.set_blackout("bob", true);
    begin(&mut lab, "alice", "bob", "lost", false);
    begin(&mut lab, "alice", "bob", "kept", true);
    lab.run(Duration::from_secs(41));
    assert_eq!(send(&mut lab, "alice", "bob", "later", true), Ok(Reached::Stored));
    lab.set_blackout("bob", false);
    lab.run_until_link("bob", LinkState::Connected);
    lab.run(Duration::from_secs(5));
    let heard = lab.client("bob").heard(1);
    assert_eq!(heard[2..], ["gap of 1", "alice 4: kept", "alice 5: later"]);
    lab.end(&["alice", "bob"]);
}

#[test]
fn an_inbox_has_room_for_200_messages_and_a_mebibyte() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    for index in 0..201 {
        let expected = if index < 200 { Ok(Reached::Stored) } else { Err(-11_036) };
        assert_eq!(send(&mut lab, "alice", "bob", "x", true), expected, "{index}");
        if index % 50 == 49 {
            lab.run(Duration::from_secs(1));
        }
    }
    let mut sent = 0;
    while send(&mut lab, "alice", "carol", &"x".repeat(32_000), true) == Ok(Reached::Stored) {
        sent += 1;
    }
    assert_eq!(sent, 32, "of 32,000 bytes each");
    // Who is there gets it all the same, and alice hears that it isn't stored.
    lab.add_users(&["bob"]);
    lab.with_client("bob", |client, now| {
        client.command(now, Command::OpenInbox { handle: HandleId(1) });
    });
    lab.run(Duration::from_secs(2));
    assert_eq!(lab.client("bob").heard(1).len(), 200);
    assert_eq!(send(&mut lab, "alice", "bob", "x", true), Ok(Reached::Received), "room again");
}

/// All at once it would be too much for the session's queue, again each time that it comes back.
#[test]
fn a_full_inbox_comes_to_a_session_with_a_short_queue() {
    let session = Config::server().send_queue(128 * 1_024, 64);
    let mut lab = Lab::build(11, link().loss(0.1), AppLimits::open(), session);
    lab.add_users(&["alice"]);
    for _ in 0..200 {
        let sent = send(&mut lab, "alice", "bob", &"x".repeat(5_000), true);
        assert_eq!(sent, Ok(Reached::Stored));
    }
    lab.add_users(&["bob"]);
    lab.call("bob", open_inbox(1)).unwrap();
    lab.run(Duration::from_secs(30));
    assert_eq!(lab.client("bob").heard(1).len(), 200);
    assert_eq!(lab.status().gateway.too_slow, 0);
    assert_eq!(send(&mut lab, "alice", "bob", "hi", false), Ok(Reached::Received));
}

/// The publisher's session is lost before the answer; its next one asks again.
#[test]
fn a_repeat_gets_the_answer_of_the_first_that_waited() {
    let mut lab = Lab::with_users(0.0, &["bob"]);
    lab.call("bob", open_inbox(1)).unwrap();
    let publish = Publish {
        channel: ChannelRef { kind: ChannelKind::User, name: "bob" },
        flags: PublishFlags { store: false },
        message_type: MessageType::String,
        custom_type: "",
        payload: b"psst",
    };
    lab.add_raw("alice", Config::default(), &encode(0, login("alice", 1)));
    lab.set_blackout("bob", true);
    lab.with_raw("alice", |raw, now| raw.request(now, 7, publish));
    lab.run(Duration::from_secs(1));
    // Another session of the same instance.
    lab.add_raw("alice again", Config::default(), &encode(0, login("alice", 1)));
    lab.with_raw("alice again", |raw, now| raw.request(now, 7, publish));
    lab.run(Duration::from_secs(1));
    lab.set_blackout("bob", false);
    lab.run(Duration::from_secs(5));
    assert_eq!(lab.raw("alice again").codes(7), [ErrorCode::OK]);
    assert_eq!(lab.client("bob").heard(1), ["alice 1: psst"]);
    // And once more, after the answer.
    lab.with_raw("alice again", |raw, now| raw.request(now, 7, publish));
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.raw("alice again").codes(7), [ErrorCode::OK, ErrorCode::OK]);
    assert_eq!(lab.client("bob").heard(1).len(), 1);
}

#[test]
fn a_user_can_write_to_himself() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", open_inbox(1)).unwrap();
    lab.run(Duration::from_millis(100));
    assert_eq!(send(&mut lab, "alice", "alice", "note", false), Ok(Reached::Received));
    assert_eq!(lab.client("alice").heard(1), ["alice 1: note"]);
}

#[test]
fn what_is_received_although_there_was_no_room_to_store_it_is_said_to_be_so() {
    let mut limits = AppLimits::hosted();
    limits.channel.inbox_messages = 1;
    let mut lab = Lab::build(5, link(), limits, Config::server());
    lab.add_users(&["alice", "bob"]);
    lab.call("bob", open_inbox(1)).unwrap();
    lab.with_client("bob", |bob, now| bob.set_takes(now, false));
    // The first one waits in the inbox until bob has said that he has it.
    lab.set_blackout("bob", true);
    let first = begin(&mut lab, "alice", "bob", "a", true);
    let second = begin(&mut lab, "alice", "bob", "b", true);
    lab.run(Duration::from_secs(2));
    lab.set_blackout("bob", false);
    lab.with_client("bob", |bob, now| bob.set_takes(now, true));
    lab.run(Duration::from_secs(5));
    assert_eq!(lab.client("bob").heard(1), ["alice 1: a", "alice 2: b"]);
    let reached = [first, second].map(|it| lab.published("alice", it).unwrap().reached);
    assert_eq!(reached, [Reached::Received, Reached::ReceivedNotStored]);
    assert_eq!(reached.map(Reached::code), [0, -11_037]);
}
