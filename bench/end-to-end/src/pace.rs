//! Sending at a fixed rate, from a thread that is no worker of a runtime.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::Failure;
use crate::clock::{Stamp, histogram, instant, nanos, now};

/// Messages at the beginning that are not counted: connections and caches get warm.
const WARM_UP: Duration = Duration::from_millis(500);

/// Whether the delay of this message counts.
pub(crate) fn counts(index: u64, rate: u32) -> bool {
    index >= u64::from(rate) * nanos(WARM_UP) / 1_000_000_000
}

/// Sends `rate` messages a second, and gives how late each was. A message that is late stays
/// stamped with the time that was meant, so that waiting counts as delay.
///
/// The runtimes' timers are good for milliseconds only; the system's sleep is good for tens of
/// microseconds.
pub(crate) fn send_at(
    rate: u32,
    span: Duration,
    mut send: impl FnMut(Stamp) -> Result<(), Failure>,
) -> Result<Histogram<u64>, Failure> {
    let mut late = histogram();
    let step = 1_000_000_000 / u64::from(rate);
    let count = nanos(span + WARM_UP) / step;
    let start = now() + step;
    for index in 0..count {
        let sent = start + index * step;
        sleep_until(instant(sent));
        if counts(index, rate) {
            late.record(now() - sent)?;
        }
        send(Stamp { sent, index, is_last: index + 1 == count })?;
    }
    Ok(late)
}

#[expect(clippy::disallowed_methods, reason = "no worker of a runtime is blocked")]
fn sleep_until(deadline: Instant) {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left);
    }
}
