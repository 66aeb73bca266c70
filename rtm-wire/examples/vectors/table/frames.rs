//! Frames (protocol §4).

use core::time::Duration;

use rtm_wire::{
    Ack, AckRanges, Close, CloseCode, ErrorCode, Fragment, Frame, LaneClose, LaneCredit, LaneId,
    LaneMode, Message, MessageSeq, NewConnectionId, PacketNumber, Padding, Parity, PathChallenge,
    PathId, PathResponse, Ping, Qos, Reliability, RetireConnectionId, Skip, Ticket, varint,
};

use super::super::vector::{Type, Vector, put};
use super::packets::{CID, TOKEN};
use super::valid;

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = simple();
    vectors.extend(acknowledgements());
    vectors.extend(messages());
    vectors.extend(lanes());
    vectors.extend(paths());
    vectors.push(packet());
    vectors.extend(tickets());
    vectors
}

fn simple() -> Vec<Vector> {
    let close = |code, reason| Close { code, reason };
    vec![
        frame("4.1", "padding, empty", Padding { length: 0 }),
        frame("4.1", "padding", Padding { length: 5 }),
        frame("4.2", "ping", Ping),
        frame("4.4", "close, done", close(CloseCode::DONE, "")),
        frame("4.4", "close, replaced", close(CloseCode::REPLACED, "logged in elsewhere")),
        frame("4.4", "close, too slow", close(CloseCode::TOO_SLOW, "too slow")),
        frame("4.4", "close, error number", close(ErrorCode::TOKEN_EXPIRED.into(), "é")),
        frame("4", "unknown frame", Frame::Unknown { kind: 0x7f, body: b"later" }),
        frame("4", "unknown frame, empty", Frame::Unknown { kind: 0xff, body: b"" }),
    ]
}

fn acknowledgements() -> Vec<Vector> {
    let ack = |name, path, delay_us, ranges: &[(u64, u64)]| {
        let mut buffer = Vec::new();
        let ranges = ranges.iter().map(|&(low, high)| PacketNumber(low)..=PacketNumber(high));
        let ranges = AckRanges::encode(ranges, &mut buffer);
        frame("4.3", name, Ack::new(PathId(path), Duration::from_micros(delay_us), ranges))
    };
    vec![
        ack("ack of one packet", 0, 0, &[(0, 0)]),
        ack("ack of three ranges", 0, 3_200, &[(90, 100), (80, 85), (3, 78)]),
        ack("ack of a path, longest delay", 2, 1 << 40, &[(varint::MAX - 1, varint::MAX)]),
    ]
}

fn messages() -> Vec<Vector> {
    let mode = |order, reliability| LaneMode { order, reliability };
    let message = Message {
        lane: LaneId(3),
        mode: LaneMode::RELIABLE_ORDERED,
        seq: MessageSeq(7),
        fragment: None,
        deadline_ms: None,
        payload: b"hello",
    };
    let unordered = LaneMode::RELIABLE_UNORDERED;
    let deadline = mode(Qos::Unordered, Reliability::Deadline);
    let latest = mode(Qos::Ordered, Reliability::LatestOnly);
    let unknown = mode(Qos::Unordered, Reliability::Unknown(3));
    let fragment = |offset, total| Some(Fragment { offset, total });
    let section = "4.5";
    vec![
        frame(section, "message", message),
        frame(
            section,
            "message on the control lane, empty",
            Message { lane: LaneId::CONTROL, seq: MessageSeq(0), payload: b"", ..message },
        ),
        frame(section, "message, unordered", Message { mode: unordered, ..message }),
        frame(
            section,
            "message with deadline",
            Message { mode: deadline, deadline_ms: Some(1_048_575), ..message },
        ),
        frame(section, "message, latest only", Message { mode: latest, ..message }),
        frame(section, "message, unknown reliability", Message { mode: unknown, ..message }),
        frame(
            section,
            "message, first fragment",
            Message { fragment: fragment(0, 100_000), ..message },
        ),
        frame(
            section,
            "message, last fragment with deadline",
            Message {
                mode: deadline,
                fragment: fragment(95, 100),
                deadline_ms: Some(0),
                ..message
            },
        ),
        frame(
            section,
            "message, largest numbers",
            Message { lane: LaneId::MAX, seq: MessageSeq::MAX, ..message },
        ),
    ]
}

fn lanes() -> Vec<Vector> {
    let lane = LaneId(3);
    vec![
        frame("4.6", "skip", Skip { lane, first: MessageSeq(9), count: 1, bytes: 300 }),
        frame("4.6", "skip of two", Skip { lane, first: MessageSeq(9), count: 2, bytes: 0 }),
        frame("4.7", "lane credit", LaneCredit { lane, limit: 1 << 20 }),
        frame("4.8", "lane close", LaneClose { lane, end: MessageSeq(70) }),
        frame(
            "4.14",
            "parity",
            Parity {
                lane,
                mode: LaneMode::RELIABLE_ORDERED,
                seq: MessageSeq(8),
                total: 7,
                index: 1,
                symbol: b"\x8e\x03\xa1\xf4",
            },
        ),
    ]
}

fn paths() -> Vec<Vector> {
    let data = *b"\x10\x32\x54\x76\x98\xba\xdc\xfe";
    vec![
        frame(
            "4.9",
            "new connection id",
            NewConnectionId { number: 2, id: CID, reset_token: TOKEN },
        ),
        frame("4.10", "retire connection id", RetireConnectionId { number: 64 }),
        frame("4.11", "path challenge", PathChallenge(data)),
        frame("4.12", "path response", PathResponse(data)),
    ]
}

fn tickets() -> Vec<Vector> {
    let ticket = Ticket { number: 0, lifetime_ms: 7_200_000, early_max: 512, ticket: b"opaque" };
    let longest = [0xaa; 400];
    let (number, early_max) = (varint::MAX, 0);
    vec![
        frame("4.13", "ticket", ticket),
        frame("4.13", "ticket, longest", Ticket { number, early_max, ticket: &longest, ..ticket }),
    ]
}

/// Several frames, an unknown one among them.
fn packet() -> Vector {
    let unknown = Frame::Unknown { kind: 0x20, body: b"later" };
    let credit = LaneCredit { lane: LaneId(3), limit: 65_536 };
    let frames = [put(&Frame::from(Ping)), put(&unknown), put(&Frame::from(credit))];
    Vector { name: "frames of a packet", section: "4", kind: Type::Frames, bytes: frames.concat() }
}

fn frame<'a>(section: &'static str, name: &'static str, frame: impl Into<Frame<'a>>) -> Vector {
    valid(Type::Frame, section, name, &frame.into())
}
