//! What one client's application must see. Knows nothing of the engines.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rtm_wire::ErrorCode;

use crate::owner_model::{Grant, Outcome, Publication};

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
    muted: BTreeSet<usize>,
}

/// What was seen of one publication since it was subscribed.
#[derive(Debug)]
struct Seen {
    topic: usize,
    user: usize,
    delivered: BTreeSet<u64>,
    named: BTreeSet<u64>,
    /// The grant of the last message.
    grant: Grant,
    /// The last message that a new session showed.
    shown: u64,
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
    /// Subscriptions whose end the client has asked for, and the owner carried out.
    pub(crate) ending: BTreeSet<Grant>,
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
            ending: BTreeSet::new(),
            ended: BTreeSet::new(),
        }
    }

    /// Nothing is wanted any more.
    pub(crate) fn clear(&mut self) {
        self.phase = Phase::Idle;
        self.own.clear();
        self.asked.clear();
        self.seen.clear();
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
        }
        // What was not answered is no subscription yet.
        let mut seen = std::mem::take(&mut self.seen);
        seen.retain(|_, it| self.covers(it.topic, it.user));
        self.seen = seen;
        self.asked.values_mut().for_each(|asked| asked.muted.clear());
    }

    pub(crate) fn ask(&mut self, topic: usize, users: &[usize]) {
        let asked = self.asked.entry(topic).or_default();
        asked.pending.push_back(users.to_vec());
        asked.muted.retain(|user| !users.is_empty() && !users.contains(user));
    }

    pub(crate) fn subscribed(&mut self, topic: usize, all: bool, outcome: &Outcome) {
        let (succeeded, failed) = outcome;
        let asked = self.asked.entry(topic).or_default();
        asked.pending.pop_front();
        asked.all |= all;
        asked.absent.retain(|user| !succeeded.contains(user));
        if !all {
            asked.named.extend(succeeded);
        }
        for (user, code) in failed {
            if *code == ErrorCode::SUB_USER_EXCEED_LIMITATION {
                asked.named.remove(user);
            }
            if *code != ErrorCode::REMOTE_USER_IS_NOT_PUBLISHED {
                asked.absent.remove(user);
            }
        }
    }

    pub(crate) fn refused(&mut self, topic: usize) {
        let asked = self.asked.entry(topic).or_default();
        let users = asked.pending.pop_front().unwrap_or_default();
        // The owner knows of no subscription to this topic: nothing is left to be restored but
        // what is asked for still.
        asked.all &= !users.is_empty();
        asked.named.retain(|user| !users.contains(user));
        asked.absent.retain(|user| !users.contains(user));
    }

    /// An end is asked for: who is absent is forgotten at once.
    pub(crate) fn unsubscribe(&mut self, topic: usize, users: &[usize]) {
        let asked = self.asked.entry(topic).or_default();
        let absent = std::mem::take(&mut asked.absent);
        for user in absent {
            if users.is_empty() || users.contains(&user) {
                asked.named.remove(&user);
            } else {
                asked.absent.insert(user);
            }
        }
    }

    /// Whether the user was asked for by name, and not ended.
    pub(crate) fn has_named(&self, topic: usize, user: usize) -> bool {
        self.asked.get(&topic).is_some_and(|asked| asked.named.contains(&user))
    }

    pub(crate) fn unsubscribed(
        &mut self,
        topic: usize,
        all: bool,
        succeeded: &[usize],
        ended: BTreeSet<Grant>,
    ) {
        self.ended.extend(ended);
        let asked = self.asked.entry(topic).or_default();
        if all {
            asked.all = false;
            asked.named.clear();
            asked.muted.clear();
        }
        for user in succeeded {
            asked.named.remove(user);
            asked.absent.remove(user);
            if !asked.pending.iter().any(|users| users.is_empty() || users.contains(user)) {
                asked.muted.insert(*user);
            }
        }
        self.seen.retain(|_, it| it.topic != topic || !(all || succeeded.contains(&it.user)));
    }

    /// Whether the application wants to hear the user, or has asked for it.
    fn covers(&self, topic: usize, user: usize) -> bool {
        let Some(asked) = self.asked.get(&topic) else { return false };
        asked.pending.iter().any(|users| users.is_empty() || users.contains(&user))
            || asked.named.contains(&user)
            || (asked.all && !asked.muted.contains(&user))
    }

    /// A message has come, and the view has said something of it.
    pub(crate) fn message(&mut self, arrival: Arrival, said: Said) {
        let Arrival { topic, user, message: (publication, number), is_ordered, grant } = arrival;
        let is_stale = self.ended.contains(&grant) || self.phase == Phase::Leaving;
        let covers = self.covers(topic, user);
        if matches!(said, Said::Repeat | Said::Unwanted) {
            let is_ending = is_stale || self.ending.contains(&grant);
            assert!(is_ending, "{said:?} though it is owed: {arrival:?}");
            return;
        }
        assert_eq!(self.phase, Phase::Joined);
        assert!(!is_stale || covers, "nobody wants {arrival:?}");
        assert!(self.delivered.insert((publication, number)), "{arrival:?} comes twice");
        let seen = self.seen.entry(publication).or_insert_with(|| {
            let (delivered, named) = (BTreeSet::new(), BTreeSet::new());
            Seen { topic, user, delivered, named, grant, shown: 0 }
        });
        assert!(!seen.named.contains(&number), "{arrival:?} was named missing");
        let newest = seen.delivered.last().max(seen.named.last()).copied();
        match (said, newest) {
            (Said::DeliverAfter(after), _) => {
                assert!(is_ordered, "a gap without order: {arrival:?}");
                assert_eq!(after, newest.unwrap_or(0), "{arrival:?}");
                assert!(newest.is_none() || seen.grant != grant, "nothing is lost on a lane");
                assert!(after + 1 < number, "an empty gap before {arrival:?}");
                seen.named.extend(after + 1..number);
            }
            (_, Some(newest)) if is_ordered => {
                assert_eq!(newest + 1, number, "silently lost or out of order: {arrival:?}");
            }
            _ => {}
        }
        seen.delivered.insert(number);
        seen.grant = grant;
    }

    /// A new session tells what was missed.
    pub(crate) fn missed(
        &mut self,
        (topic, user): (usize, usize),
        publication: Publication,
        after: u64,
        before: Option<u64>,
    ) {
        assert!(self.covers(topic, user), "{user} in {topic} is not wanted");
        let seen = self.seen.entry(publication).or_insert_with(|| {
            let (delivered, named) = (BTreeSet::new(), BTreeSet::new());
            Seen { topic, user, delivered, named, grant: Grant::MAX, shown: 0 }
        });
        let missing = after + 1..before.unwrap_or(u64::MAX);
        assert!(!missing.is_empty(), "an empty gap");
        assert_eq!(seen.delivered.range(missing.clone()).next(), None, "it was there");
        assert_eq!(seen.named.range(missing.clone()).next(), None, "named twice");
        if before.is_some() {
            seen.named.extend(missing);
        }
    }

    /// A new session shows a publication's last message.
    pub(crate) fn shown(&mut self, publication: Publication, last: u64) {
        if let Some(seen) = self.seen.get_mut(&publication) {
            seen.shown = last;
        }
    }

    /// All has arrived that was sent. What this client hears, it has seen or was told of.
    pub(crate) fn check_settled(&self, publication: Publication, last: u64, is_ordered: bool) {
        let Some(seen) = self.seen.get(&publication) else {
            panic!("nothing was seen of {publication:?}");
        };
        let first = seen.delivered.iter().chain(&seen.named).min().copied().unwrap_or(1);
        let end = if is_ordered { last } else { seen.shown };
        for number in first..=end {
            let is_seen = seen.delivered.contains(&number);
            let is_named = seen.named.contains(&number);
            assert_ne!(is_seen, is_named, "{number} of {publication:?}: {seen:?}");
        }
    }
}
