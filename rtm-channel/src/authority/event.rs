//! Events as they are sent: encoded once for all, at positions that grow.

use bytes::Bytes;
use rtm_wire::{Encode, Event, Position, Sequence, Time};

/// The event's bytes, in one allocation.
pub(super) fn encoded(event: &Event<'_>) -> Bytes {
    let mut encoded = Vec::with_capacity(event.encoded_len());
    event.encode(&mut encoded);
    encoded.into()
}

/// The next position of what remembers nothing over its lives: positions grow over these, too, as
/// they are the owner's time, and one more where that has not gone on.
pub(super) fn advance(position: &mut Position, now: Time) {
    position.sequence = position.sequence.next().max(Sequence(now.as_micros()));
}
