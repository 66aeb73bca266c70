//! Presence as objects, one a line.

use std::collections::BTreeMap;

use rtm_client::{ChannelId, PresenceChange, PresenceEvent, UserState};
use serde::Serialize;

use crate::output::{json, kind};

#[derive(Serialize)]
struct User<'a> {
    user: &'a str,
    states: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unreadable: &'a [String],
}

#[derive(Serialize)]
struct Channel<'a> {
    kind: &'a str,
    channel: &'a str,
}

#[derive(Default, Serialize)]
struct Event<'a> {
    change: &'a str,
    total: u64,
    time_ms: u64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    joined: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    left: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    timed_out: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    users: Vec<User<'a>>,
}

pub(super) fn user(user: &UserState) -> Vec<u8> {
    json(&User::from(user))
}

pub(super) fn channel(channel: &ChannelId) -> Vec<u8> {
    json(&Channel { kind: kind(channel), channel: channel.name() })
}

/// `None` for what has no name.
pub(super) fn event(event: &PresenceEvent) -> Option<Vec<u8>> {
    let one = std::slice::from_ref::<String>;
    let base = Event { total: event.total, time_ms: event.time_ms, ..Event::default() };
    let event = match &event.change {
        PresenceChange::Snapshot(all) => {
            Event { change: "snapshot", users: all.iter().map(User::from).collect(), ..base }
        }
        PresenceChange::Interval { joined, left, timed_out, changed } => Event {
            change: "interval",
            joined,
            left,
            timed_out,
            users: changed.iter().map(User::from).collect(),
            ..base
        },
        PresenceChange::Joined(user) => Event { change: "joined", joined: one(user), ..base },
        PresenceChange::Left(user) => Event { change: "left", left: one(user), ..base },
        PresenceChange::TimedOut(user) => {
            Event { change: "timed out", timed_out: one(user), ..base }
        }
        PresenceChange::StateChanged(user) => {
            Event { change: "state changed", users: vec![User::from(user)], ..base }
        }
        _ => return None,
    };
    Some(json(&event))
}

impl<'a> From<&'a UserState> for User<'a> {
    fn from(user: &'a UserState) -> Self {
        Self { user: &user.user, states: &user.states, unreadable: &user.unreadable }
    }
}
