//! Between the two clocks: the wall's, which tokens are written by, and the one that only grows.

use std::time::Duration;

use rtm_wire::{Time, UnixTime};

/// When a wall-clock time is reached, on the monotonic clock.
pub(crate) fn monotonic(now: Time, wall: UnixTime, target: UnixTime) -> Time {
    now + Duration::from_millis(target.as_millis().saturating_sub(wall.as_millis()))
}
