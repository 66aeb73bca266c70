//! Answers that cost the server no memory (protocol §3.3 to §3.6, §3.11).
//!
//! Each is shorter than the datagram that it answers, and they are rate-limited, so that a server
//! can't be made to flood anybody.

use std::collections::VecDeque;
use std::time::Duration;

use rtm_wire::{Encode, Time};

use super::EndpointCounters;
use crate::remote::Remote;
use crate::session::AMPLIFICATION;

/// Answers of one kind a second, and at once.
const RATE: u64 = 200;
/// Cookies, or refusals of tickets, a second, and at once: many clients may come back together, and
/// without an answer they don't get in. They are shorter than what they answer, so nobody gains by
/// asking for many.
const COOKIE_RATE: u64 = 10_000;
/// Answers that wait to be sent, those of handshakes included: a full table's.
const QUEUE_MAX: usize = 1_024;

/// What is answered. Each kind has a rate of its own, so that a flood of one garbage keeps nobody
/// from the answer to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Cookie,
    KeyHint,
    Reset,
    Versions,
    NoTicket,
}

/// Answers that may still be sent; they come back at a steady rate.
#[derive(Debug)]
struct Budget {
    rate: u64,
    tokens: u64,
    refilled: Time,
}

impl Budget {
    const fn new(rate: u64) -> Self {
        Self { rate, tokens: rate, refilled: Time::ZERO }
    }

    fn refill(&mut self, now: Time) {
        let pause = Duration::from_micros(1_000_000 / self.rate);
        let elapsed = now.saturating_since(self.refilled);
        let fresh = elapsed.as_micros() / pause.as_micros();
        if fresh > 0 {
            let fresh = u64::try_from(fresh).unwrap_or(self.rate);
            self.tokens = self.tokens.saturating_add(fresh).min(self.rate);
            self.refilled = now;
        }
    }
}

/// Queue and rate limits of stateless answers.
#[derive(Debug)]
pub(crate) struct Stateless {
    queue: VecDeque<(Remote, Vec<u8>)>,
    /// By [`Answer`].
    budgets: [Budget; 5],
}

impl Stateless {
    pub(crate) const fn new() -> Self {
        const NOTICES: Budget = Budget::new(RATE);
        const MANY: Budget = Budget::new(COOKIE_RATE);
        let budgets = [MANY, NOTICES, NOTICES, NOTICES, MANY];
        Self { queue: VecDeque::new(), budgets }
    }

    /// Answers a datagram of `trigger` bytes, unless the answer would be as long or the rate of its
    /// kind is used up.
    pub(crate) fn answer(
        &mut self,
        now: Time,
        (kind, to): (Answer, Remote),
        trigger: usize,
        packet: &impl Encode,
        counters: &mut EndpointCounters,
    ) {
        let budget = &mut self.budgets[kind as usize];
        budget.refill(now);
        let length = packet.encoded_len();
        if budget.tokens == 0 || self.queue.len() >= QUEUE_MAX || length >= trigger {
            counters.stateless_suppressed += 1;
            return;
        }
        budget.tokens -= 1;
        counters.stateless_answers += 1;
        let mut datagram = Vec::with_capacity(length);
        packet.encode(&mut datagram);
        self.queue.push_back((to, datagram));
    }

    /// Sends a handshake's answer, kept or just made: it may be longer than its trigger, by as much
    /// as is allowed towards an address that is not proved.
    pub(crate) fn repeat(
        &mut self,
        to: Remote,
        trigger: usize,
        reply: &[u8],
        counters: &mut EndpointCounters,
    ) {
        if self.queue.len() >= QUEUE_MAX || reply.len() > trigger * AMPLIFICATION as usize {
            counters.stateless_suppressed += 1;
        } else {
            self.queue.push_back((to, reply.to_vec()));
        }
    }

    pub(crate) fn poll(&mut self) -> Option<(Remote, Vec<u8>)> {
        self.queue.pop_front()
    }
}
