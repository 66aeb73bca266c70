//! The library's log, as lines for a sink of the application's.

use std::fmt::{Debug, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::abi;
use crate::dispatcher;

/// What is logged: `RTM_LOG_…`.
static LEVEL: AtomicU32 = AtomicU32::new(abi::RTM_LOG_OFF);
static INSTALLED: Once = Once::new();

/// Sets what is logged. A program that has a log of its own for the same crates keeps that one.
pub(crate) fn set_level(level: u32) {
    LEVEL.store(level, Ordering::Relaxed);
    INSTALLED.call_once(|| {
        let _ = tracing::subscriber::set_global_default(Lines);
    });
    tracing::callsite::rebuild_interest_cache();
}

struct Lines;

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        number(*metadata.level()) <= LEVEL.load(Ordering::Relaxed)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().target().to_owned());
        event.record(&mut line);
        dispatcher::log(number(*event.metadata().level()), line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, ": {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
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
