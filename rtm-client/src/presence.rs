//! Who is in a channel, and what they show.

use std::collections::BTreeMap;

use rtm_wire::{List, PresenceChange as Change, PresenceEvent as News};

use crate::channel_id::ChannelId;

/// News of who is in a message or stream channel, and of what they show.
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
///
/// ```
/// use rtm_client::{PresenceChange, PresenceEvent};
///
/// fn tell(event: &PresenceEvent) {
///     match &event.change {
///         PresenceChange::Snapshot(users) => println!("{} of {}", users.len(), event.total),
///         PresenceChange::Joined(user) => println!("+{user}"),
///         PresenceChange::Left(user) | PresenceChange::TimedOut(user) => println!("-{user}"),
///         PresenceChange::Interval { joined, left, timed_out, .. } => {
///             println!("+{joined:?} -{left:?} -{timed_out:?}");
///         }
///         _ => {}
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PresenceChange {
    /// All who are there, and what they show; this client's user included unless it is quiet.
    /// Replaces what was known. In a channel of many the first 512 by name;
    /// [`PresenceEvent::total`] counts all.
    Snapshot(Vec<UserState>),
    /// What has happened since the last event, in a channel of so many that not each change is
    /// told at once (more than 50).
    Interval {
        /// Who came.
        joined: Vec<String>,
        /// Who went.
        left: Vec<String>,
        /// Who was lost for too long.
        timed_out: Vec<String>,
        /// Who shows something else now, those who came included; with all that they show.
        changed: Vec<UserState>,
    },
    /// A user came. It shows nothing yet.
    Joined(String),
    /// A user went.
    Left(String),
    /// A user was lost, and has not come back within its presence timeout. It may be this client's
    /// own, which was out of reach for so long.
    TimedOut(String),
    /// A user shows something else: all that it shows now, not only what has changed.
    StateChanged(UserState),
    /// Nothing is told of this channel.
    OutOfService,
    /// Something that this version has no name for; only [`PresenceEvent::total`] counts.
    Other,
}

/// What a user shows in a channel.
///
/// ```
/// use rtm_client::UserState;
///
/// fn tell(user: &UserState) {
///     println!("{} is {:?}", user.user, user.states.get("mood"));
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserState {
    /// The user.
    pub user: String,
    /// The states, by key.
    pub states: BTreeMap<String, String>,
    /// Keys of states that can't be read: sealed with another key than this client's
    /// [`Encryption`](crate::Encryption), not sealed although they should be, or no text.
    pub unreadable: Vec<String>,
}

impl UserState {
    /// A user who shows nothing.
    pub fn new(user: impl Into<String>) -> Self {
        Self { user: user.into(), ..Self::default() }
    }
}

/// What to be told of those who are in a channel. Default: their names, the first page.
///
/// ```
/// use rtm_client::OnlineUsersOptions;
///
/// let names_and_states = OnlineUsersOptions::new().states(true).limit(20);
/// let number_only = OnlineUsersOptions::new().user_ids(false);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "options do nothing until they are handed over"]
pub struct OnlineUsersOptions {
    pub(crate) user_ids: bool,
    pub(crate) states: bool,
    pub(crate) limit: u64,
    pub(crate) page: String,
}

impl Default for OnlineUsersOptions {
    fn default() -> Self {
        Self { user_ids: true, states: false, limit: 0, page: String::new() }
    }
}

impl OnlineUsersOptions {
    /// Names only, from the beginning, as many as the server gives on one page.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether to name users. Without, only the total is told. Default: yes.
    pub const fn user_ids(mut self, wanted: bool) -> Self {
        self.user_ids = wanted;
        self
    }

    /// Whether to tell what users show; needs their names. Default: no.
    pub const fn states(mut self, wanted: bool) -> Self {
        self.states = wanted;
        self
    }

    /// Users on a page at most. Default: as many as the server gives (100).
    pub const fn limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// The page that follows another one: its [`OnlineUsers::next_page`]. Default: the first.
    pub fn page(mut self, page: impl Into<String>) -> Self {
        self.page = page.into();
        self
    }
}

/// Who is in a channel: one page of them, by name.
///
/// ```
/// use rtm_client::OnlineUsers;
///
/// fn tell(page: &OnlineUsers) {
///     println!("{} of {}, more: {}", page.users.len(), page.total, page.next_page.is_some());
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OnlineUsers {
    /// How many are there, those of other pages included.
    pub total: u64,
    /// Those on this page; with states if they were asked for.
    pub users: Vec<UserState>,
    /// What the next page is asked for with; `None` if this is the last. Who stays in the channel
    /// all the while is on exactly one page.
    pub next_page: Option<String>,
}

/// Where a user is.
///
/// ```
/// use rtm_client::UserChannels;
///
/// fn tell(found: &UserChannels) {
///     println!("in {} channels: {:?}", found.total, found.channels);
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserChannels {
    /// How many channels it is in.
    pub total: u64,
    /// Which; of very many, the first.
    pub channels: Vec<ChannelId>,
}

impl PresenceEvent {
    /// `users` are those that `news` is about, or all for a snapshot, with what they show.
    pub(crate) fn new(news: &News<'_>, users: Vec<UserState>) -> Self {
        let owned = |users: List<'_, &str>| users.iter().map(str::to_owned).collect::<Vec<_>>();
        let one = |users: List<'_, &str>| users.iter().next().map(str::to_owned);
        let change = match news.change {
            Change::Snapshot => PresenceChange::Snapshot(users),
            Change::Interval => PresenceChange::Interval {
                joined: owned(news.joined),
                left: owned(news.left),
                timed_out: owned(news.timed_out),
                changed: users,
            },
            Change::Joined => {
                one(news.joined).map_or(PresenceChange::Other, PresenceChange::Joined)
            }
            Change::Left => one(news.left).map_or(PresenceChange::Other, PresenceChange::Left),
            Change::TimedOut => {
                one(news.timed_out).map_or(PresenceChange::Other, PresenceChange::TimedOut)
            }
            Change::StateChanged => {
                let user = users.into_iter().next();
                user.map_or(PresenceChange::Other, PresenceChange::StateChanged)
            }
            Change::OutOfService => PresenceChange::OutOfService,
            _ => PresenceChange::Other,
        };
        Self { change, total: news.total, time_ms: news.time.as_millis() }
    }
}
