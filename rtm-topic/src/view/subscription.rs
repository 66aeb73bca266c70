//! The view of a subscription to one topic.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rtm_channel::UserId;
use rtm_wire::{Delivery, ErrorCode, HeardUser, Position, QueuePolicy, Sequence, TopicUsers};

use super::publication::{PublicationView, TopicGap, TopicVerdict};
use super::track::{Hearing, Track};
use crate::delivery::heard_as;
use crate::wish::Wish;

/// Publications that are followed in one topic: as many as a channel can have.
const TRACKS_MAX: usize = rtm_wire::limits::LIST;

/// What a new session, or the answer to a renewed subscription, tells of one publication.
pub(super) type Told = (UserId, Position, Vec<TopicGap>);

/// What is wanted of one topic, and what has come of it.
///
/// A message is wanted while its publisher is heard or asked for. Its publication is tracked from
/// the first that is known of it until its last message has come: topic events, answers and the
/// messages of each publication travel on different lanes, and overtake one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Subscription {
    /// What this session's owner knows of.
    wish: Wish,
    /// What an earlier session's owner knew of, and this one's does not (yet).
    kept: Kept,
    /// Requests that wait for their answers, in order; an empty one asks for all.
    pending: VecDeque<BTreeSet<UserId>>,
    /// By publisher and publication: its epoch and number.
    tracks: BTreeMap<UserId, BTreeMap<Position, Track>>,
    /// What becomes of messages that come too fast.
    queue: QueuePolicy,
}

/// What is to be asked for in a new session. Once all was asked for, those are left who were named
/// and did not publish just then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) all: bool,
    pub(super) named: BTreeSet<UserId>,
    /// Of all, those whose end was asked for meanwhile: what they publish isn't owed.
    except: BTreeSet<UserId>,
}

/// A publication, as a topic event, a list of publishers or a message names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Publication<'a> {
    pub(super) user: &'a str,
    pub(super) at: Position,
    /// If it is known.
    pub(super) delivery: Option<Delivery>,
}

impl Subscription {
    pub(super) const fn wish(&self) -> &Wish {
        &self.wish
    }

    /// What becomes of messages that come too fast: decides what is told as missing.
    pub(super) const fn set_queue(&mut self, queue: QueuePolicy) {
        self.queue = queue;
    }

    /// A publication as this subscription hears it.
    fn seen<'a>(&self, publication: Publication<'a>) -> Publication<'a> {
        let delivery = publication.delivery.map(|delivery| heard_as(delivery, self.queue));
        Publication { delivery, ..publication }
    }

    pub(super) const fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Whether anything is subscribed, now or once it is restored.
    pub(super) fn is_subscribed(&self) -> bool {
        !self.wish.is_empty() || self.kept != Kept::default()
    }

    /// Whether neither anything is wanted nor an answer waited for.
    pub(super) fn is_empty(&self) -> bool {
        !self.is_subscribed() && self.pending.is_empty()
    }

    /// A request for these users, or all, goes out: messages may come before its answer.
    pub(super) fn expect(&mut self, users: &[UserId]) {
        self.pending.push_back(users.iter().cloned().collect());
    }

    /// The answer to the earliest request: what was missed until then of publications that were
    /// heard in an earlier session. `find` tells of the publications that there are.
    pub(super) fn on_answer<'a>(
        &mut self,
        all: bool,
        users: &TopicUsers<'a>,
        find: impl Fn(&'a str) -> Option<Publication<'a>>,
    ) -> Vec<Told> {
        self.pending.pop_front();
        if all {
            self.kept.forget_all();
            self.wish.want_all();
        }
        for user in users.succeeded.iter().flat_map(|heard| UserId::new(heard.user)) {
            self.kept.named.remove(&user);
            if all {
                self.wish.meet(&user);
            } else {
                self.wish.name(user);
            }
        }
        // Who was named earlier and is not there just now is kept in mind.
        for failed in users.failed.iter() {
            if failed.code != ErrorCode::REMOTE_USER_IS_NOT_PUBLISHED {
                self.kept.named.remove(failed.user);
            }
        }
        let mut told = self.take_ended_before();
        for heard in users.succeeded.iter() {
            let publication = find(heard.user);
            let publication = publication.filter(|it| it.at.sequence == heard.publication);
            if let (Some(publication), Ok(user)) = (publication, UserId::new(heard.user)) {
                let gaps = self.on_heard(publication, heard.last);
                told.push((user, publication.at, gaps));
            }
        }
        self.drop_unwanted();
        told
    }

    /// The earliest request was refused.
    pub(super) fn on_refused(&mut self) {
        match self.pending.pop_front() {
            Some(users) if users.is_empty() => self.kept.forget_all(),
            Some(users) => self.kept.named.retain(|user| !users.contains(user)),
            None => {}
        }
        self.drop_unwanted();
    }

    /// An end is asked for: the owner does not know those who are only kept in mind.
    pub(super) fn forget_kept(&mut self, users: &[UserId]) {
        if users.is_empty() {
            self.kept = Kept::default();
        }
        self.kept.named.retain(|user| !users.contains(user));
        if self.kept.all {
            self.kept.except.extend(users.iter().cloned());
        }
        // Nothing is owed of them any more; what has come of a request under way stays known.
        let is_meant = |user: &UserId| users.is_empty() || users.contains(user);
        for (_, tracks) in self.tracks.iter_mut().filter(|(user, _)| is_meant(user)) {
            tracks.retain(|_, track| {
                if track.hearing == Hearing::New && track.has_come() {
                    track.hearing = Hearing::Unclear;
                }
                let is_owed = matches!(track.hearing, Hearing::Before | Hearing::New);
                // Who asks for it again gets its last message again, even if that has come.
                !is_owed && !track.delivery().is_latest_only()
            });
        }
        self.drop_unwanted();
    }

    /// The owner has ended the subscription to these users, or to all. What has come of a later
    /// subscription, whose answer is still under way, stays.
    pub(super) fn on_ended<'a>(&mut self, all: bool, ended: impl Iterator<Item = HeardUser<'a>>) {
        if all {
            self.wish = Wish::default();
        }
        let ended: BTreeMap<_, _> = ended.map(|it| (it.user, it)).collect();
        for user in ended.keys() {
            self.wish.forget(user);
        }
        for (user, tracks) in &mut self.tracks {
            match ended.get(user.as_str()) {
                Some(ended) => tracks.retain(|at, track| track.on_ended(at.sequence, ended)),
                None if all => tracks.retain(|_, track| track.hearing == Hearing::Unclear),
                None => {}
            }
        }
        self.drop_unwanted();
    }

    /// A publication has begun, and is heard from its first message on if its user is; true when
    /// the user is to be asked for again.
    pub(super) fn on_publisher_joined(
        &mut self,
        user: &UserId,
        publication: Publication<'_>,
        users_max: usize,
    ) -> bool {
        let is_heard = self.wish.on_publisher_joined(user, users_max);
        let is_named = self.kept.named.contains(user);
        let publication = self.seen(publication);
        if is_heard {
            self.on_begun(publication, Hearing::Now);
        } else if self.kept.covers(user.as_str()) {
            self.on_begun(publication, Hearing::New);
        } else if !self.is_asked_for(user.as_str()) {
            // The owner has other limits than we think.
            if let Some(track) = self.track(user.as_str(), publication.at) {
                track.hearing = Hearing::Now;
            }
        }
        // A request that is under way finds the user.
        is_named && !is_heard && !self.pending.iter().any(|users| users.contains(user))
    }

    /// A publication has ended with this message.
    pub(super) fn on_publisher_left(&mut self, user: &UserId, at: Position, last: Sequence) {
        self.wish.on_publisher_left(user);
        let Some(track) = self.track(user.as_str(), at) else { return };
        track.end = Some(last);
        if track.hearing == Hearing::New && !track.has_come() {
            // Never heard, and never will be.
            self.drop_track(user.as_str(), at);
        }
        self.drop_if_complete(user.as_str(), at);
    }

    /// A message has come. `is_over` says that its publication is known to have ended.
    pub(super) fn on_message(
        &mut self,
        publication: Publication<'_>,
        is_over: bool,
        sequence: Sequence,
    ) -> TopicVerdict {
        let publication = self.seen(publication);
        let Publication { user, at, delivery } = publication;
        if !self.wants(user) {
            return TopicVerdict::Unwanted;
        }
        let is_asked_for = self.is_asked_for(user);
        if self.track(user, at).is_none() && !is_over {
            let is_clear = delivery.is_some() && !is_asked_for;
            let hearing = if is_clear { Hearing::Now } else { Hearing::Unclear };
            self.follow(publication, hearing, PublicationView::from_first_message());
        }
        let Some(track) = self.track(user, at) else { return TopicVerdict::Unwanted };
        track.delivery = delivery.or(track.delivery);
        // An end may be under way, and this be of the subscription that follows it.
        let is_next = track.hearing == Hearing::Now && is_asked_for;
        let verdict = if is_next || track.hearing == Hearing::Unclear {
            track.received.on_unclear_message(sequence, track.delivery())
        } else {
            track.received.on_message(sequence, track.delivery())
        };
        self.drop_if_complete(user, at);
        verdict
    }

    /// The session is gone.
    pub(super) fn on_disconnected(&mut self) {
        let wish = std::mem::take(&mut self.wish);
        self.kept.all |= wish.all();
        self.kept.except.clear();
        self.kept.named.extend(wish.into_named());
        self.pending.clear();
        for track in self.tracks.values_mut().flat_map(BTreeMap::values_mut) {
            // The messages of a new one that have come say that it was heard.
            let is_heard_new = track.hearing == Hearing::New && track.has_come();
            if track.hearing == Hearing::Now || is_heard_new {
                track.hearing = Hearing::Before;
            }
        }
        // What was asked for and not answered is no subscription yet.
        self.drop_unwanted();
    }

    /// A new session shows a publication that goes on: what of it was missed. `is_new` says that
    /// it began after the session was lost.
    pub(super) fn on_found(
        &mut self,
        publication: Publication<'_>,
        last: Sequence,
        is_new: bool,
    ) -> Vec<TopicGap> {
        let publication = self.seen(publication);
        let Publication { user, at, delivery } = publication;
        if is_new && self.kept.covers(user) {
            self.on_begun(publication, Hearing::New);
        }
        let Some(track) = self.track(user, at) else { return Vec::new() };
        track.delivery = delivery;
        match track.hearing {
            Hearing::Before => track.lose_until(last),
            // The answer tells whether it is heard.
            _ => Vec::new(),
        }
    }

    /// The publications that a new session doesn't show any more, with the holes in them, and the
    /// last message that came if it isn't known to be the last one that was.
    pub(super) fn on_not_found(
        &mut self,
        is_found: impl Fn(&UserId, Position) -> bool,
    ) -> Vec<(UserId, Position, Vec<TopicGap>, Option<Sequence>)> {
        let mut gone = Vec::new();
        for (user, tracks) in &mut self.tracks {
            tracks.retain(|&at, track| {
                let is_found = is_found(user, at);
                if !is_found && (track.hearing == Hearing::Before || track.has_come()) {
                    let is_open = track.end.is_none() && track.delivery().is_reliable();
                    let open = track.received.newest().filter(|_| is_open);
                    gone.push((user.clone(), at, track.gaps_to_end(), open));
                }
                is_found
            });
        }
        self.tracks.retain(|_, tracks| !tracks.is_empty());
        gone
    }

    /// A publication is heard from now on: what was missed before, of one that was heard in an
    /// earlier session.
    fn on_heard(&mut self, publication: Publication<'_>, last: Sequence) -> Vec<TopicGap> {
        let publication = self.seen(publication);
        let Publication { user, at, delivery } = publication;
        let Some(track) = self.track(user, at) else {
            self.follow(publication, Hearing::Now, PublicationView::following(last));
            return Vec::new();
        };
        track.delivery = delivery.or(track.delivery);
        let hearing = std::mem::replace(&mut track.hearing, Hearing::Now);
        match hearing {
            Hearing::Before | Hearing::New => return track.lose_until(last),
            Hearing::Unclear => track.received.start_after(last),
            Hearing::Now => {}
        }
        Vec::new()
    }

    /// A publication is known to be owed from its beginning.
    fn on_begun(&mut self, publication: Publication<'_>, hearing: Hearing) {
        self.follow(publication, hearing, PublicationView::following(Sequence(0)));
        if let Some(track) = self.track(publication.user, publication.at) {
            if track.hearing == Hearing::Unclear {
                track.hearing = hearing;
                track.received.start_after(Sequence(0));
            }
        }
    }

    /// Publications that have ended before they were heard again: nothing comes of them any more.
    fn take_ended_before(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        for (user, tracks) in &mut self.tracks {
            tracks.retain(|&at, track| {
                let is_over = track.hearing == Hearing::Before && track.end.is_some();
                if is_over {
                    told.push((user.clone(), at, track.gaps_to_end()));
                }
                !is_over
            });
        }
        told
    }

    fn wants(&self, user: &str) -> bool {
        self.wish.all() || self.wish.contains(user) || self.is_expected(user)
    }

    /// Whether an answer may still come that says that the user is heard.
    fn is_expected(&self, user: &str) -> bool {
        self.kept.all || self.kept.named.contains(user) || self.is_asked_for(user)
    }

    fn is_asked_for(&self, user: &str) -> bool {
        self.pending.iter().any(|users| users.is_empty() || users.contains(user))
    }

    fn track(&mut self, user: &str, at: Position) -> Option<&mut Track> {
        self.tracks.get_mut(user)?.get_mut(&at)
    }

    /// Begins to track a publication, unless it is tracked or there are too many.
    fn follow(
        &mut self,
        publication: Publication<'_>,
        hearing: Hearing,
        received: PublicationView,
    ) {
        let Publication { user, at, delivery } = publication;
        if let Some(track) = self.track(user, at) {
            track.delivery = delivery.or(track.delivery);
            return;
        }
        if self.tracks.values().map(BTreeMap::len).sum::<usize>() >= TRACKS_MAX && !self.make_room()
        {
            return;
        }
        if let Ok(user) = UserId::new(user) {
            let track = Track { hearing, received, delivery, end: None };
            self.tracks.entry(user).or_default().insert(at, track);
        }
    }

    /// Gives up the earliest publication that has ended.
    fn make_room(&mut self) -> bool {
        let tracks = self.tracks.iter().flat_map(|(user, tracks)| {
            tracks.iter().map(move |(&at, track)| (at, user, track.end.is_some()))
        });
        let ended = tracks.filter(|&(_, _, has_ended)| has_ended).min();
        let Some((at, user)) = ended.map(|(at, user, _)| (at, user.clone())) else { return false };
        self.drop_track(user.as_str(), at);
        true
    }

    fn drop_if_complete(&mut self, user: &str, at: Position) {
        let is_complete = self.track(user, at).is_some_and(|track| {
            track.end.is_some_and(|end| track.received.is_complete(end, track.delivery()))
        });
        if is_complete {
            self.drop_track(user, at);
        }
    }

    fn drop_track(&mut self, user: &str, at: Position) {
        if let Some(tracks) = self.tracks.get_mut(user) {
            tracks.remove(&at);
            if tracks.is_empty() {
                self.tracks.remove(user);
            }
        }
    }

    fn drop_unwanted(&mut self) {
        let mut tracks = std::mem::take(&mut self.tracks);
        tracks.retain(|user, tracks| {
            let (is_wanted, is_expected) =
                (self.wants(user.as_str()), self.is_expected(user.as_str()));
            tracks.retain(|_, track| match track.hearing {
                Hearing::Now | Hearing::Unclear => is_wanted,
                Hearing::Before | Hearing::New => is_expected,
            });
            !tracks.is_empty()
        });
        self.tracks = tracks;
    }
}

impl Kept {
    /// Whether what the user publishes is owed once it is restored.
    fn covers(&self, user: &str) -> bool {
        self.named.contains(user) || (self.all && !self.except.contains(user))
    }

    fn forget_all(&mut self) {
        self.all = false;
        self.except.clear();
    }
}

#[cfg(test)]
mod tests;
