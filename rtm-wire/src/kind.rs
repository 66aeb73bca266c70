//! Small enumerations that travel as one byte, and keep numbers that this version doesn't know.

use crate::parse::{self, Parsed};

/// Declares an enumeration over a byte whose unknown values survive a round trip.
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $number:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
            /// A number that this version has no name for; never one of those above.
            Unknown(u8),
        }

        impl $name {
            /// The number on the wire.
            #[must_use]
            #[inline]
            pub const fn number(self) -> u8 {
                match self {
                    $(Self::$variant => $number,)*
                    Self::Unknown(number) => number,
                }
            }

            /// The value with this number.
            #[must_use]
            #[inline]
            pub const fn from_number(number: u8) -> Self {
                match number {
                    $($number => Self::$variant,)*
                    _ => Self::Unknown(number),
                }
            }

            #[inline]
            pub(crate) fn parse(input: crate::Input<'_>) -> Parsed<'_, Self> {
                parse::byte(input).map(|(rest, number)| (rest, Self::from_number(number)))
            }
        }
    };
}

open_enum! {
    /// What a channel is. Numbers as in RTM 2.x.
    ChannelKind {
        /// Publish and subscribe without joining.
        Message = 1,
        /// Joined by its members, who publish in topics.
        Stream = 2,
        /// One user's own: who publishes to it addresses that user.
        User = 3,
    }
}

open_enum! {
    /// How a payload is to be read. Numbers as in RTM 2.x.
    MessageType {
        /// Bytes.
        Binary = 0,
        /// UTF-8 text.
        String = 1,
    }
}

open_enum! {
    /// Order of a publication's messages, chosen by its publisher. Numbers as in RTM 2.x.
    Qos {
        /// Each message is delivered as soon as it arrives.
        Unordered = 0,
        /// Messages are delivered in the order in which they were published.
        Ordered = 1,
    }
}

open_enum! {
    /// Urgency against the other lanes of the same session. Numbers as in RTM 2.x.
    Priority {
        /// Before everything else.
        Highest = 0,
        /// Before normal.
        High = 1,
        /// The default.
        Normal = 4,
        /// When nothing else waits.
        Low = 8,
    }
}

open_enum! {
    /// What the network may do with a lane's messages.
    Reliability {
        /// Every message arrives while the session lives.
        Reliable = 0,
        /// A message that is too late is dropped, and named in a skip frame.
        Deadline = 1,
        /// A newer message replaces older ones that have not arrived.
        LatestOnly = 2,
    }
}

open_enum! {
    /// Cipher of data packets.
    Cipher {
        /// AES-256-GCM: where the processor has instructions for it.
        Aes256Gcm = 1,
        /// ChaCha20-Poly1305: everywhere else.
        ChaCha20Poly1305 = 2,
    }
}

open_enum! {
    /// What happened to a topic's publisher. Numbers as in RTM 2.x.
    TopicChange {
        /// A publisher joined the topic.
        Joined = 2,
        /// A publisher left the topic.
        Left = 3,
    }
}

open_enum! {
    /// How far a message to a user has got.
    Reach {
        /// The receiver's SDK has it.
        Received = 1,
        /// It waits for the receiver.
        Stored = 2,
        /// The receiver's SDK has it, but it could not be stored as was asked.
        ReceivedNotStored = 3,
    }
}

open_enum! {
    /// What an event tells of who is in a channel. Numbers as in RTM 2.x.
    PresenceChange {
        /// All who are there: to whoever has come.
        Snapshot = 1,
        /// Everything since the last one, in a channel of many.
        Interval = 2,
        /// A user came.
        Joined = 3,
        /// A user went.
        Left = 4,
        /// A user was lost, and hasn't come back in time.
        TimedOut = 5,
        /// A user has changed what it shows.
        StateChanged = 6,
        /// Nothing is told of this channel.
        OutOfService = 7,
    }
}

open_enum! {
    /// What an event tells of metadata. Numbers as in RTM 2.x.
    StorageChange {
        /// All of it: to whoever has begun to listen.
        Snapshot = 1,
        /// Items were set.
        Set = 2,
        /// Items that were there were written.
        Update = 3,
        /// Items were removed.
        Remove = 4,
    }
}

open_enum! {
    /// What an event tells of a channel's locks. Numbers as in RTM 2.x.
    LockChange {
        /// All of them: to whoever has begun to listen.
        Snapshot = 1,
        /// A lock was made.
        Set = 2,
        /// A lock was done away with.
        Removed = 3,
        /// A user has become a lock's owner.
        Acquired = 4,
        /// A lock's owner has given it up, or lost it.
        Released = 5,
        /// To the former owner: it has lost the lock.
        Expired = 6,
    }
}

open_enum! {
    /// What becomes of messages that come faster than a subscriber takes them.
    #[derive(Default)]
    QueuePolicy {
        /// As suits the kind of channel: catch up in message channels, disconnect in topics.
        #[default]
        Default = 0,
        /// What is stored comes later, from the history; the rest is told as missing. Message
        /// channels only.
        CatchUp = 1,
        /// The newest come, and what is missing is told.
        DropOldest = 2,
        /// The last one comes, and nothing is told of the others.
        LatestOnly = 3,
        /// The subscriber's session ends.
        Disconnect = 4,
    }
}

open_enum! {
    /// What becomes of a session's token. Numbers as in RTM 2.x.
    TokenChange {
        /// It ends soon.
        WillExpire = 1,
        /// It allows to read less than before.
        ReadPermissionRevoked = 2,
        /// It has ended, and what it was for. Not of RTM 2.x.
        Expired = 3,
    }
}

open_enum! {
    /// Which limit of the server's a client is told of.
    LimitKind {
        /// Longest message of message and user channels, custom type included, in bytes.
        MessageLen = 1,
        /// Messages a second to message and user channels.
        MessagesPerSecond = 2,
        /// Longest message in a topic, custom type included, in bytes.
        TopicMessageLen = 3,
        /// Messages a second in one topic.
        TopicMessagesPerSecond = 4,
        /// States of one user in one channel.
        PresenceStates = 5,
        /// Longest key of a state, in bytes.
        PresenceKeyLen = 6,
        /// Longest value of a state, in bytes.
        PresenceValueLen = 7,
        /// Keys and values of one user in one channel together, in bytes.
        PresenceStatesLen = 8,
        /// For how long all publishes have been known by now, in ms: those that were first sent
        /// since then, and have taken effect, are recognised when they are repeated, up to 1,024
        /// publishes later.
        PublishesKnown = 9,
        /// The same of messages that were to be stored, over restarts of the server.
        StoredPublishesKnown = 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_survives() {
        for number in 0..=u8::MAX {
            assert_eq!(ChannelKind::from_number(number).number(), number);
            assert_eq!(MessageType::from_number(number).number(), number);
            assert_eq!(Qos::from_number(number).number(), number);
            assert_eq!(Priority::from_number(number).number(), number);
            assert_eq!(Reliability::from_number(number).number(), number);
            assert_eq!(Cipher::from_number(number).number(), number);
            assert_eq!(TopicChange::from_number(number).number(), number);
            assert_eq!(PresenceChange::from_number(number).number(), number);
            assert_eq!(LimitKind::from_number(number).number(), number);
            assert_eq!(QueuePolicy::from_number(number).number(), number);
            assert_eq!(TokenChange::from_number(number).number(), number);
            assert_eq!(Reach::from_number(number).number(), number);
            assert_eq!(StorageChange::from_number(number).number(), number);
            assert_eq!(LockChange::from_number(number).number(), number);
        }
    }

    /// Numbers that users know from RTM 2.x.
    #[test]
    fn numbers_are_those_of_rtm_2() {
        assert_eq!(ChannelKind::from_number(1), ChannelKind::Message);
        assert_eq!(ChannelKind::from_number(2), ChannelKind::Stream);
        assert_eq!(ChannelKind::from_number(3), ChannelKind::User);
        assert_eq!((MessageType::Binary.number(), MessageType::String.number()), (0, 1));
        assert_eq!(Priority::from_number(8), Priority::Low);
        assert_eq!(Priority::from_number(2), Priority::Unknown(2));
    }
}
