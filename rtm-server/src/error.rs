//! Why a server does not start, or stops.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// What is wrong; the text names it, the error number of RTM 2.x, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The configuration file can't be read.
    #[error(
        "the configuration {} cannot be read: {error} [-10024 INVALID_PRIVATE_CONFIG]: check path \
         and permissions",
        path.display()
    )]
    ConfigFile {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The configuration file says something that makes no sense.
    #[error(
        "the configuration {} is wrong in line {line}: {wrong} [-10024 INVALID_PRIVATE_CONFIG]: \
         compare it with `rtm-server --print-config`",
        path.display()
    )]
    ConfigText {
        /// Which file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        wrong: String,
    },
    /// A setting is out of range.
    #[error("{setting} is {found} [-10014 INVALID_PARAMETER]: {advice}")]
    Setting {
        /// Which one.
        setting: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        advice: &'static str,
    },
    /// There is no place for the server's files.
    #[error(
        "no place for the server's key and epoch: neither XDG_DATA_HOME nor HOME is set [-10007 \
         INIT_SERVICE_FAILED]: name a folder with --data-dir"
    )]
    NoDataDir,
    /// A file of the server's can't be read or written.
    #[error(
        "{} cannot be {verb}: {error} [-10007 INIT_SERVICE_FAILED]: check the folder's permissions \
         and free space, or name another with --data-dir",
        path.display()
    )]
    File {
        /// Which file.
        path: PathBuf,
        /// What was to be done with it.
        verb: &'static str,
        /// What the system says.
        error: io::Error,
    },
    /// A file of the server's holds something else than it should.
    #[error(
        "{} is damaged: {wrong} [-10007 INIT_SERVICE_FAILED]: restore it from a backup; without \
         one, delete it, and clients need the new connection string",
        path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        wrong: String,
    },
    /// Another server uses the same folder.
    #[error(
        "{} is in use by another server [-10007 INIT_SERVICE_FAILED]: end that one, or name \
         another folder with --data-dir",
        path.display()
    )]
    StoreInUse {
        /// Which file.
        path: PathBuf,
    },
    /// What is kept can't be used.
    #[error(
        "{} cannot be used: {error} [-10007 INIT_SERVICE_FAILED]: restore it from a backup; \
         without one, move it away, and metadata, locks and waiting messages are lost",
        path.display()
    )]
    Store {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: StoreError,
    },
    /// What is to be kept can't be.
    #[error(
        "{} cannot be written: {error}: make room or mend the disk, and start the server again; \
         what clients were told is kept",
        path.display()
    )]
    StoreFailed {
        /// Which file.
        path: PathBuf,
        /// What went wrong.
        error: StoreError,
    },
    /// The address is in use, or not one of this machine's.
    #[error(
        "cannot listen on {protocol} {addr}: {error} [-10007 INIT_SERVICE_FAILED]: {}",
        advice(error)
    )]
    Bind {
        /// UDP or TCP.
        protocol: &'static str,
        /// Which address.
        addr: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The context file can't be written.
    #[error("{0} [-10007 INIT_SERVICE_FAILED]: set RTM_CONTEXT to a file that can be written")]
    Context(#[from] rtm_context::ContextError),
    /// The system has refused something else.
    #[error("the system refused {what}: {error} [-10007 INIT_SERVICE_FAILED]: start it again")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What it says.
        error: io::Error,
    },
}

impl ServerError {
    pub(crate) fn of_store(path: &Path, error: StoreError) -> Self {
        let path = path.to_owned();
        match error {
            StoreError::InUse => Self::StoreInUse { path },
            StoreError::Io(error) => Self::File { path, verb: "used", error },
            error => Self::Store { path, error },
        }
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program has the port, perhaps another rtm-server; end it or choose a port \
             with --listen"
        }
        io::ErrorKind::PermissionDenied => "choose a port above 1023 with --listen",
        _ => "choose an address of this machine with --listen",
    }
}
