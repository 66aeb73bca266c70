//! NewReno that asks whether a loss was its own fault.
//!
//! ```text
//!               ┌─ a queue stands (round trips have grown) ──► halve, as NewReno
//!  packets lost ┤
//!               └─ no queue ─ as many lost as ever ──────────► go on
//!                      └───── more than ever, window in use ─► halve and watch:
//!                               still as many lost ► it is the radio: remember, undo
//!                               fewer lost ────────► a short queue: stay
//! ```
//!
//! Growth is NewReno's, so that flows share a queue as TCP's do. Slow start also ends when a queue
//! begins to stand, before it overflows.

use std::time::Duration;

use rtm_wire::Time;

use super::queue::QueueWatch;
use super::{Acked, Congestion, LostPackets, initial_window};

/// Datagrams that may always be on their way: enough that later ones tell of a lost one.
const MINIMUM: u64 = 4;
/// Packets over which loss is counted.
const EPOCH: u64 = 128;
/// Parts in a thousand by which loss has to exceed what is known, and by half of it, too.
const EXCESS: u64 = 20;
/// No loss above this is taken for the radio's, in parts in a thousand.
const RANDOM_MAX: u64 = 600;

/// A halving on trial.
#[derive(Clone, Copy, Debug)]
struct Trial {
    /// Loss that led to it, in parts in a thousand.
    loss: u64,
    /// Window to go back to.
    window: u64,
    threshold: u64,
}

#[derive(Debug)]
pub(crate) struct LossTolerant {
    datagram: u64,
    window: u64,
    threshold: u64,
    recovery_start: Option<Time>,
    /// Bytes acknowledged since the window last grew, in congestion avoidance.
    credit: u64,
    queue: QueueWatch,
    /// Packets sent before count for no epoch: they show the window before the last change.
    epoch_start: Time,
    epoch_acked: u64,
    epoch_lost: u64,
    /// Loss that does not depend on what is sent, in parts in a thousand.
    random: u64,
    trial: Option<Trial>,
}

impl LossTolerant {
    pub(crate) fn new(datagram_len: usize) -> Self {
        let datagram = datagram_len as u64;
        Self {
            datagram,
            window: initial_window(datagram),
            threshold: u64::MAX,
            recovery_start: None,
            credit: 0,
            queue: QueueWatch::new(),
            epoch_start: Time::ZERO,
            epoch_acked: 0,
            epoch_lost: 0,
            random: 0,
            trial: None,
        }
    }

    fn minimum(&self) -> u64 {
        MINIMUM * self.datagram
    }

    fn halve(&mut self, now: Time) {
        self.recovery_start = Some(now);
        self.threshold = (self.window / 2).max(self.minimum());
        self.window = self.threshold;
        self.credit = 0;
        self.begin_epoch(now);
    }

    fn begin_epoch(&mut self, now: Time) {
        self.epoch_start = now;
        self.epoch_acked = 0;
        self.epoch_lost = 0;
    }

    /// Judges the loss of an epoch, if one is full.
    fn judge(&mut self, now: Time, is_app_limited: bool) {
        let packets = self.epoch_acked + self.epoch_lost;
        if packets < EPOCH {
            return;
        }
        let loss = self.epoch_lost * 1_000 / packets;
        self.begin_epoch(now);
        if let Some(trial) = self.trial.take() {
            // Half of what was sent would have had less than half of a short queue's loss.
            if loss >= trial.loss * 2 / 3 {
                self.random = loss.min(trial.loss).min(RANDOM_MAX);
                self.window = self.window.max(trial.window);
                self.threshold = self.threshold.max(trial.threshold);
            }
            return;
        }
        if loss < self.random / 2 {
            self.random = loss;
        }
        let is_excess = loss > self.random + (self.random / 2).max(EXCESS);
        // A flow that doesn't fill its window would not send less for having a smaller one.
        if is_excess && !is_app_limited {
            let Self { window, threshold, .. } = *self;
            self.halve(now);
            self.trial = Some(Trial { loss, window, threshold });
        }
    }
}

impl Congestion for LossTolerant {
    fn on_ack(&mut self, now: Time, acked: Acked) {
        if acked.sent >= self.epoch_start {
            self.epoch_acked += 1;
            self.judge(now, acked.is_app_limited);
        }
        let in_recovery = self.recovery_start.is_some_and(|start| acked.sent <= start);
        if in_recovery || acked.is_app_limited || self.trial.is_some() {
            return;
        }
        if self.is_in_slow_start() {
            self.window += acked.bytes;
            return;
        }
        self.credit += acked.bytes;
        if self.credit >= self.window {
            self.credit -= self.window;
            self.window += self.datagram;
        }
    }

    fn on_rtt(&mut self, now: Time, sent: Time, sample: Duration) {
        self.queue.on_sample(now, sent, sample);
        if self.is_in_slow_start() && self.queue.stands() {
            self.threshold = self.window;
        }
    }

    fn on_loss(&mut self, now: Time, lost: LostPackets) {
        // One reduction for all losses of one round trip.
        let is_new = self.recovery_start.is_none_or(|start| lost.last_sent > start);
        if is_new && self.queue.stands() {
            self.trial = None;
            self.halve(now);
        } else if lost.last_sent >= self.epoch_start {
            self.epoch_lost += lost.count;
            self.judge(now, lost.is_app_limited);
        }
    }

    fn on_persistent_congestion(&mut self) {
        self.threshold = self.threshold.min(self.window.max(self.minimum()));
        self.window = self.minimum();
        self.recovery_start = None;
        self.trial = None;
    }

    fn window(&self) -> u64 {
        self.window
    }

    fn is_in_slow_start(&self) -> bool {
        self.window < self.threshold
    }
}
