//! What concerns the library as a whole.

use std::ffi::c_void;

use crate::abi::{RTM_ERROR_INIT_FAILED, RTM_LOG_DEBUG, RTM_OK, RtmBytes, RtmLogSink};
use crate::arguments;
use crate::dispatcher::{self, Callback};
use crate::failure::{Failure, guard, with_last};
use crate::log;

/// The version of the library, for example `0.1.0`; valid for ever.
///
/// # Safety
/// `version` is null, or a place for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_version(version: *mut RtmBytes) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let place = unsafe { arguments::place("version", version) }?;
        *place = RtmBytes::of(env!("CARGO_PKG_VERSION").as_bytes());
        Ok(RTM_OK)
    })
}

/// Copies the sentence about this thread's last call that failed: what was wrong, the number, what
/// to do. UTF-8, not terminated; cut where `capacity` ends. `length` gets the whole length, so a
/// first call may ask for it with no buffer. Doesn't itself change what it tells.
///
/// # Safety
/// `buffer` has room for `capacity` bytes, or is null; `length` is a place for a number, or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_last_error(
    buffer: *mut u8,
    capacity: usize,
    length: *mut usize,
) -> i32 {
    guard(|| {
        with_last(|text| {
            let copied = text.len().min(capacity);
            if !buffer.is_null() {
                // SAFETY: the caller's promise, and no more than there is.
                unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), buffer, copied) };
            }
            if !length.is_null() {
                // SAFETY: the caller's promise.
                *unsafe { arguments::place("length", length) }? = text.len();
            }
            Ok(RTM_OK)
        })
    })
}

/// Sets what is logged (`RTM_LOG_…`) and who takes the lines; null for nobody, the default. A
/// former sink has returned when this does, and is not called again, unless this is called from it.
///
/// # Safety
/// `sink` may be called with `context` on another thread until it is replaced.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_log(level: u32, sink: RtmLogSink, context: *mut c_void) -> i32 {
    guard(|| {
        if level > RTM_LOG_DEBUG {
            let wrong = format!("is {level}, not 0 to {RTM_LOG_DEBUG}");
            return Err(Failure::argument("level", wrong));
        }
        let sink = sink.map(|function| Callback { function, context });
        dispatcher::set_sink(sink).map_err(|error| {
            let code = RTM_ERROR_INIT_FAILED;
            Failure::new(code, format!("rtm-callback can't be started [{code}]: {error}"))
        })?;
        log::set_level(level);
        Ok(RTM_OK)
    })
}
