//! News of the link.

use tokio::sync::broadcast;

use crate::link::LinkEvent;

/// News of a client as a whole.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ClientEvent {
    /// The link's state has changed.
    LinkState(LinkEvent),
    /// The application was too slow: so many events were dropped.
    /// [`RtmClient::link_state`](crate::RtmClient::link_state) has the present state.
    Lagged(u64),
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
