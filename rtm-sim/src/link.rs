//! One direction of a link: decides the fate of each datagram.

use core::time::Duration;

use rtm_wire::Time;

use crate::config::{Burst, LinkConfig};
use crate::counters::Counters;
use crate::dice::{Dice, micros, share};
use crate::line::Line;

/// One direction of a link.
///
/// It holds no datagram: [`Link::pass`] says when one that enters now will arrive, if it does. So
/// the same decisions serve a [`Network`](crate::Network) in virtual time and a router of real
/// packets.
///
/// Each datagram uses up the same number of draws whatever is configured, and bursts have draws of
/// their own. Two runs with one seed therefore lose the same datagrams (same n-th datagram) and
/// have the same bursts (same moments).
#[derive(Debug)]
pub struct Link {
    config: LinkConfig,
    dice: Dice,
    weather: Weather,
    /// Latest `now` seen, so that a caller's clock can't step back.
    entered: Time,
    line: Line,
    /// Latest arrival that later datagrams must not overtake.
    fifo: Time,
    counters: Counters,
}

/// A datagram that gets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// When it arrives.
    pub arrival: Time,
    /// When its duplicate arrives, if it has one.
    pub copy_arrival: Option<Time>,
    /// Which bit of it is flipped, counted from the lowest bit of its first byte.
    pub flipped_bit: Option<usize>,
}

/// Why a datagram doesn't get through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropCause {
    /// Lost by chance or in a burst.
    Lost,
    /// Larger than the link's MTU.
    Mtu,
    /// No room in the queue before the bottleneck, or dropped by its management.
    Queue,
}

impl Link {
    /// A link that behaves as `config` says, by the chance of `seed`.
    pub fn new(config: LinkConfig, seed: u64) -> Self {
        Self {
            config,
            dice: Dice::new(seed),
            // Any constant does: it keeps the two streams of draws apart.
            weather: Weather::new(seed ^ 0x77ea_74e2),
            entered: Time::ZERO,
            line: Line::default(),
            fifo: Time::ZERO,
            counters: Counters::default(),
        }
    }

    /// Changes the behaviour from now on. Order of datagrams and backlog of the line carry over.
    pub fn set_config(&mut self, config: LinkConfig) {
        if self.config.burst != config.burst {
            self.weather.forecast = None;
        }
        self.config = config;
    }

    /// Decides about a datagram of `len` bytes that enters at `now`.
    ///
    /// A `now` before that of an earlier call counts as the latter.
    ///
    /// # Errors
    ///
    /// The cause, when the datagram doesn't get through.
    pub fn pass(&mut self, now: Time, len: usize) -> Result<Passage, DropCause> {
        self.entered = self.entered.max(now);
        self.counters.sent += 1;
        self.counters.sent_bytes += len as u64;
        let fate = self.decide(self.entered, len);
        match fate {
            Ok(passage) => {
                self.counters.duplicated += u64::from(passage.copy_arrival.is_some());
                self.counters.corrupted += u64::from(passage.flipped_bit.is_some());
            }
            Err(DropCause::Lost) => self.counters.lost += 1,
            Err(DropCause::Mtu) => self.counters.mtu_dropped += 1,
            Err(DropCause::Queue) => self.counters.queue_dropped += 1,
        }
        fate
    }

    /// What has happened to the datagrams so far. A link doesn't see deliveries.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Counts a datagram that the network refused before it reached the link.
    pub(crate) fn turn_away(&mut self, len: usize, count: impl Fn(&mut Counters) -> &mut u64) {
        self.counters.sent += 1;
        self.counters.sent_bytes += len as u64;
        *count(&mut self.counters) += 1;
    }

    pub(crate) fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }

    fn decide(&mut self, now: Time, len: usize) -> Result<Passage, DropCause> {
        let chance = Chance::draw(&mut self.dice);
        if self.config.mtu.is_some_and(|mtu| len > mtu) {
            return Err(DropCause::Mtu);
        }
        let departure = match self.config.bandwidth {
            Some(bandwidth) => {
                let queue = (bandwidth, self.config.codel);
                self.line.pass(queue, now, len).ok_or(DropCause::Queue)?
            }
            None => now,
        };
        // Asked even if the datagram is lost anyway, lest the bursts depend on other losses.
        let storm = self.config.burst.is_some_and(|burst| self.weather.is_bad(burst, departure));
        if storm || chance.loss < self.config.loss {
            return Err(DropCause::Lost);
        }
        let arrival = self.arrive(departure, chance.jitter, chance.reorder);
        let copy_arrival = (chance.duplicate < self.config.duplicate)
            .then(|| self.in_order(departure, chance.copy_jitter));
        let flipped_bit = (chance.corrupt < self.config.corrupt && len > 0)
            .then(|| (chance.bit % (len as u64 * 8)) as usize);
        Ok(Passage { arrival, copy_arrival, flipped_bit })
    }

    fn arrive(&mut self, departure: Time, jitter: f64, reorder: f64) -> Time {
        match self.config.reorder {
            Some(detour) if reorder < detour.probability => {
                self.counters.reordered += 1;
                departure
                    + self.config.delay
                    + share(self.config.jitter, skewed(jitter))
                    + detour.extra_delay
            }
            _ => self.in_order(departure, jitter),
        }
    }

    fn in_order(&mut self, departure: Time, jitter: f64) -> Time {
        let due = departure + self.config.delay + share(self.config.jitter, skewed(jitter));
        self.fifo = self.fifo.max(due);
        self.fifo
    }
}

/// Where [`Time`] saturates; no state ends after it.
const NEVER: Time = Time::from_micros(u64::MAX);

/// Mostly small, seldom near one, as queueing delays are.
fn skewed(uniform: f64) -> f64 {
    uniform * uniform * uniform
}

/// All draws of one datagram, made whether they are needed or not.
struct Chance {
    loss: f64,
    duplicate: f64,
    jitter: f64,
    copy_jitter: f64,
    reorder: f64,
    corrupt: f64,
    bit: u64,
}

impl Chance {
    fn draw(dice: &mut Dice) -> Self {
        Self {
            loss: dice.unit(),
            duplicate: dice.unit(),
            jitter: dice.unit(),
            copy_jitter: dice.unit(),
            reorder: dice.unit(),
            corrupt: dice.unit(),
            bit: dice.word(),
        }
    }
}

/// The good and bad times of a link with bursts.
#[derive(Debug)]
struct Weather {
    dice: Dice,
    /// State now and when it ends; drawn with the first datagram.
    forecast: Option<Forecast>,
}

#[derive(Clone, Copy, Debug)]
struct Forecast {
    bad: bool,
    until: Time,
}

impl Weather {
    fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed), forecast: None }
    }

    fn is_bad(&mut self, burst: Burst, at: Time) -> bool {
        let mut forecast = match self.forecast {
            Some(forecast) => forecast,
            None => self.first(burst),
        };
        while forecast.until <= at && at < NEVER {
            forecast.bad = !forecast.bad;
            forecast.until += self.sojourn(burst, forecast.bad);
        }
        self.forecast = Some(forecast);
        forecast.bad
    }

    /// Starts at time zero with the long-run odds, so that early datagrams fare like later ones.
    fn first(&mut self, burst: Burst) -> Forecast {
        let (good, bad) = (micros(burst.mean_good) as f64, micros(burst.mean_bad) as f64);
        let bad = self.dice.unit() * (good + bad) < bad;
        Forecast { bad, until: Time::ZERO + self.sojourn(burst, bad) }
    }

    fn sojourn(&mut self, burst: Burst, bad: bool) -> Duration {
        let mean = if bad { burst.mean_bad } else { burst.mean_good };
        share(mean, self.dice.exponential()).max(Duration::from_micros(1))
    }
}

#[cfg(test)]
mod codel_tests;
#[cfg(test)]
mod tests;
