//! Answers that cost the server no memory (protocol §3.3 to §3.6).
//!
//! Each is shorter than the datagram that it answers, and all together are rate-limited, so that
//! a server can't be made to flood anybody.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use rtm_wire::{Encode, Time};

use super::EndpointCounters;
use crate::session::AMPLIFICATION;

/// Answers a second, and at once.
const RATE: u64 = 200;
/// Answers that wait to be sent.
const QUEUE_MAX: usize = 64;
/// Handshake answers that wait to be sent: a full table's.
const REPLIES_MAX: usize = 1_024;
/// Time after which one more answer may be sent.
const REFILL: Duration = Duration::from_micros(1_000_000 / RATE);

/// Queue and rate limit of stateless answers.
#[derive(Debug)]
pub(crate) struct Stateless {
    queue: VecDeque<(SocketAddr, Vec<u8>)>,
    tokens: u64,
    refilled: Time,
}

impl Stateless {
    pub(crate) const fn new() -> Self {
        Self { queue: VecDeque::new(), tokens: RATE, refilled: Time::ZERO }
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
        let elapsed = now.saturating_since(self.refilled);
        let fresh = u64::try_from(elapsed.as_micros() / REFILL.as_micros()).unwrap_or(RATE);
        if fresh > 0 {
            self.tokens = (self.tokens + fresh).min(RATE);
            self.refilled = now;
        }
        let length = packet.encoded_len();
        if self.tokens == 0 || self.queue.len() >= QUEUE_MAX || length >= trigger {
            counters.stateless_suppressed += 1;
            return;
        }
        self.tokens -= 1;
        counters.stateless_answers += 1;
        let mut datagram = Vec::with_capacity(length);
        packet.encode(&mut datagram);
        self.queue.push_back((to, datagram));
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
}
