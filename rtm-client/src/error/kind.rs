//! What can go wrong, as a table.

use rtm_wire::ErrorCode;

/// Declares the kinds: variant, default number, whether trying again can help, what is wrong, what
/// to do.
macro_rules! kinds {
    ($(
        $(#[$doc:meta])*
        $kind:ident, $code:ident, $retry:literal, $wrong:literal, $advice:literal;
    )*) => {
        /// What went wrong: whose fault it is, and what helps.
        ///
        /// ```
        /// use rtm_client::{Error, ErrorKind};
        ///
        /// fn tell(error: &Error) {
        ///     match error.kind() {
        ///         ErrorKind::PermissionDenied => println!("ask for a token with that right"),
        ///         _ if error.is_retryable() => println!("later, perhaps"),
        ///         _ => println!("{error}"),
        ///     }
        /// }
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$doc])* $kind,)*
        }

        impl ErrorKind {
            /// All kinds.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The number that the kind has when nobody gives a more exact one.
            pub(crate) const fn default_code(self) -> ErrorCode {
                match self {
                    $(Self::$kind => ErrorCode::$code,)*
                }
            }

            /// Whether the same call may succeed later, without a change.
            #[must_use]
            pub const fn is_retryable(self) -> bool {
                match self {
                    $(Self::$kind => $retry,)*
                }
            }

            /// What is wrong, in a few words.
            pub(crate) const fn wrong(self) -> &'static str {
                match self {
                    $(Self::$kind => $wrong,)*
                }
            }

            /// What to do about it.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self {
                    $(Self::$kind => $advice,)*
                }
            }
        }
    };
}

kinds! {
    /// A setting of the builder, or an argument, is unusable.
    InvalidConfig, INVALID_PARAMETER, false,
        "a setting is unusable", "correct the setting that is named";
    /// Key or salt of end-to-end encryption is unusable.
    InvalidEncryption, INVALID_ENCRYPTION_PARAMETER, false,
        "the encryption's key or salt is unusable", "give a key of 32 bytes and a salt of 32 bytes";
    /// The server's address or connection string can't be read.
    InvalidAddress, INVALID_PRIVATE_CONFIG, false,
        "the server address is unusable",
        "copy the connection string that rtm-server prints, rtm://HOST:PORT?key=HEX";
    /// There is no tokio runtime, or it is shutting down.
    NoRuntime, NOT_INITIALIZED, false,
        "there is no tokio runtime",
        "call this inside a tokio runtime that has IO and time enabled";
    /// The app id is malformed, or the server doesn't serve that app.
    UnknownApp, INVALID_APP_ID, false,
        "the server doesn't serve this app", "compare the app id with the server's configuration";
    /// The user id is malformed, or isn't the one in the token.
    InvalidUserId, INVALID_USER_ID, false,
        "the user id is unusable", "use 1 to 64 of the allowed characters, as in the token";
    /// A channel or topic name is malformed or too long.
    InvalidName, INVALID_CHANNEL_NAME, false,
        "the name is unusable", "use 1 to 64 of the allowed characters";
    /// A user in a list is malformed.
    InvalidUserList, CHANNEL_INVALID_USER_LIST, false,
        "the list of users is unusable", "name each user once, by an allowed user id";
    /// The server's host name has no address.
    HostNotFound, INIT_SERVICE_FAILED, true,
        "the server's host name has no address", "check the host name, and the network's DNS";
    /// The system refused a socket.
    Socket, INIT_SERVICE_FAILED, true,
        "the system refused a UDP socket",
        "check permissions and open files, then make a new client";
    /// No answer from the server.
    ServerUnreachable, LOGIN_TIMEOUT, true,
        "the server did not answer",
        "check that rtm-server runs at this address, and that UDP or TCP gets through";
    /// The server has another key than the one in the address.
    WrongServerKey, INVALID_ENCRYPTION_PARAMETER, false,
        "the server has another key",
        "copy the connection string again; unless the key was changed, somebody else answers";
    /// Client and server speak no common version.
    IncompatibleVersion, SERVICE_NOT_SUPPORTED, false,
        "client and server speak no common version", "update the older of the two";
    /// The token is not one for this app, user or channel.
    InvalidToken, INVALID_TOKEN, false,
        "the token is not valid",
        "make a token for this app, user and channel with the app's certificate";
    /// The token has expired.
    TokenExpired, TOKEN_EXPIRED, false,
        "the token has expired", "make a new token and log in with it; check the clocks";
    /// The token doesn't allow this.
    NotAuthorized, LOGIN_NOT_AUTHORIZED, false,
        "the token doesn't allow this", "make a token with the privilege that is needed";
    /// The server refuses this user.
    LoginRejected, LOGIN_REJECTED, false,
        "the server refuses this login",
        "ask whoever runs the server; the app may be off or the user banned";
    /// The server is full.
    ServerFull, LOGIN_NO_SERVER_RESOURCES, true,
        "the server has no room", "try again later";
    /// The same user has logged in with another client, which ended this one's session.
    LoggedInElsewhere, LOGIN_ABORTED, false,
        "the same user has logged in elsewhere",
        "use one user id for each client, or log in again here";
    /// Another login, or a logout, came before this one's answer.
    LoginCanceled, LOGIN_CANCELED, false,
        "the login was overtaken by another call", "wait for the answer of the later call";
    /// Nobody is logged in.
    NotLoggedIn, NOT_LOGIN, false,
        "not logged in", "call login() first and wait for it";
    /// Logged in, but the server can't be reached just now.
    NotConnected, NOT_CONNECTED, true,
        "not connected to the server",
        "try again when the link is connected; it reconnects by itself";
    /// The connection was lost before the answer came: it may have happened or not.
    OutcomeUnknown, CHANNEL_PUBLISH_MESSAGE_TIMEOUT, false,
        "the connection was lost before the answer came, so this may have happened or not",
        "look whether it has taken effect before you repeat it";
    /// The client has been closed, or its task has ended.
    Closed, INSTANCE_ALREADY_RELEASED, false,
        "the client is closed", "make a new client";
    /// The same was asked for before and is in effect, or under way.
    Duplicate, DUPLICATE_OPERATION, false,
        "the same is in effect or under way", "wait for the earlier call, or undo it first";
    /// The channel isn't subscribed.
    NotSubscribed, CHANNEL_NOT_SUBSCRIBED, false,
        "the channel or topic is not subscribed", "subscribe to it first";
    /// The stream channel isn't joined.
    NotJoined, CHANNEL_NOT_JOINED, false,
        "the stream channel is not joined", "join it first and wait for the answer";
    /// The topic isn't joined, so nothing can be published in it.
    TopicNotJoined, CHANNEL_TOPIC_NOT_JOINED, false,
        "the topic is not joined", "join the topic first; publishing needs it";
    /// Nobody publishes in a topic of that name.
    UnknownTopic, CHANNEL_TOPIC_NOT_EXIST, true,
        "nobody publishes in this topic", "check the name, or wait until somebody joins the topic";
    /// The message is larger than the server takes.
    MessageTooLarge, CHANNEL_MESSAGE_LENGTH_EXCEED_LIMITATION, false,
        "the message is too large", "split or shorten it, or raise the server's limit";
    /// The message is malformed: custom type, type or metadata.
    InvalidMessage, CHANNEL_INVALID_MESSAGE, false,
        "the message is malformed", "correct its type, custom type or metadata";
    /// More often than allowed.
    TooFrequent, OPERATION_RATE_EXCEED_LIMITATION, true,
        "more often than the server allows", "wait a moment and go on more slowly";
    /// More channels, topics, publishers or users than allowed.
    LimitExceeded, CHANNEL_INSTANCE_EXCEED_LIMITATION, false,
        "more than the server allows",
        "leave or unsubscribe something first, or raise the server's limit";
    /// The user that was addressed has no session with an open inbox.
    ReceiverOffline, CHANNEL_RECEIVER_OFFLINE, true,
        "the receiver is not online", "try again when that user is online";
    /// A state's key or value is unusable, or a key is named twice.
    InvalidState, PRESENCE_INVALID_STATE_KEY, false,
        "the state is unusable",
        "use a key of allowed characters, once, and a value that isn't empty";
    /// This client's user shows nothing in that channel: it isn't there, or is quiet.
    NotPresent, PRESENCE_NOT_WRITABLE, false,
        "nothing can be shown in this channel", "subscribe or join it first, and not quietly";
    /// The user isn't in the channel, or is quiet there.
    UserNotPresent, PRESENCE_USER_NOT_EXIST, true,
        "the user isn't in this channel", "check the name, or wait until the user comes";
    /// A key, value or revision of metadata is unusable, or a key is named twice.
    InvalidMetadata, STORAGE_INVALID_METADATA_ITEM, false,
        "the metadata is unusable", "correct the item that is named";
    /// Metadata has another revision than was expected, or an item is absent: somebody was faster.
    OutdatedRevision, STORAGE_OUTDATED_REVISION, false,
        "the metadata has another revision", "read it again and decide anew";
    /// What is asked for of a history makes no sense: too many messages, an end behind the start.
    InvalidHistoryRange, HISTORY_INVALID_TIMESTAMP, false,
        "that part of a history makes no sense", "correct what is named";
    /// There is no such lock in the channel.
    UnknownLock, LOCK_NOT_EXIST, false,
        "there is no such lock", "set the lock first, or check its name";
    /// There is such a lock already.
    LockExists, LOCK_ALREADY_EXIST, false,
        "the lock exists already", "use it, or remove it first";
    /// Somebody else owns the lock.
    LockTaken, LOCK_ACQUIRE_FAILED, true,
        "somebody else owns the lock", "wait for its release, or acquire it with retry";
    /// This client doesn't own the lock, or not any more.
    LockNotOwned, LOCK_NOT_ACQUIRED, false,
        "the lock isn't owned", "acquire the lock first";
    /// The token doesn't allow this channel.
    PermissionDenied, CHANNEL_PUBLISH_PERMISSION_DENIED, false,
        "no permission for this channel", "use a token that allows it";
    /// The server doesn't know this operation, or has it switched off.
    Unsupported, SERVICE_NOT_SUPPORTED, false,
        "the server doesn't support this", "update the server or switch the feature on";
    /// The other end broke the protocol.
    Protocol, CHANNEL_IN_ERROR_STATE, false,
        "the server broke the protocol", "report it, with the versions of client and server";
    /// The server says no for a reason that this version has no kind for.
    Refused, INVALID_PARAMETER, false,
        "the server refused", "look the number up in the documentation of RTM 2.x";
}

impl ErrorKind {
    /// The kind of an error with this number.
    pub(crate) const fn from_code(code: ErrorCode) -> Self {
        match code {
            ErrorCode::NOT_INITIALIZED | ErrorCode::NOT_LOGIN => Self::NotLoggedIn,
            ErrorCode::INVALID_APP_ID | ErrorCode::INCONSISTENT_APPID => Self::UnknownApp,
            ErrorCode::INVALID_TOKEN => Self::InvalidToken,
            ErrorCode::TOKEN_EXPIRED => Self::TokenExpired,
            ErrorCode::INVALID_USER_ID => Self::InvalidUserId,
            ErrorCode::INVALID_CHANNEL_NAME
            | ErrorCode::INVALID_CHANNEL_TYPE
            | ErrorCode::CHANNEL_INVALID_TOPIC_NAME => Self::InvalidName,
            ErrorCode::CHANNEL_INVALID_USER_LIST | ErrorCode::INVALID_REMOTE_USER => {
                Self::InvalidUserList
            }
            ErrorCode::LOGIN_NO_SERVER_RESOURCES => Self::ServerFull,
            ErrorCode::LOGIN_TIMEOUT => Self::ServerUnreachable,
            ErrorCode::LOGIN_REJECTED => Self::LoginRejected,
            ErrorCode::LOGIN_ABORTED | ErrorCode::DUPLICATE_USER_ID => Self::LoggedInElsewhere,
            ErrorCode::LOGIN_CANCELED => Self::LoginCanceled,
            ErrorCode::LOGIN_NOT_AUTHORIZED => Self::NotAuthorized,
            ErrorCode::INVALID_PARAMETER => Self::InvalidConfig,
            ErrorCode::INVALID_PRIVATE_CONFIG => Self::InvalidAddress,
            ErrorCode::DUPLICATE_OPERATION | ErrorCode::ALREADY_SUBSCRIBED => Self::Duplicate,
            ErrorCode::INSTANCE_ALREADY_RELEASED => Self::Closed,
            ErrorCode::INVALID_ENCRYPTION_PARAMETER => Self::WrongServerKey,
            ErrorCode::OPERATION_RATE_EXCEED_LIMITATION
            | ErrorCode::CHANNEL_SUBSCRIBE_TOO_FREQUENT
            | ErrorCode::CHANNEL_PUBLISH_MESSAGE_TOO_FREQUENT => Self::TooFrequent,
            ErrorCode::SERVICE_NOT_SUPPORTED
            | ErrorCode::CHANNEL_NOT_AVAILABLE
            | ErrorCode::PRESENCE_INACTIVE
            | ErrorCode::STORAGE_NOT_AVAILABLE
            | ErrorCode::LOCK_NOT_AVAILABLE => Self::Unsupported,
            ErrorCode::NOT_CONNECTED
            | ErrorCode::CHANNEL_NOT_CONNECTED
            | ErrorCode::RENEW_TOKEN_TIMEOUT => Self::NotConnected,
            ErrorCode::CHANNEL_NOT_JOINED => Self::NotJoined,
            ErrorCode::CHANNEL_NOT_SUBSCRIBED
            | ErrorCode::CHANNEL_TOPIC_NOT_SUBSCRIBED
            | ErrorCode::NOT_SUBSCRIBED => Self::NotSubscribed,
            ErrorCode::CHANNEL_EXCEED_TOPIC_USER_LIMITATION
            | ErrorCode::CHANNEL_INSTANCE_EXCEED_LIMITATION
            | ErrorCode::CHANNEL_EXCEED_TOPIC_LIMITATION
            | ErrorCode::SUB_USER_EXCEED_LIMITATION => Self::LimitExceeded,
            ErrorCode::CHANNEL_MESSAGE_LENGTH_EXCEED_LIMITATION => Self::MessageTooLarge,
            ErrorCode::CHANNEL_INVALID_MESSAGE
            | ErrorCode::CHANNEL_INVALID_TOPIC_META
            | ErrorCode::CHANNEL_CUSTOM_TYPE_LENGTH_OVERFLOW
            | ErrorCode::CHANNEL_INVALID_CUSTOM_TYPE
            | ErrorCode::CHANNEL_UNSUPPORTED_MESSAGE_TYPE => Self::InvalidMessage,
            ErrorCode::CHANNEL_TOPIC_NOT_JOINED => Self::TopicNotJoined,
            ErrorCode::CHANNEL_TOPIC_NOT_EXIST | ErrorCode::REMOTE_USER_IS_NOT_PUBLISHED => {
                Self::UnknownTopic
            }
            ErrorCode::CHANNEL_PUBLISH_MESSAGE_TIMEOUT => Self::OutcomeUnknown,
            ErrorCode::CHANNEL_RECEIVER_OFFLINE
            | ErrorCode::CHANNEL_RECEIVER_OFFLINE_AND_STORE_FAILED => Self::ReceiverOffline,
            ErrorCode::CHANNEL_SUBSCRIBE_PERMISSION_DENIED
            | ErrorCode::CHANNEL_PUBLISH_PERMISSION_DENIED => Self::PermissionDenied,
            _ => Self::from_module_code(code),
        }
    }

    /// Of presence, storage, locks and histories.
    const fn from_module_code(code: ErrorCode) -> Self {
        match code {
            ErrorCode::PRESENCE_CACHED_TOO_MANY_STATES
            | ErrorCode::PRESENCE_STATE_COUNT_OVERFLOW
            | ErrorCode::PRESENCE_STATE_KEY_SIZE_OVERFLOW
            | ErrorCode::PRESENCE_STATE_VALUE_SIZE_OVERFLOW
            | ErrorCode::STORAGE_METADATA_ITEM_EXCEED_LIMITATION
            | ErrorCode::STORAGE_METADATA_LENGTH_OVERFLOW
            | ErrorCode::STORAGE_KEY_LENGTH_OVERFLOW
            | ErrorCode::STORAGE_VALUE_LENGTH_OVERFLOW
            | ErrorCode::STORAGE_SUBSCRIBE_USER_EXCEED_LIMITATION
            | ErrorCode::LOCK_OPERATION_FAILED => Self::LimitExceeded,
            ErrorCode::LOCK_INVALID_NAME => Self::InvalidName,
            ErrorCode::LOCK_OPERATION_PERFORMING => Self::Duplicate,
            ErrorCode::STORAGE_NOT_SUBSCRIBE => Self::NotSubscribed,
            ErrorCode::PRESENCE_INVALID_ARGUMENT
            | ErrorCode::PRESENCE_INVALID_STATE_KEY
            | ErrorCode::PRESENCE_INVALID_STATE_VALUE
            | ErrorCode::PRESENCE_STATE_DUPLICATE_KEY => Self::InvalidState,
            ErrorCode::PRESENCE_NOT_WRITABLE => Self::NotPresent,
            ErrorCode::PRESENCE_USER_NOT_EXIST => Self::UserNotPresent,
            ErrorCode::STORAGE_INVALID_METADATA_ITEM
            | ErrorCode::STORAGE_INVALID_ARGUMENT
            | ErrorCode::STORAGE_INVALID_REVISION
            | ErrorCode::STORAGE_INVALID_KEY
            | ErrorCode::STORAGE_INVALID_VALUE
            | ErrorCode::STORAGE_DUPLICATE_KEY => Self::InvalidMetadata,
            ErrorCode::STORAGE_OUTDATED_REVISION => Self::OutdatedRevision,
            ErrorCode::HISTORY_INVALID_TIMESTAMP | ErrorCode::HISTORY_OPERATION_NOT_PERMITTED => {
                Self::InvalidHistoryRange
            }
            ErrorCode::HISTORY_NOT_AVAILABLE => Self::Unsupported,
            ErrorCode::STORAGE_PERMISSION_DENIED
            | ErrorCode::LOCK_PERMISSION_DENIED
            | ErrorCode::HISTORY_PERMISSION_DENIED => Self::PermissionDenied,
            ErrorCode::LOCK_NOT_EXIST | ErrorCode::STORAGE_INVALID_LOCK_NAME => Self::UnknownLock,
            ErrorCode::LOCK_ALREADY_EXIST => Self::LockExists,
            ErrorCode::LOCK_ACQUIRE_FAILED => Self::LockTaken,
            ErrorCode::LOCK_NOT_ACQUIRED | ErrorCode::STORAGE_LOCK_NOT_ACQUIRED => {
                Self::LockNotOwned
            }
            _ => Self::Refused,
        }
    }
}
