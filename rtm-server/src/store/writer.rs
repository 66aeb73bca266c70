//! The thread that waits for the disk.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, TryRecvError};
use std::thread::JoinHandle;

use super::{Change, Found, Query, QueryId, Store, StoreError};

/// A store on a thread of its own.
#[derive(Debug)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
    thread: JoinHandle<Result<(), StoreError>>,
}

#[derive(Debug)]
enum Job {
    Commit(Vec<Change>),
    Find(QueryId, Query),
}

/// Reads between two commits.
const READS_IN_A_ROW: usize = 64;

/// What is to be done, each kind in its order: a commit, then some reads. Many reads, as when many
/// clients come back, keep no writer waiting for long, nor many commits the readers.
#[derive(Debug, Default)]
struct Jobs {
    commits: VecDeque<Job>,
    reads: VecDeque<Job>,
    reads_left: usize,
}

impl Jobs {
    /// None when there will be no more.
    fn next(&mut self, waiting: &mpsc::Receiver<Job>) -> Option<Job> {
        if self.commits.is_empty() && self.reads.is_empty() {
            self.sort(waiting.recv().ok()?);
        }
        loop {
            match waiting.try_recv() {
                Ok(job) => self.sort(job),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    // Nobody is there any more who wants to know.
                    self.reads.clear();
                    break;
                }
            }
        }
        if self.reads_left > 0 {
            if let Some(read) = self.reads.pop_front() {
                self.reads_left -= 1;
                return Some(read);
            }
        }
        self.reads_left = READS_IN_A_ROW;
        self.commits.pop_front().or_else(|| self.reads.pop_front())
    }

    fn sort(&mut self, job: Job) {
        match job {
            Job::Commit(_) => self.commits.push_back(job),
            Job::Find(..) => self.reads.push_back(job),
        }
    }
}

/// What the store has done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// A commit is kept; all histories have so many bytes.
    Kept(u64),
    /// The answer to a query.
    Found(QueryId, Found),
    /// It can't do anything any more. The last news.
    Failed,
}

impl Writer {
    /// `tell` is told of each thing that is done, in order.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(
        mut store: Box<dyn Store>,
        tell: impl Fn(News) + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, waiting) = mpsc::channel();
        let work = move || {
            let mut jobs = Jobs::default();
            while let Some(job) = jobs.next(&waiting) {
                let work = || match job {
                    Job::Commit(changes) => {
                        store.commit(&changes).map(|()| News::Kept(store.history_bytes()))
                    }
                    Job::Find(id, query) => store.find(&query).map(|it| News::Found(id, it)),
                };
                // A store that panics is as useless as one that fails, and as little may be said.
                let done = catch_unwind(AssertUnwindSafe(work));
                match done.unwrap_or_else(|_| Err(io::Error::other("it has panicked").into())) {
                    Ok(news) => tell(news),
                    Err(error) => {
                        tell(News::Failed);
                        return Err(error);
                    }
                }
            }
            Ok(())
        };
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(work)?;
        Ok(Self { jobs: sender, thread })
    }

    /// Has changes kept.
    pub(crate) fn commit(&self, changes: Vec<Change>) {
        // A thread that has failed has said so.
        let _ = self.jobs.send(Job::Commit(changes));
    }

    /// Asks something.
    pub(crate) fn find(&self, id: QueryId, query: Query) {
        let _ = self.jobs.send(Job::Find(id, query));
    }

    /// Waits until all of it is kept, or tells what went wrong.
    pub(crate) fn finish(self) -> Result<(), StoreError> {
        drop(self.jobs);
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(io::Error::other("the store's thread is gone").into()))
    }
}
