//! Several flows in one bottleneck: all get on, and the queue loses little.

use std::net::SocketAddr;

use rtm_session::CongestionControl::{self, Cubic, Delay, LossTolerant, NewReno};
use rtm_session::{Config, Endpoint, LaneSpec};
use rtm_sim::Bandwidth;
use rtm_wire::LaneId;

use crate::pair::{CLIENT, Host, Pair, SERVER, Setup, delay, ms, seed, server_key};

/// 5 Mbit/s in bytes a second.
const RATE: u64 = 625_000;
/// How long flows are measured, in seconds.
const SPAN: u64 = 20;

/// What became of flows that always had something to send.
#[derive(Debug)]
struct Shares {
    /// Each flow's, in parts in a thousand of the line.
    flows: Vec<u64>,
    /// Datagrams that found the queue full, in parts in a thousand.
    dropped: u64,
}

/// Flows come half a second apart and share a line with a drop-tail queue; what each got of it.
fn share(controls: &[CongestionControl], queue_bytes: usize, loss: f64, run: u64) -> Shares {
    let mut pair = Setup::new(delay(20).loss(loss)).seed(run).build();
    let line = Bandwidth { bits_per_second: RATE * 8, queue_bytes };
    let line = pair.world.network_mut().add_bottleneck(line);
    pair.world.remove(CLIENT);
    let mut lanes = Vec::new();
    for (index, &control) in controls.iter().enumerate() {
        let client = SocketAddr::from(([10, 0, 1, index as u8], 4_000));
        pair.world.network_mut().set_bottleneck(client, SERVER, line);
        // Of one length, so that queues hold as many packets as their bytes say.
        let config = Config::default().congestion(control).datagram_len_max(0);
        let endpoint = Endpoint::client(config, seed(run as u8 + 100 + index as u8));
        pair.world.insert(client, Host::new(endpoint)).expect("idle");
        let key = server_key().public();
        pair.act(client, |host, now| host.endpoint.connect(now, SERVER, &key, b""))
            .expect("may connect");
        let is_up = |world: &rtm_sim::World<Host>| {
            world.node(SERVER).sessions.len() > index && !world.node(client).sessions.is_empty()
        };
        pair.run_until(ms(10_000), is_up);
        lanes.push((client, pair.open_lane(client, LaneSpec::ORDERED)));
        feed(&mut pair, &lanes, 500);
    }
    feed(&mut pair, &lanes, 5_000);
    let before = received(&pair);
    let start = pair.world.network().bottleneck_counters(line);
    feed(&mut pair, &lanes, SPAN * 1_000);
    let after = received(&pair);
    let end = pair.world.network().bottleneck_counters(line);
    let got = after.iter().zip(&before).map(|(after, before)| after - before);
    let flows = got.map(|bytes| bytes * 1_000 / (RATE * SPAN)).collect();
    let dropped = end.queue_dropped - start.queue_dropped;
    Shares { flows, dropped: dropped * 1_000 / (end.sent - start.sent) }
}

/// Keeps the lanes' queues full for `millis`.
fn feed(pair: &mut Pair, lanes: &[(SocketAddr, LaneId)], millis: u64) {
    for _ in 0..millis / 100 {
        for &(host, lane) in lanes {
            let session = pair.session(host);
            pair.act(host, |host, now| {
                while host.endpoint.stats(session).expect("open").send_bytes < 100_000 {
                    let message = vec![0; 1_000].into();
                    host.endpoint.send(now, session, lane, message).expect("the queue has room");
                }
            });
        }
        pair.run(ms(100));
    }
}

/// Bytes of messages that the server got, by session.
fn received(pair: &Pair) -> Vec<u64> {
    let server = pair.world.node(SERVER);
    let of_session = |session| {
        let messages = server.messages.iter().filter(move |message| message.0 == session);
        messages.map(|message| message.2.len() as u64).sum()
    };
    server.sessions.iter().map(|&session| of_session(session)).collect()
}

#[test]
fn two_flows_share_one_bottleneck_and_lose_little_there() {
    // What CUBIC's growth leaves to NewReno depends on the queue.
    let pairs = [
        ([LossTolerant, LossTolerant], 300),
        ([NewReno, NewReno], 300),
        ([Cubic, Cubic], 300),
        ([LossTolerant, Cubic], 300),
        ([LossTolerant, NewReno], 250),
    ];
    for (controls, least) in pairs {
        // Two and a half round trips of queue, a half, and four packets.
        for (queue, total_min, dropped_max) in
            [(62_500, 900, 5), (12_500, 850, 20), (5_000, 750, 70)]
        {
            let shares = share(&controls, queue, 0.0, 1);
            let is_fair = shares.flows.iter().all(|&flow| flow >= least);
            let is_used = shares.flows.iter().sum::<u64>() >= total_min;
            assert!(
                is_fair && is_used && shares.dropped <= dropped_max,
                "{controls:?}, queue of {queue}: {shares:?}"
            );
        }
    }
}

#[test]
fn flows_that_go_by_delay_share_a_line() {
    let shares = share(&[Delay; 2], 62_500, 0.0, 1);
    assert!(shares.flows.iter().all(|&flow| flow >= 300) && shares.dropped <= 10, "{shares:?}");
}

#[test]
fn ten_flows_share_one_bottleneck_and_lose_hardly_more_than_newreno() {
    // With the short queue there is room for three packets of each flow: loss is the only brake.
    for queue in [62_500, 12_500] {
        for controls in [[LossTolerant; 10].to_vec(), [LossTolerant, NewReno].repeat(5)] {
            let (mut dropped, mut theirs) = (0, 0);
            for run in 1..=3 {
                let shares = share(&controls, queue, 0.0, run);
                assert!(jain(&shares.flows) >= 0.9, "queue of {queue}, run {run}: {shares:?}");
                dropped += shares.dropped;
                theirs += share(&[NewReno; 10], queue, 0.0, run).dropped;
            }
            assert!(dropped <= theirs * 7 / 5, "queue of {queue}: {dropped}, NewReno {theirs}");
        }
    }
}

/// Jain's index: 1 if all have the same, a tenth if one of ten has all.
fn jain(flows: &[u64]) -> f64 {
    let sum = flows.iter().sum::<u64>() as f64;
    let squares = flows.iter().map(|flow| flow * flow).sum::<u64>() as f64;
    sum * sum / (flows.len() as f64 * squares)
}

#[test]
fn random_loss_costs_a_tolerant_flow_little_and_fills_no_queue() {
    let tolerant = share(&[LossTolerant; 2], 62_500, 0.1, 1);
    let reno = share(&[NewReno; 2], 62_500, 0.1, 1);

    let total = |shares: &Shares| shares.flows.iter().sum::<u64>();
    assert!(total(&tolerant) >= 750, "of 900 that could get through: {tolerant:?}");
    assert!(total(&tolerant) >= 2 * total(&reno), "{tolerant:?}, NewReno {reno:?}");
    assert!(tolerant.dropped <= 5, "{tolerant:?}");
}

#[test]
fn a_line_that_loses_a_half_is_used_all_the_same() {
    for (loss, least) in [(0.3, 400), (0.5, 150)] {
        let shares = share(&[LossTolerant], 62_500, loss, 1);
        assert!(shares.flows[0] >= least, "{loss}: {shares:?}");
    }
}
