//! Own publications in topics: joining, publishing, leaving.

use bytes::Bytes;
use rtm_channel::ChannelName;
use rtm_topic::{TopicName, check_delivery};
use rtm_wire::{Delivery, ErrorCode, JoinTopic, LaneId, LeaveTopic, Time, limits};

use super::command::{Answer, HandleId};
use super::operations::{Purpose, Route};
use super::seal::Envelope;
use super::skipping::{SkippingPublication, topic_publish};
use super::{Core, Place, lanes};
use crate::error::{Error, ErrorKind};
use crate::options::{PublishOptions, TopicOptions};

/// An own publication, as far as the session is concerned; the view has the rest.
#[derive(Debug)]
pub(super) struct Publication<W> {
    pub(super) handle: HandleId,
    pub(super) delivery: Delivery,
    /// Its lane; `None` until the server has answered, in this session.
    pub(super) lane: Option<LaneId>,
    unanswered: u64,
    pub(super) skipping: SkippingPublication,
    leaving: Option<Leaving<W>>,
}

/// The end is asked for. It waits for messages that are unanswered: they travel on another lane,
/// and the server refuses what comes after the end.
#[derive(Debug)]
struct Leaving<W> {
    is_sent: bool,
    /// Whether nobody holds the publication any more.
    is_dropped: bool,
    waiters: Vec<W>,
}

impl<W> Core<W> {
    pub(super) fn join_topic(
        &mut self,
        now: Time,
        channel: ChannelName,
        topic: TopicName,
        options: TopicOptions,
        handle: HandleId,
        waiter: Option<W>,
    ) {
        let TopicOptions { delivery, meta } = options;
        let begun = check_delivery(delivery).map_err(Error::from).and_then(|_| check_meta(&meta));
        let begun = begun.and_then(|()| self.joined_stream(&channel).map(drop));
        let begun = begun.and_then(|()| {
            let entry = self.streams.get_mut(&channel).expect("it is joined");
            entry.view.join_topic(&topic, delivery, meta.clone())?;
            let publication = Publication {
                handle,
                delivery,
                lane: None,
                unanswered: 0,
                skipping: SkippingPublication::default(),
                leaving: None,
            };
            entry.publications.insert(topic.clone(), publication);
            Ok(())
        });
        if let Err(error) = begun {
            return self.answer(waiter, Err(error));
        }
        self.places.insert(handle, Place::Publication(channel.clone(), topic.clone()));
        self.send_join_topic(now, &channel, &topic, delivery, &meta, (false, waiter));
    }

    fn send_join_topic(
        &mut self,
        now: Time,
        channel: &ChannelName,
        topic: &TopicName,
        delivery: Delivery,
        meta: &[u8],
        (is_restore, waiter): (bool, Option<W>),
    ) {
        let join = JoinTopic { channel: channel.as_str(), topic: topic.as_str(), delivery, meta };
        let (channel, topic) = (channel.clone(), topic.clone());
        let purpose = Purpose::JoinTopic { channel, topic, is_restore };
        self.request(now, LaneId::CONTROL, join, purpose, waiter);
    }

    pub(super) fn on_topic_joined(
        &mut self,
        now: Time,
        channel: &ChannelName,
        topic: &TopicName,
        is_restore: bool,
    ) {
        if let (Some(entry), Some(session)) =
            (self.streams.get_mut(channel), self.connection.session())
        {
            entry.view.on_topic_joined(topic, true);
            if let Some(publication) = entry.publications.get_mut(topic) {
                let delivery = publication.delivery;
                let lane = lanes::for_publication(&mut self.endpoint, session, delivery);
                publication.lane = Some(lane);
                if !delivery.is_reliable() {
                    let handle = publication.handle;
                    self.on_skipping_joined(now, handle);
                }
            }
            self.advance_leaving(now, channel, topic);
        }
        if is_restore {
            self.on_restored(now);
        }
    }

    pub(super) fn on_join_topic_refused(
        &mut self,
        now: Time,
        channel: &ChannelName,
        topic: &TopicName,
        error: &Error,
        is_restore: bool,
    ) {
        if let Some(entry) = self.streams.get_mut(channel) {
            entry.view.on_topic_joined(topic, false);
            if let Some(publication) = entry.publications.remove(topic) {
                self.end_publication(publication, Ok(()));
            }
        }
        if is_restore {
            self.note_unrestored(channel, Some(topic), error);
            self.on_restored(now);
        }
    }

    pub(super) fn publish_topic(
        &mut self,
        now: Time,
        handle: HandleId,
        payload: &Bytes,
        options: &PublishOptions,
        waiter: Option<W>,
    ) {
        let connected = self.check_connected();
        let Some(Place::Publication(channel, topic)) = self.places.get(&handle) else {
            let error = connected.err().unwrap_or(Error::new(ErrorKind::TopicNotJoined));
            return self.answer(waiter, Err(error));
        };
        let (channel, topic) = (channel.clone(), topic.clone());
        let publication = self.publication_mut(&channel, &topic);
        let publication = publication.filter(|found| found.leaving.is_none());
        let delivery = publication.map(|found| found.delivery).unwrap_or_default();
        if !delivery.is_reliable() {
            let result = match connected {
                Err(error) if is_logged_out(&error) => Err(error),
                // Without a connection a value waits for the next one.
                _ => self.publish_skipping(now, handle, payload, options),
            };
            return self.answer(waiter, result);
        }
        if let Err(error) = connected {
            return self.answer(waiter, Err(error));
        }
        let lane = self.streams.get_mut(&channel).map_or_else(
            || Err(Error::new(ErrorKind::TopicNotJoined)),
            |entry| {
                let publication = entry.publications.get_mut(&topic);
                let publication = publication.filter(|found| found.leaving.is_none());
                let publication =
                    publication.ok_or_else(|| Error::new(ErrorKind::TopicNotJoined))?;
                // After a loss it is to be joined again first.
                let lane = publication.lane.ok_or_else(|| Error::new(ErrorKind::NotConnected))?;
                entry.view.check_publisher(&topic)?;
                publication.unanswered += 1;
                Ok(lane)
            },
        );
        let lane = match lane {
            Ok(lane) => lane,
            Err(error) => return self.answer(waiter, Err(error)),
        };
        let mut publish = topic_publish(&channel, &topic, options, payload);
        let publisher = self.config.user_id.clone();
        let sealed = self.seal(&Envelope::of_topic_publish(&publish, &publisher), payload);
        publish.payload = sealed.as_deref().unwrap_or(payload);
        let route = Route::Publication(handle);
        let purpose = Purpose::Publish { route, is_stored: false };
        self.request(now, lane, publish, purpose, waiter);
    }

    pub(super) fn on_publication_answered(&mut self, now: Time, handle: HandleId) {
        let Some(Place::Publication(channel, topic)) = self.places.get(&handle) else { return };
        let (channel, topic) = (channel.clone(), topic.clone());
        if let Some(publication) = self.publication_mut(&channel, &topic) {
            publication.unanswered = publication.unanswered.saturating_sub(1);
            if publication.leaving.is_some() {
                self.advance_leaving(now, &channel, &topic);
            }
        }
    }

    pub(super) fn leave_topic(&mut self, now: Time, handle: HandleId, waiter: Option<W>) {
        let Some(Place::Publication(channel, topic)) = self.places.get(&handle).cloned() else {
            return self.answer(waiter, Err(Error::new(ErrorKind::TopicNotJoined)));
        };
        if let Err(error) = self.check_connected() {
            return self.answer(waiter, Err(error));
        }
        self.begin_leaving(now, &channel, &topic, waiter, false);
    }

    /// Nobody publishes there any more.
    pub(super) fn drop_publication(&mut self, now: Time, handle: HandleId) {
        if let Some(Place::Publication(channel, topic)) = self.places.get(&handle).cloned() {
            self.begin_leaving(now, &channel, &topic, None, true);
        }
    }

    fn begin_leaving(
        &mut self,
        now: Time,
        channel: &ChannelName,
        topic: &TopicName,
        waiter: Option<W>,
        is_dropped: bool,
    ) {
        if let Some(publication) = self.publication_mut(channel, topic) {
            let leaving = publication.leaving.get_or_insert_with(|| Leaving {
                is_sent: false,
                is_dropped: false,
                waiters: Vec::new(),
            });
            leaving.is_dropped |= is_dropped;
            leaving.waiters.extend(waiter);
            self.advance_leaving(now, channel, topic);
        }
    }

    /// Asks for the end, once all messages are answered.
    pub(super) fn advance_leaving(&mut self, now: Time, channel: &ChannelName, topic: &TopicName) {
        let Some(entry) = self.streams.get_mut(channel) else { return };
        let Some(publication) = entry.publications.get_mut(topic) else { return };
        let mut is_ready = publication.lane.is_some() && publication.unanswered == 0;
        let skips = !publication.delivery.is_reliable() && publication.leaving.is_some();
        if let (true, Some(lane)) = (skips, publication.lane) {
            let handle = publication.handle;
            is_ready = self.is_drained(handle, lane);
        }
        let Some(entry) = self.streams.get_mut(channel) else { return };
        let Some(publication) = entry.publications.get_mut(topic) else { return };
        let Some(leaving) = publication.leaving.as_mut().filter(|leaving| !leaving.is_sent) else {
            return;
        };
        if !is_ready || entry.view.leave_topic(topic).is_err() {
            return;
        }
        leaving.is_sent = true;
        let leave = LeaveTopic { channel: channel.as_str(), topic: topic.as_str() };
        let purpose = Purpose::LeaveTopic { channel: channel.clone(), topic: topic.clone() };
        self.request(now, LaneId::CONTROL, leave, purpose, None);
    }

    pub(super) fn on_topic_left(
        &mut self,
        now: Time,
        channel: &ChannelName,
        topic: &TopicName,
        result: &Result<(), Error>,
    ) {
        let Some(entry) = self.streams.get_mut(channel) else { return };
        entry.view.on_topic_left(topic);
        let Some(publication) = entry.publications.remove(topic) else { return };
        if let (Some(lane), Some(session)) = (publication.lane, self.connection.session()) {
            // Lane 0 stays open whatever is asked for.
            self.endpoint.close_lane(now, session, lane);
        }
        self.end_publication(publication, result.clone());
    }

    pub(super) fn end_publication(
        &mut self,
        publication: Publication<W>,
        result: Result<(), Error>,
    ) {
        self.places.remove(&publication.handle);
        for waiter in publication.leaving.into_iter().flat_map(|leaving| leaving.waiters) {
            self.answer(Some(waiter), result.clone().map(|()| Answer::Done));
        }
    }

    /// The session is gone: publications wait for being joined again.
    pub(super) fn lose_publications(&mut self, channel: &ChannelName) {
        let Some(entry) = self.streams.get_mut(channel) else { return };
        let mut waiters = Vec::new();
        for publication in entry.publications.values_mut() {
            // What is unanswered is sent again, and stays so.
            publication.lane = None;
            if let Some(leaving) = publication.leaving.take() {
                let is_dropped = leaving.is_dropped;
                waiters.extend(leaving.waiters);
                publication.leaving =
                    is_dropped.then(|| Leaving { is_sent: false, is_dropped, waiters: Vec::new() });
            }
        }
        for waiter in waiters {
            self.answer(Some(waiter), Err(Error::new(ErrorKind::NotConnected)));
        }
    }

    pub(super) fn restore_publications(&mut self, now: Time, channel: &ChannelName) {
        let Some(entry) = self.streams.get(channel) else { return };
        let own = entry.view.own_publications().filter_map(|(topic, state)| {
            let (delivery, meta) = state.wanted()?;
            Some((topic.clone(), delivery, meta.clone()))
        });
        for (topic, delivery, meta) in own.collect::<Vec<_>>() {
            self.expect_restored();
            self.send_join_topic(now, channel, &topic, delivery, &meta, (true, None));
        }
    }

    fn publication_mut(
        &mut self,
        channel: &ChannelName,
        topic: &TopicName,
    ) -> Option<&mut Publication<W>> {
        self.streams.get_mut(channel)?.publications.get_mut(topic)
    }
}

/// What is longer could not even be read by the server.
fn check_meta(meta: &[u8]) -> Result<(), Error> {
    if meta.len() <= limits::META {
        return Ok(());
    }
    let reason = format!(
        "the publisher's metadata has {} bytes, above the limit of {}; shorten it",
        meta.len(),
        limits::META
    );
    Err(Error::from_answer(ErrorCode::CHANNEL_INVALID_TOPIC_META, &reason))
}

/// Whether nobody is logged in any more, or soon.
fn is_logged_out(error: &Error) -> bool {
    error.kind() == ErrorKind::NotLoggedIn
}
