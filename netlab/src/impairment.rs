//! The flags that say what a link does.

use std::ops::Range;
use std::time::Duration;

use clap::Args;
use rtm_sim::tool::{Direction, link_seed};
use rtm_sim::{Bandwidth, Burst, Link, LinkConfig, Reorder};
use rtm_wire::Time;

/// What happens to datagrams, alike in both directions, each direction with its own chance.
#[derive(Args, Clone, Debug, Default, PartialEq)]
pub struct Impairment {
    /// Share of datagrams lost, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    pub loss: f64,
    /// Lose in bursts of this mean length instead of independently; they take the share --loss
    #[arg(long, value_name = "MS", value_parser = positive)]
    pub burst_ms: Option<f64>,
    /// Delay of each direction
    #[arg(long, value_name = "MS", default_value_t = 0.0, value_parser = millis)]
    pub delay_ms: f64,
    /// Most that is added to the delay; keeps the order
    #[arg(long, value_name = "MS", default_value_t = 0.0, value_parser = millis)]
    pub jitter_ms: f64,
    /// Share of datagrams that take a longer way, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    pub reorder: f64,
    /// How much longer that way is
    #[arg(long, value_name = "MS", default_value_t = 10.0, value_parser = millis)]
    pub reorder_ms: f64,
    /// Share of datagrams that arrive twice, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    pub duplicate: f64,
    /// Share of datagrams with a flipped bit, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    pub corrupt: f64,
    /// Drop larger datagrams
    #[arg(long, value_name = "BYTES")]
    pub mtu: Option<usize>,
    /// Rate of a bottleneck
    #[arg(long, value_name = "KBIT/S", value_parser = clap::value_parser!(u64).range(1..))]
    pub bandwidth_kbit: Option<u64>,
    /// Room in the drop-tail queue before the bottleneck, as the time it takes to drain
    #[arg(long, value_name = "MS", default_value_t = 100.0, value_parser = millis)]
    pub queue_ms: f64,
    /// When everything begins to be lost, after the start
    #[arg(long, value_name = "MS", value_parser = millis, requires = "blackout_ms")]
    pub blackout_at_ms: Option<f64>,
    /// How long everything is lost
    #[arg(long, value_name = "MS", value_parser = positive, requires = "blackout_at_ms")]
    pub blackout_ms: Option<f64>,
    /// Seed of all chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

impl Impairment {
    /// The same as a configuration of the link model.
    pub fn link_config(&self) -> LinkConfig {
        let mut config = LinkConfig::new()
            .delay(duration(self.delay_ms))
            .jitter(duration(self.jitter_ms))
            .duplicate(self.duplicate / 100.0)
            .corrupt(self.corrupt / 100.0)
            .reorder(Reorder {
                probability: self.reorder / 100.0,
                extra_delay: duration(self.reorder_ms),
            });
        config = match self.burst_ms {
            Some(mean_bad) if self.loss > 0.0 && self.loss < 100.0 => {
                config.burst(Burst::with_loss(self.loss / 100.0, duration(mean_bad)))
            }
            _ => config.loss(self.loss / 100.0),
        };
        if let Some(mtu) = self.mtu {
            config = config.mtu(mtu);
        }
        if let Some(kbit) = self.bandwidth_kbit {
            let bits_per_second = kbit.saturating_mul(1_000);
            let queue_bytes = (bits_per_second as f64 / 8_000.0 * self.queue_ms) as usize;
            config = config.bandwidth(Bandwidth { bits_per_second, queue_bytes });
        }
        config
    }

    /// When everything is lost, from and until, after the tool's start.
    pub fn blackout(&self) -> Option<Range<Time>> {
        let from = Time::ZERO + duration(self.blackout_at_ms?);
        Some(from..from + duration(self.blackout_ms?))
    }

    /// The link of one direction; `number` counts the peers that share the tool, from 0.
    pub(crate) fn link(&self, number: u64, direction: Direction) -> Link {
        Link::new(self.link_config(), link_seed(self.seed, number, direction))
    }

    /// The flags that give this impairment.
    pub fn to_args(&self) -> Vec<String> {
        let mut args = vec![
            format!("--loss={}", self.loss),
            format!("--delay-ms={}", self.delay_ms),
            format!("--jitter-ms={}", self.jitter_ms),
            format!("--reorder={}", self.reorder),
            format!("--reorder-ms={}", self.reorder_ms),
            format!("--duplicate={}", self.duplicate),
            format!("--corrupt={}", self.corrupt),
            format!("--queue-ms={}", self.queue_ms),
            format!("--seed={}", self.seed),
        ];
        args.extend(self.burst_ms.map(|ms| format!("--burst-ms={ms}")));
        args.extend(self.blackout_at_ms.map(|ms| format!("--blackout-at-ms={ms}")));
        args.extend(self.blackout_ms.map(|ms| format!("--blackout-ms={ms}")));
        args.extend(self.mtu.map(|bytes| format!("--mtu={bytes}")));
        args.extend(self.bandwidth_kbit.map(|kbit| format!("--bandwidth-kbit={kbit}")));
        args
    }
}

fn duration(millis: f64) -> Duration {
    Duration::from_secs_f64(millis / 1_000.0)
}

/// An hour is more than anybody waits for a datagram.
const MILLIS_MAX: f64 = 3_600_000.0;

fn percent(text: &str) -> Result<f64, String> {
    within(text, 0.0, 100.0)
}

fn millis(text: &str) -> Result<f64, String> {
    within(text, 0.0, MILLIS_MAX)
}

fn positive(text: &str) -> Result<f64, String> {
    within(text, 0.01, MILLIS_MAX)
}

fn within(text: &str, min: f64, max: f64) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (min..=max).contains(&number) {
        Ok(number)
    } else {
        Err(format!("not within {min} to {max}"))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        impairment: Impairment,
    }

    #[test]
    fn flags_survive_a_round_trip() {
        for line in [
            "x",
            "x --loss 20 --burst-ms 60 --delay-ms 25.5 --jitter-ms 3 --seed 9",
            "x --reorder 1 --reorder-ms 2 --duplicate 3 --corrupt 4 --mtu 1200",
            "x --bandwidth-kbit 5000 --queue-ms 50",
            "x --blackout-at-ms 15000 --blackout-ms 1000",
        ] {
            let impairment = parse(line).expect("valid flags");
            let again = format!("x {}", impairment.to_args().join(" "));
            assert_eq!(parse(&again).expect("own flags"), impairment, "{line}");
        }
    }

    #[test]
    fn flags_out_of_range_are_refused() {
        for line in [
            "x --loss 100.1",
            "x --loss -1",
            "x --loss NaN",
            "x --delay-ms inf",
            "x --burst-ms 0",
            "x --bandwidth-kbit 0",
            "x --corrupt lots",
            "x --blackout-at-ms 1",
            "x --blackout-ms 1",
            "x --blackout-at-ms 1 --blackout-ms 0",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn extremes_of_loss_with_bursts_are_all_or_nothing() {
        for (loss, passes) in [("0", true), ("100", false)] {
            let impairment = parse(&format!("x --burst-ms 5 --loss {loss}")).expect("valid flags");
            let mut link = impairment.link(0, Direction::Up);
            assert_eq!(link.pass(Time::ZERO, 1).is_ok(), passes);
        }
    }

    #[test]
    fn a_blackout_has_a_beginning_and_an_end() {
        let impairment = parse("x --blackout-at-ms 1500 --blackout-ms 250").expect("valid flags");
        let expected = Time::from_micros(1_500_000)..Time::from_micros(1_750_000);
        assert_eq!(impairment.blackout(), Some(expected));
        assert_eq!(parse("x").expect("valid flags").blackout(), None);
    }

    fn parse(line: &str) -> Result<Impairment, clap::Error> {
        Flags::try_parse_from(line.split(' ')).map(|flags| flags.impairment)
    }
}
