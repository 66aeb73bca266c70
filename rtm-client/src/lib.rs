//! The RTM client SDK: real-time messages in channels and topics, over one encrypted session that
//! comes back by itself.
//!
//! ```text
//!   your application
//!     │ login, publish, subscribe …       ▲ messages, gaps, link states
//!  ┌──▼───────────────────────────────────┴──┐
//!  │ handles: RtmClient, MessageChannel,     │  cheap to clone, each call says what dropping
//!  │   UserChannel, StreamChannel, topics    │  or cancelling it does
//!  ├─────────────────────────────────────────┤
//!  │ core: link, operations, views           │  no IO, no clock, no chance: simulators and
//!  │   rtm-topic, rtm-channel, rtm-session   │  bindings drive it too
//!  └──┬───────────────────────────────────▲──┘
//!     │      UDP; TCP, WebSockets         │
//! ```
//!
//! | to … | take |
//! |---|---|
//! | send messages to whoever listens | [`MessageChannel`]: [`RtmClient::message_channel`] |
//! | send messages to one user | [`UserChannel`]: [`RtmClient::user`]; [`RtmClient::inbox`] |
//! | stream positions, commands … by topic | [`StreamChannel`]: [`RtmClient::stream_channel`] |
//! | see who is there | [`ChannelEvent::Presence`], [`StreamEvent::Presence`] |
//! | keep what lasts: rounds, settings | [`Storage`]: [`RtmClient::storage`] |
//! | read what was said before | [`History`]: [`RtmClient::history`] |
//! | let one do what only one may | [`Locks`]: [`RtmClient::locks`] |
//! | seal messages from end to end | [`ClientBuilder::encryption`] |
//! | watch the connection | [`RtmClient::link_state`], [`RtmClient::events`] |
//!
//! # Example
//!
//! `rtm-server --dev` prints the server's address and the app; `rtm token --as alice` prints a
//! token, and `rtm token --as alice --channel town` one that is also good for joining "town".
//!
//! ```no_run
//! use rtm_client::{ChannelEvent, PublishOptions, RtmClient, SubscribeOptions};
//!
//! # async fn example() -> Result<(), rtm_client::Error> {
//! let app = "0123456789abcdef0123456789abcdef";
//! let client = RtmClient::builder(app, "alice")
//!     .server("rtm://localhost:7700?key=00…".parse()?)
//!     .token("007…")
//!     .build()?;
//! client.login().await?;
//!
//! let lobby = client.message_channel("lobby")?;
//! let mut messages = lobby.subscribe(SubscribeOptions::new()).await?;
//! let published = lobby.publish("hello", PublishOptions::text()).await?;
//! println!("message {} of epoch {}", published.sequence, published.epoch);
//!
//! while let Some(event) = messages.recv().await {
//!     match event {
//!         ChannelEvent::Message(it) => println!("{}: {:?}", it.publisher, it.payload),
//!         ChannelEvent::Gap(gap) => match gap.count {
//!             Some(count) => println!("{count} messages are missing"),
//!             None => println!("some messages are missing"),
//!         },
//!         ChannelEvent::Presence(event) => println!("{} are here", event.total),
//!         ChannelEvent::Ended(error) => return Err(error),
//!         _ => {}
//!     }
//! }
//! client.logout().await?;
//! # Ok(())
//! # }
//! ```
//!
//! In a topic, where each publisher chooses order and urgency:
//!
//! ```no_run
//! use rtm_client::{
//!     JoinOptions, Priority, PublishOptions, Publishers, Qos, RtmClient, TopicEvent, TopicOptions,
//! };
//!
//! # async fn example(client: RtmClient) -> Result<(), rtm_client::Error> {
//! let town = client.stream_channel("town")?;
//! // The login's token does, if it was made with `--channel town`.
//! let _members = town.join(JoinOptions::new().token("007…")).await?;
//!
//! let options = TopicOptions::new().qos(Qos::Ordered).priority(Priority::High);
//! let positions = town.join_topic("positions", options).await?;
//! // Many messages in a row: `send` waits for room only, the answers come later.
//! let first = positions.send(vec![1, 2], PublishOptions::new()).await?;
//! let second = positions.send(vec![3, 4], PublishOptions::new()).await?;
//! assert!(first.await?.sequence < second.await?.sequence);
//!
//! let mut others = town.subscribe_topic("positions", Publishers::All).await?;
//! while let Some(event) = others.recv().await {
//!     match event {
//!         TopicEvent::Message(it) => println!("{} is at {:?}", it.publisher, it.payload),
//!         TopicEvent::Ended(error) => return Err(error),
//!         // Gaps: the next position makes up for what is missing.
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What holds
//!
//! - A publish that succeeded has its place in the channel; one that failed with
//!   [`ErrorKind::OutcomeUnknown`] may have been published or not; one that failed otherwise was
//!   not. One whose session is lost before its answer comes is published again in the next session,
//!   and takes effect once. Its outcome is unknown only if the server may have forgotten it: 120 s
//!   or 1,024 messages later, or after a restart, unless it was to be stored.
//! - Subscriptions give each message once, in the order of the channel's owner (topics: of each
//!   publisher that chose [`Qos::Ordered`]), and name gaps.
//! - After a loss of the session the client comes back: within a second, then after 2, 4, 8, 16 …
//!   seconds, after two minutes every 30 seconds. Subscriptions, memberships and publications are
//!   restored, and what could not be is told with the reason ([`LinkEvent::unrestored`]). Messages
//!   of the meantime come if they were stored, and are reported as a gap otherwise. Operations that
//!   were in flight fail, but publishes. What is called meanwhile waits
//!   ([`ClientBuilder::waiting_calls`]).
//! - When the link becomes [`LinkState::Failed`] (token expired, logged in elsewhere …) or after a
//!   logout, all subscriptions, memberships and publishers have ended; after the next login
//!   subscribe and join again. Thirty seconds before a token ends the client is told
//!   ([`ClientEvent::Token`]), and [`RtmClient::renew_token`] gives the session another one.
//! - Metadata that was written is there until it is removed, or the server ends. Of several writers
//!   that expect one revision, one succeeds; who follows a set sees each write, in one order
//!   ([`Storage`]).
//! - A lock has one owner at a time, and each ownership a larger token than those before in the
//!   channel. Who is lost keeps it for its TTL. An owner can't be told in time that it has lost its
//!   lock: what the token guards refuses it ([`Locks`]).
//! - An operation ends with the server's answer, or with the session, which dies after 40 s of
//!   silence. Until then the link counts as connected, and `publish` waits. Who can't wait so long
//!   wraps it in `tokio::time::timeout`; the outcome is unknown then.
//! - A client that moves to another network, or whose address changes otherwise, keeps its session.
//!   So does one whose network begins or ceases to drop UDP ([`ProtocolType`]).
//! - `send` doesn't keep to the server's rates: what is too much is refused with
//!   [`ErrorKind::TooFrequent`] ([`RtmClient::limits`] tells them). A development server has none:
//!   try with its setting `preset = "hosted"` before a release.
//!
//! # Memory
//!
//! Unanswered messages take at most [`PUBLISH_WINDOW_BYTES`] for each channel handle, each
//! publisher, and for all users together. Messages that the application has not received yet take
//! at most 256 KiB on each lane of the server's (one for each channel and each publisher); then the
//! server waits, for this lane only, and in the end does what the subscription's [`QueuePolicy`]
//! says. Calls that wait for a connection take 1 MiB at most. A set of metadata that is followed
//! takes at most 2 MiB twice, and each event of it 8 bytes for each item besides what has changed.
//! The client's task takes 1,024 commands ahead.
//!
//! # Features
//!
//! `unstable-core` makes the module `core` public, for simulators and bindings; it may change with
//! every release. `docs/guarantees.md` of the project says what all of it promises together.

mod address;
mod area;
mod channel_id;
#[cfg(feature = "unstable-core")]
pub mod core;
#[cfg(not(feature = "unstable-core"))]
#[expect(unreachable_pub, dead_code, reason = "public with the feature unstable-core")]
mod core;
mod encryption;
mod error;
mod history;
mod hosts;
mod limits;
mod link;
mod lock;
mod log;
mod message;
mod network;
mod options;
mod presence;
mod private_config;
mod queue_policy;
mod shell;
mod storage;
mod stream;
mod text;

pub use address::ServerAddress;
pub use area::AreaCode;
pub use channel_id::ChannelId;
pub use encryption::{Encryption, EncryptionMode};
pub use error::{Error, ErrorKind, error_reason};
pub use history::{
    HISTORY_COUNT_MAX, HistoryMessage, HistoryMessages, HistoryOptions, HistoryPlace,
};
pub use limits::ServerLimits;
pub use link::{
    LinkEvent, LinkOperation, LinkReason, LinkState, StreamLinkEvent, TokenChange, TokenEvent,
    Unrestored,
};
pub use lock::{LockChange, LockDetail, LockEvent, LockOptions, OwnedLock};
pub use log::{LogConfig, LogLevel, LogLines, LogSink};
pub use message::{
    ChannelEvent, ChannelMessage, Gap, Published, Reached, TopicEvent, TopicGap, TopicMessage,
};
pub use network::{Connect, Duplex, ProtocolType, Proxy, StreamKind};
pub use options::{
    JoinOptions, PublishOptions, Publishers, SubscribeOptions, TopicOptions, TopicSubscribeOptions,
};
pub use presence::{
    OnlineUsers, OnlineUsersOptions, PresenceChange, PresenceEvent, UserChannels, UserState,
};
pub use private_config::{PrivateConfig, ServiceType};
pub use queue_policy::QueuePolicy;
pub use rtm_wire::{MessageType, Priority, Qos, Reliability};
pub use shell::{
    ClientBuilder, ClientEvent, ClientEvents, EventHandlerId, EventSource, History, Locks,
    MergedEvents, MessageChannel, MessageSubscription, MetadataSubscription, PUBLISH_WINDOW_BYTES,
    PUBLISH_WINDOW_MESSAGE, PendingPublish, Presence, RtmClient, RtmEvent, Storage, StreamChannel,
    StreamEvents, TopicPublisher, TopicSubscription, UserChannel,
};
pub use storage::{
    Metadata, MetadataItem, MetadataItems, MetadataOptions, MetadataPage, StorageChange,
    StorageEvent, Stored, UserMetadataEvent,
};
pub use stream::{FailedUser, Publication, StreamEvent, SubscribedUsers};
pub use text::Text;

/// The version of this library.
///
/// ```
/// assert_eq!(rtm_client::version().split('.').count(), 3);
/// ```
#[must_use]
pub const fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
