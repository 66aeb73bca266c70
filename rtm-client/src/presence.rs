//! Who is in a channel.

use rtm_channel::PresenceView;
use rtm_wire::{List, PresenceChange as Change, PresenceEvent as News};

/// News of who is in a message or stream channel.
///
/// Who asks for presence gets a snapshot first, and another one after each loss of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PresenceEvent {
    /// What has happened.
    pub change: PresenceChange,
    /// How many users are there.
    pub total: u64,
    /// When the server saw it: milliseconds since 1970, of the server's clock.
    pub time_ms: u64,
}

/// What has happened to users in a channel; names as in RTM 2.x.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PresenceChange {
    /// All who are there, this client's user included unless it is quiet. Replaces what was known.
    /// In a channel of many the first 512 by name; [`PresenceEvent::total`] counts all.
    Snapshot(Vec<String>),
    /// What has happened since the last event, in a channel of so many that not each change is
    /// told at once (more than 50).
    Interval {
        /// Who came.
        joined: Vec<String>,
        /// Who went.
        left: Vec<String>,
        /// Who was lost for too long.
        timed_out: Vec<String>,
    },
    /// A user came.
    Joined(String),
    /// A user went.
    Left(String),
    /// A user was lost, and has not come back within its presence timeout. It may be this client's
    /// own, which was out of reach for so long.
    TimedOut(String),
    /// Nothing is told of this channel.
    OutOfService,
    /// Something that this version has no name for; only [`PresenceEvent::total`] counts.
    Other,
}

impl PresenceEvent {
    /// `view` has taken `news`.
    pub(crate) fn new(news: &News<'_>, view: &PresenceView) -> Self {
        let owned = |users: List<'_, &str>| users.iter().map(str::to_owned).collect::<Vec<_>>();
        let one = |users: List<'_, &str>| users.iter().next().map(str::to_owned);
        let change = match news.change {
            Change::Snapshot => PresenceChange::Snapshot(view.users().map(str::to_owned).collect()),
            Change::Interval => PresenceChange::Interval {
                joined: owned(news.joined),
                left: owned(news.left),
                timed_out: owned(news.timed_out),
            },
            Change::Joined => {
                one(news.joined).map_or(PresenceChange::Other, PresenceChange::Joined)
            }
            Change::Left => one(news.left).map_or(PresenceChange::Other, PresenceChange::Left),
            Change::TimedOut => {
                one(news.timed_out).map_or(PresenceChange::Other, PresenceChange::TimedOut)
            }
            Change::OutOfService => PresenceChange::OutOfService,
            _ => PresenceChange::Other,
        };
        Self { change, total: news.total, time_ms: news.time.as_millis() }
    }
}
