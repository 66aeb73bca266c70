//! The few files that make a server the same one after a restart.
//!
//! | file | holds | lost |
//! |---|---|---|
//! | `server.key` | the secret key in hexadecimal | clients need the new connection string |
//! | `epoch` | the number of the last life | the next one is taken from the calendar |
//! | `app.json` | the app made when none is configured: id and certificate | its tokens are void |
//! | `store.redb` | metadata, locks, messages that wait for users | so are they |
//!
//! All are readable for their owner only; the first three are each written as a whole.

mod app;
mod epoch;
mod key;

pub use app::OwnApp;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rtm_session::StaticKey;
use rtm_wire::{Epoch, UnixTime};

use crate::error::ServerError;

/// A server's folder.
#[derive(Clone, Debug)]
pub struct DataDir {
    folder: PathBuf,
}

impl DataDir {
    /// A folder, made if it isn't there.
    ///
    /// # Errors
    /// The system's.
    pub fn open(folder: &Path) -> Result<Self, ServerError> {
        std::fs::create_dir_all(folder).map_err(|error| file_error(folder, "made", error))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The folder that is used when none is named: `$XDG_DATA_HOME/rtm-server`, or
    /// `$HOME/.local/share/rtm-server`. A development server has one of its own beside it, so that
    /// it never tells the certificate of a real app: `rtm-server-dev`.
    ///
    /// # Errors
    /// Neither variable is set.
    pub fn default_path(is_dev: bool) -> Result<PathBuf, ServerError> {
        let set = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let data = set("XDG_DATA_HOME").or_else(|| set("HOME").map(|h| h.join(".local/share")));
        let name = if is_dev { "rtm-server-dev" } else { "rtm-server" };
        data.map(|data| data.join(name)).ok_or(ServerError::NoDataDir)
    }

    /// The secret key, made from `fresh` if there is none yet.
    ///
    /// # Errors
    /// The file is unreadable or damaged, or can't be written.
    pub fn key(&self, fresh: [u8; 32]) -> Result<StaticKey, ServerError> {
        key::load_or_make(&self.folder.join("server.key"), fresh)
    }

    /// Counts a new life, durably, and gives its number.
    ///
    /// # Errors
    /// As [`key`](Self::key).
    pub fn next_epoch(&self, wall: UnixTime) -> Result<Epoch, ServerError> {
        epoch::next(&self.folder.join("epoch"), wall)
    }

    /// The app of a server without configured apps, made from `fresh` if there is none yet.
    ///
    /// # Errors
    /// As [`key`](Self::key).
    pub fn app(&self, fresh: [u8; 32]) -> Result<OwnApp, ServerError> {
        app::load_or_make(&self.folder.join("app.json"), fresh)
    }

    /// Where the store is.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.folder.join("store.redb")
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }
}

/// What stands in a file, or nothing if there is none.
fn read(path: &Path) -> Result<Option<String>, ServerError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file_error(path, "read", error)),
    }
}

/// Replaces a file as a whole; afterwards it is on the disk, whatever happens.
fn write(path: &Path, text: &str) -> Result<(), ServerError> {
    try_write(path, text).map_err(|error| file_error(path, "written", error))
}

fn try_write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // Temporary files are readable for their owner only, from the first byte on.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The name has to be on the disk, too; only Unix can say so.
    #[cfg(unix)]
    std::fs::File::open(folder)?.sync_all()?;
    Ok(())
}

fn file_error(path: &Path, verb: &'static str, error: io::Error) -> ServerError {
    ServerError::File { path: path.to_owned(), verb, error }
}

fn damaged(path: &Path, wrong: impl ToString) -> ServerError {
    ServerError::Damaged { path: path.to_owned(), wrong: wrong.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: UnixTime = UnixTime::from_millis(1_750_000_000_000);

    fn folder() -> (tempfile::TempDir, DataDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataDir::open(&folder.path().join("a/b")).expect("made");
        (folder, data)
    }

    #[test]
    fn key_and_app_stay_the_same() {
        let (_folder, data) = folder();
        let key = data.key([1; 32]).expect("made");
        assert_eq!(data.key([2; 32]).expect("read").to_bytes(), key.to_bytes());
        let app = data.app([1; 32]).expect("made");
        assert_eq!(data.app([2; 32]).expect("read").id, app.id);
    }

    #[test]
    fn epochs_only_grow_even_when_the_file_or_the_clock_is_lost() {
        let (_folder, data) = folder();
        let mut last = Epoch(0);
        let mut check = |wall, data: &DataDir| {
            let next = data.next_epoch(wall).expect("counted");
            assert!(next > last, "{next} after {last}");
            last = next;
        };
        check(WALL, &data);
        check(WALL, &data);
        check(UnixTime::from_millis(0), &data);
        std::fs::remove_file(data.path().join("epoch")).expect("removed");
        check(UnixTime::from_millis(WALL.as_millis() + 600_000), &data);
    }

    #[test]
    fn damaged_files_are_told_and_left_alone() {
        let (_folder, data) = folder();
        for name in ["server.key", "epoch", "app.json"] {
            std::fs::write(data.path().join(name), "rubbish").expect("written");
        }
        let errors = [
            data.key([1; 32]).expect_err("damaged").to_string(),
            data.next_epoch(WALL).expect_err("damaged").to_string(),
            data.app([1; 32]).expect_err("damaged").to_string(),
        ];
        for error in errors {
            assert!(error.contains("is damaged") && error.contains("-10007"), "{error}");
        }
        for name in ["server.key", "epoch", "app.json"] {
            let text = std::fs::read_to_string(data.path().join(name)).expect("there");
            assert_eq!(text, "rubbish");
        }
    }

    #[cfg(unix)]
    #[test]
    fn secrets_are_their_owners() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, data) = folder();
        data.key([1; 32]).expect("made");
        data.app([1; 32]).expect("made");
        for name in ["server.key", "app.json"] {
            let file = std::fs::metadata(data.path().join(name)).expect("there");
            assert_eq!(file.permissions().mode() & 0o777, 0o600, "{name}");
        }
    }
}
