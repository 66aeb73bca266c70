//! Messages in topics.

use bytes::Bytes;
use rtm_channel::{Fanout, Refusal, SubscriberId, check_custom_type, check_length};
use rtm_wire::{
    Encode, ErrorCode, Event, Position, PublishTopic, Published, Time, TopicMessageEvent, UnixTime,
};

use super::StreamAuthority;
use super::stream::topic_name;
use super::topic::PublicationKey;

impl StreamAuthority {
    /// Gives a message its place in its publication. The caller has checked for repetition.
    ///
    /// # Errors
    /// Not a member, not a publisher of the topic, too long, or too frequent.
    pub fn publish_topic(
        &mut self,
        now: Time,
        time: UnixTime,
        subscriber: SubscriberId,
        publish: &PublishTopic<'_>,
    ) -> Result<(Published, PublicationKey, Fanout), Refusal> {
        let user = self.member(subscriber)?.identity.user.clone();
        let (epoch, limits) = (self.position.epoch, self.limits);
        // By text, and the name shared: a message costs no allocation besides event and list.
        let topic = match self.topics.get_key_value(publish.topic) {
            Some((topic, _)) => topic.clone(),
            None => topic_name(publish.topic)?,
        };
        let publication = self.publication(publish.topic, &user, subscriber)?;
        check_custom_type(publish.custom_type, limits.custom_type_len)?;
        check_length(publish.payload.len() + publish.custom_type.len(), limits.message_len)?;
        if !publication.rate.take(now) {
            let rate = limits.messages_per_second;
            let reason = format!("more than {rate} messages a second in this topic; slow down");
            return Err(Refusal::new(ErrorCode::CHANNEL_PUBLISH_MESSAGE_TOO_FREQUENT, reason));
        }
        publication.last = publication.last.next();
        let event = Event::TopicMessage(TopicMessageEvent {
            channel: publish.channel,
            topic: publish.topic,
            publisher: user.as_str(),
            epoch,
            publication: publication.number,
            sequence: publication.last,
            time,
            message_type: publish.message_type,
            custom_type: publish.custom_type,
            payload: publish.payload,
        });
        let mut encoded = Vec::with_capacity(event.encoded_len());
        event.encode(&mut encoded);
        let event = Bytes::from(encoded);
        if publication.delivery.is_latest_only() {
            publication.latest = Some(event.clone());
        }
        let to = publication.subscribers.iter().copied().collect();
        let position = Position { epoch, sequence: publication.last };
        let fanout = Fanout { event, to };
        Ok((Published { position, time }, PublicationKey { topic, user }, fanout))
    }
}
