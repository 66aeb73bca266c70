//! The link between client and server, as users see it.

use std::time::Duration;

use crate::channel_id::ChannelId;
use crate::error::Error;
use crate::private_config::ServiceType;

/// Whether the client is connected; names and numbers as in RTM 2.x.
///
/// ```text
///            login               accepted             lost                  2 minutes
///   Idle ─────────► Connecting ──────────► Connected ──────► Disconnected ─────────► Suspended
///    ▲               ▲   │                                     │  ▲                   │  ▲
///    │               │   │                               retry ▼  │ in vain     retry ▼  │
///    │ logout        │   └──── refused ──► Failed             Connecting           Connecting
///    └── from all    └────── login ──────────┘
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LinkState {
    /// Nobody is logged in.
    #[default]
    Idle,
    /// A login, or an attempt to come back, is under way.
    Connecting,
    /// Logged in; subscriptions are restored.
    Connected,
    /// The session was lost less than two minutes ago; the client tries to come back by itself.
    Disconnected,
    /// The session was lost more than two minutes ago; the client goes on trying every 30 seconds.
    Suspended,
    /// The client has given up, or was refused: the token has expired, the same user has logged in
    /// elsewhere … Only a login helps. All subscriptions, memberships and publishers have ended;
    /// after the login subscribe and join again.
    Failed,
}

impl LinkState {
    /// The number that RTM 2.x gives it.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// Why the link's state has changed; names and numbers as in RTM 2.x.
///
/// ```
/// use rtm_client::LinkReason;
///
/// assert_eq!(LinkReason::SameUidLogin.number(), 27);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum LinkReason {
    /// The server refused for a reason that this version doesn't know.
    Unknown = 0,
    /// A login was asked for.
    Login = 1,
    /// The server accepted the login.
    LoginSuccess = 2,
    /// The server did not answer the login.
    LoginTimeout = 3,
    /// The token doesn't allow to log in.
    LoginNotAuthorized = 4,
    /// The server refuses this user, or has no room.
    LoginRejected = 5,
    /// A login was asked for while the client was about to come back.
    Relogin = 6,
    /// A logout was asked for.
    Logout = 7,
    /// The client tries to come back by itself.
    AutoReconnect = 8,
    /// The client has given up trying to come back.
    ReconnectTimeout = 9,
    /// The client is back.
    ReconnectSuccess = 10,
    /// A stream channel is to be joined.
    Join = 11,
    /// A stream channel was joined.
    JoinSuccess = 12,
    /// A stream channel was not joined, for another reason than those below.
    JoinFailed = 13,
    /// A stream channel was joined again after a loss of the session.
    Rejoin = 14,
    /// A stream channel was left.
    Leave = 15,
    /// The token is not one for this app and user.
    InvalidToken = 16,
    /// The token has expired.
    TokenExpired = 17,
    /// The server doesn't serve the app.
    InconsistentAppId = 18,
    /// The server doesn't like the user id.
    InvalidUserId = 20,
    /// Without a login, or without its session, no stream channel is joined. RTM 2.x calls it
    /// RTM_SERVICE_NOT_CONNECTED.
    ServiceNotConnected = 22,
    /// More stream channels, or members of one, than the server allows.
    ChannelInstanceExceedLimitation = 23,
    /// More calls than the server allows.
    OperationRateExceedLimitation = 24,
    /// The server has answered what makes no sense.
    ChannelInErrorState = 25,
    /// The same user has logged in with another client.
    SameUidLogin = 27,
    /// The server has ended the session.
    KickedOutByServer = 28,
    /// Nothing was heard of the server for too long.
    KeepAliveTimeout = 29,
    /// The session broke, or an attempt to come back was in vain.
    ConnectionError = 30,
    /// The network has changed, so that the client tries at once to come back.
    NetworkChange = 32,
    /// The server doesn't know how to join a stream channel so.
    ServiceNotSupported = 33,
    /// The server has no stream channels.
    StreamChannelNotAvailable = 34,
    /// The server has no metadata, which was to be followed.
    StorageNotAvailable = 35,
    /// The server has no locks, which were to be followed.
    LockNotAvailable = 36,
    /// More logins than the server allows.
    LoginTooFrequent = 37,
}

impl LinkReason {
    /// The number that RTM 2.x gives it.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// What has led to a change of the link's state; names and numbers as in RTM 2.x.
///
/// ```
/// use rtm_client::LinkOperation;
///
/// assert_eq!(LinkOperation::ServerReject.number(), 4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum LinkOperation {
    /// A login.
    Login = 0,
    /// A logout.
    Logout = 1,
    /// A stream channel is to be joined, or was; of its own link only.
    Join = 2,
    /// A stream channel was left; of its own link only.
    Leave = 3,
    /// The server has refused the client, or ended its session.
    ServerReject = 4,
    /// The client tries to come back by itself.
    AutoReconnect = 5,
    /// The client is back.
    Reconnected = 6,
    /// Nothing was heard of the server for too long.
    HeartbeatLost = 7,
    /// The server did not answer, or the connection broke.
    ServerTimeout = 8,
    /// The network has changed, so that the client tries at once.
    NetworkChange = 9,
}

impl LinkOperation {
    /// The number that RTM 2.x gives it.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// A change of the link's state.
///
/// ```no_run
/// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
/// use rtm_client::ClientEvent;
///
/// let mut events = client.events();
/// while let Some(event) = events.recv().await {
///     if let ClientEvent::LinkState(link) = event {
///         println!("{:?} for {:?}", link.current, link.reason);
///         for lost in &link.unrestored {
///             println!("{} has ended: {}", lost.channel, lost.error);
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LinkEvent {
    /// The state before.
    pub previous: LinkState,
    /// The state now.
    pub current: LinkState,
    /// What has led to it.
    pub operation: LinkOperation,
    /// Why.
    pub reason: LinkReason,
    /// What went wrong, in words; `None` where nothing did.
    pub error: Option<Error>,
    /// When, in milliseconds since 1970, by this machine's clock.
    pub time_ms: u64,
    /// The channels that were subscribed or joined then, which are out of reach now, or in reach
    /// again, or have ended.
    pub affected_channels: Vec<ChannelId>,
    /// Whether the client has come back within two minutes. Subscriptions are restored in any case.
    pub is_resumed: bool,
    /// Whether the client has come back with all its subscriptions and memberships. Only after a
    /// loss, with [`LinkState::Connected`].
    pub is_restored: bool,
    /// What the server refused to restore, with its reasons; these subscriptions have ended.
    pub unrestored: Vec<Unrestored>,
}

impl LinkEvent {
    /// Which service's link it is: [`MESSAGE`](ServiceType::MESSAGE).
    #[must_use]
    pub const fn service_type(&self) -> ServiceType {
        ServiceType::MESSAGE
    }
}

/// A change of a stream channel's link.
///
/// All stream channels, and the client, have one session. A channel's link is connected while the
/// channel is joined in it, connecting while it is about to be, or to be joined again after a loss,
/// and ends idle or failed.
///
/// ```text
///           join               joined              lost
///   Idle ─────────► Connecting ───────► Connected ──────► Connecting
///    ▲                  │                 │   ▲               │  │
///    │                  └──► Failed ◄─────┘   └── rejoined ───┘  │
///    └──── leave, logout ◄────────────────────────────────────────┘
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StreamLinkEvent {
    /// The stream channel.
    pub channel: ChannelId,
    /// The state before.
    pub previous: LinkState,
    /// The state now; never disconnected or suspended.
    pub current: LinkState,
    /// What has led to it.
    pub operation: LinkOperation,
    /// Why.
    pub reason: LinkReason,
    /// What went wrong, in words; `None` where nothing did.
    pub error: Option<Error>,
    /// When, in milliseconds since 1970, by this machine's clock.
    pub time_ms: u64,
}

impl StreamLinkEvent {
    /// Which service's link it is: [`STREAM`](ServiceType::STREAM).
    #[must_use]
    pub const fn service_type(&self) -> ServiceType {
        ServiceType::STREAM
    }
}

/// What becomes of a token, and of what it is for.
///
/// ```no_run
/// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
/// use rtm_client::{ClientEvent, TokenChange};
///
/// # async fn fresh_token() -> String { String::new() }
/// let mut events = client.events();
/// while let Some(event) = events.recv().await {
///     let ClientEvent::Token(event) = event else { continue };
///     match (event.change, event.channels.first()) {
///         (TokenChange::WillExpire, None) => client.renew_token(fresh_token().await).await?,
///         (TokenChange::WillExpire, Some(channel)) => {
///             let channel = client.stream_channel(channel.name())?;
///             channel.renew_token(fresh_token().await).await?;
///         }
///         _ => println!("not to be read any more: {:?}, {:?}", event.channels, event.users),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenEvent {
    /// What.
    pub change: TokenChange,
    /// How long the token still lasts.
    pub time_left: Duration,
    /// The channels that are concerned: of [`WillExpire`](TokenChange::WillExpire) the stream
    /// channel that was joined with the token, or none if it is the login's; else those whose
    /// subscriptions and memberships have ended.
    pub channels: Vec<ChannelId>,
    /// The users whose metadata isn't followed any more.
    pub users: Vec<String>,
    /// Why they have ended; `None` if nothing has.
    pub error: Option<Error>,
    /// When, in milliseconds since 1970, by this machine's clock.
    pub time_ms: u64,
}

/// What becomes of a token; names and numbers as in RTM 2.x.
///
/// ```
/// use rtm_client::TokenChange;
///
/// assert_eq!(TokenChange::ReadPermissionRevoked.number(), 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum TokenChange {
    /// It ends soon, in 30 seconds as a rule, and the session or the membership with it: renew it
    /// ([`RtmClient::renew_token`](crate::RtmClient::renew_token),
    /// [`StreamChannel::renew_token`](crate::StreamChannel::renew_token)).
    WillExpire = 1,
    /// The token that it was renewed with allows to read less than the one before: subscriptions,
    /// memberships and followed users that need what is missing have ended, with −11038.
    ReadPermissionRevoked = 2,
    /// The token of a stream channel has ended, and the membership with it, with −10009. Not in
    /// RTM 2.x, which tells it as a change of the channel's link.
    Expired = 3,
}

impl TokenChange {
    /// The number that RTM 2.x gives it; 3 is this project's own.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// What could not be restored after a loss of the session: a channel, a topic of one, or the
/// metadata of a user.
///
/// ```
/// use rtm_client::LinkEvent;
///
/// fn tell(link: &LinkEvent) {
///     for it in &link.unrestored {
///         println!("{} {:?} {:?}: {}", it.channel, it.topic, it.user, it.error);
///     }
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unrestored {
    /// The channel's name; empty where a user is concerned.
    pub channel: String,
    /// The topic's name, where only the topic is concerned.
    pub topic: Option<String>,
    /// The user whose metadata was followed.
    pub user: Option<String>,
    /// Why.
    pub error: Error,
}
