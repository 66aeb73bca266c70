//! Errors: what went wrong, its number in RTM 2.x, and what to do.

mod kind;

pub use kind::ErrorKind;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use rtm_channel::Refusal;
use rtm_session::{CloseCause, ConnectError, SendError};
use rtm_wire::{CloseCode, DecodeError, ErrorCode, KeyId};

/// Why a call failed, or the link did.
///
/// The text is one sentence that names the culprit, the error number and what to do. Programs look
/// at [`kind`](Self::kind), or at [`code`](Self::code) where they know RTM 2.x. Cheap to clone.
///
/// ```
/// use rtm_client::{ErrorKind, ServerAddress};
///
/// let error = "rtm://localhost:7700".parse::<ServerAddress>().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidAddress);
/// assert_eq!(error.code(), -10024);
/// assert!(!error.is_retryable());
/// assert_eq!(
///     error.to_string(),
///     "the server address has no ?key=… [-10024 INVALID_PRIVATE_CONFIG]: copy the connection \
///      string that rtm-server prints, rtm://HOST:PORT?key=HEX",
/// );
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    code: ErrorCode,
    detail: Detail,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What the text says.
enum Detail {
    /// What is wrong; the kind's advice follows.
    Wrong(String),
    /// What is wrong and what to do, as authorities and the server put it.
    Complete(String),
}

/// What an error number of RTM 2.x means, and what to do, in a sentence.
///
/// ```
/// let reason = rtm_client::error_reason(-10005);
/// assert!(reason.contains("token") && reason.contains("[-10005 INVALID_TOKEN]"));
/// assert!(rtm_client::error_reason(-1).contains("UNKNOWN"));
/// ```
#[must_use]
pub fn error_reason(number: i32) -> String {
    Error::from_answer(ErrorCode(number.unsigned_abs()), "").to_string()
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self::of(kind, kind.wrong())
    }

    pub(crate) fn of(kind: ErrorKind, wrong: impl Into<String>) -> Self {
        Self::build(kind, kind.default_code(), Detail::Wrong(wrong.into()), None)
    }

    /// With a number of its own, where that of the kind is another module's.
    pub(crate) fn numbered(kind: ErrorKind, code: ErrorCode, wrong: impl Into<String>) -> Self {
        Self::build(kind, code, Detail::Wrong(wrong.into()), None)
    }

    pub(crate) fn with_source(
        kind: ErrorKind,
        wrong: impl Into<String>,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        let source = Some(Box::new(source) as _);
        Self::build(kind, kind.default_code(), Detail::Wrong(wrong.into()), source)
    }

    /// What the server, or a view, answered.
    pub(crate) fn from_answer(code: ErrorCode, reason: &str) -> Self {
        let kind = ErrorKind::from_code(code);
        let detail = if reason.is_empty() {
            Detail::Wrong(kind.wrong().to_owned())
        } else {
            Detail::Complete(reason.to_owned())
        };
        Self::build(kind, code, detail, None)
    }

    /// The same, with what was found out besides.
    pub(crate) fn and(&self, more: &str) -> Self {
        let wrong = match &self.0.detail {
            Detail::Wrong(wrong) | Detail::Complete(wrong) => format!("{wrong}; {more}"),
        };
        Self::build(self.0.kind, self.0.code, Detail::Wrong(wrong), None)
    }

    /// The number as the server says it.
    pub(crate) fn number(&self) -> ErrorCode {
        self.0.code
    }

    fn build(
        kind: ErrorKind,
        code: ErrorCode,
        detail: Detail,
        source: Option<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self(Arc::new(Inner { kind, code, detail, source }))
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The error number of RTM 2.x: negative.
    #[must_use]
    pub fn code(&self) -> i32 {
        i32::try_from(self.0.code.0).map_or(i32::MIN, |number| -number)
    }

    /// The number's name in RTM 2.x, for example `INVALID_TOKEN`; numbers that stand for a single
    /// user of a topic subscription have theirs, too: `REMOTE_USER_IS_NOT_PUBLISHED`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.code.name()
    }

    /// Whether the same call may succeed later without a change.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.kind.is_retryable()
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        self.0.kind.advice()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.0.code;
        match &self.0.detail {
            Detail::Wrong(wrong) => write!(f, "{wrong} [{code}]: {}", self.advice()),
            Detail::Complete(text) => write!(f, "{text} [{code}]"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.0.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::from_answer(refusal.code, &refusal.reason)
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        let kind = match error {
            SendError::TooLong { .. } => ErrorKind::MessageTooLarge,
            SendError::TooManyLanes { .. } => ErrorKind::LimitExceeded,
            SendError::QueueFull { .. } => ErrorKind::TooFrequent,
            _ => ErrorKind::NotConnected,
        };
        Self::with_source(kind, error.to_string(), error)
    }
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        let kind = match error {
            ConnectError::Key(_) => ErrorKind::InvalidAddress,
            _ => ErrorKind::InvalidConfig,
        };
        Self::with_source(kind, error.to_string(), error)
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        let wrong = format!("the server sent something unreadable: {error}");
        Self::with_source(ErrorKind::Protocol, wrong, error)
    }
}

impl Error {
    /// Why a session with the server ended, or none came to be; `used` is the key that the server
    /// was addressed by.
    pub(crate) fn from_close(cause: CloseCause, used: KeyId) -> Self {
        if let CloseCause::Peer { code, reason } = &cause {
            if let Some(code) = code.error_code() {
                return Self::from_answer(code, reason);
            }
        }
        let kind = match &cause {
            CloseCause::HandshakeTimeout { other_key: Some(_) } => ErrorKind::WrongServerKey,
            CloseCause::HandshakeTimeout { other_key: None } => ErrorKind::ServerUnreachable,
            CloseCause::Versions { .. } => ErrorKind::IncompatibleVersion,
            CloseCause::Violation(_) => ErrorKind::Protocol,
            CloseCause::Peer { code: CloseCode::REPLACED, .. } => ErrorKind::LoggedInElsewhere,
            CloseCause::Peer { code: CloseCode::PROTOCOL, .. } => ErrorKind::Protocol,
            _ => ErrorKind::NotConnected,
        };
        let wrong = match &cause {
            CloseCause::HandshakeTimeout { other_key: Some(other) } => format!(
                "the server says that its key is another one, with key id {other} (rtm-server \
                 prints it); the address has the key with key id {used}",
            ),
            CloseCause::Peer { code: CloseCode::SHUTDOWN, .. } => {
                "the server is shutting down".to_owned()
            }
            other => other.to_string(),
        };
        Self::with_source(kind, wrong, cause)
    }
}

#[cfg(test)]
mod tests;
