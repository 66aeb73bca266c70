//! What the server allows, as it says when a login succeeds.

use rtm_wire::{Limit, LimitKind, List};

/// Limits of the server that a client can keep to by itself; others are answered with errors.
///
/// What the server doesn't say is as hosted RTM 2.x has it, which is also the default.
///
/// ```no_run
/// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
/// client.login().await?;
/// let limits = client.limits().expect("after a login");
/// println!("{} bytes, {} a second", limits.message_len, limits.messages_per_second);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerLimits {
    /// Longest message of message and user channels, custom type included, in bytes.
    pub message_len: usize,
    /// Messages a second that this client may publish to message and user channels.
    pub messages_per_second: u32,
    /// Longest message in a topic, custom type included, in bytes.
    pub topic_message_len: usize,
    /// Messages a second that this client may publish in one topic.
    pub topic_messages_per_second: u32,
    /// States that this user may show in one channel.
    pub presence_states: usize,
    /// Longest key of a state, in bytes.
    pub presence_key_len: usize,
    /// Longest value of a state, in bytes.
    pub presence_value_len: usize,
    /// Keys and values of this user in one channel together, in bytes.
    pub presence_states_len: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        let (channel, topic) = (rtm_channel::Limits::hosted(), rtm_topic::TopicLimits::hosted());
        Self {
            message_len: channel.message_len,
            messages_per_second: channel.messages_per_second,
            topic_message_len: topic.message_len,
            topic_messages_per_second: topic.messages_per_second,
            presence_states: channel.presence_states,
            presence_key_len: channel.presence_key_len,
            presence_value_len: channel.presence_value_len,
            presence_states_len: channel.presence_states_len,
        }
    }
}

impl ServerLimits {
    /// As the server says; a number that is too large for its type counts as the largest.
    pub(crate) fn new(limits: List<'_, Limit>) -> Self {
        let bytes = |value| usize::try_from(value).unwrap_or(usize::MAX);
        let rate = |value| u32::try_from(value).unwrap_or(u32::MAX);
        let mut told = Self::default();
        for Limit { kind, value } in limits.iter() {
            match kind {
                LimitKind::MessageLen => told.message_len = bytes(value),
                LimitKind::MessagesPerSecond => told.messages_per_second = rate(value),
                LimitKind::TopicMessageLen => told.topic_message_len = bytes(value),
                LimitKind::TopicMessagesPerSecond => told.topic_messages_per_second = rate(value),
                LimitKind::PresenceStates => told.presence_states = bytes(value),
                LimitKind::PresenceKeyLen => told.presence_key_len = bytes(value),
                LimitKind::PresenceValueLen => told.presence_value_len = bytes(value),
                LimitKind::PresenceStatesLen => told.presence_states_len = bytes(value),
                _ => {}
            }
        }
        told
    }

    /// What is checked of states before they are sent. Those that are sealed are longer by what
    /// `sealing` adds, and so may be less long before.
    pub(crate) fn of_states(&self, sealing: usize) -> rtm_channel::Limits {
        let mut limits = rtm_channel::Limits::hosted();
        limits.presence_states = self.presence_states;
        limits.presence_key_len = self.presence_key_len;
        limits.presence_value_len = self.presence_value_len.saturating_sub(sealing);
        limits.presence_states_len = self.presence_states_len;
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_as_hosted() {
        let limits = [
            Limit { kind: LimitKind::MessagesPerSecond, value: 7 },
            Limit { kind: LimitKind::TopicMessagesPerSecond, value: 1 << 40 },
            Limit { kind: LimitKind::Unknown(99), value: 1 },
        ];
        let told = ServerLimits::new(List::Slice(&limits));
        let expected = ServerLimits {
            messages_per_second: 7,
            topic_messages_per_second: u32::MAX,
            ..ServerLimits::default()
        };
        assert_eq!(told, expected);
    }
}
