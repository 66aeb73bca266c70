//! What a handshake costs each end, full and with a ticket: `cargo run --release -p rtm-session
//! --example handshake_cost`.
//!
//! Both ends run in one thread without a network, so the times are those of the work alone: keys,
//! ciphers, tables. It is measured per handshake and end, from the first flight to the first data
//! packet; medians of several rounds.

#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use std::time::{Duration, Instant};

use rtm_session::{Config, Endpoint, Event, LoginAnswer, Seed, StaticKey, Ticket};
use rtm_wire::Time;

const ROUNDS: usize = 9;
const HANDSHAKES: u32 = 200;
/// A login with a token of common length.
const LOGIN: &[u8] = &[b'x'; 400];

struct Ends {
    client: Endpoint,
    server: Endpoint,
    now: Time,
    ticket: Option<Ticket>,
    /// Time spent in the client, and in the server.
    spent: [Duration; 2],
}

fn main() {
    let mut rows = Vec::new();
    for is_resumption in [false, true] {
        let mut rounds: Vec<_> = (0..ROUNDS).map(|_| round(is_resumption)).collect();
        let mut median = |end: usize| {
            rounds.sort_by_key(|spent| spent[end]);
            rounds[ROUNDS / 2][end].as_secs_f64() * 1e6 / f64::from(HANDSHAKES)
        };
        rows.push([median(0), median(1)]);
    }
    println!("| handshake | client µs | server µs |\n|---|---:|---:|");
    for (name, [client, server]) in ["full (NK)", "ticket (NNpsk0)"].iter().zip(&rows) {
        println!("| {name} | {client:.0} | {server:.0} |");
    }
    println!("\nserver, ticket / full: {:.2}", rows[1][1] / rows[0][1]);
}

/// Time that both ends spend in a row of handshakes.
fn round(is_resumption: bool) -> [Duration; 2] {
    let key = StaticKey::from_bytes([1; 32]);
    let (here, there) = (([10, 0, 0, 1], 1).into(), ([10, 0, 0, 2], 2).into());
    let config = Config::server().handshakes_max(1 << 20).sessions_max(1 << 20);
    let mut ends = Ends {
        client: Endpoint::client(
            Config::default().sessions_max(1 << 20),
            Seed::from_bytes([2; 32]),
        ),
        server: Endpoint::server(config, key.clone(), Seed::from_bytes([3; 32])),
        now: Time::ZERO,
        ticket: None,
        spent: [Duration::ZERO; 2],
    };
    let public = key.public();
    for number in 0..=HANDSHAKES {
        if number == 1 {
            // The first one only brings the ticket.
            ends.spent = [Duration::ZERO; 2];
        }
        let (began, now) = (Instant::now(), ends.now);
        match ends.ticket.clone().filter(|_| is_resumption) {
            Some(ticket) => ends.client.resume(now, there, &ticket, &[], &public, LOGIN),
            None => ends.client.connect(now, there, &public, LOGIN),
        }
        .expect("the endpoint has room");
        ends.spent[0] += began.elapsed();
        ends.settle(here, there);
    }
    ends.spent
}

impl Ends {
    fn settle(&mut self, here: std::net::SocketAddr, there: std::net::SocketAddr) {
        for _ in 0..3 {
            let began = Instant::now();
            let flights = datagrams(&mut self.client, self.now);
            self.spent[0] += began.elapsed();

            let began = Instant::now();
            for flight in &flights {
                self.server.handle_datagram(self.now, here, flight.as_slice().into());
            }
            let mut sessions = Vec::new();
            while let Some(event) = self.server.poll_event() {
                match event {
                    Event::LoginRequested { login, .. }
                    | Event::ResumptionRequested { login, .. } => {
                        self.server.answer_login(self.now, login, LoginAnswer::Accept(b"welcome"));
                    }
                    Event::Accepted { session, .. } => sessions.push(session),
                    _ => {}
                }
            }
            self.spent[1] += began.elapsed();
            if self.ticket.is_none() {
                for session in sessions {
                    let life = Duration::from_secs(3_600);
                    let issued = self.server.issue_ticket(self.now, session, b"alice", life);
                    issued.expect("the session is open");
                }
            }
            let began = Instant::now();
            let replies = datagrams(&mut self.server, self.now);
            self.spent[1] += began.elapsed();

            let began = Instant::now();
            for reply in &replies {
                self.client.handle_datagram(self.now, there, reply.as_slice().into());
            }
            while let Some(event) = self.client.poll_event() {
                if let Event::Ticket { ticket, .. } = event {
                    self.ticket = Some(ticket);
                }
            }
            self.spent[0] += began.elapsed();
        }
    }
}

fn datagrams(endpoint: &mut Endpoint, now: Time) -> Vec<Vec<u8>> {
    let (mut all, mut datagram) = (Vec::new(), Vec::new());
    while endpoint.poll_transmit(now, &mut datagram).is_some() {
        all.push(datagram.clone());
    }
    all
}
