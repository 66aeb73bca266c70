//! What went wrong, in one sentence, and the exit code that says so to scripts.

use std::fmt;
use std::process::ExitCode;

use rtm_client::{Error, ErrorKind};

/// Exit codes, as `rtm --help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Failed = 1,
    Usage = 2,
    Connection = 3,
    Access = 4,
    Limit = 5,
    Missing = 6,
    Interrupted = 130,
}

/// The end of a command that did not do what it was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    text: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }

    /// As an error of the SDK, with what it is about.
    pub(crate) fn about(what: impl fmt::Display, error: &Error) -> Self {
        Self::new(exit_of(error.kind()), format!("{what}: {error}"))
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(exit_of(error.kind()), error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}

fn exit_of(kind: ErrorKind) -> Exit {
    match kind {
        ErrorKind::InvalidConfig
        | ErrorKind::InvalidEncryption
        | ErrorKind::InvalidAddress
        | ErrorKind::InvalidName
        | ErrorKind::InvalidUserId
        | ErrorKind::InvalidUserList
        | ErrorKind::InvalidMetadata => Exit::Usage,
        ErrorKind::HostNotFound
        | ErrorKind::Socket
        | ErrorKind::ServerUnreachable
        | ErrorKind::IncompatibleVersion
        | ErrorKind::ServerFull
        | ErrorKind::NotConnected
        | ErrorKind::OutcomeUnknown => Exit::Connection,
        ErrorKind::WrongServerKey
        | ErrorKind::UnknownApp
        | ErrorKind::InvalidToken
        | ErrorKind::TokenExpired
        | ErrorKind::NotAuthorized
        | ErrorKind::LoginRejected
        | ErrorKind::LoggedInElsewhere
        | ErrorKind::PermissionDenied => Exit::Access,
        ErrorKind::MessageTooLarge
        | ErrorKind::InvalidMessage
        | ErrorKind::TooFrequent
        | ErrorKind::LimitExceeded => Exit::Limit,
        _ => Exit::Failed,
    }
}
