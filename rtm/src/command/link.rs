//! What people are told of the link.

use rtm_client::{ClientEvent, ClientEvents, LinkState};

/// Says on standard error what becomes of the link.
pub(crate) fn tell_of_link(mut events: ClientEvents) {
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if let Some(notice) = notice(&event) {
                eprintln!("rtm: {notice}");
            }
        }
    });
}

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
