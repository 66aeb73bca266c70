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
//! A queue of a few packets on a line that loses at random, too, is told from the radio only
//! roughly: there the queue's loss can reach the random loss once more.
//!
//! Growth is NewReno's, so that flows share a queue as TCP's do. Slow start also ends when a queue
//! begins to stand, before it overflows.

use std::time::Duration;

use rtm_wire::Time;

use super::queue::QueueWatch;
use super::{Acked, Congestion, LostPackets, initial_window};

/// Datagrams that may always be on their way while no queue stands: enough that later ones tell of
/// a lost one.
const MINIMUM: u64 = 4;
/// Datagrams that may always be on their way (RFC 9002 section 7.2).
const MINIMUM_QUEUED: u64 = 2;
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

    /// Halves the window down to so many datagrams.
    fn halve(&mut self, now: Time, minimum: u64) {
        self.recovery_start = Some(now);
        self.threshold = (self.window / 2).max(minimum * self.datagram);
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
            if loss >= trial.loss * 3 / 4 {
                self.random = loss.min(trial.loss).min(RANDOM_MAX);
                self.window = self.window.max(trial.window);
                self.threshold = self.threshold.max(trial.threshold);
            }
            return;
        }
        if loss < self.random / 2 {
            self.random = loss;
        }
        let is_excess = loss > self.random + (self.random / 3).max(EXCESS);
        // A flow that doesn't fill its window would not send less for having a smaller one.
        if is_excess && !is_app_limited {
            let Self { window, threshold, .. } = *self;
            self.halve(now, MINIMUM);
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
            self.halve(now, MINIMUM_QUEUED);
        } else if lost.last_sent >= self.epoch_start {
            self.epoch_lost += lost.count;
            self.judge(now, lost.is_app_limited);
        }
    }

    fn on_persistent_congestion(&mut self) {
        self.threshold = self.threshold.min(self.window);
        self.window = self.window.min(MINIMUM * self.datagram);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A controller and a path that loses every `period`-th packet.
    struct Run {
        control: LossTolerant,
        now: Time,
        count: u64,
    }

    impl Run {
        fn new() -> Self {
            Self { control: LossTolerant::new(1_200), now: Time::ZERO, count: 0 }
        }

        /// Ends slow start, so that the window hardly moves by itself.
        fn settled() -> Self {
            let mut run = Self::new();
            run.control.threshold = run.control.window;
            run
        }

        fn packets(&mut self, packets: u64, period: u64, rtt_ms: u64, is_app_limited: bool) -> u64 {
            for _ in 0..packets {
                self.count += 1;
                self.now += Duration::from_millis(4);
                let rtt = Duration::from_millis(rtt_ms);
                let sent = self.now - rtt;
                if self.count % period == 0 {
                    let lost = LostPackets { count: 1, last_sent: sent, is_app_limited };
                    self.control.on_loss(self.now, lost);
                } else {
                    self.control.on_rtt(self.now, sent, rtt);
                    self.control.on_ack(self.now, Acked { bytes: 1_200, sent, is_app_limited });
                }
            }
            self.control.window()
        }
    }

    #[test]
    fn loss_with_a_standing_queue_halves_once_a_round_trip() {
        let mut run = Run::settled();
        let before = run.packets(40, u64::MAX, 40, false);
        run.packets(40, u64::MAX, 80, false);
        let full = run.control.window();
        assert!(full >= before);
        let last_sent = run.now;
        for _ in 0..3 {
            let lost = LostPackets { count: 1, last_sent, is_app_limited: false };
            run.control.on_loss(run.now, lost);
        }
        assert_eq!(run.control.window(), full / 2);
    }

    #[test]
    fn a_little_loss_without_a_queue_changes_nothing() {
        let mut run = Run::settled();
        let mut last = run.control.window();
        for _ in 0..50 {
            let window = run.packets(20, 100, 40, false);
            assert!(window >= last);
            last = window;
        }
        assert!(last > 14_400);
    }

    #[test]
    fn loss_that_stays_after_halving_is_random_and_the_window_comes_back() {
        let mut run = Run::settled();
        let before = run.packets(130, 5, 40, false);
        assert!(before < 12_000, "on trial: {before}");
        let window = run.packets(140, 5, 40, false);
        assert!(window >= 12_000, "undone: {window}");
        assert_eq!(run.control.random, 195);
        for _ in 0..20 {
            assert!(run.packets(130, 5, 40, false) >= window, "known by now");
        }
    }

    #[test]
    fn loss_that_goes_with_halving_was_a_short_queue() {
        let mut run = Run::settled();
        let before = run.packets(130, 5, 40, false);
        let after = run.packets(140, 50, 40, false);
        assert!(before < 12_000 && after < 12_000, "{before} {after}");
        assert_eq!(run.control.random, 0);
    }

    #[test]
    fn a_flow_that_leaves_its_window_unused_keeps_it() {
        let mut run = Run::settled();
        assert_eq!(run.packets(1_000, 3, 40, true), 12_000);
    }

    #[test]
    fn slow_start_ends_when_a_queue_begins_to_stand() {
        let mut run = Run::new();
        run.packets(20, u64::MAX, 40, false);
        assert!(run.control.is_in_slow_start());
        run.packets(40, u64::MAX, 60, false);
        assert!(!run.control.is_in_slow_start());
    }
}
