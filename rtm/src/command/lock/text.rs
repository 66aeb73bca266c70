//! Locks as lines for people, or as JSON Lines.

use rtm_client::{ChannelId, LockChange, LockDetail, LockEvent, OwnedLock};
use serde::Serialize;

use crate::output::{json, kind};

/// How the locks of a channel are shown.
#[derive(Debug)]
pub(super) struct Texts {
    kind: &'static str,
    channel: String,
    json: bool,
}

#[derive(Serialize)]
struct Lock<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    ttl_s: u64,
    token: u64,
}

#[derive(Serialize)]
struct All<'a> {
    kind: &'a str,
    channel: &'a str,
    locks: Vec<Lock<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    kind: &'a str,
    channel: &'a str,
    change: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
    time_ms: u64,
    locks: Vec<Lock<'a>>,
}

impl Texts {
    pub(super) fn new(channel: &ChannelId, json: bool) -> Self {
        Self { kind: kind(channel), channel: channel.name().to_owned(), json }
    }

    /// All locks of the channel.
    pub(super) fn locks(&self, locks: &[LockDetail]) -> Vec<u8> {
        if self.json {
            let (kind, channel) = (self.kind, self.channel.as_str());
            return json(&All { kind, channel, locks: locks.iter().map(lock).collect() });
        }
        locks.iter().map(line).collect::<String>().into_bytes()
    }

    /// What the command has got.
    pub(super) fn acquired(&self, own: &OwnedLock) -> Vec<u8> {
        let (name, ttl_s, token) = (own.name.as_str(), own.ttl.as_secs(), own.token);
        match self.json {
            true => json(&Lock { name, owner: None, ttl_s, token }),
            false => format!("{token}\n").into_bytes(),
        }
    }

    /// A change, or the locks that changes begin with.
    pub(super) fn event(&self, event: &LockEvent) -> Vec<u8> {
        let change = name_of(event.change);
        if self.json {
            return json(&Change {
                kind: self.kind,
                channel: &self.channel,
                change,
                actor: event.actor.as_deref(),
                time_ms: event.time_ms,
                locks: event.locks.iter().map(lock).collect(),
            });
        }
        let by = event.actor.as_deref().map_or(String::new(), |actor| format!(" by {actor}"));
        let lines: String = event.locks.iter().map(line).collect();
        format!("{change}{by}\n{lines}").into_bytes()
    }
}

fn name_of(change: LockChange) -> &'static str {
    match change {
        LockChange::Snapshot => "snapshot",
        LockChange::Set => "set",
        LockChange::Removed => "removed",
        LockChange::Acquired => "acquired",
        LockChange::Released => "released",
        LockChange::Expired => "expired",
        _ => "other",
    }
}

fn lock(detail: &LockDetail) -> Lock<'_> {
    let LockDetail { name, owner, ttl, token, .. } = detail;
    Lock { name, owner: owner.as_deref(), ttl_s: ttl.as_secs(), token: *token }
}

/// Names may have spaces, so that tabs are between them.
fn line(detail: &LockDetail) -> String {
    let Lock { name, owner, ttl_s, token } = lock(detail);
    format!("{name}\t{}\t{ttl_s}\t{token}\n", owner.unwrap_or_default())
}
