//! The only place that reads clocks, and the system's randomness.

use std::io;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rtm_wire::{Time, UnixTime};

use crate::crypto::Seed;

/// Both clocks at one point.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Monotonic, since the driver's origin.
    pub now: Time,
    /// Wall clock.
    pub wall: UnixTime,
}

/// A driver's clocks; its start is the origin of [`Time`].
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// Begins to count now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "drivers turn the system's clocks into data")]
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// Reads both clocks.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "drivers turn the system's clocks into data")]
    pub fn moment(&self) -> Moment {
        let micros = u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX);
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment {
            now: Time::from_micros(micros),
            wall: UnixTime::from_millis(u64::try_from(unix.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    /// The clock reading at which `deadline` is reached.
    pub(super) fn instant(&self, deadline: Time) -> Instant {
        self.origin + deadline.saturating_since(Time::ZERO)
    }
}

/// A seed from the system's generator, for engines in production.
///
/// # Errors
/// The system has no randomness to give, which hardly happens after booting.
#[expect(clippy::disallowed_methods, reason = "drivers turn the system's chance into a seed")]
pub fn seed_from_system() -> io::Result<Seed> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::from)?;
    Ok(Seed::from_bytes(bytes))
}
