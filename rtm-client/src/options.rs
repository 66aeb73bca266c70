//! What can be chosen about subscribing, joining and publishing. All have defaults.

use std::time::Duration;

use bytes::Bytes;
use rtm_channel::Refusal;
use rtm_wire::{Delivery, ErrorCode, MessageType, Priority, Qos, Reliability, limits};

use crate::queue_policy::QueuePolicy;

/// What to hear of in a channel, as in RTM 2.x. Default: messages and presence.
///
/// ```
/// use rtm_client::{QueuePolicy, SubscribeOptions};
///
/// // Messages and who is there, as in RTM 2.x, and metadata; the newest of too many messages.
/// let options = SubscribeOptions::new().metadata(true).queue(QueuePolicy::DropOldest);
/// // Nobody sees this one come and go.
/// let quiet = SubscribeOptions::new().quiet(true);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "options do nothing until they are handed over"]
pub struct SubscribeOptions {
    wire: rtm_wire::SubscribeOptions,
    own_messages: bool,
}

impl Default for SubscribeOptions {
    fn default() -> Self {
        Self { wire: rtm_wire::SubscribeOptions::default(), own_messages: true }
    }
}

impl SubscribeOptions {
    /// Messages and presence.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether to get messages. Default: yes. Of no meaning for stream channels.
    pub const fn messages(mut self, wanted: bool) -> Self {
        self.wire.messages = wanted;
        self
    }

    /// Whether to hear who is there, comes and goes: events of the subscription. Default: yes.
    pub const fn presence(mut self, wanted: bool) -> Self {
        self.wire.presence = wanted;
        self
    }

    /// Whether to get what this user publishes itself, in a message channel. Default: yes, so that
    /// everybody sees the same messages in the same order. Of no meaning for stream channels, where
    /// nobody hears itself. What isn't wanted is dropped by the client: it still crosses the
    /// network, since sequence numbers have no holes.
    pub const fn own_messages(mut self, wanted: bool) -> Self {
        self.own_messages = wanted;
        self
    }

    /// Whether to hear of the channel's metadata: all of it first, then each change. Default: no.
    pub const fn metadata(mut self, wanted: bool) -> Self {
        self.wire.metadata = wanted;
        self
    }

    /// Whether to hear of the channel's locks: all of them first, then each change. Default: no.
    pub const fn locks(mut self, wanted: bool) -> Self {
        self.wire.locks = wanted;
        self
    }

    /// Whether the others shall not be told of this user, who hears all the same. Default: no.
    pub const fn quiet(mut self, quiet: bool) -> Self {
        self.wire.quiet = quiet;
        self
    }

    /// What becomes of messages that come faster than this client takes them. Default: as suits
    /// the kind of channel, see [`QueuePolicy`]. Of no meaning for stream channels, where each
    /// topic's subscription has its own ([`TopicSubscribeOptions::queue`]).
    pub const fn queue(mut self, policy: QueuePolicy) -> Self {
        self.wire.queue = policy.wire();
        self
    }

    pub(crate) const fn wire(self) -> rtm_wire::SubscribeOptions {
        self.wire
    }

    pub(crate) fn is_latest_only(self) -> bool {
        self.wire.queue == QueuePolicy::LatestOnly.wire()
    }

    pub(crate) const fn hears_own_messages(self) -> bool {
        self.own_messages
    }
}

/// How to join a stream channel. Default: without a token.
///
/// ```
/// use rtm_client::{JoinOptions, SubscribeOptions};
///
/// let options = JoinOptions::new()
///     .token("007…")
///     .options(SubscribeOptions::new().locks(true));
/// ```
#[derive(Clone, Default)]
#[must_use = "options do nothing until they are handed over"]
pub struct JoinOptions {
    pub(crate) token: String,
    pub(crate) options: SubscribeOptions,
}

impl std::fmt::Debug for JoinOptions {
    /// Hides the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinOptions").field("options", &self.options).finish_non_exhaustive()
    }
}

impl JoinOptions {
    /// Without a token, hearing of presence.
    pub fn new() -> Self {
        Self::default()
    }

    /// Proof that this user may join this channel: a token with an RTC service for both. One token
    /// can serve for the login and for joining: `rtm token --as alice --channel town` makes such a
    /// one; hand it to both. Kept for joining again after a loss of the session. Default: none; the
    /// login's token is not taken by itself.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = token.into();
        self
    }

    /// What to hear of. Default: as [`SubscribeOptions::new`].
    pub const fn options(mut self, options: SubscribeOptions) -> Self {
        self.options = options;
        self
    }
}

/// How to publish in a topic. Default: unordered, of normal priority, no metadata, as in RTM 2.x,
/// and reliable.
///
/// ```
/// use std::time::Duration;
///
/// use rtm_client::{Priority, Qos, TopicOptions};
///
/// let chat = TopicOptions::new().qos(Qos::Ordered).priority(Priority::High);
/// // What is late isn't worth anything; nor is any but the newest.
/// let gestures = TopicOptions::new().deadline(Duration::from_millis(200));
/// let cursor = TopicOptions::new().latest_only();
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they are handed over"]
pub struct TopicOptions {
    pub(crate) delivery: Delivery,
    pub(crate) meta: Bytes,
}

impl Default for TopicOptions {
    fn default() -> Self {
        Self { delivery: Delivery::default(), meta: Bytes::new() }
    }
}

impl TopicOptions {
    /// Unordered, normal, no metadata.
    pub fn new() -> Self {
        Self::default()
    }

    /// Order of this publisher's messages. Default: [`Qos::Unordered`], where no message waits for
    /// an earlier one.
    pub fn qos(mut self, qos: Qos) -> Self {
        self.delivery.qos = qos;
        self
    }

    /// Urgency of this publisher's messages. Default: [`Priority::Normal`].
    pub fn priority(mut self, priority: Priority) -> Self {
        self.delivery.priority = priority;
        self
    }

    /// Messages are worth nothing after this time, counted from the publish call: what hasn't
    /// arrived by then is given up, wherever it is, and is no gap. For what is worthless when
    /// it is late. 1 ms to 60 s, in whole milliseconds. Default: messages are
    /// [reliable](Reliability::Reliable).
    ///
    /// Publishing succeeds when this client has taken the message
    /// ([`Reached::Admitted`](crate::Reached::Admitted)).
    pub fn deadline(mut self, time_to_live: Duration) -> Self {
        self.delivery.reliability = Reliability::Deadline;
        self.delivery.deadline_ms = u32::try_from(time_to_live.as_millis()).unwrap_or(u32::MAX);
        self
    }

    /// A newer message takes the place of older ones that haven't arrived, which is no gap. For
    /// what has a present value: positions, cursors, the state of a control. Subscribers that come
    /// later, or come back, get the last message first. The last message always arrives, also after
    /// a loss of this client's session: it is published again. Ends with the publication.
    ///
    /// Publishing succeeds when this client has taken the message
    /// ([`Reached::Admitted`](crate::Reached::Admitted)); also without a connection, as long as the
    /// client tries to come back.
    pub fn latest_only(mut self) -> Self {
        (self.delivery.reliability, self.delivery.deadline_ms) = (Reliability::LatestOnly, 0);
        self
    }

    /// What the other members are shown of this publisher; at most 256 bytes. Default: nothing.
    pub fn meta(mut self, meta: impl Into<Bytes>) -> Self {
        self.meta = meta.into();
        self
    }
}

/// How to publish a message. Default: binary, without a custom type, not stored.
///
/// ```
/// use rtm_client::PublishOptions;
///
/// let note = PublishOptions::text().custom_type("note").store_in_history(true);
/// let bytes = PublishOptions::new();
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they are handed over"]
pub struct PublishOptions {
    pub(crate) message_type: MessageType,
    pub(crate) custom_type: String,
    pub(crate) store_in_history: bool,
}

impl Default for PublishOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl PublishOptions {
    /// Binary, without a custom type, not stored.
    pub const fn new() -> Self {
        let message_type = MessageType::Binary;
        Self { message_type, custom_type: String::new(), store_in_history: false }
    }

    /// As [`new`](Self::new), for text: the payload has to be UTF-8.
    pub const fn text() -> Self {
        Self::new().message_type(MessageType::String)
    }

    /// Whether the message is what it says it is; its length is for the server to judge.
    pub(crate) fn check(&self, payload: &[u8]) -> Result<(), Refusal> {
        rtm_channel::check_custom_type(&self.custom_type, limits::CUSTOM_TYPE)?;
        match self.message_type {
            MessageType::String => std::str::from_utf8(payload).map(drop).map_err(|error| {
                let at = error.valid_up_to();
                let reason = format!("the message is no text from byte {at} on; send it as binary");
                Refusal::new(ErrorCode::CHANNEL_INVALID_MESSAGE, reason)
            }),
            MessageType::Unknown(number) => {
                let reason = format!("there is no message type {number}; use binary or string");
                Err(Refusal::new(ErrorCode::CHANNEL_UNSUPPORTED_MESSAGE_TYPE, reason))
            }
            _ => Ok(()),
        }
    }

    /// How receivers shall read the payload. Default: [`MessageType::Binary`].
    pub const fn message_type(mut self, message_type: MessageType) -> Self {
        self.message_type = message_type;
        self
    }

    /// A mark of the application's own; at most 32 bytes. Default: empty.
    pub fn custom_type(mut self, custom_type: impl Into<String>) -> Self {
        self.custom_type = custom_type.into();
        self
    }

    /// Whether the owner shall keep the message: for a user until the user has it; in a message
    /// channel in its [`History`](crate::History). Default: no.
    /// Of no meaning in topics.
    pub const fn store_in_history(mut self, store: bool) -> Self {
        self.store_in_history = store;
        self
    }
}

/// Whose messages of a topic are wanted.
///
/// ```
/// use rtm_client::Publishers;
///
/// let everybody = Publishers::All;
/// let two = Publishers::users(["alice", "bob"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Publishers {
    /// Everybody's, also of those who join the topic later, up to the server's limit (64).
    All,
    /// These users', who have to publish in the topic already; those who don't are reported as
    /// failed.
    Users(Vec<String>),
}

impl Publishers {
    /// These users'.
    pub fn users<I, S>(users: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Self::Users(users.into_iter().map(Into::into).collect())
    }
}

/// How to subscribe to a topic.
///
/// ```
/// use rtm_client::{Publishers, QueuePolicy, TopicSubscribeOptions};
///
/// let newest = TopicSubscribeOptions::new(Publishers::All).queue(QueuePolicy::DropOldest);
/// # let _ = newest;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "options do nothing until they are handed over"]
pub struct TopicSubscribeOptions {
    pub(crate) publishers: Publishers,
    pub(crate) queue: QueuePolicy,
}

impl TopicSubscribeOptions {
    /// These publishers, with the default policy.
    pub const fn new(publishers: Publishers) -> Self {
        Self { publishers, queue: QueuePolicy::Default }
    }

    /// What becomes of messages that come faster than this client takes them. Default:
    /// [`QueuePolicy::Disconnect`]. Publishers that skip messages by themselves
    /// ([`TopicOptions::latest_only`], [`TopicOptions::deadline`]) go by their own choice.
    pub const fn queue(mut self, policy: QueuePolicy) -> Self {
        self.queue = policy;
        self
    }
}

impl From<Publishers> for TopicSubscribeOptions {
    fn from(publishers: Publishers) -> Self {
        Self::new(publishers)
    }
}
