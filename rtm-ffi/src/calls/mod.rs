//! The exported calls.

mod client;
mod events;
#[cfg(feature = "fault-injection")]
mod fault;
mod library;
mod message;
mod stream;

pub use client::*;
pub use events::*;
#[cfg(feature = "fault-injection")]
pub use fault::*;
pub use library::*;
pub use message::*;
pub use stream::*;

use std::sync::Arc;

use crate::arguments;
use crate::event::Place;
use crate::failure::Failure;
use crate::instance::{Instance, Request};

/// A request, whose result is an event; its number is written where the caller wants it.
///
/// # Safety
/// `number` is null, or a place for a number.
unsafe fn ask(
    instance: &Arc<Instance>,
    number: *mut u64,
    operation: u32,
    place: Option<&Place>,
) -> Result<Request, Failure> {
    let wanted = match number.is_null() {
        true => None,
        // SAFETY: the caller's promise. Before there is a request, which would have a result.
        false => Some(unsafe { arguments::place("request", number) }?),
    };
    let (number, request) = instance.request(operation, place)?;
    if let Some(wanted) = wanted {
        *wanted = number;
    }
    Ok(request)
}
