//! The inboxes of an app's users.

use std::collections::BTreeMap;

use bytes::Bytes;
use rtm_channel::{
    Asker, ChannelKey, Delivered, Fanout, InboxAuthority, KeptInbox, KeptMessage, LastSequences,
    Limits, Outcome, Reached, Refusal, SubscriberId,
};
use rtm_session::Deadlines;
use rtm_wire::{
    ChannelKind, Epoch, ErrorCode, OperationId, Position, Publish, Published, Reach, ReplyResult,
    Sequence, Time, UnixTime, UserPublished,
};

use super::answer::{granted, refused};
use super::command::{LaneKey, Output};
use super::context::Context;
use super::outbox::Outbox;
use crate::store::Change;

/// What an inbox takes besides what is in it, for the bound on all of them.
const INBOX: usize = 1_024;
/// Users whose last sequence is remembered exactly while nothing waits for them.
const LAST_SEQUENCES_MAX: usize = 10_000;

/// How a published message was answered, and how far it has got.
pub(super) type Answered = (Published, Reached);

/// Invariants: an inbox exists while somebody reads it or something waits in it; `due` holds its
/// next deadline; `stored_bytes` is what all of them hold.
#[derive(Debug)]
pub(super) struct Inboxes {
    epoch: Epoch,
    limits: Limits,
    last: LastSequences,
    inboxes: BTreeMap<ChannelKey, InboxAuthority>,
    due: Deadlines<ChannelKey>,
    stored_bytes: usize,
    /// How many are read.
    read: usize,
}

impl Inboxes {
    pub(super) fn new(epoch: Epoch, limits: Limits) -> Self {
        Self {
            epoch,
            limits,
            last: LastSequences::new(LAST_SEQUENCES_MAX),
            inboxes: BTreeMap::new(),
            due: Deadlines::new(),
            stored_bytes: 0,
            read: 0,
        }
    }

    /// Inboxes that somebody reads.
    pub(super) const fn count_read(&self) -> usize {
        self.read
    }

    /// An inbox was kept, with these letters.
    pub(super) fn restore(
        &mut self,
        moment: (Time, UnixTime),
        key: &ChannelKey,
        kept: KeptInbox,
        letters: Vec<KeptMessage>,
    ) {
        let (epoch, limits) = (self.epoch, &self.limits);
        let inbox = InboxAuthority::restored(key.clone(), epoch, moment, kept, letters, limits);
        self.stored_bytes += inbox.stored_bytes();
        self.due.set(key.clone(), inbox.poll_timeout());
        self.inboxes.insert(key.clone(), inbox);
    }

    /// A user's session reads from now on; the position that it hears first.
    pub(super) fn open(
        &mut self,
        context: &mut Context<'_>,
        key: &ChannelKey,
        resume: Option<Position>,
    ) -> (Position, Vec<Outcome>) {
        let from = context.from;
        let opened = self.with(key, context.out, |inbox| inbox.open(from, resume));
        for event in opened.kept {
            context.out.push(deliver(key, from, event));
        }
        (opened.position, opened.outcomes)
    }

    /// A session wants to read no more.
    pub(super) fn close(
        &mut self,
        key: &ChannelKey,
        from: SubscriberId,
        out: &mut Outbox,
    ) -> Vec<Outcome> {
        match self.inboxes.contains_key(key) {
            true => self.with(key, out, |inbox| inbox.close(from)),
            false => Vec::new(),
        }
    }

    /// A session is gone.
    pub(super) fn lose(
        &mut self,
        key: &ChannelKey,
        from: SubscriberId,
        out: &mut Outbox,
    ) -> Vec<Outcome> {
        match self.inboxes.contains_key(key) {
            true => self.with(key, out, |inbox| inbox.lose(from)),
            false => Vec::new(),
        }
    }

    /// Whether the session reads.
    pub(super) fn is_read_by(&self, key: &ChannelKey, from: SubscriberId) -> bool {
        self.inboxes.get(key).is_some_and(|inbox| inbox.is_read_by(from))
    }

    pub(super) fn receipt(
        &mut self,
        key: &ChannelKey,
        from: SubscriberId,
        position: Position,
        out: &mut Outbox,
    ) -> Vec<Outcome> {
        if !self.inboxes.contains_key(key) {
            return Vec::new();
        }
        let progress = self.with(key, out, |inbox| inbox.receipt(from, position));
        out.extend(progress.next.into_iter().map(|event| deliver(key, from, event)));
        progress.outcomes
    }

    /// Gives a message its place, and says how far it has got: unknown while a receipt is waited
    /// for.
    pub(super) fn publish(
        &mut self,
        context: &mut Context<'_>,
        key: &ChannelKey,
        publish: &Publish<'_>,
    ) -> Result<Answered, Refusal> {
        // Names that nobody has make no inboxes.
        if !publish.flags.store && !self.inboxes.contains_key(key) {
            return Err(InboxAuthority::nobody_reads(&key.name));
        }
        let held = self.stored_bytes + self.inboxes.len() * INBOX;
        let on_disk = context.history_bytes + publish.payload.len() as u64;
        let may_store = held + publish.payload.len() + INBOX <= self.limits.inboxes_bytes
            && on_disk <= context.history.bytes_max;
        let moment = (context.now, context.time);
        let (user, asker) = (&context.identity.user, context.asker());
        let (published, delivered) = self.with(key, context.out, |inbox| {
            inbox.publish(moment, user, publish, asker, may_store)
        })?;
        let reached = match delivered {
            Delivered::Stored => Reached::Stored,
            Delivered::Queued => Reached::Unknown,
            Delivered::Sent(Fanout { event, to }) => {
                context.out.extend(to.into_iter().map(|to| deliver(key, to, event.clone())));
                Reached::Unknown
            }
        };
        Ok((published, reached))
    }

    /// Whether the answer to this operation is still to come; it goes to whoever asks last.
    pub(super) fn ask_again(&mut self, key: &ChannelKey, asker: &Asker) -> bool {
        self.inboxes.get_mut(key).is_some_and(|inbox| inbox.ask_again(asker))
    }

    /// Does what is due in one inbox: which one, and what is answered.
    pub(super) fn handle_timeout(
        &mut self,
        now: Time,
        out: &mut Outbox,
    ) -> Option<(ChannelKey, Vec<Outcome>)> {
        let key = self.due.pop_due(now)?;
        let outcomes = self.with(&key, out, |inbox| inbox.handle_timeout(now));
        Some((key, outcomes))
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.due.next()
    }

    /// Does something with an inbox, made if there is none, and keeps what becomes of it; then it
    /// is dropped if it is empty.
    fn with<R>(
        &mut self,
        key: &ChannelKey,
        out: &mut Outbox,
        act: impl FnOnce(&mut InboxAuthority) -> R,
    ) -> R {
        let (epoch, limits, last) = (self.epoch, &self.limits, &mut self.last);
        let inbox = self.inboxes.entry(key.clone()).or_insert_with(|| {
            let floor: Sequence = last.take(key);
            InboxAuthority::new(key.clone(), epoch, floor, limits)
        });
        let (before, was_read) = (inbox.stored_bytes(), inbox.is_read());
        let (kept, last) = (inbox.kept(), inbox.position());
        let result = act(inbox);
        let changes = (inbox.kept(), inbox.letters(last));
        keep(key, kept, changes, out);
        self.stored_bytes = self.stored_bytes - before + inbox.stored_bytes();
        self.read = self.read - usize::from(was_read) + usize::from(inbox.is_read());
        self.due.set(key.clone(), inbox.poll_timeout());
        if inbox.is_empty() {
            let last = inbox.position().sequence;
            self.inboxes.remove(key);
            self.last.insert(key.clone(), last);
        }
        result
    }
}

/// The answer to a publish.
pub(super) fn answer_to(operation: OperationId, (published, reached): Answered) -> Bytes {
    let reach = match reached {
        Reached::Sequenced => return granted(operation, ReplyResult::Published(published)),
        Reached::Unknown => {
            let reason = "the receiver has not said that it has the message; it may have it";
            let refusal = Refusal::new(ErrorCode::CHANNEL_PUBLISH_MESSAGE_TIMEOUT, reason);
            return refused(operation, &refusal);
        }
        Reached::Received => Reach::Received,
        Reached::Stored => Reach::Stored,
        Reached::ReceivedNotStored => Reach::ReceivedNotStored,
    };
    granted(operation, ReplyResult::UserPublished(UserPublished { reach, published }))
}

/// Keeps what is another than before, and new letters.
fn keep(
    key: &ChannelKey,
    before: Option<KeptInbox>,
    (after, letters): (Option<KeptInbox>, impl Iterator<Item = KeptMessage>),
    out: &mut Outbox,
) {
    match after {
        Some(kept) if before != after => out.keep(Change::Inbox { key: key.clone(), kept }),
        None if before.is_some() => out.keep(Change::InboxGone { key: key.clone() }),
        _ => {}
    }
    letters.for_each(|message| out.keep(Change::Message { key: key.clone(), message }));
}

fn deliver(key: &ChannelKey, to: SubscriberId, message: Bytes) -> Output {
    debug_assert!(key.kind == ChannelKind::User, "inboxes are users'");
    Output::in_order(LaneKey::of(key), vec![to], message)
}
