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
use crate::clients;
use crate::event::Place;
use crate::failure::Failure;
use crate::instance::{Instance, Request};

/// Asks for something whose result is an event: writes its number, then has `task` made.
///
/// # Safety
/// `request` is null, or a place for a number.
unsafe fn ask<T>(
    client: u64,
    request: *mut u64,
    operation: u32,
    place: Option<&Place>,
    task: impl FnOnce(Arc<Instance>, Request) -> T,
) -> Result<T, Failure> {
    let instance = clients::get(client)?;
    let asked = instance.request(operation, place)?;
    if !request.is_null() {
        // SAFETY: the caller's promise.
        *unsafe { arguments::place("request", request) }? = asked.0;
    }
    Ok(task(instance, asked.1))
}
