//! RTM channels as pure state machines, for both sides of the network.
//!
//! ```text
//!   client                                            owner (server)
//!  ┌─────────────┐  subscribe, publish, unsubscribe  ┌──────────────────┐
//!  │ MessageView │ ────────────────────────────────► │ MessageAuthority │
//!  │   (mirror)  │ ◄──────────────────────────────── │     (truth)      │
//!  └─────────────┘   positions, messages with them   └──────────────────┘
//! ```
//!
//! The authority says who is subscribed and gives each message its position: epoch and sequence,
//! which only grow and have no holes. The view follows: it drops repeats and names gaps. Both are
//! told what happens, and say what is to be done; neither reads a clock, draws a number, or knows
//! of sockets. Client and server keep no such state besides these.
//!
//! Beside the messages, each channel has who is in it ([`PresenceAuthority`]), metadata
//! ([`StorageAuthority`], users have some, too) and locks ([`LockAuthority`]), each with a view of
//! its own. They don't know each other: a write of metadata under a lock takes the verdict of the
//! locks as a value, a [`Guard`].
//!
//! Names, limits and error numbers are those of RTM 2.x. Stream channels build on [`Membership`];
//! they are in `rtm-topic`.
//!
//! ```
//! use rtm_channel::{
//!     AppId, ChannelKey, ChannelName, Identity, Limits, MessageAuthority, MessageView,
//!     SubscriberId, UserId, Verdict,
//! };
//! use rtm_wire::{
//!     ChannelKind, Epoch, Event, MessageType, Publish, PublishFlags, Sequence, SessionInstance,
//!     SubscribeOptions, UnixTime,
//! };
//!
//! let name = ChannelName::new("lobby")?;
//! let key = ChannelKey { app: AppId::new("demo")?, kind: ChannelKind::Message, name };
//! let mut authority =
//!     MessageAuthority::new(key.clone(), Epoch(1), Sequence(0), &Limits::hosted());
//!
//! // Bob subscribes.
//! let bob = Identity { user: UserId::new("bob")?, instance: SessionInstance(7) };
//! let mut view = MessageView::default();
//! view.subscribe(SubscribeOptions::default())?;
//! let position = authority.subscribe(SubscriberId(1), bob, SubscribeOptions::default())?;
//! view.on_subscribed(position);
//!
//! // Alice publishes.
//! let publish = Publish {
//!     channel: key.as_ref(),
//!     flags: PublishFlags::default(),
//!     message_type: MessageType::String,
//!     custom_type: "",
//!     payload: b"hi",
//! };
//! let alice = UserId::new("alice")?;
//! let (_, fanout) = authority.publish(UnixTime::from_millis(0), &alice, &publish);
//! assert_eq!(fanout.to, [SubscriberId(1)]);
//!
//! // Bob gets it, twice, and hands it on once.
//! let Event::Message(message) = Event::decode(&fanout.event)? else { unreachable!() };
//! assert_eq!(view.on_message(message.position), Verdict::Deliver);
//! assert_eq!(view.on_message(message.position), Verdict::Repeat);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod authority;
mod identity;
mod item;
mod limits;
mod name;
mod rate;
mod refusal;
mod states;
mod view;

pub use authority::{
    Arrival, Asker, ClientLimits, Delivered, Fanout, Forgotten, Guard, InboxAuthority, KeptInbox,
    KeptLock, KeptMessage, LastSequences, LockAnswer, LockAuthority, LockNews, Member, Membership,
    MessageAuthority, OnlinePage, Opened, Outcome, Page, PresenceAuthority, Progress, PublishLog,
    Reached, StorageAuthority, StorageRoom, Writer,
};
pub use identity::{ChannelKey, Identity};
pub use limits::{Limits, check_custom_type, check_length, check_user_subscriptions};
pub use name::{
    AppId, ChannelName, LockName, NAME_LEN_MAX, NameError, SubscriberId, UserId, check_name,
};
pub use rate::RateLimit;
pub use refusal::Refusal;
pub use view::{
    CACHED_STATES_MAX, Early, Gap, Holdings, LockVerdict, LockView, MessageView, OwnStates,
    PRESENCE_VIEW_MAX, PresenceVerdict, PresenceView, STORAGE_VIEW_ITEMS_MAX, STORAGE_VIEW_LEN_MAX,
    StatesToSend, StorageNews, StorageVerdict, StorageView, Verdict, ViewState,
};
