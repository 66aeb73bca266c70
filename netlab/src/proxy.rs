//! A UDP proxy that impairs what it passes.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use rtm_sim::{Counters, Link};
use rtm_wire::Time;
use rustix::event::{PollFd, PollFlags};

use crate::Direction;
use crate::clock::{Clock, wait};
use crate::impairment::Impairment;
use crate::report::Report;
use crate::schedule::Schedule;
use crate::stop::Stop;

/// What a [`Proxy`] does.
#[derive(Clone, Debug)]
pub struct ProxyConfig {
    /// Where clients send to; port 0 takes any.
    pub listen: SocketAddr,
    /// The server.
    pub to: SocketAddr,
    /// What happens to datagrams on the way.
    pub impairment: Impairment,
    /// How many clients are served. Each has a socket; those beyond are ignored and counted.
    pub clients_max: usize,
    /// How many datagrams may wait for their due time; more are dropped and counted.
    pub waiting_max: usize,
}

/// Passes datagrams between any clients and one server, impaired both ways.
///
/// Each client address has a socket of its own towards the server, which so tells clients apart,
/// and its own link: clients don't share a bottleneck. The n-th client's chance depends on the
/// seed and n only (see [`link_seed`](crate::link_seed)).
#[derive(Debug)]
pub struct Proxy {
    config: ProxyConfig,
    listener: UdpSocket,
    clients: Vec<Client>,
    schedule: Schedule<(usize, Direction)>,
    delivered: [Counters; 2],
    send_failed: u64,
    refused: u64,
}

#[derive(Debug)]
struct Client {
    address: SocketAddr,
    /// Connected to the server.
    socket: UdpSocket,
    up: Link,
    down: Link,
}

impl Proxy {
    /// Binds the listening socket.
    ///
    /// # Errors
    ///
    /// What the system says, for example that the port is in use.
    pub fn bind(config: ProxyConfig) -> io::Result<Self> {
        let listener = UdpSocket::bind(config.listen)?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            schedule: Schedule::new(config.waiting_max, config.impairment.blackout()),
            config,
            listener,
            clients: Vec::new(),
            delivered: [Counters::default(); 2],
            send_failed: 0,
            refused: 0,
        })
    }

    /// Where clients send to.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Passes datagrams until `stop`, then tells what has happened. What is still waiting then is
    /// thrown away.
    ///
    /// # Errors
    ///
    /// When waiting for sockets fails. Errors of single datagrams are counted.
    pub fn run(mut self, stop: &Stop) -> io::Result<Report> {
        let clock = Clock::start();
        let mut buf = vec![0; DATAGRAM_MAX];
        loop {
            while let Some((way, bytes)) = self.schedule.take(clock.now()) {
                self.send(way, &bytes);
            }
            let now = clock.now();
            if stop.is_due(now) {
                return Ok(self.report(clock));
            }
            let readable = self.wait(now)?;
            for (index, _) in readable.iter().enumerate().filter(|(_, ready)| **ready) {
                match index.checked_sub(1) {
                    None => self.read_clients(clock, &mut buf),
                    Some(client) => self.read_server(client, clock, &mut buf),
                }
            }
        }
    }

    /// Whether the listener, then each client's socket, is readable.
    fn wait(&self, now: Time) -> io::Result<Vec<bool>> {
        let sockets = self.clients.iter().map(|client| &client.socket);
        let mut fds: Vec<PollFd<'_>> = std::iter::once(&self.listener)
            .chain(sockets)
            .map(|socket| PollFd::new(socket, PollFlags::IN))
            .collect();
        wait(&mut fds, self.schedule.pause(now))?;
        Ok(fds.iter().map(|fd| !fd.revents().is_empty()).collect())
    }

    fn read_clients(&mut self, clock: Clock, buf: &mut [u8]) {
        for _ in 0..READS_PER_TURN {
            let (len, from) = match self.listener.recv_from(buf) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // An ICMP answer to an earlier datagram; it says nothing about the next.
                Err(_) => continue,
            };
            let Some(number) = self.client(from) else {
                self.refused += 1;
                continue;
            };
            let link = &mut self.clients[number].up;
            self.schedule.admit(link, clock.now(), (number, Direction::Up), &buf[..len]);
        }
    }

    fn read_server(&mut self, number: usize, clock: Clock, buf: &mut [u8]) {
        let client = &mut self.clients[number];
        for _ in 0..READS_PER_TURN {
            let len = match client.socket.recv(buf) {
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => continue,
            };
            let way = (number, Direction::Down);
            self.schedule.admit(&mut client.down, clock.now(), way, &buf[..len]);
        }
    }

    fn send(&mut self, (number, direction): (usize, Direction), bytes: &[u8]) {
        let client = &self.clients[number];
        let sent = match direction {
            Direction::Up => client.socket.send(bytes),
            Direction::Down => self.listener.send_to(bytes, client.address),
        };
        match sent {
            Ok(_) => {
                let delivered = &mut self.delivered[direction as usize];
                delivered.delivered += 1;
                delivered.delivered_bytes += bytes.len() as u64;
            }
            Err(_) => self.send_failed += 1,
        }
    }

    /// The number of the client at `address`, new or known; `None` when there is no room.
    fn client(&mut self, address: SocketAddr) -> Option<usize> {
        if let Some(known) = self.clients.iter().position(|client| client.address == address) {
            return Some(known);
        }
        if self.clients.len() >= self.config.clients_max {
            return None;
        }
        let number = self.clients.len();
        let socket = connect(self.config.to).ok()?;
        let link = |direction| self.config.impairment.link(number as u64, direction);
        let (up, down) = (link(Direction::Up), link(Direction::Down));
        self.clients.push(Client { address, socket, up, down });
        Some(number)
    }

    fn report(self, clock: Clock) -> Report {
        let [mut up, mut down] = self.delivered;
        for client in &self.clients {
            up += *client.up.counters();
            down += *client.down.counters();
        }
        Report {
            up,
            down,
            overflowed: self.schedule.overflowed(),
            send_failed: self.send_failed,
            refused: self.refused,
            blacked_out: self.schedule.blacked_out(),
            origin_micros: clock.origin_micros(),
            lateness_micros: self.schedule.lateness_micros().clone(),
        }
    }
}

fn connect(to: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(to)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

const DATAGRAM_MAX: usize = 65_536;

/// So that one busy socket doesn't keep due datagrams waiting.
const READS_PER_TURN: usize = 32;
