//! The frames of an opened packet.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtm_wire::{Encode, Frame, Frames};
use rtm_wire_fuzz::written_as;

fuzz_target!(|data: &[u8]| {
    let mut rest = data;
    for frame in Frames::new(data) {
        let Ok(frame) = frame else { return };
        let (this, after) = rest.split_at(frame.encoded_len());
        written_as(&frame, this);
        assert_eq!(Frame::decode(rest), Ok((after, frame)));
        rest = after;
    }
    assert!(rest.is_empty());
});
