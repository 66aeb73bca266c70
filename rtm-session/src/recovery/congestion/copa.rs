//! A controller that goes by queueing delay, after Copa (Arun and Balakrishnan, 2018).
//!
//! ```text
//!   queue on the way ─► a rate that would leave 1/δ packets of it ─► window towards that
//!   the queue was empty lately ──► δ = 1/2: short queues, loss says nothing
//!   it never is: others fill it ─► 1/δ grows each round trip, and is halved at a loss
//! ```

use std::time::Duration;

use rtm_wire::Time;

use super::queue::QueueWatch;
use super::undo::Undo;
use super::{Acked, Congestion, LostPackets, initial_window};

/// Datagrams that may always be on their way.
const MINIMUM: f64 = 4.0;
/// Packets that a flow leaves in the queue when it is alone with its like.
const QUEUED: f64 = 2.0;
/// Most packets, beside others that fill it.
const QUEUED_MAX: f64 = 128.0;
/// Round trips in which the queue has to be empty once, and the part of its longest that is empty.
const ROUNDS: u32 = 5;
const EMPTY: f64 = 0.1;
/// Round trips in one direction after which the window moves faster.
const STEADY: u32 = 3;
const VELOCITY_MAX: f64 = 64.0;

#[derive(Debug)]
pub(crate) struct Copa {
    datagram: f64,
    /// In datagrams, as all of it.
    window: f64,
    is_starting: bool,
    queue: QueueWatch,
    rtt: Duration,
    /// Shortest round trips of the present and the former half of one.
    standing: [Option<Duration>; 2],
    standing_until: Time,
    longest: Duration,
    last_empty: Time,
    /// Packets to leave in the queue: 1/δ.
    queued: f64,
    velocity: f64,
    is_up: bool,
    steady: u32,
    round: Round,
    recovery_start: Option<Time>,
    undo: Undo<f64>,
}

/// What the window was when the round trip began.
#[derive(Clone, Copy, Debug)]
struct Round {
    until: Time,
    window: f64,
    had_loss: bool,
}

impl Copa {
    pub(crate) fn new(datagram_len: usize) -> Self {
        let datagram = datagram_len as f64;
        let window = initial_window(datagram_len as u64) as f64 / datagram;
        Self {
            datagram,
            window,
            is_starting: true,
            queue: QueueWatch::new(),
            rtt: Duration::ZERO,
            standing: [None; 2],
            standing_until: Time::ZERO,
            longest: Duration::ZERO,
            last_empty: Time::ZERO,
            queued: QUEUED,
            velocity: 1.0,
            is_up: true,
            steady: 0,
            round: Round { until: Time::ZERO, window, had_loss: false },
            recovery_start: None,
            undo: Undo::new(),
        }
    }

    /// Seconds that packets wait on the way, and the shortest round trip of late.
    fn delay(&self) -> Option<(f64, f64)> {
        let standing = self.standing.iter().flatten().min()?.as_secs_f64();
        Some(((standing - self.queue.base()?.as_secs_f64()).max(0.0), standing))
    }

    /// Once a round trip: how fast to move, and whether others fill the queue.
    fn end_round(&mut self, now: Time) {
        let is_up = self.window >= self.round.window;
        self.steady = if is_up == self.is_up { self.steady + 1 } else { 0 };
        self.velocity = match self.steady {
            0 => 1.0,
            steady if steady >= STEADY => (self.velocity * 2.0).min(VELOCITY_MAX),
            _ => self.velocity,
        };
        self.is_up = is_up;
        let competes = now.saturating_since(self.last_empty) > self.rtt * ROUNDS;
        self.queued = if !competes {
            self.longest = self.longest.mul_f64(0.9);
            QUEUED
        } else if self.round.had_loss {
            self.queued
        } else {
            (self.queued + 1.0).min(QUEUED_MAX)
        };
        self.round = Round { until: now + self.rtt, window: self.window, had_loss: false };
    }
}

impl Congestion for Copa {
    fn on_ack(&mut self, now: Time, acked: Acked) {
        let Some((delay, standing)) = self.delay() else { return };
        if now >= self.round.until {
            self.end_round(now);
        }
        let packets = acked.bytes as f64 / self.datagram;
        let is_below = self.window * delay <= self.queued * standing;
        if self.is_starting {
            self.is_starting = is_below;
            if is_below && !acked.is_app_limited {
                self.window += packets;
            }
            return;
        }
        let step = self.velocity * self.queued * packets / self.window;
        let step = step.min(packets);
        if is_below != self.is_up {
            self.velocity = 1.0;
        }
        if !is_below {
            self.window = (self.window - step).max(MINIMUM);
        } else if !acked.is_app_limited {
            self.window += step;
        }
    }

    fn on_rtt(&mut self, now: Time, sent: Time, sample: Duration) {
        self.rtt = if self.rtt.is_zero() { sample } else { (self.rtt * 7 + sample) / 8 };
        self.queue.on_sample(now, sent, sample);
        if now >= self.standing_until {
            self.standing = [None, self.standing[0]];
            self.standing_until = now + self.rtt / 4;
        }
        self.standing[0] = Some(self.standing[0].map_or(sample, |known| known.min(sample)));
        if let (Some((delay, _)), Some(base)) = (self.delay(), self.queue.base()) {
            self.longest = self.longest.max(sample.saturating_sub(base));
            if delay <= EMPTY * self.longest.as_secs_f64() {
                self.last_empty = now;
            }
        }
    }

    fn on_loss(&mut self, now: Time, lost: LostPackets) {
        if self.recovery_start.is_some_and(|start| lost.last_sent <= start) {
            return self.undo.on_lost(lost.count);
        }
        self.recovery_start = Some(now);
        self.round.had_loss = true;
        self.undo.on_reduction(now, self.queued, lost.count);
        self.queued = (self.queued / 2.0).max(QUEUED);
    }

    fn on_spurious(&mut self, sent: Time) {
        if let Some(queued) = self.undo.on_spurious(sent) {
            self.queued = self.queued.max(queued);
        }
    }

    fn on_persistent_congestion(&mut self) {
        self.window = self.window.min(MINIMUM);
        self.is_starting = true;
        self.recovery_start = None;
        self.undo.forget();
    }

    fn jump(&mut self, window: u64) {
        self.window = self.window.max(window as f64 / self.datagram);
    }

    fn retreat(&mut self, window: u64) {
        self.window = self.window.min(window as f64 / self.datagram).max(MINIMUM);
        self.is_starting = false;
    }

    fn window(&self) -> u64 {
        (self.window * self.datagram) as u64
    }

    fn is_in_slow_start(&self) -> bool {
        self.is_starting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of `rate` packets a second with a base of 100 ms, for `seconds`; gives the packets
    /// that wait at the end. Every `loss`-th packet is lost.
    fn queue(rate: f64, others: f64, loss: u64, seconds: u64) -> (Copa, f64) {
        let (mut copa, mut now) = (Copa::new(1_200), Time::ZERO);
        let (mut waiting, mut windows) = (0.0, Vec::new());
        for count in 1..=seconds * rate as u64 {
            now += Duration::from_secs_f64(1.0 / rate);
            // A packet meets the queue that the window of its time made.
            let before = windows.len().saturating_sub((rate * 0.1) as usize);
            waiting = (windows.get(before).unwrap_or(&10.0) - rate * 0.1).max(0.0) + others;
            let rtt = Duration::from_secs_f64(0.1 + waiting / rate);
            let sent = now - rtt;
            if count % loss == 0 {
                let lost = LostPackets { count: 1, last_sent: sent, is_app_limited: false };
                copa.on_loss(now, lost);
            }
            // The base is known.
            copa.on_rtt(now, sent, if count < 5 { Duration::from_millis(100) } else { rtt });
            copa.on_ack(now, Acked { bytes: 1_200, sent, is_app_limited: false });
            windows.push(copa.window);
        }
        (copa, waiting)
    }

    #[test]
    fn alone_it_fills_the_line_and_leaves_a_few_packets_waiting_whatever_is_lost() {
        for loss in [u64::MAX, 10, 3] {
            let (copa, waiting) = queue(500.0, 0.0, loss, 30);
            assert!(copa.window > 45.0, "1 in {loss}: {}", copa.window);
            assert!(waiting < 25.0, "1 in {loss}: {waiting}");
        }
    }

    #[test]
    fn beside_others_that_fill_the_queue_it_asks_for_more() {
        let (alone, _) = queue(500.0, 0.0, u64::MAX, 30);
        let (beside, _) = queue(500.0, 30.0, u64::MAX, 30);
        assert!(beside.queued > 4.0 * alone.queued, "{} {}", beside.queued, alone.queued);
        let (mut beside, now) = (beside, Time::from_micros(31_000_000));
        let lost = LostPackets { count: 1, last_sent: now, is_app_limited: false };
        let before = beside.queued;
        beside.on_loss(now, lost);
        assert!(beside.queued <= before / 2.0 + 1.0);
    }
}
