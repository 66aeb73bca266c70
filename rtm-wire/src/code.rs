//! Error numbers of RTM 2.x, as the wire carries them: positive. SDKs show them negated.

use core::fmt;

/// The number of an error, 0 for success. Unknown numbers survive a round trip.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ErrorCode(pub u32);

/// Declares the numbers with the names that RTM 2.x gives them.
macro_rules! codes {
    ($($name:ident = $number:literal,)*) => {
        impl ErrorCode {
            $(#[doc = concat!("Error ", stringify!($number), ".")]
            pub const $name: Self = Self($number);)*

            /// The name in RTM 2.x, or "UNKNOWN".
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self.0 {
                    0 => "OK",
                    5 => "REMOTE_USER_IS_NOT_PUBLISHED",
                    6 => "INVALID_REMOTE_USER",
                    20_001 => "ALREADY_SUBSCRIBED",
                    20_003 => "SUB_USER_EXCEED_LIMITATION",
                    20_004 => "NOT_SUBSCRIBED",
                    $($number => stringify!($name),)*
                    _ => "UNKNOWN",
                }
            }
        }
    };
}

codes! {
    NOT_INITIALIZED = 10001,
    NOT_LOGIN = 10002,
    INVALID_APP_ID = 10003,
    INVALID_EVENT_HANDLER = 10004,
    INVALID_TOKEN = 10005,
    INVALID_USER_ID = 10006,
    INIT_SERVICE_FAILED = 10007,
    INVALID_CHANNEL_NAME = 10008,
    TOKEN_EXPIRED = 10009,
    LOGIN_NO_SERVER_RESOURCES = 10010,
    LOGIN_TIMEOUT = 10011,
    LOGIN_REJECTED = 10012,
    LOGIN_ABORTED = 10013,
    INVALID_PARAMETER = 10014,
    LOGIN_NOT_AUTHORIZED = 10015,
    INCONSISTENT_APPID = 10016,
    DUPLICATE_OPERATION = 10017,
    INSTANCE_ALREADY_RELEASED = 10018,
    INVALID_CHANNEL_TYPE = 10019,
    INVALID_ENCRYPTION_PARAMETER = 10020,
    OPERATION_RATE_EXCEED_LIMITATION = 10021,
    SERVICE_NOT_SUPPORTED = 10022,
    LOGIN_CANCELED = 10023,
    INVALID_PRIVATE_CONFIG = 10024,
    NOT_CONNECTED = 10025,
    RENEW_TOKEN_TIMEOUT = 10026,
    DUPLICATE_USER_ID = 10027,
    CHANNEL_NOT_JOINED = 11001,
    CHANNEL_NOT_SUBSCRIBED = 11002,
    CHANNEL_EXCEED_TOPIC_USER_LIMITATION = 11003,
    CHANNEL_IN_REUSE = 11004,
    CHANNEL_INSTANCE_EXCEED_LIMITATION = 11005,
    CHANNEL_IN_ERROR_STATE = 11006,
    CHANNEL_JOIN_FAILED = 11007,
    CHANNEL_INVALID_TOPIC_NAME = 11008,
    CHANNEL_INVALID_MESSAGE = 11009,
    CHANNEL_MESSAGE_LENGTH_EXCEED_LIMITATION = 11010,
    CHANNEL_INVALID_USER_LIST = 11011,
    CHANNEL_NOT_AVAILABLE = 11012,
    CHANNEL_TOPIC_NOT_SUBSCRIBED = 11013,
    CHANNEL_EXCEED_TOPIC_LIMITATION = 11014,
    CHANNEL_JOIN_TOPIC_FAILED = 11015,
    CHANNEL_TOPIC_NOT_JOINED = 11016,
    CHANNEL_TOPIC_NOT_EXIST = 11017,
    CHANNEL_INVALID_TOPIC_META = 11018,
    CHANNEL_SUBSCRIBE_TIMEOUT = 11019,
    CHANNEL_SUBSCRIBE_TOO_FREQUENT = 11020,
    CHANNEL_SUBSCRIBE_FAILED = 11021,
    CHANNEL_UNSUBSCRIBE_FAILED = 11022,
    CHANNEL_ENCRYPT_MESSAGE_FAILED = 11023,
    CHANNEL_PUBLISH_MESSAGE_FAILED = 11024,
    CHANNEL_PUBLISH_MESSAGE_TOO_FREQUENT = 11025,
    CHANNEL_PUBLISH_MESSAGE_TIMEOUT = 11026,
    CHANNEL_NOT_CONNECTED = 11027,
    CHANNEL_LEAVE_FAILED = 11028,
    CHANNEL_CUSTOM_TYPE_LENGTH_OVERFLOW = 11029,
    CHANNEL_INVALID_CUSTOM_TYPE = 11030,
    CHANNEL_UNSUPPORTED_MESSAGE_TYPE = 11031,
    CHANNEL_PRESENCE_NOT_READY = 11032,
    CHANNEL_RECEIVER_OFFLINE = 11033,
    CHANNEL_JOIN_CANCELED = 11034,
    CHANNEL_RECEIVER_OFFLINE_BUT_STORE_SUCCEEDED = 11035,
    CHANNEL_RECEIVER_OFFLINE_AND_STORE_FAILED = 11036,
    CHANNEL_MESSAGE_DELIVERED_BUT_STORE_FAILED = 11037,
    CHANNEL_SUBSCRIBE_PERMISSION_DENIED = 11038,
    CHANNEL_PUBLISH_PERMISSION_DENIED = 11039,
    CHANNEL_SUBSCRIBE_CANCELED = 11040,
    PRESENCE_NOT_CONNECTED = 13001,
    PRESENCE_NOT_WRITABLE = 13002,
    PRESENCE_INVALID_ARGUMENT = 13003,
    PRESENCE_CACHED_TOO_MANY_STATES = 13004,
    PRESENCE_STATE_COUNT_OVERFLOW = 13005,
    PRESENCE_INVALID_STATE_KEY = 13006,
    PRESENCE_INVALID_STATE_VALUE = 13007,
    PRESENCE_STATE_KEY_SIZE_OVERFLOW = 13008,
    PRESENCE_STATE_VALUE_SIZE_OVERFLOW = 13009,
    PRESENCE_STATE_DUPLICATE_KEY = 13010,
    PRESENCE_USER_NOT_EXIST = 13011,
    PRESENCE_OPERATION_TIMEOUT = 13012,
    PRESENCE_OPERATION_FAILED = 13013,
    PRESENCE_INACTIVE = 13014,
    PRESENCE_PENDING_REQUEST_CANCELLED = 13015,
    PRESENCE_PENDING_REQUEST_EXCEED_LIMITATION = 13016,
    STORAGE_OPERATION_FAILED = 12001,
    STORAGE_METADATA_ITEM_EXCEED_LIMITATION = 12002,
    STORAGE_INVALID_METADATA_ITEM = 12003,
    STORAGE_INVALID_ARGUMENT = 12004,
    STORAGE_INVALID_REVISION = 12005,
    STORAGE_METADATA_LENGTH_OVERFLOW = 12006,
    STORAGE_INVALID_LOCK_NAME = 12007,
    STORAGE_LOCK_NOT_ACQUIRED = 12008,
    STORAGE_INVALID_KEY = 12009,
    STORAGE_INVALID_VALUE = 12010,
    STORAGE_KEY_LENGTH_OVERFLOW = 12011,
    STORAGE_VALUE_LENGTH_OVERFLOW = 12012,
    STORAGE_DUPLICATE_KEY = 12013,
    STORAGE_OUTDATED_REVISION = 12014,
    STORAGE_NOT_SUBSCRIBE = 12015,
    STORAGE_INVALID_METADATA_INSTANCE = 12016,
    STORAGE_SUBSCRIBE_USER_EXCEED_LIMITATION = 12017,
    STORAGE_OPERATION_TIMEOUT = 12018,
    STORAGE_NOT_AVAILABLE = 12019,
    STORAGE_PERMISSION_DENIED = 12020,
    LOCK_OPERATION_FAILED = 14001,
    LOCK_OPERATION_TIMEOUT = 14002,
    LOCK_OPERATION_PERFORMING = 14003,
    LOCK_ALREADY_EXIST = 14004,
    LOCK_INVALID_NAME = 14005,
    LOCK_NOT_ACQUIRED = 14006,
    LOCK_ACQUIRE_FAILED = 14007,
    LOCK_NOT_EXIST = 14008,
    LOCK_NOT_AVAILABLE = 14009,
    LOCK_PERMISSION_DENIED = 14010,
    HISTORY_OPERATION_FAILED = 15001,
    HISTORY_INVALID_TIMESTAMP = 15002,
    HISTORY_OPERATION_TIMEOUT = 15003,
    HISTORY_OPERATION_NOT_PERMITTED = 15004,
    HISTORY_NOT_AVAILABLE = 15005,
    HISTORY_PERMISSION_DENIED = 15006,
}

impl ErrorCode {
    /// Success.
    pub const OK: Self = Self(0);
    /// A subscription found that this user doesn't publish in the topic (detail code of
    /// subscribe-topic results).
    pub const REMOTE_USER_IS_NOT_PUBLISHED: Self = Self(5);
    /// A subscription named something that isn't a user id (detail code).
    pub const INVALID_REMOTE_USER: Self = Self(6);
    /// The publisher was subscribed before (detail code).
    pub const ALREADY_SUBSCRIBED: Self = Self(20_001);
    /// One subscription more than the limit (detail code).
    pub const SUB_USER_EXCEED_LIMITATION: Self = Self(20_003);
    /// The publisher was not subscribed (detail code).
    pub const NOT_SUBSCRIBED: Self = Self(20_004);

    /// Whether this is success.
    #[must_use]
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for ErrorCode {
    /// The way SDKs show it: `-10005 INVALID_TOKEN`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_ok() { f.write_str("0 OK") } else { write!(f, "-{} {}", self.0, self.name()) }
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErrorCode({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn codes_are_shown_as_users_know_them() {
        for (code, shown) in [
            (ErrorCode::OK, "0 OK"),
            (ErrorCode::INVALID_TOKEN, "-10005 INVALID_TOKEN"),
            (ErrorCode::PRESENCE_USER_NOT_EXIST, "-13011 PRESENCE_USER_NOT_EXIST"),
            (ErrorCode::REMOTE_USER_IS_NOT_PUBLISHED, "-5 REMOTE_USER_IS_NOT_PUBLISHED"),
            (ErrorCode::INVALID_REMOTE_USER, "-6 INVALID_REMOTE_USER"),
            (ErrorCode::ALREADY_SUBSCRIBED, "-20001 ALREADY_SUBSCRIBED"),
            (ErrorCode::SUB_USER_EXCEED_LIMITATION, "-20003 SUB_USER_EXCEED_LIMITATION"),
            (ErrorCode::NOT_SUBSCRIBED, "-20004 NOT_SUBSCRIBED"),
            (ErrorCode(77), "-77 UNKNOWN"),
        ] {
            assert_eq!(format!("{code}"), shown);
        }
    }
}
