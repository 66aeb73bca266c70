//! Metadata on standard output.

use std::io::{self, Write};

use rtm_client::{Metadata, MetadataItem, StorageChange, StorageEvent};
use serde::Serialize;

use crate::failure::Failure;

/// Prints sets and changes, as lines for people or as JSON Lines.
#[derive(Debug)]
pub(super) struct Printer {
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

impl Printer {
    pub(super) fn new(kind: &'static str, name: &str, json: bool) -> Self {
        Self { kind, name: name.to_owned(), json }
    }

    /// A set.
    pub(super) fn metadata(&self, metadata: &Metadata) -> io::Result<()> {
        let mut text = Vec::new();
        if self.json {
            let set = Set {
                kind: self.kind,
                name: &self.name,
                major_revision: metadata.major_revision,
                items: metadata.items.iter().map(item).collect(),
            };
            serde_json::to_writer(&mut text, &set)?;
            text.push(b'\n');
        } else {
            metadata.items.iter().for_each(|item| line(&mut text, item));
        }
        print(&text)
    }

    /// A change, or the set that changes begin with.
    pub(super) fn event(&self, event: &StorageEvent) -> io::Result<()> {
        let mut text = Vec::new();
        if self.json {
            let change = Change {
                kind: self.kind,
                name: &self.name,
                change: name_of(event.change),
                author: event.author.as_deref(),
                time_ms: event.time_ms,
                major_revision: event.major_revision,
                changed: &event.changed,
                removed: &event.removed,
                items: event.items.iter().map(item).collect(),
            };
            serde_json::to_writer(&mut text, &change)?;
            text.push(b'\n');
        } else {
            let author = event.author.as_deref().map_or(String::new(), |it| format!(" by {it}"));
            let (what, major) = (name_of(event.change), event.major_revision);
            text.extend(format!("{what} {major}{author}\n").into_bytes());
            let changed = event.changed.iter().filter_map(|key| event.items.get(key));
            changed.for_each(|item| line(&mut text, item));
            event.removed.iter().for_each(|key| text.extend(format!("-{key}\n").into_bytes()));
        }
        print(&text)
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

/// All of it, for all to see.
fn print(text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    out.flush()
}

/// Whether nobody reads the output any more, which is no failure: `rtm storage watch … | head`.
pub(super) fn is_closed(result: io::Result<()>) -> Result<bool, Failure> {
    match result {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(true),
        Err(error) => Err(error.into()),
    }
}
