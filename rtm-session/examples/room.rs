//! A chat room over lanes: what is said arrives in order and whole, how somebody is by the newest
//! word only, and neither waits for the other. Works where UDP doesn't pass, too.
//!
//! ```text
//! cargo run -p rtm-session --features tokio --example room -- server
//! cargo run -p rtm-session --features tokio --example room -- client 127.0.0.1:7700 KEY alice
//! ```
//!
//! The server prints its address and its public key. A client says what it reads from standard
//! input, and leaves at its end; `/busy` says how it is. The login is the name; a real server would
//! want proof of it.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::BufRead;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rtm_session::driver::{
    Clock, Engine, Flow, Moment, StreamListener, TcpConnector, Transport as _, UdpTransport,
    WithStreams, drive, seed_from_system,
};
use rtm_session::{
    Carriers, Config, Endpoint, Event, LaneSpec, LoginAnswer, LoginId, PublicKey, Remote,
    SessionId, StaticKey, StreamAction, StreamEvent,
};
use rtm_wire::{CloseCode, LaneId, Priority, Time};
use tokio::sync::mpsc;

/// Lines count: each arrives, in order.
const LINES: LaneSpec = LaneSpec::ORDERED;
/// Of how somebody is, only the newest word matters, and lines are more urgent.
const MOOD: LaneSpec = LaneSpec { priority: Priority::Low, ..LaneSpec::LATEST_ONLY };

/// The lanes towards one peer, and its name. Lanes are of one end: the peer has its own.
struct Member {
    name: String,
    lines: LaneId,
    mood: LaneId,
}

/// The room, or one who is in it: a client has one peer, the server.
struct Room {
    endpoint: Endpoint,
    is_server: bool,
    /// Names of logins that are not in yet.
    knocking: BTreeMap<LoginId, String>,
    members: BTreeMap<SessionId, Member>,
    is_leaving: bool,
}

enum Command {
    Enter { server: SocketAddr, key: PublicKey, name: String },
    Say(String),
    Leave,
}

impl Room {
    fn new(endpoint: Endpoint, is_server: bool) -> Self {
        let (knocking, members) = (BTreeMap::new(), BTreeMap::new());
        Self { endpoint, is_server, knocking, members, is_leaving: false }
    }

    fn welcome(&mut self, now: Time, session: SessionId, name: String) {
        let lane = |endpoint: &mut Endpoint, spec| endpoint.open_lane(session, spec);
        let (Ok(lines), Ok(mood)) =
            (lane(&mut self.endpoint, LINES), lane(&mut self.endpoint, MOOD))
        else {
            return self.endpoint.close(now, session, CloseCode::DONE, "no lanes left");
        };
        self.members.insert(session, Member { name, lines, mood });
    }

    /// Sends to all but one. Who reads so slowly that his queue is full misses it: a real chat
    /// would keep it, or let him go.
    fn tell(&mut self, now: Time, but: Option<SessionId>, lane: fn(&Member) -> LaneId, text: &str) {
        for (&session, member) in self.members.iter().filter(|(id, _)| Some(**id) != but) {
            let text = Bytes::copy_from_slice(text.as_bytes());
            let _ = self.endpoint.send(now, session, lane(member), text);
        }
    }

    fn heard(&mut self, now: Time, session: SessionId, text: &str) {
        if !self.is_server {
            println!("{text}");
            return;
        }
        let Some(name) = self.members.get(&session).map(|member| member.name.clone()) else {
            return;
        };
        match text.strip_prefix('/') {
            Some(mood) => {
                self.tell(now, Some(session), |it| it.mood, &format!("({name} is {mood})"))
            }
            None => self.tell(now, Some(session), |it| it.lines, &format!("{name}: {text}")),
        }
    }
}

impl Engine for Room {
    type Command = Command;

    fn handle_command(&mut self, moment: Moment, command: Command) {
        match command {
            Command::Enter { server, key, name } => {
                let entered = self.endpoint.connect(moment.now, server, &key, name.as_bytes());
                entered.expect("a short name, and the only session");
            }
            Command::Say(line) => {
                let lane = if line.starts_with('/') {
                    |it: &Member| it.mood
                } else {
                    |it: &Member| it.lines
                };
                self.tell(moment.now, None, lane, &line);
            }
            Command::Leave => self.is_leaving = true,
        }
    }

    fn handle_datagram(&mut self, moment: Moment, from: Remote, datagram: BytesMut) {
        self.endpoint.handle_datagram(moment.now, from, datagram);
    }

    fn handle_stream(&mut self, moment: Moment, event: StreamEvent) {
        self.endpoint.handle_stream(moment.now, event);
    }

    fn handle_timeout(&mut self, moment: Moment) {
        self.endpoint.handle_timeout(moment.now);
    }

    fn flush(&mut self, moment: Moment) -> Flow {
        let now = moment.now;
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::LoginRequested { login, payload, .. } => {
                    self.knocking.insert(login, String::from_utf8_lossy(&payload).into_owned());
                    self.endpoint.answer_login(now, login, LoginAnswer::Accept(b"welcome"));
                }
                Event::Accepted { session, login } => {
                    let name = self.knocking.remove(&login).unwrap_or_default();
                    self.tell(now, None, |member| member.lines, &format!("* {name} is here"));
                    self.welcome(now, session, name);
                }
                Event::Connected { session, answer } => {
                    println!("* {}", String::from_utf8_lossy(&answer));
                    self.welcome(now, session, "server".to_owned());
                }
                Event::Message { session, lane, payload, .. } => {
                    self.endpoint.release(now, session, lane, payload.len());
                    self.heard(now, session, &String::from_utf8_lossy(&payload));
                }
                Event::Closed { session, cause } => {
                    if !self.is_server {
                        println!("* {cause}");
                        return Flow::Stop;
                    }
                    let Some(Member { name, .. }) = self.members.remove(&session) else { continue };
                    self.tell(now, None, |member| member.lines, &format!("* {name} has left"));
                }
                _ => {}
            }
        }
        // Whoever leaves waits until the server has all that was said.
        let is_said =
            |session| self.endpoint.stats(session).is_none_or(|stats| stats.send_messages == 0);
        let sessions: Vec<SessionId> = self.members.keys().copied().collect();
        if self.is_leaving && !sessions.is_empty() && sessions.iter().all(|it| is_said(*it)) {
            self.endpoint.close(now, sessions[0], CloseCode::DONE, "bye");
            self.members.clear();
        }
        Flow::Continue
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        self.endpoint.poll_transmit(now, datagram)
    }

    fn poll_stream_action(&mut self) -> Option<StreamAction> {
        self.endpoint.poll_stream_action()
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.endpoint.poll_timeout()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (commands, inbox) = mpsc::channel(16);
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server"] => {
            // A real one is 32 random bytes, and secret.
            let key = StaticKey::from_bytes([7; 32]);
            let endpoint = Endpoint::server(Config::server(), key.clone(), seed_from_system()?);
            let datagrams = UdpTransport::bind("127.0.0.1:0".parse()?)?;
            let address = datagrams.local_addr()?;
            let transport = WithStreams::server(datagrams, StreamListener::bind(address, 1_000)?)?;
            println!("{address} {}", key.public());
            drive(Room::new(endpoint, true), transport, inbox, Clock::start()).await?;
        }
        ["client", server, key, name] => {
            let config = Config::default().carriers(Carriers::Both);
            let endpoint = Endpoint::client(config, seed_from_system()?);
            let (server, key, name) = (server.parse()?, key.parse()?, name.to_owned());
            commands.send(Command::Enter { server, key, name }).await?;
            std::thread::spawn(move || {
                for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                    let _ = commands.blocking_send(Command::Say(line));
                }
                let _ = commands.blocking_send(Command::Leave);
            });
            let datagrams = UdpTransport::bind_for_one_peer("127.0.0.1:0".parse()?)?;
            let transport = WithStreams::client(Some(datagrams), Arc::new(TcpConnector::new()));
            drive(Room::new(endpoint, false), transport, inbox, Clock::start()).await?;
        }
        _ => eprintln!("usage: chat server | chat client ADDRESS KEY NAME"),
    }
    Ok(())
}
