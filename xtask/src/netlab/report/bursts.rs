//! What the bursts of a run leave to anybody.

use std::time::Duration;

use rtm_sim::tool::{Direction, link_seed};
use rtm_sim::{Burst, Link, LinkConfig};
use rtm_wire::Time;

use super::super::conditions::{Condition, FLOWS, Kind};
use super::super::statistics::Sorted;
use super::figures::START_UP_US;

/// Between messages of a flow.
const INTERVAL_US: u64 = 33_333;
/// How exactly bursts are known.
const STEP_US: u64 = 500;
/// What is measured after the start-up, unless `--seconds` says otherwise.
const SPAN_US: u64 = 40_000_000;
/// The longest burst and what follows it.
const REST_US: u64 = 10_000_000;

/// Delays in microseconds of messages whose copies are in each later packet, `flows` times 30 of
/// these a second, in the bursts of the run with this seed; `None` if there are none.
///
/// Bursts go by the time alone, not by what is sent; so this is the floor for all senders that send
/// no more packets, where the mean of many seeds says little about the run at hand.
pub(super) fn floor(condition: &Condition, seed: u64, flows: u32) -> Option<Sorted> {
    let link = condition.link;
    if !matches!(condition.kind, Kind::Loss | Kind::Path) || link.burst_ms == 0 {
        return None;
    }
    let mean = Duration::from_millis(link.burst_ms.into());
    let burst = Burst::with_loss(f64::from(link.loss_percent) / 100.0, mean);
    let mut model = Link::new(LinkConfig::new().burst(burst), link_seed(seed, 0, Direction::Up));
    let end = START_UP_US + SPAN_US;
    let passes: Vec<bool> = (0..(end + REST_US) / STEP_US)
        .map(|step| model.pass(Time::from_micros(step * STEP_US), 1).is_ok())
        .collect();
    let gap = INTERVAL_US / u64::from(flows);
    let delays =
        (START_UP_US..end).step_by((INTERVAL_US / u64::from(FLOWS)) as usize).map(|sent| {
            let passes =
                |at: &u64| passes.get((at / STEP_US) as usize).is_none_or(|passes| *passes);
            let at = (sent..).step_by(gap as usize).find(passes).unwrap_or(sent);
            u64::from(link.rtt_ms) * 500 + at - sent
        });
    Some(Sorted::new(delays.collect()))
}

#[cfg(test)]
mod tests {
    use super::super::super::conditions::conditions;
    use super::*;

    #[test]
    fn more_packets_make_a_lower_floor_and_random_loss_has_none_of_this_kind() {
        let all = conditions();
        let named = |name: &str| all.iter().find(|condition| condition.name == name).unwrap();
        let at = |seed, flows| {
            let floor = floor(named("burst-10"), seed, flows).expect("bursts");
            [0.5, 0.99, 0.999].map(|share| floor.quantile(share).expect("messages") / 1_000)
        };
        for seed in [1, 2] {
            let (one, eight) = (at(seed, 1), at(seed, FLOWS));
            assert_eq!((one[0], eight[0]), (50, 50));
            assert!(eight[1] <= one[1] && eight[2] <= one[2] && one[1] >= 150, "{one:?} {eight:?}");
        }
        assert!(at(1, 1) != at(2, 1), "each seed has its own");
        assert!(floor(named("loss-10"), 1, 1).is_none());
    }
}
