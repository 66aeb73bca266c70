//! The link's states, and when to try again.
//!
//! Only states and times; the core does what they call for: it opens sessions when the phase
//! becomes [`Phase::LoggingIn`] or [`Phase::Retrying`], and drops all that users had when it
//! becomes [`Phase::Idle`] or [`Phase::Failed`].

use std::time::Duration;

use rand::Rng;
use rtm_wire::Time;

use super::backoff::Backoff;
use crate::link::{LinkOperation, LinkReason, LinkState};

/// How long an outage is called a disconnection, as in RTM 2.x.
const SUSPENDED_AFTER: Duration = Duration::from_secs(120);

/// What the client is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Idle,
    LoggingIn {
        since: Time,
        backoff: Backoff,
    },
    /// Between two attempts to log in.
    LoggingPause {
        since: Time,
        backoff: Backoff,
        until: Time,
    },
    Connected,
    /// Between two attempts.
    Waiting {
        outage: Outage,
        until: Time,
        is_suspended: bool,
    },
    Retrying {
        outage: Outage,
    },
    Failed,
}

/// A loss that isn't made good yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outage {
    since: Time,
    backoff: Backoff,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// The user asks for a login.
    Login,
    /// A logout is finished.
    LoggedOut,
    /// Logged in, and restored what there was.
    Accepted,
    /// The server doesn't want us, and trying again won't help.
    Refused(LinkReason),
    /// The session, or the attempt to get one, has failed.
    Lost(LinkReason),
    /// Time has passed.
    Tick,
}

/// A change that users see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) previous: LinkState,
    pub(super) current: LinkState,
    pub(super) operation: LinkOperation,
    pub(super) reason: LinkReason,
    /// Whether it ends an outage of less than two minutes.
    pub(super) is_resumed: bool,
}

#[derive(Debug)]
pub(super) struct Link {
    phase: Phase,
    /// How long to try to come back; for ever if `None`.
    reconnect_timeout: Option<Duration>,
    /// Whether the pause that is about to end was ended early.
    is_hurried: bool,
}

impl Link {
    pub(super) const fn new(reconnect_timeout: Option<Duration>) -> Self {
        Self { phase: Phase::Idle, reconnect_timeout, is_hurried: false }
    }

    pub(super) const fn phase(&self) -> &Phase {
        &self.phase
    }

    pub(super) const fn state(&self) -> LinkState {
        match self.phase {
            Phase::Idle => LinkState::Idle,
            Phase::LoggingIn { .. } | Phase::LoggingPause { .. } | Phase::Retrying { .. } => {
                LinkState::Connecting
            }
            Phase::Connected => LinkState::Connected,
            Phase::Waiting { is_suspended: false, .. } => LinkState::Disconnected,
            Phase::Waiting { is_suspended: true, .. } => LinkState::Suspended,
            Phase::Failed => LinkState::Failed,
        }
    }

    /// When [`Input::Tick`] is to come.
    pub(super) fn deadline(&self) -> Option<Time> {
        match self.phase {
            Phase::Waiting { until, .. } | Phase::LoggingPause { until, .. } => Some(until),
            Phase::LoggingIn { .. } | Phase::Retrying { .. } => self.end(),
            _ => None,
        }
    }

    /// When it gives up.
    fn end(&self) -> Option<Time> {
        let since = match &self.phase {
            Phase::LoggingIn { since, .. } | Phase::LoggingPause { since, .. } => *since,
            Phase::Waiting { outage, .. } | Phase::Retrying { outage } => outage.since,
            _ => return None,
        };
        self.reconnect_timeout.map(|timeout| since + timeout)
    }

    /// Whether a tick gives up.
    pub(super) fn gives_up(&self, now: Time) -> bool {
        self.end().is_some_and(|end| end <= now)
    }

    /// Ends the pause between two attempts; whether there was one.
    pub(super) fn hurry(&mut self, now: Time) -> bool {
        match &mut self.phase {
            Phase::Waiting { until, .. } | Phase::LoggingPause { until, .. } => {
                *until = now;
                self.is_hurried = true;
                true
            }
            _ => false,
        }
    }

    /// Takes what has happened; `None` when users don't see a change.
    pub(super) fn on(&mut self, now: Time, input: Input, chance: &mut impl Rng) -> Option<Step> {
        let previous = self.state();
        let (phase, reason) = self.next(now, input, chance)?;
        let is_resumed = match (&self.phase, input) {
            (Phase::Retrying { outage }, Input::Accepted) => {
                now.saturating_since(outage.since) < SUSPENDED_AFTER
            }
            _ => false,
        };
        self.phase = phase;
        let current = self.state();
        let is_hurried = std::mem::take(&mut self.is_hurried);
        let reason = match reason {
            LinkReason::AutoReconnect if is_hurried => LinkReason::NetworkChange,
            reason => reason,
        };
        let operation = operation(reason);
        let step = Step { previous, current, operation, reason, is_resumed };
        // The pauses of a login are nobody's business.
        (previous != current).then_some(step)
    }

    fn next(&self, now: Time, input: Input, chance: &mut impl Rng) -> Option<(Phase, LinkReason)> {
        let next = match (self.phase.clone(), input) {
            // An attempt that is under way is replaced; nobody sees that.
            (
                Phase::Idle | Phase::Failed | Phase::LoggingIn { .. } | Phase::LoggingPause { .. },
                Input::Login,
            ) => (Phase::LoggingIn { since: now, backoff: Backoff::default() }, LinkReason::Login),
            (Phase::Waiting { outage, .. }, Input::Login) => {
                (Phase::Retrying { outage }, LinkReason::Relogin)
            }
            // So is one that comes back from an outage.
            (Phase::Connected | Phase::Retrying { .. }, Input::Login) => return None,
            (Phase::Idle, Input::LoggedOut) => return None,
            (_, Input::LoggedOut) => (Phase::Idle, LinkReason::Logout),
            (Phase::LoggingIn { .. }, Input::Accepted) => {
                (Phase::Connected, LinkReason::LoginSuccess)
            }
            (Phase::Retrying { .. }, Input::Accepted) => {
                (Phase::Connected, LinkReason::ReconnectSuccess)
            }
            (
                Phase::LoggingIn { .. } | Phase::Connected | Phase::Retrying { .. },
                Input::Refused(reason),
            ) => (Phase::Failed, reason),
            (Phase::LoggingIn { since, mut backoff }, Input::Lost(_)) => {
                match self.reconnect_timeout.map(|timeout| since + timeout) {
                    Some(end) if now < end => {
                        let until = end.min(now + backoff.next(false, chance));
                        (Phase::LoggingPause { since, backoff, until }, LinkReason::LoginTimeout)
                    }
                    _ => (Phase::Failed, LinkReason::LoginTimeout),
                }
            }
            (Phase::LoggingIn { .. } | Phase::LoggingPause { .. }, Input::Tick)
                if self.gives_up(now) =>
            {
                (Phase::Failed, LinkReason::LoginTimeout)
            }
            (Phase::LoggingPause { since, backoff, until }, Input::Tick) if until <= now => {
                (Phase::LoggingIn { since, backoff }, LinkReason::Login)
            }
            (Phase::Retrying { .. }, Input::Tick) if self.gives_up(now) => {
                (Phase::Failed, LinkReason::ReconnectTimeout)
            }
            (Phase::Connected, Input::Lost(reason)) => {
                let outage = Outage { since: now, backoff: Backoff::default() };
                self.wait(now, outage, reason, chance)
            }
            (Phase::Retrying { outage }, Input::Lost(reason)) => {
                self.wait(now, outage, reason, chance)
            }
            (Phase::Waiting { outage, until, .. }, Input::Tick) if until <= now => {
                match self.has_given_up(now, &outage) {
                    true => (Phase::Failed, LinkReason::ReconnectTimeout),
                    false => (Phase::Retrying { outage }, LinkReason::AutoReconnect),
                }
            }
            (_, Input::Accepted | Input::Refused(_) | Input::Lost(_) | Input::Tick) => return None,
        };
        Some(next)
    }

    fn wait(
        &self,
        now: Time,
        mut outage: Outage,
        reason: LinkReason,
        chance: &mut impl Rng,
    ) -> (Phase, LinkReason) {
        if self.has_given_up(now, &outage) {
            return (Phase::Failed, LinkReason::ReconnectTimeout);
        }
        let is_suspended = now.saturating_since(outage.since) >= SUSPENDED_AFTER;
        let mut until = now + outage.backoff.next(is_suspended, chance);
        if let Some(timeout) = self.reconnect_timeout {
            until = until.min(outage.since + timeout);
        }
        (Phase::Waiting { outage, until, is_suspended }, reason)
    }

    fn has_given_up(&self, now: Time, outage: &Outage) -> bool {
        self.reconnect_timeout.is_some_and(|timeout| outage.since + timeout <= now)
    }
}

/// What has led to a change for this reason.
pub(super) const fn operation(reason: LinkReason) -> LinkOperation {
    match reason {
        LinkReason::Login | LinkReason::LoginSuccess | LinkReason::Relogin => LinkOperation::Login,
        LinkReason::Logout => LinkOperation::Logout,
        LinkReason::NetworkChange => LinkOperation::NetworkChange,
        LinkReason::AutoReconnect => LinkOperation::AutoReconnect,
        LinkReason::ReconnectSuccess => LinkOperation::Reconnected,
        LinkReason::KeepAliveTimeout => LinkOperation::HeartbeatLost,
        LinkReason::LoginTimeout | LinkReason::ReconnectTimeout | LinkReason::ConnectionError => {
            LinkOperation::ServerTimeout
        }
        _ => LinkOperation::ServerReject,
    }
}

#[cfg(test)]
mod tests;
