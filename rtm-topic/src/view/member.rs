//! Roles in a stream channel, as the view knows them.

use bytes::Bytes;
use rtm_wire::{Delivery, Position, Sequence, SubscribeOptions, UnixTime};

use super::subscription::Publication;

/// Where a membership is in its life.
///
/// ```text
///           join              on_joined            leave
///   Idle ─────────► Joining ───────────► Joined ─────────► Leaving
///    ▲               │  ▲                  │                  │
///    ├─ on_refused ──┘  └──── rejoin ──────┤ on_disconnected  │
///    │                        Lost ◄───────┘                  │
///    └──────────────────── on_left / on_disconnected ─────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// Not a member.
    Idle,
    /// Asked for.
    Joining(SubscribeOptions),
    /// A member.
    Joined(SubscribeOptions),
    /// The session was lost; to be joined again.
    Lost(SubscribeOptions),
    /// The end is asked for.
    Leaving,
}

/// Somebody who publishes in a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublisherInfo {
    /// Which of the user's publications in this topic.
    pub publication: Sequence,
    /// Since when.
    pub since: UnixTime,
    /// How messages travel.
    pub delivery: Delivery,
    /// What the publisher shows.
    pub meta: Bytes,
    /// Messages up to here belong to a subscription that has ended.
    pub(super) over: Sequence,
}

/// Where an own publication is in its life.
///
/// ```text
///              join_topic             on_topic_joined            leave_topic
///   (absent) ─────────────► Joining ───────────────────► Joined ─────────────► Leaving
///      ▲                     │   ▲                         │                      │
///      ├── not succeeded ────┘   └──── on_disconnected ────┘                      │
///      └──────────────────── on_topic_left / on_disconnected ─────────────────────┘
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublisherState {
    /// Asked for, or lost with the session and to be asked for again.
    Joining(Delivery, Bytes),
    /// A publisher.
    Joined(Delivery, Bytes),
    /// The end is asked for.
    Leaving,
}

impl PublisherInfo {
    /// The publication, as the channel's present owner numbers it.
    pub(super) fn publication<'a>(&self, user: &'a str, channel: Position) -> Publication<'a> {
        let at = Position { sequence: self.publication, ..channel };
        Publication { user, at, delivery: Some(self.delivery) }
    }
}

impl PublisherState {
    /// What the publication was asked for with, while it is wanted.
    #[must_use]
    pub const fn wanted(&self) -> Option<(Delivery, &Bytes)> {
        match self {
            Self::Joining(delivery, meta) | Self::Joined(delivery, meta) => Some((*delivery, meta)),
            Self::Leaving => None,
        }
    }
}
