//! First handshake payload; its parameters have a normal form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtm_wire::Hello;
use rtm_wire_fuzz::read_again;

fuzz_target!(|data: &[u8]| {
    if let Ok(hello) = Hello::decode(data) {
        read_again(&hello, &mut Vec::new(), Hello::decode);
    }
});
