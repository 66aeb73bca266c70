//! Values of every type that travels, with what they borrow.
//!
//! Borrowed parts are leaked: a few kilobytes a test, and values then need no owner beside them.

mod fields;
mod frames;
mod handshake;
mod history;
mod locks;
mod operations;
mod packets;
mod storage;

pub(crate) use frames::frame;
pub(crate) use handshake::{hello, resumption, welcome};
pub(crate) use operations::{request, server_operation};
pub(crate) use packets::packet;

use proptest::prelude::*;
use rtm_wire::varint;

/// Bytes up to this length.
fn bytes(max: usize) -> impl Strategy<Value = &'static [u8]> {
    proptest::collection::vec(any::<u8>(), 0..=max).prop_map(|bytes| &*bytes.leak())
}

/// Text up to this length in bytes.
fn text(max: usize) -> impl Strategy<Value = &'static str> {
    proptest::collection::vec(any::<char>(), 0..=max).prop_map(move |chars| {
        let mut text = String::new();
        for char in chars {
            if text.len() + char.len_utf8() <= max {
                text.push(char);
            }
        }
        &*text.leak()
    })
}

/// Numbers of every encoded length, equally often.
pub(crate) fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..=0x3f_u64,
        0x40..=0x3fff_u64,
        0x4000..=0x3fff_ffff_u64,
        0x4000_0000..=varint::MAX
    ]
}
