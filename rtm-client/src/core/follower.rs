//! Who follows a set of metadata: the view, and what the application is told.
//!
//! ```text
//!              snapshot              something is missing
//!   waiting ──────────────► following ───────────────────► reading
//!      ▲                       ▲ │ change: told               │ what was read is no older than
//!      │ session lost          └─┴────────────────────────────┘ all that was heard: a snapshot
//! ```
//!
//! Who follows a set anew in the same session begins with reading: parts of the former snapshot may
//! still come, on a lane of their own, and can't be told from the new one's.

use std::collections::BTreeSet;
use std::sync::Arc;

use rtm_channel::{StorageVerdict, StorageView};
use rtm_wire::{ChannelRef, List, Revision, StorageChange, StorageEvent as News, UnixTime};

use crate::storage::{Metadata, MetadataItem, MetadataItems, StorageEvent, number};

/// The set as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Follower {
    view: StorageView,
    /// The same for the application, which shares it.
    items: MetadataItems,
    /// Something is missing, and the set is being read: the newest revision that was heard of.
    reading: Option<Revision>,
    /// Nobody wants to hear of it.
    is_deaf: bool,
}

/// What follows from an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The application is told.
    Tell(StorageEvent),
    /// The whole set has to be read.
    Read,
    Nothing,
}

impl Follower {
    /// Of a set that was followed before in this session.
    pub(super) fn again() -> Self {
        Self { reading: Some(Revision(0)), ..Self::default() }
    }

    /// Of a set that nobody wants to hear of.
    pub(super) fn deaf() -> Self {
        Self { is_deaf: true, ..Self::default() }
    }

    /// Whether the set has to be read, or is being read.
    pub(super) const fn needs_reading(&self) -> bool {
        self.reading.is_some()
    }

    pub(super) fn on_event(&mut self, news: &News<'_>) -> Step {
        if self.is_deaf {
            return Step::Nothing;
        }
        if let Some(heard) = &mut self.reading {
            *heard = (*heard).max(news.major);
            return Step::Nothing;
        }
        let is_old = |known: Revision| news.major <= known;
        if news.change == StorageChange::Snapshot && self.view.major().is_some_and(is_old) {
            // Of a former subscription, or its own, which what was read has overtaken.
            return Step::Nothing;
        }
        match self.view.on_event(news) {
            StorageVerdict::Deliver => Step::Tell(self.event()),
            StorageVerdict::Lost => {
                self.reading = Some(news.major);
                Step::Read
            }
            StorageVerdict::TooLarge => {
                let target = news.target.name;
                tracing::warn!(target, "the set of metadata is too large to be followed");
                Step::Nothing
            }
            StorageVerdict::Partial | StorageVerdict::Stale => Step::Nothing,
        }
    }

    /// The set was read. What is older than something that was heard of meanwhile has to be read
    /// again.
    pub(super) fn on_read(&mut self, metadata: &Metadata) -> Step {
        let Some(heard) = self.reading else { return Step::Nothing };
        let major = Revision(u64::try_from(metadata.major_revision).unwrap_or(0));
        if major < heard {
            return Step::Read;
        }
        self.reading = None;
        let items: Vec<_> = metadata.items.iter().map(wire).collect();
        let snapshot = News {
            target: ChannelRef { kind: rtm_wire::ChannelKind::User, name: "" },
            change: StorageChange::Snapshot,
            major,
            time: UnixTime::default(),
            author: "",
            has_more: false,
            items: List::Slice(&items),
            removed: List::default(),
        };
        self.on_event(&snapshot)
    }

    /// The view has taken an event.
    fn event(&mut self) -> StorageEvent {
        let news = self.view.news();
        let written: BTreeSet<&str> = news.written.iter().map(|key| &**key).collect();
        let items = MetadataItems::new(self.view.items().map(|item| {
            match self.items.shared(item.key).filter(|_| !written.contains(item.key)) {
                Some(known) => Arc::clone(known),
                None => Arc::new(MetadataItem::from_wire(&item)),
            }
        }));
        let owned = |keys: &[Box<str>]| keys.iter().map(|key| String::from(&**key)).collect();
        let event = StorageEvent {
            change: news.change.unwrap_or(StorageChange::Snapshot).into(),
            author: (!news.author.is_empty()).then(|| String::from(&*news.author)),
            time_ms: news.time.as_millis(),
            major_revision: self.view.major().map_or(0, number),
            items: items.clone(),
            changed: owned(&news.written),
            removed: owned(&news.removed),
        };
        self.items = items;
        event
    }
}

fn wire(item: &MetadataItem) -> rtm_wire::MetadataItem<'_> {
    rtm_wire::MetadataItem {
        key: &item.key,
        value: &item.value,
        revision: Revision(u64::try_from(item.revision).unwrap_or(0)),
        time: UnixTime::from_millis(item.time_ms.unwrap_or(0)),
        author: item.author.as_deref().unwrap_or(""),
    }
}

#[cfg(test)]
mod tests {
    use rtm_wire::MetadataItem as Item;

    use super::*;

    fn item(key: &str, revision: u64) -> Item<'_> {
        let (revision, time) = (Revision(revision), UnixTime::from_millis(7));
        Item { key, value: b"v", revision, time, author: "alice" }
    }

    fn news<'a>(change: StorageChange, major: u64, items: &'a [Item<'a>]) -> News<'a> {
        News {
            target: ChannelRef { kind: rtm_wire::ChannelKind::Message, name: "lobby" },
            change,
            major: Revision(major),
            time: UnixTime::from_millis(9),
            author: "bob",
            has_more: false,
            items: List::Slice(items),
            removed: List::default(),
        }
    }

    fn told(step: Step) -> (i64, Vec<String>, StorageEvent) {
        let Step::Tell(event) = step else { panic!("{step:?}") };
        let keys = event.items.iter().map(|item| item.key.clone()).collect();
        (event.major_revision, keys, event)
    }

    #[test]
    fn each_event_has_the_whole_set_and_shares_what_is_unchanged() {
        let mut follower = Follower::default();
        let all = [item("a", 1), item("b", 2)];
        let (major, keys, first) = told(follower.on_event(&news(StorageChange::Snapshot, 2, &all)));
        assert_eq!((major, keys.len(), first.changed.len()), (2, 2, 2));
        let (major, keys, second) =
            told(follower.on_event(&news(StorageChange::Set, 3, &[item("b", 3)])));
        assert_eq!(
            (major, keys.join(" "), second.changed.join(" ")),
            (3, "a b".into(), "b".into())
        );
        assert_eq!(second.author.as_deref(), Some("bob"));
        let shared = |key| first.items.shared(key).zip(second.items.shared(key));
        let is_shared = |key| shared(key).is_some_and(|(one, other)| Arc::ptr_eq(one, other));
        assert_eq!((is_shared("a"), is_shared("b")), (true, false));
        assert_eq!(second.items.get("b").map(|item| item.revision), Some(3));
        let remove = News { removed: List::Slice(&["a"]), ..news(StorageChange::Remove, 4, &[]) };
        let (_, keys, event) = told(follower.on_event(&remove));
        assert_eq!((keys, event.removed), (vec!["b".to_owned()], vec!["a".to_owned()]));
    }

    #[test]
    fn who_follows_again_is_not_misled_by_the_rest_of_a_former_snapshot() {
        let mut follower = Follower::again();
        assert!(follower.needs_reading());
        let (rest, all) = ([item("b", 2)], [item("a", 1), item("b", 2)]);
        let snapshot = |items| news(StorageChange::Snapshot, 2, items);
        assert_eq!(follower.on_event(&snapshot(&rest)), Step::Nothing);
        let items = ["a", "b"].map(|key| MetadataItem::new(key, "v").revision(1));
        let read = Metadata { major_revision: 2, items: items.to_vec() };
        let (major, keys, _) = told(follower.on_read(&read));
        assert_eq!((major, keys.join(" ")), (2, "a b".into()));
        for late in [&rest[..], &all] {
            assert_eq!(follower.on_event(&snapshot(late)), Step::Nothing);
        }
        let set = news(StorageChange::Set, 3, &rest);
        assert_eq!(told(follower.on_event(&set)).1.join(" "), "a b");
    }

    #[test]
    fn what_is_missing_is_read_until_nothing_newer_is_known() {
        let mut follower = Follower::default();
        told(follower.on_event(&news(StorageChange::Snapshot, 1, &[])));
        assert_eq!(follower.on_event(&news(StorageChange::Set, 3, &[item("b", 3)])), Step::Read);
        let later = [item("c", 5)];
        let next = news(StorageChange::Set, 5, &later);
        assert_eq!(follower.on_event(&next), Step::Nothing);
        let read = |major_revision| Metadata {
            major_revision,
            items: vec![MetadataItem::new("b", "v").revision(3)],
        };
        assert_eq!(follower.on_read(&read(4)), Step::Read, "5 was heard of");
        let (major, keys, event) = told(follower.on_read(&read(5)));
        assert_eq!((major, keys), (5, vec!["b".to_owned()]));
        assert_eq!(event.change, crate::storage::StorageChange::Snapshot);
        assert_eq!(follower.on_read(&read(9)), Step::Nothing, "nobody waits for it");
        let (major, ..) = told(follower.on_event(&news(StorageChange::Set, 6, &[item("d", 6)])));
        assert_eq!(major, 6);
    }
}
