//! When a tool ends.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rtm_wire::Time;
use signal_hook::consts::{SIGINT, SIGTERM};

/// A request to end: by signal, by time, or from another thread. Clones are one and the same.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    requested: Arc<AtomicBool>,
    after: Option<Duration>,
}

impl Stop {
    /// Never, until [`Stop::request`].
    pub fn new() -> Self {
        Self::default()
    }

    /// On SIGINT or SIGTERM, or `after` the tool's start.
    ///
    /// # Errors
    ///
    /// When the handlers can't be installed.
    pub fn on_signal(after: Option<Duration>) -> io::Result<Self> {
        let stop = Self { after, ..Self::default() };
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&stop.requested))?;
        }
        Ok(stop)
    }

    /// Ends the tool within a tenth of a second.
    pub fn request(&self) {
        self.requested.store(true, Ordering::Relaxed);
    }

    /// Whether to end, `now` counting from the tool's start.
    pub(crate) fn is_due(&self, now: Time) -> bool {
        self.requested.load(Ordering::Relaxed)
            || self.after.is_some_and(|after| now >= Time::ZERO + after)
    }
}
