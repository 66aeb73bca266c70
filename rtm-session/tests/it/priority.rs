//! Who goes first, and what is left for the others.

use std::time::Duration;

use rtm_session::{CongestionControl, LaneSpec};
use rtm_sim::Bandwidth;
use rtm_wire::{LaneId, Priority, Time};

use crate::pair::{CLIENT, Pair, SERVER, Setup, delay, ms};

fn spec(priority: Priority) -> LaneSpec {
    LaneSpec { priority, ..LaneSpec::ORDERED }
}

const MIB: usize = 1 << 20;

/// A pair on a line of this rate, which takes messages of 1 MiB.
fn pair(bits_per_second: u64, queue_bytes: usize) -> Pair {
    let line = Bandwidth { bits_per_second, queue_bytes };
    let mut setup = Setup::new(delay(25).bandwidth(line));
    setup.server = setup.server.message_len_max(MIB as u64);
    setup.client = setup.client.send_queue(4 * MIB, 40_000);
    setup.connected()
}

/// How long small messages took, one each 7 ms for a second, beside a message of 1 MiB or not.
fn latencies(rate: u64, small: Priority, bulk: Option<Priority>) -> Vec<Duration> {
    let mut pair = pair(rate, 250_000);
    let lane = pair.open_lane(CLIENT, spec(small));
    // The window grows first.
    let warm = pair.open_lane(CLIENT, spec(Priority::Low));
    pair.send(CLIENT, warm, vec![0; MIB]);
    pair.run(ms(3_000));
    if let Some(priority) = bulk {
        let bulk = pair.open_lane(CLIENT, spec(priority));
        pair.send(CLIENT, bulk, vec![0; MIB]);
    }
    pair.run(ms(3));
    let mut sent = Vec::new();
    for _ in 0..140 {
        sent.push(pair.world.now());
        pair.send(CLIENT, lane, vec![1; 100]);
        pair.run(ms(7));
    }
    pair.run(ms(3_000));
    let arrived = times(&pair, lane);
    assert_eq!(arrived.len(), sent.len());
    arrived.iter().zip(sent).map(|(at, sent)| at.saturating_since(sent)).collect()
}

fn times(pair: &Pair, lane: LaneId) -> Vec<Time> {
    let messages = pair.world.node(SERVER).messages.iter().filter(|(_, on, ..)| *on == lane);
    messages.map(|message| message.3).collect()
}

#[test]
fn a_message_of_a_mebibyte_under_way_delays_urgent_ones_by_less_than_a_packet() {
    // On the faster line, the window is the limit; on the other one, a queue stands at times, which
    // no order of sending gets round. Of one priority, a message waits for the window, too. How
    // many of 140 messages are delayed by less.
    let cases = [
        (1_000_000_000, Priority::High, 140),
        (1_000_000_000, Priority::Normal, 126),
        (100_000_000, Priority::High, 126),
        (100_000_000, Priority::Normal, 70),
    ];
    for (rate, priority, wanted) in cases {
        let packet = Duration::from_nanos(1_200 * 8 * 1_000_000_000 / rate);
        let alone = latencies(rate, priority, None);
        let beside = latencies(rate, priority, Some(Priority::Normal));
        let added = beside.iter().zip(alone).map(|(beside, alone)| beside.saturating_sub(alone));
        let few = added.filter(|&added| added < packet).count();
        assert!(few >= wanted, "{rate} bit/s, {priority:?}: {few}");
    }
}

/// Bytes that lanes got in ten seconds of always having something to send, by lane.
fn shares(lanes: &[(Priority, usize)]) -> Vec<f64> {
    let mut setup = Setup::new(
        delay(10).bandwidth(Bandwidth { bits_per_second: 5_000_000, queue_bytes: 60_000 }),
    );
    setup.client = setup.client.congestion(CongestionControl::LossTolerant);
    let mut pair = setup.connected();
    let session = pair.session(CLIENT);
    let lanes: Vec<_> = lanes
        .iter()
        .map(|&(priority, length)| (pair.open_lane(CLIENT, spec(priority)), length))
        .collect();
    for _ in 0..500 {
        for &(lane, length) in &lanes {
            pair.act(CLIENT, |host, now| {
                while host.endpoint.lane_stats(session, lane).expect("open").send_bytes < 120_000 {
                    let message = vec![0; length].into();
                    host.endpoint.send(now, session, lane, message).expect("there is room");
                }
            });
        }
        pair.run(ms(20));
    }
    let bytes = |lane| pair.got(SERVER, lane).iter().map(|got| got.len() as f64).sum::<f64>();
    let bytes: Vec<_> = lanes.iter().map(|&(lane, _)| bytes(lane)).collect();
    let total = bytes.iter().sum::<f64>();
    assert!(total > 4_000_000.0, "the line is used: {total}");
    bytes.iter().map(|bytes| bytes / total).collect()
}

#[test]
fn lanes_of_one_priority_share_by_bytes_whatever_their_messages() {
    let lanes = [(Priority::Normal, 60_000), (Priority::Normal, 100), (Priority::Normal, 1_500)];
    let shares = shares(&lanes);
    assert!(shares.iter().all(|share| (0.28..0.39).contains(share)), "{shares:?}");
}

#[test]
fn urgent_lanes_leave_a_sixteenth_to_each_class_below_them() {
    let lanes = [Priority::Highest, Priority::Normal, Priority::Low].map(|p| (p, 1_000));
    let shares = shares(&lanes);
    assert!((0.85..0.91).contains(&shares[0]), "{shares:?}");
    assert!((0.045..0.075).contains(&shares[1]), "{shares:?}");
    assert!((0.045..0.075).contains(&shares[2]), "{shares:?}");
}
