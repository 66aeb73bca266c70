//! A session against a peer that has the keys and sends whatever frames it likes.
#![no_main]

use std::time::Duration;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use rtm_session::fuzzing::Duel;
use rtm_session::{CloseCause, Config, Event, LaneSpec};
use rtm_wire::{
    Ack, AckRanges, Close, CloseCode, Encode, Fragment, LaneClose, LaneCredit, LaneId, LaneMode,
    Message, MessageSeq, PacketNumber, Parity, PathChallenge, PathId, PathResponse, Ping, Qos,
    Reliability, Skip, Ticket, TransportParams,
};
use rtm_wire_fuzz::Input;

/// The largest number that can be written.
const VARINT_MAX: u64 = (1 << 62) - 1;

/// What an application holds of messages that it has not released.
struct Held(Vec<(LaneId, usize)>);

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let flags = input.byte();
    let config = Config::server().lanes_max(4).message_len_max(3_000).lane_credit(5_000);
    let config = config.key_packets(128).send_queue(4_000, 30);
    let peer = TransportParams {
        lanes: input.number(),
        lane_credit: input.number(),
        message_len: input.number(),
        idle_timeout_ms: 1 + input.number(),
        ack_delay_us: input.number(),
    };
    let mut duel =
        if flags & 1 == 0 { Duel::server(&config, peer) } else { Duel::client(&config, peer) };
    let releases = flags & 2 == 0;
    let mut held = Held(Vec::new());

    for _ in 0..600 {
        if input.is_empty() || !step(&mut duel, &mut input, releases, &mut held) {
            break;
        }
        let stats = duel.stats();
        let most = config.receive_bytes_max() as usize;
        // Besides messages, parity: as long as each and 255 bytes more.
        assert!(stats.receive_bytes <= 2 * most, "{stats:?}");
        // One packet may bring as much as fits it, after the bound was looked at.
        assert!(stats.unreleased_bytes <= most as u64 + 65_536 * 33, "{stats:?}");
        assert!(stats.packets_remembered <= 20_000, "{stats:?}");
    }
    // Whatever has happened, it ends: silence is no state to stay in.
    for _ in 0..200 {
        duel.run(Duration::from_secs(1));
    }
    duel.send(&[]);
});

/// One thing that the peer, the application or time does; whether the session is still there.
fn step(duel: &mut Duel, input: &mut Input<'_>, releases: bool, held: &mut Held) -> bool {
    match input.byte() % 16 {
        0 => drop(duel.run(Duration::from_micros(input.number().min(10_000_000)))),
        1 => drop(duel.open_lane(LaneSpec::ORDERED)),
        2 => {
            let message = Bytes::from(vec![7; usize::from(input.short()) % 4_000]);
            let _ = duel.say(LaneId(input.number()), message);
        }
        3 => {
            // All that was sent, as an honest peer would.
            if let Some(largest) = duel.largest_sent() {
                duel.ack(PacketNumber(0)..=largest);
            }
        }
        4 => duel.lose(input.byte()),
        5 => duel.change_key(),
        6 => {
            if let Some((lane, bytes)) = held.0.pop() {
                duel.release(lane, bytes);
            }
        }
        7 => {
            let port = u16::from(input.byte());
            let mut frames = Vec::new();
            frame(input, &mut frames);
            duel.send_from(([10, 0, 0, input.byte() % 3], port).into(), &frames);
        }
        8 => {
            let length = usize::from(input.byte());
            duel.send(input.bytes(length));
        }
        _ => {
            let mut frames = Vec::new();
            (0..1 + input.byte() % 8).for_each(|_| frame(input, &mut frames));
            duel.send(&frames);
        }
    }
    for event in duel.take_events() {
        match event {
            Event::Message { lane, payload, .. } if releases => duel.release(lane, payload.len()),
            Event::Message { lane, payload, .. } => held.0.push((lane, payload.len())),
            Event::Closed { cause, .. } => {
                match cause {
                    CloseCause::Violation(violation) => {
                        let code = violation.close_code();
                        assert!(code == CloseCode::PROTOCOL || code == CloseCode::LIMIT);
                    }
                    CloseCause::Peer { .. } | CloseCause::IdleTimeout => {}
                    CloseCause::KeysExhausted => {}
                    other => panic!("{other}"),
                }
                return false;
            }
            _ => {}
        }
    }
    true
}

fn mode(input: &mut Input<'_>) -> LaneMode {
    match input.byte() {
        0..200 => LaneMode::RELIABLE_ORDERED,
        200..240 => LaneMode::RELIABLE_UNORDERED,
        byte => LaneMode {
            order: Qos::Ordered,
            reliability: match byte % 3 {
                0 => Reliability::Deadline,
                1 => Reliability::LatestOnly,
                _ => Reliability::Unknown(3),
            },
        },
    }
}

/// Any frame that can be written.
fn frame(input: &mut Input<'_>, out: &mut Vec<u8>) {
    let lane = LaneId(input.number());
    let seq = MessageSeq(input.number());
    match input.byte() % 16 {
        0 => Ping.encode(out),
        1 => {
            let mut ranges = Vec::new();
            let mut high = input.number();
            let mut list = Vec::new();
            for _ in 0..1 + input.byte() % 64 {
                let low = high.saturating_sub(u64::from(input.byte()));
                list.push(PacketNumber(low)..=PacketNumber(high));
                let Some(next) = low.checked_sub(2 + u64::from(input.byte())) else { break };
                high = next;
            }
            let ranges = AckRanges::encode(list, &mut ranges);
            let delay = Duration::from_micros(input.number() % 10_000_000);
            Ack::new(PathId(input.byte() / 200), delay, ranges).encode(out);
        }
        2 => {
            let code = CloseCode(u32::from(input.byte()));
            Close { code, reason: "because" }.encode(out);
        }
        3 => {
            let count = (1 + input.number()).min(VARINT_MAX);
            Skip { lane, first: seq, count, bytes: input.number() }.encode(out);
        }
        4 => LaneCredit { lane, limit: input.number() }.encode(out),
        5 => LaneClose { lane, end: seq }.encode(out),
        6 => PathChallenge([input.byte(); 8]).encode(out),
        7 => PathResponse([input.byte(); 8]).encode(out),
        8 => {
            let length = usize::from(input.byte());
            let ticket = input.bytes(length);
            let (number, lifetime_ms) = (input.number(), input.number());
            Ticket { number, lifetime_ms, early_max: input.number(), ticket }.encode(out);
        }
        9..12 => {
            let symbol = vec![input.byte(); 1 + usize::from(input.byte())];
            let total = symbol.len() as u64 + input.number() % 4_000;
            let (mode, index) = (mode(input), input.byte());
            Parity { lane, mode, seq, total, index, symbol: &symbol }.encode(out);
        }
        _ => {
            let payload = vec![input.byte(); usize::from(input.short()) % 1_200];
            let fragment = (input.byte() % 2 == 0).then(|| Fragment {
                offset: input.number(),
                total: (payload.len() as u64 + input.number()).min(VARINT_MAX),
            });
            let deadline_ms = (input.byte() > 250).then_some(5);
            let (mode, payload) = (mode(input), &payload[..]);
            Message { lane, mode, seq, fragment, deadline_ms, payload }.encode(out);
        }
    }
}
