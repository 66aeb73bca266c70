//! How much is allowed.

use rtm_wire::{ChannelKind, ErrorCode};

use crate::refusal::Refusal;

/// Limits of channels, for one app. The numbers of hosted RTM 2.x are [`Limits::hosted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest message of a message or user channel in bytes, custom type included.
    pub message_len: usize,
    /// Longest custom type in bytes.
    pub custom_type_len: usize,
    /// Messages a second that one client may publish to message and user channels.
    pub messages_per_second: u32,
    /// Message channels that one client may be subscribed to.
    pub subscriptions: usize,
    /// Subscriptions of one client to one channel within five seconds.
    pub subscribes_per_5_seconds: u32,
    /// Calls a second by which one client joins stream channels and topics; fifty times as many at
    /// once, since a session begins with all that the former one had.
    pub joins_per_second: u32,
    /// Logins of one user within five seconds, comebacks included.
    pub logins_per_5_seconds: u32,
    /// Stream channels that one client may have joined.
    pub stream_channels: usize,
    /// Users in one stream channel.
    pub stream_members: usize,
    /// Users subscribed to one message channel.
    pub message_members: usize,
    /// Messages that wait for one user.
    pub inbox_messages: usize,
    /// Bytes of messages that wait for one user.
    pub inbox_bytes: usize,
    /// Days for which they wait.
    pub inbox_days: u32,
    /// Bytes of messages that wait for all users together.
    pub inboxes_bytes: usize,
    /// Users in one channel up to which each change of presence is told at once.
    pub presence_announced: usize,
    /// Interval in seconds in which changes among more users are told.
    pub presence_interval: u32,
    /// Users whom a snapshot names.
    pub presence_snapshot: usize,
    /// Time in seconds for which an explicit leave isn't told: who comes again within it was never
    /// away.
    pub presence_debounce: u32,
    /// States of one user in one channel; at most as many as a list of the wire has.
    pub presence_states: usize,
    /// Longest key of a state in bytes; at most that of a name of the wire.
    pub presence_key_len: usize,
    /// Longest value of a state in bytes; at most that of the wire.
    pub presence_value_len: usize,
    /// Bytes of the keys and values of one user in one channel together. An event tells them all:
    /// it must be a message that clients take.
    pub presence_states_len: usize,
    /// Users on one page of those who are in a channel; at most as many as a list of the wire has.
    pub presence_page: usize,
    /// Calls of presence a second by one client: states that are set or removed, and questions.
    pub presence_calls_per_second: u32,
    /// Longest key of metadata in bytes; at most 255.
    pub storage_key_len: usize,
    /// Longest value of metadata in bytes; at most 65,536.
    pub storage_value_len: usize,
    /// Keys and values of one set of metadata in bytes.
    pub storage_set_len: usize,
    /// Items of one set of metadata; at most 4,096, which is what views keep.
    pub storage_items: usize,
    /// Writes of metadata a second by one client.
    pub storage_writes_per_second: u32,
    /// Reads a second by one client: pages of metadata, subscriptions to users' and their ends,
    /// lists of locks.
    pub storage_reads_per_second: u32,
    /// Users whose metadata one client may be subscribed to.
    pub storage_user_subscriptions: usize,
    /// Items of metadata in one answer; at most 1,000.
    pub storage_page: usize,
    /// Locks of one channel; at most 400, so that a message of 64 KiB names them all.
    pub locks: usize,
    /// Shortest time in seconds for which a lost owner keeps a lock; less is brought to it.
    pub lock_ttl_min: u32,
    /// Longest one; more is brought to it.
    pub lock_ttl_max: u32,
    /// Sets of metadata that have items, of all channels and users together.
    pub storage_sets: usize,
    /// Bytes of all of them, as [`StorageAuthority::footprint`](crate::StorageAuthority::footprint)
    /// counts.
    pub storage_bytes: usize,
    /// Locks of all channels together.
    pub locks_of_app: usize,
    /// Calls a second by one client that set, remove, acquire, release or revoke a lock.
    pub lock_calls_per_second: u32,
}

impl Limits {
    /// What hosted RTM 2.x allows (its stricter page, where its pages differ).
    #[must_use]
    pub const fn hosted() -> Self {
        Self {
            message_len: 32 * 1_024,
            custom_type_len: 32,
            messages_per_second: 60,
            subscriptions: 50,
            subscribes_per_5_seconds: 2,
            joins_per_second: 20,
            logins_per_5_seconds: 10,
            stream_channels: 10,
            stream_members: 128,
            message_members: 50_000,
            inbox_messages: 200,
            inbox_bytes: 1_024 * 1_024,
            inbox_days: 7,
            inboxes_bytes: 256 * 1_024 * 1_024,
            presence_announced: 50,
            presence_interval: 30,
            presence_snapshot: 512,
            presence_debounce: 2,
            presence_states: 32,
            presence_key_len: 64,
            presence_value_len: 1_024,
            presence_states_len: 8_192,
            presence_page: 100,
            presence_calls_per_second: 20,
            storage_key_len: 32,
            storage_value_len: 16 * 1_024,
            storage_set_len: 16 * 1_024,
            storage_items: 1_024,
            storage_writes_per_second: 20,
            storage_reads_per_second: 200,
            storage_user_subscriptions: 100,
            storage_page: 1_000,
            locks: 32,
            lock_ttl_min: 10,
            lock_ttl_max: 300,
            storage_sets: 1_000_000,
            storage_bytes: 256 * 1_024 * 1_024,
            locks_of_app: 1_000_000,
            lock_calls_per_second: 10,
        }
    }

    /// For development and benchmarks: as much as one machine may bear.
    #[must_use]
    pub const fn open() -> Self {
        Self {
            message_len: 64 * 1_024,
            custom_type_len: 32,
            messages_per_second: 1_000_000,
            subscriptions: 4_000,
            subscribes_per_5_seconds: 1_000,
            joins_per_second: 1_000_000,
            logins_per_5_seconds: 1_000_000,
            stream_channels: 1_000,
            stream_members: 100_000,
            message_members: 100_000,
            inbox_messages: 10_000,
            inbox_bytes: 16 * 1_024 * 1_024,
            inbox_days: 7,
            inboxes_bytes: 1_024 * 1_024 * 1_024,
            presence_announced: 50,
            presence_interval: 30,
            presence_snapshot: 512,
            presence_debounce: 0,
            presence_states: 128,
            presence_key_len: 255,
            presence_value_len: 16_384,
            presence_states_len: 65_536,
            presence_page: 1_000,
            presence_calls_per_second: 1_000_000,
            storage_key_len: 255,
            storage_value_len: 64 * 1_024,
            storage_set_len: 1_024 * 1_024,
            storage_items: 4_096,
            storage_writes_per_second: 1_000_000,
            storage_reads_per_second: 1_000_000,
            storage_user_subscriptions: 1_000,
            storage_page: 1_000,
            locks: 256,
            lock_ttl_min: 1,
            lock_ttl_max: 3_600,
            storage_sets: 1_000_000,
            storage_bytes: 1_024 * 1_024 * 1_024,
            locks_of_app: 1_000_000,
            lock_calls_per_second: 1_000_000,
        }
    }

    /// Those of a channel of this kind, where they differ: as many may listen to what is told of a
    /// stream channel as may be in it.
    #[must_use]
    pub const fn of_kind(mut self, kind: ChannelKind) -> Self {
        if matches!(kind, ChannelKind::Stream) {
            self.message_members = self.stream_members;
        }
        self
    }

    /// Checks a message for a message or user channel.
    ///
    /// # Errors
    /// Custom type or message too long; the text names both numbers.
    pub fn check_message(&self, custom_type: &str, payload: &[u8]) -> Result<(), Refusal> {
        check_custom_type(custom_type, self.custom_type_len)?;
        let length = payload.len() + custom_type.len();
        check_length(length, self.message_len)
    }
}

/// Checks one more subscription of a client that listens to `count` users' metadata.
///
/// # Errors
/// As many as are allowed.
pub fn check_user_subscriptions(count: usize, limit: usize) -> Result<(), Refusal> {
    if count < limit {
        return Ok(());
    }
    let reason = format!("subscribed to the metadata of {count} users, the limit; end one first");
    Err(Refusal::new(ErrorCode::STORAGE_SUBSCRIBE_USER_EXCEED_LIMITATION, reason))
}

/// Checks a custom type.
///
/// # Errors
/// Too long.
pub fn check_custom_type(custom_type: &str, limit: usize) -> Result<(), Refusal> {
    if custom_type.len() <= limit {
        return Ok(());
    }
    let length = custom_type.len();
    let reason = format!("the custom type has {length} bytes, above the limit of {limit}");
    Err(Refusal::new(ErrorCode::CHANNEL_CUSTOM_TYPE_LENGTH_OVERFLOW, reason))
}

/// Checks a message's length.
///
/// # Errors
/// Too long.
pub fn check_length(length: usize, limit: usize) -> Result<(), Refusal> {
    if length <= limit {
        return Ok(());
    }
    let reason =
        format!("the message has {length} bytes, above the limit of {limit}; split or shorten it");
    Err(Refusal::new(ErrorCode::CHANNEL_MESSAGE_LENGTH_EXCEED_LIMITATION, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_users_are_listened_to_as_are_allowed() {
        let limit = Limits::hosted().storage_user_subscriptions;
        assert_eq!(check_user_subscriptions(limit - 1, limit), Ok(()));
        let code = check_user_subscriptions(limit, limit).unwrap_err().code;
        assert_eq!(code, ErrorCode::STORAGE_SUBSCRIBE_USER_EXCEED_LIMITATION);
    }

    #[test]
    fn messages_are_checked_at_the_limit_and_one_beyond() {
        let limits = Limits::hosted();
        let payload = vec![0; 32 * 1_024 - 4];
        assert_eq!(limits.check_message("type", &payload), Ok(()));
        let code = limits.check_message("type5", &payload).unwrap_err().code;
        assert_eq!(code, ErrorCode::CHANNEL_MESSAGE_LENGTH_EXCEED_LIMITATION);
        assert_eq!(limits.check_message(&"x".repeat(32), b""), Ok(()));
        let code = limits.check_message(&"x".repeat(33), b"").unwrap_err().code;
        assert_eq!(code, ErrorCode::CHANNEL_CUSTOM_TYPE_LENGTH_OVERFLOW);
    }
}
