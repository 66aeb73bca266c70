//! How much is lost at random, and in what bursts.

use std::time::Duration;

use rtm_wire::Time;

/// Packets over which loss is averaged, in the end.
const SLOW: f64 = 512.0;
/// Packets over which a sudden change shows.
const FAST: f64 = 32.0;
/// Packets over which the loss in a queue is averaged.
const QUEUE: f64 = 64.0;
/// What is taken for granted before anything is known, and how many packets it weighs.
const PRIOR: f64 = 0.04;
const PRIOR_WEIGHT: f64 = 8.0;
/// Packets over which loss of any kind is averaged, and the loss from which on a path is lossy.
const ANY: f64 = 128.0;
const LOSSY: f64 = 0.01;
/// Random loss from which on few answers are left.
const THINNING: f64 = 0.12;
/// Losses over which bursts are averaged.
const BURST: f64 = 24.0;
/// A run of losses this long is an outage: it says nothing about the time after it.
const OUTAGE: Duration = Duration::from_millis(500);
const OUTAGE_PACKETS: usize = 8;
/// A correlation below this is chance.
const CORRELATION_MIN: f64 = 0.15;
/// Nobody loses more and still has a connection.
const LOSS_MAX: f64 = 0.95;

/// Loss on the way to the peer, as acknowledgements tell it.
///
/// Only what happens while no queue stands counts as random loss; what is lost in a queue is
/// counted apart, for whoever looks at the statistics. Timeouts count for the fast average, so that
/// the meter goes on while nothing is acknowledged.
#[derive(Debug)]
pub(crate) struct LossMeter {
    packets: f64,
    slow: f64,
    fast: f64,
    losses: f64,
    /// Part of lost packets whose predecessor was lost, too.
    after_loss: f64,
    /// Mean time between lost packets and their predecessors, in seconds.
    gap: f64,
    queue_lost: u64,
    /// Loss while a queue stands.
    queue_loss: f64,
    /// Loss of any kind.
    any: f64,
    acked_total: u64,
    lost_total: u64,
}

/// A lost packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LostPacket {
    pub(crate) sent: Time,
    /// Time since the packet before it.
    pub(crate) gap: Duration,
    /// Whether that one was lost, too.
    pub(crate) follows_loss: bool,
}

impl LossMeter {
    pub(crate) const fn new() -> Self {
        Self {
            packets: 0.0,
            slow: PRIOR,
            fast: PRIOR,
            losses: 0.0,
            after_loss: PRIOR,
            gap: 0.0,
            queue_lost: 0,
            queue_loss: 0.0,
            any: 0.0,
            acked_total: 0,
            lost_total: 0,
        }
    }

    /// Begins with this loss instead of the usual one; as little evidence.
    pub(crate) fn expect(&mut self, loss: f64) {
        (self.slow, self.fast, self.after_loss) = (loss, loss, loss);
    }

    /// So many packets have arrived.
    pub(crate) fn on_acked(&mut self, count: u64, queue_stands: bool) {
        self.acked_total += count;
        (0..count.min(ANY as u64)).for_each(|_| self.any -= self.any / ANY);
        if queue_stands {
            (0..count.min(QUEUE as u64)).for_each(|_| self.queue_loss -= self.queue_loss / QUEUE);
        } else {
            (0..count.min(SLOW as u64)).for_each(|_| self.count(0.0));
        }
    }

    /// These packets were found lost together, in the order in which they were sent.
    pub(crate) fn on_lost(&mut self, lost: &[LostPacket], queue_stands: bool) {
        self.lost_total += lost.len() as u64;
        lost.iter().for_each(|_| self.any += (1.0 - self.any) / ANY);
        if queue_stands {
            self.queue_lost += lost.len() as u64;
            lost.iter().for_each(|_| self.queue_loss += (1.0 - self.queue_loss) / QUEUE);
            return;
        }
        let is_outage = lost.len() >= OUTAGE_PACKETS
            && lost[1..].iter().all(|packet| packet.follows_loss)
            && lost[lost.len() - 1].sent.saturating_since(lost[0].sent) >= OUTAGE;
        if is_outage {
            return;
        }
        for packet in lost {
            self.count(1.0);
            self.losses += 1.0;
            let weight = 1.0 / self.losses.min(BURST);
            let follows = if packet.follows_loss { 1.0 } else { 0.0 };
            self.after_loss += (follows - self.after_loss) * weight;
            self.gap += (packet.gap.as_secs_f64().min(1.0) - self.gap) * weight;
        }
    }

    /// A packet that counted as lost has arrived after all.
    pub(crate) fn on_spurious(&mut self) {
        self.slow = (self.slow - 1.0 / self.weight()).max(0.0);
        self.fast = (self.fast - 1.0 / FAST).max(0.0);
    }

    /// Nothing was heard for a probe timeout.
    pub(crate) fn on_timeout(&mut self) {
        self.fast += (1.0 - self.fast) / FAST;
    }

    /// The path is another one.
    pub(crate) fn reset(&mut self) {
        let Self { queue_lost, acked_total, lost_total, .. } = *self;
        *self = Self { queue_lost, acked_total, lost_total, ..Self::new() };
    }

    /// Random loss, 0 to 1.
    pub(crate) fn loss(&self) -> f64 {
        let is_sudden = self.fast > 2.0 * self.slow + 0.05;
        (if is_sudden { self.fast } else { self.slow }).min(LOSS_MAX)
    }

    /// Probability that the packet after a lost one is lost.
    pub(crate) fn loss_after_loss(&self) -> f64 {
        if self.correlation() > 0.0 { self.after_loss.min(LOSS_MAX) } else { self.loss() }
    }

    /// Mean length of bursts; zero when losses don't depend on each other.
    ///
    /// Of a process that forgets its state exponentially: correlation at the distance `gap` is
    /// e^(−gap/τ), and −ln ρ is 2(1 − ρ)/(1 + ρ) to a few per cent.
    pub(crate) fn burst(&self) -> Duration {
        let correlation = self.correlation();
        if correlation == 0.0 {
            return Duration::ZERO;
        }
        let tau = self.gap * (1.0 + correlation) / (2.0 * (1.0 - correlation).max(0.05));
        Duration::from_secs_f64(tau.min(1.0))
    }

    /// Random loss over the last packets, sudden changes left out.
    pub(crate) fn steady_loss(&self) -> f64 {
        self.slow.min(LOSS_MAX)
    }

    /// Packets acknowledged, and lost, so far.
    pub(crate) const fn totals(&self) -> (u64, u64) {
        (self.acked_total, self.lost_total)
    }

    /// Whether more is lost, for whatever reason, than a clean path loses.
    pub(crate) fn is_lossy(&self) -> bool {
        self.any > LOSSY
    }

    /// Whether so much is lost at random that few answers are left.
    pub(crate) fn is_thinning(&self) -> bool {
        self.steady_loss() >= THINNING
    }

    /// Loss while a queue stands, 0 to 1.
    pub(crate) const fn queue_loss(&self) -> f64 {
        self.queue_loss
    }

    /// Packets lost while a queue stood.
    pub(crate) const fn queue_lost(&self) -> u64 {
        self.queue_lost
    }

    fn correlation(&self) -> f64 {
        let loss = self.loss();
        let correlation = (self.after_loss - loss) / (1.0 - loss);
        if self.losses >= 8.0 && correlation >= CORRELATION_MIN { correlation } else { 0.0 }
    }

    fn count(&mut self, lost: f64) {
        self.packets += 1.0;
        self.slow += (lost - self.slow) / self.weight();
        self.fast += (lost - self.fast) / FAST.min(self.packets + PRIOR_WEIGHT);
    }

    /// Packets that the averages are known from; their first value counts as some.
    pub(crate) fn weight(&self) -> f64 {
        SLOW.min(self.packets + PRIOR_WEIGHT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A meter after so many packets, 30 ms apart, of which those are lost that `lost` names.
    fn meter(packets: u64, lost: impl Fn(u64) -> bool) -> LossMeter {
        let mut meter = LossMeter::new();
        for count in 0..packets {
            if lost(count) {
                let sent = Time::from_micros(count * 30_000);
                let follows_loss = count > 0 && lost(count - 1);
                let gap = Duration::from_millis(30);
                meter.on_lost(&[LostPacket { sent, gap, follows_loss }], false);
            } else {
                meter.on_acked(1, false);
            }
        }
        meter
    }

    /// Without a pattern that repeats soon.
    fn chance(count: u64) -> u64 {
        count.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23).wrapping_mul(31) >> 32 & 1_023
    }

    #[test]
    fn the_estimate_comes_near_the_loss() {
        for (per_mille, lowest, highest) in [(0, 0.0, 0.001), (51, 0.03, 0.07), (307, 0.25, 0.36)] {
            let loss = meter(3_000, |count| chance(count) < per_mille).loss();
            assert!((lowest..=highest).contains(&loss), "{per_mille}: {loss}");
        }
    }

    #[test]
    fn nothing_lost_is_believed_after_150_packets() {
        assert!(meter(100, |_| false).loss() > 0.002);
        assert!(meter(160, |_| false).loss() < 0.002);
    }

    #[test]
    fn a_sudden_change_shows_within_two_dozen_packets() {
        let loss = meter(2_024, |count| count >= 2_000 && count % 2 == 0).loss();
        assert!(loss > 0.25, "{loss}");
    }

    #[test]
    fn independent_losses_have_no_bursts_and_runs_have() {
        assert_eq!(meter(3_000, |count| chance(count) < 102).burst(), Duration::ZERO);
        let runs = meter(3_000, |count| chance(count / 3) < 102);
        let burst = runs.burst().as_millis();
        assert!((20..=120).contains(&burst), "{burst} ms");
        assert!(runs.loss_after_loss() > 0.4);
    }

    #[test]
    fn an_outage_and_a_queue_say_nothing_about_random_loss() {
        let mut meter = meter(600, |_| false);
        let run: Vec<_> = (0..40)
            .map(|count| LostPacket {
                sent: Time::from_micros(count * 30_000),
                gap: Duration::from_millis(30),
                follows_loss: count > 0,
            })
            .collect();
        let before = meter.loss();
        meter.on_lost(&run, false);
        assert_eq!(meter.loss(), before, "an outage");
        meter.on_lost(&run[..3], true);
        meter.on_acked(3, true);
        assert_eq!((meter.loss(), meter.queue_lost()), (before, 3));
        assert!(meter.queue_loss() > 0.03);
        meter.on_lost(&run[..7], false);
        assert!(meter.loss() > before);
    }

    #[test]
    fn silence_moves_the_meter_and_late_packets_move_it_back() {
        let mut meter = meter(600, |_| false);
        (0..10).for_each(|_| meter.on_timeout());
        let silent = meter.loss();
        assert!(silent > 0.2, "{silent}");
        (0..10).for_each(|_| meter.on_spurious());
        assert!(meter.loss() < 0.05, "{}", meter.loss());
    }
}
