//! Requests, carried out by the authorities.

use std::time::Duration;

use bytes::Bytes;
use rtm_channel::{ChannelKey, ChannelName, KeptMessage, Reached, Refusal, SubscriberId};
use rtm_topic::{PublicationKey, SubscribeOutcome, TopicName};
use rtm_wire::{
    ChannelKind, ChannelRef, Delivery, ErrorCode, FailedUser, Join, JoinTopic, List, OperationId,
    Position, Publish, PublishTopic, QueuePolicy, ReplyResult, Request, Subscribe, SubscribeTopic,
    TopicUsers, UnsubscribeTopic,
};

use super::answer::granted;
use super::catch_up::Beginning;
use super::channels::{AppChannels, tell_members};
use super::command::{LaneKey, Output, Subscription};
use super::context::Context;
use super::inboxes::answer_to;
use crate::config::MESSAGE_BYTES_MAX;
use crate::store::Change;

impl AppChannels {
    /// The answer to a request.
    pub(super) fn dispatch(
        &mut self,
        context: &mut Context<'_>,
        request: &Request<'_>,
    ) -> Result<Option<Bytes>, Refusal> {
        self.check_service(request)?;
        self.check_rights(context, request)?;
        let operation = context.operation;
        let answer = match request {
            Request::Subscribe(subscribe) if subscribe.channel.kind == ChannelKind::User => {
                self.open_inbox(context, subscribe)
            }
            Request::Unsubscribe(it) if it.channel.kind == ChannelKind::User => {
                return self.close_inbox(context, it.channel.name).map(|()| None);
            }
            Request::Publish(publish) if publish.channel.kind == ChannelKind::User => {
                return self.publish_to_user(context, publish);
            }
            Request::Receipt(receipt) => {
                let key = self.own_inbox(context);
                let (from, position) = (context.from, receipt.position);
                let outcomes = self.inboxes.receipt(&key, from, position, context.out);
                self.answer(&key, outcomes, context.out);
                return Ok(None);
            }
            Request::Subscribe(subscribe) => return self.subscribe(context, subscribe),
            Request::Unsubscribe(unsubscribe) => {
                let key = self.message_key(&unsubscribe.channel)?;
                self.part(&context.who(), &key, context.out)?;
                Ok(granted(operation, ReplyResult::None))
            }
            Request::Publish(publish) => return self.publish(context, publish),
            Request::Join(join) => self.join(context, join),
            Request::Leave(leave) => {
                let key = self.joined_stream(context.from, leave.channel)?;
                self.part(&context.who(), &key, context.out)?;
                Ok(granted(operation, ReplyResult::None))
            }
            Request::RenewToken(renew) => {
                let key = self.joined_stream(context.from, renew.channel)?;
                self.passes.set(&context.who(), &key, context.pass);
                Ok(granted(operation, ReplyResult::None))
            }
            Request::JoinTopic(join) => self.join_topic(context, join),
            Request::LeaveTopic(leave) => {
                let key = self.joined_stream(context.from, leave.channel)?;
                let news = self.stream(&key).leave_topic(context.from, leave.topic)?;
                tell_members(&key.name, news, context.out);
                Ok(granted(operation, ReplyResult::None))
            }
            Request::PublishTopic(publish) => return self.publish_topic(context, publish),
            Request::SubscribeTopic(subscribe) => self.subscribe_topic(context, subscribe),
            Request::UnsubscribeTopic(unsubscribe) => self.unsubscribe_topic(context, unsubscribe),
            Request::SetStates(set) => self.set_states(context, set),
            Request::RemoveStates(remove) => self.remove_states(context, remove),
            Request::GetStates(get) => self.get_states(context, get),
            Request::GetOnlineUsers(get) => self.get_online_users(context, get),
            Request::GetUserChannels(get) => self.get_user_channels(context, get),
            Request::SetLock(_)
            | Request::RemoveLock(_)
            | Request::AcquireLock(_)
            | Request::ReleaseLock(_)
            | Request::RevokeLock(_)
            | Request::GetLocks(_) => return self.lock_request(context, request),
            Request::GetMessages(get) => return self.get_messages(context, get),
            _ => self.storage_request(context, request).unwrap_or_else(|| Err(unknown())),
        };
        answer.map(Some)
    }

    /// A session reads what comes, and what waits, for its user.
    fn open_inbox(
        &mut self,
        context: &mut Context<'_>,
        subscribe: &Subscribe<'_>,
    ) -> Result<Bytes, Refusal> {
        let key = self.own_inbox(context);
        if subscribe.channel.name != key.name.as_str() {
            let reason = "only its user may read an inbox; publish to the user instead";
            return Err(Refusal::new(ErrorCode::CHANNEL_SUBSCRIBE_PERMISSION_DENIED, reason));
        }
        let (position, outcomes) = self.inboxes.open(context, &key, subscribe.resume);
        self.answer(&key, outcomes, context.out);
        Ok(granted(context.operation, ReplyResult::Subscribed(position)))
    }

    /// The answer goes behind the inbox's messages, on their lane: the client must know which are
    /// of the inbox that it may open next.
    fn close_inbox(&mut self, context: &mut Context<'_>, name: &str) -> Result<(), Refusal> {
        let key = self.own_inbox(context);
        if name != key.name.as_str() || !self.inboxes.is_read_by(&key, context.from) {
            let reason = "the inbox is not open; open it first";
            return Err(Refusal::new(ErrorCode::CHANNEL_NOT_SUBSCRIBED, reason));
        }
        let outcomes = self.inboxes.close(&key, context.from, context.out);
        self.answer(&key, outcomes, context.out);
        let (lane, answer) = (LaneKey::of(&key), granted(context.operation, ReplyResult::None));
        context.out.push(Output::in_order(lane.clone(), vec![context.from], answer));
        context.out.push(Output::LaneEnds { to: vec![context.from], lane });
        Ok(())
    }

    /// The answer; none while the receiver's receipt is waited for.
    fn publish_to_user(
        &mut self,
        context: &mut Context<'_>,
        publish: &Publish<'_>,
    ) -> Result<Option<Bytes>, Refusal> {
        let key = self.key(ChannelKind::User, channel_name(publish.channel.name)?);
        if let Some(repeated) = self.repeated(context, Some(&key)) {
            return repeated;
        }
        self.check_publish_right(context, publish.channel)?;
        self.limits.channel.check_message(publish.custom_type, publish.payload)?;
        let former = context.out.changes.len();
        let answered = self.inboxes.publish(context, &key, publish)?;
        let mut changes = context.out.changes.iter().skip(former);
        let is_stored = changes.any(|it| matches!(it, Change::Message { .. }));
        let reached = if is_stored { Reached::Stored } else { answered.1 };
        self.remember(context, &key, answered, publish.flags.store.then_some(reached));
        let is_waiting = answered.1 == Reached::Unknown;
        Ok((!is_waiting).then(|| answer_to(context.operation, answered)))
    }

    pub(super) fn own_inbox(&self, context: &Context<'_>) -> ChannelKey {
        self.key(ChannelKind::User, ChannelName::from(&context.identity.user))
    }

    /// The answer; none while what was missed is looked for.
    fn subscribe(
        &mut self,
        context: &mut Context<'_>,
        subscribe: &Subscribe<'_>,
    ) -> Result<Option<Bytes>, Refusal> {
        let key = self.message_key(&subscribe.channel)?;
        check_queue(subscribe.options.queue, true)?;
        let limit = self.limits.channel.subscriptions;
        let from = context.from;
        let is_in = self.is_in(from, &key);
        if !is_in && self.count_joined(from, ChannelKind::Message) >= limit {
            let reason = format!("{limit} channels are subscribed already; unsubscribe one first");
            return Err(Refusal::new(ErrorCode::CHANNEL_SUBSCRIBE_FAILED, reason));
        }
        let identity = context.identity.clone();
        let result = self.message(&key).subscribe(from, identity, subscribe.options);
        match result {
            Ok(position) => {
                let policy = subscribe.options.queue;
                let of = Subscription::Channel(key.name.clone());
                context.out.push(Output::Queue { to: from, of, policy });
                let missed = subscribe.resume.filter(|_| !is_in && subscribe.options.messages);
                context.out.beginning = beginning(context, &key, missed, position);
                self.enter(context, key, subscribe.options);
                let answer = || granted(context.operation, ReplyResult::Subscribed(position));
                Ok(context.out.beginning.is_none().then(answer))
            }
            Err(refusal) => {
                self.drop_if_empty(&key);
                Err(refusal)
            }
        }
    }

    fn publish(
        &mut self,
        context: &mut Context<'_>,
        publish: &Publish<'_>,
    ) -> Result<Option<Bytes>, Refusal> {
        if let Some(repeated) = self.repeated(context, None) {
            return repeated;
        }
        let name = channel_name(publish.channel.name)?;
        let key = match publish.channel.kind {
            kind @ ChannelKind::Message => self.key(kind, name),
            _ => return Err(wrong_kind()),
        };
        self.check_publish_right(context, publish.channel)?;
        self.limits.channel.check_message(publish.custom_type, publish.payload)?;
        if publish.flags.store {
            check_store(context, &key, publish)?;
        }
        let user = &context.identity.user;
        let (published, fanout) = self.message(&key).publish(context.time, user, publish);
        self.drop_if_empty(&key);
        let answered = (published, Reached::Sequenced);
        self.remember(context, &key, answered, publish.flags.store.then_some(answered.1));
        if publish.flags.store {
            let message = KeptMessage { published, event: fanout.event.clone() };
            context.out.keep(Change::Message { key: key.clone(), message });
        }
        context.out.push(Output::in_order(LaneKey::of(&key), fanout.to, fanout.event));
        Ok(Some(granted(context.operation, ReplyResult::Published(published))))
    }

    fn join(&mut self, context: &mut Context<'_>, join: &Join<'_>) -> Result<Bytes, Refusal> {
        let key = self.key(ChannelKind::Stream, channel_name(join.channel)?);
        let (from, limit) = (context.from, self.limits.channel.stream_channels);
        if !self.is_in(from, &key) && self.count_joined(from, ChannelKind::Stream) >= limit {
            let reason = format!("{limit} stream channels are joined already; leave one first");
            return Err(Refusal::new(ErrorCode::CHANNEL_INSTANCE_EXCEED_LIMITATION, reason));
        }
        let identity = context.identity.clone();
        let result = self.stream(&key).join(from, identity, join.options);
        match result {
            Ok(topics) => {
                let publishers = topics.publishers();
                let publishers = List::Slice(&publishers);
                let position = topics.position;
                let result = ReplyResult::Joined { position, publishers };
                let answer = granted(context.operation, result);
                if answer.len() > MESSAGE_BYTES_MAX {
                    // It could not be sent, and the client would wait for it for ever. Who has
                    // just come has no publications, so nobody has to hear of it.
                    self.stream(&key).remove(from);
                    let reason = "the channel has more publishers than fit one answer; try again \
                                  when some have left, or use several channels";
                    return Err(Refusal::new(ErrorCode::CHANNEL_JOIN_FAILED, reason));
                }
                self.passes.set(&context.who(), &key, context.pass);
                self.enter(context, key, join.options);
                Ok(answer)
            }
            Err(refusal) => {
                self.drop_if_empty(&key);
                Err(refusal)
            }
        }
    }

    fn join_topic(
        &mut self,
        context: &mut Context<'_>,
        join: &JoinTopic<'_>,
    ) -> Result<Bytes, Refusal> {
        let key = self.joined_stream(context.from, join.channel)?;
        self.check_topic_right(context, &key)?;
        let (position, news) = self.stream(&key).join_topic(context.now, context.from, join)?;
        tell_members(&key.name, news, context.out);
        Ok(granted(context.operation, ReplyResult::TopicJoined(position)))
    }

    fn subscribe_topic(
        &mut self,
        context: &mut Context<'_>,
        subscribe: &SubscribeTopic<'_>,
    ) -> Result<Bytes, Refusal> {
        let key = self.joined_stream(context.from, subscribe.channel)?;
        let &SubscribeTopic { topic, users, queue, .. } = subscribe;
        check_queue(queue, false)?;
        let outcome = self.stream(&key).subscribe_topic(context.from, topic, users)?;
        if self.stream(&key).is_subscribed(context.from, topic) {
            note_topic_queue(context, &key.name, topic, queue);
        }
        self.send_latest(context, &key, topic, &outcome);
        Ok(topic_users(context.operation, &outcome))
    }

    fn unsubscribe_topic(
        &mut self,
        context: &mut Context<'_>,
        unsubscribe: &UnsubscribeTopic<'_>,
    ) -> Result<Bytes, Refusal> {
        let key = self.joined_stream(context.from, unsubscribe.channel)?;
        let &UnsubscribeTopic { topic, users, .. } = unsubscribe;
        let outcome = self.stream(&key).unsubscribe_topic(context.from, topic, users)?;
        end_lanes(&key.name, topic, &outcome, context);
        if !self.stream(&key).is_subscribed(context.from, topic) {
            note_topic_queue(context, &key.name, topic, QueuePolicy::Default);
        }
        Ok(topic_users(context.operation, &outcome))
    }

    fn publish_topic(
        &mut self,
        context: &mut Context<'_>,
        publish: &PublishTopic<'_>,
    ) -> Result<Option<Bytes>, Refusal> {
        if let Some(repeated) = self.repeated(context, None) {
            return repeated;
        }
        let key = self.joined_stream(context.from, publish.channel)?;
        self.check_topic_right(context, &key)?;
        let stream = key.clone();
        let authority = self.stream(&key);
        let (published, publication, fanout) =
            authority.publish_topic(context.now, context.time, context.from, publish)?;
        let delivery = authority.delivery(&publication).expect("it has just been published in");
        context.out.push(topic_message(
            key.name,
            publication,
            delivery,
            (fanout.to, fanout.event, context.time_left),
        ));
        if !delivery.is_reliable() {
            // Its publisher counts it as published since it was sent, and never sends it again.
            return Ok(None);
        }
        self.remember(context, &stream, (published, Reached::Sequenced), None);
        Ok(Some(granted(context.operation, ReplyResult::Published(published))))
    }

    /// Who begins to hear latest-only publications gets the last message of each.
    fn send_latest(
        &mut self,
        context: &mut Context<'_>,
        key: &ChannelKey,
        topic: &str,
        outcome: &SubscribeOutcome,
    ) {
        let Ok(topic) = TopicName::new(topic) else { return };
        let authority = self.stream(key);
        for heard in &outcome.succeeded {
            let publication = PublicationKey { topic: topic.clone(), user: heard.user.clone() };
            let found = (authority.latest(&publication), authority.delivery(&publication));
            if let (Some(event), Some(delivery)) = found {
                let what = (vec![context.from], event, None);
                context.out.push(topic_message(key.name.clone(), publication, delivery, what));
            }
        }
    }

    /// The key of a stream channel that the session has joined; others have no authority to ask.
    pub(super) fn joined_stream(
        &self,
        from: SubscriberId,
        name: &str,
    ) -> Result<ChannelKey, Refusal> {
        let key = self.key(ChannelKind::Stream, channel_name(name)?);
        if self.is_in(from, &key) {
            return Ok(key);
        }
        let reason = "this stream channel is not joined; join it first";
        Err(Refusal::new(ErrorCode::CHANNEL_NOT_JOINED, reason))
    }

    /// A message or stream channel, whoever is in it.
    pub(super) fn channel_key(&self, channel: &ChannelRef<'_>) -> Result<ChannelKey, Refusal> {
        let name = channel_name(channel.name)?;
        match channel.kind {
            kind @ (ChannelKind::Message | ChannelKind::Stream) => Ok(self.key(kind, name)),
            _ => Err(wrong_kind()),
        }
    }

    pub(super) fn message_key(&self, channel: &ChannelRef<'_>) -> Result<ChannelKey, Refusal> {
        let name = channel_name(channel.name)?;
        match channel.kind {
            ChannelKind::Message => Ok(self.key(ChannelKind::Message, name)),
            _ => Err(wrong_kind()),
        }
    }
}

/// What a subscriber that knows the channel up to `after` may have missed of its history.
fn beginning(
    context: &Context<'_>,
    key: &ChannelKey,
    after: Option<Position>,
    position: Position,
) -> Option<Beginning> {
    let retention = context.history.of(key);
    let after = after.filter(|after| {
        *after < position && retention.messages > 0 && !context.catch_ups_are_full
    })?;
    let (key, subscriber) = (key.clone(), context.from);
    let operation = Some(context.operation);
    let since = retention.since(context.time);
    Some(Beginning { key, subscriber, operation, after, position, since })
}

/// What becomes of a topic's messages that come too fast.
fn note_topic_queue(
    context: &mut Context<'_>,
    channel: &ChannelName,
    topic: &str,
    policy: QueuePolicy,
) {
    if let Ok(topic) = TopicName::new(topic) {
        let of = Subscription::Topic(channel.clone(), topic);
        context.out.push(Output::Queue { to: context.from, of, policy });
    }
}

/// Checks what is to become of messages that come too fast.
fn check_queue(queue: QueuePolicy, is_stored: bool) -> Result<(), Refusal> {
    let reason = match queue {
        QueuePolicy::Unknown(number) => format!("this server knows no queue policy {number}"),
        QueuePolicy::CatchUp if !is_stored => {
            "topics aren't stored, so that nobody can catch up; choose another queue policy".into()
        }
        _ => return Ok(()),
    };
    Err(Refusal::new(ErrorCode::SERVICE_NOT_SUPPORTED, reason))
}

/// Checks that a message may be stored in the history of a message channel.
fn check_store(
    context: &Context<'_>,
    key: &ChannelKey,
    publish: &Publish<'_>,
) -> Result<(), Refusal> {
    if context.history.of(key).messages == 0 {
        let name = &key.name;
        let reason = format!("this server keeps no history of {name}; publish without storing");
        return Err(Refusal::new(ErrorCode::SERVICE_NOT_SUPPORTED, reason));
    }
    let most = context.history.bytes_max;
    if context.history_bytes + publish.payload.len() as u64 > most {
        let reason = format!("all histories have {most} bytes, the limit; publish without storing");
        return Err(Refusal::new(ErrorCode::CHANNEL_PUBLISH_MESSAGE_FAILED, reason));
    }
    Ok(())
}

pub(super) fn channel_name(text: &str) -> Result<ChannelName, Refusal> {
    ChannelName::new(text).map_err(|error| error.refusal(ChannelName::ERROR))
}

/// A message on the lane of its publication. In a topic with deadlines it has no more time than
/// that, wherever it came from.
fn topic_message(
    channel: ChannelName,
    PublicationKey { topic, user }: PublicationKey,
    delivery: Delivery,
    (to, message, time_left): (Vec<SubscriberId>, Bytes, Option<Duration>),
) -> Output {
    let (mode, priority) = (delivery.lane_mode(), delivery.priority);
    let deadline = delivery.deadline();
    let time_left = deadline.map(|deadline| time_left.unwrap_or(deadline).min(deadline));
    let lane = LaneKey::Publication(channel, topic, user);
    Output::Event { to, lane, mode, priority, time_left, message }
}

/// Publishers that are not heard any more need no lane.
fn end_lanes(
    channel: &ChannelName,
    topic: &str,
    outcome: &SubscribeOutcome,
    context: &mut Context<'_>,
) {
    let Ok(topic) = TopicName::new(topic) else { return };
    for heard in &outcome.succeeded {
        let lane = LaneKey::Publication(channel.clone(), topic.clone(), heard.user.clone());
        context.out.push(Output::LaneEnds { to: vec![context.from], lane });
    }
}

pub(super) fn unknown() -> Refusal {
    let reason = "this server does not know the operation; update it";
    Refusal::new(ErrorCode::SERVICE_NOT_SUPPORTED, reason)
}

pub(super) fn wrong_kind() -> Refusal {
    let reason = "the operation does not exist for this kind of channel";
    Refusal::new(ErrorCode::INVALID_CHANNEL_TYPE, reason)
}

fn topic_users(operation: OperationId, outcome: &SubscribeOutcome) -> Bytes {
    let succeeded = outcome.heard_users();
    let failed: Vec<_> =
        outcome.failed.iter().map(|(user, code)| FailedUser { user, code: *code }).collect();
    let users = TopicUsers { succeeded: List::Slice(&succeeded), failed: List::Slice(&failed) };
    granted(operation, ReplyResult::TopicUsers(users))
}
