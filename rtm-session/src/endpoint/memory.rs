//! What sessions have learnt of the way to a peer, for those that come back with their ticket.

use std::collections::{BTreeMap, VecDeque};

use super::Endpoint;
use crate::event::SessionId;
use crate::recovery::Remembered;
use crate::ticket::{TicketTag, ticket_tag};

/// A bounded table; the oldest entry makes room. In memory only: after a restart, sessions begin
/// with what is safe everywhere.
#[derive(Debug)]
pub(super) struct Memory {
    most: usize,
    entries: BTreeMap<TicketTag, Entry>,
    order: VecDeque<TicketTag>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Entry {
    /// The session that the ticket belongs to still lives: a server notices late that its client is
    /// gone, or by its coming back.
    Alive(SessionId),
    /// It has ended.
    Ended(Remembered),
}

impl Memory {
    pub(super) const fn new(most: usize) -> Self {
        Self { most, entries: BTreeMap::new(), order: VecDeque::new() }
    }

    pub(super) fn get(&self, ticket: &[u8]) -> Option<Entry> {
        self.entries.get(&ticket_tag(ticket)?).copied()
    }

    /// A ticket was given, or its session has ended.
    pub(super) fn insert(&mut self, tag: TicketTag, entry: Entry) {
        if self.entries.insert(tag, entry).is_some() {
            return;
        }
        self.order.push_back(tag);
        while self.order.len() > self.most {
            if let Some(oldest) = self.order.pop_front() {
                self.entries.remove(&oldest);
            }
        }
    }
}

impl Endpoint {
    /// What is known of the way to who has this ticket.
    pub(super) fn remembered(&self, ticket: &[u8]) -> Option<Remembered> {
        match self.memory.get(ticket)? {
            Entry::Alive(session) => self.sessions.get(&session)?.to_remember(),
            Entry::Ended(remembered) => Some(remembered),
        }
    }

    /// A session has given, or got, a ticket, or ends.
    pub(super) fn remember(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else { return };
        let Some(tag) = session.ticket_tag() else { return };
        let entry = match (session.is_ended(), session.to_remember()) {
            (false, _) => Entry::Alive(id),
            (true, Some(remembered)) => Entry::Ended(remembered),
            (true, None) => return,
        };
        self.memory.insert(tag, entry);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let mut memory = Memory::new(3);
        let ended = |window| Entry::Ended(Remembered { window, rtt: Duration::from_millis(50) });
        for number in 0..5_u8 {
            memory.insert([number; 16], ended(u64::from(number)));
        }
        memory.insert([4; 16], ended(44));
        let windows = [0_u8, 1, 2, 3, 4].map(|it| match memory.get(&[it; 40]) {
            Some(Entry::Ended(remembered)) => Some(remembered.window),
            _ => None,
        });
        assert_eq!(windows, [None, None, Some(2), Some(3), Some(44)]);
        assert!(memory.get(&[4; 15]).is_none(), "no ticket");
        assert_eq!(memory.order.len(), 3);
    }
}
