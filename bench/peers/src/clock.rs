//! The clock that all processes of one machine share, in every network namespace.

use rustix::event::{PollFd, poll};
use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Nanoseconds of CLOCK_MONOTONIC.
pub(crate) fn now() -> u64 {
    nanos(clock_gettime(ClockId::Monotonic))
}

/// Microseconds of processor time that this process has used.
pub(crate) fn cpu_micros() -> u64 {
    nanos(clock_gettime(ClockId::ProcessCPUTime)) / 1_000
}

/// Blocks the thread until `at`. The timers of runtimes are good for milliseconds, this one for
/// tens of microseconds.
pub(crate) fn sleep_until(at: u64) {
    // Interrupted by a signal: once more, to the same point of time.
    while now() < at && clock_nanosleep_absolute(ClockId::Monotonic, &timespec(at)).is_err() {}
}

/// Blocks until one of `fds` is ready, or until `at`.
pub(crate) fn wait_until(fds: &mut [PollFd<'_>], at: u64) {
    // Interrupted by a signal: the caller looks around and comes back.
    let _ = poll(fds, Some(&timespec(at.saturating_sub(now()))));
}

fn nanos(time: Timespec) -> u64 {
    let part = |number: i64| u64::try_from(number).expect("these clocks begin at zero");
    part(time.tv_sec) * SECOND + part(time.tv_nsec)
}

fn timespec(nanos: u64) -> Timespec {
    let part = |number: u64| i64::try_from(number).expect("292 years");
    Timespec { tv_sec: part(nanos / SECOND), tv_nsec: part(nanos % SECOND) }
}

/// In nanoseconds.
pub(crate) const SECOND: u64 = 1_000_000_000;
/// In nanoseconds.
pub(crate) const MILLISECOND: u64 = 1_000_000;
