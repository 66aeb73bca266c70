//! The view of a subscription to one topic.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rtm_channel::UserId;
use rtm_wire::{ErrorCode, List, Position, Qos, Sequence, TopicUsers};

use super::publication::{PublicationView, TopicGap, TopicVerdict};
use crate::wish::Wish;

/// Publications that are followed in one topic: as many as a channel can have.
const TRACKS_MAX: usize = rtm_wire::limits::LIST;
/// Users that are remembered as not wanted although all are.
const MUTED_MAX: usize = rtm_wire::limits::LIST;

/// A publication whose messages are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Track {
    received: PublicationView,
    /// Unknown until its topic event has come.
    qos: Option<Qos>,
    /// Its last message, once the publisher has left.
    end: Option<Sequence>,
}

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
    /// Wanted no more though all are: publications up to here.
    muted: BTreeMap<UserId, Position>,
    /// By publisher and publication: its epoch and number.
    tracks: BTreeMap<UserId, BTreeMap<Position, Track>>,
}

/// What is to be asked for in a new session. Once all was asked for, those are left who were named
/// and did not publish just then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) all: bool,
    pub(super) named: BTreeSet<UserId>,
}

/// A publication, as a topic event, a list of publishers or a message names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Publication<'a> {
    pub(super) user: &'a str,
    pub(super) at: Position,
    /// If it is known.
    pub(super) qos: Option<Qos>,
}

impl Subscription {
    pub(super) const fn wish(&self) -> &Wish {
        &self.wish
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
        if users.is_empty() {
            self.muted.clear();
        }
        for user in users {
            self.muted.remove(user);
        }
        self.pending.push_back(users.iter().cloned().collect());
    }

    /// The answer to the earliest request.
    pub(super) fn on_answer(&mut self, all: bool, users: &TopicUsers<'_>) {
        self.pending.pop_front();
        if all {
            self.kept.all = false;
            self.wish.want_all();
        }
        for user in users.succeeded.iter().flat_map(UserId::new) {
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
        self.drop_unwanted();
    }

    /// The earliest request was refused.
    pub(super) fn on_refused(&mut self) {
        match self.pending.pop_front() {
            Some(users) if users.is_empty() => self.kept.all = false,
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
        self.drop_unwanted();
    }

    /// The owner has ended the subscription to these users, or to all; `now` is the last topic
    /// event.
    pub(super) fn on_ended(&mut self, all: bool, users: List<'_, &str>, now: Position) {
        if all {
            self.wish = Wish::default();
            self.muted.clear();
            self.tracks.clear();
        }
        for user in users.iter() {
            let forgotten = self.wish.forget(user);
            // A subscription that was asked for meanwhile starts afresh.
            self.tracks.remove(user);
            // Unless it was asked for again meanwhile.
            let is_wanted = !self.wish.all() || self.is_asked_for(user);
            if let Some(user) = forgotten.filter(|_| !is_wanted) {
                self.muted.insert(user, now);
                if self.muted.len() > MUTED_MAX {
                    self.muted.pop_first();
                }
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
        let is_kept = self.kept.named.contains(user);
        if is_heard || is_kept {
            self.follow(publication, PublicationView::following(Sequence(0)));
        }
        // A request that is under way finds the user.
        is_kept && !is_heard && !self.pending.iter().any(|users| users.contains(user))
    }

    /// A publication that is under way is heard from now on.
    pub(super) fn on_heard(&mut self, publication: Publication<'_>) {
        self.follow(publication, PublicationView::from_first_message());
    }

    /// A publication has ended with this message.
    pub(super) fn on_publisher_left(&mut self, user: &UserId, at: Position, last: Sequence) {
        self.wish.on_publisher_left(user);
        if let Some(track) = self.tracks.get_mut(user).and_then(|tracks| tracks.get_mut(&at)) {
            track.end = Some(last);
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
        let Publication { user, at, qos } = publication;
        if !self.wants(user, at) {
            return TopicVerdict::Unwanted;
        }
        if self.track(user, at).is_none() && !is_over {
            self.follow(publication, PublicationView::from_first_message());
        }
        let Some(track) = self.track(user, at) else { return TopicVerdict::Unwanted };
        track.qos = qos.or(track.qos);
        let verdict = track.received.on_message(sequence, track.order());
        self.drop_if_complete(user, at);
        verdict
    }

    /// The session is gone.
    pub(super) fn on_disconnected(&mut self) {
        let wish = std::mem::take(&mut self.wish);
        self.kept.all |= wish.all();
        self.kept.named.extend(wish.into_named());
        self.pending.clear();
        self.muted.clear();
        // What was asked for and not answered is no subscription yet.
        self.drop_unwanted();
    }

    /// A new session shows a publication that goes on: what of it was missed. From now on it is
    /// expected to go on after `last`.
    pub(super) fn on_found(
        &mut self,
        publication: Publication<'_>,
        last: Sequence,
        is_new: bool,
    ) -> Vec<TopicGap> {
        let Publication { user, at, qos } = publication;
        if let Some(track) = self.track(user, at) {
            track.qos = qos;
            return track.received.on_lost_until(last);
        }
        if !is_new {
            return Vec::new();
        }
        self.follow(publication, PublicationView::following(last));
        let gap = TopicGap { after: Sequence(0), before: Sequence(last.0 + 1) };
        Vec::from_iter((last.0 > 0).then_some(gap))
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
                if !is_found {
                    let newest = track.received.newest();
                    let end = track.end.or(newest).unwrap_or_default();
                    let gaps = track.received.on_lost_until(end);
                    let open = newest.filter(|_| track.end.is_none());
                    gone.push((user.clone(), at, gaps, open));
                }
                is_found
            });
        }
        self.tracks.retain(|_, tracks| !tracks.is_empty());
        gone
    }

    fn wants(&self, user: &str, at: Position) -> bool {
        if self.muted.get(user).is_some_and(|&until| at <= until) {
            return false;
        }
        self.wish.all()
            || self.kept.all
            || self.wish.contains(user)
            || self.kept.named.contains(user)
            || self.is_asked_for(user)
    }

    fn is_asked_for(&self, user: &str) -> bool {
        self.pending.iter().any(|users| users.is_empty() || users.contains(user))
    }

    fn track(&mut self, user: &str, at: Position) -> Option<&mut Track> {
        self.tracks.get_mut(user)?.get_mut(&at)
    }

    /// Begins to track a publication, unless it is tracked or there are too many.
    fn follow(&mut self, publication: Publication<'_>, received: PublicationView) {
        let Publication { user, at, qos } = publication;
        if let Some(track) = self.track(user, at) {
            track.qos = qos.or(track.qos);
            return;
        }
        if self.tracks.values().map(BTreeMap::len).sum::<usize>() >= TRACKS_MAX && !self.make_room()
        {
            return;
        }
        if let Ok(user) = UserId::new(user) {
            let track = Track { received, qos, end: None };
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
            track.end.is_some_and(|end| track.received.is_complete(end, track.order()))
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
            tracks.retain(|&at, _| self.wants(user.as_str(), at));
            !tracks.is_empty()
        });
        self.tracks = tracks;
    }
}

impl Track {
    /// While its order isn't known, messages are taken in any.
    fn order(&self) -> Qos {
        self.qos.unwrap_or(Qos::Unordered)
    }
}

#[cfg(test)]
mod tests;
