//! Events that wait to be polled.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::event::Event;

/// Messages and news that may wait; whoever brings more waits himself.
const NEWS_MAX: usize = 1_024;

/// What goes back when the event has been polled: its place, or its request's.
pub(crate) type Permit = OwnedSemaphorePermit;

/// One client's events.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    news: Condvar,
    room: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<(Event, Permit)>,
    is_closed: bool,
}

impl Queue {
    pub(crate) fn new() -> Self {
        let room = Arc::new(Semaphore::new(NEWS_MAX));
        Self { state: Mutex::default(), news: Condvar::new(), room }
    }

    /// A place for a message, or news. Taken before it is received, so that nothing piles up here.
    pub(crate) async fn place(&self) -> Option<Permit> {
        Arc::clone(&self.room).acquire_owned().await.ok()
    }

    pub(crate) fn push(&self, event: Event, permit: Permit) {
        let mut state = self.lock();
        if !state.is_closed {
            state.events.push_back((event, permit));
            self.news.notify_one();
        }
    }

    /// The next event; waits so long for one, `None` for ever. `Err` when the client is destroyed.
    pub(crate) fn poll(&self, patience: Option<Duration>) -> Result<Option<Event>, Destroyed> {
        let end = patience.and_then(|patience| Instant::now().checked_add(patience));
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return Err(Destroyed);
            }
            if let Some((event, _)) = state.events.pop_front() {
                return Ok(Some(event));
            }
            state = match end {
                None => self.news.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(end) => {
                    let left = end.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Ok(None);
                    }
                    let waited = self.news.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Whoever waits is told.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let events = std::mem::take(&mut state.events);
        self.room.close();
        self.news.notify_all();
        drop(state);
        drop(events);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The client is gone.
#[derive(Debug)]
pub(crate) struct Destroyed;
