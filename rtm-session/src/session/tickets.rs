//! Tickets on their way (protocol §4.13).

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use rtm_wire::{Ticket as TicketFrame, Time};

use super::Session;
use crate::crypto::Secret;
use crate::event::Event;
use crate::ticket::{Ticket, TicketTag, ticket_tag};

/// The newest ticket that the client doesn't have yet.
#[derive(Debug)]
pub(super) struct Outgoing {
    number: u64,
    lifetime_ms: u64,
    early_max: u64,
    bytes: Vec<u8>,
    is_due: bool,
}

/// A server's tickets: how many there were, and the newest, until it is acknowledged; of a client's
/// the number after the newest, and its tag.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    next: u64,
    newest: Option<Outgoing>,
    /// Of the newest that was sent, or has come.
    tag: Option<TicketTag>,
}

impl Tickets {
    pub(super) fn tag(&self) -> Option<TicketTag> {
        self.tag
    }

    pub(super) fn has_due(&self) -> bool {
        self.newest.as_ref().is_some_and(|ticket| ticket.is_due)
    }

    /// The frame that has to go out.
    pub(super) fn due(&self) -> Option<TicketFrame<'_>> {
        self.newest.as_ref().filter(|ticket| ticket.is_due).map(|ticket| TicketFrame {
            number: ticket.number,
            lifetime_ms: ticket.lifetime_ms,
            early_max: ticket.early_max,
            ticket: &ticket.bytes,
        })
    }

    /// It has gone out.
    pub(super) fn on_sent(&mut self) {
        if let Some(ticket) = &mut self.newest {
            ticket.is_due = false;
        }
    }

    pub(super) fn on_acked(&mut self, number: u64) {
        self.newest.take_if(|ticket| ticket.number == number);
    }

    /// Only the newest is worth sending again.
    pub(super) fn on_lost(&mut self, number: u64) {
        if let Some(ticket) = self.newest.as_mut().filter(|ticket| ticket.number == number) {
            ticket.is_due = true;
        }
    }
}

impl Session {
    /// Server: the secret that the next ticket is to hold; `None` unless the session is open.
    pub(crate) fn next_ticket_secret(&self) -> Option<Secret> {
        self.is_open().then(|| self.keys.ticket_secret(self.tickets.next))
    }

    /// Server: sends a ticket with that secret.
    pub(crate) fn send_ticket(&mut self, bytes: Vec<u8>, lifetime_ms: u64, early_max: u64) {
        let number = self.tickets.next;
        self.tickets.next += 1;
        self.tickets.tag = ticket_tag(&bytes);
        let newest = Outgoing { number, lifetime_ms, early_max, bytes, is_due: true };
        self.tickets.newest = Some(newest);
    }

    /// Client: a ticket has come. One from a client means nothing.
    pub(super) fn handle_ticket(
        &mut self,
        now: Time,
        frame: &TicketFrame<'_>,
        events: &mut VecDeque<Event>,
    ) {
        // One that was overtaken may stand for what isn't so any more.
        if self.follows_peer || frame.number < self.tickets.next {
            return;
        }
        self.tickets.next = frame.number.saturating_add(1);
        self.tickets.tag = ticket_tag(frame.ticket);
        let ticket = Ticket {
            bytes: Bytes::copy_from_slice(frame.ticket),
            secret: self.keys.ticket_secret(frame.number),
            received: now,
            expires: now + Duration::from_millis(frame.lifetime_ms),
            early_len_max: usize::try_from(frame.early_max).unwrap_or(usize::MAX),
        };
        events.push_back(Event::Ticket { session: self.id, ticket });
    }
}
