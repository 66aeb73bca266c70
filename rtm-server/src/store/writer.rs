//! The thread that waits for the disk.

use std::sync::mpsc;
use std::thread::JoinHandle;

use super::{Change, Store, StoreError};

/// A store on a thread of its own.
#[derive(Debug)]
pub(crate) struct Writer {
    commits: mpsc::Sender<Vec<Change>>,
    thread: JoinHandle<Result<(), StoreError>>,
}

impl Writer {
    /// `on_kept` is told of each commit, in order, as long as they succeed; the first that doesn't
    /// is the last, and `on_failed` is told.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(
        mut store: Box<dyn Store>,
        on_kept: impl Fn() + Send + 'static,
        on_failed: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Self> {
        let (commits, waiting) = mpsc::channel::<Vec<Change>>();
        let work = move || {
            while let Ok(changes) = waiting.recv() {
                if let Err(error) = store.commit(&changes) {
                    on_failed();
                    return Err(error);
                }
                on_kept();
            }
            Ok(())
        };
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(work)?;
        Ok(Self { commits, thread })
    }

    /// Has changes kept.
    pub(crate) fn commit(&self, changes: Vec<Change>) {
        // A thread that has failed has said so.
        let _ = self.commits.send(changes);
    }

    /// Waits until all of it is kept, or tells what went wrong.
    pub(crate) fn finish(self) -> Result<(), StoreError> {
        drop(self.commits);
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(std::io::Error::other("the store's thread is gone").into()))
    }
}
