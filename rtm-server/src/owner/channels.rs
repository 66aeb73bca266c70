//! One app's channels, as far as they are in use.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use rtm_channel::{
    AppId, ChannelKey, ChannelName, Fanout, Identity, LastSequences, MessageAuthority, Outcome,
    PublishLog, Refusal, SubscriberId, UserId,
};
use rtm_topic::{PublicationKey, StreamAuthority, TopicName};
use rtm_wire::{
    ChannelKind, Delivery, Epoch, ErrorCode, Event, LaneMode, Priority, Request, RequestError,
    SubscribeOptions, Time, TopicChange, UnixTime,
};

use super::answer::refused;
use super::command::{LaneKey, Output};
use super::context::{Context, Who};
use super::inboxes::{Inboxes, answer_to};
use super::locks::Locks;
use super::memory::Remembered;
use super::outbox::Outbox;
use super::passes::Passes;
use super::presences::Presences;
use super::storages::Storages;
use crate::limits::AppLimits;

/// The authority of one channel.
#[derive(Debug)]
pub(super) enum Authority {
    Message(MessageAuthority),
    Stream(StreamAuthority),
}

/// Channels without members whose last sequence is remembered exactly.
const LAST_SEQUENCES_MAX: usize = 10_000;

/// Invariants: an authority exists only while somebody is in its channel; `last` knows where those
/// that are gone left off; `joined` names the channels that each session is in.
#[derive(Debug)]
pub(super) struct AppChannels {
    pub(super) app: AppId,
    pub(super) limits: AppLimits,
    pub(super) log: PublishLog<Remembered>,
    epoch: Epoch,
    last: LastSequences,
    authorities: BTreeMap<ChannelKey, Authority>,
    joined: BTreeMap<SubscriberId, BTreeSet<ChannelKey>>,
    pub(super) presences: Presences,
    pub(super) inboxes: Inboxes,
    pub(super) storages: Storages,
    pub(super) locks: Locks,
    pub(super) passes: Passes,
    /// The calendar's, of what is being done.
    time: UnixTime,
}

impl AppChannels {
    pub(super) fn new(app: AppId, epoch: Epoch, limits: AppLimits) -> Self {
        Self {
            app,
            limits,
            log: PublishLog::new(),
            epoch,
            last: LastSequences::new(LAST_SEQUENCES_MAX),
            authorities: BTreeMap::new(),
            joined: BTreeMap::new(),
            presences: Presences::new(epoch, limits.channel),
            inboxes: Inboxes::new(epoch, limits.channel),
            storages: Storages::new(limits.channel),
            locks: Locks::new(epoch, limits.channel),
            passes: Passes::default(),
            time: UnixTime::default(),
        }
    }

    /// Something is about to be done at this time.
    pub(super) const fn set_time(&mut self, time: UnixTime) {
        self.time = time;
    }

    pub(super) fn len(&self) -> usize {
        self.authorities.len() + self.inboxes.count_read()
    }

    pub(super) fn session_began(
        &mut self,
        from: SubscriberId,
        identity: &Identity,
        presence_timeout: Duration,
    ) {
        self.presences.session_began(from, presence_timeout);
        self.log.on_session_began(identity);
    }

    pub(super) fn session_silent(&mut self, now: Time, from: SubscriberId, identity: &Identity) {
        for key in self.joined.get(&from).into_iter().flatten() {
            self.presences.silent(now, key, from, &identity.user);
            self.locks.silent(now, key, from, &identity.user);
        }
    }

    pub(super) fn session_heard(
        &mut self,
        moment: (Time, UnixTime),
        from: SubscriberId,
        identity: &Identity,
        out: &mut Outbox,
    ) {
        for key in self.joined.get(&from).into_iter().flatten() {
            self.presences.heard(moment, key, from, &identity.user, out);
            self.locks.heard(moment, key, from, &identity.user, out);
        }
    }

    pub(super) fn session_ended(
        &mut self,
        moment: (Time, UnixTime),
        from: SubscriberId,
        identity: &Identity,
        is_lost: bool,
        out: &mut Outbox,
    ) {
        let inbox = self.key(ChannelKind::User, ChannelName::from(&identity.user));
        let outcomes = match is_lost {
            true => self.inboxes.lose(&inbox, from, out),
            false => self.inboxes.close(&inbox, from, out),
        };
        self.answer(&inbox, outcomes, out);
        self.log.on_session_ended(moment.0, identity);
        for key in self.joined.remove(&from).unwrap_or_default() {
            out.lost.push((key.clone(), from));
            self.passes.remove(from, &key);
            match is_lost {
                true => self.presences.lose(moment.0, &key, from, &identity.user),
                false => self.presences.leave(moment, &key, from, &identity.user, out),
            }
            // Also after a good-bye: an owner has its TTL to come back in.
            self.locks.lose(moment.0, &key, from, &identity.user);
            match self.authorities.get_mut(&key) {
                Some(Authority::Message(authority)) => authority.remove(from),
                Some(Authority::Stream(authority)) => {
                    authority.set_time(moment.1);
                    for news in authority.remove(from) {
                        tell_members(&key.name, news, out);
                    }
                }
                None => {}
            }
            self.drop_if_empty(&key);
        }
        self.presences.session_ended(from);
        self.storages.session_ended(from);
    }

    /// Answers that have been waited for, of messages to this inbox.
    pub(super) fn answer(&mut self, inbox: &ChannelKey, outcomes: Vec<Outcome>, out: &mut Outbox) {
        for Outcome { asker, published, reached } in outcomes {
            let answered = (published, reached);
            let remembered = Remembered::Granted(answered);
            self.log.update(&asker.identity, asker.operation, remembered);
            let message = answer_to(asker.operation, answered);
            out.push(Output::Reply { to: asker.subscriber, of: Some(inbox.clone()), message });
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Time, time: UnixTime, out: &mut Outbox) {
        self.presences.handle_timeout(now, time, out);
        self.locks.handle_timeout((now, time), out);
        self.handle_passes(now, time, out);
        while let Some((key, outcomes)) = self.inboxes.handle_timeout(now, out) {
            self.answer(&key, outcomes, out);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        let due = [
            self.presences.poll_timeout(),
            self.inboxes.poll_timeout(),
            self.locks.poll_timeout(),
            self.log.poll_timeout(),
            self.passes.poll_timeout(),
        ];
        due.into_iter().flatten().min()
    }

    /// Carries out a request; its answer, unless that comes later or never.
    pub(super) fn request(&mut self, context: &mut Context<'_>, message: &Bytes) -> Option<Output> {
        let (of, result) = match Request::decode(message) {
            Ok((_, request)) => {
                let of = self.subject(context, &request);
                match self.check_backlog(context, &request, of.as_ref()) {
                    Ok(()) => {
                        let result = self.dispatch(context, &request);
                        let of = of.or_else(|| self.ended(&request));
                        (of, self.note_refusal(context, &request, result))
                    }
                    // Tells of nothing that is kept, so that it needn't wait itself.
                    Err(refusal) => (None, self.note_refusal(context, &request, Err(refusal))),
                }
            }
            Err(RequestError { error, .. }) => {
                let reason = format!("the request can't be read: {error}");
                (None, Err(Refusal::new(ErrorCode::INVALID_PARAMETER, reason)))
            }
        };
        let message = match result {
            Ok(message) => message?,
            Err(refusal) => refused(context.operation, &refusal),
        };
        Some(Output::Reply { to: context.from, of, message })
    }

    /// Remembers refusals of what may be sent again.
    fn note_refusal(
        &mut self,
        context: &Context<'_>,
        request: &Request<'_>,
        result: Result<Option<Bytes>, Refusal>,
    ) -> Result<Option<Bytes>, Refusal> {
        if let Err(refusal) = &result {
            if self.may_be_repeated(request, &context.identity.user) {
                self.remember_refused(context.identity, context.operation, refusal.code);
            }
        }
        result
    }

    /// How a publication is delivered, if there is one.
    pub(super) fn delivery(
        &self,
        key: &ChannelKey,
        publication: &PublicationKey,
    ) -> Option<Delivery> {
        match self.authorities.get(key)? {
            Authority::Stream(authority) => authority.delivery(publication),
            Authority::Message(_) => None,
        }
    }

    pub(super) fn key(&self, kind: ChannelKind, name: ChannelName) -> ChannelKey {
        ChannelKey { app: self.app.clone(), kind, name }
    }

    /// The channel's authority, made if there is none. Drop it again if it stays empty.
    pub(super) fn message(&mut self, key: &ChannelKey) -> &mut MessageAuthority {
        let (epoch, limits) = (self.epoch, &self.limits.channel);
        let last = &mut self.last;
        let authority = self.authorities.entry(key.clone()).or_insert_with(|| {
            let floor = last.take(key);
            Authority::Message(MessageAuthority::new(key.clone(), epoch, floor, limits))
        });
        match authority {
            Authority::Message(authority) => authority,
            Authority::Stream(_) => unreachable!("the key's kind decides on the authority's"),
        }
    }

    /// As [`message`](Self::message).
    pub(super) fn stream(&mut self, key: &ChannelKey) -> &mut StreamAuthority {
        let (epoch, AppLimits { channel, topic, .. }) = (self.epoch, &self.limits);
        let last = &mut self.last;
        let authority = self.authorities.entry(key.clone()).or_insert_with(|| {
            let floor = last.take(key);
            Authority::Stream(StreamAuthority::new(key.clone(), epoch, floor, channel, *topic))
        });
        match authority {
            Authority::Stream(authority) => {
                authority.set_time(self.time);
                authority
            }
            Authority::Message(_) => unreachable!("the key's kind decides on the authority's"),
        }
    }

    /// A session has come to a channel, or has changed its options there: all that is told of the
    /// channel besides its messages begins.
    pub(super) fn enter(
        &mut self,
        context: &mut Context<'_>,
        key: ChannelKey,
        options: SubscribeOptions,
    ) {
        if self.limits.services.presence {
            self.presences.join(context, &key, options);
        } else if options.presence {
            self.tell_out_of_service(context, &key);
        }
        self.storages.join(context, &key, options.metadata);
        self.locks.join(context, &key, options.locks);
        self.joined.entry(context.from).or_default().insert(key);
    }

    /// A session goes from a channel for good, or is put out of it, and all of that ends.
    ///
    /// # Errors
    /// It isn't in there.
    pub(super) fn part(
        &mut self,
        who: &Who<'_>,
        key: &ChannelKey,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let from = who.from;
        let is_stream = key.kind == ChannelKind::Stream;
        if is_stream {
            for news in self.stream(key).leave(from)? {
                tell_members(&key.name, news, out);
            }
        } else {
            let parted = self.message(key).unsubscribe(from);
            self.drop_if_empty(key);
            parted?;
        }
        self.presences.leave((who.now, who.time), key, from, who.user, out);
        self.storages.leave(from, key);
        self.locks.leave(who, key, out);
        self.passes.remove(from, key);
        self.note_left(from, key);
        out.push(Output::LaneEnds { to: vec![from], lane: LaneKey::of(key) });
        if is_stream {
            out.push(Output::TopicsEnd { to: from, channel: key.name.clone() });
        }
        Ok(())
    }

    fn note_left(&mut self, from: SubscriberId, key: &ChannelKey) {
        if let Some(joined) = self.joined.get_mut(&from) {
            joined.remove(key);
        }
        self.drop_if_empty(key);
    }

    /// The channels that a session is in.
    pub(super) fn joined_by(&self, from: SubscriberId) -> impl Iterator<Item = &ChannelKey> {
        self.joined.get(&from).into_iter().flatten()
    }

    /// How many of them are of a kind.
    pub(super) fn count_joined(&self, from: SubscriberId, kind: ChannelKind) -> usize {
        self.joined_by(from).filter(|key| key.kind == kind).count()
    }

    pub(super) fn is_in(&self, from: SubscriberId, key: &ChannelKey) -> bool {
        self.joined.get(&from).is_some_and(|joined| joined.contains(key))
    }

    pub(super) fn drop_if_empty(&mut self, key: &ChannelKey) {
        let (is_empty, last) = match self.authorities.get(key) {
            Some(Authority::Message(authority)) => {
                (authority.is_empty(), authority.position().sequence)
            }
            Some(Authority::Stream(authority)) => {
                (authority.is_empty(), authority.position().sequence)
            }
            None => return,
        };
        if is_empty {
            self.authorities.remove(key);
            self.last.insert(key.clone(), last);
        }
    }
}

/// News for the members of a stream channel. When a publication has ended, so do its lanes.
pub(super) fn tell_members(channel: &ChannelName, news: Fanout, out: &mut Outbox) {
    let ended = match Event::decode(&news.event) {
        Ok(Event::Topic(event)) if event.change == TopicChange::Left => {
            let names = (TopicName::new(event.topic), UserId::new(event.publisher));
            if let (Ok(topic), Ok(user)) = names { Some((topic, user)) } else { None }
        }
        _ => None,
    };
    if let Some((topic, user)) = ended {
        let lane = LaneKey::Publication(channel.clone(), topic, user);
        out.push(Output::LaneEnds { to: news.to.clone(), lane });
    }
    out.push(Output::Event {
        to: news.to,
        lane: LaneKey::Control,
        mode: LaneMode::RELIABLE_ORDERED,
        priority: Priority::Highest,
        time_left: None,
        message: news.event,
    });
}
