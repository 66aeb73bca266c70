//! A set of metadata that is read page by page.

use rtm_channel::{STORAGE_VIEW_ITEMS_MAX, STORAGE_VIEW_LEN_MAX};
use rtm_wire::{Metadata as Page, Revision};

use super::command::MetadataTarget;
use crate::error::{Error, ErrorKind};
use crate::storage::{Metadata, MetadataItem, number};

/// How often a set that changes between its pages is begun anew.
const BEGINNINGS_MAX: u32 = 16;

/// The pages that have come so far, all of one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) target: MetadataTarget,
    /// Whether it is read for who follows it, and not for the application.
    pub(super) is_for_follower: bool,
    /// None before the first page.
    major: Option<Revision>,
    items: Vec<MetadataItem>,
    /// Bytes of keys and values.
    len: usize,
    after: String,
    beginnings: u32,
}

/// What a page gives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Another one is to be asked for.
    More,
    /// It was the last one.
    Done(Metadata),
}

impl Reading {
    pub(super) const fn new(target: MetadataTarget, is_for_follower: bool) -> Self {
        Self {
            target,
            is_for_follower,
            major: None,
            items: Vec::new(),
            len: 0,
            after: String::new(),
            beginnings: 0,
        }
    }

    /// The key after which to go on.
    pub(super) fn after(&self) -> &str {
        &self.after
    }

    /// Takes a page. One of another revision than those before it begins the set anew.
    ///
    /// # Errors
    /// The set changes too fast, is too large, or the server goes round in circles.
    pub(super) fn take(&mut self, page: &Page<'_>) -> Result<Progress, Error> {
        let is_first = self.after.is_empty();
        if !is_first && self.major != Some(page.major) {
            return self.begin_anew();
        }
        self.major = Some(page.major);
        for item in page.items.iter() {
            self.len += item.key.len() + item.value.len();
            self.items.push(MetadataItem::from_wire(&item));
        }
        if self.items.len() > STORAGE_VIEW_ITEMS_MAX || self.len > STORAGE_VIEW_LEN_MAX {
            let wrong = "the set is larger than is put together; read it page by page";
            return Err(Error::of(ErrorKind::LimitExceeded, wrong));
        }
        if page.next.is_empty() {
            let (major_revision, items) = (number(page.major), std::mem::take(&mut self.items));
            return Ok(Progress::Done(Metadata { major_revision, items }));
        }
        if page.next <= self.after.as_str() {
            let wrong = "the server's pages of metadata go round in circles";
            return Err(Error::of(ErrorKind::Protocol, wrong));
        }
        page.next.clone_into(&mut self.after);
        Ok(Progress::More)
    }

    fn begin_anew(&mut self) -> Result<Progress, Error> {
        self.beginnings += 1;
        if self.beginnings >= BEGINNINGS_MAX {
            let wrong = "the metadata changes faster than it can be read";
            return Err(Error::of(ErrorKind::OutdatedRevision, wrong));
        }
        (self.major, self.len) = (None, 0);
        self.items.clear();
        self.after.clear();
        Ok(Progress::More)
    }
}

#[cfg(test)]
mod tests {
    use rtm_channel::UserId;
    use rtm_wire::{List, MetadataItem as Item, UnixTime};

    use super::*;

    fn reading() -> Reading {
        Reading::new(MetadataTarget::User(UserId::new("bob").expect("a name")), false)
    }

    fn item(key: &str) -> Item<'_> {
        let time = UnixTime::default();
        Item { key, value: b"v", revision: Revision(1), time, author: "" }
    }

    fn page<'a>(major: u64, items: &'a [Item<'a>], next: &'a str) -> Page<'a> {
        Page { major: Revision(major), total: 9, items: List::Slice(items), next }
    }

    #[test]
    fn pages_of_one_revision_are_put_together() {
        let mut reading = reading();
        let (first, last) = ([item("a"), item("b")], [item("c")]);
        assert_eq!(reading.take(&page(5, &first, "b")).ok(), Some(Progress::More));
        assert_eq!(reading.after(), "b");
        let Ok(Progress::Done(metadata)) = reading.take(&page(5, &last, "")) else { panic!() };
        let keys: Vec<_> = metadata.items.iter().map(|item| item.key.as_str()).collect();
        assert_eq!((metadata.major_revision, keys), (5, vec!["a", "b", "c"]));
    }

    #[test]
    fn a_change_between_pages_begins_anew_and_not_for_ever() {
        let mut reading = reading();
        let items = [item("a")];
        for major in 1..16 {
            assert_eq!(reading.take(&page(2 * major, &items, "a")).ok(), Some(Progress::More));
            let changed = reading.take(&page(2 * major + 1, &items, ""));
            assert_eq!(changed.ok(), Some(Progress::More), "{major}");
            assert_eq!(reading.after(), "", "from the beginning");
        }
        assert_eq!(reading.take(&page(100, &items, "a")).ok(), Some(Progress::More));
        let error = reading.take(&page(101, &items, "")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutdatedRevision);
    }

    #[test]
    fn a_server_without_end_is_stopped() {
        let mut circles = reading();
        let items = [item("b")];
        assert_eq!(circles.take(&page(1, &items, "b")).ok(), Some(Progress::More));
        let error = circles.take(&page(1, &items, "b")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        let mut endless = reading();
        let names: Vec<_> = (0..5_000).map(|number| format!("{number:04}")).collect();
        let end = names.iter().position(|name| {
            endless
                .take(&page(1, &[item(name)], name))
                .is_err_and(|error| error.kind() == ErrorKind::LimitExceeded)
        });
        assert_eq!(end, Some(STORAGE_VIEW_ITEMS_MAX));
    }
}
