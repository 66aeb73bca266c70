//! What a failure means for the link.

use rtm_session::CloseCause;

use crate::error::{Error, ErrorKind};
use crate::link::LinkReason;

/// Why the server refused, as link states name it.
pub(super) fn of_refusal(error: &Error) -> LinkReason {
    match error.kind() {
        ErrorKind::InvalidToken => LinkReason::InvalidToken,
        ErrorKind::TokenExpired => LinkReason::TokenExpired,
        ErrorKind::UnknownApp => LinkReason::InconsistentAppId,
        ErrorKind::InvalidUserId => LinkReason::InvalidUserId,
        ErrorKind::NotAuthorized => LinkReason::LoginNotAuthorized,
        ErrorKind::LoginRejected | ErrorKind::ServerFull => LinkReason::LoginRejected,
        ErrorKind::LoggedInElsewhere => LinkReason::SameUidLogin,
        ErrorKind::TooFrequent => LinkReason::LoginTooFrequent,
        _ => LinkReason::Unknown,
    }
}

/// Why the session ended, as link states name it.
pub(super) const fn of_loss(cause: &CloseCause) -> LinkReason {
    match cause {
        CloseCause::IdleTimeout => LinkReason::KeepAliveTimeout,
        CloseCause::Peer { .. } => LinkReason::KickedOutByServer,
        _ => LinkReason::ConnectionError,
    }
}

/// Whether the server ended the session so that coming back by itself would be wrong: it would
/// be refused, or drive out another client of the same user.
pub(super) fn is_final(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidToken
            | ErrorKind::TokenExpired
            | ErrorKind::UnknownApp
            | ErrorKind::InvalidUserId
            | ErrorKind::NotAuthorized
            | ErrorKind::LoginRejected
            | ErrorKind::LoggedInElsewhere
    )
}
