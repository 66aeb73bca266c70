//! Not faster than a rate.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Lets `rate` messages a second pass, evenly, after a burst of a tenth of a second.
///
/// Even is slower than what a server's bucket lets pass, so that jitter on the way breaks no limit.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    burst: Duration,
    /// When the next message would be due if all had been even.
    next: Instant,
}

impl Pace {
    pub(crate) fn new(rate: u32) -> Self {
        let interval = Duration::from_secs(1) / rate.max(1);
        let burst = Duration::from_millis(100).max(interval);
        Self { interval, burst, next: Instant::now() }
    }

    /// Waits until one more may pass.
    ///
    /// # Cancel safety
    /// A message that did not wait to the end was not counted.
    pub(crate) async fn wait(&mut self) {
        // Time that wasn't used is lost, except for the burst.
        let now = Instant::now();
        let earliest = now.checked_sub(self.burst).unwrap_or(now);
        let due = self.next.max(earliest);
        // Timers have a resolution of a millisecond: what is due sooner goes at once.
        if due > now + Duration::from_millis(1) {
            sleep_until(due).await;
        }
        self.next = due + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_second_has_more_than_the_rate_and_a_burst() {
        for rate in [1, 60, 200, 10_000] {
            let mut pace = Pace::new(rate);
            let start = Instant::now();
            let count = rate * 3;
            for _ in 0..count {
                pace.wait().await;
            }
            let elapsed = start.elapsed().as_secs_f64();
            let expected = f64::from(count - 1) / f64::from(rate);
            assert!(elapsed >= expected - 0.11 && elapsed <= expected + 0.01, "{rate}: {elapsed}");
        }
    }
}
