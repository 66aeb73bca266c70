//! News of the client as a whole.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;
use tracing::Dispatch;

use crate::link::{LinkEvent, StreamLinkEvent, TokenEvent};

/// News of a client as a whole.
///
/// ```
/// use rtm_client::ClientEvent;
///
/// fn tell(event: &ClientEvent) {
///     match event {
///         ClientEvent::LinkState(link) => println!("{:?}", link.current),
///         ClientEvent::StreamLink(link) => println!("{}: {:?}", link.channel, link.current),
///         ClientEvent::Token(token) => println!("{:?} in {:?}", token.change, token.time_left),
///         ClientEvent::Lagged(missed) => println!("{missed} events were dropped"),
///         _ => {}
///     }
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ClientEvent {
    /// The link's state has changed.
    LinkState(LinkEvent),
    /// The link of a stream channel has changed.
    StreamLink(StreamLinkEvent),
    /// A token ends soon, or subscriptions and memberships have ended with one.
    Token(TokenEvent),
    /// The application was too slow: so many events were dropped.
    /// [`RtmClient::link_state`](crate::RtmClient::link_state) has the present state.
    Lagged(u64),
}

/// What is called with each event.
#[derive(Clone)]
pub(super) struct Handler {
    handler: Arc<dyn Fn(&ClientEvent) + Send + Sync>,
    /// The program's log, not the client's.
    log: Dispatch,
}

impl Handler {
    pub(super) fn new(handler: impl Fn(&ClientEvent) + Send + Sync + 'static) -> Self {
        Self { handler: Arc::new(handler), log: Dispatch::none() }
    }

    /// The same, logging to where the caller does.
    pub(super) fn here(&self) -> Self {
        let log = tracing::dispatcher::get_default(Clone::clone);
        Self { handler: Arc::clone(&self.handler), log }
    }

    /// Calls it. What panics in it must not end the client's task.
    pub(super) fn call(&self, event: &ClientEvent) {
        let call = || tracing::dispatcher::with_default(&self.log, || (self.handler)(event));
        if catch_unwind(AssertUnwindSafe(call)).is_err() {
            tracing::error!("the event handler has panicked");
        }
    }
}

/// An event handler that was added: [`RtmClient::add_event_handler`].
///
/// [`RtmClient::add_event_handler`]: crate::RtmClient::add_event_handler
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventHandlerId(u64);

/// All that are called with each event, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(super) struct Handlers {
    added: Arc<Mutex<Added>>,
}

#[derive(Debug, Default)]
struct Added {
    last: u64,
    handlers: BTreeMap<EventHandlerId, Handler>,
}

impl Handlers {
    pub(super) fn add(&self, handler: Handler) -> EventHandlerId {
        let mut added = lock(&self.added);
        added.last += 1;
        let id = EventHandlerId(added.last);
        added.handlers.insert(id, handler);
        id
    }

    /// Whether it was there.
    pub(super) fn remove(&self, id: EventHandlerId) -> bool {
        // Dropped when the lock isn't held any more: it may do anything then.
        let removed = lock(&self.added).handlers.remove(&id);
        removed.is_some()
    }

    /// All of them log to where the caller does.
    pub(super) fn log_here(&self) {
        let mut added = lock(&self.added);
        for handler in added.handlers.values_mut() {
            *handler = handler.here();
        }
    }

    /// Calls them. They may add and remove some, themselves among them.
    pub(super) fn call(&self, event: &ClientEvent) {
        let handlers: Vec<_> = lock(&self.added).handlers.values().cloned().collect();
        for handler in handlers {
            handler.call(event);
        }
    }
}

/// Nothing of the application's runs under the lock.
fn lock(added: &Mutex<Added>) -> MutexGuard<'_, Added> {
    added.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").finish_non_exhaustive()
    }
}

/// Receives news of a client: [`RtmClient::events`](crate::RtmClient::events).
///
/// Holds 256 events; the oldest go when the application is slower. Doesn't keep the client alive.
///
/// ```no_run
/// # async fn example(client: rtm_client::RtmClient) -> Result<(), rtm_client::Error> {
/// let mut events = client.events();
/// while let Some(event) = events.recv().await {
///     println!("{event:?}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "events are lost unless they are received"]
pub struct ClientEvents {
    pub(super) events: broadcast::Receiver<ClientEvent>,
}

impl ClientEvents {
    /// The next event; `None` when the client is gone.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn recv(&mut self) -> Option<ClientEvent> {
        match self.events.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(ClientEvent::Lagged(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{LinkOperation, LinkReason, LinkState};

    #[tokio::test]
    async fn who_is_too_slow_is_told_how_much_was_dropped() {
        let (sender, events) = broadcast::channel(4);
        let mut events = ClientEvents { events };
        for _ in 0..7 {
            let event = LinkEvent {
                previous: LinkState::Idle,
                current: LinkState::Connecting,
                operation: LinkOperation::Login,
                reason: LinkReason::Login,
                error: None,
                time_ms: 0,
                affected_channels: Vec::new(),
                is_resumed: false,
                is_restored: false,
                unrestored: Vec::new(),
            };
            assert!(sender.send(ClientEvent::LinkState(event)).is_ok());
        }
        assert!(matches!(events.recv().await, Some(ClientEvent::Lagged(3))));
        for _ in 0..4 {
            assert!(matches!(events.recv().await, Some(ClientEvent::LinkState(_))));
        }
        drop(sender);
        assert!(events.recv().await.is_none());
    }
}
