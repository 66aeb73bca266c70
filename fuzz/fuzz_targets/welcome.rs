//! Second handshake payload; its parameters have a normal form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtm_wire::Welcome;
use rtm_wire_fuzz::read_again;

fuzz_target!(|data: &[u8]| {
    if let Ok(welcome) = Welcome::decode(data) {
        read_again(&welcome, &mut Vec::new(), Welcome::decode);
    }
});
