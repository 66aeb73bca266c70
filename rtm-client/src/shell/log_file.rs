//! The client's log file, which begins anew when it has its size.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Level, Metadata};

use crate::error::{Error, ErrorKind};
use crate::log::{LogConfig, LogLevel, LogLines, LogSink};

/// A second subscriber beside any log. While there is only one, `tracing-core` (0.1.36) asks no
/// other than the calling thread's about a line it meets for the first time, and remembers the
/// answer for all threads: what a client without a log says first would be in no log later.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));

/// A log that is being written.
pub(super) struct LogFile {
    level: LogLevel,
    state: Mutex<State>,
}

struct State {
    path: PathBuf,
    file: File,
    len: u64,
    len_max: u64,
}

impl LogFile {
    /// Opens the file, or goes on with it, as a subscriber.
    pub(super) fn open(config: &LogConfig) -> Result<Dispatch, Error> {
        let len_max = u64::from(config.size_kib) * 1_024;
        let state = State::open(&config.path, len_max).map_err(|error| {
            let wrong = format!("the log file {} is unusable: {error}", config.path.display());
            Error::with_source(ErrorKind::InvalidConfig, wrong, error)
        })?;
        LazyLock::force(&SECOND);
        let file = Self { level: config.level, state: Mutex::new(state) };
        Ok(Dispatch::new(LogLines::new(file)))
    }
}

impl LogSink for LogFile {
    fn takes(&self, metadata: &Metadata<'_>) -> bool {
        // What the application says in its own code is none of this log's.
        metadata.target().starts_with("rtm_") && self.level.takes(metadata)
    }

    fn line(&self, level: Level, line: &str) {
        let line = format!("{} {level:5} {line}\n", seconds());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk is no reason to stop anything.
        let _ = state.write(&line);
    }
}

impl State {
    fn open(path: &Path, len_max: u64) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, len, len_max })
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        let added = line.len() as u64;
        if self.len > 0 && self.len + added > self.len_max {
            self.begin_anew();
        }
        self.file.write_all(line.as_bytes())?;
        self.len += added;
        Ok(())
    }

    /// The file is put aside and another begins; where that can't be, it is emptied.
    fn begin_anew(&mut self) {
        let mut former = self.path.clone().into_os_string();
        former.push(".1");
        let renamed = std::fs::rename(&self.path, former);
        match renamed.and_then(|()| Self::open(&self.path, self.len_max)) {
            Ok(next) => *self = next,
            Err(_) => {
                // If not even that helps, it is tried again when as much has been written.
                let _ = self.file.set_len(0);
                self.len = 0;
            }
        }
    }
}

/// Seconds since 1970, with milliseconds.
#[expect(clippy::disallowed_methods, reason = "a log says when")]
fn seconds() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:03}", now.as_secs(), now.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_has_its_size_is_followed_by_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rtm.log");
        let mut state = State::open(&path, 100).expect("a file");
        let line = "x".repeat(49) + "\n";
        let former = folder.path().join("rtm.log.1");
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |it| it.len());
        for expected in [[50, 0], [100, 0], [50, 100], [100, 100], [50, 100]] {
            state.write(&line).expect("room");
            assert_eq!([size(&path), size(&former)], expected);
        }
        drop(state);
        let again = State::open(&path, 100).expect("the file");
        assert_eq!(again.len, 50, "goes on where it was");
    }

    #[test]
    fn a_file_that_can_not_be_put_aside_is_emptied() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rtm.log");
        std::fs::create_dir(folder.path().join("rtm.log.1")).expect("a folder in the way");
        std::fs::write(folder.path().join("rtm.log.1/file"), "x").expect("room");
        let mut state = State::open(&path, 100).expect("a file");
        for _ in 0..3 {
            state.write(&("z".repeat(49) + "\n")).expect("room");
        }
        assert_eq!(std::fs::read_to_string(&path).expect("the file").len(), 50);
    }

    #[test]
    fn what_is_first_said_where_there_is_no_log_is_in_a_log_later() {
        fn say() {
            tracing::warn!("said");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rtm.log");
        let log = LogFile::open(&LogConfig::new(&path)).expect("a file");
        say();
        tracing::dispatcher::with_default(&log, say);
        let text = std::fs::read_to_string(&path).expect("the file");
        assert_eq!(text.matches("said").count(), 1, "{text}");
    }

    #[test]
    fn a_line_longer_than_a_file_is_written_all_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rtm.log");
        let mut state = State::open(&path, 10).expect("a file");
        state.write(&"y".repeat(30)).expect("room");
        assert_eq!(state.len, 30);
    }
}
