//! Lanes against peers that do what they like.

use bytes::Bytes;
use rtm_wire::{Fragment, LaneClose, LaneId, LaneMode, Message, MessageSeq, Skip, Time};

use super::send::SendLane;
use super::{LaneSpec, ReceiveLanes, Received};
use crate::error::Violation;

const LANE: LaneId = LaneId(1);

fn lanes() -> ReceiveLanes {
    ReceiveLanes::new(2, 100_000, 10_000)
}

/// Takes a message whose bytes are at the start of `packet`.
fn take(
    lanes: &mut ReceiveLanes,
    seq: u64,
    fragment: Option<(u64, u64)>,
    packet: &Bytes,
    length: usize,
) -> Result<Vec<Received>, Violation> {
    take_on(lanes, LANE, seq, fragment, packet, length)
}

fn take_on(
    lanes: &mut ReceiveLanes,
    lane: LaneId,
    seq: u64,
    fragment: Option<(u64, u64)>,
    packet: &Bytes,
    length: usize,
) -> Result<Vec<Received>, Violation> {
    let mut out = Vec::new();
    let message = Message {
        lane,
        mode: LaneMode::RELIABLE_ORDERED,
        seq: MessageSeq(seq),
        fragment: fragment.map(|(offset, total)| Fragment { offset, total }),
        deadline_ms: None,
        payload: &packet[..length],
    };
    lanes.on_message(Time::ZERO, packet, &message, &mut out).map(|()| out)
}

fn payloads<'a>(received: &'a [Received]) -> Vec<&'a Bytes> {
    let payload = |received: &'a Received| match received {
        Received::Message { payload, .. } => Some(payload),
        Received::Ended { .. } => None,
    };
    received.iter().filter_map(payload).collect()
}

fn shares(message: &Bytes, packet: &Bytes) -> bool {
    packet.as_ptr_range().contains(&message.as_ptr())
}

#[test]
fn a_message_shares_its_packet_only_if_it_is_a_good_part_of_it() {
    let packet = Bytes::from(vec![1; 1_200]);
    for (length, waits, expected) in [
        (1_000, false, true),
        (80, false, true),
        (8, false, false),
        (1_000, true, true),
        (80, true, false),
    ] {
        let mut lanes = lanes();
        let mut received = Vec::new();
        if waits {
            assert_eq!(take(&mut lanes, 1, None, &packet, length), Ok(Vec::new()));
            received = take(&mut lanes, 0, None, &Bytes::from_static(b"first"), 5).expect("fits");
        } else {
            received.extend(take(&mut lanes, 0, None, &packet, length).expect("fits"));
        }
        let message = *payloads(&received).last().expect("one at least");
        assert_eq!(message.len(), length);
        assert_eq!(shares(message, &packet), expected, "{length} bytes, waits: {waits}");
    }
}

fn skip(lanes: &mut ReceiveLanes, first: u64, count: u64, bytes: u64) -> Result<usize, Violation> {
    let mut out = Vec::new();
    let skip = Skip { lane: LANE, first: MessageSeq(first), count, bytes };
    lanes.on_skip(Time::ZERO, &skip, &mut out).map(|()| out.len())
}

#[test]
fn a_skip_lets_what_waits_go_and_gives_credit_back() {
    let mut lanes = lanes();
    let packet = Bytes::from(vec![1; 1_000]);
    assert_eq!(take(&mut lanes, 9, None, &packet, 500), Ok(Vec::new()));
    assert_eq!(take(&mut lanes, 4, Some((0, 9_000)), &packet, 1_000), Ok(Vec::new()));
    assert_eq!(lanes.buffered(), 1_500);

    assert_eq!(skip(&mut lanes, 4, 1, 9_032), Ok(0));
    assert_eq!(lanes.buffered(), 500);
    assert_eq!(skip(&mut lanes, 0, 9, 0), Ok(1));
    assert_eq!(lanes.buffered(), 0);
    // Said again, it means nothing.
    assert_eq!(skip(&mut lanes, 0, 9, 0), Ok(0));
}

#[test]
fn skips_that_overlap_and_repeat_count_credit_once() {
    let packet = Bytes::from(vec![1; 10_000]);
    // Each message takes 10,000 of 100,000 bytes.
    let mut lanes = lanes();
    for _ in 0..3 {
        (0..5).for_each(|seq| assert_eq!(skip(&mut lanes, seq, 1, 10_000), Ok(0)));
        assert_eq!(skip(&mut lanes, 3, 2, 0), Ok(0));
        assert_eq!(skip(&mut lanes, 3, 7, 0), Ok(0));
    }
    // 50,000 are used up and given back, the last 20,000 of which are too few to be told.
    let limit = lanes.next_grant().map(|credit| credit.limit);
    assert_eq!(limit, Some(130_000));
    for seq in 10..18 {
        assert!(take(&mut lanes, seq, None, &packet, 9_968).is_ok(), "message {seq}");
    }
    assert_eq!(take(&mut lanes, 18, None, &packet, 9_968), Err(Violation::Credit));
}

#[test]
fn a_skip_of_what_was_begun_is_not_charged_again() {
    let packet = Bytes::from(vec![1; 10_000]);
    let mut lanes = lanes();
    assert_eq!(take(&mut lanes, 0, Some((0, 9_968)), &packet, 100), Ok(Vec::new()));
    assert_eq!(skip(&mut lanes, 0, 1, 10_000), Ok(0));
    // 10,000 of 100,000 are used, and too few given back to be told.
    for seq in 1..10 {
        assert!(take(&mut lanes, seq, None, &packet, 9_968).is_ok(), "message {seq}");
    }
    assert_eq!(take(&mut lanes, 10, None, &packet, 9_968), Err(Violation::Credit));
}

#[test]
fn a_skip_gives_no_credit_that_was_not_taken() {
    let packet = Bytes::from(vec![1; 10_000]);
    assert_eq!(skip(&mut lanes(), 0, 2, 64), Err(Violation::Credit), "of two at once");
    assert_eq!(skip(&mut lanes(), 0, 1, 100_001), Err(Violation::Credit), "more than there is");
    let mut lanes = lanes();
    assert_eq!(take(&mut lanes, 0, Some((0, 500)), &packet, 100), Ok(Vec::new()));
    assert_eq!(skip(&mut lanes, 0, 1, 533), Err(Violation::Length), "more than it had taken");
}

#[test]
fn a_skip_of_many_delivers_what_waits_in_order() {
    let mut lanes = lanes();
    let packet = Bytes::from((0..200).collect::<Vec<u8>>());
    for seq in [9_000, 16_000, 3] {
        assert_eq!(take(&mut lanes, seq, None, &packet, seq as usize % 90 + 1), Ok(Vec::new()));
    }
    let mut out = Vec::new();
    let skip = Skip { lane: LANE, first: MessageSeq(0), count: 16_000, bytes: 0 };
    assert_eq!(lanes.on_skip(Time::ZERO, &skip, &mut out), Ok(()));
    let lengths: Vec<_> = payloads(&out).iter().map(|message| message.len()).collect();
    assert_eq!(lengths, [4, 1, 71]);
    let next = take(&mut lanes, 16_001, None, &packet, 7).expect("legal");
    assert_eq!(payloads(&next).len(), 1, "its turn has come");
}

#[test]
fn a_skip_beyond_the_window_or_the_end_is_a_violation() {
    let mut lanes = lanes();
    let mut out = Vec::new();
    let skip = |first, count| Skip { lane: LANE, first: MessageSeq(first), count, bytes: 0 };
    assert_eq!(lanes.on_skip(Time::ZERO, &skip(1, 16_384), &mut out), Err(Violation::Sequence));
    lanes.on_close(&LaneClose { lane: LANE, end: MessageSeq(5) }, &mut out).expect("may close");
    assert_eq!(lanes.on_skip(Time::ZERO, &skip(4, 2), &mut out), Err(Violation::Sequence));
    assert_eq!(lanes.on_skip(Time::ZERO, &skip(0, 5), &mut out), Ok(()));
    assert_eq!(out, [Received::Ended { lane: LANE }]);
}

#[test]
fn crumbs_with_holes_between_them_are_a_violation() {
    let crumb = Bytes::from_static(b"x");
    let (mut lanes, mut taken) = (lanes(), 0);
    let refused = (0..5_000).find_map(|index| {
        let result = take(&mut lanes, 0, Some((index * 2, 9_999)), &crumb, 1);
        taken += usize::from(result.is_ok());
        result.err()
    });
    assert_eq!(refused, Some(Violation::Length));
    assert!((300..400).contains(&taken), "{taken} pieces");
}

#[test]
fn fragments_of_the_shortest_kind_come_in_any_order() {
    let piece = Bytes::from(vec![5; 32]);
    let mut lanes = lanes();
    let mut done = Vec::new();
    // All even ones first, so that each has a hole beside it.
    for index in (0..300).step_by(2).chain((1..300).step_by(2)) {
        done.extend(take(&mut lanes, 0, Some((index * 32, 9_600)), &piece, 32).expect("legal"));
    }
    assert_eq!(payloads(&done), [&Bytes::from(vec![5; 9_600])]);
}

#[test]
fn a_whole_message_after_a_part_of_another_length_is_a_violation() {
    let packet = Bytes::from(vec![1; 9_000]);
    for (total, expected) in [(33, Err(Violation::Length)), (9_000, Ok(1))] {
        let mut lanes = lanes();
        assert_eq!(take(&mut lanes, 0, Some((0, total)), &packet, 1), Ok(Vec::new()));
        let whole = take(&mut lanes, 0, None, &packet, 9_000);
        assert_eq!(whole.map(|received| received.len()), expected, "after a part of {total}");
    }
}

#[test]
fn a_part_of_a_message_that_is_too_short_to_be_cut_is_a_violation() {
    let packet = Bytes::from(vec![1; 40]);
    for (total, expected) in [(32, Err(Violation::Length)), (33, Ok(Vec::new()))] {
        let mut lanes = lanes();
        assert_eq!(take(&mut lanes, 0, Some((0, total)), &packet, 1), expected, "of {total}");
    }
}

#[test]
fn an_end_before_what_has_come_already_is_a_violation() {
    let packet = Bytes::from(vec![1; 100]);
    for (fragment, end, expected) in [
        (None, 7, Err(Violation::Sequence)),
        (Some((0, 50)), 7, Err(Violation::Sequence)),
        (None, 8, Ok(())),
        (Some((0, 50)), 8, Ok(())),
    ] {
        let mut lanes = lanes();
        assert_eq!(take(&mut lanes, 7, fragment, &packet, 10), Ok(Vec::new()));
        let close = LaneClose { lane: LANE, end: MessageSeq(end) };
        assert_eq!(lanes.on_close(&close, &mut Vec::new()), expected, "{fragment:?}, end {end}");
    }
}

#[test]
fn what_ended_lanes_left_behind_and_what_is_incomplete_fill_one_bound() {
    let packet = Bytes::from(vec![1; 10_000]);
    let mut lanes = ReceiveLanes::new(1, 20_000, 10_000);
    // 19,000 of 40,000 are begun on lane 0, and nobody can take them.
    assert!(take_on(&mut lanes, LaneId(0), 0, Some((0, 9_468)), &packet, 10).is_ok());
    assert!(take_on(&mut lanes, LaneId(0), 1, Some((0, 9_468)), &packet, 10).is_ok());
    for lane in 1..=3 {
        assert!(!lanes.is_full(), "before lane {lane}");
        let (lane, end) = (LaneId(lane), MessageSeq(1));
        lanes.on_close(&LaneClose { lane, end }, &mut Vec::new()).expect("may close");
        let taken = take_on(&mut lanes, lane, 0, None, &packet, 9_968).expect("legal");
        assert_eq!(taken.len(), 2, "the message, and the end");
    }
    assert!(lanes.is_full());
    assert_eq!(lanes.unreleased(), 30_000);

    // The application takes one of them, and all goes on, with lane 0 still incomplete.
    lanes.release(LaneId(1), 9_968);
    assert!(!lanes.is_full());
    (2..=3).for_each(|lane| lanes.release(LaneId(lane), 9_968));
    assert_eq!(lanes.unreleased(), 0);
    let rest = take_on(&mut lanes, LaneId(0), 0, None, &packet, 9_468).expect("legal");
    assert_eq!(payloads(&rest).len(), 1);
}

#[test]
fn a_part_that_is_cut_anew_hides_no_other_part() {
    let mut lane = SendLane::new(LaneSpec::ORDERED, 100_000);
    let seq = lane.push(vec![7; 1_600].into(), None);
    let next = |lane: &mut SendLane, room| {
        let chunk = lane.next_chunk(Time::ZERO, None, |_, _, _| Some(room));
        chunk.map(|chunk| chunk.range)
    };
    assert_eq!(next(&mut lane, 1_000), Some(0..1_000));
    assert_eq!(next(&mut lane, 1_000), Some(1_000..1_600));
    // Another copy was cut for a longer packet.
    lane.repeat(seq, 0..1_100);
    lane.repeat(seq, 1_000..1_600);
    assert_eq!(next(&mut lane, 1_000), Some(0..1_000));
    assert_eq!(next(&mut lane, 1_000), Some(1_000..1_600));
    assert_eq!(next(&mut lane, 1_000), None);
}

#[test]
fn a_session_is_full_one_message_beyond_its_bound() {
    let packet = Bytes::from(vec![1; 10_000]);
    // Two lanes of 20,000 bytes; lane 0 takes nothing.
    let mut lanes = ReceiveLanes::new(1, 20_000, 10_000);
    for (lane, length, was_full) in [
        (1, 9_968, false),
        (2, 9_968, false),
        (3, 9_968, false),
        (4, 9_968, false),
        (5, 0, false),
        (6, 0, true),
    ] {
        assert_eq!(lanes.is_full(), was_full, "before lane {lane}");
        let (lane, end) = (LaneId(lane), MessageSeq(1));
        lanes.on_close(&LaneClose { lane, end }, &mut Vec::new()).expect("may close");
        take_on(&mut lanes, lane, 0, None, &packet, length).expect("legal");
    }
}
