//! The clock of the tools, and waiting by it.

use std::time::{Duration, Instant};

use rtm_wire::Time;
use rustix::event::{PollFd, Timespec, poll};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

/// Microseconds since the tool's start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    origin_micros: u64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let origin = clock_gettime(ClockId::Monotonic);
        let part = |number: i64| u64::try_from(number).expect("this clock begins at zero");
        let origin_micros = part(origin.tv_sec) * 1_000_000 + part(origin.tv_nsec) / 1_000;
        Self { started: Instant::now(), origin_micros }
    }

    /// When it started, by the system's monotonic clock, which all processes of a machine share.
    pub(crate) fn origin_micros(self) -> u64 {
        self.origin_micros
    }

    pub(crate) fn now(self) -> Time {
        Time::ZERO + self.started.elapsed()
    }
}

/// Sleeps until one of `fds` is readable or until `span` is over, but no longer than a signal may
/// go unnoticed. Being interrupted is no error.
pub(crate) fn wait(fds: &mut [PollFd<'_>], span: Option<Duration>) -> std::io::Result<()> {
    let span = span.map_or(SIGNAL_DELAY_MAX, |span| span.min(SIGNAL_DELAY_MAX));
    let timeout = Timespec { tv_sec: 0, tv_nsec: span.subsec_nanos().into() };
    match poll(fds, Some(&timeout)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A signal that comes between the look at its flag and the sleep is seen after this.
const SIGNAL_DELAY_MAX: Duration = Duration::from_millis(100);
