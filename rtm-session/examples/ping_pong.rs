//! A client and a server over UDP in one process: round-trip times, then messages a second.
//!
//! `cargo run --release -p rtm-session --features tokio --example ping_pong`

use std::collections::VecDeque;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtm_session::driver::Transport as _;
use rtm_session::driver::{Clock, Engine, Flow, Moment, UdpTransport, drive, seed_from_system};
use rtm_session::{
    Config, Endpoint, Event, LoginAnswer, PublicKey, Remote, SendError, SessionId, StaticKey,
};
use rtm_wire::{CloseCode, LaneId, Time};
use tokio::sync::mpsc;

/// One message after the other, for the round-trip time.
const PINGS: usize = 1_000;
/// Then so many, with this many on their way.
const FLOOD: usize = 200_000;
const ON_THEIR_WAY: usize = 2_000;
const MESSAGE_LEN: usize = 80;

/// Sends every message back.
struct Server {
    endpoint: Endpoint,
    backlog: VecDeque<(SessionId, LaneId, Bytes)>,
}

impl Server {
    fn send_back(&mut self, now: Time) {
        while let Some((session, lane, message)) = self.backlog.pop_front() {
            match self.endpoint.send(now, session, lane, message.clone()) {
                Ok(_) => self.endpoint.release(now, session, lane, message.len()),
                Err(SendError::QueueFull { .. }) => {
                    return self.backlog.push_front((session, lane, message));
                }
                Err(_) => {}
            }
        }
    }
}

impl Engine for Server {
    type Command = ();

    fn handle_command(&mut self, _: Moment, (): ()) {}

    fn handle_datagram(&mut self, moment: Moment, from: Remote, datagram: BytesMut) {
        self.endpoint.handle_datagram(moment.now, from, datagram);
    }

    fn handle_timeout(&mut self, moment: Moment) {
        self.endpoint.handle_timeout(moment.now);
    }

    fn flush(&mut self, moment: Moment) -> Flow {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::LoginRequested { login, .. } => {
                    let answer = LoginAnswer::Accept(b"welcome");
                    self.endpoint.answer_login(moment.now, login, answer);
                }
                Event::Message { session, lane, payload, .. } => {
                    self.backlog.push_back((session, lane, payload));
                }
                Event::Closed { .. } => return Flow::Stop,
                _ => {}
            }
        }
        self.send_back(moment.now);
        Flow::Continue
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        self.endpoint.poll_transmit(now, datagram)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.endpoint.poll_timeout()
    }
}

/// What the client is asked to do.
struct Connect(SocketAddr, PublicKey);

struct Client {
    endpoint: Endpoint,
    session: Option<SessionId>,
    sent: usize,
    received: usize,
    last_ping: Time,
    round_trips: Vec<Duration>,
    flood_began: Time,
    flood_ended: Time,
}

impl Client {
    /// Sends what may be sent now: one ping at a time, then the flood.
    fn send(&mut self, now: Time) {
        let Some(session) = self.session else { return };
        loop {
            let most = if self.received < PINGS {
                self.received + 1
            } else {
                (self.received + ON_THEIR_WAY).min(PINGS + FLOOD)
            };
            if self.sent >= most {
                return;
            }
            let message = Bytes::from_static(&[b'.'; MESSAGE_LEN]);
            match self.endpoint.send(now, session, LaneId::CONTROL, message) {
                Ok(_) => self.sent += 1,
                Err(_) => return,
            }
            self.last_ping = now;
        }
    }

    fn receive(&mut self, now: Time) {
        self.received += 1;
        if self.received <= PINGS {
            self.round_trips.push(now.saturating_since(self.last_ping));
            self.flood_began = now;
        }
        self.flood_ended = now;
    }
}

impl Engine for Client {
    type Command = Connect;

    fn handle_command(&mut self, moment: Moment, Connect(server, key): Connect) {
        self.endpoint.connect(moment.now, server, &key, b"login").expect("the first session");
    }

    fn handle_datagram(&mut self, moment: Moment, from: Remote, datagram: BytesMut) {
        self.endpoint.handle_datagram(moment.now, from, datagram);
    }

    fn handle_timeout(&mut self, moment: Moment) {
        self.endpoint.handle_timeout(moment.now);
    }

    fn flush(&mut self, moment: Moment) -> Flow {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Connected { session, .. } => self.session = Some(session),
                Event::Message { session, lane, payload, .. } => {
                    self.endpoint.release(moment.now, session, lane, payload.len());
                    self.receive(moment.now);
                }
                Event::Closed { .. } => self.session = None,
                _ => {}
            }
        }
        self.send(moment.now);
        if let (true, Some(session)) = (self.received >= PINGS + FLOOD, self.session) {
            self.endpoint.close(moment.now, session, CloseCode::DONE, "enough");
        }
        // Once the good-bye is out, the endpoint is idle.
        if self.sent > 0 && self.endpoint.is_idle() { Flow::Stop } else { Flow::Continue }
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        self.endpoint.poll_transmit(now, datagram)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.endpoint.poll_timeout()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let anywhere: SocketAddr = "127.0.0.1:0".parse()?;
    let key = StaticKey::from_bytes([7; 32]);
    let endpoint = Endpoint::server(Config::server(), key.clone(), seed_from_system()?);
    let server = Server { endpoint, backlog: VecDeque::new() };
    let client = Client {
        endpoint: Endpoint::client(Config::default(), seed_from_system()?),
        session: None,
        sent: 0,
        received: 0,
        last_ping: Time::ZERO,
        round_trips: Vec::new(),
        flood_began: Time::ZERO,
        flood_ended: Time::ZERO,
    };

    let socket = UdpTransport::bind(anywhere)?;
    let address = socket.local_addr()?;
    let (_to_server, commands) = mpsc::channel(1);
    let server = tokio::spawn(drive(server, socket, commands, Clock::start()));
    let (to_client, commands) = mpsc::channel(1);
    to_client.send(Connect(address, key.public())).await?;
    let client = drive(client, UdpTransport::bind(anywhere)?, commands, Clock::start()).await?;
    server.await??;

    let mut round_trips = client.round_trips;
    round_trips.sort_unstable();
    let at = |percent: usize| round_trips[round_trips.len() * percent / 100];
    println!("{PINGS} pings: median {:?}, 99 % within {:?}", at(50), at(99));
    let span = client.flood_ended.saturating_since(client.flood_began);
    let rate = FLOOD as f64 / span.as_secs_f64();
    println!("{FLOOD} messages there and back, {ON_THEIR_WAY} on their way: {rate:.0} a second");
    Ok(())
}
