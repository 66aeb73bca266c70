//! The links of stream channels, as RTM 2.x shows them: one for each, on the one session.

use rtm_channel::ChannelName;
use rtm_wire::{ChannelKind, ErrorCode};

use super::command::Output;
use super::{Core, link, reason};
use crate::channel_id::ChannelId;
use crate::error::{Error, ErrorKind};
use crate::link::{LinkOperation, LinkReason, LinkState, StreamLinkEvent};

/// How a membership ends, or an attempt to get one.
#[derive(Clone, Copy, Debug)]
pub(super) enum StreamEnd<'a> {
    /// It was left.
    Left,
    /// Its user is logged out.
    LoggedOut,
    /// It was not joined; who asked is told why by the answer.
    NotJoined(&'a Error),
    /// The server has ended it, or does not restore it.
    PutOut(&'a Error),
    /// The client's own link has failed.
    Failed(&'a Error),
}

impl StreamEnd<'_> {
    /// Why its events end, if they don't know it.
    pub(super) const fn told(&self) -> Option<&Error> {
        match self {
            Self::PutOut(error) | Self::Failed(error) => Some(error),
            Self::Left | Self::LoggedOut | Self::NotJoined(_) => None,
        }
    }
}

impl<W> Core<W> {
    /// The link of a channel that is joined, or about to be, has changed; none of it is told if it
    /// was so before.
    pub(super) fn advance_stream_link(
        &mut self,
        channel: &ChannelName,
        current: LinkState,
        (operation, reason): (LinkOperation, LinkReason),
        error: Option<&Error>,
    ) {
        let Some(entry) = self.streams.get_mut(channel) else { return };
        let previous = std::mem::replace(&mut entry.link, current);
        if previous != current {
            self.tell_stream_link(channel, (previous, current), (operation, reason), error);
        }
    }

    /// The session is lost for this reason: all channels are to be joined again.
    pub(super) fn lose_stream_links(&mut self, reason: LinkReason) {
        let why = (link::operation(reason), reason);
        let channels: Vec<_> = self.streams.keys().cloned().collect();
        for channel in channels {
            self.advance_stream_link(&channel, LinkState::Connecting, why, None);
        }
    }

    /// The link of a channel ends.
    pub(super) fn end_stream_link(
        &mut self,
        channel: &ChannelName,
        previous: LinkState,
        end: StreamEnd<'_>,
    ) {
        let (current, why, error) = match end {
            StreamEnd::Left => (LinkState::Idle, (LinkOperation::Leave, LinkReason::Leave), None),
            StreamEnd::LoggedOut => {
                (LinkState::Idle, (LinkOperation::Logout, LinkReason::Logout), None)
            }
            StreamEnd::NotJoined(error) => {
                (LinkState::Failed, (LinkOperation::Join, of_stream(error)), Some(error))
            }
            StreamEnd::Failed(error) => (LinkState::Failed, self.link_why, Some(error)),
            StreamEnd::PutOut(error) => {
                (LinkState::Failed, (LinkOperation::ServerReject, of_stream(error)), Some(error))
            }
        };
        if previous != current {
            self.tell_stream_link(channel, (previous, current), why, error);
        }
    }

    fn tell_stream_link(
        &mut self,
        channel: &ChannelName,
        (previous, current): (LinkState, LinkState),
        (operation, reason): (LinkOperation, LinkReason),
        error: Option<&Error>,
    ) {
        self.outputs.push_back(Output::StreamLink(StreamLinkEvent {
            channel: ChannelId::of(ChannelKind::Stream, channel),
            previous,
            current,
            operation,
            reason,
            error: error.cloned(),
            // What drives the core has a calendar.
            time_ms: 0,
        }));
    }
}

/// Why a stream channel isn't joined, as links name it.
fn of_stream(error: &Error) -> LinkReason {
    match error.number() {
        ErrorCode::CHANNEL_NOT_AVAILABLE => LinkReason::StreamChannelNotAvailable,
        ErrorCode::STORAGE_NOT_AVAILABLE => LinkReason::StorageNotAvailable,
        ErrorCode::LOCK_NOT_AVAILABLE => LinkReason::LockNotAvailable,
        _ => match error.kind() {
            ErrorKind::NotLoggedIn | ErrorKind::NotConnected => LinkReason::ServiceNotConnected,
            ErrorKind::LimitExceeded => LinkReason::ChannelInstanceExceedLimitation,
            ErrorKind::TooFrequent => LinkReason::OperationRateExceedLimitation,
            ErrorKind::Protocol => LinkReason::ChannelInErrorState,
            ErrorKind::Unsupported => LinkReason::ServiceNotSupported,
            _ => match reason::of_refusal(error) {
                LinkReason::Unknown => LinkReason::JoinFailed,
                reason => reason,
            },
        },
    }
}
