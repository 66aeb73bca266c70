//! Message channels.

use bytes::Bytes;
use rtm_channel::{ChannelName, Gap, LockView, MessageView, PresenceView, Verdict, ViewState};
use rtm_wire::{
    ChannelKind, ChannelRef, ErrorCode, LaneId, MessageEvent, Position, PositionEvent, Publish,
    PublishFlags, QueuePolicy, Subscribe, SubscribeOptions as WireOptions, Time, Unsubscribe,
};

use super::command::{Answer, Credit, HandleId, MetadataTarget, Output, Target};
use super::follower::Follower;
use super::operations::{Purpose, Route};
use super::seal::Envelope;
use super::{Core, Place};
use crate::channel_id::ChannelId;
use crate::error::{Error, ErrorKind};
use crate::message::{ChannelEvent, ChannelMessage};
use crate::options::{PublishOptions, SubscribeOptions};

/// A message channel that is subscribed, or about to be, or still about to end.
#[derive(Debug)]
pub(super) struct Channel<W> {
    pub(super) view: MessageView,
    pub(super) presence: PresenceView,
    pub(super) metadata: Follower,
    pub(super) locks: LockView,
    hears_own: bool,
    /// Who gets its messages; `None` when nobody wants them any more.
    pub(super) handle: Option<HandleId>,
    /// Who subscribes when the former subscription has ended.
    next: Option<Next<W>>,
}

impl<W> Channel<W> {
    /// Whether its subscriber hears of messages that are missing.
    fn names_gaps(&self) -> bool {
        self.view.options().is_none_or(|options| options.queue != QueuePolicy::LatestOnly)
    }
}

#[derive(Debug)]
struct Next<W> {
    options: SubscribeOptions,
    handle: HandleId,
    waiter: Option<W>,
}

impl<W> Core<W> {
    pub(super) fn publish(
        &mut self,
        now: Time,
        target: &Target,
        payload: &Bytes,
        options: &PublishOptions,
        waiter: Option<W>,
    ) {
        if let Err(refusal) = options.check(payload) {
            return self.answer(waiter, Err(refusal.into()));
        }
        let session = self.check_connected();
        let (channel, lane, route) = match (target, session) {
            (Target::Topic(handle), _) => {
                return self.publish_topic(now, *handle, payload, options, waiter);
            }
            (_, Err(error)) => return self.answer(waiter, Err(error)),
            (Target::Channel(name), Ok(session)) => {
                let lane = self.lanes.channel(now, &mut self.endpoint, session, name);
                let channel = ChannelRef { kind: ChannelKind::Message, name: name.as_str() };
                (channel, lane, Route::Channel(name.clone()))
            }
            (Target::User(user), Ok(session)) => {
                let lane = self.lanes.users(&mut self.endpoint, session);
                let channel = ChannelRef { kind: ChannelKind::User, name: user.as_str() };
                (channel, lane, Route::Users)
            }
        };
        let mut publish = Publish {
            channel,
            flags: PublishFlags { store: options.store_in_history },
            message_type: options.message_type,
            custom_type: &options.custom_type,
            payload,
        };
        let publisher = self.config.user_id.clone();
        let sealed = self.seal(&Envelope::of_publish(&publish, &publisher), payload);
        publish.payload = sealed.as_deref().unwrap_or(payload);
        let is_stored = publish.flags.store;
        self.request(now, lane, publish, Purpose::Publish { route, is_stored }, waiter);
    }

    pub(super) fn subscribe(
        &mut self,
        now: Time,
        channel: ChannelName,
        options: SubscribeOptions,
        handle: HandleId,
        waiter: Option<W>,
    ) {
        if let Err(error) = self.check_connected() {
            self.outputs.push_back(Output::End(handle));
            return self.answer(waiter, Err(error));
        }
        let entry = self.channels.entry(channel.clone()).or_insert_with(|| Channel {
            view: MessageView::default(),
            presence: PresenceView::new(),
            metadata: Follower::default(),
            locks: LockView::new(),
            hears_own: true,
            handle: None,
            next: None,
        });
        let is_ending = entry.view.state() != ViewState::Idle && entry.handle.is_none();
        if is_ending && entry.next.is_none() {
            entry.next = Some(Next { options, handle, waiter });
            self.places.insert(handle, Place::Channel(channel));
        } else if let Err(refusal) = entry.view.subscribe(options.wire()) {
            self.outputs.push_back(Output::End(handle));
            self.answer(waiter, Err(refusal.into()));
        } else {
            entry.handle = Some(handle);
            entry.hears_own = options.hears_own_messages();
            self.places.insert(handle, Place::Channel(channel.clone()));
            self.send_subscribe(now, &channel, options.wire(), None, false, waiter);
        }
    }

    fn send_subscribe(
        &mut self,
        now: Time,
        channel: &ChannelName,
        options: WireOptions,
        resume: Option<Position>,
        is_restore: bool,
        waiter: Option<W>,
    ) {
        let channel_id = ChannelId::of(ChannelKind::Message, channel);
        self.begin_following(MetadataTarget::Channel(channel_id), options.metadata);
        let subscribe = Subscribe { channel: message_channel(channel), options, resume };
        let purpose = Purpose::Subscribe { channel: channel.clone(), is_restore };
        self.request(now, LaneId::CONTROL, subscribe, purpose, waiter);
    }

    pub(super) fn on_subscribed(
        &mut self,
        now: Time,
        channel: &ChannelName,
        position: Position,
        is_restore: bool,
    ) {
        if let Some(entry) = self.channels.get_mut(channel) {
            let gaps = entry.view.on_subscribed(position);
            if let Some(handle) = entry.handle.filter(|_| entry.names_gaps()) {
                self.outputs.extend(gaps.into_iter().map(|gap| gap_of(handle, gap)));
            }
            let is_loud = matches!(entry.view.state(),
                ViewState::Subscribed { options, .. } if !options.quiet);
            if entry.handle.is_none() {
                self.end_subscription(now, channel, None);
            } else if is_loud {
                self.show_states(now, &ChannelId::of(ChannelKind::Message, channel));
            }
        }
        self.hold_on(ChannelKind::Message, channel, position);
        let channel = ChannelId::of(ChannelKind::Message, channel);
        self.catch_up(now, MetadataTarget::Channel(channel));
        if is_restore {
            self.on_restored(now);
        }
    }

    pub(super) fn on_subscribe_refused(
        &mut self,
        now: Time,
        channel: &ChannelName,
        error: &Error,
        is_restore: bool,
    ) {
        if let Some(entry) = self.channels.get_mut(channel) {
            entry.view.on_refused();
            if let Some(handle) = entry.handle.take() {
                let ended = is_restore.then_some(error);
                self.end_channel_handle(handle, ended);
            }
            if is_restore {
                self.end_own(ChannelKind::Message, channel);
            }
            self.settle_channel(now, channel);
        }
        if is_restore {
            self.note_unrestored(channel, None, error);
            self.on_restored(now);
        }
    }

    pub(super) fn unsubscribe(&mut self, now: Time, channel: &ChannelName, waiter: Option<W>) {
        let handle = match self.channels.get_mut(channel) {
            Some(Channel { next: Some(_), .. }) => None,
            Some(entry) => entry.handle.take(),
            None => None,
        };
        let Some(handle) = handle else {
            return self.cancel_next(channel, waiter);
        };
        self.end_channel_handle(handle, None);
        self.end_own(ChannelKind::Message, channel);
        self.end_subscription(now, channel, waiter);
    }

    /// Who waits for the former subscription's end does not want a new one any more.
    fn cancel_next(&mut self, channel: &ChannelName, waiter: Option<W>) {
        let next = self.channels.get_mut(channel).and_then(|entry| entry.next.take());
        let Some(Next { handle, waiter: subscriber, .. }) = next else {
            return self.answer(waiter, Err(Error::new(ErrorKind::NotSubscribed)));
        };
        self.end_channel_handle(handle, None);
        let wrong = "unsubscribed before it was subscribed";
        let code = ErrorCode::CHANNEL_SUBSCRIBE_CANCELED;
        let canceled = Error::numbered(ErrorKind::NotSubscribed, code, wrong);
        self.answer(subscriber, Err(canceled));
        self.answer(waiter, Ok(Answer::Done));
    }

    /// Nobody wants the subscription any more.
    fn end_subscription(&mut self, now: Time, channel: &ChannelName, waiter: Option<W>) {
        let Some(entry) = self.channels.get_mut(channel) else { return };
        let ended = entry.view.unsubscribe();
        match (ended, entry.view.state()) {
            (Ok(()), ViewState::Unsubscribing) => {
                let unsubscribe = Unsubscribe { channel: message_channel(channel) };
                let purpose = Purpose::Unsubscribe { channel: channel.clone() };
                self.request(now, LaneId::CONTROL, unsubscribe, purpose, waiter);
            }
            (Ok(()), _) => {
                self.settle_channel(now, channel);
                self.answer(waiter, Ok(Answer::Done));
            }
            // It is being subscribed; when that is answered, it ends.
            (Err(_), _) => self.answer(waiter, Ok(Answer::Done)),
        }
    }

    pub(super) fn on_unsubscribed(&mut self, now: Time, channel: &ChannelName) {
        self.own_states.on_left(ChannelKind::Message, channel);
        if let Some(entry) = self.channels.get_mut(channel) {
            entry.view.on_unsubscribed();
            self.settle_channel(now, channel);
        }
    }

    /// The server has ended the subscription.
    pub(super) fn drop_subscription(&mut self, now: Time, channel: &ChannelName, error: &Error) {
        let Some(entry) = self.channels.get_mut(channel) else { return };
        let was_subscribed = matches!(entry.view.state(), ViewState::Subscribed { .. });
        let ended = if was_subscribed { entry.view.unsubscribe() } else { Ok(()) };
        debug_assert!(ended.is_ok(), "it was subscribed: {ended:?}");
        // Where the end was asked for meanwhile, the answer to that is still to come; where the
        // beginning was, it ends when that is answered, as if its user had dropped it.
        if let Some(handle) = entry.handle.take() {
            self.end_channel_handle(handle, Some(error));
        }
        if was_subscribed {
            self.on_unsubscribed(now, channel);
        }
    }

    /// Forgets an idle channel, or begins the subscription that waited for it.
    fn settle_channel(&mut self, now: Time, channel: &ChannelName) {
        let Some(entry) = self.channels.get_mut(channel) else { return };
        if entry.view.state() != ViewState::Idle {
            return;
        }
        let next = entry.next.take();
        self.channels.remove(channel);
        if let Some(Next { options, handle, waiter }) = next {
            self.subscribe(now, channel.clone(), options, handle, waiter);
        }
    }

    /// Its subscription was in flight when the session was lost: nobody has it, so it won't be
    /// restored.
    pub(super) fn end_channel(&mut self, channel: &ChannelName) {
        let handle = self.channels.get_mut(channel).and_then(|entry| entry.handle.take());
        if let Some(handle) = handle {
            self.end_channel_handle(handle, None);
        }
    }

    /// Whether the message went to a subscription, which takes its credit.
    pub(super) fn on_channel_message(
        &mut self,
        message: &Bytes,
        event: &MessageEvent<'_>,
        credit: Credit,
    ) -> bool {
        let is_own = event.publisher == self.config.user_id.as_str();
        let mut names_gaps = true;
        let (view, handle, is_wanted) = match event.channel.kind {
            ChannelKind::Message => match self.channels.get_mut(event.channel.name) {
                Some(channel) => {
                    names_gaps = channel.names_gaps();
                    (&mut channel.view, channel.handle, channel.hears_own || !is_own)
                }
                None => return false,
            },
            ChannelKind::User if event.channel.name == self.config.user_id.as_str() => {
                let reader = self.inbox.reader();
                (&mut self.inbox.view, reader, true)
            }
            _ => return false,
        };
        let Some(handle) = handle else { return false };
        match view.on_message(event.position) {
            Verdict::Deliver => {}
            Verdict::DeliverAfter(gap) if names_gaps => {
                self.outputs.push_back(gap_of(handle, gap));
            }
            Verdict::DeliverAfter(_) => {}
            Verdict::Repeat => {
                self.note_user_receipt(event);
                return false;
            }
            Verdict::Unwanted => return false,
        }
        self.note_user_receipt(event);
        if !is_wanted {
            return false;
        }
        let mut received = ChannelMessage::new(message, event);
        let event = match self.open_sealed(&Envelope::of_message(event), &mut received.payload) {
            true => ChannelEvent::Message(received),
            false => ChannelEvent::Undecryptable(received),
        };
        self.outputs.push_back(Output::Channel { handle, event, credit: Some(credit) });
        true
    }

    /// The server says how far a channel is: what hasn't come until then won't come.
    pub(super) fn on_position(&mut self, event: &PositionEvent<'_>) {
        if event.channel.kind != ChannelKind::Message {
            return;
        }
        let Some(entry) = self.channels.get_mut(event.channel.name) else { return };
        let gap = entry.view.on_position(event.position);
        if let (Some(gap), Some(handle)) = (gap, entry.handle.filter(|_| entry.names_gaps())) {
            self.outputs.push_back(gap_of(handle, gap));
        }
    }

    fn note_user_receipt(&mut self, event: &MessageEvent<'_>) {
        if event.channel.kind == ChannelKind::User {
            self.inbox.note_receipt(event.position);
        }
    }

    /// The session is gone; what was asked for in it has been answered.
    pub(super) fn lose_channels(&mut self) {
        let mut channels = std::mem::take(&mut self.channels);
        channels.retain(|_, entry| {
            entry.view.on_disconnected();
            entry.presence.on_disconnected();
            entry.metadata = Follower::default();
            entry.locks.on_disconnected();
            if let Some(Next { handle, waiter, .. }) = entry.next.take() {
                self.end_channel_handle(handle, None);
                self.answer(waiter, Err(Error::new(ErrorKind::NotConnected)));
            }
            entry.handle.is_some()
        });
        self.channels = channels;
    }

    pub(super) fn restore_channels(&mut self, now: Time) {
        let lost = self.channels.iter_mut().filter_map(|(channel, entry)| {
            entry.view.resubscribe().map(|(options, resume)| (channel.clone(), options, resume))
        });
        for (channel, options, resume) in lost.collect::<Vec<_>>() {
            // Who wants the last message only wants no others first.
            let resume = resume.filter(|_| options.queue != QueuePolicy::LatestOnly);
            self.expect_restored();
            self.send_subscribe(now, &channel, options, resume, true, None);
        }
    }

    /// Nobody is logged in any more: all subscriptions end.
    pub(super) fn end_channels(&mut self, error: Option<&Error>) {
        for (_, entry) in std::mem::take(&mut self.channels) {
            if let Some(handle) = entry.handle {
                self.end_channel_handle(handle, error);
            }
        }
    }

    pub(super) fn end_channel_handle(&mut self, handle: HandleId, error: Option<&Error>) {
        self.places.remove(&handle);
        if let Some(error) = error {
            let event = ChannelEvent::Ended(error.clone());
            self.outputs.push_back(Output::Channel { handle, event, credit: None });
        }
        self.outputs.push_back(Output::End(handle));
    }
}

/// Messages are missing.
pub(super) fn gap_of<W>(handle: HandleId, gap: Gap) -> Output<W> {
    Output::Channel { handle, event: ChannelEvent::Gap(gap.into()), credit: None }
}

fn message_channel(name: &ChannelName) -> ChannelRef<'_> {
    ChannelRef { kind: ChannelKind::Message, name: name.as_str() }
}
