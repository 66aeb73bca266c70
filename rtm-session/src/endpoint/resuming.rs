//! The server's side of a resumption (protocol §5.4).

use std::time::Duration;

use bytes::Bytes;
use rtm_wire::{Accepted, Encode, Hello, NoTicket, Resume, Resumption, Time};

use super::server::{Admitted, FirstFlight, Opened};
use super::stateless::Answer;
use super::tickets::Issued;
use super::{Endpoint, Role, resumption_prologue};
use crate::TICKET_STATE_MAX;
use crate::crypto::ServerHandshake;
use crate::error::SendError;
use crate::event::{Event, LoginId, SessionId};
use crate::remote::Remote;

impl Endpoint {
    pub(super) fn handle_resume(
        &mut self,
        now: Time,
        from: Remote,
        resume: &Resume<'_>,
        received: usize,
    ) {
        let Resume { version, client_cid, cookie, noise, .. } = *resume;
        let flight = FirstFlight { from, version, client_cid, cookie, noise, received };
        if let Some(admitted) = self.admit(now, &flight) {
            self.open_resume(now, &flight, resume.ticket, admitted);
        }
    }

    fn open_resume(
        &mut self,
        now: Time,
        flight: &FirstFlight<'_>,
        ticket: &[u8],
        admitted: Admitted,
    ) {
        let remembered = self.remembered(ticket);
        let Role::Server(server) = &mut self.role else { return };
        let FirstFlight { from, client_cid, received, .. } = *flight;
        let ((key, proved), counters) = (admitted, &mut self.counters);
        let Some(opened) = server.tickets.open(now, ticket) else {
            counters.no_ticket += 1;
            let to = (Answer::NoTicket, from);
            return self.stateless.answer(now, to, received, &NoTicket { client_cid }, counters);
        };
        let prologue = resumption_prologue(flight.version, client_cid, ticket);
        let mut payload = Vec::new();
        let seed = self.generator.fork();
        let secret = &opened.secret;
        let handshake =
            ServerHandshake::read_resumption(secret, &prologue, seed, flight.noise, &mut payload);
        let read = handshake.ok().and_then(|handshake| {
            let hello = Hello::decode(&payload).ok()?;
            Some((handshake, hello, Resumption::decode(hello.login).ok()?))
        });
        // Damaged, or by somebody who has seen the ticket and doesn't know its secret.
        let Some((handshake, hello, resumption)) = read else {
            server.failures.note(now, proved);
            return counters.undecipherable += 1;
        };
        let has_early = !resumption.early.is_empty();
        let takes_early = has_early && server.tickets.takes_early(now, &opened, &resumption, key);
        counters.early_refused += u64::from(has_early && !takes_early);
        let features = if takes_early { Accepted::EARLY_TAKEN } else { 0 };
        let early = match takes_early {
            true => resumption.early.iter().map(Bytes::copy_from_slice).collect(),
            false => Vec::new(),
        };
        let asked = Opened { handshake, hello, is_resumption: true, remembered, features };
        if let Some(login) = self.ask(now, flight, admitted, asked) {
            let state = opened.state;
            let from = from.addr();
            self.events.push_back(Event::ResumptionRequested { login, from, state, early });
        }
    }

    pub(super) fn decline(&mut self, now: Time, login: LoginId) {
        let Role::Server(server) = &mut self.role else {
            panic!("decline_ticket() is a server's call, and this is a client's endpoint");
        };
        if !server.flights.is_resumption(login) {
            return;
        }
        let Some(asked) = server.flights.take_asked(login) else { return };
        let packet = NoTicket { client_cid: asked.client_cid };
        self.counters.no_ticket += 1;
        let to = (Answer::NoTicket, asked.from);
        self.stateless.answer(now, to, asked.received, &packet, &mut self.counters);
        let mut reply = Vec::with_capacity(packet.encoded_len());
        packet.encode(&mut reply);
        server.flights.answered(login, reply, None);
    }

    pub(super) fn issue(
        &mut self,
        now: Time,
        session: SessionId,
        state: &[u8],
        lifetime: Duration,
    ) -> Result<Duration, SendError> {
        let Role::Server(server) = &mut self.role else {
            panic!("issue_ticket() is a server's call, and this is a client's endpoint");
        };
        if state.len() > TICKET_STATE_MAX {
            let (length, limit) = (state.len(), TICKET_STATE_MAX as u64);
            return Err(SendError::TooLong { length, limit });
        }
        let open = self.sessions.get_mut(&session).ok_or(SendError::UnknownSession)?;
        let secret = open.next_ticket_secret().ok_or(SendError::UnknownSession)?;
        let Issued { bytes, lifetime_ms, early_max } =
            server.tickets.issue(now, &secret, state, lifetime);
        open.send_ticket(bytes, lifetime_ms, early_max);
        self.remember(session);
        self.touch(now, session);
        Ok(Duration::from_millis(lifetime_ms))
    }
}
