//! The view of a message or user channel.

use rtm_wire::{ErrorCode, Position, Sequence, SubscribeOptions};

use crate::refusal::Refusal;

/// Messages that are missing: those after `after` and before `before`.
///
/// When the epochs differ, the owner has changed, and how many are missing is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last message that was received.
    pub after: Position,
    /// The next one that was.
    pub before: Position,
}

impl Gap {
    /// How many are missing, if that can be known.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        let is_countable = self.after.epoch == self.before.epoch;
        is_countable.then(|| self.before.sequence.0.saturating_sub(self.after.sequence.0 + 1))
    }
}

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Hand it to the user.
    Deliver,
    /// Tell the user of the gap, then hand it over.
    DeliverAfter(Gap),
    /// It was here before.
    Repeat,
    /// Nobody wants it (any more).
    Unwanted,
}

/// Where a subscription is in its life.
///
/// ```text
///            subscribe            on_subscribed             unsubscribe
///    Idle ─────────────► Subscribing ─────────► Subscribed ─────────────► Unsubscribing
///     ▲                   │   ▲                    │                             │
///     ├── on_refused ─────┘   └─── resubscribe ─── │ ── on_disconnected ──► Lost │
///     └─────────────────────────── on_unsubscribed / on_disconnected ────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewState {
    /// Not subscribed.
    Idle,
    /// Asked for. Messages may come before the answer: they travel on another lane.
    Subscribing {
        /// What to hear of.
        options: SubscribeOptions,
        /// The last message that is known.
        last: Option<Position>,
    },
    /// Subscribed.
    Subscribed {
        /// What to hear of.
        options: SubscribeOptions,
        /// The last message that is known.
        last: Position,
    },
    /// The session was lost; to be subscribed again.
    Lost {
        /// What to hear of.
        options: SubscribeOptions,
        /// The last message that is known.
        last: Option<Position>,
    },
    /// Its end is asked for.
    Unsubscribing,
}

/// A client's view of one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageView {
    state: ViewState,
}

impl Default for MessageView {
    fn default() -> Self {
        Self { state: ViewState::Idle }
    }
}

impl MessageView {
    /// The view of a channel that is heard without being asked for: a user's own.
    #[must_use]
    pub fn inbox() -> Self {
        let options = SubscribeOptions::default();
        Self { state: ViewState::Subscribing { options, last: None } }
    }

    /// Where it is.
    #[must_use]
    pub const fn state(&self) -> ViewState {
        self.state
    }

    /// Begins a subscription; the request is to be sent.
    ///
    /// # Errors
    /// There is one, or one is about to begin or to end.
    pub fn subscribe(&mut self, options: SubscribeOptions) -> Result<(), Refusal> {
        match self.state {
            ViewState::Idle => {
                self.state = ViewState::Subscribing { options, last: None };
                Ok(())
            }
            _ => {
                let reason = "this channel is subscribed already; unsubscribe first";
                Err(Refusal::new(ErrorCode::DUPLICATE_OPERATION, reason))
            }
        }
    }

    /// The owner has subscribed us, at this position; messages between the last known one and it
    /// are a gap.
    pub fn on_subscribed(&mut self, position: Position) -> Option<Gap> {
        let ViewState::Subscribing { options, last } = self.state else { return None };
        // What came before the answer is newer than it.
        let now = last.map_or(position, |last| last.max(position));
        self.state = ViewState::Subscribed { options, last: now };
        let before = Position { sequence: Sequence(position.sequence.0 + 1), ..position };
        last.filter(|&last| last < position).map(|after| Gap { after, before })
    }

    /// The owner has refused.
    pub fn on_refused(&mut self) {
        if let ViewState::Subscribing { .. } = self.state {
            self.state = ViewState::Idle;
        }
    }

    /// Begins the end of a subscription; the request is to be sent, unless the session is lost.
    ///
    /// # Errors
    /// There is none.
    pub fn unsubscribe(&mut self) -> Result<(), Refusal> {
        match self.state {
            ViewState::Subscribed { .. } => {
                self.state = ViewState::Unsubscribing;
                Ok(())
            }
            ViewState::Lost { .. } => {
                self.state = ViewState::Idle;
                Ok(())
            }
            _ => {
                let reason = "this channel is not subscribed; subscribe first";
                Err(Refusal::new(ErrorCode::CHANNEL_NOT_SUBSCRIBED, reason))
            }
        }
    }

    /// The subscription has ended.
    pub fn on_unsubscribed(&mut self) {
        if self.state == ViewState::Unsubscribing {
            self.state = ViewState::Idle;
        }
    }

    /// The session is gone.
    pub fn on_disconnected(&mut self) {
        self.state = match self.state {
            ViewState::Subscribing { options, last } => ViewState::Lost { options, last },
            ViewState::Subscribed { options, last } => {
                ViewState::Lost { options, last: Some(last) }
            }
            ViewState::Unsubscribing => ViewState::Idle,
            other => other,
        };
    }

    /// A new session is there: what to subscribe with, and the position to carry on from.
    pub fn resubscribe(&mut self) -> Option<(SubscribeOptions, Option<Position>)> {
        let ViewState::Lost { options, last } = self.state else { return None };
        self.state = ViewState::Subscribing { options, last };
        Some((options, last))
    }

    /// A message of the channel has arrived.
    pub fn on_message(&mut self, position: Position) -> Verdict {
        let last = match &mut self.state {
            ViewState::Subscribing { last, .. } => match last {
                Some(last) => last,
                // The first one: nothing can be missing before it.
                None => {
                    *last = Some(position);
                    return Verdict::Deliver;
                }
            },
            ViewState::Subscribed { last, .. } => last,
            ViewState::Idle | ViewState::Lost { .. } | ViewState::Unsubscribing => {
                return Verdict::Unwanted;
            }
        };
        if position <= *last {
            return Verdict::Repeat;
        }
        let after = std::mem::replace(last, position);
        let is_next = after.epoch == position.epoch && after.sequence.0 + 1 == position.sequence.0;
        if is_next {
            Verdict::Deliver
        } else {
            Verdict::DeliverAfter(Gap { after, before: position })
        }
    }
}

#[cfg(test)]
mod tests;
