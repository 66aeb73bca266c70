//! Stream channels: joining, leaving, who publishes what.

use std::collections::BTreeMap;

use bytes::Bytes;
use rtm_channel::{ChannelName, LockView, PresenceView, UserId};
use rtm_topic::{Membership, PublisherInfo, StreamView, TopicName};
use rtm_wire::{
    ChannelKind, ErrorCode, Join, LaneId, Leave, List, Position, Publisher, Time, TopicChange,
    TopicEvent as TopicNews,
};

use super::command::{Answer, HandleId, MetadataTarget, Output};
use super::follower::Follower;
use super::operations::Purpose;
use super::publication::Publication;
use super::stream_link::StreamEnd;
use super::topic::TopicSink;
use super::{Core, Place};
use crate::channel_id::ChannelId;
use crate::error::{Error, ErrorKind};
use crate::link::{LinkOperation, LinkReason, LinkState};
use crate::message::TopicEvent;
use crate::options::JoinOptions;
use crate::stream::{self, StreamEvent};

/// A stream channel that is joined, or about to be, or about to be left.
#[derive(Debug)]
pub(super) struct Stream<W> {
    pub(super) view: StreamView,
    pub(super) presence: PresenceView,
    pub(super) metadata: Follower,
    pub(super) locks: LockView,
    pub(super) link: LinkState,
    pub(super) token: String,
    /// Whether it was left while it was being joined: it is left as soon as it is there.
    pub(super) is_unwanted: bool,
    /// Who waits for that.
    leaving: Option<W>,
    /// Another token that was given while it was being joined with this one, and who waits for
    /// what becomes of that.
    pub(super) renewal: Option<(String, Option<W>)>,
    /// Who hears of publishers that come and go; nobody, if the application doesn't care.
    pub(super) events: Option<HandleId>,
    pub(super) publications: BTreeMap<TopicName, Publication<W>>,
    pub(super) topics: BTreeMap<TopicName, TopicSink>,
}

impl<W> Stream<W> {
    /// The token that was given meanwhile is the one to join with; who waits for that, if there is
    /// one.
    fn take_renewal(&mut self) -> Option<Option<W>> {
        let (token, waiter) = self.renewal.take()?;
        self.token = token;
        Some(waiter)
    }
}

impl<W> Core<W> {
    pub(super) fn join(
        &mut self,
        now: Time,
        channel: ChannelName,
        options: JoinOptions,
        handle: HandleId,
        waiter: Option<W>,
    ) {
        let JoinOptions { token, options } = options;
        let entry = self.check_connected().and_then(|_| {
            let entry = self.streams.entry(channel.clone()).or_insert_with(|| Stream {
                view: StreamView::default(),
                presence: PresenceView::new(),
                metadata: Follower::default(),
                locks: LockView::new(),
                link: LinkState::Idle,
                token: String::new(),
                is_unwanted: false,
                leaving: None,
                renewal: None,
                events: None,
                publications: BTreeMap::new(),
                topics: BTreeMap::new(),
            });
            entry.view.join(options.wire()).map(|()| entry).map_err(Error::from)
        });
        match entry {
            Ok(entry) => {
                entry.token = token;
                entry.events = Some(handle);
                self.places.insert(handle, Place::Stream(channel.clone()));
                let why = (LinkOperation::Join, LinkReason::Join);
                self.advance_stream_link(&channel, LinkState::Connecting, why, None);
                self.send_join(now, channel, options.wire(), false, waiter);
            }
            Err(error) => {
                self.outputs.push_back(Output::End(handle));
                if !self.streams.contains_key(&channel) {
                    self.end_stream_link(&channel, LinkState::Idle, StreamEnd::NotJoined(&error));
                }
                self.answer(waiter, Err(error));
            }
        }
    }

    fn send_join(
        &mut self,
        now: Time,
        channel: ChannelName,
        options: rtm_wire::SubscribeOptions,
        is_restore: bool,
        waiter: Option<W>,
    ) {
        let token = self.streams.get(&channel).map(|entry| entry.token.clone());
        let token = token.unwrap_or_default();
        let channel_id = ChannelId::of(ChannelKind::Stream, &channel);
        self.begin_following(MetadataTarget::Channel(channel_id), options.metadata);
        let join = Join { channel: channel.as_str(), options, token: &token };
        let purpose = Purpose::Join { channel: channel.clone(), is_restore };
        self.request(now, LaneId::CONTROL, join, purpose, waiter);
    }

    pub(super) fn on_joined(
        &mut self,
        now: Time,
        channel: &ChannelName,
        position: Position,
        publishers: List<'_, Publisher<'_>>,
        is_restore: bool,
    ) {
        let why = match is_restore {
            true => (LinkOperation::Reconnected, LinkReason::Rejoin),
            false => (LinkOperation::Join, LinkReason::JoinSuccess),
        };
        if let Some(entry) = self.streams.get_mut(channel) {
            let missed = entry.view.on_joined(position, publishers);
            if entry.is_unwanted {
                let waiter = entry.leaving.take();
                self.leave(now, channel, waiter);
                if is_restore {
                    self.on_restored(now);
                }
                return;
            }
            if let Some(handle) = entry.events {
                let event = StreamEvent::Snapshot(publications(&entry.view));
                self.outputs.push_back(Output::Stream { handle, event });
            }
            self.tell_missed(channel, missed);
            self.advance_stream_link(channel, LinkState::Connected, why, None);
        }
        let membership = self.streams.get(channel).map(|entry| entry.view.membership());
        if let Some(Membership::Joined(options)) = membership {
            if !options.quiet {
                self.show_states(now, &ChannelId::of(ChannelKind::Stream, channel));
            }
        }
        let renewal = self.streams.get_mut(channel).and_then(|entry| entry.renewal.take());
        if let Some((token, waiter)) = renewal {
            self.renew_channel_token(now, channel.clone(), token, waiter);
        }
        self.hold_on(ChannelKind::Stream, channel, position);
        let channel_id = ChannelId::of(ChannelKind::Stream, channel);
        self.catch_up(now, MetadataTarget::Channel(channel_id));
        if is_restore {
            self.restore_publications(now, channel);
            self.restore_topics(now, channel);
            self.on_restored(now);
        }
    }

    pub(super) fn on_join_refused(
        &mut self,
        now: Time,
        channel: &ChannelName,
        error: &Error,
        is_restore: bool,
    ) {
        let mut is_unwanted = false;
        if let Some(entry) = self.streams.get_mut(channel) {
            is_unwanted = entry.is_unwanted;
            let renewal = if is_restore && !is_unwanted { entry.take_renewal() } else { None };
            if let (Some(waiter), Membership::Joining(options)) = (renewal, entry.view.membership())
            {
                return self.send_join(now, channel.clone(), options, true, waiter);
            }
            entry.view.on_refused();
        }
        let end = match (is_unwanted, is_restore) {
            (true, _) => StreamEnd::Left,
            (false, true) => StreamEnd::PutOut(error),
            (false, false) => StreamEnd::NotJoined(error),
        };
        self.end_stream(channel, end);
        if is_restore {
            self.end_own(ChannelKind::Stream, channel);
            if !is_unwanted {
                self.note_unrestored(channel, None, error);
            }
            self.on_restored(now);
        }
    }

    pub(super) fn leave(&mut self, now: Time, channel: &ChannelName, waiter: Option<W>) {
        let Some(entry) = self.streams.get_mut(channel) else {
            return self.answer(waiter, Err(Error::new(ErrorKind::NotJoined)));
        };
        if let (Membership::Joining(_), false) = (entry.view.membership(), entry.is_unwanted) {
            entry.leaving = waiter;
            return self.cancel_join(channel);
        }
        let (left, membership) = (entry.view.leave(), entry.view.membership());
        if left.is_ok() {
            self.end_own(ChannelKind::Stream, channel);
        }
        match (left, membership) {
            (Ok(()), Membership::Leaving) => {
                let leave = Leave { channel: channel.as_str() };
                let purpose = Purpose::Leave { channel: channel.clone() };
                self.request(now, LaneId::CONTROL, leave, purpose, waiter);
            }
            (Ok(()), _) => {
                self.end_stream(channel, StreamEnd::Left);
                self.answer(waiter, Ok(Answer::Done));
            }
            (Err(refusal), _) => self.answer(waiter, Err(refusal.into())),
        }
    }

    /// It isn't wanted any more before it was there.
    fn cancel_join(&mut self, channel: &ChannelName) {
        let Some(entry) = self.streams.get_mut(channel) else { return };
        entry.is_unwanted = true;
        let publications = std::mem::take(&mut entry.publications);
        let topics = std::mem::take(&mut entry.topics);
        let events = entry.events.take();
        self.end_parts(publications, topics, events, None);
        self.end_own(ChannelKind::Stream, channel);
        let joining = self.operations.take_waiter(
            |purpose| matches!(purpose, Purpose::Join { channel: joined, .. } if joined == channel),
        );
        let wrong = "left before it was joined";
        let code = ErrorCode::CHANNEL_JOIN_CANCELED;
        self.answer(joining, Err(Error::numbered(ErrorKind::NotJoined, code, wrong)));
    }

    pub(super) fn on_left(&mut self, channel: &ChannelName) {
        self.own_states.on_left(ChannelKind::Stream, channel);
        if let Some(entry) = self.streams.get_mut(channel) {
            entry.view.on_left();
            self.end_stream(channel, StreamEnd::Left);
        }
    }

    /// Nobody wants to hear of publishers any more; the membership goes on.
    pub(super) fn drop_stream_events(&mut self, channel: &ChannelName) {
        let handle = self.streams.get_mut(channel).and_then(|entry| entry.events.take());
        if let Some(handle) = handle {
            self.places.remove(&handle);
            self.outputs.push_back(Output::End(handle));
        }
    }

    pub(super) fn topics(&self, channel: &ChannelName) -> Result<Answer, Error> {
        let entry = self.joined_stream(channel)?;
        Ok(Answer::Topics(publications(&entry.view)))
    }

    /// A publisher has come or gone.
    pub(super) fn on_topic_event(&mut self, now: Time, event: &TopicNews<'_>) {
        let Some(entry) = self.streams.get_mut(event.channel) else { return };
        if !entry.view.on_topic_event(event) {
            return;
        }
        if let Some(handle) = entry.events {
            let event = stream_event(event);
            self.outputs.push_back(Output::Stream { handle, event });
        }
        if let Ok(channel) = ChannelName::new(event.channel) {
            self.subscribe_returned(now, &channel);
        }
    }

    /// The channel, if it is joined in the present session.
    pub(super) fn joined_stream(&self, channel: &ChannelName) -> Result<&Stream<W>, Error> {
        self.check_connected()?;
        let entry = self.streams.get(channel).ok_or_else(|| Error::new(ErrorKind::NotJoined))?;
        entry.view.check_joined()?;
        Ok(entry)
    }

    /// The session is gone; what was asked for in it has been answered.
    pub(super) fn lose_streams(&mut self) {
        let channels: Vec<_> = self.streams.keys().cloned().collect();
        for channel in channels {
            if self.streams.get(&channel).is_some_and(|entry| entry.is_unwanted) {
                self.end_stream(&channel, StreamEnd::Left);
            }
            if let Some(entry) = self.streams.get_mut(&channel) {
                let waiter = entry.take_renewal().flatten();
                entry.view.on_disconnected();
                entry.presence.on_disconnected();
                entry.metadata = Follower::default();
                entry.locks.on_disconnected();
                self.answer(waiter, Ok(Answer::Done));
            }
            self.lose_publications(&channel);
        }
    }

    pub(super) fn restore_streams(&mut self, now: Time) {
        let lost = self.streams.iter_mut().filter_map(|(channel, entry)| {
            entry.view.rejoin().map(|options| (channel.clone(), options))
        });
        for (channel, options) in lost.collect::<Vec<_>>() {
            self.expect_restored();
            self.send_join(now, channel, options, true, None);
        }
    }

    pub(super) fn end_streams(&mut self, error: Option<&Error>) {
        let end = error.map_or(StreamEnd::LoggedOut, StreamEnd::Failed);
        while let Some(channel) = self.streams.keys().next().cloned() {
            self.end_stream(&channel, end);
        }
    }

    /// The membership is over, and all that came with it.
    pub(super) fn end_stream(&mut self, channel: &ChannelName, end: StreamEnd<'_>) {
        let Some(entry) = self.streams.remove(channel) else { return };
        let waiter = entry.renewal.and_then(|(_, waiter)| waiter);
        self.answer(waiter, Err(Error::new(ErrorKind::NotJoined)));
        self.answer(entry.leaving, Ok(Answer::Done));
        self.end_parts(entry.publications, entry.topics, entry.events, end.told());
        self.end_stream_link(channel, entry.link, end);
    }

    fn end_parts(
        &mut self,
        publications: BTreeMap<TopicName, Publication<W>>,
        topics: BTreeMap<TopicName, TopicSink>,
        events: Option<HandleId>,
        error: Option<&Error>,
    ) {
        for (_, publication) in publications {
            self.end_publication(publication, Ok(()));
        }
        for (_, sink) in topics {
            self.end_topic_handle(sink.handle, error);
        }
        if let Some(handle) = events {
            self.places.remove(&handle);
            if let Some(error) = error {
                let event = StreamEvent::Ended(error.clone());
                self.outputs.push_back(Output::Stream { handle, event });
            }
            self.outputs.push_back(Output::End(handle));
        }
    }

    pub(super) fn end_topic_handle(&mut self, handle: HandleId, error: Option<&Error>) {
        self.places.remove(&handle);
        if let Some(error) = error {
            let event = TopicEvent::Ended(error.clone());
            self.outputs.push_back(Output::Topic { handle, event, credit: None });
        }
        self.outputs.push_back(Output::End(handle));
    }
}

fn publications(view: &StreamView) -> Vec<stream::Publication> {
    let publication = |(topic, user, info): (&TopicName, &UserId, &PublisherInfo)| {
        let names = (topic.as_str(), user.as_str());
        stream::Publication::new(names, info.since, info.delivery, info.meta.clone())
    };
    view.topics().map(publication).collect()
}

fn stream_event(event: &TopicNews<'_>) -> StreamEvent {
    let (topic, publisher) = (event.topic, event.publisher);
    match event.change {
        TopicChange::Joined => StreamEvent::PublisherJoined(stream::Publication::new(
            (topic, publisher),
            event.time,
            event.delivery,
            Bytes::copy_from_slice(event.meta),
        )),
        _ => {
            let (topic, publisher) = (topic.to_owned(), publisher.to_owned());
            StreamEvent::PublisherLeft { topic, publisher, time_ms: event.time.as_millis() }
        }
    }
}
