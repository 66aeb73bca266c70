//! Datagrams between addresses, in virtual time.

use core::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::SocketAddr;

use bytes::BytesMut;
use rtm_wire::Time;

use crate::config::{Bandwidth, CoDel, LinkConfig};
use crate::counters::Counters;
use crate::fnv::Fnv;
use crate::line::Line;
use crate::link::Link;
use crate::nat::Nat;

/// A network that carries datagrams between addresses, impaired by the chance of one seed.
///
/// It reads no clock: each call brings `now`. Links come into being with the first datagram from
/// one address to another, each direction with a seed of its own, so traffic on one link never
/// changes the fate of traffic on another. Datagrams that are due at the same moment arrive in the
/// order of sending.
///
/// ```
/// use core::time::Duration;
/// use rtm_sim::{LinkConfig, Network};
/// use rtm_wire::Time;
///
/// let (a, b) = ("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap());
/// let mut network = Network::new(7);
/// network.set_default(LinkConfig::new().delay(Duration::from_millis(25)));
///
/// network.send(Time::ZERO, a, b, b"hello");
/// let due = network.next_arrival().unwrap();
/// assert_eq!(due, Time::from_micros(25_000));
/// assert_eq!(&network.deliver(due).unwrap().bytes[..], b"hello");
/// ```
#[derive(Debug)]
pub struct Network {
    seed: u64,
    default: LinkConfig,
    configured: BTreeMap<Direction, LinkConfig>,
    links: BTreeMap<Direction, Link>,
    bottlenecks: Vec<Bottleneck>,
    /// Which bottleneck a direction goes through before its link.
    shared: BTreeMap<Direction, BottleneckId>,
    partitions: BTreeSet<Direction>,
    isolated: BTreeSet<SocketAddr>,
    nat: Nat,
    under_way: BinaryHeap<UnderWay>,
    next_number: u64,
    under_way_max: usize,
    trace: Option<Fnv>,
}

/// A datagram that has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// The sender as the receiver sees it: after any rebinding of the sender.
    pub from: SocketAddr,
    /// The receiver's own address: before any rebinding of the receiver.
    pub to: SocketAddr,
    /// The payload.
    pub bytes: BytesMut,
}

/// A bottleneck that several links share; see [`Network::add_bottleneck`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BottleneckId(usize);

#[derive(Debug)]
struct Bottleneck {
    queue: (Bandwidth, Option<CoDel>),
    line: Line,
    counters: Counters,
}

/// Own addresses of sender and receiver.
type Direction = (SocketAddr, SocketAddr);

/// A datagram under way; the earliest is the greatest.
#[derive(Debug)]
struct UnderWay {
    arrival: Time,
    /// Breaks ties of time in the order of sending.
    number: u64,
    direction: Direction,
    from: SocketAddr,
    to: SocketAddr,
    bytes: BytesMut,
}

impl Network {
    /// A network of perfect links; `seed` fixes everything that is left to chance.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            default: LinkConfig::new(),
            configured: BTreeMap::new(),
            links: BTreeMap::new(),
            bottlenecks: Vec::new(),
            shared: BTreeMap::new(),
            partitions: BTreeSet::new(),
            isolated: BTreeSet::new(),
            nat: Nat::default(),
            under_way: BinaryHeap::new(),
            next_number: 0,
            under_way_max: UNDER_WAY_MAX,
            trace: None,
        }
    }

    /// Sets how links behave that have no configuration of their own, those in use included.
    pub fn set_default(&mut self, config: LinkConfig) {
        self.default = config;
        for (direction, link) in &mut self.links {
            if !self.configured.contains_key(direction) {
                link.set_config(config);
            }
        }
    }

    /// Sets how the link from one node to another behaves, in this direction only.
    ///
    /// Both are the nodes' own addresses: a rebinding doesn't change which link a node uses.
    pub fn set_link(&mut self, from: SocketAddr, to: SocketAddr, config: LinkConfig) {
        self.configured.insert((from, to), config);
        if let Some(link) = self.links.get_mut(&(from, to)) {
            link.set_config(config);
        }
    }

    /// [`Network::set_link`] for both directions.
    pub fn set_links(&mut self, a: SocketAddr, b: SocketAddr, config: LinkConfig) {
        self.set_link(a, b, config);
        self.set_link(b, a, config);
    }

    /// Adds a line with a drop-tail queue that several links may share, as the uplink of a house.
    ///
    /// Its datagrams wait there in the order of sending, whoever sent them, and go through their
    /// own link afterwards.
    ///
    /// # Panics
    ///
    /// When the rate is 0; use a partition to cut a link.
    pub fn add_bottleneck(&mut self, bandwidth: Bandwidth) -> BottleneckId {
        assert!(bandwidth.bits_per_second > 0, "a line without a rate is a partition");
        let (line, counters) = (Line::default(), Counters::default());
        self.bottlenecks.push(Bottleneck { queue: (bandwidth, None), line, counters });
        BottleneckId(self.bottlenecks.len() - 1)
    }

    /// Changes rate, room and management of a shared bottleneck from now on. What has entered
    /// leaves at the time that it was given.
    ///
    /// # Panics
    ///
    /// When the rate is 0, or the bottleneck belongs to another network that has more of them.
    pub fn change_bottleneck(
        &mut self,
        bottleneck: BottleneckId,
        bandwidth: Bandwidth,
        codel: Option<CoDel>,
    ) {
        assert!(bandwidth.bits_per_second > 0, "a line without a rate is a partition");
        self.bottlenecks[bottleneck.0].queue = (bandwidth, codel);
    }

    /// Leads the link from one node to another, in this direction only, through a bottleneck.
    /// A link goes through one at most; the last call counts.
    pub fn set_bottleneck(&mut self, from: SocketAddr, to: SocketAddr, bottleneck: BottleneckId) {
        self.shared.insert((from, to), bottleneck);
    }

    /// Cuts the way from one node to another, or mends it. Datagrams under way still arrive.
    pub fn set_partition(&mut self, from: SocketAddr, to: SocketAddr, cut: bool) {
        if cut {
            self.partitions.insert((from, to));
        } else {
            self.partitions.remove(&(from, to));
        }
    }

    /// Cuts all ways from and to `node`, or mends them (those of [`Network::set_partition`] stay).
    /// Datagrams under way still arrive.
    pub fn set_blackout(&mut self, node: SocketAddr, cut: bool) {
        if cut {
            self.isolated.insert(node);
        } else {
            self.isolated.remove(&node);
        }
    }

    /// Gives a node a new outside address, as a NAT does after a while or a phone that changes
    /// networks.
    ///
    /// `old` is the node's own address or the one it is seen under at present. The node itself
    /// notices nothing. From now on others see its datagrams come from `new` and reach it there;
    /// what is sent, or under way, to a former address is lost. Rebinding to its own address ends
    /// the translation. An address that another node is seen under is taken from that node.
    pub fn rebind(&mut self, old: SocketAddr, new: SocketAddr) {
        self.nat.rebind(self.nat.owner(old), new);
    }

    /// Limits how many datagrams may be under way in all; more are dropped. Default: 1,000,000.
    pub fn set_under_way_max(&mut self, datagrams: usize) {
        self.under_way_max = datagrams;
    }

    /// Starts a hash over everything that is sent and delivered from now on.
    pub fn record_trace(&mut self) {
        self.trace = Some(Fnv::new());
    }

    /// Sends a datagram from the node `from` (its own address) to `to` (as the sender knows it).
    pub fn send(&mut self, now: Time, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        self.note(Event::Sent, now, from, to, bytes);
        let reached = self.nat.reached(to);
        let direction = (from, reached.unwrap_or(to));
        let cut = self.is_cut(direction);
        let full = self.under_way.len() >= self.under_way_max;
        let link = self.link_mut(direction);
        if cut {
            return link.turn_away(bytes.len(), |counters| &mut counters.partitioned);
        } else if reached.is_none() {
            return link.turn_away(bytes.len(), |counters| &mut counters.unreachable);
        } else if full {
            return link.turn_away(bytes.len(), |counters| &mut counters.queue_dropped);
        }
        let Some(departure) = self.pass_bottleneck(now, direction, bytes.len()) else {
            let link = self.link_mut(direction);
            return link.turn_away(bytes.len(), |counters| &mut counters.queue_dropped);
        };
        let Ok(passage) = self.link_mut(direction).pass(departure, bytes.len()) else { return };

        let from = self.nat.outside(from);
        let mut first = BytesMut::from(bytes);
        if let Some(bit) = passage.flipped_bit {
            first[bit / 8] ^= 1 << (bit % 8);
        }
        self.dispatch(passage.arrival, direction, (from, to), first);
        if let Some(arrival) = passage.copy_arrival {
            self.dispatch(arrival, direction, (from, to), bytes.into());
        }
    }

    /// Hands out the next datagram that is due at `now` or before; `None` when there is none.
    pub fn deliver(&mut self, now: Time) -> Option<Datagram> {
        loop {
            if self.under_way.peek()?.arrival > now {
                return None;
            }
            let UnderWay { direction, from, to, bytes, .. } = self.under_way.pop()?;
            let reached = self.nat.reached(to);
            let counters = self.link_mut(direction).counters_mut();
            let Some(to) = reached else {
                counters.unreachable += 1;
                continue;
            };
            counters.delivered += 1;
            counters.delivered_bytes += bytes.len() as u64;
            self.note(Event::Delivered, now, from, to, &bytes);
            return Some(Datagram { from, to, bytes });
        }
    }

    /// When the next datagram is due; `None` when nothing is under way.
    pub fn next_arrival(&self) -> Option<Time> {
        self.under_way.peek().map(|datagram| datagram.arrival)
    }

    /// How many datagrams are under way.
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// The address as which others see the node with the own address `node`.
    pub fn outside_address(&self, node: SocketAddr) -> SocketAddr {
        self.nat.outside(node)
    }

    /// Sums over all links.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        for link in self.links.values() {
            sum += *link.counters();
        }
        sum
    }

    /// Counts of the link from one node to another, by their own addresses.
    pub fn link_counters(&self, from: SocketAddr, to: SocketAddr) -> Counters {
        self.links.get(&(from, to)).map(|link| *link.counters()).unwrap_or_default()
    }

    /// What a shared bottleneck was offered and what it dropped; it counts no deliveries.
    ///
    /// # Panics
    ///
    /// When the bottleneck belongs to another network that has more of them.
    pub fn bottleneck_counters(&self, bottleneck: BottleneckId) -> Counters {
        self.bottlenecks[bottleneck.0].counters
    }

    /// The hash over times, addresses and bytes of all datagrams sent and delivered since
    /// [`Network::record_trace`]; `None` without that call. Runs that differ anywhere differ here.
    pub fn trace_hash(&self) -> Option<u64> {
        self.trace.map(Fnv::finish)
    }

    fn link_mut(&mut self, direction: Direction) -> &mut Link {
        let (seed, default, configured) = (self.seed, self.default, &self.configured);
        self.links.entry(direction).or_insert_with(|| {
            let config = configured.get(&direction).copied().unwrap_or(default);
            Link::new(config, link_seed(seed, direction))
        })
    }

    /// When a datagram enters its link; `None` when the bottleneck before it has no room.
    fn pass_bottleneck(&mut self, now: Time, direction: Direction, len: usize) -> Option<Time> {
        let Some(id) = self.shared.get(&direction) else { return Some(now) };
        let Bottleneck { queue, line, counters } = &mut self.bottlenecks[id.0];
        counters.sent += 1;
        counters.sent_bytes += len as u64;
        let departure = line.pass(*queue, now, len);
        counters.queue_dropped += u64::from(departure.is_none());
        departure
    }

    fn is_cut(&self, direction: Direction) -> bool {
        self.partitions.contains(&direction)
            || self.isolated.contains(&direction.0)
            || self.isolated.contains(&direction.1)
    }

    fn dispatch(
        &mut self,
        arrival: Time,
        direction: Direction,
        (from, to): (SocketAddr, SocketAddr),
        bytes: BytesMut,
    ) {
        let number = self.next_number;
        self.under_way.push(UnderWay { arrival, number, direction, from, to, bytes });
        self.next_number += 1;
    }

    fn note(&mut self, event: Event, now: Time, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let Some(trace) = &mut self.trace else { return };
        trace.number(event as u64);
        trace.number(now.as_micros());
        trace.address(from);
        trace.address(to);
        trace.number(bytes.len() as u64);
        trace.bytes(bytes);
    }
}

impl Ord for UnderWay {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.arrival, other.number).cmp(&(self.arrival, self.number))
    }
}

impl PartialOrd for UnderWay {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for UnderWay {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for UnderWay {}

#[derive(Clone, Copy)]
enum Event {
    Sent = 1,
    Delivered = 2,
}

/// A seed per direction, so that the order in which links come into being doesn't matter.
fn link_seed(seed: u64, (from, to): Direction) -> u64 {
    let mut fnv = Fnv::new();
    fnv.number(seed);
    fnv.address(from);
    fnv.address(to);
    fnv.finish()
}

const UNDER_WAY_MAX: usize = 1_000_000;

#[cfg(test)]
mod tests;
