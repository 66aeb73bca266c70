//! When a session has to be woken, and what happens then.

use std::collections::VecDeque;

use rtm_wire::{CloseCode, Time};

use super::Session;
use super::contents::Sent;
use super::state::State;
use crate::error::CloseCause;
use crate::event::Event;
use crate::recovery::TimeoutOutcome;

/// Messages that a probe may take along. Several, since some may have arrived, and only their
/// acknowledgements not.
const PROBED: usize = 8;

impl Session {
    /// The next moment at which [`handle_timeout`](Self::handle_timeout) has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        match &self.state {
            State::Ended => None,
            State::Unproved { until } => Some(*until),
            State::Closing { copies_left, next_copy, until, .. } => {
                let can_send = *copies_left > 0 && self.may_address_peer();
                Some(if can_send { (*next_copy).min(*until) } else { *until })
            }
            State::Open if self.keys.is_exhausted() => Some(Time::ZERO),
            // Messages were given up while nobody asked for news.
            State::Open if self.send.has_writable() => Some(Time::ZERO),
            // What can't be sent to an address that isn't proved must not wake anybody.
            State::Open if !self.may_address_peer() => {
                let deadlines =
                    [self.recovery.timeout(), self.path.proof_deadline(), self.send.next_expiry()];
                let own =
                    [Some(self.idle_deadline()), self.silence_deadline(), self.fallback_deadline()];
                deadlines.into_iter().chain(own).flatten().min()
            }
            State::Open => {
                let keep_alive = self.keep_alive.map(|pause| self.last_eliciting + pause);
                [
                    Some(self.idle_deadline()),
                    self.silence_deadline(),
                    keep_alive,
                    self.recovery.timeout(),
                    self.received.ack_deadline(),
                    self.path.proof_deadline(),
                    self.send.next_expiry(),
                    self.pacing_deadline(),
                    self.echo_deadline(),
                    self.fallback_deadline(),
                ]
                .into_iter()
                .flatten()
                .min()
            }
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Time, events: &mut VecDeque<Event>) {
        match &self.state {
            State::Ended => {}
            State::Unproved { until } | State::Closing { until, .. } => {
                if now >= *until {
                    self.state = State::Ended;
                }
            }
            State::Open => self.handle_open_timeout(now, events),
        }
    }

    fn handle_open_timeout(&mut self, now: Time, events: &mut VecDeque<Event>) {
        if self.keys.is_exhausted() {
            let (code, cause) = (CloseCode::KEYS_EXHAUSTED, CloseCause::KeysExhausted);
            return self.close_with(now, code, "keys used up", cause, events);
        }
        if now >= self.idle_deadline() {
            return self.end(CloseCause::IdleTimeout, events);
        }
        if self.silence_deadline().is_some_and(|deadline| now >= deadline) {
            self.begin_silence(events);
        }
        if self.path.proof_deadline().is_some_and(|deadline| now >= deadline) {
            self.go_back(now);
        }
        if self.keep_alive.is_some_and(|pause| now >= self.last_eliciting + pause) {
            self.ping = true;
            // Not again before the ping has gone out or the pause has passed.
            self.last_eliciting = now;
        }
        if self.received.ack_deadline().is_some_and(|deadline| now >= deadline) {
            self.ack_due_now = true;
        }
        // Before what is lost is sent again.
        self.send.expire(now);
        self.tell_of_room(events);
        if self.recovery.timeout().is_some_and(|deadline| now >= deadline) {
            match self.recovery.on_timeout(now, self.send.has_pending()) {
                TimeoutOutcome::Lost(lost) => self.on_lost(now, lost),
                // What a stream has taken is on its way: only the question is sent again.
                TimeoutOutcome::Probe { .. } if self.path.is_stream() => self.ping = true,
                TimeoutOutcome::Probe { count } => self.on_probe_timeout(now, count),
            }
        }
        self.tend(now);
    }

    /// Sends what has waited longest once more: better than a ping, which would only find out that
    /// it is missing.
    pub(super) fn on_probe_timeout(&mut self, now: Time, count: u8) {
        self.probes = self.probes.max(count);
        self.ping = true;
        self.send.probe(PROBED);
        // Other frames are few, and are told again as they stand now.
        for contents in self.recovery.oldest(count, |contents| !contents.frames.is_empty()) {
            let others = contents.frames.into_iter().filter(|it| !matches!(it, Sent::Chunk(_)));
            others.for_each(|frame| self.repeat(frame));
            if let Some(number) = contents.length_probe {
                self.mtu.on_probe_lost(now, number, self.recovery.circumstances().loss);
            }
        }
        self.path.repeat_challenge();
    }

    /// When a packet only of copies may go out. One that waits for window or pacer is woken with
    /// them, or not at all: then fresh messages have filled them, and copies can wait.
    fn echo_deadline(&self) -> Option<Time> {
        let lanes = &self.send;
        if self.path.is_stream() {
            return None;
        }
        let due = self.redundancy.deadline(|rider| lanes.is_current(rider))?;
        let may_go = self.path.allowance() >= self.mtu.len();
        let paced = self.recovery.pacing_deadline().filter(|_| may_go)?;
        Some(due.max(paced))
    }

    fn idle_deadline(&self) -> Time {
        self.last_received + self.idle_timeout
    }

    /// Data waits for the pacer, and nothing else would wake the session. What waits for the
    /// address to be proved is woken by what comes from there.
    fn pacing_deadline(&self) -> Option<Time> {
        let may_go = self.send.has_work() && self.path.allowance() >= self.mtu.len();
        if may_go { self.recovery.pacing_deadline() } else { None }
    }
}
