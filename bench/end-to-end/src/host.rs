//! A thread with a runtime of its own.

use std::future::Future;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::Failure;

/// Runs futures in its thread until it is dropped.
pub(crate) struct Host {
    runtime: Handle,
    /// Dropped first, which ends the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Host {
    pub(crate) fn start(name: &str) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = move || {
            // Either way it is time to stop.
            let _ = runtime.block_on(stopped);
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(serve)?;
        Ok(Self { runtime: handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Runs `future` in the thread, and waits for what it gives.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        self.begin(future).wait()
    }

    /// Runs `future` in the thread.
    pub(crate) fn begin<T: Send + 'static>(
        &self,
        future: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Running<T> {
        let (answer, result) = mpsc::channel();
        self.runtime.spawn(async move {
            // Nobody may be waiting any more.
            let _ = answer.send(future.await);
        });
        Running(result)
    }

    pub(crate) const fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic has been printed.
            let _ = thread.join();
        }
    }
}

/// Something that runs in a [`Host`].
pub(crate) struct Running<T>(mpsc::Receiver<Result<T, Failure>>);

impl<T> Running<T> {
    pub(crate) fn wait(self) -> Result<T, Failure> {
        self.0.recv().map_err(|_| Failure::from("a thread ended early"))?
    }
}
