//! Who goes first, and what is left for the others.

use rtm_session::{CongestionControl, LaneSpec};
use rtm_sim::Bandwidth;
use rtm_wire::Priority;

use crate::pair::{CLIENT, SERVER, Setup, delay, ms};

fn spec(priority: Priority) -> LaneSpec {
    LaneSpec { priority, ..LaneSpec::ORDERED }
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
