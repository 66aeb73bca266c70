//! Names of topics.

use rtm_channel::NAME_LEN_MAX;

rtm_channel::name_type! {
    /// A topic of a stream channel. An owner may allow less: see
    /// [`TopicLimits::topic_name_len`](crate::TopicLimits::topic_name_len).
    TopicName, "the topic name", NAME_LEN_MAX, CHANNEL_INVALID_TOPIC_NAME
}
