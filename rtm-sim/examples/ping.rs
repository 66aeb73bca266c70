//! Two toy nodes ping each other over an impaired link: `cargo run -p rtm-sim --example ping`.

use core::time::Duration;
use std::net::SocketAddr;

use bytes::BytesMut;
use rtm_sim::{LinkConfig, Livelock, Network, Node, World};
use rtm_wire::Time;

const INTERVAL: Duration = Duration::from_millis(100);

/// Sends a numbered ping now and then, answers those of others, and notes the round trips.
#[derive(Default)]
struct Pinger {
    peer: Option<SocketAddr>,
    next_ping: Option<Time>,
    outgoing: Vec<(SocketAddr, Vec<u8>)>,
    sent_at: Vec<Time>,
    round_trips: Vec<Duration>,
}

impl Node for Pinger {
    fn handle_datagram(&mut self, now: Time, from: SocketAddr, datagram: BytesMut) {
        match datagram.split_first() {
            Some((b'?', number)) => self.outgoing.push((from, [b"!", number].concat())),
            Some((b'!', number)) => {
                let number =
                    number.try_into().map_or(usize::MAX, |n| u32::from_be_bytes(n) as usize);
                let sent_at = self.sent_at.get(number);
                self.round_trips.extend(sent_at.map(|sent| now.saturating_since(*sent)));
            }
            _ => {}
        }
    }

    fn handle_timeout(&mut self, now: Time) {
        if let (Some(due), Some(peer)) = (self.next_ping, self.peer) {
            if due <= now {
                let number = self.sent_at.len() as u32;
                self.outgoing.push((peer, [b"?".as_slice(), &number.to_be_bytes()].concat()));
                self.sent_at.push(now);
                self.next_ping = Some(now + INTERVAL);
            }
        }
    }

    fn poll_transmit(&mut self, _now: Time, buf: &mut Vec<u8>) -> Option<SocketAddr> {
        let (to, bytes) = self.outgoing.pop()?;
        buf.extend_from_slice(&bytes);
        Some(to)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.next_ping
    }
}

fn main() -> Result<(), Livelock> {
    let alice = SocketAddr::from(([10, 0, 0, 1], 1));
    let bob = SocketAddr::from(([10, 0, 0, 2], 2));

    let mut network = Network::new(42);
    let link = LinkConfig::new()
        .delay(Duration::from_millis(25))
        .jitter(Duration::from_millis(10))
        .loss(0.1);
    network.set_links(alice, bob, link);
    network.record_trace();

    let mut world = World::new(network);
    world.insert(
        alice,
        Pinger { peer: Some(bob), next_ping: Some(Time::ZERO), ..Pinger::default() },
    )?;
    world.insert(bob, Pinger::default())?;
    world.run_until(Time::ZERO + Duration::from_secs(60))?;

    let pinger = world.node(alice);
    let (sent, answered) = (pinger.sent_at.len(), pinger.round_trips.len());
    let slowest = pinger.round_trips.iter().max().copied().unwrap_or_default();
    println!("{sent} pings in 60 virtual seconds, {answered} answered, slowest {slowest:?}");
    println!("{:#?}", world.network().counters());
    println!("trace {:016x}", world.network().trace_hash().unwrap_or_default());
    Ok(())
}
