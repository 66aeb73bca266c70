//! What the core is asked for, and what it gives.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use rtm_channel::{ChannelName, UserId};
use rtm_session::{CREDIT_PER_MESSAGE, SessionId};
use rtm_topic::TopicName;
use rtm_wire::{LaneId, QueuePolicy};

use crate::channel_id::ChannelId;
use crate::error::Error;
use crate::history::{HistoryMessages, HistoryOptions};
use crate::limits::ServerLimits;
use crate::link::{LinkEvent, StreamLinkEvent, TokenEvent};
use crate::lock::{LockDetail, LockOptions, OwnedLock};
use crate::message::{ChannelEvent, Published, TopicEvent};
use crate::options::{JoinOptions, PublishOptions, SubscribeOptions, TopicOptions};
use crate::presence::{OnlineUsers, OnlineUsersOptions, UserChannels, UserState};
use crate::storage::{
    Metadata, MetadataItem, MetadataOptions, MetadataPage, Stored, UserMetadataEvent,
};
use crate::stream::{Publication, StreamEvent, SubscribedUsers};

/// Names a subscription, membership or publication between the core and who drives it. The driver
/// chooses it, and never twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandleId(pub u64);

/// Where a message goes.
#[derive(Clone, Debug)]
pub enum Target {
    /// To a message channel.
    Channel(ChannelName),
    /// To a user.
    User(UserId),
    /// To the topic of this publication.
    Topic(HandleId),
}

/// What the core is asked for. Where `users` is `None`, everybody is meant.
#[derive(Clone, Debug)]
pub enum Command {
    /// Log in at the first server that answers.
    Login {
        /// Proof that the user may.
        token: String,
        /// The server's addresses; the first of each family is tried.
        servers: Vec<SocketAddr>,
    },
    /// The server's name has these addresses now: for the next attempts to come back.
    Servers(Vec<SocketAddr>),
    /// Log in with this token from now on, and live as long as it.
    RenewToken(String),
    /// Join a stream channel with this token from now on.
    RenewChannelToken {
        /// Which.
        channel: ChannelName,
        /// Proof that the user may.
        token: String,
    },
    /// Say good-bye, in an orderly way.
    Logout,
    /// Subscribe to a message channel.
    Subscribe {
        /// Which.
        channel: ChannelName,
        /// What to hear of.
        options: SubscribeOptions,
        /// Names the subscription.
        handle: HandleId,
    },
    /// End the subscription to a message channel.
    Unsubscribe {
        /// Which.
        channel: ChannelName,
    },
    /// Receive messages for this user.
    OpenInbox {
        /// Names the subscription.
        handle: HandleId,
    },
    /// Publish a message.
    Publish {
        /// Where to.
        target: Target,
        /// The message.
        payload: Bytes,
        /// How.
        options: PublishOptions,
    },
    /// Join a stream channel.
    Join {
        /// Which.
        channel: ChannelName,
        /// How.
        options: JoinOptions,
        /// Names the receiver of events.
        handle: HandleId,
    },
    /// Leave a stream channel.
    Leave {
        /// Which.
        channel: ChannelName,
    },
    /// List who publishes what in a stream channel.
    Topics {
        /// Which.
        channel: ChannelName,
    },
    /// Show something in a channel; kept until it is joined.
    SetStates {
        /// Where.
        channel: ChannelId,
        /// Keys and values.
        states: Vec<(String, String)>,
    },
    /// Show it no more.
    RemoveStates {
        /// Where.
        channel: ChannelId,
        /// What; everything if it is empty.
        keys: Vec<String>,
    },
    /// Ask what a user shows in a channel.
    GetStates {
        /// Where.
        channel: ChannelId,
        /// Who.
        user: String,
    },
    /// Ask who is in a channel.
    OnlineUsers {
        /// Which.
        channel: ChannelId,
        /// What to be told.
        options: OnlineUsersOptions,
    },
    /// Ask which channels a user is in.
    UserChannels {
        /// Who.
        user: String,
    },
    /// Begin a publication.
    JoinTopic {
        /// The stream channel.
        channel: ChannelName,
        /// Its topic.
        topic: TopicName,
        /// How.
        options: TopicOptions,
        /// Names the publication.
        handle: HandleId,
    },
    /// End a publication, once its messages are answered.
    LeaveTopic {
        /// Which.
        handle: HandleId,
    },
    /// Subscribe to a topic.
    SubscribeTopic {
        /// The stream channel.
        channel: ChannelName,
        /// Its topic.
        topic: TopicName,
        /// Whose messages.
        users: Option<Vec<UserId>>,
        /// What becomes of messages that come too fast.
        queue: QueuePolicy,
        /// Names the subscription.
        handle: HandleId,
    },
    /// Hear more publishers of a subscribed topic.
    AddPublishers {
        /// The subscription.
        handle: HandleId,
        /// Whose messages.
        users: Option<Vec<UserId>>,
    },
    /// Hear these publishers of a subscribed topic no more.
    RemovePublishers {
        /// The subscription.
        handle: HandleId,
        /// Whose messages.
        users: Vec<UserId>,
    },
    /// End the subscription to a topic.
    UnsubscribeTopic {
        /// The subscription.
        handle: HandleId,
    },
    /// List whose messages of a topic are heard.
    SubscribedUsers {
        /// The stream channel.
        channel: ChannelName,
        /// Its topic.
        topic: TopicName,
    },
    /// Write items of a set of metadata, all of them or none.
    WriteMetadata {
        /// Whose set.
        target: MetadataTarget,
        /// What is done.
        kind: WriteKind,
        /// To which items; none to remove the whole set.
        items: Vec<MetadataItem>,
        /// How.
        options: MetadataOptions,
    },
    /// Read a whole set of metadata.
    ReadMetadata {
        /// Whose set.
        target: MetadataTarget,
    },
    /// Read one page of a set of metadata.
    ReadMetadataPage {
        /// Whose set.
        target: MetadataTarget,
        /// Items at most; 0 for as many as the server gives.
        limit: u64,
        /// The key after which to go on; empty to begin.
        after: String,
    },
    /// Read a part of a history.
    GetMessages {
        /// Of which message channel; of this user, if there is none.
        channel: Option<ChannelName>,
        /// Which part.
        options: HistoryOptions,
    },
    /// Hear of a user's metadata.
    SubscribeUserMetadata {
        /// Whose.
        user: UserId,
        /// Names the subscription.
        handle: HandleId,
    },
    /// Hear of a user's metadata no more.
    UnsubscribeUserMetadata {
        /// Whose.
        user: UserId,
    },
    /// Do something with a lock.
    Lock {
        /// In which channel.
        channel: ChannelId,
        /// Its name.
        name: String,
        /// What.
        act: LockAct,
    },
    /// List the locks of a channel.
    GetLocks {
        /// Which.
        channel: ChannelId,
    },
}

/// What is done with a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockAct {
    /// Makes it.
    Set(LockOptions),
    /// Does away with it.
    Remove,
    /// Makes this user its owner.
    Acquire {
        /// Whether to wait while somebody else has it.
        retry: bool,
    },
    /// Gives it up.
    Release,
    /// Takes it from this owner.
    Revoke {
        /// Who is meant.
        owner: String,
    },
}

/// Whose metadata is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetadataTarget {
    /// A message or stream channel's.
    Channel(ChannelId),
    /// A user's.
    User(UserId),
}

/// Locks that this client's user has and may rely on, by channel and name, with their tokens.
pub type HeldLocks = BTreeMap<(ChannelId, String), u64>;

/// What a write of metadata does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteKind {
    /// Writes items, whether they are there or not.
    Set,
    /// Writes items that are all there.
    Update,
    /// Removes items that are all there.
    Remove,
}

/// What a command gave.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It is done.
    Done,
    /// The message has its place.
    Published(Published),
    /// Who publishes what.
    Topics(Vec<Publication>),
    /// For whom it went well.
    Users(SubscribedUsers),
    /// Whose messages are heard.
    UserList(Vec<String>),
    /// What a user shows.
    States(UserState),
    /// Who is in a channel.
    OnlineUsers(OnlineUsers),
    /// Which channels a user is in.
    UserChannels(UserChannels),
    /// What was written is there.
    Stored(Stored),
    /// A whole set.
    Metadata(Metadata),
    /// A part of it.
    MetadataPage(MetadataPage),
    /// A part of a history.
    History(HistoryMessages),
    /// The lock is this user's.
    Acquired(OwnedLock),
    /// The locks of a channel.
    Locks(Vec<LockDetail>),
}

/// Credit that a message takes until the application has taken the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "credit that is not released stops the lane"]
pub struct Credit {
    pub(super) session: SessionId,
    pub(super) lane: LaneId,
    pub(super) bytes: usize,
}

impl Credit {
    /// Adds `other`, if it is of the same session and lane.
    #[must_use]
    pub fn join(&mut self, other: Self) -> bool {
        let is_same = (self.session, self.lane) == (other.session, other.lane);
        if is_same {
            // As if it were one message: that also takes its fixed share once.
            self.bytes += other.bytes + CREDIT_PER_MESSAGE as usize;
        }
        is_same
    }

    /// How many bytes of credit, but for a message's fixed share.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

/// What the core gives.
#[derive(Debug)]
pub enum Output<W> {
    /// The answer to a command.
    Answer {
        /// Who waits for it.
        waiter: W,
        /// What became of it.
        result: Result<Answer, Error>,
    },
    /// For the subscription of a message channel, or the inbox.
    Channel {
        /// Which.
        handle: HandleId,
        /// What happened.
        event: ChannelEvent,
        /// To be released when the application has taken it.
        credit: Option<Credit>,
    },
    /// For the subscription of a topic.
    Topic {
        /// Which.
        handle: HandleId,
        /// What happened.
        event: TopicEvent,
        /// To be released when the application has taken it.
        credit: Option<Credit>,
    },
    /// For the membership of a stream channel. Takes no credit; to be bounded by the driver.
    Stream {
        /// Which.
        handle: HandleId,
        /// What happened.
        event: StreamEvent,
    },
    /// For the subscription to a user's metadata.
    UserMetadata {
        /// Which.
        handle: HandleId,
        /// What happened.
        event: UserMetadataEvent,
        /// To be released when the application has taken it.
        credit: Option<Credit>,
    },
    /// Nothing more will come for this handle.
    End(HandleId),
    /// The link's state has changed.
    Link(LinkEvent),
    /// The link of a stream channel has changed.
    StreamLink(StreamLinkEvent),
    /// The server has told what it allows.
    Limits(ServerLimits),
    /// Which locks may be relied on now.
    Held(HeldLocks),
    /// What becomes of the token.
    Token(TokenEvent),
    /// The server's name should be looked up again, for the next attempts.
    ServersWanted,
}
