//! A message that its reader has not confirmed.

use bytes::Bytes;
use rtm_wire::{OperationId, Published, Time};

use crate::identity::Identity;
use crate::name::SubscriberId;

/// Who waits for the answer to a publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The session.
    pub subscriber: SubscriberId,
    /// Whose it is.
    pub identity: Identity,
    /// The operation.
    pub operation: OperationId,
}

/// How far a published message has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It has its place in a channel; nothing more is asked for.
    Sequenced,
    /// The receiver's SDK has it.
    Received,
    /// It waits for the receiver.
    Stored,
    /// The receiver's SDK has it, but it could not be stored as was asked.
    ReceivedNotStored,
    /// Nobody knows whether the receiver's SDK has it.
    Unknown,
}

/// The answer to a publish, later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// To whom.
    pub asker: Asker,
    /// The message's place.
    pub published: Published,
    /// How far it has got.
    pub reached: Reached,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) published: Published,
    /// Encoded; empty when it was sent and isn't stored.
    pub(super) event: Bytes,
    /// Its length.
    pub(super) len: usize,
    pub(super) is_stored: bool,
    /// Whether it was to be stored, and there was no room.
    pub(super) is_store_missed: bool,
    /// Who waits for the receipt; nobody any more once that is answered.
    pub(super) asker: Option<Asker>,
    /// Until when it is kept.
    pub(super) ends: Time,
}

impl Letter {
    /// It has a receipt.
    pub(super) fn received(self) -> Option<Outcome> {
        let reached = match self.is_store_missed {
            true => Reached::ReceivedNotStored,
            false => Reached::Received,
        };
        let asker = self.asker?;
        Some(Outcome { asker, published: self.published, reached })
    }

    /// Its reader is lost, or its receipt was waited for too long.
    pub(super) fn lost(&mut self) -> Option<Outcome> {
        let asker = self.asker.take()?;
        let reached = if self.is_stored { Reached::Stored } else { Reached::Unknown };
        Some(Outcome { asker, published: self.published, reached })
    }
}
