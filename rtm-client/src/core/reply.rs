//! Answers of the server, by what was asked.

use rtm_wire::{Reply, ReplyResult, Time};

use super::command::{Answer, Output};
use super::connection::Connection;
use super::operations::{Operation, Purpose, Route};
use super::{Core, repeats};
use crate::error::{Error, ErrorKind};
use crate::limits::ServerLimits;

impl<W> Core<W> {
    pub(super) fn on_reply(&mut self, now: Time, reply: &Reply<'_>) {
        // Unknown: of a message that nobody waits for; or the server repeats itself, or makes up
        // answers, which doesn't matter.
        let Some(operation) = self.operations.take(reply.operation) else {
            return self.on_skipping_refused(now, reply);
        };
        if reply.code.is_ok() {
            self.on_success(now, operation, reply.result);
        } else {
            self.on_failure(now, operation, Error::from_answer(reply.code, reply.reason));
        }
    }

    /// The answer to a login tells what the server allows.
    pub(super) fn on_limits(&mut self, result: ReplyResult<'_>) {
        if let ReplyResult::LoggedIn { limits, .. } = result {
            self.repeats.on_login(&result);
            self.limits = ServerLimits::new(limits);
            self.note_state_limits();
            self.outputs.push_back(Output::Limits(self.limits));
        }
    }

    fn on_success(&mut self, now: Time, operation: Operation<W>, result: ReplyResult<'_>) {
        let Operation { purpose, waiter, .. } = operation;
        match (purpose, result) {
            (Purpose::Publish { route, .. }, ReplyResult::Published(published)) => {
                self.answer(waiter, Ok(Answer::Published(published.into())));
                self.on_answered(now, &route);
            }
            (Purpose::Publish { route, .. }, ReplyResult::UserPublished(published)) => {
                self.answer(waiter, Ok(Answer::Published(published.into())));
                self.on_answered(now, &route);
            }
            (Purpose::OpenInbox { is_restore }, ReplyResult::Subscribed(position)) => {
                self.on_inbox_opened(now, position, is_restore);
            }
            (Purpose::CloseInbox, _) => self.on_inbox_closed(now),
            (Purpose::Login, result) => {
                self.on_limits(result);
                if let Connection::LoggingIn { session, .. } = self.connection {
                    self.on_logged_in(now, session);
                }
            }
            (Purpose::Logout, _) => self.end_farewell(now),
            (purpose @ (Purpose::RenewToken(..) | Purpose::RenewChannelToken(..)), _) => {
                self.on_renewed(purpose);
                self.answer(waiter, Ok(Answer::Done));
            }
            (Purpose::Subscribe { channel, is_restore }, ReplyResult::Subscribed(position)) => {
                self.answer(waiter, Ok(Answer::Done));
                self.on_subscribed(now, &channel, position, is_restore);
            }
            (Purpose::Unsubscribe { channel }, _) => {
                self.answer(waiter, Ok(Answer::Done));
                self.on_unsubscribed(now, &channel);
            }
            (
                Purpose::Join { channel, is_restore },
                ReplyResult::Joined { position, publishers },
            ) => {
                self.answer(waiter, Ok(Answer::Done));
                self.on_joined(now, &channel, position, publishers, is_restore);
            }
            (Purpose::Leave { channel }, _) => {
                self.on_left(&channel);
                self.answer(waiter, Ok(Answer::Done));
            }
            (Purpose::JoinTopic { channel, topic, is_restore }, ReplyResult::TopicJoined(_)) => {
                self.answer(waiter, Ok(Answer::Done));
                self.on_topic_joined(now, &channel, &topic, is_restore);
            }
            (Purpose::LeaveTopic { channel, topic }, _) => {
                self.on_topic_left(now, &channel, &topic, &Ok(()));
            }
            (
                Purpose::SubscribeTopic { channel, topic, all, is_restore },
                ReplyResult::TopicUsers(users),
            ) => {
                let answer =
                    self.on_topic_subscribed(now, &channel, &topic, all, &users, is_restore);
                self.answer(waiter, answer);
            }
            (Purpose::UnsubscribeTopic { channel, topic, all }, ReplyResult::TopicUsers(users)) => {
                let answer = self.on_topic_unsubscribed(&channel, &topic, all, &users);
                self.answer(waiter, Ok(answer));
            }
            (purpose, result) => {
                self.on_module_success(now, Operation::new(purpose, waiter), result);
            }
        }
    }

    /// The answer to what concerns presence, metadata or locks.
    fn on_module_success(&mut self, now: Time, operation: Operation<W>, result: ReplyResult<'_>) {
        match &operation.purpose {
            Purpose::SetStates { channel, .. } | Purpose::RemoveStates { channel, .. } => {
                self.on_states_answered(&channel.clone());
                self.answer(operation.waiter, Ok(Answer::Done));
            }
            Purpose::GetStates(_) | Purpose::OnlineUsers(_) | Purpose::UserChannels => {
                self.on_found(now, operation, result);
            }
            Purpose::WriteMetadata
            | Purpose::ReadPage
            | Purpose::Read(_)
            | Purpose::SubscribeUserMetadata { .. }
            | Purpose::UnsubscribeUserMetadata => self.on_storage_success(now, operation, result),
            Purpose::ReadHistory(_) => self.on_history_success(now, operation, result),
            Purpose::ChangeLock | Purpose::AcquireLock { .. } | Purpose::GetLocks => {
                self.on_lock_success(now, operation, result);
            }
            _ => self.on_other_answer(now, operation),
        }
    }

    /// The answer isn't one to what was asked.
    pub(super) fn on_other_answer(&mut self, now: Time, operation: Operation<W>) {
        let error = Error::of(ErrorKind::Protocol, "the server answered something else");
        self.on_failure(now, operation, error);
    }

    /// The server has refused, or the request could not be sent.
    pub(super) fn on_failure(&mut self, now: Time, operation: Operation<W>, error: Error) {
        let Operation { purpose, waiter, sent } = operation;
        match purpose {
            Purpose::Publish { route, .. } => {
                let is_repeated = sent.is_some_and(|sent| sent.is_repeated);
                self.answer(waiter, Err(repeats::told(error, is_repeated)));
                self.on_answered(now, &route);
            }
            Purpose::Login => self.on_login_refused(now, error),
            // It may go all the same.
            Purpose::Logout => self.end_farewell(now),
            Purpose::Subscribe { channel, is_restore } => {
                self.on_subscribe_refused(now, &channel, &error, is_restore);
                self.answer(waiter, Err(error));
            }
            Purpose::OpenInbox { is_restore } => self.on_inbox_refused(now, &error, is_restore),
            Purpose::CloseInbox => self.on_inbox_closed(now),
            Purpose::Unsubscribe { channel } => {
                // The server knows of no subscription, which is what was asked for.
                self.answer(waiter, Ok(Answer::Done));
                self.on_unsubscribed(now, &channel);
            }
            Purpose::Join { channel, is_restore } => {
                self.on_join_refused(now, &channel, &error, is_restore);
                self.answer(waiter, Err(error));
            }
            Purpose::Leave { channel } => {
                self.on_left(&channel);
                self.answer(waiter, Ok(Answer::Done));
            }
            Purpose::JoinTopic { channel, topic, is_restore } => {
                self.on_join_topic_refused(now, &channel, &topic, &error, is_restore);
                self.answer(waiter, Err(error));
            }
            Purpose::LeaveTopic { channel, topic } => {
                self.on_topic_left(now, &channel, &topic, &Err(error));
            }
            Purpose::SubscribeTopic { channel, topic, is_restore, .. } => {
                self.on_subscribe_topic_refused(now, &channel, &topic, &error, is_restore);
                self.answer(waiter, Err(error));
            }
            purpose @ (Purpose::SetStates { .. } | Purpose::RemoveStates { .. }) => {
                self.on_states_refused(now, Operation::new(purpose, waiter), error);
            }
            Purpose::RenewToken(..)
            | Purpose::RenewChannelToken(..)
            | Purpose::GetStates(_)
            | Purpose::OnlineUsers(_)
            | Purpose::UserChannels
            | Purpose::WriteMetadata
            | Purpose::ReadPage
            | Purpose::ReadHistory(_)
            | Purpose::ChangeLock
            | Purpose::AcquireLock { .. }
            | Purpose::GetLocks => self.answer(waiter, Err(error)),
            Purpose::UnsubscribeTopic { channel, topic, all } => {
                self.on_unsubscribe_topic_refused(&channel, &topic, all);
                let is_done = all && error.kind() == ErrorKind::NotSubscribed;
                self.answer(waiter, if is_done { Ok(Answer::Done) } else { Err(error) });
            }
            Purpose::Read(reading) => self.on_read_refused(now, &reading, error, waiter),
            Purpose::SubscribeUserMetadata { user, handle, is_restore } => {
                self.on_user_metadata_refused(now, (&user, handle), &error, is_restore);
                self.answer(waiter, Err(error));
            }
            // The server knows of no subscription, which is what was asked for.
            Purpose::UnsubscribeUserMetadata => self.answer(waiter, Ok(Answer::Done)),
        }
    }

    /// A published message is answered, one way or the other.
    pub(super) fn on_answered(&mut self, now: Time, route: &Route) {
        match route {
            Route::Channel(channel) => self.lanes.on_answered(channel),
            Route::Users => {}
            Route::Publication(handle) => self.on_publication_answered(now, *handle),
        }
    }
}
