//! How fast the simulator runs: `cargo run --release -p rtm-session --example sim_speed`.
//!
//! Eight flows of 30 messages a second, 200 bytes each, from a client to a server, on eight lanes
//! of one session; a round trip of 100 ms, 10 % loss each way. Prints simulated seconds for each
//! second of this machine; with a number behind, simulates so many seconds (1,000).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtm_session::{
    Config, Endpoint, Event, LaneSpec, LoginAnswer, Remote, Seed, SessionId, StaticKey,
};
use rtm_sim::{LinkConfig, Livelock, Network, Node, World};
use rtm_wire::{LaneId, LaneMode, Time};

const FLOWS: usize = 8;
const INTERVAL: Duration = Duration::from_micros(33_333);
const UNORDERED: LaneSpec = LaneSpec { mode: LaneMode::RELIABLE_UNORDERED, ..LaneSpec::ORDERED };

struct Peer {
    endpoint: Endpoint,
    session: Option<SessionId>,
    lanes: Vec<LaneId>,
    next_tick: Option<Time>,
    message: Bytes,
    received: u64,
}

impl Peer {
    fn new(endpoint: Endpoint) -> Self {
        let message = Bytes::from_static(&[7; 200]);
        Self { endpoint, session: None, lanes: Vec::new(), next_tick: None, message, received: 0 }
    }

    /// Opens the flows' lanes; they send in turn, evenly spread.
    fn begin(&mut self, now: Time) {
        let session = self.session.expect("connected");
        self.lanes = (0..FLOWS)
            .map(|_| self.endpoint.open_lane(session, UNORDERED).expect("few lanes"))
            .collect();
        self.next_tick = Some(now);
    }

    fn tick(&mut self, now: Time) {
        let (Some(session), Some(due)) = (self.session, self.next_tick) else { return };
        if due > now {
            return;
        }
        self.lanes.rotate_left(1);
        let sent = self.endpoint.send(now, session, self.lanes[0], self.message.clone());
        sent.expect("the queue has room");
        self.next_tick = Some(due + INTERVAL / FLOWS as u32);
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
                    self.received += 1;
                    self.endpoint.release(now, session, lane, payload.len());
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
        self.tick(now);
        self.endpoint.handle_timeout(now);
        self.settle(now);
    }

    fn poll_transmit(&mut self, now: Time, buf: &mut Vec<u8>) -> Option<SocketAddr> {
        self.endpoint.poll_transmit(now, buf).map(Remote::addr)
    }

    fn poll_timeout(&self) -> Option<Time> {
        [self.endpoint.poll_timeout(), self.next_tick].into_iter().flatten().min()
    }
}

fn main() -> Result<(), Livelock> {
    let seconds = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(1_000);
    let client = SocketAddr::from(([10, 0, 0, 1], 1));
    let server = SocketAddr::from(([10, 0, 0, 2], 2));
    let mut network = Network::new(7);
    network.set_default(LinkConfig::new().delay(Duration::from_millis(50)).loss(0.1));
    let mut world = World::new(network);
    let key = StaticKey::from_bytes([7; 32]);
    let near = Endpoint::client(Config::default(), Seed::from_bytes([1; 32]));
    let far = Endpoint::server(Config::server(), key.clone(), Seed::from_bytes([2; 32]));
    world.insert(client, Peer::new(near))?;
    world.insert(server, Peer::new(far))?;
    world
        .with_node(client, |node, now| node.endpoint.connect(now, server, &key.public(), b""))?
        .expect("may connect");
    let is_up = |world: &World<Peer>| world.nodes().all(|(_, node)| node.session.is_some());
    assert!(world.run_until_true(Time::from_micros(10_000_000), is_up)?, "no connection");
    world.with_node(client, Peer::begin)?;

    let took = measure(|| world.run_until(world.now() + Duration::from_secs(seconds)))?;

    let counters = world.network().counters();
    let received = world.node(server).received;
    let micros = took * 1e6 / counters.sent as f64;
    println!("{} simulated seconds in {took:.2} s: {:.0} a second", seconds, seconds as f64 / took);
    println!("{received} messages, {} datagrams, {micros:.2} µs each", counters.sent);
    Ok(())
}

/// Seconds that the work takes.
#[expect(clippy::disallowed_methods, reason = "how long this machine takes is what is measured")]
fn measure(work: impl FnOnce() -> Result<(), Livelock>) -> Result<f64, Livelock> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64())
}
