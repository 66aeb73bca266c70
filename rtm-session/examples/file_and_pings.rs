//! A file on one lane and pings on another, side by side over UDP in one process: what a transfer
//! does to the round-trip time of something small.
//!
//! `cargo run --release -p rtm-session --features tokio --example file_and_pings`

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtm_session::driver::Transport as _;
use rtm_session::driver::{Clock, Engine, Flow, Moment, UdpTransport, drive, seed_from_system};
use rtm_session::{
    Config, Endpoint, Event, LaneSpec, LoginAnswer, PublicKey, Redundancy, Remote, SessionId,
    StaticKey,
};
use rtm_wire::{CloseCode, LaneId, Priority, Time};
use tokio::sync::mpsc;

const FILE: usize = 32 * 1_024 * 1_024;
const PIECE: usize = 16 * 1_024;
const PAUSE: Duration = Duration::from_millis(5);
/// Pings before the file begins, for comparison.
const CALM: Duration = Duration::from_secs(1);

/// Sends pings back, counts the rest.
struct Server {
    endpoint: Endpoint,
    received: usize,
}

/// Pings all the time, and sends the file after a while.
struct Client {
    endpoint: Endpoint,
    session: Option<(SessionId, LaneId, LaneId)>,
    next_ping: Time,
    file_from: Time,
    ended: Time,
    left: usize,
    calm: Vec<Duration>,
    busy: Vec<Duration>,
}

struct Connect(SocketAddr, PublicKey);

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
                    self.endpoint.answer_login(moment.now, login, LoginAnswer::Accept(b""));
                }
                Event::Message { session, lane, payload, .. } => {
                    self.endpoint.release(moment.now, session, lane, payload.len());
                    if payload.len() == 8 {
                        let _ = self.endpoint.send(moment.now, session, LaneId::CONTROL, payload);
                    } else {
                        self.received += payload.len();
                    }
                }
                Event::Closed { .. } => return Flow::Stop,
                _ => {}
            }
        }
        Flow::Continue
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        self.endpoint.poll_transmit(now, datagram)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.endpoint.poll_timeout()
    }
}

impl Client {
    fn begin(&mut self, now: Time, session: SessionId) {
        let urgent = LaneSpec { priority: Priority::Highest, ..LaneSpec::ORDERED };
        let pings = self.endpoint.open_lane(session, urgent).expect("the first lane");
        let bulk =
            LaneSpec { priority: Priority::Low, redundancy: Redundancy::Off, ..LaneSpec::ORDERED };
        let file = self.endpoint.open_lane(session, bulk).expect("the second lane");
        self.session = Some((session, pings, file));
        self.next_ping = now;
        self.file_from = now + CALM;
    }

    fn send(&mut self, now: Time) {
        let Some((session, pings, file)) = self.session else { return };
        while self.next_ping <= now {
            let ping = Bytes::copy_from_slice(&now.as_micros().to_be_bytes());
            self.endpoint.send(now, session, pings, ping).expect("pings are few");
            self.next_ping += PAUSE;
        }
        // Until the queue is full; Event::Writable tells when to go on.
        while self.left > 0 && now >= self.file_from {
            let piece = Bytes::from_static(&[7; PIECE]);
            if self.endpoint.send(now, session, file, piece).is_err() {
                break;
            }
            self.left -= PIECE;
        }
    }
}

impl Engine for Client {
    type Command = Connect;

    fn handle_command(&mut self, moment: Moment, Connect(server, key): Connect) {
        self.endpoint.connect(moment.now, server, &key, b"").expect("the only session");
    }

    fn handle_datagram(&mut self, moment: Moment, from: Remote, datagram: BytesMut) {
        self.endpoint.handle_datagram(moment.now, from, datagram);
    }

    fn handle_timeout(&mut self, moment: Moment) {
        self.endpoint.handle_timeout(moment.now);
    }

    fn flush(&mut self, moment: Moment) -> Flow {
        let now = moment.now;
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Connected { session, .. } => self.begin(now, session),
                Event::Message { session, lane, payload, .. } => {
                    self.endpoint.release(now, session, lane, payload.len());
                    let sent = payload[..8].try_into().expect("the server sends pings back");
                    let sent = Time::from_micros(u64::from_be_bytes(sent));
                    let times = if sent < self.file_from { &mut self.calm } else { &mut self.busy };
                    times.push(now.saturating_since(sent));
                }
                Event::Closed { .. } => return Flow::Stop,
                _ => {}
            }
        }
        self.send(now);
        let Some((session, ..)) = self.session else { return Flow::Continue };
        let queued = self.endpoint.stats(session).map_or(0, |stats| stats.send_bytes);
        if self.left == 0 && queued < PIECE {
            self.ended = now;
            self.endpoint.close(now, session, CloseCode::DONE, "all sent");
        }
        Flow::Continue
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        self.endpoint.poll_transmit(now, datagram)
    }

    fn poll_timeout(&self) -> Option<Time> {
        let ping = self.session.map(|_| self.next_ping);
        [ping, self.endpoint.poll_timeout()].into_iter().flatten().min()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let anywhere: SocketAddr = "127.0.0.1:0".parse()?;
    let key = StaticKey::from_bytes([7; 32]);
    let endpoint = Endpoint::server(Config::server(), key.clone(), seed_from_system()?);
    let socket = UdpTransport::bind(anywhere)?;
    let address = socket.local_addr()?;
    let (_to_server, commands) = mpsc::channel(1);
    let server = Server { endpoint, received: 0 };
    let server = tokio::spawn(drive(server, socket, commands, Clock::start()));

    let client = Client {
        endpoint: Endpoint::client(Config::default(), seed_from_system()?),
        session: None,
        next_ping: Time::ZERO,
        file_from: Time::ZERO,
        ended: Time::ZERO,
        left: FILE,
        calm: Vec::new(),
        busy: Vec::new(),
    };
    let (to_client, commands) = mpsc::channel(1);
    to_client.send(Connect(address, key.public())).await?;
    let client = drive(client, UdpTransport::bind(anywhere)?, commands, Clock::start()).await?;
    let span = client.ended.saturating_since(client.file_from);
    let received = server.await??.received;

    println!("{} MiB in {span:.2?}", received / (1_024 * 1_024));
    for (name, mut times) in [("before the file", client.calm), ("beside the file", client.busy)] {
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
        println!("{} pings {name}: median {:?}, 99 % within {:?}", times.len(), at(50), at(99));
    }
    Ok(())
}
