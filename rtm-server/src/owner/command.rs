//! What gateway and owner say to each other.

use std::time::Duration;

use bytes::Bytes;
use rtm_channel::{AppId, ChannelKey, ChannelName, Identity, SubscriberId, UserId};
use rtm_topic::TopicName;
use rtm_wire::{ChannelKind, ErrorCode, LaneMode, OperationId, Position, Priority, QueuePolicy};

use crate::rights::{Pass, Rights};

/// Something that a session does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    /// The session's app.
    pub app: AppId,
    /// The session.
    pub from: SubscriberId,
    /// Whose it is.
    pub identity: Identity,
    /// What it may do.
    pub rights: Rights,
    /// What it does.
    pub kind: CommandKind,
}

/// What a session does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CommandKind {
    /// It logs in.
    SessionBegan {
        /// How long the others aren't told of its loss.
        presence_timeout: Duration,
    },
    /// Its login was granted, and takes effect when the client has proved that it is there.
    SessionExpected,
    /// Nothing was heard of it for so long that it counts as lost.
    SessionSilent,
    /// It is heard again.
    SessionHeard,
    /// It is gone.
    SessionEnded {
        /// Whether it may come back; else it has said good-bye, or was put out.
        is_lost: bool,
    },
    /// A publish of it was refused without asking.
    PublishRefused {
        /// Which.
        operation: OperationId,
        /// Why.
        code: ErrorCode,
    },
    /// It has room again in a message channel of which it has missed what came after this message.
    CatchUp {
        /// Which.
        channel: ChannelName,
        /// The last message that it has got.
        after: Position,
    },
    /// It has another token, by which it may do something else than before.
    RightsChanged,
    /// It asks for something.
    Request {
        /// What the answer refers to.
        operation: OperationId,
        /// The encoded request.
        message: Bytes,
        /// For how long it is of worth, if it is so for a time only.
        time_left: Option<Duration>,
        /// What its token gives for the stream channel that is concerned.
        pass: Option<Pass>,
    },
}

/// What a lane towards a session is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LaneKey {
    /// Replies and membership events.
    Control,
    /// The messages of one message or user channel; who is in a message or stream channel, its
    /// metadata and its locks.
    Channel(ChannelKind, ChannelName),
    /// The messages of one publication.
    Publication(ChannelName, TopicName, UserId),
    /// The metadata of one user.
    UserMetadata(ChannelName),
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subscription {
    /// To a message channel.
    Channel(ChannelName),
    /// To a topic of a stream channel.
    Topic(ChannelName, TopicName),
}

/// Something to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// An answer, on the control lane.
    Reply {
        /// To whom.
        to: SubscriberId,
        /// The channel or user whose metadata, locks or inbox it tells of, if it does.
        of: Option<ChannelKey>,
        /// The encoded reply.
        message: Bytes,
    },
    /// An event, the same bytes for all.
    Event {
        /// To whom.
        to: Vec<SubscriberId>,
        /// On which lane.
        lane: LaneKey,
        /// How that lane is, if it has to be opened.
        mode: LaneMode,
        /// How that lane is, if it has to be opened.
        priority: Priority,
        /// For how long the event is of worth, if it is so for a time only.
        time_left: Option<Duration>,
        /// The encoded event.
        message: Bytes,
    },
    /// What becomes of a subscription's messages that come too fast.
    Queue {
        /// At whom.
        to: SubscriberId,
        /// Of which subscription.
        of: Subscription,
        /// What becomes of them.
        policy: QueuePolicy,
    },
    /// What comes of a message channel from here on is what was missed, in order.
    Replay {
        /// At whom.
        to: SubscriberId,
        /// Which.
        channel: ChannelName,
    },
    /// What was missed has come, or a part of it.
    ReplayEnds {
        /// At whom.
        to: SubscriberId,
        /// In which channel.
        channel: ChannelName,
        /// The last message of the part, after which there is more.
        more_after: Option<Position>,
    },
    /// Nothing more comes on these lanes.
    LaneEnds {
        /// At whom.
        to: Vec<SubscriberId>,
        /// The lane.
        lane: LaneKey,
    },
    /// Nothing more comes on any lane of a stream channel's topics.
    TopicsEnd {
        /// At whom.
        to: SubscriberId,
        /// The stream channel.
        channel: ChannelName,
    },
}

impl Output {
    /// An event that comes, and comes in order.
    pub(crate) const fn in_order(lane: LaneKey, to: Vec<SubscriberId>, message: Bytes) -> Self {
        Self::Event {
            to,
            lane,
            mode: LaneMode::RELIABLE_ORDERED,
            priority: Priority::Normal,
            time_left: None,
            message,
        }
    }
}

impl LaneKey {
    /// The lane of a channel's messages, and of all else that is told of it.
    pub(crate) fn of(channel: &ChannelKey) -> Self {
        Self::Channel(channel.kind, channel.name.clone())
    }
}
