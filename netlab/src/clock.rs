//! The clock of the tools, and waiting by it.

use std::time::{Duration, Instant};

use rtm_wire::Time;
use rustix::event::{PollFd, Timespec, poll};
use rustix::io::Errno;

/// Microseconds since the tool's start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Time {
        Time::ZERO + self.0.elapsed()
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
