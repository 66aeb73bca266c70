//! The client's own log, and lines for logs elsewhere.

use std::fmt::{Debug, Write};
use std::path::PathBuf;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Target of what ends a client.
pub(crate) const FATAL: &str = "rtm_client::fatal";

/// How much is logged (RTM 2.x: `logLevel`); each level has those that follow it.
///
/// ```
/// use rtm_client::LogLevel;
///
/// assert_eq!((LogLevel::default(), LogLevel::Error.number()), (LogLevel::Info, 4));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogLevel {
    /// Nothing.
    None = 0,
    /// What only helps to find faults, and what follows. RTM 2.x has it on the web only, without a
    /// number; ours is 16.
    Debug = 16,
    /// The link's changes, and what follows. The default.
    #[default]
    Info = 1,
    /// What is wrong but not in the way, and what follows.
    Warn = 2,
    /// What has failed, and what follows.
    Error = 4,
    /// What ends the client.
    Fatal = 8,
}

impl LogLevel {
    /// The number that RTM 2.x gives it.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    pub(crate) fn takes(self, metadata: &Metadata<'_>) -> bool {
        match self {
            Self::None => false,
            Self::Debug => *metadata.level() <= Level::DEBUG,
            Self::Info => *metadata.level() <= Level::INFO,
            Self::Warn => *metadata.level() <= Level::WARN,
            Self::Error => *metadata.level() <= Level::ERROR,
            Self::Fatal => metadata.target() == FATAL,
        }
    }
}

/// A log of this client's own, in a file (RTM 2.x: `logConfig`).
///
/// Lines of text: seconds since 1970, level, part of the library, what happened. When the file has
/// its size, it is renamed to the same name with `.1` behind it, in place of the former one, and
/// a new one begins: both together take twice the size. Messages, tokens and keys are in no line.
/// Each client, of this program or another one, needs a file of its own.
///
/// Without it, what the client's task does goes to the program's [`tracing`] subscriber; with it,
/// only to the file.
///
/// ```
/// use rtm_client::{LogConfig, LogLevel};
///
/// let log = LogConfig::new("rtm.log").file_size_kib(512).level(LogLevel::Warn);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "settings do nothing until they are handed over"]
pub struct LogConfig {
    pub(crate) path: PathBuf,
    pub(crate) size_kib: u32,
    pub(crate) level: LogLevel,
}

impl LogConfig {
    /// A log in this file, of 1,024 KiB, level [`LogLevel::Info`]. Its folder has to be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), size_kib: 1_024, level: LogLevel::default() }
    }

    /// Size at which a new file begins: 128 to 1,024 KiB. Default: 1,024.
    pub const fn file_size_kib(mut self, size: u32) -> Self {
        self.size_kib = size;
        self
    }

    /// How much is logged. Default: [`LogLevel::Info`].
    pub const fn level(mut self, level: LogLevel) -> Self {
        self.level = level;
        self
    }
}

/// Who takes lines of text: [`LogLines`].
pub trait LogSink: Send + Sync + 'static {
    /// Whether it wants what is described so.
    fn takes(&self, metadata: &Metadata<'_>) -> bool;

    /// Takes a line, without a newline: part of the library, what happened, values.
    fn line(&self, level: Level, line: &str);
}

/// A small [`tracing`] subscriber that makes lines, without spans: for whoever has a log that takes
/// text, and no use for more.
///
/// ```
/// use rtm_client::{LogLines, LogSink};
/// use tracing::{Level, Metadata};
///
/// struct Console;
///
/// impl LogSink for Console {
///     fn takes(&self, metadata: &Metadata<'_>) -> bool {
///         *metadata.level() <= Level::INFO
///     }
///
///     fn line(&self, level: Level, line: &str) {
///         println!("{level} {line}");
///     }
/// }
///
/// let guard = tracing::subscriber::set_default(LogLines::new(Console));
/// tracing::info!("it is heard");
/// drop(guard);
/// ```
#[derive(Debug)]
pub struct LogLines<S>(S);

impl<S: LogSink> LogLines<S> {
    /// Lines for this sink.
    pub const fn new(sink: S) -> Self {
        Self(sink)
    }
}

impl<S: LogSink> Subscriber for LogLines<S> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.takes(metadata)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().target().to_owned());
        event.record(&mut line);
        self.0.line(*event.metadata().level(), &line.0);
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
