//! One case at a time; `tests/it/inbox.rs` has the long histories.

use rtm_wire::{ChannelKind, MessageType, OperationId, PublishFlags, SessionInstance};

use super::*;
use crate::identity::Identity;
use crate::name::{AppId, ChannelName};

const BOB: SubscriberId = SubscriberId(7);

fn at(millis: u64) -> Time {
    Time::from_micros(millis * 1_000)
}

fn inbox(limits: &Limits) -> InboxAuthority {
    let (app, name) = (AppId::new("app"), ChannelName::new("bob"));
    let kind = ChannelKind::User;
    let key = ChannelKey { app: app.expect("a name"), kind, name: name.expect("a name") };
    InboxAuthority::new(key, Epoch(2), Sequence(7), limits)
}

fn asker(operation: u64) -> Asker {
    let user = UserId::new("alice").expect("a name");
    let identity = Identity { user, instance: SessionInstance(1) };
    Asker { subscriber: SubscriberId(1), identity, operation: OperationId(operation) }
}

fn send_with(
    inbox: &mut InboxAuthority,
    now: u64,
    operation: u64,
    store: bool,
    may_store: bool,
) -> Result<Delivered, Refusal> {
    let key = inbox.key.clone();
    let publish = Publish {
        channel: key.as_ref(),
        flags: PublishFlags { store },
        message_type: MessageType::Binary,
        custom_type: "",
        payload: b"x",
    };
    let alice = UserId::new("alice").expect("a name");
    let moment = (at(now), UnixTime::from_millis(now));
    let result = inbox.publish(moment, &alice, &publish, asker(operation), may_store);
    result.map(|(published, delivered)| {
        assert_eq!(published, Published { position: inbox.position(), time: moment.1 });
        delivered
    })
}

fn send(inbox: &mut InboxAuthority, now: u64, operation: u64, store: bool) -> Delivered {
    send_with(inbox, now, operation, store, true).expect("it is taken")
}

fn position(sequence: u64) -> Position {
    Position { epoch: Epoch(2), sequence: Sequence(sequence) }
}

/// Operation, sequence and how far it got.
fn told(outcomes: &[Outcome]) -> Vec<(u64, u64, Reached)> {
    let one = |outcome: &Outcome| {
        let sequence = outcome.published.position.sequence.0;
        (outcome.asker.operation.0, sequence, outcome.reached)
    };
    outcomes.iter().map(one).collect()
}

fn kept(opened: &Opened) -> Vec<u64> {
    let sequence = |event: &Bytes| match Event::decode(event) {
        Ok(Event::Message(event)) => event.position.sequence.0,
        other => panic!("{other:?}"),
    };
    opened.kept.iter().map(sequence).collect()
}

#[test]
fn a_receipt_answers_all_up_to_it() {
    let mut inbox = inbox(&Limits::hosted());
    let opened = inbox.open(BOB, None);
    assert_eq!((opened.position, kept(&opened)), (position(7), vec![]));
    for operation in 1..=3 {
        let Delivered::Sent(fanout) = send(&mut inbox, operation, operation, false) else {
            panic!("bob reads")
        };
        assert_eq!(fanout.to, [BOB]);
    }
    assert_eq!(told(&inbox.receipt(SubscriberId(1), position(9)).outcomes), [], "not the reader");
    let received = inbox.receipt(BOB, position(9)).outcomes;
    assert_eq!(told(&received), [(1, 8, Reached::Received), (2, 9, Reached::Received)]);
    assert_eq!(told(&inbox.receipt(BOB, position(9)).outcomes), []);
    assert_eq!(told(&inbox.receipt(BOB, position(11)).outcomes), [], "never published");
    let other_epoch = Position { epoch: Epoch(1), sequence: Sequence(10) };
    assert_eq!(told(&inbox.receipt(BOB, other_epoch).outcomes), []);
    assert_eq!(told(&inbox.receipt(BOB, position(10)).outcomes), [(3, 10, Reached::Received)]);
    assert_eq!(inbox.poll_timeout(), None);
}

#[test]
fn a_receipt_that_does_not_come_is_not_waited_for() {
    let mut inbox = inbox(&Limits::hosted());
    inbox.open(BOB, None);
    send(&mut inbox, 1, 1, false);
    send(&mut inbox, 2, 2, true);
    assert_eq!(inbox.poll_timeout(), Some(at(10_001)));
    assert_eq!(told(&inbox.handle_timeout(at(10_000))), []);
    assert_eq!(told(&inbox.handle_timeout(at(10_001))), [(1, 8, Reached::Unknown)]);
    assert_eq!(told(&inbox.handle_timeout(at(10_002))), [(2, 9, Reached::Stored)]);
    assert_eq!(told(&inbox.receipt(BOB, position(9)).outcomes), [], "answered already");
    assert_eq!(inbox.stored_bytes(), 0);
}

#[test]
fn who_is_away_gets_what_was_stored_and_nothing_twice() {
    let mut inbox = inbox(&Limits::hosted());
    let refusal = send_with(&mut inbox, 0, 1, false, true).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::CHANNEL_RECEIVER_OFFLINE);
    assert_eq!(send(&mut inbox, 0, 2, true), Delivered::Stored);
    assert_eq!(send(&mut inbox, 0, 3, true), Delivered::Stored);
    let opened = inbox.open(BOB, None);
    assert_eq!((opened.position, kept(&opened)), (position(7), vec![8, 9]));
    send(&mut inbox, 2, 4, false);
    send(&mut inbox, 2, 5, true);
    assert_eq!(told(&inbox.receipt(BOB, position(8)).outcomes), [], "nobody waits for it");
    // Lost: what was to be stored waits, the rest is unknown.
    let lost = inbox.lose(BOB);
    assert_eq!(told(&lost), [(4, 10, Reached::Unknown), (5, 11, Reached::Stored)]);
    // Its receipt for 9 was lost with the session; it says so.
    let opened = inbox.open(SubscriberId(8), Some(position(9)));
    assert_eq!((opened.position, kept(&opened)), (position(9), vec![11]));
    assert_eq!(told(&inbox.receipt(SubscriberId(8), position(11)).outcomes), []);
    assert_eq!(told(&inbox.close(BOB)), [], "it reads no more");
    assert!(inbox.is_read_by(SubscriberId(8)));
    inbox.close(SubscriberId(8));
    assert!(inbox.is_empty());
}

#[test]
fn an_inbox_is_full_at_its_limits_and_not_before() {
    let mut limits = Limits::hosted();
    limits.inbox_messages = 2;
    let mut full = inbox(&limits);
    send(&mut full, 0, 1, true);
    send(&mut full, 0, 2, true);
    let refusal = send_with(&mut full, 0, 3, true, true).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::CHANNEL_RECEIVER_OFFLINE_AND_STORE_FAILED);
    full.open(BOB, None);
    send(&mut full, 1, 4, true);
    let received = full.receipt(BOB, position(10)).outcomes;
    assert_eq!(told(&received), [(4, 10, Reached::ReceivedNotStored)]);
    send(&mut full, 2, 5, true);
    assert_eq!(told(&full.receipt(BOB, position(11)).outcomes), [(5, 11, Reached::Received)]);

    limits.inbox_messages = 100;
    let mut one = inbox(&limits);
    send(&mut one, 0, 1, true);
    limits.inbox_bytes = 3 * one.stored_bytes() + 1;
    let mut three = inbox(&limits);
    for operation in 1..=3 {
        send(&mut three, 0, operation, true);
    }
    let refusal = send_with(&mut three, 0, 4, true, true).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::CHANNEL_RECEIVER_OFFLINE_AND_STORE_FAILED);
    let refusal = send_with(&mut one, 0, 5, true, false).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::CHANNEL_RECEIVER_OFFLINE_AND_STORE_FAILED);
}

#[test]
fn what_is_kept_is_kept_for_days_and_then_gone() {
    let mut limits = Limits::hosted();
    limits.inbox_days = 1;
    let mut inbox = inbox(&limits);
    send(&mut inbox, 0, 1, true);
    send(&mut inbox, 5, 2, true);
    let day = 86_400_000;
    assert_eq!(inbox.poll_timeout(), Some(at(day)));
    inbox.handle_timeout(at(day));
    let opened = inbox.open(BOB, None);
    assert_eq!((opened.position, kept(&opened)), (position(8), vec![9]));
}

#[test]
fn too_many_without_a_receipt_are_refused() {
    let mut inbox = inbox(&Limits::open());
    inbox.open(BOB, None);
    for operation in 0..PENDING_MAX as u64 {
        send(&mut inbox, 0, operation, false);
    }
    let refusal = send_with(&mut inbox, 0, 9_999, false, true).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::CHANNEL_PUBLISH_MESSAGE_FAILED);
    inbox.receipt(BOB, position(8));
    send(&mut inbox, 0, 9_999, false);
}

#[test]
fn who_asks_again_gets_the_answer() {
    let mut inbox = inbox(&Limits::hosted());
    inbox.open(BOB, None);
    send(&mut inbox, 0, 1, false);
    send(&mut inbox, 0, 2, false);
    assert!(inbox.ask_again(&Asker { subscriber: SubscriberId(99), ..asker(2) }));
    assert!(!inbox.ask_again(&asker(3)), "nobody waits for it");
    let received = inbox.receipt(BOB, position(9)).outcomes;
    let to: Vec<_> = received.iter().map(|outcome| outcome.asker.subscriber.0).collect();
    assert_eq!(to, [1, 99]);
}

#[test]
fn who_closes_misses_nothing_that_was_not_stored_and_who_is_lost_does() {
    for is_lost in [false, true] {
        let mut inbox = inbox(&Limits::hosted());
        inbox.open(BOB, None);
        send(&mut inbox, 0, 1, false);
        send(&mut inbox, 0, 2, true);
        let outcomes = if is_lost { inbox.lose(BOB) } else { inbox.close(BOB) };
        assert_eq!(told(&outcomes), [(1, 8, Reached::Unknown), (2, 9, Reached::Stored)]);
        let opened = inbox.open(BOB, None);
        let from = if is_lost { 7 } else { 8 };
        assert_eq!((opened.position, kept(&opened)), (position(from), vec![9]));
    }
    let mut inbox = inbox(&Limits::hosted());
    inbox.open(BOB, None);
    send(&mut inbox, 0, 1, false);
    inbox.close(BOB);
    assert_eq!(inbox.open(BOB, None).position, position(8), "nothing is kept");
}

#[test]
fn what_was_kept_goes_out_in_steps_and_what_comes_waits_its_turn() {
    let mut inbox = inbox(&Limits::hosted());
    for operation in 1..=20 {
        send(&mut inbox, 0, operation, true);
    }
    let opened = inbox.open(BOB, None);
    assert_eq!(kept(&opened), Vec::from_iter(8..16), "eight messages at a time");
    assert_eq!(send(&mut inbox, 1, 21, false), Delivered::Queued);
    let mut had = 15;
    while had < 28 {
        let Progress { next, .. } = inbox.receipt(BOB, position(had));
        let step = kept(&Opened { position: position(0), kept: next, outcomes: Vec::new() });
        assert_eq!(step, Vec::from_iter(had + 1..=(had + 8).min(28)));
        had += step.len() as u64;
    }
    assert!(matches!(send(&mut inbox, 2, 22, false), Delivered::Sent(_)), "nothing is kept");
    let received = inbox.receipt(BOB, position(29)).outcomes;
    assert_eq!(told(&received), [(21, 28, Reached::Received), (22, 29, Reached::Received)]);
}

/// The inbox as its successor in epoch 3 has it.
fn restarted(inbox: &InboxAuthority, now: u64) -> InboxAuthority {
    let letters = inbox.letters(position(0));
    let kept = inbox.kept().expect("letters are kept");
    let moment = (at(now), UnixTime::from_millis(now));
    InboxAuthority::restored(inbox.key.clone(), Epoch(3), moment, kept, letters, &Limits::hosted())
}

#[test]
fn what_is_kept_besides_letters_stays_the_same_while_somebody_reads() {
    let mut inbox = inbox(&Limits::hosted());
    assert_eq!(inbox.kept(), None, "without letters");
    send(&mut inbox, 0, 1, true);
    let received = position(7);
    assert_eq!(inbox.kept(), Some(KeptInbox { received, last: Some(position(8)) }));
    inbox.open(BOB, None);
    for operation in 2..5 {
        send(&mut inbox, 0, operation, false);
        // Nothing has to be kept for a message that isn't stored.
        assert_eq!(inbox.kept(), Some(KeptInbox { received, last: None }));
    }
    inbox.lose(BOB);
    assert_eq!(inbox.kept(), Some(KeptInbox { received, last: Some(position(11)) }));
    assert_eq!(inbox.letters(position(7)).count(), 1);
    assert_eq!(inbox.letters(position(8)).count(), 0);
}

#[test]
fn who_has_had_all_letters_of_a_former_epoch_learns_at_once_that_it_has_ended() {
    let mut inbox = inbox(&Limits::hosted());
    inbox.open(BOB, None);
    send(&mut inbox, 0, 1, true);
    let mut successor = restarted(&inbox, 0);
    let opened = successor.clone().open(BOB, None);
    assert_eq!((opened.position, kept(&opened)), (position(7), vec![8]));
    let opened = successor.open(BOB, Some(position(8)));
    let begin = Position { epoch: Epoch(3), sequence: Sequence(0) };
    assert_eq!((opened.position, kept(&opened)), (begin, vec![]));
}

#[test]
fn what_is_restored_ends_when_it_would_have_ended() {
    let day = 86_400_000;
    let mut inbox = inbox(&Limits::hosted());
    send(&mut inbox, 5 * day, 1, true);
    let mut successor = restarted(&inbox, 11 * day);
    assert_eq!(successor.poll_timeout(), Some(at(12 * day)));
    // Also what is too old already, or comes from the future.
    assert_eq!(restarted(&inbox, 20 * day).poll_timeout(), Some(at(20 * day)));
    assert_eq!(restarted(&inbox, day).poll_timeout(), Some(at(8 * day)));
    successor.handle_timeout(at(12 * day));
    assert_eq!((successor.stored_bytes(), successor.kept()), (0, None));
}
