//! Single limits over those of a preset.

use serde::Deserialize;

use super::MESSAGE_BYTES_MAX;
use crate::error::ServerError;
use crate::limits::AppLimits;

/// Declares the settings, each with the limit that it replaces, the least and the most that it may
/// be.
macro_rules! limits {
    ($($(#[$doc:meta])*
       $name:ident: $type:ty = $part:ident . $field:ident, $key:literal,
       $min:literal, $max:expr;)*) => {
        /// Limits that a configuration file may change; the others are the preset's.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
        #[non_exhaustive]
        pub struct LimitSettings {
            $($(#[$doc])* pub $name: Option<$type>,)*
        }

        impl LimitSettings {
            pub(super) fn over(&self, base: AppLimits) -> Result<AppLimits, ServerError> {
                let mut limits = base;
                $(if let Some(value) = self.$name {
                    let advice = concat!("it may be from ", $min, " to ", stringify!($max));
                    super::check($key, value, $min..=$max, advice)?;
                    limits.$part.$field = value;
                })*
                Ok(limits)
            }

            /// The names of all limits, and their values in `limits`.
            #[cfg(test)]
            pub(super) fn listed(limits: &AppLimits) -> Vec<(&'static str, String)> {
                vec![$(($key, limits.$part.$field.to_string()),)*]
            }
        }
    };
}

limits! {
    /// Longest message of message and user channels, custom type included, in bytes.
    message_bytes: usize = channel.message_len, "limits.message-bytes", 1, MESSAGE_BYTES_MAX;
    /// Messages a second that one client may publish to message and user channels.
    messages_per_second: u32 =
        channel.messages_per_second, "limits.messages-per-second", 1, 1_000_000;
    /// Message channels that one client may be subscribed to.
    subscriptions: usize = channel.subscriptions, "limits.subscriptions", 1, 10_000;
    /// Times within five seconds that one client may subscribe to one channel.
    subscribes_per_5_seconds: u32 =
        channel.subscribes_per_5_seconds, "limits.subscribes-per-5-seconds", 1, 1_000_000;
    /// Calls a second by which one client joins stream channels and topics; fifty times as many at
    /// once.
    joins_per_second: u32 = channel.joins_per_second, "limits.joins-per-second", 1, 1_000_000;
    /// Logins of one user within five seconds, comebacks included.
    logins_per_5_seconds: u32 =
        channel.logins_per_5_seconds, "limits.logins-per-5-seconds", 1, 1_000_000;
    /// Clients subscribed to one message channel.
    message_members: usize = channel.message_members, "limits.message-members", 1, 10_000_000;
    /// Stream channels that one client may have joined.
    stream_channels: usize = channel.stream_channels, "limits.stream-channels", 1, 10_000;
    /// Clients in one stream channel.
    stream_members: usize = channel.stream_members, "limits.stream-members", 1, 10_000_000;
    /// Longest message in a topic, custom type included, in bytes.
    topic_message_bytes: usize =
        topic.message_len, "limits.topic-message-bytes", 1, MESSAGE_BYTES_MAX;
    /// Messages a second that one client may publish in one topic.
    topic_messages_per_second: u32 =
        topic.messages_per_second, "limits.topic-messages-per-second", 1, 1_000_000;
    /// Topics of one channel that one client may publish in.
    joined_topics: usize = topic.joined_topics, "limits.joined-topics", 1, 10_000;
    /// Topics of one channel that one client may be subscribed to.
    subscribed_topics: usize = topic.subscribed_topics, "limits.subscribed-topics", 1, 10_000;
    /// Longest topic name, in bytes.
    topic_name_bytes: usize = topic.topic_name_len, "limits.topic-name-bytes", 1, 64;
    /// Publishers of one topic that one client may be subscribed to.
    publishers_per_subscription: usize =
        topic.publishers_per_subscription, "limits.publishers-per-subscription", 1, 100_000;
    /// Messages that wait for one user.
    inbox_messages: usize = channel.inbox_messages, "limits.inbox-messages", 1, 1_000_000;
    /// Bytes of messages that wait for one user.
    inbox_bytes: usize = channel.inbox_bytes, "limits.inbox-bytes", 1, 1_073_741_824;
    /// Days for which they wait.
    inbox_days: u32 = channel.inbox_days, "limits.inbox-days", 1, 365;
    /// Bytes of messages that wait for all users of an app together.
    inboxes_bytes: usize = channel.inboxes_bytes, "limits.inboxes-bytes", 1, 1_099_511_627_776;
    /// Users in one channel up to which each change of presence is told at once.
    presence_announced: usize =
        channel.presence_announced, "limits.presence-announced", 8, 128;
    /// Interval in which the changes among more users are told, in seconds.
    presence_interval_seconds: u32 =
        channel.presence_interval, "limits.presence-interval-seconds", 5, 300;
    /// Users whom a snapshot of presence names.
    presence_snapshot_users: usize =
        channel.presence_snapshot, "limits.presence-snapshot-users", 1, 10_000;
    /// Time for which it isn't told that a user has left, in seconds: who comes again was never
    /// away.
    presence_debounce_seconds: u32 =
        channel.presence_debounce, "limits.presence-debounce-seconds", 0, 60;
    /// States that one user may show in one channel.
    presence_states: usize = channel.presence_states, "limits.presence-states", 1, 128;
    /// Longest key of a state, in bytes.
    presence_key_bytes: usize = channel.presence_key_len, "limits.presence-key-bytes", 1, 255;
    /// Longest value of a state, in bytes.
    presence_value_bytes: usize =
        channel.presence_value_len, "limits.presence-value-bytes", 1, 16_384;
    /// Keys and values of one user in one channel together, in bytes.
    presence_states_bytes: usize =
        channel.presence_states_len, "limits.presence-states-bytes", 1, 65_536;
    /// Users on one page of those who are in a channel.
    presence_page_users: usize = channel.presence_page, "limits.presence-page-users", 1, 1_000;
    /// Calls of presence a second by one client.
    presence_calls_per_second: u32 =
        channel.presence_calls_per_second, "limits.presence-calls-per-second", 1, 1_000_000;
    /// Longest key of metadata, in bytes.
    storage_key_bytes: usize = channel.storage_key_len, "limits.storage-key-bytes", 1, 255;
    /// Longest value of metadata, in bytes.
    storage_value_bytes: usize =
        channel.storage_value_len, "limits.storage-value-bytes", 1, 65_536;
    /// Keys and values of one set of metadata, in bytes.
    storage_set_bytes: usize = channel.storage_set_len, "limits.storage-set-bytes", 1, 2_097_152;
    /// Items of one set of metadata.
    storage_items: usize = channel.storage_items, "limits.storage-items", 1, 4_096;
    /// Writes of metadata a second by one client.
    storage_writes_per_second: u32 =
        channel.storage_writes_per_second, "limits.storage-writes-per-second", 1, 1_000_000;
    /// Reads a second by one client: pages of metadata, subscriptions to users' and their ends,
    /// lists of locks.
    storage_reads_per_second: u32 =
        channel.storage_reads_per_second, "limits.storage-reads-per-second", 1, 1_000_000;
    /// Users whose metadata one client may be subscribed to.
    storage_user_subscriptions: usize =
        channel.storage_user_subscriptions, "limits.storage-user-subscriptions", 1, 10_000;
    /// Items of metadata in one answer.
    storage_page: usize = channel.storage_page, "limits.storage-page", 1, 1_000;
    /// Sets of metadata of one app that have items.
    storage_sets: usize = channel.storage_sets, "limits.storage-sets", 1, 100_000_000;
    /// Bytes of all of them: keys and values, 192 bytes for each item and 512 for each set.
    storage_bytes: usize = channel.storage_bytes, "limits.storage-bytes", 1, 1_099_511_627_776;
    /// Locks of one channel.
    locks: usize = channel.locks, "limits.locks", 1, 400;
    /// Shortest time for which a lost owner keeps a lock, in seconds; less is brought to it.
    lock_ttl_min_seconds: u32 = channel.lock_ttl_min, "limits.lock-ttl-min-seconds", 1, 86_400;
    /// Longest one; more is brought to it.
    lock_ttl_max_seconds: u32 = channel.lock_ttl_max, "limits.lock-ttl-max-seconds", 1, 86_400;
    /// Locks of all channels of one app together.
    locks_of_app: usize = channel.locks_of_app, "limits.locks-of-app", 1, 100_000_000;
    /// Calls a second by one client that set, remove, acquire, release or revoke a lock.
    lock_calls_per_second: u32 =
        channel.lock_calls_per_second, "limits.lock-calls-per-second", 1, 1_000_000;
}
