//! Time as data: nothing in the pure crates reads a clock.
//!
//! [`Time`] is monotonic and has meaning inside one process only; [`UnixTime`] is what calendars
//! show. They are separate types so that a wall clock that jumps can never move a timer.

use core::ops::{Add, AddAssign, Sub};
use core::time::Duration;

/// A point on the monotonic clock of one driver, in microseconds since the driver's origin.
///
/// Engines receive it as an argument (`now`) and give it back as deadlines. It never travels.
///
/// ```
/// use core::time::Duration;
/// use rtm_wire::Time;
///
/// let sent = Time::from_micros(1_000);
/// let deadline = sent + Duration::from_millis(2);
/// assert_eq!(deadline.as_micros(), 3_000);
/// assert_eq!(deadline.saturating_since(sent), Duration::from_millis(2));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The driver's origin.
    pub const ZERO: Self = Self(0);

    /// The time that lies `micros` microseconds after the driver's origin.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the driver's origin.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long `earlier` lies before `self`; zero when it doesn't.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    /// Saturates, so that a deadline too far off means "never".
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    /// Saturates at the driver's origin.
    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// Wall-clock time in milliseconds since 1970-01-01T00:00:00Z: message timestamps, token expiry.
///
/// It may jump in either direction; timers use [`Time`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The moment `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, the unit of tokens.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_saturates_at_both_ends() {
        let end = Time::from_micros(u64::MAX);
        assert_eq!(end + Duration::MAX, end);
        assert_eq!(Time::ZERO - Duration::from_micros(1), Time::ZERO);
        assert_eq!(Time::ZERO.saturating_since(end), Duration::ZERO);
    }

    #[test]
    fn seconds_are_whole() {
        assert_eq!(UnixTime::from_millis(1_999).as_secs(), 1);
    }
}
