//! How much is allowed in topics.

/// Limits of topics, for one app. The numbers of hosted RTM 2.x are [`TopicLimits::hosted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicLimits {
    /// Longest topic name in bytes; above 64 it has no effect.
    pub topic_name_len: usize,
    /// Longest message in bytes, custom type included.
    pub message_len: usize,
    /// Longest custom type in bytes.
    pub custom_type_len: usize,
    /// Longest publisher metadata in bytes.
    pub meta_len: usize,
    /// Messages a second that one client may publish in one topic.
    pub messages_per_second: u32,
    /// Topics of one channel that one client may publish in.
    pub joined_topics: usize,
    /// Topics of one channel that one client may be subscribed to.
    pub subscribed_topics: usize,
    /// Publishers of one topic that one client may be subscribed to.
    pub publishers_per_subscription: usize,
}

impl TopicLimits {
    /// What hosted RTM 2.x allows; of topic names it announces 64 bytes, but allows 16.
    #[must_use]
    pub const fn hosted() -> Self {
        Self {
            topic_name_len: 16,
            message_len: 1_024,
            custom_type_len: 32,
            meta_len: 256,
            messages_per_second: 200,
            joined_topics: 8,
            subscribed_topics: 50,
            publishers_per_subscription: 64,
        }
    }

    /// For development and benchmarks: as much as one machine may bear.
    #[must_use]
    pub const fn open() -> Self {
        Self {
            topic_name_len: rtm_channel::NAME_LEN_MAX,
            message_len: 64 * 1_024,
            custom_type_len: 32,
            meta_len: 256,
            messages_per_second: 1_000_000,
            joined_topics: 64,
            subscribed_topics: 1_000,
            publishers_per_subscription: 1_000,
        }
    }
}
