//! What goes out, and in which order.

use rtm_channel::{ChannelName, KeptMessage};
use rtm_wire::{Epoch, MessageEvent, MessageType, Published, Reply};

use super::*;

const BOB: SubscriberId = SubscriberId(7);

fn key() -> ChannelKey {
    let (app, name) = (AppId::new("app"), ChannelName::new("lobby"));
    let (app, name) = (app.expect("a name"), name.expect("a name"));
    ChannelKey { app, kind: ChannelKind::Message, name }
}

fn at(sequence: u64) -> Position {
    Position { epoch: Epoch(1), sequence: Sequence(sequence) }
}

fn page(newest_first: &[KeptMessage]) -> HistoryPage {
    HistoryPage { messages: newest_first.to_vec(), has_more: false }
}

fn message(sequence: u64) -> KeptMessage {
    let (key, time) = (key(), UnixTime::default());
    let event = encode(&Event::Message(MessageEvent {
        channel: key.as_ref(),
        publisher: "alice",
        position: at(sequence),
        time,
        message_type: MessageType::Binary,
        custom_type: "",
        payload: b"x",
    }));
    KeptMessage { published: Published { position: at(sequence), time }, event }
}

fn beginning(operation: u64, after: u64) -> Beginning {
    let (after, position) = (at(after), at(9));
    let operation = Some(OperationId(operation));
    Beginning {
        key: key(),
        subscriber: BOB,
        operation,
        after,
        position,
        since: UnixTime::default(),
    }
}

/// Sequences of messages, and the answer's operation as a negative number.
fn told(outputs: &[Output]) -> Vec<i64> {
    let one = |output: &Output| {
        let Output::Event { to, message, .. } = output else { panic!("{output:?}") };
        assert_eq!(to, &[BOB]);
        match Event::decode(message) {
            Ok(Event::Message(event)) => event.position.sequence.0 as i64,
            _ => -(Reply::decode(message).expect("an answer").operation.0 as i64),
        }
    };
    outputs.iter().map(one).collect()
}

fn say(catch_ups: &mut CatchUps, sequence: u64) -> Vec<i64> {
    let event = message(sequence).event;
    let mut outputs = vec![Output::in_order(LaneKey::of(&key()), vec![BOB], event)];
    catch_ups.divert(&key().app, &mut outputs, false);
    outputs.retain(|it| !matches!(it, Output::Event { to, .. } if to.is_empty()));
    told(&outputs)
}

#[test]
fn what_was_missed_the_answer_and_what_came_meanwhile_in_this_order() {
    let mut catch_ups = CatchUps::new((1 << 20, 1_000));
    let number = catch_ups.begin(&beginning(3, 5));
    assert!(say(&mut catch_ups, 10).is_empty());
    let found = catch_ups.found(&key(), BOB, number, &page(&[message(9), message(7)]));
    assert_eq!(told(&found), [7, 9, -3, 10]);
    assert_eq!(say(&mut catch_ups, 11), [11]);
}

/// As [`told`], with 0 for other news, a position as hundreds, and where to go on at the end.
fn told_slow(outputs: &[Output]) -> (Vec<i64>, Option<u64>) {
    let Some((Output::ReplayEnds { to: BOB, more_after, .. }, events)) = outputs.split_last()
    else {
        panic!("{outputs:?}")
    };
    let one = |output: &Output| {
        let Output::Event { message, .. } = output else { panic!("{output:?}") };
        match Event::decode(message) {
            Ok(Event::Message(event)) => event.position.sequence.0 as i64,
            Ok(Event::Position(event)) => 100 * event.position.sequence.0 as i64,
            _ => 0,
        }
    };
    (events.iter().map(one).collect(), more_after.map(|it| it.sequence.0))
}

/// Two messages and other news between them come while a slow subscriber is behind.
fn behind(catch_ups: &mut CatchUps) -> u64 {
    let number = catch_ups.begin(&Beginning { operation: None, ..beginning(0, 5) });
    assert!(say(catch_ups, 10).is_empty());
    let news = Bytes::from_static(&[0xff]);
    let mut outputs = vec![Output::in_order(LaneKey::of(&key()), vec![BOB], news)];
    catch_ups.divert(&key().app, &mut outputs, false);
    assert!(say(catch_ups, 11).is_empty());
    number
}

#[test]
fn a_slow_one_goes_on_where_a_part_ends_and_other_news_do_not_wait() {
    let mut catch_ups = CatchUps::new((1 << 20, 1_000));
    let number = behind(&mut catch_ups);
    let part = HistoryPage { messages: vec![message(6), message(8)], has_more: true };
    let outputs = catch_ups.found(&key(), BOB, number, &part);
    assert_eq!(told_slow(&outputs), (vec![6, 8, 0], Some(8)));
    let number = behind(&mut catch_ups);
    let outputs = catch_ups.found(&key(), BOB, number, &page(&[message(9)]));
    assert_eq!(told_slow(&outputs), (vec![9, 900, 10, 0, 11], None));
}

#[test]
fn a_slow_one_gets_each_part_however_much_comes_meanwhile() {
    for (has_more, expected) in [(false, (vec![6, 900], Some(9))), (true, (vec![6], Some(6)))] {
        // Four may come.
        let mut catch_ups = CatchUps::new((1 << 20, 8));
        let number = behind(&mut catch_ups);
        assert!(say(&mut catch_ups, 12).is_empty());
        let others = |catch_ups: &mut CatchUps, event| {
            let mut outputs = vec![Output::in_order(LaneKey::of(&key()), vec![BOB], event)];
            catch_ups.divert(&key().app, &mut outputs, false);
            let to_bob = |it: &&Output| matches!(it, Output::Event { to, .. } if to == &[BOB]);
            outputs.iter().filter(to_bob).count()
        };
        assert_eq!(others(&mut catch_ups, message(13).event), 1, "the news goes out");
        assert_eq!(others(&mut catch_ups, message(14).event), 0);
        assert_eq!(others(&mut catch_ups, Bytes::from_static(&[0xff])), 1);
        let page = HistoryPage { messages: vec![message(6)], has_more };
        assert_eq!(told_slow(&catch_ups.found(&key(), BOB, number, &page)), expected);
    }
}

#[test]
fn a_slow_one_whose_subscription_ends_gets_nothing_more() {
    let mut catch_ups = CatchUps::new((1 << 20, 1_000));
    behind(&mut catch_ups);
    let mut outputs = vec![Output::LaneEnds { to: vec![BOB], lane: LaneKey::of(&key()) }];
    catch_ups.divert(&key().app, &mut outputs, false);
    assert_eq!(told_slow(&outputs[..1]), (vec![], None));
    assert_eq!(outputs.len(), 2);
    assert!(!catch_ups.is_waiting(&key(), BOB));
}

#[test]
fn a_read_for_a_former_subscription_ends_no_later_one() {
    let mut catch_ups = CatchUps::new((1 << 20, 1_000));
    let former = catch_ups.begin(&beginning(3, 5));
    let lane = LaneKey::of(&key());
    let mut outputs = vec![Output::LaneEnds { to: vec![BOB], lane }];
    catch_ups.divert(&key().app, &mut outputs, false);
    assert_eq!(told(&outputs[..1]), [-3], "it is answered, and ends then");
    assert!(matches!(&outputs[1], Output::LaneEnds { to, .. } if to == &[BOB]));
    let later = catch_ups.begin(&beginning(4, 1));
    assert!(catch_ups.found(&key(), BOB, former, &page(&[message(7)])).is_empty());
    assert_eq!(told(&catch_ups.found(&key(), BOB, later, &page(&[message(2)]))), [2, -4]);
}

#[test]
fn too_much_meanwhile_goes_on_without_a_replay() {
    let mut catch_ups = CatchUps::new((1 << 20, 8));
    let number = catch_ups.begin(&beginning(3, 5));
    let said: Vec<_> = (10..15).map(|sequence| say(&mut catch_ups, sequence)).collect();
    assert_eq!(said, [vec![], vec![], vec![], vec![], vec![-3, 10, 11, 12, 13, 14]]);
    assert!(catch_ups.found(&key(), BOB, number, &page(&[message(7)])).is_empty());
}

#[test]
fn as_many_catch_up_as_have_reads_under_way_whoever_is_gone() {
    let mut catch_ups = CatchUps::new((1 << 20, 1_000));
    for _ in 0..WAITING_MAX {
        assert!(!catch_ups.is_full());
        catch_ups.begin(&beginning(3, 5));
        catch_ups.forget(&key(), BOB);
    }
    assert!(catch_ups.is_full() && catch_ups.waiting.is_empty());
    assert!(catch_ups.found(&key(), BOB, 1, &page(&[])).is_empty());
    assert!(!catch_ups.is_full());
}
