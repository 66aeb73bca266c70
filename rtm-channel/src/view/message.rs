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

    /// Whether something may be missing.
    fn is_hole(&self) -> bool {
        self.count() != Some(0)
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
///            subscribe              on_subscribed             unsubscribe
///    Idle ─────────────► Subscribing ───────────► Subscribed ────────────► Unsubscribing
///     ▲                       │                    │      ▲                      │
///     │                       │ on_disconnected    │      │ on_subscribed        │
///     │                       └──────────► Lost ◄──┘      │                      │
///     │                                   │    ▲          │                      │
///     │                       resubscribe │    │ on_disconnected                 │
///     │                                   ▼    │          │                      │
///     │                                  Resubscribing ───┘                      │
///     └─ on_refused; unsubscribe when Lost; on_unsubscribed or on_disconnected ──┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewState {
    /// Not subscribed.
    Idle,
    /// Asked for. Messages may come before the answer: they travel on another lane.
    Subscribing {
        /// What to hear of.
        options: SubscribeOptions,
        /// The messages that have come so far.
        early: Option<Early>,
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
    /// Asked for again, to carry on from a known message.
    Resubscribing {
        /// What to hear of.
        options: SubscribeOptions,
        /// The last message that is known.
        last: Position,
    },
    /// Its end is asked for.
    Unsubscribing,
}

/// Messages that came before the answer to a subscription.
///
/// The first ones may have been still on their way when an earlier subscription ended. Only the
/// answer tells which, and so whether a hole among them is a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Early {
    /// The first of them.
    pub first: Position,
    /// The last one.
    pub last: Position,
    /// What is missing between the two, from the first message that is to the last one.
    pub hole: Option<Gap>,
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
    /// Where it is.
    #[must_use]
    pub const fn state(&self) -> ViewState {
        self.state
    }

    /// What the subscriber wants, if there is one.
    #[must_use]
    pub const fn options(&self) -> Option<SubscribeOptions> {
        match self.state {
            ViewState::Subscribing { options, .. }
            | ViewState::Subscribed { options, .. }
            | ViewState::Lost { options, .. }
            | ViewState::Resubscribing { options, .. } => Some(options),
            ViewState::Idle | ViewState::Unsubscribing => None,
        }
    }

    /// The owner says that all messages up to this one were sent, or won't be: what is missing.
    pub fn on_position(&mut self, position: Position) -> Option<Gap> {
        let ViewState::Subscribed { options, last } = &mut self.state else { return None };
        if position <= *last {
            return None;
        }
        let before = Position { sequence: Sequence(position.sequence.0 + 1), ..position };
        let after = std::mem::replace(last, position);
        options.messages.then_some(Gap { after, before })
    }

    /// Begins a subscription; the request is to be sent.
    ///
    /// # Errors
    /// There is one, or one is about to begin or to end.
    pub fn subscribe(&mut self, options: SubscribeOptions) -> Result<(), Refusal> {
        match self.state {
            ViewState::Idle => {
                self.state = ViewState::Subscribing { options, early: None };
                Ok(())
            }
            _ => {
                let reason = "this channel is subscribed already; unsubscribe first";
                Err(Refusal::new(ErrorCode::DUPLICATE_OPERATION, reason))
            }
        }
    }

    /// The owner has subscribed us, at this position. What was missed while the session was lost
    /// is a gap; what was published before a new subscription is none.
    pub fn on_subscribed(&mut self, position: Position) -> Vec<Gap> {
        let (options, last, gaps) = match self.state {
            ViewState::Subscribing { options, early } => {
                // What came before the answer and isn't newer belonged to an earlier subscription.
                let early = early.filter(|early| early.last > position);
                let gaps = early.map_or([None; 2], |early| early.gaps_after(position));
                (options, early.map_or(position, |early| early.last), gaps)
            }
            ViewState::Resubscribing { options, last } => {
                let before = Position { sequence: Sequence(position.sequence.0 + 1), ..position };
                // Another epoch is another owner's, greater or not: its positions count.
                let is_other = last.epoch != position.epoch;
                let is_behind = is_other || last < position;
                let gap = is_behind.then_some(Gap { after: last, before });
                (options, if is_behind { position } else { last }, [gap, None])
            }
            _ => return Vec::new(),
        };
        self.state = ViewState::Subscribed { options, last };
        let gaps = gaps.into_iter().flatten();
        gaps.filter(|gap| options.messages && gap.is_hole()).collect()
    }

    /// The owner has refused.
    pub fn on_refused(&mut self) {
        if let ViewState::Subscribing { .. } | ViewState::Resubscribing { .. } = self.state {
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

    /// The owner has answered an [`unsubscribe`](Self::unsubscribe): whatever the answer, the
    /// subscription has ended.
    pub fn on_unsubscribed(&mut self) {
        if self.state == ViewState::Unsubscribing {
            self.state = ViewState::Idle;
        }
    }

    /// The session is gone.
    pub fn on_disconnected(&mut self) {
        self.state = match self.state {
            ViewState::Subscribing { options, early } => {
                ViewState::Lost { options, last: early.map(|early| early.last) }
            }
            ViewState::Subscribed { options, last }
            | ViewState::Resubscribing { options, last } => {
                ViewState::Lost { options, last: Some(last) }
            }
            ViewState::Unsubscribing => ViewState::Idle,
            other @ (ViewState::Idle | ViewState::Lost { .. }) => other,
        };
    }

    /// A new session is there: what to subscribe with, and the position to carry on from.
    pub fn resubscribe(&mut self) -> Option<(SubscribeOptions, Option<Position>)> {
        let ViewState::Lost { options, last } = self.state else { return None };
        self.state = match last {
            Some(last) => ViewState::Resubscribing { options, last },
            None => ViewState::Subscribing { options, early: None },
        };
        Some((options, last))
    }

    /// A message of the channel has arrived.
    pub fn on_message(&mut self, position: Position) -> Verdict {
        match &mut self.state {
            ViewState::Subscribing { early, .. } => on_early(early, position),
            ViewState::Subscribed { last, .. } | ViewState::Resubscribing { last, .. } => {
                on_later(last, position)
            }
            ViewState::Idle | ViewState::Lost { .. } | ViewState::Unsubscribing => {
                Verdict::Unwanted
            }
        }
    }
}

impl Early {
    /// A later message of the same epoch has come.
    fn extend(&mut self, position: Position) {
        let after = std::mem::replace(&mut self.last, position);
        if !is_next(after, position) {
            // Of several holes, one around all of them.
            let after = self.hole.map_or(after, |hole| hole.after);
            self.hole = Some(Gap { after, before: position });
        }
    }

    /// What is missing when the subscription has begun at this position.
    fn gaps_after(&self, position: Position) -> [Option<Gap>; 2] {
        let before = (self.first > position).then_some(Gap { after: position, before: self.first });
        let hole = self.hole.filter(|hole| hole.before > position);
        [before, hole.map(|hole| Gap { after: hole.after.max(position), ..hole })]
    }
}

/// A message before the answer: whether something is missing is not known yet.
fn on_early(early: &mut Option<Early>, position: Position) -> Verdict {
    match early {
        Some(early) if position <= early.last => return Verdict::Repeat,
        Some(early) if early.last.epoch == position.epoch => early.extend(position),
        _ => *early = Some(Early { first: position, last: position, hole: None }),
    }
    Verdict::Deliver
}

fn on_later(last: &mut Position, position: Position) -> Verdict {
    if position <= *last {
        return Verdict::Repeat;
    }
    let after = std::mem::replace(last, position);
    if is_next(after, position) {
        Verdict::Deliver
    } else {
        Verdict::DeliverAfter(Gap { after, before: position })
    }
}

fn is_next(last: Position, position: Position) -> bool {
    last.epoch == position.epoch && last.sequence.0 + 1 == position.sequence.0
}

#[cfg(test)]
mod tests;
