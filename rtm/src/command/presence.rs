//! Who is there, in words.

use rtm_client::{JoinOptions, PresenceChange, PresenceEvent, SubscribeOptions};

/// How a command joins that tells nobody who is there.
pub(super) fn without_presence(token: String) -> JoinOptions {
    JoinOptions::new().token(token).options(SubscribeOptions::new().presence(false))
}

/// What an event says; `None` if it says nothing.
pub(super) fn words(event: &PresenceEvent) -> Option<String> {
    let text = match &event.change {
        PresenceChange::Snapshot(users) if event.total > users.len() as u64 => {
            format!("{} are here, of them {}", event.total, users.join(", "))
        }
        PresenceChange::Snapshot(users) => format!("here: {}", users.join(", ")),
        PresenceChange::Joined(user) => format!("{user} came"),
        PresenceChange::Left(user) => format!("{user} went"),
        PresenceChange::TimedOut(user) => format!("{user} was lost"),
        PresenceChange::Interval { joined, left, timed_out } => {
            let parts = [(joined, "came"), (left, "went"), (timed_out, "were lost")];
            let parts = parts.iter().filter(|(users, _)| !users.is_empty());
            let parts: Vec<_> =
                parts.map(|(users, what)| format!("{} {what}", users.join(", "))).collect();
            format!("{} are here; {}", event.total, parts.join("; "))
        }
        PresenceChange::OutOfService => "nothing is told of who is here".to_owned(),
        _ => return None,
    };
    Some(text)
}
