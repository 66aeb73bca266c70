//! CUBIC that asks whether a loss was its own fault.
//!
//! ```text
//!               ┌─ the queue is as full as ever ─► as CUBIC
//!               ├─ a queue stands, half full ────► drain it, no more
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
//! Growth is CUBIC's, so that flows share a queue as TCP's do. Slow start also ends when a queue
//! begins to stand, before it overflows.

use std::time::Duration;

use rtm_wire::Time;

use super::epochs::{Epochs, Verdict};
use super::growth::{Growth, KEPT};
use super::overflow::OverflowWatch;
use super::queue::QueueWatch;
use super::undo::Undo;
use super::{Acked, Congestion, LostPackets};

/// Datagrams that may always be on their way while no queue stands: enough that later ones tell of
/// a lost one.
const MINIMUM: u64 = 4;
/// Datagrams that may always be on their way (RFC 9002 section 7.2).
const MINIMUM_QUEUED: u64 = 2;
/// Datagrams to begin with after an outage.
const RESTART: u64 = 10;
/// Random loss from which on a loss in a full queue means nothing by itself.
const MUCH: f64 = 0.03;
/// Part of the window that is kept on trial.
const TRIAL: f64 = 0.5;

#[derive(Debug)]
pub(crate) struct LossTolerant {
    growth: Growth,
    recovery_start: Option<Time>,
    rtt: Duration,
    queue: QueueWatch,
    overflow: OverflowWatch,
    epochs: Epochs,
    /// What to go back to when a trial shows nothing.
    before_trial: Option<Growth>,
    undo: Undo<Growth>,
}

/// What was seen of the queue when packets were lost.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Queue {
    None,
    /// It stands; without it, this part of the window would do.
    Stands(f64),
    Full,
}

impl LossTolerant {
    pub(crate) fn new(datagram_len: usize) -> Self {
        Self {
            growth: Growth::new(datagram_len),
            recovery_start: None,
            rtt: Duration::ZERO,
            queue: QueueWatch::new(),
            overflow: OverflowWatch::new(),
            epochs: Epochs::new(),
            before_trial: None,
            undo: Undo::new(),
        }
    }

    fn queue(&self) -> Queue {
        let Some(base) = self.queue.base() else { return Queue::None };
        // Where much is lost at random, some of it always meets a long queue by chance.
        let is_chance = self.epochs.random() >= MUCH && !self.epochs.is_excess();
        if self.overflow.is_full(base) && !is_chance {
            return Queue::Full;
        }
        match self.queue.recent() {
            Some(recent) if self.queue.stands() => {
                Queue::Stands(base.as_secs_f64() / recent.as_secs_f64())
            }
            _ => Queue::None,
        }
    }

    fn reduce(&mut self, now: Time, kept: f64, minimum: u64) {
        self.recovery_start = Some(now);
        self.growth.reduce(kept, minimum);
        self.epochs.begin(now);
    }

    fn follow(&mut self, now: Time, verdict: Verdict) {
        match verdict {
            Verdict::Nothing => {}
            Verdict::Excess => {
                self.before_trial = Some(self.growth);
                self.undo.forget();
                self.reduce(now, TRIAL, MINIMUM);
            }
            Verdict::Random => {
                if let Some(before) = self.before_trial.take() {
                    self.growth.undo(before);
                }
            }
            Verdict::Queue => self.before_trial = None,
        }
    }
}

impl Congestion for LossTolerant {
    fn on_ack(&mut self, now: Time, acked: Acked) {
        // A flow that doesn't fill its window would not send less for having a smaller one.
        let verdict = self.epochs.on_acked(now, acked.sent, !acked.is_app_limited);
        self.follow(now, verdict);
        let in_recovery = self.recovery_start.is_some_and(|start| acked.sent <= start);
        if in_recovery || acked.is_app_limited || self.epochs.is_on_trial() {
            self.growth.on_idle(now);
        } else {
            self.growth.on_acked(now, acked.bytes, self.rtt);
        }
    }

    fn on_rtt(&mut self, now: Time, sent: Time, sample: Duration) {
        self.rtt = sample;
        self.queue.on_sample(now, sent, sample);
        self.overflow.on_sample(now, sample);
        self.epochs.on_rtt(sample);
        if self.is_in_slow_start() && self.queue.stands() {
            self.growth.end_slow_start();
        }
    }

    fn on_loss(&mut self, now: Time, lost: LostPackets) {
        // One reduction for all losses of one round trip.
        let is_new = self.recovery_start.is_none_or(|start| lost.last_sent > start);
        let kept = match self.queue() {
            Queue::Full => KEPT,
            Queue::Stands(part) => part.max(KEPT),
            Queue::None => {
                let (count, sent) = (lost.count, lost.last_sent);
                let verdict = self.epochs.on_lost(now, count, sent, !lost.is_app_limited);
                return self.follow(now, verdict);
            }
        };
        if is_new {
            self.epochs.end_trial();
            self.before_trial = None;
            self.undo.on_reduction(now, self.growth, lost.count);
            self.reduce(now, kept, MINIMUM_QUEUED);
        } else {
            self.undo.on_lost(lost.count);
        }
    }

    fn on_spurious(&mut self, sent: Time) {
        self.epochs.on_spurious(sent);
        if let Some(before) = self.undo.on_spurious(sent) {
            self.growth.undo(before);
            self.recovery_start = None;
        }
    }

    fn on_persistent_congestion(&mut self) {
        self.recovery_start = None;
        self.undo.forget();
        if self.queue() == Queue::None {
            // The link was away. It may carry less now: begin as after a pause.
            self.growth.restart(RESTART);
        } else {
            self.epochs.end_trial();
            self.before_trial = None;
            self.growth.collapse(MINIMUM);
        }
    }

    fn jump(&mut self, window: u64) {
        self.growth.jump(window);
    }

    fn retreat(&mut self, window: u64) {
        self.growth.retreat(window);
    }

    fn forgets_overdue(&self) -> bool {
        self.queue() == Queue::None
    }

    fn window(&self) -> u64 {
        self.growth.window()
    }

    fn is_in_slow_start(&self) -> bool {
        self.growth.is_in_slow_start()
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
            run.control.growth.end_slow_start();
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
    fn loss_in_a_full_queue_counts_once_a_round_trip() {
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
        assert!(run.control.window().abs_diff(full * 7 / 10) <= 1);
    }

    #[test]
    fn loss_in_a_queue_that_has_room_only_drains_it() {
        let mut run = Run::settled();
        run.packets(40, u64::MAX, 40, false);
        run.packets(40, u64::MAX, 80, false);
        run.packets(80, u64::MAX, 50, false);
        let before = run.control.window();
        let lost = LostPackets { count: 1, last_sent: run.now, is_app_limited: false };
        run.control.on_loss(run.now, lost);
        assert!(run.control.window().abs_diff(before * 4 / 5) <= 1);
    }

    #[test]
    fn an_outage_is_no_congestion_unless_a_queue_stood() {
        let mut run = Run::settled();
        run.packets(400, u64::MAX, 40, false);
        let before = run.control.window();
        assert!(before > 20_000);
        run.control.on_persistent_congestion();
        assert_eq!(run.control.window(), 12_000);
        let back = run.packets(20, u64::MAX, 40, false);
        assert!(back >= before * 9 / 10, "soon back: {back} {before}");
        run.packets(40, u64::MAX, 80, false);
        run.control.on_persistent_congestion();
        assert_eq!(run.control.window(), 4_800);
    }

    #[test]
    fn late_packets_undo_a_reduction() {
        let mut run = Run::settled();
        run.packets(40, u64::MAX, 40, false);
        run.packets(40, u64::MAX, 80, false);
        let (full, now) = (run.control.window(), run.now);
        run.control.on_loss(now, LostPackets { count: 1, last_sent: now, is_app_limited: false });
        run.control.on_spurious(now);
        assert_eq!(run.control.window(), full);
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
        let before = run.packets(280, 5, 40, false);
        assert!(before < 16_000, "on trial: {before}");
        let window = run.packets(150, 5, 40, false);
        assert!(window >= 24_000, "undone: {window}");
        for _ in 0..20 {
            assert!(run.packets(130, 5, 40, false) >= window, "known by now");
        }
    }

    #[test]
    fn loss_that_goes_with_halving_was_a_short_queue() {
        let mut run = Run::settled();
        let before = run.packets(280, 5, 40, false);
        let after = run.packets(150, 50, 40, false);
        assert!(before < 16_000 && after < 20_000, "{before} {after}");
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
