//! Telling of a peer that isn't heard, before the session is given up.

use std::collections::VecDeque;
use std::time::Duration;

use rtm_wire::Time;

use super::Session;
use crate::event::Event;

/// Whether the peer counts as silent, and after how long it does.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// Nobody wants to know without one.
    limit: Option<Duration>,
    is_told: bool,
}

impl Session {
    pub(crate) fn watch_silence(&mut self, limit: Option<Duration>) {
        self.silence.limit = limit;
    }

    /// When the peer will count as silent.
    pub(super) fn silence_deadline(&self) -> Option<Time> {
        let limit = self.silence.limit.filter(|_| !self.silence.is_told)?;
        Some(self.last_received + limit)
    }

    pub(super) fn begin_silence(&mut self, events: &mut VecDeque<Event>) {
        self.silence.is_told = true;
        events.push_back(Event::Silent { session: self.id, since: self.last_received });
    }

    /// The peer was heard.
    pub(super) fn end_silence(&mut self, events: &mut VecDeque<Event>) {
        if std::mem::take(&mut self.silence.is_told) {
            events.push_back(Event::Heard { session: self.id });
        }
    }
}
