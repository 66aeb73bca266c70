//! Parity symbols, made by code of their own from the specification, against the receiver.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rtm_session::fuzzing::Duel;
use rtm_session::{Config, Event};
use rtm_wire::{Encode, Fragment, LaneId, LaneMode, Message, MessageSeq, Parity, TransportParams};
use rtm_wire_fuzz::Input;

/// Product in the field of 256 elements, bit by bit.
fn product(mut a: u8, mut b: u8) -> u8 {
    let mut sum = 0;
    while b > 0 {
        sum ^= if b & 1 == 1 { a } else { 0 };
        a = a << 1 ^ if a & 0x80 == 0 { 0 } else { 0x1d };
        b >>= 1;
    }
    sum
}

/// 1 / a, which is a to the 254th.
fn inverse(a: u8) -> u8 {
    static INVERSES: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let inverse = |a| (0..254).fold(1, |power, _| product(power, a));
        (0..=255).map(inverse).collect()
    });
    INVERSES[usize::from(a)]
}

/// Protocol §4.14, as it stands there.
fn symbol(message: &[u8], length: usize, index: u8) -> Vec<u8> {
    let mut out = vec![0; length];
    for (j, data) in message.chunks(length).enumerate() {
        let factor = inverse((255 - index) ^ j as u8);
        out.iter_mut().zip(data).for_each(|(out, byte)| *out ^= product(factor, *byte));
    }
    out
}

const LANE: LaneId = LaneId(1);
const MODE: LaneMode = LaneMode::RELIABLE_UNORDERED;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let total = 2 + usize::from(input.short()) % 1_000;
    // 2 to 40 data symbols.
    let length = total.div_ceil(2 + usize::from(input.byte()) % 39);
    let lies = input.byte() % 4 == 0;
    let message: Vec<u8> = (0..total).map(|at| (at * 7 + at / 256) as u8).collect();
    let count = total.div_ceil(length);
    let mut duel = Duel::server(&Config::server(), TransportParams::default());
    let (mut whole, mut known) = (vec![false; total], std::collections::BTreeSet::new());
    let mut got = None;
    let mut is_honest = true;
    // Pieces shorter than senders make them: of too many, a receiver may have enough; of a message
    // that is no longer than one it takes none.
    let mut has_crumbs = total <= 32;

    for _ in 0..400 {
        if input.is_empty() || got.is_some() {
            break;
        }
        let mut frames = Vec::new();
        let seq = MessageSeq(0);
        let choice = input.byte();
        if choice % 2 == 0 {
            // A fragment; most often a symbol, else any cut.
            let (offset, len) = if choice % 8 == 0 {
                let offset = usize::from(input.short()) % total;
                (offset, 1 + usize::from(input.short()) % (total - offset))
            } else {
                let offset = usize::from(choice / 4) % count * length;
                (offset, length.min(total - offset))
            };
            if len == total {
                continue;
            }
            let fragment = Fragment { offset: offset as u64, total: total as u64 };
            let payload = &message[offset..offset + len];
            Message {
                lane: LANE,
                mode: MODE,
                seq,
                fragment: Some(fragment),
                deadline_ms: None,
                payload,
            }
            .encode(&mut frames);
            whole[offset..offset + len].fill(true);
            has_crumbs |= choice % 8 == 0 || len < 32;
        } else {
            let index = choice / 2 % (254 - count as u8).min(60);
            let mut symbol = symbol(&message, length, index);
            if lies && input.byte() % 4 == 0 {
                is_honest = false;
                let at = usize::from(input.short()) % length;
                symbol[at] ^= 1 + input.byte() % 255;
                symbol.truncate(1 + usize::from(input.short()) % length);
            }
            let (total, symbol) = (total as u64, &symbol[..]);
            if total.div_ceil(symbol.len() as u64) + u64::from(index) >= 255 {
                continue;
            }
            Parity { lane: LANE, mode: MODE, seq, total, index, symbol }.encode(&mut frames);
            known.insert(index);
        }
        duel.send(&frames);
        let held = duel.stats().receive_bytes;
        assert!(held <= total + 255 + length, "{held} bytes held of {total}");
        for event in duel.take_events() {
            match event {
                Event::Message { payload, .. } => got = Some(payload),
                Event::Closed { cause, .. } if has_crumbs => {
                    assert!(cause.to_string().contains("length"), "{cause}");
                    return;
                }
                other => panic!("{other:?}"),
            }
        }
        let missing = (0..count)
            .filter(|at| whole[at * length..(at * length + length).min(total)].contains(&false))
            .count();
        // Symbols of no use are not kept: when there is more than the message could need.
        let is_spare = whole.iter().filter(|is| **is).count() + known.len() * length > total + 255;
        if is_honest && missing <= known.len() && !is_spare {
            assert!(got.is_some(), "{missing} of {count} missing, parity {known:?}");
        }
    }
    if let Some(got) = got {
        assert_eq!(got.len(), total);
        assert!(!is_honest || got == message);
    }
});
