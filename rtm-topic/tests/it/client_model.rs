//! What one client's application must see. Knows nothing of the engines.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rtm_wire::ErrorCode;

use crate::owner_model::{Grant, Heard, Outcome, Publication};

/// A message: its publication and number.
pub(crate) type Message = (Publication, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Idle,
    Joining,
    Joined,
    Lost,
    Leaving,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    Joining,
    Joined,
    Leaving,
}

/// What was asked for in one topic.
#[derive(Debug, Default)]
struct Asked {
    pending: VecDeque<Vec<usize>>,
    all: bool,
    named: BTreeSet<usize>,
    /// Those of the named who have not been found in this session.
    absent: BTreeSet<usize>,
    /// All were asked for in an earlier session, and no answer has come in this one.
    is_restoring_all: bool,
    /// Those of all whose end was asked for meanwhile.
    except: BTreeSet<usize>,
}

/// What was seen of one publication since it was subscribed.
#[derive(Debug, Default)]
struct Seen {
    topic: usize,
    user: usize,
    delivered: BTreeSet<u64>,
    named: BTreeSet<u64>,
    /// All messages after this one are owed; None until that is told.
    owed_after: Option<u64>,
    /// Whether this session's owner has said that it sends them.
    is_heard: bool,
    /// It began after the session was lost: nothing is owed unless it is heard again.
    is_new: bool,
    /// Its last message, once that is known.
    end: Option<u64>,
    /// It was told that its end isn't known.
    is_open: bool,
    /// The grant of the last message.
    grant: Option<Grant>,
}

impl Seen {
    fn newest(&self) -> Option<u64> {
        let newest = self.delivered.last().max(self.named.last()).copied();
        newest.max(self.owed_after)
    }

    /// Each message that is owed up to `last` was delivered, or else named, and no other was named.
    fn check(&self, last: u64) {
        let Some(owed) = self.owed_after else { panic!("nothing is owed: {self:?}") };
        for number in owed + 1..=last {
            let is_seen = self.delivered.contains(&number);
            let is_named = self.named.contains(&number);
            assert_ne!(is_seen, is_named, "{number} up to {last}: {self:?}");
        }
        let named = self.named.first().zip(self.named.last());
        if let Some((&first, &newest)) = named {
            let newest_allowed = last.max(self.delivered.last().copied().unwrap_or(0));
            assert!(owed < first && newest <= newest_allowed, "up to {last}: {self:?}");
        }
    }
}

/// A message that arrives, and the circumstances.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) topic: usize,
    pub(crate) user: usize,
    pub(crate) message: Message,
    pub(crate) is_ordered: bool,
    pub(crate) grant: Grant,
}

/// What the view says of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Deliver,
    DeliverAfter(u64),
    Repeat,
    Unwanted,
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) phase: Phase,
    pub(crate) own: BTreeMap<usize, Own>,
    asked: BTreeMap<usize, Asked>,
    /// All messages ever handed over.
    delivered: BTreeSet<Message>,
    seen: BTreeMap<Publication, Seen>,
    /// What is known of the channel's position.
    position: Publication,
    /// Subscriptions whose end the client has asked for, and the owner carried out.
    ending: BTreeSet<Grant>,
    /// Publications of those of them whose answer hasn't come; one for each time.
    cut: Vec<Publication>,
    /// Those of them that this client knows to have ended.
    ended: BTreeSet<Grant>,
}

impl Client {
    pub(crate) const fn new() -> Self {
        Self {
            phase: Phase::Idle,
            own: BTreeMap::new(),
            asked: BTreeMap::new(),
            delivered: BTreeSet::new(),
            seen: BTreeMap::new(),
            position: (0, 0),
            ending: BTreeSet::new(),
            cut: Vec::new(),
            ended: BTreeSet::new(),
        }
    }

    /// Nothing is wanted any more.
    pub(crate) fn clear(&mut self) {
        self.phase = Phase::Idle;
        self.own.clear();
        self.asked.clear();
        self.seen.clear();
        self.position = (0, 0);
    }

    pub(crate) fn leave(&mut self) -> bool {
        match self.phase {
            Phase::Joined => self.phase = Phase::Leaving,
            Phase::Lost => self.clear(),
            _ => return false,
        }
        true
    }

    pub(crate) fn left(&mut self, ended: BTreeSet<Grant>) {
        self.ended.extend(ended);
        self.clear();
    }

    pub(crate) fn disconnect(&mut self) {
        match self.phase {
            Phase::Joining | Phase::Joined => self.phase = Phase::Lost,
            Phase::Leaving => self.clear(),
            Phase::Idle | Phase::Lost => {}
        }
        self.own.retain(|_, own| *own != Own::Leaving);
        self.own.values_mut().for_each(|own| *own = Own::Joining);
        for asked in self.asked.values_mut() {
            asked.pending.clear();
            asked.absent = asked.named.clone();
            asked.is_restoring_all = asked.all;
            asked.except.clear();
        }
        self.ending.clear();
        self.cut.clear();
        for seen in self.seen.values_mut() {
            seen.is_heard = false;
            seen.is_new &= seen.delivered.is_empty();
        }
        // What was not answered is no subscription yet.
        self.drop_unwanted();
    }

    pub(crate) fn ask(&mut self, topic: usize, users: &[usize]) {
        let asked = self.asked.entry(topic).or_default();
        asked.pending.push_back(users.to_vec());
    }

    /// The view has told what was missed until now.
    pub(crate) fn subscribed(&mut self, topic: usize, all: bool, outcome: &Outcome) {
        let (succeeded, failed) = outcome;
        let asked = self.asked.entry(topic).or_default();
        asked.pending.pop_front();
        asked.all |= all;
        asked.is_restoring_all &= !all;
        for &(user, ..) in succeeded {
            asked.absent.remove(&user);
            if !all {
                asked.named.insert(user);
            }
        }
        for (user, code) in failed {
            if *code == ErrorCode::SUB_USER_EXCEED_LIMITATION {
                asked.named.remove(user);
            }
            if *code != ErrorCode::REMOTE_USER_IS_NOT_PUBLISHED {
                asked.absent.remove(user);
            }
        }
        for &(user, number, last) in succeeded {
            let seen = self.seen(topic, user, (self.position.0, number));
            seen.owed_after.get_or_insert(last);
            (seen.is_heard, seen.is_new) = (true, false);
            seen.check(last);
        }
        // Nothing more can come of what has ended before.
        self.seen.retain(|_, seen| match seen.end {
            Some(end) if seen.topic == topic && !seen.is_heard && seen.owed_after.is_some() => {
                seen.check(end);
                false
            }
            _ => true,
        });
        self.drop_unwanted();
    }

    pub(crate) fn refused(&mut self, topic: usize) {
        let asked = self.asked.entry(topic).or_default();
        let users = asked.pending.pop_front().unwrap_or_default();
        // The owner knows of no subscription to this topic: nothing is left to be restored but
        // what is asked for still.
        asked.all &= !users.is_empty();
        asked.is_restoring_all &= !users.is_empty();
        asked.named.retain(|user| !users.contains(user));
        asked.absent.retain(|user| !users.contains(user));
        self.drop_unwanted();
    }

    /// An end is asked for: what is to be restored is forgotten at once.
    pub(crate) fn unsubscribe(&mut self, topic: usize, users: &[usize]) {
        self.seen.retain(|_, it| {
            let is_meant = it.topic == topic && (users.is_empty() || users.contains(&it.user));
            // What has come of a request that is unanswered stays known, and owed is nothing.
            if is_meant && it.is_new && !it.is_heard && !it.delivered.is_empty() {
                (it.owed_after, it.is_new) = (None, false);
            }
            !is_meant || it.is_heard || it.owed_after.is_none()
        });
        let asked = self.asked.entry(topic).or_default();
        if users.is_empty() && asked.is_restoring_all {
            (asked.all, asked.is_restoring_all) = (false, false);
        }
        asked.except.extend(users);
        let absent = std::mem::take(&mut asked.absent);
        for user in absent {
            if users.is_empty() || users.contains(&user) {
                asked.named.remove(&user);
            } else {
                asked.absent.insert(user);
            }
        }
        self.drop_unwanted();
    }

    /// The owner has carried out an end.
    pub(crate) fn ending(&mut self, grants: &BTreeSet<Grant>, epoch: u64, heard: &[Heard]) {
        self.ending.extend(grants);
        self.cut.extend(heard.iter().map(|&(_, number, _)| (epoch, number)));
    }

    /// Whether the user was asked for by name, and not ended.
    pub(crate) fn has_named(&self, topic: usize, user: usize) -> bool {
        self.asked.get(&topic).is_some_and(|asked| asked.named.contains(&user))
    }

    pub(crate) fn unsubscribed(
        &mut self,
        topic: usize,
        all: bool,
        succeeded: &[Heard],
        ended: BTreeSet<Grant>,
    ) {
        self.ended.extend(ended);
        let epoch = self.position.0;
        let asked = self.asked.entry(topic).or_default();
        asked.all &= !all;
        if all {
            asked.named.clear();
        }
        for &(user, number, _) in succeeded {
            asked.named.remove(&user);
            asked.absent.remove(&user);
            let cut = self.cut.iter().position(|&it| it == (epoch, number));
            self.cut.remove(cut.expect("the owner has carried it out"));
        }
        // What remains are messages of a later subscription that have overtaken this.
        for (&(_, number), seen) in self.seen.iter_mut().filter(|(_, seen)| seen.topic == topic) {
            let heard = succeeded.iter().find(|&&(user, ..)| user == seen.user);
            match heard {
                Some(&(_, other, last)) if number == other => {
                    assert!(seen.named.last().is_none_or(|&named| named <= last), "{seen:?}");
                    seen.named.clear();
                    seen.delivered.retain(|&delivered| delivered > last);
                }
                Some(&(_, other, _)) if number < other => seen.delivered.clear(),
                None if !all => continue,
                _ if seen.owed_after.is_some() => seen.delivered.clear(),
                _ => {}
            }
            (seen.owed_after, seen.is_heard) = (None, false);
        }
        self.seen.retain(|_, seen| seen.owed_after.is_some() || !seen.delivered.is_empty());
        self.drop_unwanted();
    }

    /// News that a publication has begun.
    pub(crate) fn begun(&mut self, who: (usize, usize), at: Publication, is_heard: bool) {
        self.position = at;
        if is_heard || self.is_restoring(who.0, who.1) {
            let seen = self.seen(who.0, who.1, at);
            assert_eq!(seen.owed_after, None, "it begins just now");
            (seen.owed_after, seen.is_heard, seen.is_new) = (Some(0), is_heard, !is_heard);
        }
    }

    /// News that the user's publication has ended.
    pub(crate) fn over(&mut self, who: (usize, usize), at: Publication, last: u64) {
        self.position = at;
        // Messages of the next one may have come before.
        let live = self.seen.range_mut(..at).rev();
        let mut live = live.filter(|(_, seen)| (seen.topic, seen.user) == who);
        if let Some((_, seen)) = live.next().filter(|(_, seen)| seen.end.is_none()) {
            seen.end = Some(last);
        }
        self.seen.retain(|_, it| {
            !(it.is_new && it.end.is_some() && it.delivered.is_empty() && it.named.is_empty())
        });
    }

    fn seen(&mut self, topic: usize, user: usize, publication: Publication) -> &mut Seen {
        let new = || Seen { topic, user, ..Seen::default() };
        self.seen.entry(publication).or_insert_with(new)
    }

    /// Whether the application wants to hear the user, or has asked for it.
    fn covers(&self, topic: usize, user: usize) -> bool {
        let Some(asked) = self.asked.get(&topic) else { return false };
        asked.pending.iter().any(|users| users.is_empty() || users.contains(&user))
            || asked.named.contains(&user)
            || asked.all
    }

    /// Whether an earlier session's subscription to the user may be restored still.
    fn is_restoring(&self, topic: usize, user: usize) -> bool {
        let asked = self.asked.get(&topic);
        let of_all = |asked: &Asked| asked.is_restoring_all && !asked.except.contains(&user);
        asked.is_some_and(|asked| of_all(asked) || asked.absent.contains(&user))
    }

    fn drop_unwanted(&mut self) {
        let mut seen = std::mem::take(&mut self.seen);
        seen.retain(|_, it| {
            let asked = self.asked.get(&it.topic);
            let mut pending = asked.into_iter().flat_map(|asked| &asked.pending);
            let is_asked_for = pending.any(|users| users.is_empty() || users.contains(&it.user));
            let is_owed_before = it.owed_after.is_some() && !it.is_heard;
            if is_owed_before {
                is_asked_for || self.is_restoring(it.topic, it.user)
            } else {
                self.covers(it.topic, it.user)
            }
        });
        self.seen = seen;
    }

    /// A message has come, and the view has said something of it.
    pub(crate) fn message(&mut self, arrival: Arrival, said: Said) {
        let Arrival { topic, user, message: (publication, number), is_ordered, grant } = arrival;
        let is_stale = self.ended.contains(&grant) || self.phase == Phase::Leaving;
        if matches!(said, Said::Repeat | Said::Unwanted) {
            let is_ending = is_stale || self.ending.contains(&grant);
            assert!(is_ending, "{said:?} though it is owed: {arrival:?}");
            return;
        }
        assert_eq!(self.phase, Phase::Joined);
        assert!(!is_stale, "its subscription has ended: {arrival:?}");
        assert!(self.covers(topic, user), "nobody wants {arrival:?}");
        assert!(self.delivered.insert((publication, number)), "{arrival:?} comes twice");
        let is_cut = self.cut.contains(&publication);
        let seen = self.seen(topic, user, publication);
        assert!(!seen.named.contains(&number), "{arrival:?} was named missing");
        assert!(seen.owed_after.is_none_or(|after| after < number), "{arrival:?} of {seen:?}");
        let newest = seen.newest();
        match said {
            Said::DeliverAfter(after) => {
                assert!(is_ordered, "a gap without order: {arrival:?}");
                assert_eq!(Some(after), newest, "{arrival:?}");
                assert!(seen.owed_after.is_some(), "nothing is owed before {arrival:?}");
                assert!(!seen.is_heard && !is_cut, "nothing is lost on a lane: {arrival:?}");
                assert!(after + 1 < number, "an empty gap before {arrival:?}");
                seen.named.extend(after + 1..number);
            }
            _ if is_ordered => {
                let is_next = newest.is_none_or(|newest| newest + 1 == number);
                // While it isn't told what lies between two subscriptions, nothing is named.
                let is_unclear = seen.grant != Some(grant) && (seen.owed_after.is_none() || is_cut);
                assert!(is_next || is_unclear, "lost or out of order: {arrival:?} of {seen:?}");
            }
            _ => {}
        }
        seen.delivered.insert(number);
        seen.grant = Some(grant);
    }

    /// What was missed is told.
    pub(crate) fn missed(
        &mut self,
        (topic, user): (usize, usize),
        publication: Publication,
        after: u64,
        before: Option<u64>,
    ) {
        assert!(self.covers(topic, user), "{user} in {topic} is not wanted");
        let is_cut = self.cut.contains(&publication);
        let Some(seen) = self.seen.get_mut(&publication) else {
            panic!("nothing is owed of {publication:?}");
        };
        assert_eq!((seen.topic, seen.user), (topic, user));
        assert!(!seen.is_heard && !is_cut, "it is heard");
        let Some(before) = before else {
            assert!(!seen.is_open && seen.end.is_none(), "its end was told");
            assert_eq!(Some(after), seen.newest());
            seen.is_open = true;
            return;
        };
        assert!(seen.owed_after.is_some_and(|owed| owed <= after), "{after} of {seen:?}");
        assert!(after + 1 < before, "an empty gap");
        for number in after + 1..before {
            assert!(!seen.delivered.contains(&number), "it was there");
            assert!(seen.named.insert(number), "named twice");
        }
    }

    /// A new session has shown who publishes what: by publication the topic, the user, and the last
    /// message. The view has told what was missed until now.
    pub(crate) fn shown(
        &mut self,
        position: Publication,
        publications: &BTreeMap<Publication, ((usize, usize), u64)>,
    ) {
        let before = std::mem::replace(&mut self.position, position);
        self.seen.retain(|publication, seen| {
            let is_owed = seen.owed_after.is_some() && !seen.is_new;
            if let Some(&(_, last)) = publications.get(publication) {
                if is_owed {
                    seen.check(last);
                }
                return true;
            }
            let has_come = !seen.delivered.is_empty();
            let is_open = (is_owed || has_come) && seen.end.is_none();
            assert_eq!(seen.is_open, is_open, "{publication:?} {seen:?}");
            if is_owed || (has_come && seen.owed_after.is_some()) {
                seen.check(seen.end.or(seen.newest()).unwrap_or(0));
            }
            false
        });
        for (&publication, &((topic, user), _)) in publications {
            if publication > before && self.is_restoring(topic, user) {
                let seen = self.seen(topic, user, publication);
                if seen.owed_after.is_none() {
                    (seen.owed_after, seen.is_new) = (Some(0), true);
                }
            }
        }
    }

    /// All has arrived that was sent of a publication that this client hears.
    pub(crate) fn check_heard(&self, publication: Publication, last: u64) {
        let Some(seen) = self.seen.get(&publication) else {
            panic!("nothing was seen of {publication:?}");
        };
        assert!(seen.is_heard && seen.end.is_none(), "{seen:?}");
        seen.check(last);
    }

    /// All has arrived that was sent; also of publications that have ended.
    pub(crate) fn check_ended(&self) {
        for seen in self.seen.values().filter(|seen| seen.owed_after.is_some()) {
            assert!(seen.is_heard, "{seen:?}");
            if let Some(end) = seen.end {
                seen.check(end);
            }
        }
    }
}
