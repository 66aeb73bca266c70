//! Starting up under loss, and coming back after an outage, in virtual time: `cargo run --release
//! -p rtm-session --example bad_moments`.
//!
//! A round trip takes 100 ms. A cold start is a handshake, the login inside, and the first message;
//! it counts until the server has the message. An outage loses everything both ways; the time to
//! the first delivery counts from its end, in three states: a flow of 30 messages a second, one
//! message sent in the middle of the outage, and one sent right after it. The numbers are the same
//! in every run.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtm_session::{Config, Endpoint, Event, LoginAnswer, Remote, Seed, SessionId, StaticKey};
use rtm_sim::{LinkConfig, Livelock, Network, Node, World};
use rtm_wire::{LaneId, Time};

const CLIENT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 1);
const SERVER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2)), 2);
const STARTS: u64 = 1_000;
const ONE_WAY: Duration = Duration::from_millis(50);

struct Peer {
    endpoint: Endpoint,
    session: Option<SessionId>,
    got: Vec<Time>,
    /// Sends the first message as soon as it may.
    greets: bool,
}

impl Peer {
    fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, session: None, got: Vec::new(), greets: false }
    }

    fn send(&mut self, now: Time, length: usize) {
        let session = self.session.expect("connected");
        let message = Bytes::from(vec![7; length]);
        self.endpoint.send(now, session, LaneId::CONTROL, message).expect("room");
    }

    fn settle(&mut self, now: Time) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::LoginRequested { login, .. } => {
                    self.endpoint.answer_login(now, login, LoginAnswer::Accept(b""));
                }
                Event::Accepted { session, .. } => self.session = Some(session),
                Event::Connected { session, .. } => {
                    self.session = Some(session);
                    if self.greets {
                        self.send(now, 200);
                    }
                }
                Event::Message { session, lane, payload, .. } => {
                    self.endpoint.release(now, session, lane, payload.len());
                    self.got.push(now);
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
        self.endpoint.handle_timeout(now);
        self.settle(now);
    }

    fn poll_transmit(&mut self, now: Time, buf: &mut Vec<u8>) -> Option<SocketAddr> {
        self.endpoint.poll_transmit(now, buf).map(Remote::addr)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.endpoint.poll_timeout()
    }
}

fn world(seed: u64, loss: f64, greets: bool) -> Result<World<Peer>, Livelock> {
    let key = StaticKey::from_bytes([7; 32]);
    let mut network = Network::new(seed);
    network.set_default(LinkConfig::new().delay(ONE_WAY).loss(loss));
    let mut world = World::new(network);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let endpoint = Endpoint::client(Config::default(), Seed::from_bytes(bytes));
    world.insert(CLIENT, Peer { greets, ..Peer::new(endpoint) })?;
    let endpoint = Endpoint::server(Config::server(), key.clone(), Seed::from_bytes([9; 32]));
    world.insert(SERVER, Peer::new(endpoint))?;
    world.with_node(CLIENT, |peer, now| {
        peer.endpoint.connect(now, SERVER, &key.public(), b"login").expect("may connect")
    })?;
    Ok(world)
}

fn cold_starts(loss: f64) -> Result<Vec<Duration>, Livelock> {
    let mut times = Vec::new();
    for seed in 0..STARTS {
        let mut world = world(seed, loss, true)?;
        let is_there = |world: &World<Peer>| !world.node(SERVER).got.is_empty();
        world.run_until_true(Time::from_micros(10_000_000), is_there)?;
        times.push(world.now().saturating_since(Time::ZERO));
    }
    times.sort_unstable();
    Ok(times)
}

#[derive(Clone, Copy)]
enum During {
    Flow,
    Message,
    Nothing,
}

/// Time from the end of an outage to the first delivery.
fn outage(seed: u64, span: Duration, during: During) -> Result<Duration, Livelock> {
    let mut world = world(seed, 0.0, false)?;
    world.run_until(Time::from_micros(3_000_000 + seed * 7_000))?;
    // A flow before, so that both ends know the way.
    for _ in 0..100 {
        world.run_until(world.now() + Duration::from_millis(33))?;
        world.with_node(CLIENT, |peer, now| peer.send(now, 200))?;
    }
    if !matches!(during, During::Flow) {
        world.run_until(world.now() + Duration::from_millis(500))?;
    }
    world.network_mut().set_blackout(CLIENT, true);
    // Ends in all phases of whatever is periodic.
    let end = world.now() + span + Duration::from_millis(seed * 7);
    match during {
        During::Flow => {
            while world.now() + Duration::from_millis(33) < end {
                world.run_until(world.now() + Duration::from_millis(33))?;
                world.with_node(CLIENT, |peer, now| peer.send(now, 200))?;
            }
        }
        During::Message => {
            world.run_until(world.now() + span / 2)?;
            world.with_node(CLIENT, |peer, now| peer.send(now, 200))?;
        }
        During::Nothing => {}
    }
    world.run_until(end)?;
    world.network_mut().set_blackout(CLIENT, false);
    let before = world.node(SERVER).got.len();
    if matches!(during, During::Nothing) {
        world.with_node(CLIENT, |peer, now| peer.send(now, 200))?;
    }
    let is_back = |world: &World<Peer>| world.node(SERVER).got.len() > before;
    world.run_until_true(end + Duration::from_secs(20), is_back)?;
    Ok(world.now().saturating_since(end))
}

fn main() -> Result<(), Livelock> {
    let at = |times: &[Duration], share: f64| {
        times[((times.len() as f64 * share) as usize).min(times.len() - 1)].as_secs_f64() * 1e3
    };
    println!("| cold start, loss | p50 | p90 | p99 | largest |\n|---|---:|---:|---:|---:|");
    for percent in [0, 5, 10, 30] {
        let times = cold_starts(f64::from(percent) / 100.0)?;
        let [p50, p90, p99, most] = [0.5, 0.9, 0.99, 1.0].map(|share| at(&times, share));
        println!("| {percent} % | {p50:.0} | {p90:.0} | {p99:.0} | {most:.0} |");
    }
    println!("\n| outage | during it | p50 | largest of 50 |\n|---|---|---:|---:|");
    for seconds in [1, 5, 30] {
        let states = [("flow", During::Flow), ("message", During::Message), ("-", During::Nothing)];
        for (name, during) in states {
            let span = Duration::from_secs(seconds);
            let times: Result<Vec<_>, _> = (0..50).map(|seed| outage(seed, span, during)).collect();
            let mut times = times?;
            times.sort_unstable();
            println!("| {seconds} s | {name} | {:.0} | {:.0} |", at(&times, 0.5), at(&times, 1.0));
        }
    }
    Ok(())
}
