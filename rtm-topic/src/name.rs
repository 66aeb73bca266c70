//! Names of topics.

use rtm_channel::NAME_LEN_MAX;

rtm_channel::name_type! {
    /// A topic of a stream channel. 64 characters, as RTM 2.x announces (its older pages say 16).
    TopicName, "the topic name", NAME_LEN_MAX, CHANNEL_INVALID_TOPIC_NAME
}
