//! A first flight over datagrams and, when they bring no reply, over a stream as well.

use std::time::Duration;

use rtm_wire::Time;

use crate::config::Carriers;
use crate::remote::{Remote, StreamId};
use crate::session::Spare;

/// How long datagrams have the start to themselves.
const HEAD_START: Duration = Duration::from_millis(300);
/// Pause before another stream is opened when one has ended without a reply; it doubles.
const OPEN_PAUSE: Duration = Duration::from_millis(500);
const OPEN_PAUSE_MAX: Duration = Duration::from_secs(4);
/// A server that was still thinking when a first flight came gives no second answer: it is asked
/// again, over the stream, too.
const COPY_PAUSE: Duration = Duration::from_secs(1);
/// A stream without a reply for so long is given up: something may swallow what it doesn't know.
const ANSWER_TIME: Duration = Duration::from_secs(3);

/// The stream's part in a handshake.
#[derive(Clone, Debug)]
pub(crate) struct Race {
    /// When a stream is to be opened; never if `None`.
    open_at: Option<Time>,
    stream: Stage,
    /// Attempts that have failed in a row.
    pub(crate) attempt: u32,
    pause: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    None,
    Opening,
    Open { remote: Remote, next_copy: Time, give_up: Time },
}

impl Race {
    /// `is_hurried`: datagrams have not passed lately, or are not to be used.
    pub(crate) fn new(now: Time, carriers: Carriers, is_hurried: bool, attempt: u32) -> Self {
        let head_start = match (carriers, is_hurried) {
            (Carriers::Datagrams, _) => None,
            (Carriers::Both, false) => Some(HEAD_START),
            (Carriers::Both, true) | (Carriers::Streams, _) => Some(Duration::ZERO),
        };
        let open_at = head_start.map(|head_start| now + head_start);
        Self { open_at, stream: Stage::None, attempt, pause: OPEN_PAUSE }
    }

    /// Whether a stream is to be opened now.
    pub(crate) fn wants_stream(&mut self, now: Time) -> bool {
        let is_due = self.stream == Stage::None && self.open_at.is_some_and(|at| now >= at);
        if is_due {
            self.stream = Stage::Opening;
            self.open_at = Some(now + self.pause);
            self.pause = (self.pause * 2).min(OPEN_PAUSE_MAX);
        }
        is_due
    }

    pub(crate) fn on_opened(&mut self, now: Time, remote: Remote) {
        self.stream = Stage::Open { remote, next_copy: now, give_up: now + ANSWER_TIME };
    }

    pub(crate) fn on_closed(&mut self) {
        self.stream = Stage::None;
        self.attempt = self.attempt.wrapping_add(1);
    }

    /// A stream that brings no reply, and is to be closed: another one, of another kind perhaps, is
    /// opened at once.
    pub(crate) fn give_up(&mut self, now: Time) -> Option<StreamId> {
        let Stage::Open { remote, give_up, .. } = self.stream else { return None };
        if now < give_up {
            return None;
        }
        self.on_closed();
        self.open_at = Some(now);
        remote.stream()
    }

    /// The handshake has brought nothing; attempts that have failed by now.
    pub(crate) fn failed(&self) -> u32 {
        match self.stream {
            Stage::None => self.attempt,
            Stage::Opening | Stage::Open { .. } => self.attempt.wrapping_add(1),
        }
    }

    /// The first flight is another one: with a cookie, or without the ticket.
    pub(crate) fn begin_again(&mut self, now: Time) {
        if let Stage::Open { next_copy, .. } = &mut self.stream {
            *next_copy = now;
        }
    }

    /// Where a copy is to go now, if over the stream.
    pub(crate) fn take_copy(&mut self, now: Time) -> Option<Remote> {
        match &mut self.stream {
            Stage::Open { remote, next_copy, .. } if now >= *next_copy => {
                *next_copy = now + COPY_PAUSE;
                Some(*remote)
            }
            _ => None,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        match self.stream {
            Stage::None => self.open_at,
            Stage::Opening => None,
            Stage::Open { next_copy, give_up, .. } => Some(next_copy.min(give_up)),
        }
    }

    /// The stream, if it is open.
    pub(crate) fn stream(&self) -> Option<Remote> {
        match self.stream {
            Stage::Open { remote, .. } => Some(remote),
            Stage::None | Stage::Opening => None,
        }
    }

    /// What a session that begins on `on` gets of the stream besides.
    pub(crate) fn into_spare(self, now: Time, on: Remote) -> Spare {
        match self.stream {
            Stage::Open { remote, .. } if remote == on => Spare::None,
            Stage::None => Spare::None,
            Stage::Opening => Spare::Opening,
            Stage::Open { remote, .. } => Spare::new(now, remote),
        }
    }
}
