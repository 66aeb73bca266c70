//! Sizes and offsets on 32 bits, where no test of this crate runs: what a C compiler sees there
//! (`abi/layout-32.txt`, `abi/layout-32-align-4.txt`), checked whenever the library is built.

#![cfg(target_pointer_width = "32")]

use std::mem::offset_of;

use crate::abi::{RtmBytes, RtmConfig, RtmEvent, RtmPublishOptions};

const _: () = {
    assert!(size_of::<RtmBytes>() == 8 && offset_of!(RtmBytes, len) == 4);
    assert!(size_of::<RtmConfig>() == 64);
    assert!(offset_of!(RtmConfig, app_id) == 8 && offset_of!(RtmConfig, token) == 32);
    assert!(offset_of!(RtmConfig, login_timeout_ms) == 40 && offset_of!(RtmConfig, wake) == 56);
    assert!(size_of::<RtmPublishOptions>() == 16);
    assert!(offset_of!(RtmPublishOptions, custom_type) == 8);
    assert!(size_of::<RtmEvent>() == 144);
    assert!(offset_of!(RtmEvent, id) == 8 && offset_of!(RtmEvent, error) == 24);
    assert!(offset_of!(RtmEvent, epoch) == 56 && offset_of!(RtmEvent, count) == 88);
    assert!(offset_of!(RtmEvent, channel) == 96 && offset_of!(RtmEvent, text) == 136);
};
