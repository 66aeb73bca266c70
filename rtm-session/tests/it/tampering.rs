//! Each datagram of a session's whole life, damaged in many ways, before the real one.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use rtm_session::{Config, Endpoint, Event, LoginAnswer, SessionId, Ticket};
use rtm_wire::{CloseCode, LaneId, Time};

use crate::pair::{CLIENT, SERVER, ms, seed, server_key};

/// What both ends have told.
#[derive(Default)]
struct News {
    connected: Option<SessionId>,
    ticket: Option<Ticket>,
    /// Messages of either end: to the client, to the server.
    messages: [usize; 2],
    /// Closed sessions of either end.
    closed: [usize; 2],
    logins: usize,
}

struct Line {
    now: Time,
    /// Client, server.
    ends: [Endpoint; 2],
    news: News,
    tampered: usize,
}

impl Line {
    fn new() -> Self {
        let server = Endpoint::server(Config::server(), server_key(), seed(2));
        let ends = [Endpoint::client(Config::default(), seed(1)), server];
        Self { now: Time::ZERO, ends, news: News::default(), tampered: 0 }
    }

    /// Damaged copies of a datagram, from somebody else and from the right address.
    fn tamper(&mut self, to: usize, datagram: &[u8]) {
        let (from, stranger) = (address(1 - to), SocketAddr::from(([10, 6, 6, 6], 6)));
        // Of first flights that don't open, few a second are looked at.
        let step = 1 + datagram.len() / 20;
        let cut = (0..datagram.len()).step_by(step).map(|len| datagram[..len].to_vec());
        // Each bit of the first byte, and one bit here and there.
        let places = (0..datagram.len()).step_by(step).map(|at| (at, at % 8));
        let flipped = (0..8).map(|bit| (0, bit)).chain(places).map(|(at, bit)| {
            let mut copy = datagram.to_vec();
            copy[at] ^= 1 << bit;
            copy
        });
        let longer = [1, 60_000].map(|more| [datagram, &vec![0; more]].concat());
        for copy in cut.chain(flipped).chain(longer) {
            for from in [stranger, from] {
                // Whose address it has is held against it (protocol §3.1, step 5).
                let is_first = matches!(datagram[0], 1 | 8);
                if !(is_first && from != stranger) {
                    let copy = BytesMut::from(&copy[..]);
                    self.ends[to].handle_datagram(self.now, from, copy);
                    self.tampered += 1;
                }
            }
        }
        let mut answer = Vec::new();
        while self.ends[to].poll_transmit(self.now, &mut answer).is_some() {}
        self.settle();
    }

    fn settle(&mut self) {
        for number in 0..2 {
            while let Some(event) = self.ends[number].poll_event() {
                self.on_event(number, event);
            }
        }
    }

    fn on_event(&mut self, number: usize, event: Event) {
        let (now, end) = (self.now, &mut self.ends[number]);
        match event {
            Event::LoginRequested { login, .. } | Event::ResumptionRequested { login, .. } => {
                self.news.logins += 1;
                end.answer_login(now, login, LoginAnswer::Accept(b""));
            }
            Event::Accepted { session, .. } => {
                let life = Duration::from_secs(600);
                end.issue_ticket(now, session, b"alice", life).expect("open");
                end.send(now, session, LaneId::CONTROL, "hello".into()).expect("taken");
            }
            Event::Connected { session, .. } | Event::Resumed { session, .. } => {
                self.news.connected = Some(session);
                end.send(now, session, LaneId::CONTROL, vec![7; 3_000].into()).expect("taken");
            }
            Event::Ticket { ticket, .. } => self.news.ticket = Some(ticket),
            Event::Message { .. } => self.news.messages[number] += 1,
            Event::Closed { .. } => self.news.closed[number] += 1,
            _ => {}
        }
    }

    /// Lets a second pass, with each datagram tampered with on its way.
    fn run(&mut self) {
        let mut datagram = Vec::new();
        for _ in 0..100 {
            for from in 0..2 {
                let to = 1 - from;
                while self.ends[from].poll_transmit(self.now, &mut datagram).is_some() {
                    self.tamper(to, &datagram);
                    // Afterwards the real one, twice.
                    for _ in 0..2 {
                        let copy = BytesMut::from(&datagram[..]);
                        self.ends[to].handle_datagram(self.now, address(from), copy);
                    }
                    self.settle();
                }
            }
            self.now += ms(10);
            self.ends.iter_mut().for_each(|end| end.handle_timeout(self.now));
            self.settle();
        }
    }
}

fn address(number: usize) -> SocketAddr {
    [CLIENT, SERVER][number]
}

#[test]
fn whatever_is_done_to_copies_of_its_datagrams_a_session_lives_its_life() {
    let mut line = Line::new();
    let key = server_key().public();
    for round in 1..=2 {
        let (now, client) = (line.now, &mut line.ends[0]);
        match line.news.ticket.take() {
            None => client.connect(now, SERVER, &key, b"login").expect("may connect"),
            Some(ticket) => {
                client.resume(now, SERVER, &ticket, &[], &key, b"login").expect("may resume")
            }
        };
        line.run();
        let news = &line.news;
        assert_eq!((news.logins, news.messages, news.closed), (round, [round; 2], [round - 1; 2]));

        let session = line.news.connected.take().expect("connected");
        line.ends[0].close(line.now, session, CloseCode::DONE, "");
        line.run();
        assert_eq!(line.news.closed, [round; 2]);
        assert!(line.ends.iter().all(Endpoint::is_idle));
    }
    assert!(line.tampered > 1_000, "{} copies", line.tampered);
}
