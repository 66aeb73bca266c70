//! What waits for the disk.

use std::collections::BTreeMap;

use rtm_channel::{AppId, ChannelKey};
use rtm_wire::ChannelKind;

use super::command::{LaneKey, Output, Subscription};
use super::histories::Reader;
use super::outbox::Outbox;
use crate::store::{Change, Query};

/// Bytes that may wait for the disk; beyond, what would wait is refused.
const WAITING_MAX: usize = 64 * 1_024 * 1_024;
/// What something that waits takes besides its contents.
const ITEM: usize = 128;

/// Changes on their way to the disk, and what they hold up.
///
/// ```text
///   changes ──► gathering ──► under way ──► on the disk
///   outputs of what has changed wait        and go
/// ```
///
/// One commit is under way at a time; whatever changes meanwhile gathers for the next one. Until it
/// is on the disk, everything on the lane of the channel or user that has changed waits, and so do
/// answers that tell of it: nobody is told what may never have been. Order on each lane stays: what
/// comes later waits at least as long.
///
/// Invariants: `dirty` names what has changed and isn't on the disk, with the batch of its last
/// change; an output waits in the batch that its key has in `dirty`.
#[derive(Debug, Default)]
pub(super) struct Commits {
    dirty: BTreeMap<ChannelKey, Batch>,
    gathering: Waiting,
    under_way: Option<Waiting>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Batch {
    UnderWay,
    Gathering,
}

#[derive(Debug, Default)]
struct Waiting {
    changes: Vec<Change>,
    outputs: Vec<Output>,
    reads: Vec<Read>,
    bytes: usize,
}

/// Something that the store is asked, and for whom.
type Read = (Reader, Query);

impl Commits {
    /// Takes what came of one command: what needn't wait goes to `out`.
    pub(super) fn admit(&mut self, app: &AppId, outbox: &mut Outbox, out: &mut Vec<Output>) {
        self.admit_changes(outbox);
        if self.dirty.is_empty() {
            return out.append(&mut outbox.outputs);
        }
        for output in outbox.outputs.drain(..) {
            let key = key_of(app, &output);
            match key.and_then(|key| self.dirty.get(&key)) {
                None => out.push(output),
                Some(Batch::Gathering) => self.gathering.hold(output),
                Some(Batch::UnderWay) => match &mut self.under_way {
                    Some(waiting) => waiting.hold(output),
                    None => debug_assert!(false, "what is under way has a batch"),
                },
            }
        }
    }

    /// Takes what is to be kept.
    pub(super) fn admit_changes(&mut self, outbox: &mut Outbox) {
        for change in outbox.changes.drain(..) {
            // What is trimmed is told to nobody.
            let key = change.key().filter(|_| !matches!(change, Change::Trim { .. }));
            if let Some(key) = key {
                if self.dirty.get(key) != Some(&Batch::Gathering) {
                    self.dirty.insert(key.clone(), Batch::Gathering);
                }
            }
            self.gathering.bytes += change.footprint() + ITEM;
            self.gathering.changes.push(change);
        }
    }

    /// The changes that are to be committed next, as a whole; none if there are none, or while a
    /// commit is under way.
    pub(super) fn begin(&mut self) -> Option<Vec<Change>> {
        if self.under_way.is_some() || self.gathering.changes.is_empty() {
            return None;
        }
        let mut waiting = std::mem::take(&mut self.gathering);
        let changes = std::mem::take(&mut waiting.changes);
        for batch in self.dirty.values_mut() {
            *batch = Batch::UnderWay;
        }
        self.under_way = Some(waiting);
        Some(changes)
    }

    /// The commit that was under way is on the disk: what waited for it goes to `out`, and may be
    /// asked.
    pub(super) fn end(&mut self, out: &mut Vec<Output>) -> Vec<Read> {
        let Some(mut waiting) = self.under_way.take() else { return Vec::new() };
        self.dirty.retain(|_, batch| *batch == Batch::Gathering);
        out.append(&mut waiting.outputs);
        waiting.reads
    }

    /// Has a read wait until all that has changed in this channel so far is on the disk; gives it
    /// back if that is so.
    pub(super) fn hold_read(&mut self, key: &ChannelKey, read: Read) -> Option<Read> {
        let waiting = match (self.dirty.get(key), &mut self.under_way) {
            (Some(Batch::Gathering), _) => &mut self.gathering,
            (Some(Batch::UnderWay), Some(waiting)) => waiting,
            _ => return Some(read),
        };
        waiting.reads.push(read);
        None
    }

    /// Whether something isn't on the disk yet.
    pub(super) fn is_busy(&self) -> bool {
        self.under_way.is_some() || !self.gathering.changes.is_empty()
    }

    /// Whether no more may wait.
    pub(super) fn is_full(&self) -> bool {
        let under_way = self.under_way.as_ref().map_or(0, |waiting| waiting.bytes);
        self.gathering.bytes + under_way > WAITING_MAX
    }

    /// Whether what is told of this channel or user waits.
    pub(super) fn is_dirty(&self, key: &ChannelKey) -> bool {
        self.dirty.contains_key(key)
    }
}

impl Waiting {
    fn hold(&mut self, output: Output) {
        self.bytes += ITEM
            + match &output {
                Output::Reply { message, .. } => message.len(),
                Output::Event { to, message, .. } => message.len() + size_of_val(to.as_slice()),
                _ => 0,
            };
        self.outputs.push(output);
    }
}

/// The channel or user that an output tells of.
fn key_of(app: &AppId, output: &Output) -> Option<ChannelKey> {
    let lane = match output {
        Output::Reply { of, .. } => return of.clone(),
        Output::Event { lane, .. } | Output::LaneEnds { lane, .. } => lane,
        // In their place among the channel's messages.
        Output::Queue { of: Subscription::Channel(channel), .. }
        | Output::Replay { channel, .. }
        | Output::ReplayEnds { channel, .. } => {
            let (kind, name) = (ChannelKind::Message, channel.clone());
            return Some(ChannelKey { app: app.clone(), kind, name });
        }
        Output::TopicsEnd { .. } | Output::Queue { of: Subscription::Topic(..), .. } => {
            return None;
        }
    };
    let (kind, name) = match lane {
        LaneKey::Channel(kind, name) => (*kind, name),
        LaneKey::UserMetadata(name) => (ChannelKind::User, name),
        LaneKey::Control | LaneKey::Publication(..) => return None,
    };
    Some(ChannelKey { app: app.clone(), kind, name: name.clone() })
}
