//! Names of channels or users, some of them for all that begin so.

use std::collections::{BTreeMap, BTreeSet};

/// Stands at the end of a name for any characters; no name of a channel or user has it.
const ANY: char = '*';

/// A set of names and beginnings of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    whole: BTreeSet<String>,
    /// Beginnings, with what they were listed as.
    beginnings: BTreeMap<String, String>,
}

impl Names {
    /// Adds a name; with `*` at its end, all that begin so.
    pub(super) fn insert(&mut self, name: &str) {
        match name.strip_suffix(ANY) {
            Some(beginning) => {
                self.beginnings.insert(beginning.to_owned(), name.to_owned());
            }
            None => {
                self.whole.insert(name.to_owned());
            }
        }
    }

    /// Whether a name, or a beginning of it, is there.
    pub(super) fn contains(&self, name: &str) -> bool {
        let mut ends = 0..=name.len();
        self.whole.contains(name)
            || !self.beginnings.is_empty()
                && ends
                    .any(|end| name.get(..end).is_some_and(|it| self.beginnings.contains_key(it)))
    }

    /// All of them, as they were added.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.whole.iter().chain(self.beginnings.values()).map(String::as_str)
    }
}
