//! The thread that runs all clients. It begins with the first client and ends with the last.

use std::cell::Cell;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::abi::RTM_ERROR_INIT_FAILED;
use crate::failure::Failure;

/// How long sessions that end with their client have for their good-bye.
const GOOD_BYE: Duration = Duration::from_millis(100);
/// A look-up of a name that takes longer is left alone.
const LOOK_UP_MAX: Duration = Duration::from_millis(100);

/// Keeps the thread alive; the last one to go ends and joins it.
#[derive(Debug)]
pub(crate) struct Runtime {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

thread_local! {
    static IS_HERE: Cell<bool> = const { Cell::new(false) };
}

static CURRENT: Mutex<Weak<Runtime>> = Mutex::new(Weak::new());

impl Runtime {
    /// The one that there is, or a new one.
    pub(crate) fn get() -> Result<Arc<Self>, Failure> {
        let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = current.upgrade() {
            return Ok(runtime);
        }
        let runtime = Arc::new(Self::start().map_err(|error| {
            let code = RTM_ERROR_INIT_FAILED;
            let text = format!("the thread rtm-io can't be started [{code} INIT_SERVICE_FAILED]");
            Failure::new(code, format!("{text}: {error}"))
        })?);
        *current = Arc::downgrade(&runtime);
        Ok(runtime)
    }

    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .thread_name("rtm-resolve")
            .build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            IS_HERE.set(true);
            runtime.block_on(async {
                let _ = stopped.await;
                tokio::time::sleep(GOOD_BYE).await;
            });
            runtime.shutdown_timeout(LOOK_UP_MAX);
        };
        let thread = thread::Builder::new().name("rtm-io".into()).spawn(run)?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Waits, on a foreign thread, for something to happen on this one.
    pub(crate) fn wait(&self, done: impl Future<Output = ()> + Send + 'static) {
        let (tell, told) = mpsc::sync_channel(1);
        self.handle.spawn(async move {
            done.await;
            let _ = tell.send(());
        });
        let _ = told.recv();
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else { return };
        // On the thread itself it would never end. Those who destroy clients hold them last, but a
        // call that is under way elsewhere may be later.
        if !IS_HERE.get() {
            let _ = thread.join();
        }
    }
}
