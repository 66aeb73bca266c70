//! Ranges of an acknowledgement, read, and made anew from what was read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtm_wire::{AckRanges, Frame, limits, varint};

fuzz_target!(|data: &[u8]| {
    // A frame around whatever the input is, so that every input reaches the ranges.
    let mut frame = vec![0x02];
    varint::put(&mut frame, data.len() as u64 + 2);
    frame.extend([0, 0]);
    frame.extend(data);
    let Ok(([], Frame::Ack(ack))) = Frame::decode(&frame) else { return };
    let ranges: Vec<_> = ack.ranges.iter().collect();
    assert!((1..=limits::ACK_RANGES).contains(&ranges.len()));
    assert_eq!(*ranges[0].end(), ack.ranges.largest());
    for pair in ranges.windows(2) {
        assert!(pair[1].start() <= pair[1].end());
        assert!(pair[1].end().next() < *pair[0].start());
    }
    let mut again = Vec::new();
    assert_eq!(AckRanges::encode(ranges, &mut again), ack.ranges);
    assert_eq!(again, data);
});
