//! The authority of a message channel.

use bytes::Bytes;
use rtm_wire::{
    Epoch, ErrorCode, Event, MessageEvent, Position, Publish, Published, Sequence,
    SubscribeOptions, UnixTime,
};

use super::event::encoded;
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

/// The truth about one message channel.
///
/// ```text
///                subscribe                    publish
///   (absent) ◄──────────────► member     position ──► position + 1, event to all members
///           unsubscribe, remove
/// ```
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
    pub fn publish(
        &mut self,
        time: UnixTime,
        publisher: &UserId,
        publish: &Publish<'_>,
    ) -> (Published, Fanout) {
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
        let event = encoded(&event);
        let hears = self.members.iter().filter(|(_, member)| member.options.messages);
        // At once, not in steps: the list is the one allocation besides the event.
        let mut to = Vec::with_capacity(self.members.len());
        to.extend(hears.map(|(subscriber, _)| subscriber));
        let published = Published { position: self.position, time };
        (published, Fanout { event, to })
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

#[cfg(test)]
mod tests {
    use rtm_wire::{ChannelKind, MessageType, PublishFlags, QueuePolicy, SessionInstance};

    use super::*;
    use crate::name::{AppId, ChannelName};

    const MUTE: SubscribeOptions = SubscribeOptions {
        messages: false,
        presence: true,
        metadata: false,
        locks: false,
        quiet: false,
        queue: QueuePolicy::Default,
    };

    fn authority(members_max: usize) -> MessageAuthority {
        let (app, name) = (AppId::new("app"), ChannelName::new("alice"));
        let (app, name) = (app.expect("a name"), name.expect("a name"));
        let key = ChannelKey { app, kind: ChannelKind::Message, name };
        let mut limits = Limits::hosted();
        limits.message_members = members_max;
        MessageAuthority::new(key, Epoch(2), Sequence(7), &limits)
    }

    fn subscribe(
        authority: &mut MessageAuthority,
        session: u64,
        options: SubscribeOptions,
    ) -> Result<Position, Refusal> {
        let user = UserId::new("bob").expect("a name");
        let identity = Identity { user, instance: SessionInstance(session) };
        authority.subscribe(SubscriberId(session), identity, options)
    }

    fn publish(authority: &mut MessageAuthority) -> (u64, Vec<SubscriberId>) {
        let key = authority.key.clone();
        let publish = Publish {
            channel: key.as_ref(),
            flags: PublishFlags::default(),
            message_type: MessageType::Binary,
            custom_type: "",
            payload: b"x",
        };
        let user = UserId::new("carol").expect("a name");
        let (published, fanout) = authority.publish(UnixTime::from_millis(0), &user, &publish);
        (published.position.sequence.0, fanout.to)
    }

    /// Runs `act`, which must be refused with this number and change nothing.
    #[track_caller]
    fn refused<T: std::fmt::Debug>(
        authority: &mut MessageAuthority,
        code: ErrorCode,
        act: impl FnOnce(&mut MessageAuthority) -> Result<T, Refusal>,
    ) {
        let before = authority.clone();
        assert_eq!(act(authority).unwrap_err().code, code);
        assert_eq!(*authority, before, "a refusal changes nothing");
    }

    #[test]
    fn as_many_subscribe_as_are_allowed_and_they_may_change_their_options() {
        let mut authority = authority(2);
        let position = Position { epoch: Epoch(2), sequence: Sequence(7) };
        for session in [1, 2] {
            let result = subscribe(&mut authority, session, SubscribeOptions::default());
            assert_eq!(result, Ok(position));
        }
        refused(&mut authority, ErrorCode::CHANNEL_SUBSCRIBE_FAILED, |authority| {
            subscribe(authority, 3, SubscribeOptions::default())
        });
        assert_eq!(publish(&mut authority), (8, vec![SubscriberId(1), SubscriberId(2)]));
        assert!(subscribe(&mut authority, 1, MUTE).is_ok(), "a member, though it is full");
        assert_eq!(publish(&mut authority), (9, vec![SubscriberId(2)]));
    }

    #[test]
    fn who_is_not_subscribed_can_not_unsubscribe() {
        let mut authority = authority(2);
        let code = ErrorCode::CHANNEL_NOT_SUBSCRIBED;
        refused(&mut authority, code, |authority| authority.unsubscribe(SubscriberId(1)));
        assert!(subscribe(&mut authority, 1, MUTE).is_ok());
        assert_eq!(authority.unsubscribe(SubscriberId(1)), Ok(()));
        assert!(authority.is_empty());
        refused(&mut authority, code, |authority| authority.unsubscribe(SubscriberId(1)));
    }

    #[test]
    fn messages_to_nobody_are_sequenced() {
        assert_eq!(publish(&mut authority(2)), (8, Vec::new()));
    }
}
