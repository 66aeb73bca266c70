//! How a call fails: a code, a sentence kept for `rtm_last_error`, and never a panic.

use std::any::Any;
use std::cell::RefCell;
use std::fmt::Display;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use crate::abi::{
    RTM_ERROR_INTERNAL, RTM_ERROR_INVALID_PARAMETER, RTM_ERROR_RELEASED, RTM_ERROR_TOO_MANY,
};

thread_local! {
    /// Of this thread's last call that failed.
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Why a call fails, or a request did.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: i32,
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn new(code: i32, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// The argument `name` is unusable.
    pub(crate) fn argument(name: &str, wrong: impl Display) -> Self {
        let text = format!(
            "the argument {name} {wrong} [{RTM_ERROR_INVALID_PARAMETER} INVALID_PARAMETER]"
        );
        Self::new(RTM_ERROR_INVALID_PARAMETER, text)
    }

    pub(crate) fn released(what: &str, number: u64) -> Self {
        let text = format!(
            "there is no {what} {number} [{RTM_ERROR_RELEASED} INSTANCE_ALREADY_RELEASED]: it was \
             destroyed or freed, or never there"
        );
        Self::new(RTM_ERROR_RELEASED, text)
    }

    pub(crate) fn too_many(what: &str) -> Self {
        let code = RTM_ERROR_TOO_MANY;
        Self::new(code, format!("{what} [{code} OPERATION_RATE_EXCEED_LIMITATION]"))
    }

    pub(crate) fn fault(panic: &(dyn Any + Send)) -> Self {
        let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        let text = format!("a fault inside the library [{RTM_ERROR_INTERNAL}], report it: {said}");
        Self::new(RTM_ERROR_INTERNAL, text)
    }
}

impl From<rtm_client::Error> for Failure {
    fn from(error: rtm_client::Error) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// Runs an exported call: nothing unwinds out of it, and its failure is remembered.
pub(crate) fn guard(call: impl FnOnce() -> Result<i32, Failure>) -> i32 {
    // What a call changes is behind locks that survive a panic, or is thrown away with it.
    let ended = catch_unwind(AssertUnwindSafe(call));
    match ended.unwrap_or_else(|panic| Err(Failure::fault(&*panic))) {
        Ok(code) => code,
        Err(Failure { code, text }) => {
            // A thread that is ending has no such place any more.
            let _ = LAST.try_with(|last| *last.borrow_mut() = text);
            code
        }
    }
}

/// Runs a task: its fault is an error, and what it holds is dropped before anybody hears of it.
pub(crate) async fn caught(task: impl Future<Output = ()>) -> Result<(), Failure> {
    let mut task = Box::pin(task);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context)));
        match polled {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(Failure::fault(&*panic))),
        }
    })
    .await
}

/// The text of this thread's last failure.
pub(crate) fn with_last<R>(read: impl FnOnce(&str) -> R) -> R {
    LAST.with(|last| read(&last.borrow()))
}
