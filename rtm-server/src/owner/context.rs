//! What a request is carried out with.

use rtm_channel::{Identity, SubscriberId};
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
