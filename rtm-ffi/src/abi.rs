//! What C sees: types and numbers. Sizes and offsets are frozen in `abi/`.

use std::ffi::c_void;
use std::ptr;

/// Text (UTF-8, not terminated) or bytes. With `len` 0, `data` may be null.
///
/// What the application hands over is copied before the call returns. What an event holds is valid
/// until `rtm_event_free`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RtmBytes {
    /// The first byte.
    pub data: *const u8,
    /// How many there are.
    pub len: usize,
}

impl RtmBytes {
    /// None.
    pub const EMPTY: Self = Self { data: ptr::null(), len: 0 };

    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr(), len: bytes.len() }
    }
}

/// A client, or 0. A number that is never used again: what is freed can't be mistaken for anything.
pub type RtmClient = u64;

/// Rings when there is something new to poll; what comes until it has rung counts as one. Runs on
/// the library's thread `rtm-callback`. It may call everything but `rtm_client_create` and
/// `rtm_client_destroy`; while it blocks, no other callback runs.
pub type RtmWake = Option<unsafe extern "C" fn(client: RtmClient, context: *mut c_void)>;

/// Takes a line of the log: its level (`RTM_LOG_…`) and text, which is valid during the call. Runs
/// on the library's thread `rtm-callback`, while there is a client; the same holds as for
/// `rtm_wake`.
pub type RtmLogSink =
    Option<unsafe extern "C" fn(level: u32, text: RtmBytes, context: *mut c_void)>;

/// Settings of a client. `rtm_config_init` first, then what differs from the defaults.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RtmConfig {
    /// `sizeof (rtm_config)`, as `rtm_config_init` has set it.
    pub size: u32,
    /// `RTM_PROTOCOL_…`. Default: `RTM_PROTOCOL_TCP_UDP`.
    pub protocol: u32,
    /// The app: 32 hexadecimal digits.
    pub app_id: RtmBytes,
    /// The user: 1 to 64 of the allowed characters.
    pub user_id: RtmBytes,
    /// The server's connection string, as `rtm-server` prints it: `rtm://HOST:PORT?key=HEX`.
    pub server: RtmBytes,
    /// Token of logins that bring none. Default: empty.
    pub token: RtmBytes,
    /// Milliseconds until a login is given up, 1,000 to 60,000. 0, the default: 10,000.
    pub login_timeout_ms: u32,
    /// Milliseconds after which a lost link counts as failed, 15,000 to 3,600,000. 0, the default:
    /// never.
    pub reconnect_timeout_ms: u32,
    /// Milliseconds of silence after which the client asks, 5,000 to 1,800,000, rounded up to
    /// whole seconds. 0, the default: 5,000.
    pub keep_alive_ms: u32,
    /// 0.
    pub reserved: u32,
    /// Rings when there is something to poll. Default: null.
    pub wake: RtmWake,
    /// Handed to `wake` as it is.
    pub wake_context: *mut c_void,
}

/// What a publish says of its message. Null in place of one: binary, no custom type.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RtmPublishOptions {
    /// `sizeof (rtm_publish_options)`.
    pub size: u32,
    /// `RTM_MESSAGE_…`.
    pub message_type: u32,
    /// Up to 32 bytes of the application's own, handed on as they are. Default: empty.
    pub custom_type: RtmBytes,
}

/// Something that has happened. Set `size` before each poll; the rest is overwritten.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RtmEvent {
    /// `sizeof (rtm_event)`.
    pub size: u32,
    /// `RTM_EVENT_…`: what happened. 0 after it was freed.
    pub kind: u32,
    /// Its number, for `rtm_event_free`.
    pub id: u64,
    /// The request that this is the result of, else 0.
    pub request: u64,
    /// Results, ends, failures: `RTM_OK` or an error, whose sentence is `text`.
    pub error: i32,
    /// Results: `RTM_OPERATION_…`.
    pub operation: u32,
    /// `RTM_CHANNEL_…`: what `channel` names.
    pub channel_type: u32,
    /// Messages: `RTM_MESSAGE_…`.
    pub message_type: u32,
    /// Links: `RTM_LINK_…`, now and before.
    pub link_state: u32,
    /// See `link_state`.
    pub link_previous: u32,
    /// Links: the reason's number in RTM 2.x.
    pub link_reason: u32,
    /// `RTM_FLAG_…`, added up.
    pub flags: u32,
    /// Messages and results of publishes: the position in the channel, counted within an epoch; in
    /// topics within a publication.
    pub epoch: u64,
    /// See `epoch`.
    pub sequence: u64,
    /// Messages of topics, and their gaps: which publication of the publisher.
    pub publication: u64,
    /// Messages and results of publishes: the server's time, milliseconds since 1970.
    pub time_ms: u64,
    /// Gaps: how many messages are missing, with `RTM_FLAG_COUNTED`. Lagging: news that were
    /// dropped.
    pub count: u64,
    /// Name of the channel; of the user for messages to users.
    pub channel: RtmBytes,
    /// Name of the topic, else empty.
    pub topic: RtmBytes,
    /// Who published, or whom it is about.
    pub publisher: RtmBytes,
    /// The message's custom type.
    pub custom_type: RtmBytes,
    /// The message.
    pub payload: RtmBytes,
    /// Errors: a sentence that names the culprit, the number, and what to do.
    pub text: RtmBytes,
}

impl RtmEvent {
    pub(crate) const NONE: Self = Self {
        size: size_of::<Self>() as u32,
        kind: 0,
        id: 0,
        request: 0,
        error: RTM_OK,
        operation: 0,
        channel_type: 0,
        message_type: 0,
        link_state: 0,
        link_previous: 0,
        link_reason: 0,
        flags: 0,
        epoch: 0,
        sequence: 0,
        publication: 0,
        time_ms: 0,
        count: 0,
        channel: RtmBytes::EMPTY,
        topic: RtmBytes::EMPTY,
        publisher: RtmBytes::EMPTY,
        custom_type: RtmBytes::EMPTY,
        payload: RtmBytes::EMPTY,
        text: RtmBytes::EMPTY,
    };
}

/// Done, or begun.
pub const RTM_OK: i32 = 0;
/// Nothing to poll in the time that was given.
pub const RTM_NO_EVENT: i32 = 1;
/// A fault inside the library: please report it, with the text.
pub const RTM_ERROR_INTERNAL: i32 = -1;
/// Not from inside a callback.
pub const RTM_ERROR_IN_CALLBACK: i32 = -2;
/// The library's threads could not be started.
pub const RTM_ERROR_INIT_FAILED: i32 = -10_007;
/// An argument is null, too long, no UTF-8, or out of range.
pub const RTM_ERROR_INVALID_PARAMETER: i32 = -10_014;
/// No such client, or event: destroyed or freed, or never there.
pub const RTM_ERROR_RELEASED: i32 = -10_018;
/// Too many requests are unanswered, or events unfreed.
pub const RTM_ERROR_TOO_MANY: i32 = -10_021;

/// A call's result: `request`, `operation`, `error`.
pub const RTM_EVENT_RESULT: u32 = 1;
/// A message, of a channel or a topic.
pub const RTM_EVENT_MESSAGE: u32 = 2;
/// Messages are missing: `count` of them, with `RTM_FLAG_COUNTED`.
pub const RTM_EVENT_GAP: u32 = 3;
/// A subscription or membership has ended: `error`.
pub const RTM_EVENT_ENDED: u32 = 4;
/// The link has changed.
pub const RTM_EVENT_LINK: u32 = 5;
/// After the link is back: what could not be restored, and why. A channel, a topic of one, or a
/// user's metadata: then `publisher` is the user, and `channel` empty.
pub const RTM_EVENT_UNRESTORED: u32 = 6;
/// Somebody publishes in a topic of a channel that was joined.
pub const RTM_EVENT_PUBLISHER_JOINED: u32 = 7;
/// And does no longer.
pub const RTM_EVENT_PUBLISHER_LEFT: u32 = 8;
/// Before the result of a topic subscription: a publisher that could not be subscribed to.
pub const RTM_EVENT_USER_FAILED: u32 = 9;
/// News of the link or of topics were dropped, for they were not polled in time: `count`.
pub const RTM_EVENT_LAGGED: u32 = 10;
/// A fault inside the library that belongs to no request: please report it, with the text.
pub const RTM_EVENT_FAULT: u32 = 11;

/// `rtm_login`.
pub const RTM_OPERATION_LOGIN: u32 = 1;
/// `rtm_logout`.
pub const RTM_OPERATION_LOGOUT: u32 = 2;
/// `rtm_subscribe`.
pub const RTM_OPERATION_SUBSCRIBE: u32 = 3;
/// `rtm_unsubscribe`.
pub const RTM_OPERATION_UNSUBSCRIBE: u32 = 4;
/// `rtm_publish`.
pub const RTM_OPERATION_PUBLISH: u32 = 5;
/// `rtm_channel_join`.
pub const RTM_OPERATION_CHANNEL_JOIN: u32 = 6;
/// `rtm_channel_leave`.
pub const RTM_OPERATION_CHANNEL_LEAVE: u32 = 7;
/// `rtm_topic_join`.
pub const RTM_OPERATION_TOPIC_JOIN: u32 = 8;
/// `rtm_topic_leave`.
pub const RTM_OPERATION_TOPIC_LEAVE: u32 = 9;
/// `rtm_topic_publish`.
pub const RTM_OPERATION_TOPIC_PUBLISH: u32 = 10;
/// `rtm_topic_subscribe`.
pub const RTM_OPERATION_TOPIC_SUBSCRIBE: u32 = 11;
/// `rtm_topic_unsubscribe`.
pub const RTM_OPERATION_TOPIC_UNSUBSCRIBE: u32 = 12;

/// A message channel.
pub const RTM_CHANNEL_MESSAGE: u32 = 1;
/// A stream channel, with topics.
pub const RTM_CHANNEL_STREAM: u32 = 2;

/// Bytes.
pub const RTM_MESSAGE_BINARY: u32 = 0;
/// Text; the library doesn't look whether it is.
pub const RTM_MESSAGE_STRING: u32 = 1;

/// UDP, and TCP where UDP doesn't pass.
pub const RTM_PROTOCOL_TCP_UDP: u32 = 0;
/// TCP, or WebSockets on it.
pub const RTM_PROTOCOL_TCP_ONLY: u32 = 1;
/// UDP.
pub const RTM_PROTOCOL_UDP_ONLY: u32 = 2;

/// Each message on its own, as soon as it is there.
pub const RTM_QOS_UNORDERED: u32 = 0;
/// In the publisher's order.
pub const RTM_QOS_ORDERED: u32 = 1;

/// Before all others.
pub const RTM_PRIORITY_HIGHEST: u32 = 0;
/// Before most.
pub const RTM_PRIORITY_HIGH: u32 = 1;
/// The default.
pub const RTM_PRIORITY_NORMAL: u32 = 4;
/// After all others.
pub const RTM_PRIORITY_LOW: u32 = 8;

/// Not logged in.
pub const RTM_LINK_IDLE: u32 = 0;
/// A login is under way.
pub const RTM_LINK_CONNECTING: u32 = 1;
/// Logged in, and the server answers.
pub const RTM_LINK_CONNECTED: u32 = 2;
/// The server doesn't answer; the client comes back by itself.
pub const RTM_LINK_DISCONNECTED: u32 = 3;
/// For longer than two minutes.
pub const RTM_LINK_SUSPENDED: u32 = 4;
/// Over; log in again.
pub const RTM_LINK_FAILED: u32 = 5;

/// `count` is known.
pub const RTM_FLAG_COUNTED: u32 = 1;
/// Links: what was there before the loss is restored, but for what `RTM_EVENT_UNRESTORED` names.
pub const RTM_FLAG_RESTORED: u32 = 2;

/// Nothing is logged.
pub const RTM_LOG_OFF: u32 = 0;
/// What should not happen.
pub const RTM_LOG_ERROR: u32 = 1;
/// What the application should know.
pub const RTM_LOG_WARN: u32 = 2;
/// What a session does, now and then.
pub const RTM_LOG_INFO: u32 = 3;
/// What it does in detail.
pub const RTM_LOG_DEBUG: u32 = 4;
