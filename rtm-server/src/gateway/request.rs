//! Requests: looked at here for login, rate and rights, carried out by the owner.

use std::time::Duration;

use bytes::Bytes;
use rtm_channel::{ChannelName, ClientLimits, Refusal, SubscriberId};
use rtm_session::SessionId;
use rtm_wire::{ChannelKind, CloseCode, ErrorCode, OperationId, ReplyResult, Request, Time};

use super::{Client, Gateway, Work, subscriber_of};
use crate::owner::{CommandKind, granted, refused};
use crate::rights::Pass;

impl Gateway {
    pub(super) fn on_message(
        &mut self,
        work: &mut Work<'_>,
        session: SessionId,
        message: Bytes,
        time_left: Option<Duration>,
    ) {
        let from = subscriber_of(session);
        if !self.clients.contains_key(&from) {
            return self.on_first_message(work, session, &message);
        }
        if self.clients.get(&from).is_some_and(|client| client.has_left) {
            return;
        }
        self.counters.requests += 1;
        let decoded = Request::decode(&message);
        let operation = match &decoded {
            Ok((operation, _)) => *operation,
            Err(error) => error.operation,
        };
        if operation == OperationId(0) {
            // Without an id there is nothing to answer (protocol §6.1), and nothing by which the
            // owner could tell a repeated publish from a new one.
            self.counters.requests_malformed += 1;
            let reason = "a request without an operation id; number requests from 1";
            return self.end(work, from, CloseCode::PROTOCOL, reason);
        }
        let verdict = match decoded {
            Ok((_, request)) => self.check(work, from, &request),
            Err(error) => {
                self.counters.requests_malformed += 1;
                let reason = format!("the request can't be read: {}", error.error);
                Err(Refusal::new(ErrorCode::INVALID_PARAMETER, reason))
            }
        };
        match verdict {
            Ok(Way::Owner(pass)) => {
                let kind = CommandKind::Request { operation, message, time_left, pass };
                self.tell_owner(work, from, kind);
            }
            Ok(Way::Answered) => {
                self.send_reply(work, from, granted(operation, ReplyResult::None));
            }
            Ok(Way::Done) => {
                self.send_reply(work, from, granted(operation, ReplyResult::None));
                self.leave(work, from);
            }
            Err(refusal) => {
                self.send_reply(work, from, refused(operation, &refusal));
                let code = refusal.code;
                let is_too_frequent = code == ErrorCode::CHANNEL_PUBLISH_MESSAGE_TOO_FREQUENT;
                let client = self.clients.get_mut(&from);
                let is_kept = |client: &mut Client| client.rates.take_refusal(work.moment.now);
                if is_too_frequent && client.is_some_and(is_kept) {
                    self.tell_owner(work, from, CommandKind::PublishRefused { operation, code });
                }
            }
        }
    }

    /// What the owner need not be asked for.
    fn check(
        &mut self,
        work: &mut Work<'_>,
        from: SubscriberId,
        request: &Request<'_>,
    ) -> Result<Way, Refusal> {
        // Never answered, and good for others until the end.
        if let Request::Receipt(_) = request {
            return Ok(Way::Owner(None));
        }
        if self.is_closing {
            let reason = "the server is shutting down; come back later";
            return Err(Refusal::new(ErrorCode::NOT_CONNECTED, reason));
        }
        let client = self.clients.get_mut(&from).expect("the caller has looked");
        match request {
            Request::Login(_) => {
                let reason = "this session is logged in already; log out first";
                Err(Refusal::new(ErrorCode::DUPLICATE_OPERATION, reason))
            }
            Request::RenewToken(renew) if renew.channel.is_empty() => {
                self.renew_token(work, from, renew.token).map(|()| Way::Answered)
            }
            Request::RenewToken(renew) => {
                self.renew_pass(work, from, (renew.channel, renew.token)).map(Way::Owner)
            }
            // The client closes the session when it has the answer.
            Request::Logout(_) => Ok(Way::Done),
            Request::Join(join) => {
                client.rates.take_join(work.moment.now)?;
                // The owner says so, whatever the token is.
                if !self.limits.services.stream {
                    return Ok(Way::Owner(None));
                }
                let whose = (&client.app, &client.identity.user, &client.rights);
                let what = (join.channel, join.token);
                self.access.join(whose, what, work.moment.wall).map(Way::Owner)
            }
            Request::Publish(_) => {
                let taken = client.rates.take_publish(work.moment.now);
                self.counters.publishes_limited += u64::from(taken.is_err());
                taken.map(|()| Way::Owner(None))
            }
            _ => take_rate(&mut client.rates, work.moment.now, request).map(|()| Way::Owner(None)),
        }
    }
}

/// What the owner would be asked too often.
fn take_rate(rates: &mut ClientLimits, now: Time, request: &Request<'_>) -> Result<(), Refusal> {
    match request {
        Request::SetStates(_)
        | Request::RemoveStates(_)
        | Request::GetStates(_)
        | Request::GetOnlineUsers(_)
        | Request::GetUserChannels(_) => rates.take_presence(now),
        Request::Subscribe(subscribe) if subscribe.channel.kind != ChannelKind::User => {
            // A name that is none is refused by the owner, with its own number.
            match ChannelName::new(subscribe.channel.name) {
                Ok(channel) => rates.take_subscribe(now, &channel),
                Err(_) => Ok(()),
            }
        }
        Request::SetMetadata(_) | Request::UpdateMetadata(_) | Request::RemoveMetadata(_) => {
            rates.take_storage_write(now)
        }
        Request::GetMetadata(_)
        | Request::GetMessages(_)
        | Request::GetLocks(_)
        | Request::SubscribeUserMetadata(_)
        | Request::UnsubscribeUserMetadata(_) => rates.take_storage_read(now),
        Request::SetLock(_)
        | Request::RemoveLock(_)
        | Request::AcquireLock(_)
        | Request::ReleaseLock(_)
        | Request::RevokeLock(_) => rates.take_lock_call(now),
        // Subscriptions to topics are nobody else's affair, and many at once after a restart.
        Request::JoinTopic(_) => rates.take_join(now),
        _ => Ok(()),
    }
}

/// What becomes of a request that is in order.
enum Way {
    /// With what a token gives for the stream channel that is concerned.
    Owner(Option<Pass>),
    /// Done, and nothing else follows.
    Answered,
    Done,
}
