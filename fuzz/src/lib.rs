//! What targets have in common: reading of their inputs, and what they check.

mod input;

pub use input::Input;

use std::fmt::Debug;

use rtm_wire::Encode;

/// `value`, which was read from `bytes`, is written as the same bytes, and its length is exact.
///
/// # Panics
/// If it isn't: that is the finding.
pub fn written_as(value: &impl Encode, bytes: &[u8]) {
    let mut out = Vec::with_capacity(value.encoded_len());
    value.encode(&mut out);
    assert_eq!(out.len(), value.encoded_len());
    assert_eq!(out, bytes);
}

/// `value`, which may be written in another form than it was read, is the same when read again.
///
/// # Panics
/// If it isn't: that is the finding.
pub fn read_again<'a, T, E>(value: &T, buffer: &'a mut Vec<u8>, read: fn(&'a [u8]) -> Result<T, E>)
where
    T: Encode + Debug + PartialEq,
    E: Debug,
{
    value.encode(buffer);
    assert_eq!(buffer.len(), value.encoded_len());
    assert_eq!(&read(buffer).expect("what was written can be read"), value);
}
