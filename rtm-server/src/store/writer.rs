//! The thread that waits for the disk.

use std::collections::VecDeque;
use std::sync::mpsc;
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

/// What is to be done: commits first, each kind in its order. Many reads, as when many clients come
/// back, keep no writer waiting; and what was committed before a read was asked for is found.
#[derive(Debug, Default)]
struct Jobs {
    commits: VecDeque<Job>,
    reads: VecDeque<Job>,
}

impl Jobs {
    /// None when there will be no more.
    fn next(&mut self, waiting: &mpsc::Receiver<Job>) -> Option<Job> {
        if self.commits.is_empty() && self.reads.is_empty() {
            self.sort(waiting.recv().ok()?);
        }
        while let Ok(job) = waiting.try_recv() {
            self.sort(job);
        }
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
    ) -> std::io::Result<Self> {
        let (sender, waiting) = mpsc::channel();
        let work = move || {
            let mut jobs = Jobs::default();
            while let Some(job) = jobs.next(&waiting) {
                let done = match job {
                    Job::Commit(changes) => {
                        store.commit(&changes).map(|()| News::Kept(store.history_bytes()))
                    }
                    Job::Find(id, query) => store.find(&query).map(|it| News::Found(id, it)),
                };
                match done {
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
        ended.unwrap_or_else(|_| Err(std::io::Error::other("the store's thread is gone").into()))
    }
}
