//! What was asked for: the model against which answers and events are checked.

use std::collections::{BTreeMap, BTreeSet};

use rtm_client::core::{HandleId, Target};

use super::kept::{Acquired, Written};

/// What a handle is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Channel(&'static str),
    Inbox,
    Stream(&'static str),
    Publication(&'static str, &'static str),
    Topic(&'static str, &'static str),
}

/// A message that somebody has published, or has tried to.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) who: &'static str,
    pub(super) waiter: u64,
    /// The publication, in topics.
    pub(super) handle: Option<HandleId>,
    /// Where it should be heard: the kind of place, and the names in it.
    pub(super) target: String,
    pub(super) is_stored: bool,
}

/// A handle that somebody has asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) who: &'static str,
    pub(super) waiter: u64,
    pub(super) handle: u64,
    pub(super) place: Place,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    /// Who waits for what answer.
    pub(super) waiting: Vec<(&'static str, u64)>,
    pub(super) handles: Vec<Asked>,
    /// By the number that the message's text begins with.
    pub(super) said: BTreeMap<u64, Said>,
    pub(super) written: Vec<Written>,
    pub(super) acquired: Vec<Acquired>,
    /// Who waits for what answer about a lock, perhaps until its owner lets it go.
    pub(super) acts: Vec<(&'static str, u64)>,
    /// Subscriptions whose publishers were changed by hand.
    pub(super) changed: BTreeSet<(&'static str, u64)>,
    last_handle: u64,
    last_text: u64,
}

impl Model {
    pub(super) fn next_handle(&mut self) -> u64 {
        self.last_handle += 1;
        self.last_handle
    }

    /// One that the user has asked for lately, if there is any.
    pub(super) fn some_handle(&self, who: &str, chance: u64) -> u64 {
        let own: Vec<_> = self.handles.iter().rev().filter(|asked| asked.who == who).collect();
        let index = chance as usize % own.len().clamp(1, 8);
        own.get(index).map_or(0, |asked| asked.handle)
    }

    pub(super) fn ask(&mut self, who: &'static str, waiter: u64, place: Option<Place>) {
        self.waiting.push((who, waiter));
        if let Some(place) = place {
            self.handles.push(Asked { who, waiter, handle: self.last_handle, place });
        }
    }

    pub(super) fn next_text(&mut self, padding: usize) -> String {
        self.last_text += 1;
        format!("{} {}", self.last_text, ".".repeat(padding))
    }

    /// The number of the next text.
    pub(super) const fn next_message(&self) -> u64 {
        self.last_text + 1
    }

    /// That of [`next_text`](Self::next_text) was published.
    pub(super) fn say(&mut self, who: &'static str, waiter: u64, target: &Target, is_stored: bool) {
        self.waiting.push((who, waiter));
        let handle = match target {
            Target::Topic(handle) => Some(*handle),
            _ => None,
        };
        let target = match target {
            Target::Channel(name) => format!("channel {name}"),
            Target::User(user) => format!("inbox {user}"),
            Target::Topic(handle) => match self.place(who, *handle) {
                Some(Place::Publication(channel, topic)) => format!("topic {channel} {topic}"),
                _ => "nowhere".to_owned(),
            },
        };
        self.said.insert(self.last_text, Said { who, waiter, handle, target, is_stored });
    }

    pub(super) fn change_publishers(&mut self, who: &'static str, handle: HandleId) {
        self.changed.insert((who, handle.0));
    }

    pub(super) fn place(&self, who: &str, handle: HandleId) -> Option<Place> {
        let is_it = |asked: &&Asked| asked.who == who && asked.handle == handle.0;
        self.handles.iter().find(is_it).map(|asked| asked.place)
    }
}

/// The number of a message, from its text.
pub(super) fn number(payload: &[u8]) -> u64 {
    let text = std::str::from_utf8(payload).expect("texts are published");
    text.split(' ').next().and_then(|number| number.parse().ok()).expect("a number comes first")
}
