//! What a sender can reach, by plain models, and what RTM is to reach.

use super::super::conditions::{Condition, Kind, Link};

/// 99th and 99.9th percentile in milliseconds, and bytes for each payload byte.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Goal {
    pub(super) p99: f64,
    pub(super) p999: f64,
    pub(super) bytes: Option<f64>,
}

const fn goal(p99: f64, p999: f64, bytes: f64) -> Goal {
    Goal { p99, p999, bytes: Some(bytes) }
}

/// Name of a condition, goal of default lanes, and of eager ones.
type Entry = (&'static str, Goal, Option<(f64, f64)>);

/// By condition, for 30 messages a second and a round trip of 100 ms: default lanes, then eager
/// ones.
const GOALS: &[Entry] = &[
    ("loss-0", goal(50.5, 51.0, 1.05), Some((50.5, 51.0))),
    ("loss-1", goal(84.0, 84.0, 2.0), Some((60.0, 60.0))),
    ("loss-5", goal(84.0, 117.0, 4.2), Some((60.0, 84.0))),
    ("loss-10", goal(84.0, 117.0, 4.5), Some((84.0, 84.0))),
    ("loss-30", goal(150.0, 217.0, 6.0), None),
    ("burst-10", goal(217.0, 350.0, 5.0), None),
    ("burst-30", goal(317.0, 450.0, 6.0), None),
    ("loss-70", goal(700.0, 1_000.0, 15.0), None),
];

/// The goals of a condition, each with its name.
pub(super) fn goals(condition: &Condition) -> Vec<(&'static str, Goal)> {
    let Some((_, default, eager)) = GOALS.iter().find(|(name, ..)| *name == condition.name) else {
        return Vec::new();
    };
    let eager = eager.map(|(p99, p999)| ("goal, eager lanes", Goal { p99, p999, bytes: None }));
    [("goal, default lanes", *default)].into_iter().chain(eager).collect()
}

/// What RTM is to reach where the table has other columns: headings and cells.
pub(super) const fn other_goals(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::Cold => &[("delivered", "100 %"), ("p90", "300"), ("p99", "1,000")],
        Kind::Blackout(_) => &[("delivered", "100 %"), (FIRST, "250")],
        Kind::Large => &[("32 KiB p99", "60")],
        Kind::Beside | Kind::Share => &[(CUBIC_SHARE, "≥ 45 %")],
        Kind::Bulk => &[("Mbit/s of payload", "90 % of quinn's best")],
        Kind::Loss | Kind::Path | Kind::Narrow => &[],
    }
}

/// The floor of a sender whose each packet carries all that is not acknowledged, with one packet
/// per message and flow: a message is late by an interval for each packet in a row that is lost.
pub(super) fn floor(condition: &Condition) -> Option<Goal> {
    if !matches!(condition.kind, Kind::Loss | Kind::Path) {
        return None;
    }
    let Link { rtt_ms, loss_percent, burst_ms, .. } = condition.link;
    let one_way = f64::from(rtt_ms) / 2.0;
    let loss = f64::from(loss_percent) / 100.0;
    let late = |tail: f64| {
        if loss <= tail {
            one_way
        } else if burst_ms > 0 {
            // What is left of a burst that lasts so long, and half an interval.
            one_way + f64::from(burst_ms) * (loss / tail).ln() + INTERVAL_MS / 2.0
        } else {
            let losses = (tail.ln() / loss.ln() - 1e-9).ceil() - 1.0;
            one_way + losses * INTERVAL_MS
        }
    };
    Some(Goal { p99: late(0.01), p999: late(0.001), bytes: None })
}

/// Headings that goals are about.
pub(super) const CUBIC_SHARE: &str = "CUBIC flow's share of the link";
pub(super) const FIRST: &str = "first delivery after the link is back";
/// Between messages of a flow.
const INTERVAL_MS: f64 = 100.0 / 3.0;

#[cfg(test)]
mod tests {
    use super::super::super::conditions::conditions;
    use super::*;

    fn floor_of(name: &str) -> (f64, f64) {
        let all = conditions();
        let condition = all.iter().find(|condition| condition.name == name).expect("there");
        let floor = floor(condition).expect("a floor");
        (floor.p99.round(), floor.p999.round())
    }

    #[test]
    fn floors_are_those_of_the_model() {
        for (name, expected) in [
            ("loss-0", (50.0, 50.0)),
            ("loss-5", (83.0, 117.0)),
            ("loss-10", (83.0, 117.0)),
            ("loss-30", (150.0, 217.0)),
            ("loss-70", (450.0, 683.0)),
            ("rtt-200-loss-30", (200.0, 267.0)),
            ("burst-10", (205.0, 343.0)),
        ] {
            assert_eq!(floor_of(name), expected, "{name}");
        }
    }

    #[test]
    fn goals_belong_to_conditions_that_exist() {
        let all = conditions();
        for (name, ..) in GOALS {
            let condition = all.iter().find(|condition| condition.name == *name);
            assert!(!goals(condition.expect("there")).is_empty(), "{name}");
        }
    }
}
