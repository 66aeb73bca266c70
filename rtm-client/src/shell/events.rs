//! News of the client as a whole.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::broadcast;
use tracing::Dispatch;

use crate::link::{LinkEvent, StreamLinkEvent, TokenEvent};

/// News of a client as a whole.
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

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").finish_non_exhaustive()
    }
}

/// Receives news of a client: [`RtmClient::events`](crate::RtmClient::events).
///
/// Holds 64 events; the oldest go when the application is slower. Doesn't keep the client alive.
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
