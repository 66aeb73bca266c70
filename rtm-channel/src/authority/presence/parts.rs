//! Long news of presence, cut into events that every client takes.

use rtm_wire::{Encode, PresenceChange, PresentUser, State};

use crate::name::UserId;

/// Longest part of a snapshot or of an interval's news, in bytes and in users
/// (`rtm_wire::limits::LIST`). Longer is only a part with one user who alone shows more.
pub(super) const PART_MAX: usize = 32 * 1_024;
const PART_USERS_MAX: usize = 1_000;

/// Longest snapshot or interval in bytes, all parts together: it goes to a listener at once, and
/// has to fit its queue.
pub(super) const WHOLE_MAX: usize = 1_024 * 1_024;

/// What is told of one user; it isn't cut.
pub(super) struct Entry<'a> {
    pub(super) user: &'a UserId,
    /// Came, went or was lost.
    pub(super) change: Option<PresenceChange>,
    /// All that the user shows, if that is told.
    pub(super) shown: Option<Vec<State<'a>>>,
}

impl<'a> Entry<'a> {
    /// The user as others see it, if what it shows is told.
    pub(super) fn present(&self) -> Option<PresentUser<'_>> {
        let states = self.shown.as_deref().map(rtm_wire::List::Slice)?;
        Some(PresentUser { user: self.user.as_str(), states })
    }

    /// The name, if this is what has happened to the user.
    pub(super) fn if_has(&self, change: PresenceChange) -> Option<&'a str> {
        (self.change == Some(change)).then(|| self.user.as_str())
    }

    /// Bytes in the lists of an event.
    pub(super) fn len(&self) -> usize {
        let name = self.change.map_or(0, |_| self.user.as_str().encoded_len());
        name + self.present().map_or(0, |present| present.encoded_len())
    }
}

/// The entries of each part, of which one has `room` bytes; there is one part at least.
pub(super) fn split<'e, 'a>(entries: &'e [Entry<'a>], room: usize) -> Vec<&'e [Entry<'a>]> {
    let mut parts = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, entry) in entries.iter().enumerate() {
        let len = entry.len();
        let is_full = bytes + len > room || at - start >= PART_USERS_MAX;
        if is_full && at > start {
            parts.push(&entries[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += len;
    }
    parts.push(&entries[start..]);
    parts
}
