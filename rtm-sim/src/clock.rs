//! A node's own clock, which runs a little fast or slow.

use core::time::Duration;

use rtm_wire::Time;

use crate::dice::micros;

/// What a node takes for the time, as a function of the world's time. It never goes back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Since when the rate holds, on the world's clock.
    since: u64,
    /// What the node's clock showed then.
    shown: u64,
    /// Microseconds of the node in a second of the world.
    rate: u64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { since: 0, shown: 0, rate: MILLION }
    }
}

impl Clock {
    /// From `now` on, the clock is `drift_ppm` too fast, after a jump.
    pub(crate) fn change(&mut self, now: Time, drift_ppm: i32, jump: Duration) {
        assert!(
            (-DRIFT_PPM_MAX..=DRIFT_PPM_MAX).contains(&drift_ppm),
            "a drift of at most {DRIFT_PPM_MAX} ppm, not {drift_ppm}"
        );
        self.shown = self.own(now).as_micros().saturating_add(micros(jump));
        self.since = now.as_micros();
        self.rate = MILLION.saturating_add_signed(i64::from(drift_ppm));
    }

    /// What the node's clock shows at a time of the world.
    pub(crate) fn own(&self, world: Time) -> Time {
        let elapsed = world.as_micros().saturating_sub(self.since);
        Time::from_micros(self.shown.saturating_add(if self.rate == MILLION {
            elapsed
        } else {
            let own = u128::from(elapsed) * u128::from(self.rate) / u128::from(MILLION);
            u64::try_from(own).unwrap_or(u64::MAX)
        }))
    }

    /// The first time of the world at which the node's clock shows `own` or more.
    pub(crate) fn world(&self, own: Time) -> Time {
        if own.as_micros() == u64::MAX {
            return own;
        }
        let wait = own.as_micros().saturating_sub(self.shown);
        Time::from_micros(self.since.saturating_add(if self.rate == MILLION {
            wait
        } else {
            let world = (u128::from(wait) * u128::from(MILLION)).div_ceil(u128::from(self.rate));
            u64::try_from(world).unwrap_or(u64::MAX)
        }))
    }
}

const MILLION: u64 = 1_000_000;
/// Far more than any crystal, and still a clock that goes forward.
const DRIFT_PPM_MAX: i32 = 500_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_never_fires_early_on_any_clock() {
        for drift_ppm in [-500_000, -500, -3, -1, 0, 1, 7, 500, 333_333, 500_000] {
            let mut clock = Clock::default();
            clock.change(Time::from_micros(1_234), drift_ppm, Duration::from_micros(17));
            clock.change(Time::from_micros(99_999), drift_ppm, Duration::ZERO);
            for own in (100_016..103_000).chain([1 << 40, (1 << 40) + 1]).map(Time::from_micros) {
                let due = clock.world(own);
                assert!(clock.own(due) >= own, "{drift_ppm} ppm: not due yet at {due:?}");
                let before = due - Duration::from_micros(1);
                let is_first = clock.own(before) < own || due.as_micros() == 99_999;
                assert!(is_first, "{drift_ppm} ppm: due before {due:?}");
            }
        }
    }

    #[test]
    fn drift_and_jump_are_exact_and_never_go_back() {
        let mut clock = Clock::default();
        let hour = Time::from_micros(3_600_000_000);
        clock.change(Time::ZERO, 500, Duration::ZERO);
        assert_eq!(clock.own(hour), Time::from_micros(3_601_800_000));
        clock.change(hour, -500, Duration::from_secs(5));
        assert_eq!(clock.own(hour), Time::from_micros(3_606_800_000));
        let later = hour + Duration::from_secs(1_000);
        assert_eq!(clock.own(later).as_micros() - clock.own(hour).as_micros(), 999_500_000);
        assert_eq!(clock.world(Time::from_micros(u64::MAX)), Time::from_micros(u64::MAX));
    }
}
