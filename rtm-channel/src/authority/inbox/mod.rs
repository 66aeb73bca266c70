//! The authority of one user's own channel: what waits for the user, and who waits for a receipt.

mod letter;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use rtm_wire::{
    Epoch, ErrorCode, Event, MessageEvent, Position, Publish, Published, Sequence, Time, UnixTime,
};

use self::letter::Letter;
pub use self::letter::{Asker, Outcome, Reached};
use super::event::encoded;
use super::message::Fanout;
use crate::identity::ChannelKey;
use crate::limits::Limits;
use crate::name::{ChannelName, SubscriberId, UserId};
use crate::refusal::Refusal;

/// What was kept goes out in steps: so many messages, and bytes, are without a receipt at a time. A
/// session whose queue is full ends, and would end again each time it comes back.
const STEP_MESSAGES: usize = 8;
const STEP_BYTES: usize = 32 * 1_024;
/// What a letter takes besides its message, for the bounds.
const LETTER: usize = 256;
/// How long a receipt is waited for.
const RECEIPT_WITHIN: Duration = Duration::from_secs(10);
/// Messages without a receipt that an inbox holds besides those that are stored.
const PENDING_MAX: usize = 4_096;

/// The truth about one user's inbox.
///
/// ```text
///              publish                      receipt
///   publisher ─────────► letter, sequenced ─────────► answered: received
///                         │ │ nobody reads, time passes, the reader is lost
///                         │ ├──► stored: answered so, and kept until a receipt
///                         │ └──► not stored: answered "unknown", and forgotten
///              open       │
///   reader  ─────────────►└ all that was kept, in order; then what comes
/// ```
///
/// A letter is a message that its reader has not confirmed. Positions have no holes, but for
/// letters that were forgotten: the reader's view names them as a gap.
///
/// Stored letters may be kept elsewhere over the authority's life: [`kept`](Self::kept) and
/// [`letters`](Self::letters) say what, [`restored`](Self::restored) takes it back. They have the
/// places then that they had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxAuthority {
    key: ChannelKey,
    position: Position,
    /// Up to where there is nothing more to hand over.
    received: Position,
    reader: Option<SubscriberId>,
    letters: VecDeque<Letter>,
    /// How many of the letters the reader was sent, the first ones.
    sent: usize,
    /// What they have in bytes.
    sent_bytes: usize,
    /// When receipts are due, and whose.
    due: VecDeque<(Time, Position)>,
    /// Bytes of letters that wait for their turn and aren't stored.
    queued_bytes: usize,
    stored: usize,
    stored_bytes: usize,
    letters_max: usize,
    bytes_max: usize,
    keep: Duration,
}

/// What becomes of a message at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The reader gets it; the answer follows as an [`Outcome`].
    Sent(Fanout),
    /// The reader will get it after what was kept; the answer follows.
    Queued,
    /// Nobody reads; it is kept.
    Stored,
}

/// What has to be kept of an inbox besides its stored letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptInbox {
    /// Up to where there is nothing more to hand over; all letters are behind.
    pub received: Position,
    /// The last place that was given. None while somebody reads: then places are given to messages
    /// that aren't kept.
    pub last: Option<Position>,
}

/// A message that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptMessage {
    /// Its place and time.
    pub published: Published,
    /// The encoded event.
    pub event: Bytes,
}

/// What a receipt gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Answers that have been waited for.
    pub outcomes: Vec<Outcome>,
    /// What the reader gets next, in order: encoded events.
    pub next: Vec<Bytes>,
}

/// What a session that opens its inbox gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The last message that counts as received; what is kept follows it.
    pub position: Position,
    /// The first of what is kept, in order: encoded events.
    pub kept: Vec<Bytes>,
    /// Answers that have been waited for.
    pub outcomes: Vec<Outcome>,
}

impl InboxAuthority {
    /// An inbox that nobody reads, whose next message follows `floor`.
    ///
    /// As with [`MessageAuthority::new`](crate::MessageAuthority::new), epoch and floor must never
    /// go back.
    #[must_use]
    pub const fn new(key: ChannelKey, epoch: Epoch, floor: Sequence, limits: &Limits) -> Self {
        let position = Position { epoch, sequence: floor };
        Self {
            key,
            position,
            received: position,
            reader: None,
            letters: VecDeque::new(),
            sent: 0,
            sent_bytes: 0,
            due: VecDeque::new(),
            queued_bytes: 0,
            stored: 0,
            stored_bytes: 0,
            letters_max: limits.inbox_messages,
            bytes_max: limits.inbox_bytes,
            keep: Duration::from_secs(limits.inbox_days as u64 * 86_400),
        }
    }

    /// An inbox as [`kept`](Self::kept) and [`letters`](Self::letters) said, which nobody reads.
    ///
    /// It goes on from the last place if that is known, else in the given epoch, which must be
    /// greater than all before: the reader is told of a gap then. What was kept for too long by the
    /// wall clock ends at once.
    #[must_use]
    pub fn restored(
        key: ChannelKey,
        epoch: Epoch,
        (now, time): (Time, UnixTime),
        kept: KeptInbox,
        letters: impl IntoIterator<Item = KeptMessage>,
        limits: &Limits,
    ) -> Self {
        let mut inbox = Self::new(key, epoch, Sequence(0), limits);
        inbox.position = kept.last.unwrap_or(inbox.position);
        inbox.received = kept.received;
        for KeptMessage { published, event } in letters {
            let age = time.as_millis().saturating_sub(published.time.as_millis());
            let ends = now + inbox.keep.saturating_sub(Duration::from_millis(age));
            let len = event.len();
            (inbox.stored, inbox.stored_bytes) =
                (inbox.stored + 1, inbox.stored_bytes + len + LETTER);
            inbox.letters.push_back(Letter {
                published,
                event,
                len,
                is_stored: true,
                is_store_missed: false,
                asker: None,
                ends,
            });
        }
        inbox
    }

    /// What has to be kept besides the letters; nothing if there are none.
    #[must_use]
    pub fn kept(&self) -> Option<KeptInbox> {
        let last = self.reader.is_none().then_some(self.position);
        (self.stored > 0).then_some(KeptInbox { received: self.received, last })
    }

    /// The stored letters after a place, in order.
    pub fn letters(&self, after: Position) -> impl Iterator<Item = KeptMessage> {
        let first = self.letters.partition_point(|letter| letter.published.position <= after);
        let stored = self.letters.range(first..).filter(|letter| letter.is_stored);
        stored.map(|it| KeptMessage { published: it.published, event: it.event.clone() })
    }

    /// The user's session reads from now on, in place of an older one. `resume` is the last message
    /// that it has had, if it knows of one.
    pub fn open(&mut self, subscriber: SubscriberId, resume: Option<Position>) -> Opened {
        let mut outcomes = self.end_reading();
        self.reader = Some(subscriber);
        if let Some(position) = resume {
            outcomes.extend(self.confirm(position));
        }
        if self.letters.is_empty() && self.received.epoch != self.position.epoch {
            // Nothing of the former epoch is left to be read, so that it ends here and now.
            self.received = Position { sequence: Sequence(0), ..self.position };
        }
        let kept = self.step();
        Opened { position: self.received, kept, outcomes }
    }

    /// The session wants to read no more: what it hasn't confirmed and isn't stored doesn't count
    /// as missed.
    pub fn close(&mut self, subscriber: SubscriberId) -> Vec<Outcome> {
        let outcomes = self.lose(subscriber);
        if self.reader.is_none() {
            let first = self.letters.front().map(|letter| letter.published.position);
            let before = first.map_or(self.position, |first| Position {
                sequence: Sequence(first.sequence.0 - 1),
                ..first
            });
            self.received = self.received.max(before);
        }
        outcomes
    }

    /// The session is gone, which read until now: what it hasn't confirmed and isn't stored is
    /// missed.
    pub fn lose(&mut self, subscriber: SubscriberId) -> Vec<Outcome> {
        match self.reader == Some(subscriber) {
            true => self.end_reading(),
            false => Vec::new(),
        }
    }

    /// Gives a message its place. The caller has checked limits and repetition; `may_store` says
    /// whether there is room for one more message that is kept, over all inboxes.
    ///
    /// # Errors
    /// Nobody reads, and the message isn't to be stored or can't be. Too many messages wait for a
    /// receipt.
    pub fn publish(
        &mut self,
        (now, time): (Time, UnixTime),
        publisher: &UserId,
        publish: &Publish<'_>,
        asker: Asker,
        may_store: bool,
    ) -> Result<(Published, Delivered), Refusal> {
        let position = Position { sequence: self.position.sequence.next(), ..self.position };
        let event = Event::Message(MessageEvent {
            channel: self.key.as_ref(),
            publisher: publisher.as_str(),
            position,
            time,
            message_type: publish.message_type,
            custom_type: publish.custom_type,
            payload: publish.payload,
        });
        let event = encoded(&event);
        let has_room = self.stored < self.letters_max
            && self.stored_bytes + event.len() + LETTER <= self.bytes_max
            && may_store;
        let is_stored = publish.flags.store && has_room;
        if self.reader.is_none() && !is_stored {
            return Err(self.offline(publish.flags.store));
        }
        if self.letters.len() - self.stored >= PENDING_MAX {
            let reason = format!(
                "{PENDING_MAX} messages wait for {}'s receipt already; try again later",
                self.key.name
            );
            return Err(Refusal::new(ErrorCode::CHANNEL_PUBLISH_MESSAGE_FAILED, reason));
        }
        // All before it were sent.
        let goes_at_once = self.reader.filter(|_| self.sent == self.letters.len());
        let is_held = goes_at_once.is_none() && !is_stored;
        if is_held && self.queued_bytes + event.len() > self.bytes_max {
            let reason = format!("much waits for {} already; try again later", self.key.name);
            return Err(Refusal::new(ErrorCode::CHANNEL_PUBLISH_MESSAGE_FAILED, reason));
        }
        self.position = position;
        let published = Published { position, time };
        let due = now + RECEIPT_WITHIN;
        let asker = self.reader.is_some().then_some(asker);
        if asker.is_some() {
            self.due.push_back((due, position));
        }
        if is_stored {
            self.stored += 1;
            self.stored_bytes += event.len() + LETTER;
        }
        self.queued_bytes += if is_held { event.len() } else { 0 };
        let len = event.len();
        let (is_store_missed, ends) = (publish.flags.store && !is_stored, now + self.keep);
        // What isn't stored is sent once, so it isn't kept then.
        let kept = if goes_at_once.is_some() && !is_stored { Bytes::new() } else { event.clone() };
        let letter =
            Letter { published, event: kept, len, is_stored, is_store_missed, asker, ends };
        self.letters.push_back(letter);
        let delivered = match (goes_at_once, self.reader) {
            (Some(reader), _) => {
                self.sent += 1;
                self.sent_bytes += len;
                Delivered::Sent(Fanout { event, to: vec![reader] })
            }
            (None, Some(_)) => Delivered::Queued,
            (None, None) => Delivered::Stored,
        };
        Ok((published, delivered))
    }

    /// The reader has all messages up to this one.
    pub fn receipt(&mut self, subscriber: SubscriberId, position: Position) -> Progress {
        // What confirms nothing is passed over, however often it comes.
        if self.reader != Some(subscriber) || position <= self.received {
            return Progress::default();
        }
        let outcomes = self.confirm(position);
        Progress { outcomes, next: self.step() }
    }

    /// What was kept, as far as it may go out now.
    fn step(&mut self) -> Vec<Bytes> {
        let mut next = Vec::new();
        while self.sent < STEP_MESSAGES && self.sent_bytes < STEP_BYTES {
            let Some(letter) = self.letters.get_mut(self.sent) else { break };
            self.sent_bytes += letter.len;
            self.sent += 1;
            if letter.is_stored {
                next.push(letter.event.clone());
            } else {
                self.queued_bytes -= letter.len;
                next.push(std::mem::take(&mut letter.event));
            }
        }
        next
    }

    fn confirm(&mut self, position: Position) -> Vec<Outcome> {
        if position > self.position {
            return Vec::new();
        }
        self.received = self.received.max(position);
        let mut outcomes = Vec::new();
        while let Some(letter) = self.letters.front() {
            if letter.published.position > position {
                break;
            }
            let letter = self.letters.pop_front().expect("looked at above");
            self.forget_first(&letter);
            outcomes.extend(letter.received());
        }
        outcomes
    }

    /// A publish that waits for its receipt is asked for again, by another session of the same
    /// client. Whether it waits.
    pub fn ask_again(&mut self, asker: &Asker) -> bool {
        let mut waiting = self.letters.iter_mut().filter_map(|letter| letter.asker.as_mut());
        let former = waiting.find(|former| former.is_same(asker));
        if let Some(former) = former {
            former.subscriber = asker.subscriber;
            return true;
        }
        false
    }

    /// Does what is due: answers who has waited for too long, and forgets what was kept for too
    /// long.
    pub fn handle_timeout(&mut self, now: Time) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while let Some((_, position)) = self.due.front().copied().filter(|(due, _)| *due <= now) {
            self.due.pop_front();
            let of = |letter: &Letter| letter.published.position;
            if let Ok(index) = self.letters.binary_search_by_key(&position, of) {
                outcomes.extend(self.letters[index].lost());
            }
        }
        while self.letters.front().is_some_and(|letter| letter.ends <= now) {
            if let Some(letter) = self.letters.pop_front() {
                self.forget_first(&letter);
            }
        }
        outcomes
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        // Letters are in the order of their times.
        let ends = self.letters.front().map(|letter| letter.ends);
        [self.due.front().map(|(due, _)| *due), ends].into_iter().flatten().min()
    }

    /// The last message's place.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// Bytes of messages that are kept.
    #[must_use]
    pub const fn stored_bytes(&self) -> usize {
        self.stored_bytes
    }

    /// Whether nothing has to be kept but the position.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reader.is_none() && self.letters.is_empty()
    }

    /// Whether somebody reads.
    #[must_use]
    pub const fn is_read(&self) -> bool {
        self.reader.is_some()
    }

    /// Whether the session reads.
    #[must_use]
    pub fn is_read_by(&self, subscriber: SubscriberId) -> bool {
        self.reader == Some(subscriber)
    }

    /// Nobody reads any more: what isn't stored is forgotten.
    fn end_reading(&mut self) -> Vec<Outcome> {
        (self.reader, self.sent, self.sent_bytes, self.queued_bytes) = (None, 0, 0, 0);
        self.due.clear();
        let mut outcomes = Vec::new();
        self.letters.retain_mut(|letter| {
            outcomes.extend(letter.lost());
            letter.is_stored
        });
        outcomes
    }

    /// The first letter is gone.
    fn forget_first(&mut self, letter: &Letter) {
        if letter.is_stored {
            self.stored -= 1;
            self.stored_bytes -= letter.len + LETTER;
        }
        if self.sent > 0 {
            self.sent -= 1;
            self.sent_bytes -= letter.len;
        } else if !letter.is_stored {
            self.queued_bytes -= letter.len;
        }
        while self.due.front().is_some_and(|(_, of)| *of <= letter.published.position) {
            self.due.pop_front();
        }
        self.received = self.received.max(letter.published.position);
    }

    fn offline(&self, was_to_be_stored: bool) -> Refusal {
        let user = &self.key.name;
        if was_to_be_stored {
            let reason = format!("user {user} does not read, and the inbox is full; try later");
            return Refusal::new(ErrorCode::CHANNEL_RECEIVER_OFFLINE_AND_STORE_FAILED, reason);
        }
        Self::nobody_reads(user)
    }

    /// What a publisher is told whose message isn't to be stored, when there is no inbox at all.
    #[must_use]
    pub fn nobody_reads(user: &ChannelName) -> Refusal {
        let reason = format!("user {user} does not read; try later, or publish with storing");
        Refusal::new(ErrorCode::CHANNEL_RECEIVER_OFFLINE, reason)
    }
}

/// Who asks again is known by instance and operation.
impl Asker {
    fn is_same(&self, other: &Self) -> bool {
        self.operation == other.operation && self.identity == other.identity
    }
}
