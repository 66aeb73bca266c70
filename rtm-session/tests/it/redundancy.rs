//! Copies and parity: what they gain, what they cost, and when there are none.

use std::time::Duration;

use rtm_session::{LaneSpec, Redundancy, SessionStats};
use rtm_sim::{Bandwidth, Burst, LinkConfig, World};
use rtm_wire::{LaneId, LaneMode, Time};

use crate::pair::{CLIENT, Host, Pair, SERVER, Setup, delay, ms};

const LENGTH: usize = 200;
const TICK: Duration = Duration::from_micros(33_333);

/// What became of a flow, its first ten seconds left out.
pub(crate) struct Flow {
    latencies: Vec<Duration>,
    packets: f64,
    bytes: f64,
    stats: SessionStats,
}

impl Flow {
    /// Latency that this share of the messages kept to, in milliseconds.
    pub(crate) fn at(&self, share: f64) -> u128 {
        let index = (self.latencies.len() as f64 * share) as usize;
        self.latencies[index.min(self.latencies.len() - 1)].as_millis()
    }
}

pub(crate) fn spec(redundancy: Redundancy) -> LaneSpec {
    LaneSpec { mode: LaneMode::RELIABLE_UNORDERED, redundancy, ..LaneSpec::ORDERED }
}

/// Of 30 messages a second.
fn flow(setup: &Setup, spec: LaneSpec, seconds: u64) -> Flow {
    flow_of(30, setup, spec, seconds)
}

/// Of so many messages a second.
pub(crate) fn flow_of(rate: u64, setup: &Setup, spec: LaneSpec, seconds: u64) -> Flow {
    let mut pair = setup.connected();
    let lane = pair.open_lane(CLIENT, spec);
    let send = |pair: &mut Pair, seconds: u64| {
        for _ in 0..seconds * rate {
            let message = stamped(pair);
            pair.send(CLIENT, lane, message);
            pair.run(TICK * 30 / rate as u32);
        }
    };
    send(&mut pair, 10);
    let first = pair.got(SERVER, lane).len();
    let before = pair.world.network().link_counters(CLIENT, SERVER);
    send(&mut pair, seconds);
    let after = pair.world.network().link_counters(CLIENT, SERVER);
    let stats = stats(&mut pair);
    pair.run(ms(20_000));
    assert_eq!(pair.got(SERVER, lane).len() as u64, (10 + seconds) * rate, "all are there");
    let mut latencies: Vec<Duration> = latencies(&pair, lane).split_off(first);
    latencies.sort_unstable();
    let sent = (seconds * rate) as f64;
    Flow {
        latencies,
        packets: (after.sent - before.sent) as f64 / sent,
        bytes: (after.sent_bytes - before.sent_bytes) as f64 / (sent * LENGTH as f64),
        stats,
    }
}

fn stats(pair: &mut Pair) -> SessionStats {
    let session = pair.session(CLIENT);
    pair.act(CLIENT, |host, _| host.endpoint.stats(session)).expect("alive")
}

/// A message with the time in its first bytes.
pub(crate) fn stamped(pair: &Pair) -> Vec<u8> {
    let mut message = pair.world.now().as_micros().to_be_bytes().to_vec();
    message.resize(LENGTH, 1);
    message
}

/// From when each message was sent, which stands in its first bytes, to when it was there.
pub(crate) fn latencies(pair: &Pair, lane: LaneId) -> Vec<Duration> {
    let messages = pair.world.node(SERVER).messages.iter().filter(|(_, on, ..)| *on == lane);
    messages
        .map(|(_, _, bytes, at)| {
            let sent = u64::from_be_bytes(bytes[..8].try_into().expect("8 bytes"));
            at.saturating_since(Time::from_micros(sent))
        })
        .collect()
}

#[test]
fn copies_bring_the_tail_down_to_a_few_intervals() {
    // One way takes 50 ms, and each loss that copies have to survive an interval of 33.
    let cases = [(0.01, 84, 84, 2.4), (0.05, 84, 117, 4.2), (0.1, 117, 150, 4.7)];
    for (loss, p99, p999, bytes) in cases {
        let auto = flow(&Setup::new(delay(50).loss(loss)), spec(Redundancy::Auto), 100);
        assert!(auto.at(0.99) <= p99, "{loss}: {} ms", auto.at(0.99));
        assert!(auto.at(0.999) <= p999, "{loss}: {} ms", auto.at(0.999));
        assert!(auto.bytes <= bytes && auto.packets <= 1.11, "{loss}: {}", auto.bytes);
        let off = flow(&Setup::new(delay(50).loss(loss)), spec(Redundancy::Off), 100);
        assert!(off.at(0.995) >= 150, "{loss}: {} ms", off.at(0.995));
        assert_eq!(off.stats.copies_sent, 0);
    }
}

#[test]
fn an_eager_lane_needs_not_wait_for_the_next_message() {
    let setup = Setup::new(delay(50).loss(0.05));
    let eager = flow(&setup, spec(Redundancy::Eager), 100);
    assert!(eager.at(0.99) <= 60, "{} ms", eager.at(0.99));
    assert!(eager.packets <= 2.05, "{}", eager.packets);
}

#[test]
fn seventy_per_cent_loss_is_got_through() {
    let setup = Setup::new(delay(50).loss(0.7));
    let flow = flow(&setup, spec(Redundancy::Auto), 100);
    assert!(flow.at(0.99) <= 700 && flow.at(0.999) <= 1_000, "{}", flow.at(0.999));
    assert!(flow.bytes <= 15.0, "{}", flow.bytes);
}

#[test]
fn bursts_are_told_from_independent_losses() {
    let bursty = Burst::with_loss(0.1, ms(60));
    let setup = Setup::new(delay(50).burst(bursty));
    let flow = flow(&setup, spec(Redundancy::Auto), 100);
    assert!(flow.stats.burst >= ms(15), "{:?}", flow.stats.burst);
    assert!(flow.at(0.99) <= 300, "{} ms", flow.at(0.99));
    let setup = Setup::new(delay(50).loss(0.1));
    let flow = self::flow(&setup, spec(Redundancy::Auto), 100);
    assert_eq!(flow.stats.burst, Duration::ZERO);
}

#[test]
fn a_path_without_loss_costs_nothing() {
    for policy in [Redundancy::Auto, Redundancy::Eager] {
        let clean = flow(&Setup::new(delay(50)), spec(policy), 20);
        let off = flow(&Setup::new(delay(50)), spec(Redundancy::Off), 20);
        assert!(clean.bytes <= off.bytes * 1.05, "{policy:?}: {} {}", clean.bytes, off.bytes);
    }
}

#[test]
fn fixed_copies_are_sent_whatever_is_measured() {
    let clean = flow(&Setup::new(delay(50)), spec(Redundancy::Fixed(3)), 20);
    let copies = clean.stats.copies_sent as f64 / 900.0;
    assert!((1.9..=2.1).contains(&copies), "{copies}");
}

#[test]
fn a_rate_of_zero_switches_everything_off() {
    let mut setup = Setup::new(delay(50).loss(0.1));
    setup.client = setup.client.redundancy_rate(0);
    let mut pair = setup.connected();
    let lane = pair.open_lane(CLIENT, spec(Redundancy::Eager));
    for _ in 0..200 {
        pair.send(CLIENT, lane, vec![1; 200]);
        pair.send(CLIENT, lane, vec![1; 20_000]);
        pair.run(ms(100));
    }
    let stats = stats(&mut pair);
    assert_eq!((stats.copies_sent, stats.parity_sent), (0, 0));
}

#[test]
fn the_ratio_bounds_what_copies_cost() {
    let mut setup = Setup::new(delay(50).loss(0.3));
    setup.client = setup.client.redundancy_ratio(200);
    let flow = flow(&setup, spec(Redundancy::Auto), 60);
    assert!(flow.stats.copies_bytes <= 70 * 30 * LENGTH as u64 + 20_000, "{:?}", flow.stats);
}

#[test]
fn there_are_no_copies_while_a_queue_stands() {
    // Two thirds of what fresh messages alone need.
    let narrow = Bandwidth { bits_per_second: 40_000, queue_bytes: 5_000 };
    let setup = Setup::new(delay(50).loss(0.05).bandwidth(narrow));
    let mut pair = setup.connected();
    let lane = pair.open_lane(CLIENT, spec(Redundancy::Eager));
    let mut copies = Vec::new();
    for _ in 0..40 {
        for _ in 0..30 {
            pair.send(CLIENT, lane, vec![1; LENGTH]);
            pair.run(TICK);
        }
        copies.push(stats(&mut pair).copies_sent);
    }
    let late = copies[39] - copies[9];
    assert!(late <= 45, "{late} copies of 900 messages: {copies:?}");
}

#[test]
fn copies_that_make_the_loss_that_they_answer_end() {
    // Six flows fill three quarters of the line; its queue of 20 ms is too short to be seen in
    // round trips of 200.
    let line = Bandwidth { bits_per_second: 600_000, queue_bytes: 1_500 };
    for policy in [Redundancy::Off, Redundancy::Auto, Redundancy::Eager] {
        let mut setup = Setup::new(delay(100).bandwidth(line));
        setup.client = setup.client.datagram_len_max(0);
        let mut pair = setup.connected();
        let lanes: Vec<_> = (0..6).map(|_| pair.open_lane(CLIENT, spec(policy))).collect();
        let play = |pair: &mut Pair, seconds: usize| {
            let before = pair.world.network().link_counters(CLIENT, SERVER);
            for _ in 0..seconds * 30 {
                for &lane in &lanes {
                    pair.send(CLIENT, lane, vec![1; LENGTH]);
                    pair.run(TICK / 6);
                }
            }
            let after = pair.world.network().link_counters(CLIENT, SERVER);
            (after.queue_dropped - before.queue_dropped) * 100 / (after.sent - before.sent)
        };
        play(&mut pair, 30);
        let dropped = play(&mut pair, 120);
        assert!(dropped <= 5, "{policy:?}: {dropped} % of the packets found the queue full");
    }
}

#[test]
fn parity_spares_a_long_message_the_second_round() {
    // 32 KiB at 50 Mbit/s take 6 ms.
    let wide = Bandwidth { bits_per_second: 50_000_000, queue_bytes: 600_000 };
    let run = |loss: f64, redundancy| {
        let mut pair = Setup::new(delay(50).loss(loss).bandwidth(wide)).connected();
        let lane = pair.open_lane(CLIENT, spec(redundancy));
        let mut bytes = 0;
        for round in 0..400 {
            if round == 100 {
                bytes = stats(&mut pair).bytes_sent;
            }
            let mut message = pair.world.now().as_micros().to_be_bytes().to_vec();
            message.resize(32_768, 7);
            pair.send(CLIENT, lane, message);
            pair.run(ms(400));
        }
        let bytes = (stats(&mut pair).bytes_sent - bytes) as f64 / (300.0 * 32_768.0);
        let mut latencies = latencies(&pair, lane).split_off(100);
        latencies.sort_unstable();
        (latencies[latencies.len() * 98 / 100], bytes)
    };
    let (late, bytes) = run(0.05, Redundancy::Auto);
    assert!(late <= ms(75), "{late:?}");
    assert!(bytes <= 1.35, "{bytes}");
    let (late, _) = run(0.05, Redundancy::Off);
    assert!(late >= ms(150), "{late:?}");
    let (_, bytes) = run(0.0, Redundancy::Auto);
    assert!(bytes <= 1.1, "{bytes}");
}

#[test]
fn parity_spares_it_beside_small_flows_as_well() {
    let wide = Bandwidth { bits_per_second: 50_000_000, queue_bytes: 600_000 };
    let mut pair = Setup::new(delay(50).loss(0.05).bandwidth(wide)).connected();
    let lane = pair.open_lane(CLIENT, spec(Redundancy::Auto));
    let flows = [(); 8].map(|()| pair.open_lane(CLIENT, spec(Redundancy::Auto)));
    for _ in 0..200 {
        let mut message = pair.world.now().as_micros().to_be_bytes().to_vec();
        message.resize(32_768, 7);
        pair.send(CLIENT, lane, message);
        for turn in 0..100 {
            pair.send(CLIENT, flows[turn % flows.len()], vec![1; 200]);
            pair.run(ms(4));
        }
    }
    let mut latencies = latencies(&pair, lane).split_off(20);
    latencies.sort_unstable();
    let late = latencies[latencies.len() * 97 / 100];
    assert!(late <= ms(85), "{late:?}");
}

#[test]
fn cold_starts_survive_heavy_loss() {
    let mut times = Vec::new();
    for seed in 0..200 {
        let mut pair = Setup::new(delay(50).loss(0.3)).seed(seed).build();
        let session = pair.connect(b"login");
        let is_up = |world: &World<Host>| !world.node(CLIENT).sessions.is_empty();
        pair.run_until(ms(10_000), is_up);
        pair.act(CLIENT, |host, now| {
            host.endpoint.send(now, session, LaneId::CONTROL, vec![1; LENGTH].into())
        })
        .expect("connected");
        pair.run_until(ms(10_000), |world| !world.node(SERVER).messages.is_empty());
        times.push(pair.world.now().saturating_since(Time::ZERO));
    }
    times.sort_unstable();
    assert!(times[180] <= ms(300) && times[198] <= ms(1_000), "{:?}", &times[180..]);
}

#[test]
fn the_first_message_after_an_outage_is_there_within_one_and_a_half_round_trips_and_100_ms() {
    for (outage, phase) in [(1_000, 0), (1_000, 90), (5_000, 40), (30_000, 10), (30_000, 130)] {
        for talks in [true, false] {
            let mut pair = Setup::new(delay(50)).connected();
            let lane = pair.open_lane(CLIENT, LaneSpec::ORDERED);
            let talk = |pair: &mut Pair, millis: u64| {
                for _ in 0..millis / 33 {
                    pair.send(CLIENT, lane, vec![1; LENGTH]);
                    pair.run(ms(33));
                }
            };
            talk(&mut pair, 3_000);
            pair.run(ms(phase));
            pair.world.network_mut().set_blackout(CLIENT, true);
            if talks {
                talk(&mut pair, outage);
            } else {
                pair.run(ms(outage / 2));
                pair.send(CLIENT, lane, vec![1; LENGTH]);
                pair.run(ms(outage / 2));
            }
            pair.world.network_mut().set_blackout(CLIENT, false);
            let (before, end) = (pair.got(SERVER, lane).len(), pair.world.now());
            pair.run_until(ms(5_000), |world| world.node(SERVER).messages.len() > before);
            let time = pair.world.now().saturating_since(end);
            assert!(time <= ms(250), "{outage} ms, talks {talks}: {time:?}");
        }
    }
}

#[test]
fn links_that_reorder_are_not_taken_for_lossy_ones() {
    let link: LinkConfig =
        delay(50).reorder(rtm_sim::Reorder { probability: 0.2, extra_delay: ms(120) });
    let flow = flow(&Setup::new(link), spec(Redundancy::Auto), 60);
    assert!(flow.stats.packets_spurious * 10 >= flow.stats.packets_lost * 9, "{:?}", flow.stats);
    assert!(flow.stats.random_loss <= 0.02, "{:?}", flow.stats);
}
