//! First handshake payload, whose parameters have a normal form, and what stands in its login when
//! a session is resumed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtm_wire::{Hello, Resumption};
use rtm_wire_fuzz::{read_again, written_as};

fuzz_target!(|data: &[u8]| {
    if let Ok(resumption) = Resumption::decode(data) {
        written_as(&resumption, data);
        assert_eq!(resumption.early.is_empty(), resumption.early.iter().count() == 0);
    }
    if let Ok(hello) = Hello::decode(data) {
        read_again(&hello, &mut Vec::new(), Hello::decode);
    }
});
