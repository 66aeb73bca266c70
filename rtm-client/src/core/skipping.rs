//! Publications that skip messages: success is that this client has taken the message, and nobody
//! answers. The server tells refusals only, which the next publish gives.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use rtm_channel::{ChannelName, RateLimit};
use rtm_session::{Deadlines, SessionId};
use rtm_topic::TopicName;
use rtm_wire::{ErrorCode, LaneId, OperationId, PublishTopic, Reply, Time};

use super::command::{Answer, HandleId};
use super::publication::Publication;
use super::seal::{self, Envelope};
use super::{Core, Place};
use crate::error::{Error, ErrorKind};
use crate::message::Published;
use crate::options::PublishOptions;

/// Sent messages whose refusals are still told apart.
const SENT_MAX: usize = 256;
/// Pause before the newest value is tried again that was refused because of its rate.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// What was sent and isn't answered, and what waits to be sent.
#[derive(Debug, Default)]
pub(super) struct Skipping {
    /// The newest ones, of all publications.
    sent: VecDeque<(OperationId, HandleId)>,
    /// Publications whose value is to be sent at a time.
    due: Deadlines<HandleId>,
    /// Publications that are left once their lanes are empty.
    draining: BTreeSet<HandleId>,
}

/// What a publication that skips has besides others.
#[derive(Debug, Default)]
pub(super) struct SkippingPublication {
    /// The newest value of a latest-only one.
    latest: Option<Value>,
    /// Why the server refused an earlier message; for the next publish.
    refused: Option<Error>,
    /// The server's own limit, so as not to run into it.
    rate: Option<RateLimit>,
}

#[derive(Debug)]
struct Value {
    payload: Bytes,
    options: PublishOptions,
    /// What it was sent as, in this session.
    operation: Option<OperationId>,
}

impl Skipping {
    /// The session is gone.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.due.next()
    }
}

impl<W> Core<W> {
    /// Publishes a message that may be skipped.
    pub(super) fn publish_skipping(
        &mut self,
        now: Time,
        handle: HandleId,
        payload: &Bytes,
        options: &PublishOptions,
    ) -> Result<Answer, Error> {
        let limit = self.limits.topic_message_len;
        let sealing = if self.sealer.is_some() { seal::OVERHEAD } else { 0 };
        rtm_channel::check_length(payload.len() + sealing + options.custom_type.len(), limit)?;
        let rate = self.limits.topic_messages_per_second;
        let publication = self.publication_of(handle)?;
        if let Some(error) = publication.skipping.refused.take() {
            return Err(error);
        }
        let is_latest_only = publication.delivery.is_latest_only();
        if is_latest_only {
            let (payload, options) = (payload.clone(), options.clone());
            publication.skipping.latest = Some(Value { payload, options, operation: None });
        }
        if publication.lane.is_none() {
            // A value waits for the next session; what has a deadline would be late.
            let lost = || Error::new(ErrorKind::NotConnected);
            return if is_latest_only { Ok(ADMITTED) } else { Err(lost()) };
        }
        let limit = publication.skipping.rate.get_or_insert_with(|| RateLimit::new(now, rate));
        if limit.take(now) {
            self.send_skipping(now, handle, payload, options)?;
        } else if is_latest_only {
            let pause = Duration::from_secs(1) / rate.max(1);
            self.skipping.due.set_if_none(handle, now + pause);
        } else {
            let reason = format!("more than {rate} messages a second in this topic; slow down");
            let code = ErrorCode::CHANNEL_PUBLISH_MESSAGE_TOO_FREQUENT;
            return Err(Error::from_answer(code, &reason));
        }
        Ok(ADMITTED)
    }

    /// A publication has its lane: a value that was kept goes out.
    pub(super) fn on_skipping_joined(&mut self, now: Time, handle: HandleId) {
        let rate = self.limits.topic_messages_per_second;
        if let Ok(publication) = self.publication_of(handle) {
            publication.skipping.rate = Some(RateLimit::new(now, rate));
            self.send_latest(now, handle);
        }
    }

    /// Does what is due: sends values that had to wait.
    pub(super) fn advance_skipping(&mut self, now: Time) {
        while let Some(handle) = self.skipping.due.pop_due(now) {
            self.send_latest(now, handle);
        }
        for handle in self.skipping.draining.clone() {
            if let Some(Place::Publication(channel, topic)) = self.places.get(&handle).cloned() {
                self.advance_leaving(now, &channel, &topic);
            } else {
                self.skipping.draining.remove(&handle);
            }
        }
    }

    /// Whether all that was published is with the server, or given up. Else it is asked again.
    pub(super) fn is_drained(&mut self, handle: HandleId, lane: LaneId) -> bool {
        let Some(session) = self.connection.session() else { return false };
        let is_drained = !self.is_lane_busy(session, lane) && !self.skipping.due.contains(&handle);
        if is_drained {
            self.skipping.draining.remove(&handle);
        } else {
            self.skipping.draining.insert(handle);
        }
        is_drained
    }

    /// The server has answered an operation that nobody waits for.
    pub(super) fn on_skipping_refused(&mut self, now: Time, reply: &Reply<'_>) {
        let sent = &mut self.skipping.sent;
        let at = sent.iter().position(|&(id, _)| id == reply.operation);
        let sent = at.and_then(|at| sent.remove(at));
        // Of a newest value it is known however long ago it was sent.
        let found = sent.or_else(|| self.latest_sent_as(reply.operation));
        let Some((operation, handle)) = found else { return };
        let Ok(publication) = self.publication_of(handle) else { return };
        if reply.code.is_ok() {
            return;
        }
        let is_too_frequent = reply.code == ErrorCode::CHANNEL_PUBLISH_MESSAGE_TOO_FREQUENT;
        match &publication.skipping.latest {
            Some(value) if is_too_frequent => {
                // An older one is of no interest any more.
                if value.operation == Some(operation) {
                    self.skipping.due.set_if_none(handle, now + RETRY_PAUSE);
                }
            }
            _ => {
                let error = Error::from_answer(reply.code, reply.reason);
                publication.skipping.refused = Some(error);
            }
        }
    }

    fn latest_sent_as(&self, operation: OperationId) -> Option<(OperationId, HandleId)> {
        let publications = self.streams.values().flat_map(|entry| entry.publications.values());
        let is_it = |publication: &&Publication<W>| {
            let latest = publication.skipping.latest.as_ref();
            latest.is_some_and(|value| value.operation == Some(operation))
        };
        let found = publications.into_iter().find(is_it);
        found.map(|publication| (operation, publication.handle))
    }

    /// Whether messages that were taken are neither with the server nor given up.
    pub(super) fn has_admitted(&self) -> bool {
        let Some(session) = self.connection.session() else { return false };
        let lanes = self.streams.values().flat_map(|entry| entry.publications.values());
        let mut lanes = lanes.filter(|it| !it.delivery.is_reliable()).filter_map(|it| it.lane);
        self.skipping.due.next().is_some() || lanes.any(|lane| self.is_lane_busy(session, lane))
    }

    /// Whether messages wait on a lane; on the control lane what follows follows.
    fn is_lane_busy(&self, session: SessionId, lane: LaneId) -> bool {
        let stats = self.endpoint.lane_stats(session, lane);
        lane != LaneId::CONTROL && stats.is_some_and(|stats| stats.send_messages > 0)
    }

    fn send_latest(&mut self, now: Time, handle: HandleId) {
        let Ok(publication) = self.publication_of(handle) else { return };
        let Some(value) = &publication.skipping.latest else { return };
        let (payload, options) = (value.payload.clone(), value.options.clone());
        if publication.skipping.rate.as_mut().is_some_and(|rate| !rate.take(now)) {
            self.skipping.due.set(handle, Some(now + RETRY_PAUSE));
            return;
        }
        if let Err(error) = self.send_skipping(now, handle, &payload, &options) {
            tracing::debug!(%error, "a value has to wait");
            self.skipping.due.set(handle, Some(now + RETRY_PAUSE));
        }
    }

    fn send_skipping(
        &mut self,
        now: Time,
        handle: HandleId,
        payload: &[u8],
        options: &PublishOptions,
    ) -> Result<(), Error> {
        let lost = || Error::new(ErrorKind::NotConnected);
        let Some(Place::Publication(channel, topic)) = self.places.get(&handle) else {
            return Err(Error::new(ErrorKind::TopicNotJoined));
        };
        let (channel, topic) = (channel.clone(), topic.clone());
        let lane = self.publication_of(handle)?.lane.ok_or_else(lost)?;
        let session = self.connection.session().ok_or_else(lost)?;
        let mut publish = topic_publish(&channel, &topic, options, payload);
        let publisher = self.config.user_id.clone();
        let envelope = Envelope::of_topic_publish(&publish, &publisher);
        let sealed = self.seal(&envelope, payload);
        publish.payload = sealed.as_deref().unwrap_or(payload);
        let operation = self.operations.next_id();
        let message = super::encode(publish, operation);
        self.endpoint.send(now, session, lane, message)?;
        if self.skipping.sent.len() >= SENT_MAX {
            self.skipping.sent.pop_front();
        }
        self.skipping.sent.push_back((operation, handle));
        self.skipping.due.set(handle, None);
        if let Some(value) = &mut self.publication_of(handle)?.skipping.latest {
            value.operation = Some(operation);
        }
        Ok(())
    }

    /// The publication of this handle, also while it is being left.
    fn publication_of(&mut self, handle: HandleId) -> Result<&mut Publication<W>, Error> {
        let not_joined = || Error::new(ErrorKind::TopicNotJoined);
        let Some(Place::Publication(channel, topic)) = self.places.get(&handle) else {
            return Err(not_joined());
        };
        let entry = self.streams.get_mut(channel).ok_or_else(not_joined)?;
        entry.publications.get_mut(topic).ok_or_else(not_joined)
    }
}

const ADMITTED: Answer = Answer::Published(Published::ADMITTED);

pub(super) fn topic_publish<'a>(
    channel: &'a ChannelName,
    topic: &'a TopicName,
    options: &'a PublishOptions,
    payload: &'a [u8],
) -> PublishTopic<'a> {
    PublishTopic {
        channel: channel.as_str(),
        topic: topic.as_str(),
        message_type: options.message_type,
        custom_type: &options.custom_type,
        payload,
    }
}
