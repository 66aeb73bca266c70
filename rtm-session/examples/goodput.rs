//! Lines a second through a lossy network, in virtual time: `cargo run -p rtm-session --example
//! goodput`.
//!
//! A line has 80 bytes. The link has 100 Mbit/s and loses independently in both directions. The
//! first table's sender always has more to send; the second one's has 1,000 lines a second. The
//! numbers are the same in every run: time is simulated.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtm_session::{
    Config, CongestionControl, Endpoint, Event, LaneSpec, LoginAnswer, Remote, Seed, SendError,
    SessionId, StaticKey,
};
use rtm_sim::{Bandwidth, LinkConfig, Livelock, Network, Node, World};
use rtm_wire::{LaneId, LaneMode, Time};

const LINE: usize = 80;
/// Virtual time that is measured, after a second for the start.
const SPAN: Duration = Duration::from_secs(5);
const WARM_UP: Duration = Duration::from_secs(1);

struct Peer {
    endpoint: Endpoint,
    session: Option<SessionId>,
    lane: Option<LaneId>,
    received: u64,
    /// From when each line was due to when it was handed over.
    latencies: Vec<Duration>,
    /// Pause between lines; `None` for as fast as possible.
    pause: Option<Duration>,
    next_line: Time,
    unsent: VecDeque<Bytes>,
}

impl Peer {
    fn new(endpoint: Endpoint, pause: Option<Duration>) -> Self {
        Self {
            endpoint,
            session: None,
            lane: None,
            received: 0,
            latencies: Vec::new(),
            pause,
            next_line: Time::ZERO,
            unsent: VecDeque::new(),
        }
    }

    fn begin(&mut self, now: Time, spec: LaneSpec) {
        let session = self.session.expect("connected");
        self.lane = Some(self.endpoint.open_lane(session, spec).expect("the first lane"));
        self.next_line = now;
        self.produce(now);
    }

    fn produce(&mut self, now: Time) {
        let (Some(session), Some(lane)) = (self.session, self.lane) else { return };
        if let Some(pause) = self.pause {
            while self.next_line <= now {
                self.unsent.push_back(line(self.next_line));
                self.next_line += pause;
            }
        }
        loop {
            let next = match self.pause {
                None => line(now),
                Some(_) => match self.unsent.front() {
                    Some(next) => next.clone(),
                    None => return,
                },
            };
            match self.endpoint.send(now, session, lane, next) {
                Ok(_) => drop(self.unsent.pop_front()),
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
                Event::Connected { session, .. } | Event::Accepted { session, .. } => {
                    self.session = Some(session);
                }
                Event::Message { session, lane, payload, .. } => {
                    self.endpoint.release(now, session, lane, payload.len());
                    let sent = u64::from_be_bytes(payload[..8].try_into().expect("8 bytes"));
                    self.latencies.push(now.saturating_since(Time::from_micros(sent)));
                    self.received += 1;
                }
                Event::Writable { .. } => self.produce(now),
                Event::Closed { cause, .. } => panic!("{cause}"),
                _ => {}
            }
        }
    }
}

fn line(at: Time) -> Bytes {
    let mut line = at.as_micros().to_be_bytes().to_vec();
    line.resize(LINE, b'.');
    line.into()
}

impl Node for Peer {
    fn handle_datagram(&mut self, now: Time, from: SocketAddr, datagram: BytesMut) {
        self.endpoint.handle_datagram(now, from, datagram);
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Time) {
        if self.lane.is_some() {
            self.produce(now);
        }
        self.endpoint.handle_timeout(now);
        self.settle(now);
    }

    fn poll_transmit(&mut self, now: Time, buf: &mut Vec<u8>) -> Option<SocketAddr> {
        self.endpoint.poll_transmit(now, buf).map(Remote::addr)
    }

    fn poll_timeout(&self) -> Option<Time> {
        let next_line = (self.pause.is_some() && self.lane.is_some()).then_some(self.next_line);
        [self.endpoint.poll_timeout(), next_line].into_iter().flatten().min()
    }
}

struct Outcome {
    lines_per_second: f64,
    window: u64,
    rtt: Duration,
    p50: Duration,
    p99: Duration,
    /// Bytes on the wire for each byte of a line delivered.
    cost: f64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |span: Duration| span.as_secs_f64() * 1_000.0;
        let Self { lines_per_second, window, cost, .. } = self;
        let (p50, p99, rtt) = (millis(self.p50), millis(self.p99), millis(self.rtt));
        write!(f, "{lines_per_second:9.0} {p50:7.1} {p99:7.1} {window:7} {rtt:8.1} {cost:5.2}")
    }
}

fn measure(
    loss: f64,
    delay_us: u64,
    spec: LaneSpec,
    pause: Option<Duration>,
    config: &Config,
) -> Result<Outcome, Livelock> {
    let client: SocketAddr = SocketAddr::from(([10, 0, 0, 1], 1));
    let server: SocketAddr = SocketAddr::from(([10, 0, 0, 2], 2));
    let mut network = Network::new(7);
    let line = Bandwidth { bits_per_second: 100_000_000, queue_bytes: 250_000 };
    let link = LinkConfig::new().delay(Duration::from_micros(delay_us)).bandwidth(line).loss(loss);
    network.set_links(client, server, link);
    let mut world = World::new(network);
    let key = StaticKey::from_bytes([7; 32]);
    let near = Endpoint::client(config.clone(), Seed::from_bytes([1; 32]));
    let far = Endpoint::server(Config::server(), key.clone(), Seed::from_bytes([2; 32]));
    world.insert(client, Peer::new(near, pause))?;
    world.insert(server, Peer::new(far, None))?;
    world
        .with_node(client, |node, now| node.endpoint.connect(now, server, &key.public(), b""))?
        .expect("may connect");
    let is_up = |world: &World<Peer>| world.nodes().all(|(_, node)| node.session.is_some());
    assert!(world.run_until_true(Time::from_micros(10_000_000), is_up)?, "no connection");

    world.with_node(client, |node, now| node.begin(now, spec))?;
    world.run_until(world.now() + WARM_UP)?;
    let before = world.node(server).received;
    let bytes_before = world.network().link_counters(client, server).sent_bytes;
    world.with_node(server, |node, _| node.latencies.clear())?;
    world.run_until(world.now() + SPAN)?;

    let lines = world.node(server).received - before;
    let bytes = world.network().link_counters(client, server).sent_bytes - bytes_before;
    let mut latencies = world.node(server).latencies.clone();
    latencies.sort_unstable();
    let at = |share: f64| {
        latencies.get((latencies.len() as f64 * share) as usize).copied().unwrap_or_default()
    };
    let node = world.node(client);
    let stats = node.session.and_then(|session| node.endpoint.stats(session)).expect("open");
    Ok(Outcome {
        lines_per_second: lines as f64 / SPAN.as_secs_f64(),
        window: stats.window,
        rtt: stats.rtt,
        p50: at(0.5),
        p99: at(0.99),
        cost: bytes as f64 / (lines.max(1) as f64 * LINE as f64),
    })
}

fn main() -> Result<(), Livelock> {
    let unordered = LaneSpec { mode: LaneMode::RELIABLE_UNORDERED, ..LaneSpec::ORDERED };
    let controllers = [
        ("NewReno", Config::default().congestion(CongestionControl::NewReno)),
        ("tolerant", Config::default()),
    ];
    for (title, pause) in
        [("as fast as possible", None), ("1,000 lines/s", Some(Duration::from_millis(1)))]
    {
        println!("\n{title}");
        println!(
            "loss  delay  lane       controller   lines/s  p50 ms  p99 ms  window   rtt ms  cost"
        );
        for loss in [0.0, 0.2] {
            for delay_us in [100, 5_000, 25_000] {
                for (lane, spec) in [("ordered", LaneSpec::ORDERED), ("unordered", unordered)] {
                    for (name, config) in &controllers {
                        let outcome = measure(loss, delay_us, spec, pause, config)?;
                        let setting = format!("{:3.0} % {:5} µs", loss * 100.0, delay_us);
                        println!("{setting}  {lane:9}  {name:10} {outcome}");
                    }
                }
            }
        }
    }
    Ok(())
}
