//! Copies of small messages on a narrow line: they harm nobody, and never make the loss that they
//! answer.

use std::net::SocketAddr;
use std::time::Duration;

use rtm_session::{Config, CongestionControl, Endpoint, LaneSpec, Redundancy};
use rtm_sim::Bandwidth;
use rtm_wire::{LaneId, LaneMode};

use crate::pair::{CLIENT, Host, Pair, SERVER, Setup, delay, ms, seed, server_key};

const THIN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 1, 1)), 4_000);
const BULK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 1, 2)), 4_000);
/// A thin flow sends a message of 200 bytes in each.
const TICK: Duration = Duration::from_micros(33_333);
const LENGTH: usize = 200;
const WARM_UP: u64 = 300;
const TICKS: u64 = 900;
/// Three or four are not enough: beside a bulk flow, one episode of a run makes its p99.
const RUNS: u64 = 8;
/// Round trip of 50 ms, and a queue of 100 ms.
const ONE_WAY: u64 = 25;
const QUEUE: u64 = 100;

/// A narrow line, what it loses at random, and the thin flows on it, one lane each.
#[derive(Clone, Copy, Debug)]
struct Case {
    bits: u64,
    flows: u64,
    loss: f64,
    bulk: Bulk,
}

/// The CUBIC flow beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bulk {
    None,
    Comes,
    /// Before the thin flows, which so never see the queue empty.
    WasThere,
}

/// What became of them.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    /// Latency of the thin flows' messages, in milliseconds.
    p50: u64,
    p99: u64,
    /// What the bulk flow got, in parts in a thousand of the line.
    cubic: u64,
    /// Datagrams that found the queue full.
    dropped: u64,
    /// Datagrams offered to the line.
    offered: u64,
}

fn connect(pair: &mut Pair, client: SocketAddr, config: Config) {
    let sessions = pair.world.node(SERVER).sessions.len();
    let endpoint = Endpoint::client(config, seed(if client == BULK { 101 } else { 100 }));
    pair.world.insert(client, Host::new(endpoint)).expect("idle");
    let key = server_key().public();
    pair.act(client, |host, now| host.endpoint.connect(now, SERVER, &key, b""))
        .expect("may connect");
    pair.run_until(ms(10_000), |world| {
        world.node(SERVER).sessions.len() > sessions && !world.node(client).sessions.is_empty()
    });
}

fn connect_bulk(pair: &mut Pair) -> LaneId {
    let cubic = Config::default().congestion(CongestionControl::Cubic).datagram_len_max(0);
    connect(pair, BULK, cubic);
    pair.open_lane(BULK, LaneSpec { redundancy: Redundancy::Off, ..LaneSpec::ORDERED })
}

/// All runs together.
fn run(case: Case, redundancy: Redundancy) -> Outcome {
    let mut sum = Outcome { p50: 0, p99: 0, cubic: 0, dropped: 0, offered: 0 };
    let mut latencies = Vec::new();
    for seed in 1..=RUNS {
        let (outcome, later) = run_once(case, redundancy, seed);
        sum.cubic += outcome.cubic / RUNS;
        sum.dropped += outcome.dropped;
        sum.offered += outcome.offered;
        latencies.extend(later);
    }
    latencies.sort_unstable();
    sum.p50 = latencies[latencies.len() / 2];
    sum.p99 = latencies[latencies.len() * 99 / 100];
    sum
}

fn run_once(case: Case, redundancy: Redundancy, run: u64) -> (Outcome, Vec<u64>) {
    let Case { bits, flows, loss, bulk } = case;
    let mut pair = Setup::new(delay(ONE_WAY).loss(loss)).seed(run).build();
    pair.world.remove(CLIENT);
    let queue_bytes = (bits / 8 * QUEUE / 1_000) as usize;
    let line = Bandwidth { bits_per_second: bits, queue_bytes };
    let line = pair.world.network_mut().add_bottleneck(line);
    for client in [THIN, BULK] {
        pair.world.network_mut().set_bottleneck(client, SERVER, line);
    }
    let mut first = None;
    if bulk == Bulk::WasThere {
        first = Some(connect_bulk(&mut pair));
        play(&mut pair, &[], first, WARM_UP);
    }
    // Of one length: the shortest queue holds two packets.
    connect(&mut pair, THIN, Config::default().datagram_len_max(0));
    let spec = LaneSpec { mode: LaneMode::RELIABLE_UNORDERED, redundancy, ..LaneSpec::ORDERED };
    let thin: Vec<_> = (0..flows).map(|_| pair.open_lane(THIN, spec)).collect();
    let bulk = if bulk == Bulk::Comes { Some(connect_bulk(&mut pair)) } else { first };
    play(&mut pair, &thin, bulk, WARM_UP);
    let start = pair.world.network().bottleneck_counters(line);
    let before = pair.world.now();
    play(&mut pair, &thin, bulk, TICKS);
    let end = pair.world.network().bottleneck_counters(line);
    let messages = pair.world.node(SERVER).messages.iter().filter(|message| message.3 > before);
    let (mut latencies, mut bytes) = (Vec::new(), 0);
    for (_, _, payload, at) in messages {
        if payload.len() == LENGTH {
            let sent = u64::from_be_bytes(payload[..8].try_into().expect("8 bytes"));
            latencies.push((at.as_micros() - sent) / 1_000);
        } else {
            bytes += payload.len() as u64;
        }
    }
    assert!(latencies.len() as u64 >= flows * TICKS * 9 / 10, "{case:?}: it got stuck");
    let outcome = Outcome {
        p50: 0,
        p99: 0,
        cubic: bytes * 8_000 * 1_000_000 / (bits * TICKS * TICK.as_micros() as u64),
        dropped: end.queue_dropped - start.queue_dropped,
        offered: end.sent - start.sent,
    };
    (outcome, latencies)
}

/// Sends one message a flow and tick, and keeps the bulk flow busy.
fn play(pair: &mut Pair, thin: &[LaneId], bulk: Option<LaneId>, ticks: u64) {
    for _ in 0..ticks {
        if thin.is_empty() {
            pair.run(TICK);
        }
        for (index, &lane) in thin.iter().enumerate() {
            pair.run(TICK / thin.len() as u32);
            let mut message = pair.world.now().as_micros().to_be_bytes().to_vec();
            message.resize(LENGTH, index as u8);
            pair.send(THIN, lane, message);
        }
        let Some(lane) = bulk else { continue };
        let session = pair.session(BULK);
        pair.act(BULK, |host, now| {
            while host.endpoint.stats(session).expect("open").send_bytes < 50_000 {
                let message = vec![0; 1_000].into();
                host.endpoint.send(now, session, lane, message).expect("the queue has room");
            }
        });
    }
}

/// Runs with copies and without: the CUBIC flow keeps its part, the queue drops hardly more (a
/// fifth, and one of a hundred packets), and messages are hardly later for it.
fn check(case: Case, cubic_min: u64) {
    let off = run(case, Redundancy::Off);
    println!("{case:?}\n  off   {off:?}");
    for redundancy in [Redundancy::Auto, Redundancy::Eager] {
        let on = run(case, redundancy);
        println!("  {redundancy:?}  {on:?}");
        assert!(
            case.bulk == Bulk::None || on.cubic >= cubic_min,
            "{case:?} {redundancy:?}: {on:?}"
        );
        let allowed = off.dropped + off.dropped / 5 + off.offered / 100;
        assert!(on.dropped <= allowed, "{case:?} {redundancy:?}: {on:?}, off {off:?}");
        assert!(on.p50 <= off.p50 + off.p50 / 5 + 5, "{case:?} {redundancy:?}: {on:?}, {off:?}");
        // Beside a bulk flow, a few episodes in its full queue make the tail, copies or not.
        let part = if case.bulk == Bulk::None { 5 } else { 2 };
        let may_be = off.p99 + off.p99 / part + 10;
        assert!(on.p99 <= may_be, "{case:?} {redundancy:?}: {on:?}, {off:?}");
    }
}

const CUBIC_MIN: u64 = 450;
const LINES: [(u64, u64); 3] = [(256_000, 1), (1_000_000, 4), (1_000_000, 6)];

#[test]
fn copies_alone_on_a_narrow_line_fill_no_queue() {
    for (bits, flows) in LINES {
        check(Case { bits, flows, loss: 0.0, bulk: Bulk::None }, 0);
    }
}

#[test]
fn copies_alone_on_a_narrow_and_lossy_line_fill_no_queue() {
    for (bits, flows) in LINES {
        check(Case { bits, flows, loss: 0.05, bulk: Bulk::None }, 0);
    }
}

#[test]
fn copies_beside_a_cubic_flow_leave_it_its_part() {
    for (bits, flows) in LINES {
        check(Case { bits, flows, loss: 0.0, bulk: Bulk::Comes }, CUBIC_MIN);
    }
}

#[test]
fn copies_beside_a_cubic_flow_on_a_lossy_line_make_no_more_loss() {
    for (bits, flows) in LINES {
        check(Case { bits, flows, loss: 0.05, bulk: Bulk::Comes }, CUBIC_MIN);
    }
}

#[test]
fn copies_beside_a_queue_that_was_never_seen_empty_leave_a_cubic_flow_its_part() {
    for (bits, flows) in [(256_000, 2), (1_000_000, 6)] {
        check(Case { bits, flows, loss: 0.0, bulk: Bulk::WasThere }, CUBIC_MIN);
    }
}
