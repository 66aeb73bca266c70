//! One client: what its calls share.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rtm_client::{ClientEvent, Error, RtmClient};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::abi;
use crate::dispatcher;
use crate::event::{Event, Place};
use crate::failure::{Failure, caught};
use crate::publisher::Publish;
use crate::pumps::Unsubscribe;
use crate::queue::{Permit, Queue};
use crate::runtime::Runtime;

/// Requests that may be unanswered, and bytes of their payloads.
const REQUESTS_MAX: usize = 4_096;
const BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// One client.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) id: u64,
    pub(crate) client: RtmClient,
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) queue: Queue,
    requests: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    last_request: AtomicU64,
    ways: Mutex<Ways>,
    ends: CancellationToken,
    tasks: TaskTracker,
}

/// Ways to the tasks that hold something for as long as it is there.
#[derive(Debug, Default)]
pub(crate) struct Ways {
    pub(crate) publishers: BTreeMap<Place, mpsc::UnboundedSender<Publish>>,
    pub(crate) topics: BTreeMap<Place, mpsc::UnboundedSender<Unsubscribe>>,
}

/// A request that was asked for: its result goes out once, whatever happens.
#[derive(Debug)]
pub(crate) struct Request {
    instance: Arc<Instance>,
    event: Option<(Event, Permit)>,
}

impl Instance {
    pub(crate) fn new(id: u64, client: RtmClient, runtime: Arc<Runtime>) -> Arc<Self> {
        let instance = Arc::new(Self {
            id,
            client,
            runtime,
            queue: Queue::new(),
            requests: Arc::new(Semaphore::new(REQUESTS_MAX)),
            bytes: Arc::new(Semaphore::new(BYTES_MAX)),
            last_request: AtomicU64::new(0),
            ways: Mutex::default(),
            ends: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let news = Arc::clone(&instance);
        // Before anything can be asked for, so that nothing is missed.
        let mut events = instance.client.events();
        instance.spawn(async move {
            while let Some(event) = events.recv().await {
                match event {
                    ClientEvent::LinkState(link) => {
                        news.tell(Event::link(&link)).await;
                        for unrestored in &link.unrestored {
                            news.tell(Event::unrestored(unrestored)).await;
                        }
                    }
                    ClientEvent::Lagged(missed) => {
                        let event = Event::new(abi::RTM_EVENT_LAGGED);
                        news.tell(event.counted(Some(missed))).await;
                    }
                    _ => {}
                }
            }
        });
        instance
    }

    /// A request about a place. Its number is given before anything is done.
    pub(crate) fn request(
        self: &Arc<Self>,
        operation: u32,
        place: Option<&Place>,
    ) -> Result<(u64, Request), Failure> {
        let permit = Arc::clone(&self.requests).try_acquire_owned().map_err(|_| {
            Failure::too_many("4096 requests are unanswered or their results unpolled: poll first")
        })?;
        let number = self.last_request.fetch_add(1, Ordering::Relaxed) + 1;
        let mut event = match place {
            Some(place) => Event::of(abi::RTM_EVENT_RESULT, place),
            None => Event::new(abi::RTM_EVENT_RESULT),
        };
        event.plain.request = number;
        event.plain.operation = operation;
        Ok((number, Request { instance: Arc::clone(self), event: Some((event, permit)) }))
    }

    /// Room for a payload of so many bytes, until its publish is answered.
    pub(crate) fn payload_room(&self, len: usize) -> Result<Permit, Failure> {
        let len = u32::try_from(len.max(1)).unwrap_or(u32::MAX);
        Arc::clone(&self.bytes).try_acquire_many_owned(len).map_err(|_| {
            Failure::too_many("8 MiB of payloads are unanswered: poll the results first")
        })
    }

    /// Runs a task until the client is destroyed. A fault in it is an event, not an end.
    pub(crate) fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_boxed(Box::pin(task));
    }

    /// Once in the library for all kinds of tasks: each copy would be 5 KB.
    fn spawn_boxed(self: &Arc<Self>, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let (ends, instance) = (self.ends.clone(), Arc::clone(self));
        let guarded = async move {
            tokio::select! {
                () = ends.cancelled() => {}
                fault = caught(task) => if let Err(fault) = fault {
                    instance.tell(Event::new(abi::RTM_EVENT_FAULT).failed(fault)).await;
                }
            }
        };
        self.tasks.spawn_on(guarded, self.runtime.handle());
    }

    /// Has news polled; waits while too many wait already.
    pub(crate) async fn tell(&self, event: Event) {
        if let Some(permit) = self.queue.place().await {
            self.push(event, permit);
        }
    }

    pub(crate) fn push(&self, event: Event, permit: Permit) {
        self.queue.push(event, permit);
        dispatcher::ring(self.id);
    }

    pub(crate) fn ways(&self) -> MutexGuard<'_, Ways> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends everything. When this returns, no task of it runs and no callback is called.
    pub(crate) fn end(&self) {
        self.queue.close();
        dispatcher::forget(self.id);
        self.ends.cancel();
        *self.ways() = Ways::default();
        self.tasks.close();
        let tasks = self.tasks.clone();
        self.runtime.wait(async move { tasks.wait().await });
    }
}

impl Request {
    /// The result goes out.
    pub(crate) fn end(mut self, result: Result<(), Failure>) {
        self.end_with(|event| match result {
            Ok(()) => event,
            Err(failure) => event.failed(failure),
        });
    }

    /// The same, with what belongs to it.
    pub(crate) fn end_with(&mut self, make: impl FnOnce(Event) -> Event) {
        if let Some((event, permit)) = self.event.take() {
            self.instance.push(make(event), permit);
        }
    }

    /// Does what was asked for; what it gives is kept by `then`.
    ///
    /// On the one thread of all tasks, whatever `then` begins runs after the result is out.
    pub(crate) fn run<T>(
        self,
        wish: impl Future<Output = Result<T, Error>> + Send + 'static,
        then: impl FnOnce(&Arc<Instance>, T) + Send + 'static,
    ) {
        let instance = Arc::clone(&self.instance);
        instance.spawn(async move {
            let done = wish.await.map(|given| then(&self.instance, given));
            self.end(done.map_err(Failure::from));
        });
    }

    /// Something about it that comes before the result.
    pub(crate) async fn tell(&mut self, mut event: Event) {
        if let Some((own, _)) = &self.event {
            event.plain.request = own.plain.request;
            event.plain.operation = own.plain.operation;
            event.channel.clone_from(&own.channel);
            event.topic.clone_from(&own.topic);
            event.plain.channel_type = own.plain.channel_type;
        }
        self.instance.tell(event).await;
    }
}

impl Drop for Request {
    /// A request whose task was ended by a fault has a result, too.
    fn drop(&mut self) {
        self.end_with(|event| {
            event.failed(Failure::new(
                abi::RTM_ERROR_INTERNAL,
                "the request ended without an answer [-1]: its outcome is unknown",
            ))
        });
    }
}
