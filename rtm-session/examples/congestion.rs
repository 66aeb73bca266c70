//! Congestion controllers side by side, in virtual time: `cargo run --release -p rtm-session
//! --example congestion`.
//!
//! Flows share one line with a drop-tail queue; what is lost at random is lost behind it, each way.
//! Bulk flows always have more to send. Goodput is that part of what could get through which
//! arrived as messages; the queue is what a probe of 8 bytes, 50 times a second, had to wait. The
//! numbers are the same in every run: time is simulated. Pairs on lines of up to 1 Mbit/s are means
//! of five seeds.
//!
//! Arguments choose tables: `lone`, `rest`, `own`, `beside`, `late`, `thin`; without any, all but
//! `rest`, which is `lone` on all lines.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtm_session::CongestionControl::{self, Cubic, Delay, LossTolerant, NewReno};
use rtm_session::{
    Config, Endpoint, Event, LaneSpec, LoginAnswer, Remote, Seed, SendError, SessionId, StaticKey,
};
use rtm_sim::{Bandwidth, Burst, LinkConfig, Livelock, Network, Node, World};
use rtm_wire::{LaneId, LaneMode, Time};

const CONTROLS: [CongestionControl; 4] = [NewReno, Cubic, Delay, LossTolerant];
const BULK_LENGTH: usize = 1_100;
const THIN_LENGTH: usize = 200;
const THIN_PAUSE: Duration = Duration::from_micros(33_333);
const PROBE_PAUSE: Duration = Duration::from_millis(20);
const WARM_UP: Duration = Duration::from_secs(10);
const SERVER: SocketAddr = address(2);
const PROBE: SocketAddr = address(3);
const SINK: SocketAddr = address(4);

const fn address(last: u8) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, last)), 1)
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The bottleneck.
#[derive(Clone, Copy)]
struct Line {
    bits: u64,
    rtt: Duration,
    /// The queue's length in time.
    queue: Duration,
    link: LinkConfig,
    /// Part that gets through the random loss.
    passes: f64,
}

impl Line {
    fn new(bits: u64, rtt: u64, queue: u64) -> Self {
        let link = LinkConfig::new().delay(ms(rtt) / 2);
        Self { bits, rtt: ms(rtt), queue: ms(queue), link, passes: 1.0 }
    }

    fn loss(self, loss: f64) -> Self {
        Self { link: self.link.loss(loss), passes: 1.0 - loss, ..self }
    }

    fn bursts(self, loss: f64) -> Self {
        Self { link: self.link.burst(Burst::with_loss(loss, ms(60))), passes: 1.0 - loss, ..self }
    }

    fn bytes_in(&self, span: Duration) -> f64 {
        self.bits as f64 / 8.0 * span.as_secs_f64()
    }
}

/// What a flow does.
#[derive(Clone, Copy)]
struct Flow {
    control: CongestionControl,
    is_bulk: bool,
    /// When it begins.
    begin: Duration,
}

impl Flow {
    const fn bulk(control: CongestionControl) -> Self {
        Self { control, is_bulk: true, begin: Duration::ZERO }
    }
}

enum Host {
    Peer(Box<Peer>),
    Probe { next: Time },
    Sink { delays: Vec<Duration> },
}

/// An endpoint, with one flow's sender or all flows' receivers.
struct Peer {
    endpoint: Endpoint,
    session: Option<SessionId>,
    lane: Option<LaneId>,
    index: u8,
    pause: Option<Duration>,
    next: Time,
    bytes: Vec<u64>,
    latencies: Vec<Duration>,
}

impl Peer {
    fn host(endpoint: Endpoint, index: usize) -> Host {
        Host::Peer(Box::new(Self {
            endpoint,
            session: None,
            lane: None,
            index: index as u8,
            pause: None,
            next: Time::ZERO,
            bytes: vec![0; 16],
            latencies: Vec::new(),
        }))
    }

    fn begin(&mut self, now: Time, is_bulk: bool) {
        let session = self.session.expect("connected");
        let spec = LaneSpec { mode: LaneMode::RELIABLE_UNORDERED, ..LaneSpec::ORDERED };
        self.lane = Some(self.endpoint.open_lane(session, spec).expect("the first lane"));
        self.pause = (!is_bulk).then_some(THIN_PAUSE);
        self.next = now;
        self.produce(now);
    }

    fn produce(&mut self, now: Time) {
        let (Some(session), Some(lane)) = (self.session, self.lane) else { return };
        while self.pause.is_none() || self.next <= now {
            let length = if self.pause.is_none() { BULK_LENGTH } else { THIN_LENGTH };
            let mut message = self.next.as_micros().to_be_bytes().to_vec();
            message.resize(length, self.index);
            match self.endpoint.send(now, session, lane, Bytes::from(message)) {
                Ok(_) => self.next += self.pause.unwrap_or_default(),
                Err(SendError::QueueFull { .. }) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn settle(&mut self, now: Time) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::LoginRequested { login, .. } => {
                    self.endpoint.answer_login(now, login, LoginAnswer::Accept(b""));
                }
                Event::Connected { session, .. } => self.session = Some(session),
                Event::Message { session, lane, payload, .. } => {
                    self.endpoint.release(now, session, lane, payload.len());
                    self.bytes[usize::from(payload[8])] += payload.len() as u64;
                    if payload.len() == THIN_LENGTH {
                        let due = u64::from_be_bytes(payload[..8].try_into().expect("8 bytes"));
                        self.latencies.push(now.saturating_since(Time::from_micros(due)));
                    }
                }
                Event::Writable { .. } => self.produce(now),
                Event::Closed { cause, .. } => panic!("{cause}"),
                _ => {}
            }
        }
    }
}

impl Node for Host {
    fn handle_datagram(&mut self, now: Time, from: SocketAddr, datagram: BytesMut) {
        match self {
            Self::Peer(peer) => {
                peer.endpoint.handle_datagram(now, from, datagram);
                peer.settle(now);
            }
            Self::Sink { delays } => {
                let sent = u64::from_be_bytes(datagram[..8].try_into().expect("8 bytes"));
                delays.push(now.saturating_since(Time::from_micros(sent)));
            }
            Self::Probe { .. } => {}
        }
    }

    fn handle_timeout(&mut self, now: Time) {
        if let Self::Peer(peer) = self {
            if peer.pause.is_some() {
                peer.produce(now);
            }
            peer.endpoint.handle_timeout(now);
            peer.settle(now);
        }
    }

    fn poll_transmit(&mut self, now: Time, buf: &mut Vec<u8>) -> Option<SocketAddr> {
        match self {
            Self::Peer(peer) => peer.endpoint.poll_transmit(now, buf).map(Remote::addr),
            Self::Probe { next } if *next <= now => {
                *next = now + PROBE_PAUSE;
                buf.extend_from_slice(&now.as_micros().to_be_bytes());
                Some(SINK)
            }
            _ => None,
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        match self {
            Self::Peer(peer) => {
                let next = peer.pause.map(|_| peer.next);
                [peer.endpoint.poll_timeout(), next].into_iter().flatten().min()
            }
            Self::Probe { next } => Some(*next),
            Self::Sink { .. } => None,
        }
    }
}

/// What became of the flows.
struct Figures {
    /// Of what could get through, per flow.
    shares: Vec<f64>,
    queue_p50: f64,
    queue_p99: f64,
    /// Per cent that found the queue full.
    dropped: f64,
    latencies: Vec<Duration>,
}

fn run(line: Line, flows: &[Flow], span: Duration, seed: u64) -> Result<Figures, Livelock> {
    let mut network = Network::new(seed);
    network.set_default(line.link);
    let queue_bytes = (line.bytes_in(line.queue) as usize).max(1_300);
    let bandwidth = Bandwidth { bits_per_second: line.bits, queue_bytes };
    let bottleneck = network.add_bottleneck(bandwidth);
    network.set_link(PROBE, SINK, LinkConfig::new());
    network.set_bottleneck(PROBE, SINK, bottleneck);
    let clients: Vec<_> = (0..flows.len()).map(|index| address(10 + index as u8)).collect();
    for client in &clients {
        network.set_bottleneck(*client, SERVER, bottleneck);
    }
    let mut world = World::new(network);
    let key = StaticKey::from_bytes([7; 32]);
    let config = Config::server().lane_credit(64 << 20);
    let server = Endpoint::server(config, key.clone(), Seed::from_bytes([2; 32]));
    world.insert(SERVER, Peer::host(server, 0))?;
    world.insert(PROBE, Host::Probe { next: Time::ZERO })?;
    world.insert(SINK, Host::Sink { delays: Vec::new() })?;
    let window = (line.bytes_in(line.rtt + line.queue) as usize * 2).max(200_000);
    for (index, (client, flow)) in clients.iter().zip(flows).enumerate() {
        world.run_until(Time::ZERO + flow.begin)?;
        let config = Config::default()
            .congestion(flow.control)
            .handshake_timeout(Duration::from_secs(60))
            .send_queue(window, 1 << 16);
        let endpoint =
            Endpoint::client(config, Seed::from_bytes([(index as u64 * 50 + seed) as u8; 32]));
        world.insert(*client, Peer::host(endpoint, index))?;
        peer(&mut world, *client, |peer, now| {
            peer.endpoint.connect(now, SERVER, &key.public(), b"").expect("may connect");
        })?;
        let is_up = |world: &World<Host>| match world.node(*client) {
            Host::Peer(peer) => peer.session.is_some(),
            _ => false,
        };
        world.run_until_true(world.now() + Duration::from_secs(60), is_up)?;
        peer(&mut world, *client, |peer, now| peer.begin(now, flow.is_bulk))?;
    }
    world.run_until(world.now() + WARM_UP)?;
    let before = received(&mut world)?;
    let start = world.network().bottleneck_counters(bottleneck);
    world.run_until(world.now() + span)?;
    let after = received(&mut world)?;
    let end = world.network().bottleneck_counters(bottleneck);
    let could = line.bytes_in(span) * line.passes;
    let got = (0..flows.len()).map(|index| (after.bytes[index] - before.bytes[index]) as f64);
    let waits = &after.waits;
    Ok(Figures {
        shares: got.map(|bytes| bytes / could).collect(),
        queue_p50: at(waits, 0.5),
        queue_p99: at(waits, 0.99),
        dropped: (end.queue_dropped - start.queue_dropped) as f64 * 100.0
            / (end.sent - start.sent).max(1) as f64,
        latencies: after.latencies,
    })
}

fn peer(
    world: &mut World<Host>,
    host: SocketAddr,
    act: impl FnOnce(&mut Peer, Time),
) -> Result<(), Livelock> {
    world.with_node(host, |host, now| match host {
        Host::Peer(peer) => act(peer, now),
        _ => unreachable!("a peer"),
    })
}

/// What has arrived.
struct Received {
    /// By flow, since the beginning.
    bytes: Vec<u64>,
    /// Of messages, and waits of probes, since it was asked for last.
    latencies: Vec<Duration>,
    waits: Vec<Duration>,
}

fn received(world: &mut World<Host>) -> Result<Received, Livelock> {
    let (mut bytes, mut latencies) = (Vec::new(), Vec::new());
    peer(world, SERVER, |peer, _| {
        bytes.clone_from(&peer.bytes);
        latencies = std::mem::take(&mut peer.latencies);
    })?;
    let waits = world.with_node(SINK, |host, _| match host {
        Host::Sink { delays } => std::mem::take(delays),
        _ => Vec::new(),
    })?;
    Ok(Received { bytes, latencies: sorted(latencies), waits: sorted(waits) })
}

fn sorted(mut times: Vec<Duration>) -> Vec<Duration> {
    times.sort_unstable();
    times
}

/// A percentile in milliseconds.
fn at(times: &[Duration], share: f64) -> f64 {
    let index = (times.len() as f64 * share) as usize;
    times.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

/// Jain's index: 1 when all have the same.
fn jain(shares: &[f64]) -> f64 {
    let (sum, squares) = shares.iter().fold((0.0, 0.0), |(s, q), x| (s + x, q + x * x));
    sum * sum / (squares * shares.len() as f64)
}

type Impair = fn(Line) -> Line;

const LOSSES: [(&str, Impair); 9] = [
    ("0 %", |line| line),
    ("1 %", |line| line.loss(0.01)),
    ("5 %", |line| line.loss(0.05)),
    ("10 %", |line| line.loss(0.1)),
    ("30 %", |line| line.loss(0.3)),
    ("50 %", |line| line.loss(0.5)),
    ("70 %", |line| line.loss(0.7)),
    ("10 % in bursts", |line| line.bursts(0.1)),
    ("30 % in bursts", |line| line.bursts(0.3)),
];

/// One bulk flow alone.
fn lone(lines: &[(u64, u64, f64)]) -> Result<(), Livelock> {
    println!(
        "\n## A lone bulk flow: goodput in per cent · queue p50 / p99 in ms · queue loss in %\n"
    );
    println!("| Mbit/s | RTT | queue | loss | {CONTROLS:?} |\n|---|---|---|---|---|---|---|---|");
    for &(bits, rtt, bdp) in lines {
        for (name, impair) in LOSSES {
            print!("| {} | {rtt} | {bdp} BDP | {name} |", bits / 1_000_000);
            for control in CONTROLS {
                let line = impair(Line::new(bits, rtt, (rtt as f64 * bdp) as u64));
                let figures = run(line, &[Flow::bulk(control)], Duration::from_secs(30), 5)?;
                let Figures { shares, queue_p50, queue_p99, dropped, .. } = figures;
                let share = shares[0] * 100.0;
                print!(" {share:.0} · {queue_p50:.0} / {queue_p99:.0} · {dropped:.1} |");
            }
            println!();
        }
    }
    Ok(())
}

/// Lines on which flows meet: bits, round trip and queue in ms.
const MEETINGS: [(u64, u64, u64); 6] = [
    (256_000, 50, 100),
    (1_000_000, 50, 100),
    (5_000_000, 40, 10),
    (5_000_000, 100, 100),
    (5_000_000, 40, 160),
    (50_000_000, 50, 50),
];

/// Two flows that begin together, or the second one later.
fn pairs(
    title: &str,
    pairs: &[[CongestionControl; 2]],
    losses: &[f64],
    late: Duration,
) -> Result<(), Livelock> {
    println!("\n## {title}: per cent each · Jain's index · queue p50 in ms · queue loss in %\n");
    print!("| kbit/s | RTT | queue | loss |");
    pairs.iter().for_each(|pair| print!(" {:?}, {:?} |", pair[0], pair[1]));
    println!("\n|---|---|---|---|{}", "---|".repeat(pairs.len()));
    for (bits, rtt, queue) in MEETINGS {
        for &loss in losses {
            print!("| {} | {rtt} | {queue} ms | {:.0} % |", bits / 1_000, loss * 100.0);
            for pair in pairs {
                let mut flows = pair.map(Flow::bulk);
                flows[1].begin = late;
                let line = Line::new(bits, rtt, queue).loss(loss);
                let seeds: &[u64] = if bits > 1_000_000 { &[5] } else { &[1, 2, 3, 4, 5] };
                let mut mean = [0.0; 5];
                for &seed in seeds {
                    let figures = run(line, &flows, Duration::from_secs(60), seed)?;
                    let [first, second] = [figures.shares[0] * 100.0, figures.shares[1] * 100.0];
                    let jain = jain(&figures.shares);
                    let values = [first, second, jain, figures.queue_p50, figures.dropped];
                    for (mean, value) in mean.iter_mut().zip(values) {
                        *mean += value / seeds.len() as f64;
                    }
                }
                let [first, second, jain, queue, dropped] = mean;
                print!(" {first:.0}, {second:.0} · {jain:.2} · {queue:.0} · {dropped:.1} |");
            }
            println!();
        }
    }
    Ok(())
}

/// Thirty messages of 200 bytes a second, alone and beside a bulk flow of each kind.
fn thin() -> Result<(), Livelock> {
    println!("\n## A thin flow beside a bulk one: latency p50 / p99 in ms\n");
    println!(
        "| kbit/s | RTT | queue | alone | beside {CONTROLS:?} |\n|---|---|---|---|---|---|---|---|"
    );
    for (bits, rtt, queue) in MEETINGS {
        print!("| {} | {rtt} | {queue} ms |", bits / 1_000);
        let thin = Flow { is_bulk: false, ..Flow::bulk(LossTolerant) };
        let line = Line::new(bits, rtt, queue);
        let beside = CONTROLS.map(|control| vec![thin, Flow::bulk(control)]);
        for flows in [vec![thin]].into_iter().chain(beside) {
            let figures = run(line, &flows, Duration::from_secs(60), 5)?;
            let latencies = figures.latencies;
            print!(" {:.0} / {:.0} |", at(&latencies, 0.5), at(&latencies, 0.99));
        }
        println!();
    }
    Ok(())
}

fn main() -> Result<(), Livelock> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let wants = |name: &str| args.is_empty() || args.iter().any(|arg| arg == name);
    if wants("lone") {
        lone(&[
            (5_000_000, 100, 0.1),
            (5_000_000, 100, 1.0),
            (5_000_000, 20, 1.0),
            (50_000_000, 100, 1.0),
        ])?;
    }
    if args.iter().any(|arg| arg == "rest") {
        let mut lines = Vec::new();
        for bits in [5_000_000, 50_000_000] {
            for rtt in [20, 50, 100, 200] {
                lines.extend([0.1, 1.0, 4.0].map(|bdp| (bits, rtt, bdp)));
            }
        }
        lone(&lines)?;
    }
    let now = Duration::ZERO;
    if wants("own") {
        let own = CONTROLS.map(|control| [control; 2]);
        pairs("Two of one kind", &own, &[0.0, 0.01], now)?;
    }
    if wants("beside") {
        let beside =
            [[Delay, Cubic], [LossTolerant, Cubic], [Delay, NewReno], [LossTolerant, NewReno]];
        pairs("Beside TCP's", &beside, &[0.0, 0.01], now)?;
    }
    if wants("late") {
        let late = CONTROLS.map(|control| [control; 2]);
        pairs("The second 20 s late", &late, &[0.0], Duration::from_secs(20))?;
        pairs(
            "After CUBIC",
            &[[Cubic, Delay], [Cubic, LossTolerant]],
            &[0.0],
            Duration::from_secs(20),
        )?;
    }
    if wants("thin") {
        thin()?;
    }
    Ok(())
}
