//! The context file, in which a development server tells local tools how to reach it.
//!
//! ```text
//!  rtm-server --dev ── write, mode 0600 ──► context.json ◄── read ── rtm chat lobby --as alice
//! ```
//!
//! It holds the app's certificate, a secret with which anybody's token can be made: servers for
//! production write none.
//!
//! ```
//! use rtm_context::Context;
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("context.json");
//! let context = Context {
//!     server: "rtm://127.0.0.1:7700?key=…".to_owned(),
//!     app_id: "0123456789abcdef0123456789abcdef".to_owned(),
//!     certificate: "fedcba9876543210fedcba9876543210".to_owned(),
//! };
//! context.write(&path)?;
//! assert_eq!(Context::read(&path)?, context);
//! context.remove(&path)?;
//! assert!(Context::read(&path).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What a development server tells.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// The connection string, `rtm://HOST:PORT?key=HEX`.
    pub server: String,
    /// The app that it serves.
    pub app_id: String,
    /// The app's certificate, which makes tokens.
    pub certificate: String,
}

/// Why there is no context.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// No server has left one.
    #[error("there is no context file at {}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The system says no.
    #[error("the context file {} cannot be used: {error}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Something else stands in it.
    #[error("the context file {} is damaged: {error}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: serde_json::Error,
    },
    /// No environment variable says where it could be.
    #[error("neither RTM_CONTEXT, XDG_CONFIG_HOME nor HOME is set, so there is no context file")]
    NoPlace,
}

impl Context {
    /// Where the context file is: `$RTM_CONTEXT`, else in the user's folder for configuration.
    ///
    /// # Errors
    /// [`ContextError::NoPlace`].
    pub fn path() -> Result<PathBuf, ContextError> {
        place(|name| std::env::var_os(name)).ok_or(ContextError::NoPlace)
    }

    /// Reads a context file.
    ///
    /// # Errors
    /// Missing, unreadable, or damaged.
    pub fn read(path: &Path) -> Result<Self, ContextError> {
        let text = fs::read(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ContextError::Missing { path: path.to_owned() },
            _ => ContextError::Io { path: path.to_owned(), error },
        })?;
        serde_json::from_slice(&text)
            .map_err(|error| ContextError::Damaged { path: path.to_owned(), error })
    }

    /// Writes a context file as a whole, readable for its owner only; makes its folder.
    ///
    /// # Errors
    /// The system's; then an older file is still there, unchanged.
    pub fn write(&self, path: &Path) -> Result<(), ContextError> {
        self.try_write(path).map_err(|error| ContextError::Io { path: path.to_owned(), error })
    }

    /// Removes a context file, if it still says the same.
    ///
    /// # Errors
    /// The system's.
    pub fn remove(&self, path: &Path) -> Result<(), ContextError> {
        match Self::read(path) {
            Ok(context) if context == *self => fs::remove_file(path)
                .map_err(|error| ContextError::Io { path: path.to_owned(), error }),
            _ => Ok(()),
        }
    }

    fn try_write(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        // Temporary files are readable for their owner only, from the first byte on.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}

impl std::fmt::Debug for Context {
    /// Hides the certificate.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("server", &self.server)
            .field("app_id", &self.app_id)
            .finish_non_exhaustive()
    }
}

fn place(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = set("RTM_CONTEXT") {
        return Some(path);
    }
    let folder = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(folder.join("rtm").join("context.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(app_id: &str) -> Context {
        Context {
            server: "rtm://127.0.0.1:1?key=00".to_owned(),
            app_id: app_id.to_owned(),
            certificate: "secret".to_owned(),
        }
    }

    #[test]
    fn the_place_follows_the_environment() {
        let cases = [
            ("RTM_CONTEXT=/a/b HOME=/h", Some("/a/b")),
            ("XDG_CONFIG_HOME=/x HOME=/h", Some("/x/rtm/context.json")),
            ("HOME=/h", Some("/h/.config/rtm/context.json")),
            ("RTM_CONTEXT= HOME=/h", Some("/h/.config/rtm/context.json")),
            ("", None),
        ];
        for (environment, expected) in cases {
            let set = environment.split_whitespace().filter_map(|pair| pair.split_once('='));
            let variable =
                |name: &str| set.clone().find(|(key, _)| *key == name).map(|(_, v)| v.into());
            assert_eq!(place(variable).as_deref(), expected.map(Path::new), "{environment}");
        }
    }

    #[test]
    fn only_the_owner_reads_it_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/context.json");
        for app_id in ["one", "two"] {
            context(app_id).write(&path).expect("written");
            assert_eq!(Context::read(&path).expect("there"), context(app_id));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let files = fs::read_dir(path.parent().expect("a folder")).expect("readable").count();
        assert_eq!(files, 1);
    }

    #[test]
    fn another_servers_context_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("context.json");
        context("two").write(&path).expect("written");
        context("one").remove(&path).expect("nothing to do");
        assert!(path.exists());
        context("two").remove(&path).expect("removed");
        assert!(matches!(Context::read(&path), Err(ContextError::Missing { .. })));
        fs::write(&path, "{}").expect("written");
        assert!(matches!(Context::read(&path), Err(ContextError::Damaged { .. })));
    }

    #[test]
    fn the_certificate_is_not_shown() {
        assert!(!format!("{:?}", context("one")).contains("secret"));
    }
}
