//! The view of one set of metadata (protocol §6.26).

use std::collections::{BTreeMap, BTreeSet};

use rtm_wire::{MetadataItem, Revision, StorageChange, StorageEvent, UnixTime};

use crate::item::Item;

/// Items, and bytes of keys and values, of the largest set that a view keeps.
pub const STORAGE_VIEW_ITEMS_MAX: usize = 4_096;
/// See [`STORAGE_VIEW_ITEMS_MAX`]; twice what the open preset allows.
pub const STORAGE_VIEW_LEN_MAX: usize = 2 * 1_024 * 1_024;

/// What to do with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageVerdict {
    /// Hand it to the user: [`StorageView::news`] says what has changed.
    Deliver,
    /// The rest of it is still to come; nothing has changed yet.
    Partial,
    /// It belongs to a former subscription, or has been told before.
    Stale,
    /// Something is missing. Subscribe again: nothing counts before the next snapshot.
    Lost,
    /// The set is larger than a view keeps. Read it page by page: nothing counts before the next
    /// snapshot.
    TooLarge,
}

/// The mirror of one set of metadata, for one subscription of one session.
///
/// Equal to the authority's truth at revision [`major`](Self::major), after each delivered event:
/// the parts of an event count together, when the last has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageView {
    /// None before the first snapshot, and when the set was lost.
    major: Option<Revision>,
    items: BTreeMap<Box<str>, Item>,
    /// Parts of an event whose last is still to come.
    pending: Option<Parts>,
    news: StorageNews,
}

/// What the last delivered event has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageNews {
    /// What was done; none before the first event.
    pub change: Option<StorageChange>,
    /// When.
    pub time: UnixTime,
    /// By whom; empty for a snapshot.
    pub author: Box<str>,
    /// Keys of the items that were written; for a snapshot all.
    pub written: Vec<Box<str>>,
    /// Keys of the items that were removed.
    pub removed: Vec<Box<str>>,
}

/// What has come of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    change: StorageChange,
    major: Revision,
    items: BTreeMap<Box<str>, Item>,
    removed: BTreeSet<Box<str>>,
    len: usize,
}

impl StorageView {
    /// A view that waits for its first snapshot.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an event.
    pub fn on_event(&mut self, event: &StorageEvent<'_>) -> StorageVerdict {
        let is_snapshot = event.change == StorageChange::Snapshot;
        let is_next_part =
            |parts: &Parts| parts.change == event.change && parts.major == event.major;
        let parts = match self.pending.take() {
            Some(parts) if is_next_part(&parts) => parts,
            Some(_) if !is_snapshot => return self.give_up(StorageVerdict::Lost),
            _ => match (is_snapshot, self.major) {
                (true, Some(known)) if event.major < known => return StorageVerdict::Stale,
                (false, None) => return StorageVerdict::Stale,
                (false, Some(known)) if event.major <= known => return StorageVerdict::Stale,
                (false, Some(known)) if event.major != known.next() => {
                    return self.give_up(StorageVerdict::Lost);
                }
                _ => Parts::new(event),
            },
        };
        let Some(parts) = parts.with(event) else {
            return self.give_up(StorageVerdict::TooLarge);
        };
        if event.has_more {
            self.pending = Some(parts);
            return StorageVerdict::Partial;
        }
        self.apply(event, parts)
    }

    /// The session is gone: the next snapshot begins anew.
    pub fn on_disconnected(&mut self) {
        *self = Self::default();
    }

    /// The set's revision; none before the first snapshot.
    #[must_use]
    pub const fn major(&self) -> Option<Revision> {
        self.major
    }

    /// All items, by key, as far as they are known.
    pub fn items(&self) -> impl Iterator<Item = MetadataItem<'_>> {
        self.items.iter().map(|(key, seen)| seen.as_item(key))
    }

    /// What the last delivered event has changed.
    #[must_use]
    pub const fn news(&self) -> &StorageNews {
        &self.news
    }

    fn apply(&mut self, event: &StorageEvent<'_>, parts: Parts) -> StorageVerdict {
        if parts.change == StorageChange::Snapshot {
            self.items.clear();
        }
        for key in &parts.removed {
            self.items.remove(key);
        }
        let written = parts.items.keys().cloned().collect();
        self.items.extend(parts.items);
        let len: usize = self.items().map(|item| item.key.len() + item.value.len()).sum();
        let is_too_much = self.items.len() > STORAGE_VIEW_ITEMS_MAX || len > STORAGE_VIEW_LEN_MAX;
        if is_too_much {
            return self.give_up(StorageVerdict::TooLarge);
        }
        self.major = Some(parts.major);
        self.news = StorageNews {
            change: Some(parts.change),
            time: event.time,
            author: event.author.into(),
            written,
            removed: parts.removed.into_iter().collect(),
        };
        StorageVerdict::Deliver
    }

    fn give_up(&mut self, verdict: StorageVerdict) -> StorageVerdict {
        *self = Self::default();
        verdict
    }
}

impl Parts {
    fn new(event: &StorageEvent<'_>) -> Self {
        let (items, removed) = (BTreeMap::new(), BTreeSet::new());
        Self { change: event.change, major: event.major, items, removed, len: 0 }
    }

    /// One part more; none if it is too much.
    fn with(mut self, event: &StorageEvent<'_>) -> Option<Self> {
        for item in event.items.iter() {
            self.len += item.key.len() + item.value.len();
            self.items.insert(item.key.into(), (&item).into());
            if self.is_too_much() {
                return None;
            }
        }
        for key in event.removed.iter() {
            self.len += key.len();
            self.removed.insert(key.into());
            if self.is_too_much() {
                return None;
            }
        }
        Some(self)
    }

    fn is_too_much(&self) -> bool {
        self.items.len() > STORAGE_VIEW_ITEMS_MAX
            || self.removed.len() > STORAGE_VIEW_ITEMS_MAX
            || self.len > STORAGE_VIEW_LEN_MAX
    }
}

#[cfg(test)]
mod tests {
    use rtm_wire::{ChannelKind, ChannelRef, List};

    use super::*;

    fn item<'a>(key: &'a str, value: &'a [u8], revision: u64) -> MetadataItem<'a> {
        let (revision, time) = (Revision(revision), UnixTime::default());
        MetadataItem { key, value, revision, time, author: "" }
    }

    fn event<'a>(
        change: StorageChange,
        major: u64,
        items: &'a [MetadataItem<'a>],
    ) -> StorageEvent<'a> {
        StorageEvent {
            target: ChannelRef { kind: ChannelKind::Message, name: "lobby" },
            change,
            major: Revision(major),
            time: UnixTime::from_millis(5),
            author: "bob",
            has_more: false,
            items: List::Slice(items),
            removed: List::default(),
        }
    }

    fn keys(view: &StorageView) -> Vec<&str> {
        view.items().map(|item| item.key).collect()
    }

    #[test]
    fn changes_count_after_a_snapshot_and_one_by_one() {
        let mut view = StorageView::new();
        let items = [item("a", b"1", 7)];
        let set = |major| event(StorageChange::Set, major, &items);
        assert_eq!(view.on_event(&set(8)), StorageVerdict::Stale);
        assert_eq!(view.on_event(&event(StorageChange::Snapshot, 7, &[])), StorageVerdict::Deliver);
        assert_eq!(view.on_event(&set(7)), StorageVerdict::Stale);
        assert_eq!(view.on_event(&set(8)), StorageVerdict::Deliver);
        assert_eq!(view.news().written, ["a".into()]);
        assert_eq!((&*view.news().author, view.news().time.as_millis()), ("bob", 5));
        let removed =
            StorageEvent { removed: List::Slice(&["a"]), ..event(StorageChange::Remove, 9, &[]) };
        assert_eq!(view.on_event(&removed), StorageVerdict::Deliver);
        assert_eq!((view.news().removed.len(), view.items().count()), (1, 0));
        assert_eq!(view.on_event(&event(StorageChange::Snapshot, 8, &[])), StorageVerdict::Stale);
        assert_eq!(view.on_event(&set(11)), StorageVerdict::Lost);
        assert_eq!(view.major(), None);
        assert_eq!(view.on_event(&set(12)), StorageVerdict::Stale, "until a snapshot comes");
        let snapshot = event(StorageChange::Snapshot, 12, &items);
        assert_eq!(view.on_event(&snapshot), StorageVerdict::Deliver);
        assert_eq!(view.on_event(&snapshot), StorageVerdict::Deliver, "asked for again");
        assert_eq!(view.items().next().map(|item| item.value), Some(&b"1"[..]));
    }

    #[test]
    fn parts_count_together_or_not_at_all() {
        let mut view = StorageView::new();
        let (first, last) = ([item("a", b"", 3)], [item("b", b"", 4)]);
        let part =
            |change, major, items| StorageEvent { has_more: true, ..event(change, major, items) };
        let snapshot = StorageChange::Snapshot;
        assert_eq!(view.on_event(&part(snapshot, 4, &first)), StorageVerdict::Partial);
        assert_eq!(keys(&view), [""; 0]);
        assert_eq!(view.on_event(&event(snapshot, 4, &last)), StorageVerdict::Deliver);
        assert_eq!(keys(&view), ["a", "b"]);
        let more = [item("c", b"", 5)];
        assert_eq!(view.on_event(&part(StorageChange::Set, 5, &more)), StorageVerdict::Partial);
        assert_eq!((keys(&view).len(), view.major()), (2, Some(Revision(4))));
        let next = event(StorageChange::Set, 6, &more);
        assert_eq!(view.on_event(&next), StorageVerdict::Lost, "the rest is missing");
        assert_eq!(view.major(), None);
    }

    #[test]
    fn a_view_has_limits() {
        let value = vec![0; 65_000];
        let mut view = StorageView::new();
        let snapshot = event(StorageChange::Snapshot, 1, &[]);
        assert_eq!(view.on_event(&snapshot), StorageVerdict::Deliver);
        let names: Vec<String> = (0..33).map(|number| format!("{number}")).collect();
        for (at, name) in names.iter().enumerate() {
            let items = [item(name, &value, 1)];
            let verdict = view.on_event(&event(StorageChange::Set, at as u64 + 2, &items));
            match at {
                ..32 => assert_eq!(verdict, StorageVerdict::Deliver, "{at}"),
                _ => assert_eq!(verdict, StorageVerdict::TooLarge),
            }
        }
        // In parts, and by number.
        let names: Vec<String> = (0..4_097).map(|number| format!("{number}")).collect();
        let items: Vec<_> = names.iter().map(|name| item(name, b"", 1)).collect();
        let rest = event(StorageChange::Snapshot, 50, &items[..4_096]);
        let first = StorageEvent { has_more: true, items: List::Slice(&items[4_096..]), ..rest };
        assert_eq!(view.on_event(&rest), StorageVerdict::Deliver);
        assert_eq!(view.on_event(&first), StorageVerdict::Partial);
        assert_eq!(view.on_event(&rest), StorageVerdict::TooLarge);
        assert_eq!(view, StorageView::new(), "nothing is kept");
    }
}
