//! Loss that no round trip explains: the radio's, or that of a queue too short to be seen.

use std::time::Duration;

use rtm_wire::Time;

/// Packets over which loss is counted, and when they are lost in bursts; at least a window full.
const EPOCH: u64 = 128;
const EPOCH_BURSTY: u64 = 256;
/// Losses found together, on average, that are bursts.
const BURSTY: f64 = 2.0;
/// Loss has to exceed what is known by so much, and by a third of it, and by what may be chance.
const EXCESS: f64 = 0.02;
/// Epochs in a row in which it does: one is chance too often.
const EXCESSES: u32 = 2;
/// No loss above this is taken for the radio's.
const RANDOM_MAX: f64 = 0.85;

/// Loss of one epoch after the other, while no queue is seen.
#[derive(Debug)]
pub(super) struct Epochs {
    /// Packets sent before count for no epoch: they show the window before the last change.
    start: Time,
    acked: u64,
    lost: u64,
    /// Times at which losses were found.
    found: u64,
    rtt: Duration,
    /// Epochs in a row that lost more than they should.
    excesses: u32,
    /// Loss that does not depend on what is sent, 0 to 1.
    random: f64,
    /// Loss that led to the trial that is on.
    trial: Option<f64>,
}

/// What the loss of an epoch says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Nothing,
    /// More is lost than ever: send less on trial, and see.
    Excess,
    /// Sending less has changed nothing: it is the radio.
    Random,
    /// Sending less has helped: there is a short queue.
    Queue,
}

impl Epochs {
    pub(super) const fn new() -> Self {
        Self {
            start: Time::ZERO,
            acked: 0,
            lost: 0,
            found: 0,
            rtt: Duration::ZERO,
            excesses: 0,
            random: 0.0,
            trial: None,
        }
    }

    /// Begins anew: the window is another one.
    pub(super) fn begin(&mut self, now: Time) {
        *self = Self { start: now, acked: 0, lost: 0, found: 0, ..*self };
    }

    pub(super) const fn on_rtt(&mut self, sample: Duration) {
        self.rtt = sample;
    }

    pub(super) const fn end_trial(&mut self) {
        self.trial = None;
    }

    pub(super) const fn is_on_trial(&self) -> bool {
        self.trial.is_some()
    }

    /// Loss that does not depend on what is sent, 0 to 1.
    pub(super) const fn random(&self) -> f64 {
        self.random
    }

    /// Whether the present epoch has lost more already than random loss makes likely.
    pub(super) fn is_excess(&self) -> bool {
        let most = self.random * 4.0 / 3.0 + EXCESS;
        self.lost as f64 > most * EPOCH.max(self.acked + self.lost) as f64
    }

    pub(super) fn on_acked(&mut self, now: Time, sent: Time, may_try: bool) -> Verdict {
        if sent < self.start {
            return Verdict::Nothing;
        }
        self.acked += 1;
        self.judge(now, may_try)
    }

    pub(super) fn on_lost(&mut self, now: Time, count: u64, sent: Time, may_try: bool) -> Verdict {
        if sent < self.start {
            return Verdict::Nothing;
        }
        self.lost += count;
        self.found += 1;
        self.judge(now, may_try)
    }

    pub(super) fn on_spurious(&mut self, sent: Time) {
        if sent >= self.start {
            self.lost = self.lost.saturating_sub(1);
        }
    }

    fn judge(&mut self, now: Time, may_try: bool) -> Verdict {
        let packets = self.acked + self.lost;
        let burst = self.lost as f64 / self.found.max(1) as f64;
        let enough = if burst > BURSTY { EPOCH_BURSTY } else { EPOCH };
        // What is sent now is acknowledged after a round trip, what a window later is after two.
        if packets < enough || now < self.start + self.rtt * 2 {
            return Verdict::Nothing;
        }
        let loss = self.lost as f64 / packets as f64;
        self.begin(now);
        if let Some(trial) = self.trial.take() {
            // With half of what was sent, a short queue would have lost next to nothing.
            if loss < (trial + self.random) / 2.0 {
                return Verdict::Queue;
            }
            self.random = self.random.max(loss).min(RANDOM_MAX);
            return Verdict::Random;
        }
        if loss < self.random / 2.0 {
            self.random = (self.random + loss) / 2.0;
        }
        // Bursts of exponential length make the variance twice their mean as large.
        let bursty = if burst > BURSTY { 2.0 * burst } else { 1.0 };
        let chance = 2.0 * (loss * (1.0 - loss) * bursty / packets as f64).sqrt();
        let excess = loss - self.random;
        if !may_try || excess <= EXCESS.max(self.random / 3.0).max(chance) {
            self.excesses = 0;
            return Verdict::Nothing;
        }
        self.excesses += 1;
        if self.excesses < EXCESSES {
            return Verdict::Nothing;
        }
        self.excesses = 0;
        self.trial = Some(loss);
        Verdict::Excess
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of which every `period`-th run of `burst` is lost; gives all verdicts.
    fn verdicts(epochs: &mut Epochs, packets: u64, burst: u64, period: u64) -> Vec<Verdict> {
        let at = epochs.start;
        let judge = |count: u64| match count % (period * burst) {
            0 => epochs.on_lost(at, burst, at, true),
            place if place < burst => Verdict::Nothing,
            _ => epochs.on_acked(at, at, true),
        };
        (1..=packets).map(judge).filter(|verdict| *verdict != Verdict::Nothing).collect()
    }

    #[test]
    fn loss_that_stays_is_random_and_is_known_from_then_on() {
        let mut epochs = Epochs::new();
        let told = verdicts(&mut epochs, 1_280, 1, 5);
        assert_eq!(told, [Verdict::Excess, Verdict::Random]);
        assert!((0.18..0.22).contains(&epochs.random));
    }

    #[test]
    fn loss_that_goes_was_a_queues() {
        let mut epochs = Epochs::new();
        assert_eq!(verdicts(&mut epochs, 260, 1, 5), [Verdict::Excess]);
        assert_eq!(verdicts(&mut epochs, 130, 1, 50), [Verdict::Queue]);
        assert!(epochs.random < 0.01);
    }

    #[test]
    fn a_little_loss_is_no_excess() {
        assert_eq!(verdicts(&mut Epochs::new(), 5_000, 1, 60), []);
    }

    #[test]
    fn a_few_long_bursts_may_be_chance() {
        let mut epochs = Epochs::new();
        epochs.random = 0.3;
        // 0.5 of the packets, in bursts of 32.
        assert_eq!(verdicts(&mut epochs, 2_560, 32, 2), []);
        assert_eq!(verdicts(&mut epochs, 384, 1, 2), [Verdict::Excess, Verdict::Random]);
    }
}
