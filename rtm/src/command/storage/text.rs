//! Metadata as lines for people, or as JSON Lines.

use rtm_client::{Metadata, MetadataItem, StorageChange, StorageEvent};
use serde::Serialize;

use crate::output::json;

/// How the metadata of a channel or user are shown.
#[derive(Debug)]
pub(super) struct Texts {
    kind: &'static str,
    name: String,
    json: bool,
}

#[derive(Serialize)]
struct Item<'a> {
    key: &'a str,
    /// Text, if it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    /// Else its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    value_hex: Option<String>,
    revision: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_ms: Option<u64>,
}

#[derive(Serialize)]
struct Set<'a> {
    kind: &'a str,
    name: &'a str,
    major_revision: i64,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    kind: &'a str,
    name: &'a str,
    change: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<&'a str>,
    time_ms: u64,
    major_revision: i64,
    changed: &'a [String],
    removed: &'a [String],
    items: Vec<Item<'a>>,
}

impl Texts {
    pub(super) fn new(kind: &'static str, name: &str, json: bool) -> Self {
        Self { kind, name: name.to_owned(), json }
    }

    /// A set.
    pub(super) fn metadata(&self, metadata: &Metadata) -> Vec<u8> {
        if self.json {
            return json(&Set {
                kind: self.kind,
                name: &self.name,
                major_revision: metadata.major_revision,
                items: metadata.items.iter().map(item).collect(),
            });
        }
        let mut text = Vec::new();
        metadata.items.iter().for_each(|item| line(&mut text, item));
        text
    }

    /// A change, or the set that changes begin with.
    pub(super) fn event(&self, event: &StorageEvent) -> Vec<u8> {
        if self.json {
            return json(&Change {
                kind: self.kind,
                name: &self.name,
                change: name_of(event.change),
                author: event.author.as_deref(),
                time_ms: event.time_ms,
                major_revision: event.major_revision,
                changed: &event.changed,
                removed: &event.removed,
                items: event.items.iter().map(item).collect(),
            });
        }
        let author = event.author.as_deref().map_or(String::new(), |it| format!(" by {it}"));
        let (what, major) = (name_of(event.change), event.major_revision);
        let mut text = format!("{what} {major}{author}\n").into_bytes();
        let changed = event.changed.iter().filter_map(|key| event.items.get(key));
        changed.for_each(|item| line(&mut text, item));
        event.removed.iter().for_each(|key| text.extend(format!("-{key}\n").into_bytes()));
        text
    }
}

fn name_of(change: StorageChange) -> &'static str {
    match change {
        StorageChange::Snapshot => "snapshot",
        StorageChange::Set => "set",
        StorageChange::Update => "update",
        StorageChange::Remove => "remove",
        _ => "other",
    }
}

fn item(item: &MetadataItem) -> Item<'_> {
    let value = std::str::from_utf8(&item.value).ok();
    let hex = || item.value.iter().map(|byte| format!("{byte:02x}")).collect();
    Item {
        key: &item.key,
        value,
        value_hex: if value.is_none() { Some(hex()) } else { None },
        revision: item.revision,
        author: item.author.as_deref(),
        time_ms: item.time_ms,
    }
}

fn line(text: &mut Vec<u8>, item: &MetadataItem) {
    text.extend(item.key.as_bytes());
    text.push(b'=');
    text.extend(&item.value[..]);
    text.push(b'\n');
}
