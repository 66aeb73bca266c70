//! Links on which nearly nothing is as it should be: what is lost, and what is late, by chance, is
//! taken neither for an outage nor for a queue.
//!
//! The seeds are those that went worst before there were rules for it, with seconds of latency.

use std::time::Duration;

use rtm_session::Redundancy;

use crate::pair::{CLIENT, SERVER, Setup, delay, ms};
use crate::redundancy::{flow_of, latencies, spec, stamped};

const PATIENCE: Duration = Duration::from_secs(60);

/// A path that loses seven of ten packets either way, and ends that wait for it.
fn lossy(seed: u64) -> Setup {
    let mut setup = Setup::new(delay(50).loss(0.7)).seed(seed);
    setup.client = setup.client.handshake_timeout(PATIENCE);
    setup.server = setup.server.handshake_timeout(PATIENCE);
    setup
}

/// Sends for the first second after the connect, 30 messages a second; latencies of all of them.
fn beginning(seed: u64) -> Vec<Duration> {
    let mut pair = lossy(seed).build();
    pair.connect(b"login");
    pair.run_until(PATIENCE, |world| {
        [CLIENT, SERVER].iter().all(|&host| !world.node(host).sessions.is_empty())
    });
    let lane = pair.open_lane(CLIENT, spec(Redundancy::Auto));
    for _ in 0..30 {
        let message = stamped(&pair);
        pair.send(CLIENT, lane, message);
        pair.run(ms(33));
    }
    pair.run(ms(20_000));
    latencies(&pair, lane)
}

#[test]
fn seventy_per_cent_loss_stops_no_flow_from_its_start_to_its_last_message() {
    for (rate, seeds) in [(30, [3, 12, 18]), (240, [9, 21, 34])] {
        for seed in seeds {
            let flow = flow_of(rate, &lossy(seed), spec(Redundancy::Auto), 30);
            let tail = (flow.at(0.99), flow.at(0.999));
            assert!(tail.0 <= 700 && tail.1 <= 1_000, "{rate}/s, seed {seed}: {tail:?} ms");
        }
    }
}

#[test]
fn jitter_on_a_lossy_path_is_no_queue() {
    for seed in [10, 31, 44, 56] {
        let setup = Setup::new(delay(50).loss(0.3).jitter(ms(30))).seed(seed);
        let flow = flow_of(240, &setup, spec(Redundancy::Auto), 30);
        let tail = (flow.at(0.99), flow.at(0.999));
        assert!(tail.0 <= 250 && tail.1 <= 500, "seed {seed}: {tail:?} ms");
    }
}

#[test]
fn a_handshake_that_lost_much_warns_what_comes_after_it() {
    let mut all: Vec<Duration> = (1..=100).flat_map(beginning).collect();
    assert_eq!(all.len(), 3_000, "all are there");
    all.sort_unstable();
    // Without the warning, 450 ms and 5 s; if it were believed but not expected, 116 ms.
    assert!(all[1_500] <= ms(100) && all[2_700] <= ms(3_000), "{:?}", (all[1_500], all[2_700]));
}
