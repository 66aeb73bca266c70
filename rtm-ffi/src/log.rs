//! The library's log, as lines for a sink of the application's.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use rtm_client::{LogLines, LogSink};
use tracing::{Level, Metadata};

use crate::abi;
use crate::dispatcher;

/// What is logged: `RTM_LOG_…`.
static LEVEL: AtomicU32 = AtomicU32::new(abi::RTM_LOG_OFF);
static INSTALLED: Once = Once::new();

/// Sets what is logged. A program that has a log of its own for the same crates keeps that one.
pub(crate) fn set_level(level: u32) {
    LEVEL.store(level, Ordering::Relaxed);
    INSTALLED.call_once(|| {
        let _ = tracing::subscriber::set_global_default(LogLines::new(Dispatcher));
    });
    tracing::callsite::rebuild_interest_cache();
}

struct Dispatcher;

impl LogSink for Dispatcher {
    fn takes(&self, metadata: &Metadata<'_>) -> bool {
        number(*metadata.level()) <= LEVEL.load(Ordering::Relaxed)
    }

    fn line(&self, level: Level, line: &str) {
        dispatcher::log(number(level), line.to_owned());
    }
}

fn number(level: Level) -> u32 {
    match level {
        Level::ERROR => abi::RTM_LOG_ERROR,
        Level::WARN => abi::RTM_LOG_WARN,
        Level::INFO => abi::RTM_LOG_INFO,
        Level::DEBUG => abi::RTM_LOG_DEBUG,
        _ => abi::RTM_LOG_DEBUG + 1,
    }
}
