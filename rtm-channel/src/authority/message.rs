//! The authority of a message or user channel.

use bytes::Bytes;
use rtm_wire::{
    ChannelKind, Encode, Epoch, ErrorCode, Event, MessageEvent, Position, Publish, Published,
    Sequence, SubscribeOptions, UnixTime,
};

use super::membership::{Member, Membership};
use crate::identity::{ChannelKey, Identity};
use crate::limits::Limits;
use crate::name::{SubscriberId, UserId};
use crate::refusal::Refusal;

/// An event, written once, and the sessions that get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fanout {
    /// The encoded [`Event`].
    pub event: Bytes,
    /// Who gets it.
    pub to: Vec<SubscriberId>,
}

/// The truth about one message channel, or one user's inbox.
///
/// ```text
///                subscribe                    publish
///   (absent) ◄──────────────► member     position ──► position + 1, event to all members
///           unsubscribe, remove
/// ```
///
/// A user's sessions are the members of the channel with the user's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageAuthority {
    key: ChannelKey,
    position: Position,
    members: Membership,
}

impl MessageAuthority {
    /// A channel without members, whose next message follows `floor`.
    ///
    /// The epoch must be persisted, and the floor be no lower than the channel's last sequence in
    /// this epoch, so that positions never go back.
    #[must_use]
    pub fn new(key: ChannelKey, epoch: Epoch, floor: Sequence, limits: &Limits) -> Self {
        let members = Membership::new(limits.message_members);
        Self { key, position: Position { epoch, sequence: floor }, members }
    }

    /// Lets a session hear what is published from now on; the channel's present position.
    ///
    /// A session that is subscribed already changes what it wants to hear of.
    ///
    /// # Errors
    /// The channel is full.
    pub fn subscribe(
        &mut self,
        subscriber: SubscriberId,
        identity: Identity,
        options: SubscribeOptions,
    ) -> Result<Position, Refusal> {
        if self.members.insert(subscriber, Member { identity, options }) {
            Ok(self.position)
        } else {
            let reason = "the channel has as many subscribers as are allowed";
            Err(Refusal::new(ErrorCode::CHANNEL_SUBSCRIBE_FAILED, reason))
        }
    }

    /// Ends a session's subscription.
    ///
    /// # Errors
    /// There is none.
    pub fn unsubscribe(&mut self, subscriber: SubscriberId) -> Result<(), Refusal> {
        match self.members.remove(subscriber) {
            Some(_) => Ok(()),
            None => {
                let reason = "not subscribed to this channel; subscribe first";
                Err(Refusal::new(ErrorCode::CHANNEL_NOT_SUBSCRIBED, reason))
            }
        }
    }

    /// The session is gone.
    pub fn remove(&mut self, subscriber: SubscriberId) {
        self.members.remove(subscriber);
    }

    /// Gives a message its place. The caller has checked limits and repetition.
    ///
    /// # Errors
    /// A user channel whose user has no session.
    pub fn publish(
        &mut self,
        time: UnixTime,
        publisher: &UserId,
        publish: &Publish<'_>,
    ) -> Result<(Published, Fanout), Refusal> {
        if self.key.kind == ChannelKind::User && self.members.is_empty() {
            let reason = format!("user {} is not online; try again later", self.key.name);
            return Err(Refusal::new(ErrorCode::CHANNEL_RECEIVER_OFFLINE, reason));
        }
        self.position.sequence = self.position.sequence.next();
        let event = Event::Message(MessageEvent {
            channel: self.key.as_ref(),
            publisher: publisher.as_str(),
            position: self.position,
            time,
            message_type: publish.message_type,
            custom_type: publish.custom_type,
            payload: publish.payload,
        });
        let mut encoded = Vec::with_capacity(event.encoded_len());
        event.encode(&mut encoded);
        let hears = self.members.iter().filter(|(_, member)| member.options.messages);
        // At once, not in steps: the list is the one allocation besides the event.
        let mut to = Vec::with_capacity(self.members.len());
        to.extend(hears.map(|(subscriber, _)| subscriber));
        let published = Published { position: self.position, time };
        Ok((published, Fanout { event: encoded.into(), to }))
    }

    /// The last message's place.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// Whether nobody is subscribed: then all that must be kept of the channel is its position.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether the session is subscribed.
    #[must_use]
    pub fn is_subscribed(&self, subscriber: SubscriberId) -> bool {
        self.members.contains(subscriber)
    }
}
