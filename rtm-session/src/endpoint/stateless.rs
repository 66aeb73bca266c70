//! Answers that cost the server no memory (protocol §3.3 to §3.6).
//!
//! Each is shorter than the datagram that it answers, and they are rate-limited, so that a server
//! can't be made to flood anybody.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use rtm_wire::{Encode, Retry, Time};

use super::EndpointCounters;
use crate::session::AMPLIFICATION;

/// Answers a second, and at once.
const RATE: u64 = 200;
/// Cookies a second, and at once: many clients may come back together, and without a cookie they
/// don't get in. They are shorter than what they answer, so nobody gains by asking for many.
const COOKIE_RATE: u64 = 10_000;
/// Answers that wait to be sent.
const QUEUE_MAX: usize = 64;
/// Handshake answers that wait to be sent: a full table's.
const REPLIES_MAX: usize = 1_024;

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
    queue: VecDeque<(SocketAddr, Vec<u8>)>,
    notices: Budget,
    cookies: Budget,
}

impl Stateless {
    pub(crate) const fn new() -> Self {
        let (notices, cookies) = (Budget::new(RATE), Budget::new(COOKIE_RATE));
        Self { queue: VecDeque::new(), notices, cookies }
    }

    /// Answers a datagram of `trigger` bytes with a cookie, under the same conditions as
    /// [`answer`](Self::answer) but for the rate, so that a flood of other garbage keeps no client
    /// out.
    pub(crate) fn ask_for_cookie(
        &mut self,
        now: Time,
        to: SocketAddr,
        trigger: usize,
        retry: &Retry<'_>,
        counters: &mut EndpointCounters,
    ) {
        self.cookies.refill(now);
        let length = retry.encoded_len();
        let has_room = self.queue.len() < REPLIES_MAX && length < trigger;
        if self.cookies.tokens == 0 || !has_room {
            counters.stateless_suppressed += 1;
            return;
        }
        self.cookies.tokens -= 1;
        self.push(to, retry, counters);
    }

    /// Answers a datagram of `trigger` bytes, unless the answer would be longer or the rate is
    /// used up.
    pub(crate) fn answer(
        &mut self,
        now: Time,
        to: SocketAddr,
        trigger: usize,
        packet: &impl Encode,
        counters: &mut EndpointCounters,
    ) {
        self.notices.refill(now);
        let length = packet.encoded_len();
        if self.notices.tokens == 0 || self.queue.len() >= QUEUE_MAX || length >= trigger {
            counters.stateless_suppressed += 1;
            return;
        }
        self.notices.tokens -= 1;
        self.push(to, packet, counters);
    }

    /// Sends a handshake's answer, kept or just made: it may be longer than its trigger, by as much
    /// as is allowed towards an address that is not proved.
    pub(crate) fn repeat(
        &mut self,
        to: SocketAddr,
        trigger: usize,
        reply: &[u8],
        counters: &mut EndpointCounters,
    ) {
        if self.queue.len() >= REPLIES_MAX || reply.len() > trigger * AMPLIFICATION as usize {
            counters.stateless_suppressed += 1;
        } else {
            self.queue.push_back((to, reply.to_vec()));
        }
    }

    pub(crate) fn poll(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.queue.pop_front()
    }

    fn push(&mut self, to: SocketAddr, packet: &impl Encode, counters: &mut EndpointCounters) {
        counters.stateless_answers += 1;
        let mut datagram = Vec::with_capacity(packet.encoded_len());
        packet.encode(&mut datagram);
        self.queue.push_back((to, datagram));
    }
}
