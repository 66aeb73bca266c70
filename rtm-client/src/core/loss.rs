//! When the session is gone: what becomes of operations in flight and of all that users have.

use rtm_channel::{ChannelName, Holdings};
use rtm_topic::{StreamView, TopicName};
use rtm_wire::{ErrorCode, Time};

use super::Core;
use super::command::Answer;
use super::operations::{Operation, Purpose};
use super::stream_link::StreamEnd;
use crate::error::{Error, ErrorKind};

impl<W> Core<W> {
    /// The session is gone. Operations in flight fail; subscriptions and memberships wait for the
    /// next session.
    pub(super) fn forget_session(&mut self) {
        self.lanes.clear();
        self.skipping.clear();
        self.own_states.on_lost();
        self.states_due = rtm_session::Deadlines::new();
        self.reads_due = rtm_session::Deadlines::new();
        self.restore = None;
        for (id, operation) in self.operations.take_all() {
            match operation.sent.is_some() {
                true => self.keep_for_repeat(id, operation),
                false => self.lose_operation(operation),
            }
        }
        self.lose_channels();
        self.lose_inbox();
        self.lose_streams();
        self.lose_user_metadata();
    }

    /// Nobody is logged in any more: all that users have ends.
    pub(super) fn end_all(&mut self, now: Time, error: Option<&Error>) {
        self.end_repeats(now);
        self.end_waiting();
        self.end_channels(error);
        self.rest_inbox();
        self.end_streams(error);
        self.forget_states();
        self.end_user_metadata(error);
        self.holdings = Holdings::new();
        self.tell_held();
    }

    fn lose_operation(&mut self, operation: Operation<W>) {
        let Operation { purpose, waiter, .. } = operation;
        let code = number_of_loss(&purpose);
        let wrong = "the connection was lost before the answer";
        let lost = Error::numbered(ErrorKind::NotConnected, code, wrong);
        match purpose {
            Purpose::WriteMetadata | Purpose::ChangeLock | Purpose::AcquireLock { .. } => {
                let kind = ErrorKind::OutcomeUnknown;
                self.answer(waiter, Err(Error::numbered(kind, code, kind.wrong())));
            }
            Purpose::RenewToken(token, _) => {
                self.take_token(token);
                self.answer(waiter, Err(lost.and("the next login is with this token")));
            }
            Purpose::RenewChannelToken(channel, token) => {
                self.take_channel_token(&channel, token);
                let more = "the channel is joined again with this token";
                self.answer(waiter, Err(lost.and(more)));
            }
            Purpose::Subscribe { channel, is_restore: false } => {
                self.end_channel(&channel);
                self.answer(waiter, Err(lost));
            }
            Purpose::Join { channel, is_restore: false } => {
                let is_unwanted = self.streams.get(&channel).is_some_and(|it| it.is_unwanted);
                let end = if is_unwanted { StreamEnd::Left } else { StreamEnd::NotJoined(&lost) };
                self.end_stream(&channel, end);
                self.answer(waiter, Err(lost));
            }
            Purpose::Leave { channel } => {
                self.end_stream(&channel, StreamEnd::Left);
                self.answer(waiter, Ok(Answer::Done));
            }
            Purpose::JoinTopic { channel, topic, is_restore: false } => {
                self.lose_topic(&channel, &topic, |view| view.on_topic_joined(&topic, false));
                self.answer(waiter, Err(lost));
            }
            // Gone with the session, and not to be joined again.
            Purpose::LeaveTopic { channel, topic } => {
                self.lose_topic(&channel, &topic, |view| view.on_topic_left(&topic));
            }
            Purpose::SubscribeTopic { channel, topic, is_restore: false, .. } => {
                let entry = self.streams.get(&channel);
                let sink = entry.and_then(|entry| entry.topics.get(&topic));
                if sink.is_some_and(|sink| !sink.is_confirmed) {
                    self.end_topic(&channel, &topic, None);
                }
                self.answer(waiter, Err(lost));
            }
            // Taken up again when the client is back.
            Purpose::SetStates { .. } | Purpose::RemoveStates { .. } => {
                self.answer(waiter, Ok(Answer::Done));
            }
            Purpose::SubscribeUserMetadata { user, handle, is_restore: false } => {
                self.end_heard_user(&user, handle, None);
                self.answer(waiter, Err(lost));
            }
            // These end with the session.
            Purpose::Unsubscribe { .. }
            | Purpose::UnsubscribeTopic { all: true, .. }
            | Purpose::UnsubscribeUserMetadata => self.answer(waiter, Ok(Answer::Done)),
            _ => self.answer(waiter, Err(lost)),
        }
    }

    /// A publication that was being begun or ended is no more.
    fn lose_topic(
        &mut self,
        channel: &ChannelName,
        topic: &TopicName,
        end: impl FnOnce(&mut StreamView),
    ) {
        let Some(entry) = self.streams.get_mut(channel) else { return };
        end(&mut entry.view);
        if let Some(publication) = entry.publications.remove(topic) {
            self.end_publication(publication, Ok(()));
        }
    }
}

/// What RTM 2.x calls a call of this module that gets no answer.
const fn number_of_loss(purpose: &Purpose) -> ErrorCode {
    match purpose {
        Purpose::RenewToken(..) | Purpose::RenewChannelToken(..) => ErrorCode::RENEW_TOKEN_TIMEOUT,
        Purpose::Subscribe { .. } => ErrorCode::CHANNEL_SUBSCRIBE_TIMEOUT,
        Purpose::GetStates(_) | Purpose::OnlineUsers(_) | Purpose::UserChannels => {
            ErrorCode::PRESENCE_OPERATION_TIMEOUT
        }
        Purpose::WriteMetadata
        | Purpose::ReadPage
        | Purpose::Read(_)
        | Purpose::SubscribeUserMetadata { .. } => ErrorCode::STORAGE_OPERATION_TIMEOUT,
        Purpose::ReadHistory(_) => ErrorCode::HISTORY_OPERATION_TIMEOUT,
        Purpose::ChangeLock | Purpose::AcquireLock { .. } | Purpose::GetLocks => {
            ErrorCode::LOCK_OPERATION_TIMEOUT
        }
        _ => ErrorCode::NOT_CONNECTED,
    }
}
