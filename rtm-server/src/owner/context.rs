//! What a request is carried out with.

use rtm_channel::{Asker, Identity, SubscriberId};
use rtm_wire::{OperationId, Time, UnixTime};

use super::command::Output;

/// Who asks, when, and where what follows goes.
pub(super) struct Context<'a> {
    pub(super) now: Time,
    pub(super) time: UnixTime,
    pub(super) from: SubscriberId,
    pub(super) identity: &'a Identity,
    pub(super) operation: OperationId,
    pub(super) out: &'a mut Vec<Output>,
}

impl Context<'_> {
    /// Who waits for the answer.
    pub(super) fn asker(&self) -> Asker {
        let (subscriber, identity, operation) = (self.from, self.identity.clone(), self.operation);
        Asker { subscriber, identity, operation }
    }
}
