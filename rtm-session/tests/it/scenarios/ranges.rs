//! What scenarios of the session are drawn from.

use rtm_session::{Config, CongestionControl};
use rtm_sim::scenario::{Change, LoadRange, Ranges, Scenario};
use std::time::Duration;

/// Networks as in the defaults of [`Ranges`], for longer; two applications with this to do.
pub(crate) fn ranges() -> Ranges {
    let load = |name, values| LoadRange { name, values };
    let loads = vec![
        // Messages that each end sends.
        load("messages", 0..=600),
        // Mean pause between two actions, in ms.
        load("gap", 1..=100),
        // Longest message in bytes; most are much shorter.
        load("size", 1..=65_536),
        // Lanes that each end has open at a time, besides lane 0.
        load("lanes", 0..=8),
        // Messages that are sent at once, at most.
        load("backlog", 1..=60),
        // Longest idle pause in ms.
        load("idle", 0..=12_000),
        // How long an application keeps a message before it takes the next, in ms.
        load("hold", 0..=2_000),
        // Credit of a lane in KiB above the least; many have the default, which is 0.
        load("credit", 0..=64),
        // Messages that a lane queues; 0 is the default.
        load("queue", 0..=50),
        // Seconds of silence that end the session, beyond 3; 0 is the default.
        load("silence", 0..=27),
        // 1: no keep-alive, so that the session's own timers are all there is.
        load("mute", 0..=1),
        // Of 20 actions, how many are short-lived lanes.
        load("churn", 0..=10),
        // 1: keys change after 128 packets.
        load("rekey", 0..=1),
        // 1: NewReno.
        load("reno", 0..=1),
    ];
    Ranges { run_ms: 500..=15_000, events: 0..=8, lasts_ms_max: 9_000, loads, ..Ranges::default() }
}

/// The longest message of a scenario.
pub(crate) fn size_max(scenario: &Scenario) -> u64 {
    scenario.load("size").max(1)
}

/// Silence that ends the session.
pub(crate) fn idle_timeout(scenario: &Scenario) -> Duration {
    match scenario.load("silence") {
        0 => Duration::from_secs(30),
        more => Duration::from_secs(3 + more),
    }
}

/// Pause between pings of the client: several in the time that ends the session.
pub(crate) fn keep_alive(scenario: &Scenario) -> Duration {
    Duration::from_secs(5).min(idle_timeout(scenario) / 3)
}

/// Whether the client pings at all. A client that moves has to: nobody could find it.
pub(crate) fn pings(scenario: &Scenario) -> bool {
    let moves = scenario.events.iter().any(|event| matches!(event.change, Change::Move(_)));
    moves || scenario.load("mute") == 0
}

/// Bytes of messages, and 32 for each, that one lane may have unreleased: its credit, as its
/// documentation says.
pub(crate) fn lane_bytes_max(scenario: &Scenario, is_client: bool) -> u64 {
    let longest = size_max(scenario) + 32;
    let credit = match scenario.load("credit") {
        0 if is_client => 256 * 1_024,
        0 => 128 * 1_024,
        more => (more - 1) * 1_024,
    };
    credit.max(longest + longest.div_ceil(3))
}

/// Lanes that an application has open at a time.
pub(crate) fn lanes_max(scenario: &Scenario) -> u64 {
    scenario.load("lanes")
}

/// The configuration of one end.
pub(crate) fn config(scenario: &Scenario, base: Config, is_client: bool) -> Config {
    let mut config = base
        .lanes_max(lanes_max(scenario).max(1))
        .message_len_max(size_max(scenario))
        .idle_timeout(idle_timeout(scenario))
        .keep_alive((is_client && pings(scenario)).then(|| keep_alive(scenario)));
    if scenario.load("credit") > 0 {
        config = config.lane_credit((scenario.load("credit") - 1) * 1_024);
    }
    if scenario.load("queue") > 0 {
        config = config.send_queue(256 * 1_024, scenario.load("queue") as usize);
    }
    if scenario.load("rekey") > 0 {
        // Enough for the probes of the longest cut.
        config = config.key_packets(512);
    }
    if scenario.load("reno") > 0 {
        config = config.congestion(CongestionControl::NewReno);
    }
    config
}
