//! What owner and clients must do: lists and sets, slow and simple. Knows nothing of the engines.

use std::collections::{BTreeMap, BTreeSet};

/// Epoch and sequence.
pub(crate) type At = (u64, u64);
/// Publisher and operation.
pub(crate) type Message = (usize, u64);

/// What an owner must answer to a publish.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Publish {
    Repeated(At),
    New(At, Vec<u64>),
}

/// The truth: who is subscribed and what was published.
#[derive(Debug)]
pub(crate) struct Owner {
    members_max: usize,
    pub(crate) epoch: u64,
    sequence: u64,
    /// Whether each session wants messages.
    pub(crate) members: BTreeMap<u64, bool>,
    answers: BTreeMap<Message, At>,
    log: BTreeMap<At, Message>,
}

impl Owner {
    pub(crate) fn new(members_max: usize) -> Self {
        let (epoch, sequence) = (1, 0);
        let (members, answers, log) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { members_max, epoch, sequence, members, answers, log }
    }

    pub(crate) fn at(&self) -> At {
        (self.epoch, self.sequence)
    }

    pub(crate) fn subscribe(&mut self, session: u64, hears: bool) -> Option<At> {
        if self.members.len() >= self.members_max && !self.members.contains_key(&session) {
            return None;
        }
        self.members.insert(session, hears);
        Some(self.at())
    }

    pub(crate) fn remove(&mut self, session: u64) -> bool {
        self.members.remove(&session).is_some()
    }

    pub(crate) fn publish(&mut self, message: Message) -> Publish {
        if let Some(&at) = self.answers.get(&message) {
            return Publish::Repeated(at);
        }
        self.sequence += 1;
        self.answers.insert(message, self.at());
        self.log.insert(self.at(), message);
        let hears = self.members.iter().filter(|&(_, &hears)| hears);
        Publish::New(self.at(), hears.map(|(&session, _)| session).collect())
    }

    pub(crate) fn restart(&mut self) {
        self.epoch += 1;
        self.sequence = 0;
        self.members.clear();
        self.answers.clear();
    }

    /// Messages between two positions.
    fn between(&self, after: At, before: At) -> impl Iterator<Item = (At, Message)> + '_ {
        let inside = self.log.iter().filter(move |&(&at, _)| after < at && at < before);
        inside.map(|(&at, &message)| (at, message))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Idle,
    Asked,
    On,
    Lost,
    Again,
    Leaving,
}

/// What a view must say of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Say {
    Deliver,
    DeliverAfter(At, At),
    Repeat,
    Unwanted,
}

/// What one client has asked for, and what its application has seen.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) phase: Phase,
    pub(crate) hears: bool,
    /// All messages ever handed over.
    delivered: BTreeSet<Message>,
    /// What is known in this subscription: everything up to here was handed over, named missing, or
    /// is from before it.
    last: Option<At>,
    /// After this, every message is owed; known once the subscription was answered.
    start: Option<At>,
    gaps: Vec<(At, At)>,
    /// Where the owner let the client in, which the client may not know yet.
    pub(crate) granted: At,
}

impl Client {
    pub(crate) fn new(phase: Phase) -> Self {
        let (delivered, gaps) = (BTreeSet::new(), Vec::new());
        Self { phase, hears: true, delivered, last: None, start: None, gaps, granted: (0, 0) }
    }

    pub(crate) fn subscribe(&mut self, hears: bool) -> bool {
        let is_ok = self.phase == Phase::Idle;
        if is_ok {
            (self.phase, self.hears) = (Phase::Asked, hears);
            (self.last, self.start) = (None, None);
            self.gaps.clear();
        }
        is_ok
    }

    pub(crate) fn unsubscribe(&mut self) -> bool {
        self.phase = match self.phase {
            Phase::On => Phase::Leaving,
            Phase::Lost => Phase::Idle,
            _ => return false,
        };
        true
    }

    /// The answer to a subscription, and the gap that is to be named.
    pub(crate) fn subscribed(&mut self, answer: Option<At>) -> Option<(At, At)> {
        let Some(at) = answer else {
            self.phase = Phase::Idle;
            return None;
        };
        let mut gap = None;
        if self.phase == Phase::Again && self.hears {
            gap = self.last.filter(|&last| last < at).map(|last| (last, (at.0, at.1 + 1)));
        }
        self.phase = Phase::On;
        self.start = self.start.or(Some(at));
        self.last = self.last.max(Some(at));
        self.gaps.extend(gap);
        gap
    }

    pub(crate) fn unsubscribed(&mut self) {
        self.phase = Phase::Idle;
    }

    pub(crate) fn disconnect(&mut self) {
        self.phase = match self.phase {
            Phase::Idle | Phase::Leaving => Phase::Idle,
            _ => Phase::Lost,
        };
        // Without an answer, what has come is all that is known.
        self.start = self.start.or(self.last);
    }

    pub(crate) fn reconnect(&mut self) -> bool {
        let was_lost = self.phase == Phase::Lost;
        if was_lost {
            let knows = self.last.is_some();
            let again = if knows { Phase::Again } else { Phase::Asked };
            self.phase = again;
        }
        was_lost
    }

    pub(crate) fn message(&mut self, owner: &Owner, at: At, message: Message) -> Say {
        if matches!(self.phase, Phase::Idle | Phase::Lost | Phase::Leaving) {
            return Say::Unwanted;
        }
        if self.last >= Some(at) {
            let is_known = self.delivered.contains(&message) || at <= self.granted;
            assert!(is_known, "{message:?} at {at:?} is owed and would be dropped: {self:?}");
            return Say::Repeat;
        }
        assert!(self.delivered.insert(message), "{message:?} comes twice");
        let last = self.last.replace(at);
        let is_next = |last: At| last.0 == at.0 && last.1 + 1 == at.1;
        match last {
            Some(last) if self.phase != Phase::Asked && !is_next(last) => {
                self.gaps.push((last, at));
                for (at, missing) in owner.between(last, at) {
                    assert!(!self.delivered.contains(&missing), "{missing:?} at {at:?} was there");
                }
                if last.0 == at.0 {
                    let missing = owner.between(last, at).count() as u64;
                    assert_eq!(missing, at.1 - last.1 - 1, "a gap names what never was");
                }
                Say::DeliverAfter(last, at)
            }
            _ => Say::Deliver,
        }
    }

    /// When all has arrived: each message since the subscription was handed over or named missing.
    pub(crate) fn check_settled(&self, owner: &Owner) {
        let (Phase::On, Some(start), true) = (self.phase, self.start, self.hears) else { return };
        for (at, message) in owner.between(start, (owner.epoch + 1, 0)) {
            let is_delivered = self.delivered.contains(&message);
            let is_missing = self.gaps.iter().any(|&(after, before)| after < at && at < before);
            assert_ne!(is_delivered, is_missing, "{message:?} at {at:?} of {self:?}");
        }
    }
}
