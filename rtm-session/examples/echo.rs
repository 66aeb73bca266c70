//! The least that a server and a client need: every message comes back.
//!
//! ```text
//! cargo run -p rtm-session --features tokio --example echo -- server
//! cargo run -p rtm-session --features tokio --example echo -- client 127.0.0.1:7700 KEY "hello"
//! ```
//!
//! The server prints its address and its public key, which the client has to know.

use std::error::Error;
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use rtm_session::driver::Transport as _;
use rtm_session::driver::{Clock, Engine, Flow, Moment, UdpTransport, drive, seed_from_system};
use rtm_session::{Config, Endpoint, Event, LoginAnswer, PublicKey, Remote, StaticKey};
use rtm_wire::{CloseCode, LaneId, Time};
use tokio::sync::mpsc;

/// One end: the endpoint, and what to say once connected.
struct Echo {
    endpoint: Endpoint,
    words: Vec<String>,
    answers_left: usize,
    is_client: bool,
}

/// Where to connect to.
struct Connect(SocketAddr, PublicKey);

impl Engine for Echo {
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
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::LoginRequested { login, .. } => {
                    self.endpoint.answer_login(moment.now, login, LoginAnswer::Accept(b""));
                }
                Event::Connected { session, .. } => {
                    for word in self.words.drain(..) {
                        let message = Bytes::from(word);
                        self.endpoint
                            .send(moment.now, session, LaneId::CONTROL, message)
                            .expect("a few words fit the queue");
                    }
                }
                Event::Message { session, lane, payload, .. } => {
                    // Releasing gives the sender its credit back.
                    self.endpoint.release(moment.now, session, lane, payload.len());
                    println!("{}", String::from_utf8_lossy(&payload));
                    self.answers_left = self.answers_left.saturating_sub(1);
                    if !self.is_client {
                        // A full queue would be told by an error, and its end by Event::Writable.
                        let _ = self.endpoint.send(moment.now, session, LaneId::CONTROL, payload);
                    } else if self.answers_left == 0 {
                        self.endpoint.close(moment.now, session, CloseCode::DONE, "bye");
                    }
                }
                Event::Closed { cause, .. } if self.is_client => {
                    println!("closed: {cause}");
                    return Flow::Stop;
                }
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

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (commands, inbox) = mpsc::channel(1);
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server"] => {
            // A real one is 32 random bytes, and secret.
            let key = StaticKey::from_bytes([7; 32]);
            let endpoint = Endpoint::server(Config::server(), key.clone(), seed_from_system()?);
            let transport = UdpTransport::bind("127.0.0.1:0".parse()?)?;
            println!("{} {}", transport.local_addr()?, key.public());
            let echo = Echo { endpoint, words: Vec::new(), answers_left: 0, is_client: false };
            drive(echo, transport, inbox, Clock::start()).await?;
        }
        ["client", address, key, ref words @ ..] if !words.is_empty() => {
            let endpoint = Endpoint::client(Config::default(), seed_from_system()?);
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            let answers_left = words.len();
            let echo = Echo { endpoint, words, answers_left, is_client: true };
            commands.send(Connect(address.parse()?, key.parse()?)).await?;
            let transport = UdpTransport::bind("127.0.0.1:0".parse()?)?;
            drive(echo, transport, inbox, Clock::start()).await?;
        }
        _ => eprintln!("usage: echo server | echo client ADDRESS KEY WORD..."),
    }
    Ok(())
}
