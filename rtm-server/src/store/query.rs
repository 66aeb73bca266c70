//! Reads of histories.

use rtm_channel::{ChannelKey, KeptMessage};
use rtm_wire::{Epoch, Position, Sequence, UnixTime};

/// The number of a query, by which its answer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueryId(pub u64);

/// What a core asks its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// See [`Store::messages`](super::Store::messages).
    Messages(HistoryQuery),
    /// See [`Store::histories`](super::Store::histories).
    Histories(Option<ChannelKey>),
}

/// What the store has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Messages.
    Messages(HistoryPage),
    /// Channels and users that have a history.
    Histories(Vec<ChannelKey>),
}

/// Which part of a history is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Of which channel or user.
    pub key: ChannelKey,
    /// From the oldest on; else from the newest back.
    pub oldest_first: bool,
    /// Messages behind this one only.
    pub after: Option<Position>,
    /// Messages before this one only.
    pub before: Option<Position>,
    /// Messages since then only.
    pub since: UnixTime,
    /// Messages before then only.
    pub until: Option<UnixTime>,
    /// Messages at most.
    pub count: usize,
    /// Bytes of them, but for the first one.
    pub bytes: usize,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryPage {
    /// The messages, in the order that was asked for.
    pub messages: Vec<KeptMessage>,
    /// Whether there are more, behind the last of these.
    pub has_more: bool,
}

impl HistoryQuery {
    /// The places of the first and the last message that may be among them.
    pub(super) fn range(&self) -> (Position, Position) {
        let next = |at: Position| Position { sequence: Sequence(at.sequence.0 + 1), ..at };
        let first = self.after.map_or(Position { epoch: Epoch(0), sequence: Sequence(0) }, next);
        let before = |at: Position| match at.sequence.0.checked_sub(1) {
            Some(sequence) => Position { sequence: Sequence(sequence), ..at },
            None => Position { epoch: Epoch(at.epoch.0.saturating_sub(1)), sequence: MOST },
        };
        let last = self.before.map_or(Position { epoch: Epoch(u64::MAX), sequence: MOST }, before);
        (first, last)
    }

    /// Whether a message of this time is wanted.
    pub(super) fn is_wanted(&self, time: UnixTime) -> bool {
        time >= self.since && self.until.is_none_or(|until| time < until)
    }

    /// Whether no message behind one of this time is wanted: times grow with places, but for a
    /// clock that was set back.
    pub(super) fn is_past(&self, time: UnixTime) -> bool {
        let (time, slack) = (time.as_millis(), CLOCK_SLACK_MS);
        match self.oldest_first {
            true => self.until.is_some_and(|until| time >= until.as_millis().saturating_add(slack)),
            false => time.saturating_add(slack) < self.since.as_millis(),
        }
    }
}

/// How far a clock may have been set back without hiding what lies behind it: an hour.
const CLOCK_SLACK_MS: u64 = 3_600_000;
const MOST: Sequence = Sequence(u64::MAX);

impl HistoryPage {
    /// Takes messages of a wanted time from a channel's, in the order that is asked for.
    pub(super) fn fill(
        &mut self,
        query: &HistoryQuery,
        mut messages: impl Iterator<Item = KeptMessage>,
    ) {
        // It can't fail.
        let _ = self.try_fill(query, messages.by_ref().map(Ok::<_, std::convert::Infallible>));
    }

    /// The same; the first error ends it.
    pub(super) fn try_fill<E>(
        &mut self,
        query: &HistoryQuery,
        messages: impl Iterator<Item = Result<KeptMessage, E>>,
    ) -> Result<(), E> {
        let mut bytes = 0;
        for message in messages {
            let message = message?;
            bytes += message.event.len();
            let is_full = self.messages.len() >= query.count
                || (bytes > query.bytes && !self.messages.is_empty());
            if is_full {
                self.has_more = true;
                break;
            }
            self.messages.push(message);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rtm_channel::{AppId, ChannelName};
    use rtm_wire::ChannelKind;

    use super::*;

    #[test]
    fn a_read_ends_behind_its_bound_but_for_a_clock_that_was_set_back() {
        let (app, name) = (AppId::new("app"), ChannelName::new("lobby"));
        let (app, name) = (app.expect("a name"), name.expect("a name"));
        let (since, until) = (10 * CLOCK_SLACK_MS, 20 * CLOCK_SLACK_MS);
        let newest_first = HistoryQuery {
            key: ChannelKey { app, kind: ChannelKind::Message, name },
            oldest_first: false,
            after: None,
            before: None,
            since: UnixTime::from_millis(since),
            until: Some(UnixTime::from_millis(until)),
            count: 1,
            bytes: 1,
        };
        let oldest_first = HistoryQuery { oldest_first: true, ..newest_first.clone() };
        let is_past = |query: &HistoryQuery, millis| query.is_past(UnixTime::from_millis(millis));
        let slack = CLOCK_SLACK_MS;
        assert!(
            !is_past(&newest_first, since - slack) && is_past(&newest_first, since - slack - 1)
        );
        assert!(!is_past(&newest_first, u64::MAX), "what is newer is skipped");
        assert!(
            !is_past(&oldest_first, until + slack - 1) && is_past(&oldest_first, until + slack)
        );
        assert!(!is_past(&oldest_first, 0), "what is older is skipped");
    }
}
