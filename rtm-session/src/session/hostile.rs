//! What a peer with valid keys can't do: break a rule unnoticed, fill memory, or make work that
//! grows faster than what it sends.

use std::net::SocketAddr;
use std::time::Duration;

use allocation_counter::measure;
use bytes::Bytes;
use rtm_wire::{
    CloseCode, Fragment, LaneClose, LaneCredit, LaneMode, Message, PacketNumber, Parity,
    PathChallenge, Qos, Reliability, Skip, Ticket, TransportParams,
};

use super::aside::RESPONSES_MAX;
use super::duel::{Duel, frame};
use super::*;

const MS: Duration = Duration::from_millis(1);
const MODE: LaneMode = LaneMode::RELIABLE_ORDERED;

/// Five lanes with lane 0, of 8,000 bytes each.
fn config() -> Config {
    Config::server().lanes_max(4).message_len_max(3_000).lane_credit(8_000)
}

fn duel() -> Duel {
    Duel::server(&config(), TransportParams::default())
}

/// A message, or a fragment of one, of one repeated byte.
fn message(lane: u64, seq: u64, part: Option<(u64, u64)>, length: usize) -> Vec<u8> {
    let payload = &vec![7; length][..];
    let fragment = part.map(|(offset, total)| Fragment { offset, total });
    let (lane, seq) = (LaneId(lane), MessageSeq(seq));
    frame(&Message { lane, mode: MODE, seq, fragment, deadline_ms: None, payload })
}

fn parity(lane: u64, seq: u64, total: u64, index: u8, length: usize) -> Vec<u8> {
    let (lane, seq, symbol) = (LaneId(lane), MessageSeq(seq), &vec![9; length][..]);
    frame(&Parity { lane, mode: MODE, seq, total, index, symbol })
}

fn skip(lane: u64, first: u64, count: u64, bytes: u64) -> Vec<u8> {
    frame(&Skip { lane: LaneId(lane), first: MessageSeq(first), count, bytes })
}

fn close(lane: u64, end: u64) -> Vec<u8> {
    frame(&LaneClose { lane: LaneId(lane), end: MessageSeq(end) })
}

fn of_mode(order: Qos, reliability: Reliability) -> Vec<u8> {
    let (lane, seq, mode) = (LaneId(1), MessageSeq(1), LaneMode { order, reliability });
    frame(&Message { lane, mode, seq, fragment: None, deadline_ms: None, payload: b"x" })
}

#[test]
fn each_broken_rule_ends_the_session_with_its_code() {
    let (protocol, limit) = (CloseCode::PROTOCOL, CloseCode::LIMIT);
    let cases: Vec<(&str, Vec<Vec<u8>>, CloseCode)> = vec![
        ("a frame that can't be read", vec![vec![0x02, 0x01, 0x00]], protocol),
        ("a frame longer than its packet", vec![vec![0x04, 0x20, 0x00]], protocol),
        ("a number beyond the window", vec![message(1, 16_384, None, 1)], protocol),
        ("a mode that is none", vec![of_mode(Qos::Ordered, Reliability::Unknown(3))], protocol),
        (
            "two modes for a lane",
            vec![message(1, 0, None, 1), of_mode(Qos::Unordered, Reliability::Reliable)],
            protocol,
        ),
        ("the end of lane 0", vec![close(0, 9)], protocol),
        ("two ends of a lane", vec![close(1, 9), close(1, 8)], protocol),
        ("a message after the end", vec![close(1, 1), message(1, 1, None, 1)], protocol),
        ("a skip beyond the window", vec![skip(1, 0, 16_385, 0)], protocol),
        ("credit of no lane", vec![frame(&LaneCredit { lane: LaneId(9), limit: 9 })], protocol),
        ("more lanes than allowed", vec![message(5, 0, None, 1)], limit),
        ("lanes opened by their end", vec![close(5, 9)], limit),
        ("too long a message", vec![message(1, 0, Some((0, 3_001)), 9)], limit),
        ("parity of too long a message", vec![parity(1, 0, 3_001, 0, 1_000)], limit),
        (
            "two lengths of a message",
            vec![message(1, 0, Some((0, 90)), 9), parity(1, 0, 91, 0, 20)],
            limit,
        ),
        (
            "more than the credit",
            (0..3).map(|seq| message(1, seq, Some((0, 2_999)), 9)).collect(),
            limit,
        ),
        (
            "more parity than the credit",
            (0..3).map(|seq| parity(1, seq, 2_999, 0, 1_000)).collect(),
            limit,
        ),
        ("a skip of more than the credit", vec![skip(1, 0, 1, 9_000)], limit),
        ("a skip of several with bytes", vec![skip(1, 0, 2, 1)], limit),
    ];
    for (rule, frames, code) in cases {
        let mut duel = duel();
        for bytes in &frames {
            assert_eq!(duel.cause(), None, "{rule}: too early");
            duel.send(bytes);
        }
        let Some(CloseCause::Violation(violation)) = duel.cause() else {
            panic!("{rule}: {:?}", duel.cause())
        };
        assert_eq!(violation.close_code(), code, "{rule}");
    }
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_ends_the_session() {
    let mut duel = duel();
    duel.send(&frame(&PathChallenge([1; 8])));
    let sent = duel.run(MS);
    let last = *sent.last().expect("an answer");
    duel.ack(PacketNumber(0)..=last);
    assert_eq!(duel.cause(), None);
    duel.ack(PacketNumber(0)..=PacketNumber(last.0 + 1));
    assert_eq!(duel.cause(), Some(&CloseCause::Violation(Violation::Ack)));
}

#[test]
fn a_window_that_shrinks_is_an_old_frame() {
    let mut duel = duel();
    duel.send(&frame(&LaneCredit { lane: LaneId(0), limit: 0 }));
    duel.say(LaneId(0), Bytes::from(vec![1; 500])).expect("taken");
    duel.run(MS);
    assert!(duel.session.stats().bytes_sent > 500, "the first limit still holds");
    assert_eq!(duel.cause(), None);
}

#[test]
fn a_flood_of_path_challenges_gets_four_answers_a_time() {
    let mut duel = duel();
    let flood: Vec<u8> =
        (0..100_u8).flat_map(|number| frame(&PathChallenge([number; 8]))).collect();
    let before = duel.session.stats().bytes_sent;
    for _ in 0..100 {
        duel.send(&flood);
    }
    assert_eq!(duel.session.asides.responses(), RESPONSES_MAX);
    duel.run(MS);
    assert!(duel.session.stats().bytes_sent - before <= 200);
    assert_eq!(duel.cause(), None);
}

/// Many messages as short as may be cut, of which one symbol has come, on all lanes.
fn crumbs_of_messages(duel: &mut Duel, messages: u64) {
    for number in 0..messages {
        let (lane, seq) = (number % 5, 1 + number / 5);
        duel.send(&if number % 2 == 0 {
            message(lane, seq, Some((0, 33)), 1)
        } else {
            parity(lane, seq, 33, 0, 1)
        });
    }
}

/// Every second byte, from the end on, and then the rest.
fn crumbs_of_bytes(duel: &mut Duel, bytes: u64) {
    for offset in (0..bytes).rev() {
        duel.send(&message(1, 1, Some((offset, bytes)), 1));
    }
}

fn holes(duel: &mut Duel, count: u64) {
    (0..count).for_each(|number| duel.send(&skip(1, 1 + 2 * number, 1, 0)));
}

fn lanes(duel: &mut Duel, count: u64) {
    for lane in 1..=count {
        duel.send(&message(lane, 0, None, 1));
        duel.release(LaneId(lane), 1);
        duel.send(&close(lane, 1));
        drop(duel.take_events());
    }
}

fn lost_packets(duel: &mut Duel, count: u64) {
    for _ in 0..count {
        duel.lose(1);
        duel.send(&frame(&rtm_wire::Ping));
        duel.run(MS);
    }
}

/// Whether the peer is heard there, which is answered; the answers are not acknowledged.
fn questions(duel: &mut Duel, count: u64) {
    for number in 0..count {
        let elsewhere = SocketAddr::from(([10, 9, 9, 9], 9));
        duel.send_from(elsewhere, &frame(&PathChallenge(number.to_be_bytes())));
        duel.run(MS);
    }
}

fn tickets(duel: &mut Duel, count: u64) {
    for number in 0..count {
        let ticket = Ticket { number, lifetime_ms: u64::MAX >> 2, early_max: 9, ticket: &[1; 300] };
        duel.send(&frame(&ticket));
        drop(duel.take_events());
    }
}

fn useless_parity(duel: &mut Duel, count: u64) {
    for number in 0..count {
        duel.send(&parity(1, 0, 3_000, (number % 200) as u8, 100));
    }
}

type Attack = fn(&mut Duel, u64);

/// What is done, how often, and the bytes that a session may hold then.
///
/// Incomplete messages of two bytes cost the most beside what they count: about 470 bytes for 34
/// bytes of credit (see "Memory" of `docs/security.md`).
const ATTACKS: &[(&str, Attack, u64, i64)] = &[
    ("parts of tiny messages", crumbs_of_messages, 500, 110_000),
    ("a message in bytes", crumbs_of_bytes, 2_000, 8_000),
    ("holes", holes, 4_000, 80_000),
    ("lanes that come and go", lanes, 2_000, 5_000),
    ("every second packet", lost_packets, 2_000, 5_000),
    ("tickets", tickets, 2_000, 2_000),
    ("questions from elsewhere", questions, 2_000, 10_000),
    ("parity that is of no use", useless_parity, 4_000, 10_000),
];

fn fresh(what: &str) -> Duel {
    match what {
        "tickets" => Duel::client(&config(), TransportParams::default()),
        _ => duel(),
    }
}

#[test]
fn what_a_hostile_peer_sends_is_held_within_bounds() {
    for (what, attack, times, most) in ATTACKS {
        let mut duel = fresh(what);
        duel.send(&[]);
        let held = measure(|| attack(&mut duel, *times)).bytes_current;
        assert_eq!(duel.cause(), None, "{what}");
        assert!(held <= *most, "{what}: {held} bytes");
    }
}

#[test]
fn twice_as_much_of_it_makes_twice_the_work() {
    for (what, attack, times, _) in ATTACKS {
        let work = |times| {
            let mut duel = fresh(what);
            let work = measure(|| attack(&mut duel, times));
            (work.count_total, work.bytes_total)
        };
        let (once, twice) = (work(times / 2), work(*times));
        // Counted are allocations and their bytes: what is copied or searched is allocated for.
        assert!(twice.0 <= once.0 * 9 / 4 + 100, "{what}: {once:?} {twice:?}");
        assert!(twice.1 <= once.1 * 9 / 4 + 20_000, "{what}: {once:?} {twice:?}");
    }
}
