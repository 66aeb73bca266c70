//! One topic, as its owner sees it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use rtm_channel::{RateLimit, SubscriberId, UserId};
use rtm_wire::{Delivery, Sequence, UnixTime};

use crate::name::TopicName;

/// A publisher's part in a topic: what has a lane of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicationKey {
    /// The topic.
    pub topic: TopicName,
    /// The publisher.
    pub user: UserId,
}

/// A user who publishes in a topic, from joining it to leaving it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Publication {
    pub(super) session: SubscriberId,
    /// The channel's sequence when it began.
    pub(super) number: Sequence,
    /// The last message's.
    pub(super) last: Sequence,
    /// When it began.
    pub(super) since: UnixTime,
    pub(super) delivery: Delivery,
    pub(super) meta: Bytes,
    /// The last message, of a latest-only publication.
    pub(super) latest: Option<Bytes>,
    pub(super) rate: RateLimit,
    /// Who gets its messages.
    pub(super) subscribers: BTreeSet<SubscriberId>,
}

/// Exists while it has a publication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Topic {
    pub(super) publications: BTreeMap<UserId, Publication>,
}
