//! Whether loss is the path's, or what copies have brought about.
//!
//! ```text
//!            more loss than believed            as much without copies: believed
//!  Watching ────────────────────────► Trial ───────────────────────────────────► Watching
//!     ▲                                 └─ much less ─► Distrust, 10 s to 2 minutes ─┐
//!     └────────────────────────────────── or until as much is lost after all ────────┘
//! ```
//!
//! A queue that is always full looks like a longer way, and its losses like random ones; copies
//! would then make the loss that they answer. So more copies have to prove that they don't.

use std::time::Duration;

use rtm_wire::Time;

use super::Circumstances;

/// Loss that needs no proof.
const BELIEVED_MIN: f64 = 0.03;
/// Loss above so much more than what is believed is put to trial.
const EXCESS: f64 = 1.5;
const EXCESS_MIN: f64 = 0.05;
/// Deviations of the measure by which chance doesn't explain it. Bursts make it vary: eight flows
/// that lose 30 % in bursts of 60 ms would else be on trial a tenth of their time.
const CHANCE: f64 = 3.0;
/// Packets that the measure is over.
const MEASURED: f64 = 512.0;
/// Deviations by which the loss of few packets may have been chance.
const FEW_CHANCE: f64 = 2.0;
/// Packets of a trial, and its length at least: bursts have to show.
const PACKETS: u64 = 48;
const TRIAL: Duration = Duration::from_secs(3);
/// How long more is lost before it is put to trial: what copies make stays, and a bad stretch is
/// where they are needed most.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long loss has to stay below half of what is believed until less is believed.
const HELD: Duration = Duration::from_secs(60);
/// Part of the loss that has to stay without copies.
const STAYS: f64 = 0.5;
const DISTRUST_MIN: Duration = Duration::from_secs(10);
const DISTRUST_MAX: Duration = Duration::from_secs(120);

#[derive(Debug)]
pub(super) struct Trust {
    /// Loss that is known not to come from copies.
    believed: f64,
    state: State,
    held_until: Time,
    /// Since when more is lost than is believed.
    more_since: Option<Time>,
    has_tried: bool,
    /// The most that was measured since it was held.
    peak: f64,
    /// How long the next distrust lasts.
    span: Duration,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Watching,
    /// No copies; what was acknowledged and lost counts once all packets from before are known.
    Trial {
        loss: f64,
        from: Time,
        start: Option<(u64, u64)>,
    },
    /// Neither; the count goes on, for a verdict by few packets may be chance's.
    Distrust {
        loss: f64,
        until: Time,
        start: (u64, u64),
    },
}

impl Trust {
    /// `shown`: loss that the handshake has shown, before there were any copies of messages.
    pub(super) fn new(now: Time, shown: f64) -> Self {
        Self {
            believed: shown.max(BELIEVED_MIN),
            held_until: now + HELD,
            more_since: None,
            has_tried: false,
            peak: 0.0,
            state: State::Watching,
            span: DISTRUST_MIN,
        }
    }

    /// Takes what is known now; whether there may be copies.
    pub(super) fn update(&mut self, now: Time, circumstances: &Circumstances) -> bool {
        let Circumstances { rtt, steady_loss, loss_after_loss, measured, .. } = *circumstances;
        let Circumstances { acked, lost, .. } = *circumstances;
        match self.state {
            State::Watching => {
                let chance = CHANCE * deviation(steady_loss, loss_after_loss, MEASURED);
                self.peak = self.peak.max(steady_loss);
                if now >= self.held_until {
                    if self.peak < self.believed / 2.0 {
                        self.believed = self.peak.max(BELIEVED_MIN);
                    }
                    self.hold(now);
                }
                let excess = (self.believed * (EXCESS - 1.0) + EXCESS_MIN).max(chance);
                let is_more = steady_loss > self.believed + excess;
                self.more_since = is_more.then(|| self.more_since.unwrap_or(now));
                // To begin with nothing is known, and the sooner it is the better.
                let patience = if self.has_tried { PATIENCE } else { Duration::ZERO };
                if self.more_since.is_some_and(|since| now >= since + patience) {
                    let from = now + rtt * 3 / 2;
                    // To begin with, the loss of a few packets: so much it is at least.
                    let few = FEW_CHANCE * deviation(steady_loss, loss_after_loss, measured);
                    let loss = (steady_loss - few).max(self.believed);
                    self.state = State::Trial { loss, from, start: None };
                    self.more_since = None;
                }
            }
            State::Trial { loss, from, start: None } => {
                if now >= from {
                    self.state = State::Trial { loss, from, start: Some((acked, lost)) };
                }
            }
            State::Trial { loss, from, start: Some(start) } => {
                let counted = (acked - start.0, lost - start.1);
                if counted.0 + counted.1 >= PACKETS && now >= from + TRIAL {
                    self.judge(now, loss, start, share_lost(counted));
                }
            }
            State::Distrust { loss, until, start } => {
                let without = share_lost((acked - start.0, lost - start.1));
                if without >= loss * STAYS {
                    self.stays(now, loss.max(without));
                } else if now >= until {
                    self.state = State::Watching;
                }
            }
        }
        matches!(self.state, State::Watching)
    }

    /// What is believed now is so for a while, even if less is lost at times.
    fn hold(&mut self, now: Time) {
        self.held_until = now + HELD;
        self.peak = 0.0;
    }

    fn judge(&mut self, now: Time, before: f64, start: (u64, u64), without: f64) {
        self.has_tried = true;
        if without >= before * STAYS {
            self.stays(now, before.max(without));
        } else {
            // So much is lost without copies, too: next time it takes more to be suspect.
            self.believed = self.believed.max(without);
            self.hold(now);
            self.state = State::Distrust { loss: before, until: now + self.span, start };
            self.span = (self.span * 2).min(DISTRUST_MAX);
        }
    }

    /// It wasn't the copies.
    fn stays(&mut self, now: Time, loss: f64) {
        self.believed = loss;
        self.hold(now);
        self.span = DISTRUST_MIN;
        self.state = State::Watching;
    }
}

fn share_lost((acked, lost): (u64, u64)) -> f64 {
    lost as f64 / (acked + lost).max(1) as f64
}

/// Standard deviation of the loss measured over so many packets, whose losses follow each other
/// like a Markov chain's.
fn deviation(loss: f64, loss_after_loss: f64, packets: f64) -> f64 {
    let correlation = ((loss_after_loss - loss) / (1.0 - loss)).clamp(0.0, 0.98);
    let runs = (1.0 + correlation) / (1.0 - correlation);
    (loss * (1.0 - loss) * runs / packets.max(1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session that takes note of one packet after the other.
    struct Walk {
        trust: Trust,
        copies: bool,
        acked: u64,
        lost: u64,
        steady_loss: f64,
        /// Probability of a loss after a loss, if that isn't the loss itself.
        loss_after_loss: Option<f64>,
        /// Packets that went without copies.
        without: u64,
    }

    impl Walk {
        fn new(loss_after_loss: Option<f64>) -> Self {
            let (trust, steady_loss) = (Trust::new(Time::ZERO, 0.0), 0.04);
            Self {
                trust,
                copies: true,
                acked: 0,
                lost: 0,
                steady_loss,
                loss_after_loss,
                without: 0,
            }
        }

        fn packet(&mut self, micros: u64, is_lost: bool) {
            self.acked += u64::from(!is_lost);
            self.lost += u64::from(is_lost);
            // As it is measured.
            let measured = ((self.acked + self.lost) as f64 + 8.0).min(MEASURED);
            self.steady_loss += (f64::from(u8::from(is_lost)) - self.steady_loss) / measured;
            let circumstances = Circumstances {
                rtt: Duration::from_millis(100),
                loss: self.steady_loss,
                steady_loss: self.steady_loss,
                measured,
                acked: self.acked,
                lost: self.lost,
                loss_after_loss: self.loss_after_loss.unwrap_or(self.steady_loss),
                burst: Duration::ZERO,
                queue_stands: false,
            };
            self.copies = self.trust.update(Time::from_micros(micros), &circumstances);
            self.without += u64::from(!self.copies);
        }
    }

    /// A path that loses so many of a hundred packets with copies, and without; how much of the
    /// time there were copies, after ten seconds, in per cent.
    fn share_of_copies(with: u64, without: u64) -> u64 {
        let mut walk = Walk::new(None);
        let mut early = 0;
        for count in 0..6_000 {
            if count == 333 {
                early = walk.without;
            }
            let per_cent = if walk.copies { with } else { without };
            walk.packet(count * 30_000, count * 37 % 100 < per_cent);
        }
        100 - (walk.without - early) * 100 / (6_000 - 333)
    }

    #[test]
    fn loss_that_stays_without_copies_is_believed_after_one_trial() {
        for loss in [0, 5, 10, 30, 70] {
            let share = share_of_copies(loss, loss);
            assert!(share >= 93, "{loss} %: {share}");
        }
    }

    #[test]
    fn loss_that_goes_with_copies_ends_them() {
        for (with, without) in [(80, 3), (30, 4), (20, 0)] {
            let share = share_of_copies(with, without);
            assert!(share <= 35, "{with} and {without} %: {share}");
        }
    }

    #[test]
    fn a_calm_trial_in_a_bad_stretch_costs_seconds_only() {
        // Three in ten are lost but for the first hundred packets without copies.
        let mut walk = Walk::new(None);
        for count in 0..2_000 {
            let is_calm = !walk.copies && walk.without <= 100;
            walk.packet(count * 30_000, count % 10 < 3 && !is_calm);
        }
        assert!((101..=260).contains(&walk.without), "{} packets without copies", walk.without);
    }

    #[test]
    fn an_unlucky_beginning_costs_one_trial() {
        let mut walk = Walk::new(None);
        for count in 0..2_000 {
            let is_unlucky = (2..5).contains(&count);
            walk.packet(count * 30_000, is_unlucky || count % 20 == 0);
        }
        assert!((48..=120).contains(&walk.without), "{} packets without copies", walk.without);
    }

    #[test]
    fn bursts_that_come_as_they_like_leave_copies_alone() {
        // Every tenth packet in bursts of 15 in the mean, 240 packets a second, for ten minutes.
        let mut walk = Walk::new(Some(14.0 / 15.0));
        let (mut is_lost, mut state) = (false, 7_u64);
        for count in 0..144_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let change = if is_lost { 1.0 / 15.0 } else { 1.0 / 135.0 };
            let chance = (state >> 11) as f64 / (1_u64 << 53) as f64;
            is_lost ^= chance < change;
            walk.packet(count * 4_167, is_lost);
        }
        assert!(walk.without * 100 / 144_000 <= 3, "{} of 144,000 without copies", walk.without);
    }
}
