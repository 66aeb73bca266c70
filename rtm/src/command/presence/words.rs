//! Who is there, in words.

use rtm_client::{JoinOptions, PresenceChange, PresenceEvent, SubscribeOptions, UserState};

/// How a command joins that tells nobody who is there.
pub(crate) fn without_presence(token: String) -> JoinOptions {
    JoinOptions::new().token(token).options(SubscribeOptions::new().presence(false))
}

/// What an event says; `None` if it says nothing.
pub(crate) fn words(event: &PresenceEvent) -> Option<String> {
    let text = match &event.change {
        PresenceChange::Snapshot(users) if event.total > users.len() as u64 => {
            format!("{} are here, of them {}", event.total, all_shown(users))
        }
        PresenceChange::Snapshot(users) => format!("here: {}", all_shown(users)),
        PresenceChange::Joined(user) => format!("{user} came"),
        PresenceChange::Left(user) => format!("{user} went"),
        PresenceChange::TimedOut(user) => format!("{user} was lost"),
        PresenceChange::StateChanged(user) if user.states.is_empty() => {
            format!("{} shows nothing", user.user)
        }
        PresenceChange::StateChanged(user) => format!("{} shows {}", user.user, pairs(user)),
        PresenceChange::Interval { joined, left, timed_out, changed } => {
            let parts = [(joined, "came"), (left, "went"), (timed_out, "were lost")];
            let parts = parts.iter().filter(|(users, _)| !users.is_empty());
            let parts: Vec<_> =
                parts.map(|(users, what)| format!("{} {what}", users.join(", "))).collect();
            let changed = changed.iter().map(|user| format!("{} shows {}", user.user, pairs(user)));
            let parts: Vec<_> = parts.into_iter().chain(changed).collect();
            format!("{} are here; {}", event.total, parts.join("; "))
        }
        PresenceChange::OutOfService => "nothing is told of who is here".to_owned(),
        _ => return None,
    };
    Some(text)
}

/// A user and what it shows, on one line.
pub(super) fn shown(user: &UserState) -> String {
    match user.states.is_empty() && user.unreadable.is_empty() {
        true => user.user.clone(),
        false => format!("{} ({})", user.user, pairs(user)),
    }
}

/// What a user shows.
pub(super) fn pairs(user: &UserState) -> String {
    let states = user.states.iter().map(|(key, value)| format!("{key}={value}"));
    let unreadable = user.unreadable.iter().map(|key| format!("{key} (sealed)"));
    states.chain(unreadable).collect::<Vec<_>>().join(", ")
}

fn all_shown(users: &[UserState]) -> String {
    users.iter().map(shown).collect::<Vec<_>>().join(", ")
}
