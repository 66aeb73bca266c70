//! Why something was not done.

use std::borrow::Cow;

use rtm_wire::ErrorCode;

/// An operation that was refused, and changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} ({code})")]
pub struct Refusal {
    /// The number, for programs.
    pub code: ErrorCode,
    /// What is wrong and what to do, for people; one clear sentence.
    pub reason: Cow<'static, str>,
}

impl Refusal {
    /// A refusal with this number and text.
    pub fn new(code: ErrorCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code, reason: reason.into() }
    }
}
