//! Delivery latency of small messages on bad links, in virtual time: `cargo run --release -p
//! rtm-session --example thin_stream`.
//!
//! Flows send 30 messages of 200 bytes a second each, evenly spread over the interval; a round trip
//! takes 100 ms. Latency counts from the time at which a message was meant to be sent. The first
//! ten seconds are left out. The numbers are the same in every run: time is simulated.
//!
//! `-- one`: one flow in a session, `-- eight`: eight lanes of one session; both without an
//! argument. A second argument names one condition: `-- one "30 %"`. A third takes so many seeds of
//! 50 seconds instead of two of 600, and tells the worst of them, too: `-- eight "70 %" 60`.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtm_session::{
    Config, Endpoint, Event, LaneSpec, LoginAnswer, Redundancy, Remote, Seed, SessionId, StaticKey,
};
use rtm_sim::{Burst, LinkConfig, Livelock, Network, Node, World};
use rtm_wire::{LaneId, LaneMode, Time};

const INTERVAL: Duration = Duration::from_micros(33_333);
const LENGTH: usize = 200;
const WARM_UP: Duration = Duration::from_secs(10);
/// Few long runs, or many short ones.
const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_secs(50);
const PATIENCE: Duration = Duration::from_secs(20);
const SEEDS: u64 = 2;

/// The sender's next messages, or what the receiver got.
struct Peer {
    endpoint: Endpoint,
    session: Option<SessionId>,
    lanes: Vec<LaneId>,
    next: u64,
    end: u64,
    start: Time,
    latencies: Vec<Duration>,
}

impl Peer {
    fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            session: None,
            lanes: Vec::new(),
            next: 0,
            end: 0,
            start: Time::ZERO,
            latencies: Vec::new(),
        }
    }

    fn begin(&mut self, now: Time, spec: LaneSpec, flows: usize, span: Duration) {
        let session = self.session.expect("connected");
        for _ in 0..flows {
            self.lanes.push(self.endpoint.open_lane(session, spec).expect("within limits"));
        }
        self.start = now;
        self.end = (WARM_UP + span).as_micros() as u64 * flows as u64 / micros(INTERVAL);
    }

    /// When message number `next` is meant to be sent.
    fn due(&self) -> Option<Time> {
        let flows = self.lanes.len() as u64;
        let at = self.next * micros(INTERVAL) / flows.max(1);
        (self.next < self.end).then(|| self.start + Duration::from_micros(at))
    }

    fn produce(&mut self, now: Time) {
        while let Some(due) = self.due().filter(|due| *due <= now) {
            let lane = self.lanes[(self.next % self.lanes.len() as u64) as usize];
            let session = self.session.expect("connected");
            let mut message = due.as_micros().to_be_bytes().to_vec();
            message.resize(LENGTH, 0);
            self.endpoint.send(now, session, lane, Bytes::from(message)).expect("room");
            self.next += 1;
        }
    }

    fn settle(&mut self, now: Time) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::LoginRequested { login, .. } => {
                    self.endpoint.answer_login(now, login, LoginAnswer::Accept(b""));
                }
                Event::Connected { session, .. } | Event::Accepted { session, .. } => {
                    self.session = Some(session);
                }
                Event::Message { session, lane, payload, .. } => {
                    self.endpoint.release(now, session, lane, payload.len());
                    let due = u64::from_be_bytes(payload[..8].try_into().expect("8 bytes"));
                    self.latencies.push(now.saturating_since(Time::from_micros(due)));
                }
                Event::Closed { cause, .. } => panic!("{cause}"),
                _ => {}
            }
        }
    }
}

impl Node for Peer {
    fn handle_datagram(&mut self, now: Time, from: SocketAddr, datagram: BytesMut) {
        self.endpoint.handle_datagram(now, from, datagram);
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.produce(now);
        self.endpoint.handle_timeout(now);
        self.settle(now);
    }

    fn poll_transmit(&mut self, now: Time, buf: &mut Vec<u8>) -> Option<SocketAddr> {
        self.endpoint.poll_transmit(now, buf).map(Remote::addr)
    }

    fn poll_timeout(&self) -> Option<Time> {
        [self.due(), self.endpoint.poll_timeout()].into_iter().flatten().min()
    }
}

struct Figures {
    latencies: Vec<Duration>,
    sent: u64,
    packets: u64,
    bytes: u64,
}

fn run(
    link: LinkConfig,
    spec: LaneSpec,
    flows: usize,
    (seed, span): (u64, Duration),
) -> Result<Figures, Livelock> {
    let key = StaticKey::from_bytes([7; 32]);
    let client: SocketAddr = ([10, 0, 0, 1], 1).into();
    let server: SocketAddr = ([10, 0, 0, 2], 2).into();
    let mut network = Network::new(seed);
    network.set_default(link);
    let mut world = World::new(network);
    let config = Config::default().handshake_timeout(Duration::from_secs(60));
    let endpoint = Endpoint::client(config, Seed::from_bytes([seed as u8; 32]));
    world.insert(client, Peer::new(endpoint))?;
    let config = Config::server().handshake_timeout(Duration::from_secs(60));
    let endpoint = Endpoint::server(config, key.clone(), Seed::from_bytes([9; 32]));
    world.insert(server, Peer::new(endpoint))?;
    world.with_node(client, |peer, now| {
        peer.endpoint.connect(now, server, &key.public(), b"").expect("may connect")
    })?;
    let up = |world: &World<Peer>| {
        world.node(client).session.is_some() && world.node(server).session.is_some()
    };
    world.run_until_true(Time::ZERO + PATIENCE * 3, up)?;
    world.with_node(client, |peer, now| peer.begin(now, spec, flows, span))?;
    let start = world.now();
    world.run_until(start + WARM_UP)?;
    let before = world.network().link_counters(client, server);
    let (first, sent) = (world.node(server).latencies.len(), world.node(client).next);
    world.run_until(start + WARM_UP + span)?;
    let after = world.network().link_counters(client, server);
    let steady = world.node(client).next - sent;
    world.run_until(start + WARM_UP + span + PATIENCE)?;
    let got = world.node(server).latencies.len() as u64;
    assert_eq!(got, world.node(client).end, "everything is delivered");
    Ok(Figures {
        latencies: world.node(server).latencies[first..].to_vec(),
        sent: steady,
        packets: after.sent - before.sent,
        bytes: after.sent_bytes - before.sent_bytes,
    })
}

fn main() -> Result<(), Livelock> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let many: Option<u64> = args.get(2).map(|count| count.parse().expect("a number of seeds"));
    let wants = |index: usize, name: &str| args.get(index).is_none_or(|arg| arg == name);
    println!(
        "| flows | lane | redundancy | loss | p50 | p99 | p99.9 | largest | packets | bytes |"
    );
    println!("|---|---|---|---|---:|---:|---:|---:|---:|---:|");
    for (count, flows) in [("one", 1), ("eight", 8)] {
        if !wants(0, count) {
            continue;
        }
        for (name, link) in conditions() {
            if !wants(1, name) {
                continue;
            }
            for (lane, mode, redundancy) in lanes() {
                let spec = LaneSpec { mode, redundancy, ..LaneSpec::ORDERED };
                let link = link.delay(Duration::from_millis(50));
                row(&format!("| {flows} | {lane} | {name} "), link, spec, flows, many)?;
            }
        }
    }
    Ok(())
}

fn lanes() -> [(&'static str, LaneMode, Redundancy); 4] {
    let (unordered, ordered) = (LaneMode::RELIABLE_UNORDERED, LaneMode::RELIABLE_ORDERED);
    [
        ("unordered | off", unordered, Redundancy::Off),
        ("unordered | auto", unordered, Redundancy::Auto),
        ("ordered | auto", ordered, Redundancy::Auto),
        ("unordered | eager", unordered, Redundancy::Eager),
    ]
}

fn conditions() -> Vec<(&'static str, LinkConfig)> {
    let bursts = |loss| LinkConfig::new().burst(Burst::with_loss(loss, Duration::from_millis(60)));
    let loss = |loss| LinkConfig::new().loss(loss);
    vec![
        ("0 %", LinkConfig::new()),
        ("1 %", loss(0.01)),
        ("5 %", loss(0.05)),
        ("10 %", loss(0.1)),
        ("30 %", loss(0.3)),
        ("10 % in bursts", bursts(0.1)),
        ("30 % in bursts", bursts(0.3)),
        ("70 %", loss(0.7)),
        ("30 %, jitter of 30 ms", loss(0.3).jitter(Duration::from_millis(30))),
    ]
}

/// Prints percentiles of all seeds together, and packets a message and bytes a payload byte.
fn row(
    head: &str,
    link: LinkConfig,
    spec: LaneSpec,
    flows: usize,
    many: Option<u64>,
) -> Result<(), Livelock> {
    let (mut latencies, mut sent, mut packets, mut bytes) = (Vec::new(), 0, 0, 0);
    let span = if many.is_some() { SHORT } else { LONG };
    let mut tails = Vec::new();
    for seed in 1..=many.unwrap_or(SEEDS) {
        let mut figures = run(link, spec, flows, (seed, span))?;
        figures.latencies.sort_unstable();
        tails.push((at(&figures.latencies, 0.999), seed));
        latencies.extend(figures.latencies);
        sent += figures.sent;
        packets += figures.packets;
        bytes += figures.bytes;
    }
    latencies.sort_unstable();
    println!(
        "{head}| {:.1} | {:.1} | {:.1} | {:.1} | {:.2} | {:.2} |",
        at(&latencies, 0.5),
        at(&latencies, 0.99),
        at(&latencies, 0.999),
        at(&latencies, 1.0),
        packets as f64 / sent as f64,
        bytes as f64 / (sent * LENGTH as u64) as f64,
    );
    if many.is_some() {
        tails.sort_unstable_by(|one, other| other.0.total_cmp(&one.0));
        let worst = tails.iter().take(5).map(|(tail, seed)| format!("{tail:.0} (seed {seed})"));
        println!("worst p99.9: {}", worst.collect::<Vec<_>>().join(", "));
    }
    Ok(())
}

/// Of latencies in order, in milliseconds.
fn at(latencies: &[Duration], share: f64) -> f64 {
    let index = (latencies.len() as f64 * share) as usize;
    latencies[index.min(latencies.len() - 1)].as_secs_f64() * 1e3
}

fn micros(span: Duration) -> u64 {
    span.as_micros() as u64
}
