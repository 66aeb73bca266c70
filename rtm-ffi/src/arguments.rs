//! What C hands over, looked at before it is believed.

use crate::abi::RtmBytes;
use crate::failure::Failure;

/// No name, token or address is longer.
pub(crate) const TEXT_MAX: usize = 16 * 1_024;
/// No message is: the server's own limit is lower.
pub(crate) const PAYLOAD_MAX: usize = 64 * 1_024;

/// The bytes of an argument, at most `most`.
///
/// # Safety
/// `data` points to `len` readable bytes, unless it is null or `len` is 0 or more than `most`.
pub(crate) unsafe fn bytes<'a>(
    name: &str,
    bytes: RtmBytes,
    most: usize,
) -> Result<&'a [u8], Failure> {
    match bytes {
        RtmBytes { len: 0, .. } => Ok(&[]),
        RtmBytes { data, .. } if data.is_null() => Err(Failure::argument(name, "is null")),
        RtmBytes { len, .. } if len > most => {
            Err(Failure::argument(name, format_args!("has {len} bytes, more than {most}")))
        }
        // SAFETY: the caller's promise.
        RtmBytes { data, len } => Ok(unsafe { std::slice::from_raw_parts(data, len) }),
    }
}

/// The text of an argument.
///
/// # Safety
/// As [`bytes`].
pub(crate) unsafe fn text<'a>(name: &str, text: RtmBytes) -> Result<&'a str, Failure> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { bytes(name, text, TEXT_MAX) }?;
    std::str::from_utf8(bytes).map_err(|error| {
        let place = error.valid_up_to();
        Failure::argument(name, format_args!("is no UTF-8 from byte {place} on"))
    })
}

/// A place for a result.
///
/// # Safety
/// It is null, or one that may be written, and nobody else looks at it meanwhile.
pub(crate) unsafe fn place<'a, T>(name: &str, place: *mut T) -> Result<&'a mut T, Failure> {
    if !place.is_null() && !place.is_aligned() {
        return Err(Failure::argument(name, "is not aligned"));
    }
    // SAFETY: the caller's promise; it is aligned.
    unsafe { place.as_mut() }.ok_or_else(|| Failure::argument(name, "is null"))
}

/// A struct that begins with its size. A longer one of a later version counts, a shorter one
/// doesn't: there is none yet.
///
/// # Safety
/// It is null, or may be read, as far as its size says.
pub(crate) unsafe fn sized<'a, T>(name: &str, given: *const T) -> Result<&'a T, Failure> {
    if given.is_null() {
        return Err(Failure::argument(name, "is null"));
    }
    if !given.is_aligned() {
        return Err(Failure::argument(name, "is not aligned"));
    }
    // SAFETY: each such struct begins with 32 bits of size, and is there at least so far.
    let size = unsafe { given.cast::<u32>().read() };
    check_size(name, size, size_of::<T>())?;
    // SAFETY: the caller's promise: it is as long as it says.
    Ok(unsafe { &*given })
}

/// See [`sized`].
pub(crate) fn check_size(name: &str, size: u32, known: usize) -> Result<(), Failure> {
    // So much more that it is noise, not a later version.
    let most = known * 16;
    if (known..=most).contains(&(size as usize)) {
        return Ok(());
    }
    let wrong =
        format_args!("says size {size}, not {known}: set it to the struct's sizeof").to_string();
    Err(Failure::argument(name, wrong))
}
