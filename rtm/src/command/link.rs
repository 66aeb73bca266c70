//! What people are told of the link.

use rtm_client::{ClientEvent, LinkState};

/// The news in words, if it is any.
pub(crate) fn notice(event: &ClientEvent) -> Option<&'static str> {
    let ClientEvent::LinkState(event) = event else { return None };
    match (event.previous, event.current) {
        (LinkState::Connected, LinkState::Disconnected) => {
            Some("connection lost; trying to come back")
        }
        // The first login is no news.
        (LinkState::Connecting, LinkState::Connected) if event.is_restored => {
            Some("connected again")
        }
        _ => None,
    }
}
