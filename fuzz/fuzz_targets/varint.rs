//! Every varint has one encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtm_wire::varint;

fuzz_target!(|data: &[u8]| {
    if let Ok((rest, value)) = varint::parse(data) {
        let mut out = Vec::new();
        varint::put(&mut out, value);
        assert_eq!(out.len(), varint::len(value));
        assert_eq!(out, data[..data.len() - rest.len()]);
    }
});
