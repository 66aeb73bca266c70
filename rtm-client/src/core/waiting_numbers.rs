//! The numbers by which RTM 2.x calls it that a call was not carried out.

use rtm_wire::ErrorCode;

use super::command::Command;

/// Why a call that had to wait was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GivenUp {
    /// So many wait already.
    Full,
    /// There was no connection for too long.
    Late,
    /// There will be none: the link has ended.
    Ended,
}

/// The number of a call that was given up; that of the link's end is of the client, but for
/// presence.
pub(super) const fn number(command: &Command, why: GivenUp) -> ErrorCode {
    match (command, why) {
        (
            Command::GetStates { .. } | Command::OnlineUsers { .. } | Command::UserChannels { .. },
            why,
        ) => match why {
            GivenUp::Full => ErrorCode::PRESENCE_PENDING_REQUEST_EXCEED_LIMITATION,
            GivenUp::Late => ErrorCode::PRESENCE_NOT_CONNECTED,
            GivenUp::Ended => ErrorCode::PRESENCE_PENDING_REQUEST_CANCELLED,
        },
        (_, GivenUp::Ended) => ErrorCode::NOT_LOGIN,
        (
            Command::Publish { .. }
            | Command::Subscribe { .. }
            | Command::Unsubscribe { .. }
            | Command::OpenInbox { .. }
            | Command::Join { .. }
            | Command::Leave { .. }
            | Command::JoinTopic { .. }
            | Command::LeaveTopic { .. }
            | Command::SubscribeTopic { .. }
            | Command::AddPublishers { .. }
            | Command::RemovePublishers { .. }
            | Command::UnsubscribeTopic { .. },
            GivenUp::Full | GivenUp::Late,
        ) => ErrorCode::CHANNEL_NOT_CONNECTED,
        _ => ErrorCode::NOT_CONNECTED,
    }
}
