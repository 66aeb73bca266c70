//! Runs nodes in virtual time over a network.

use core::error::Error;
use core::fmt;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use bytes::BytesMut;
use rtm_wire::Time;

use self::slot::Slot;
use crate::network::{Datagram, Network};

mod slot;

/// What a [`World`] drives: an engine, or several behind one address.
///
/// After each input the world calls [`Node::poll_transmit`] until it returns `None`, then
/// [`Node::poll_timeout`] once.
pub trait Node {
    /// A datagram has arrived from `from`.
    fn handle_datagram(&mut self, now: Time, from: SocketAddr, datagram: BytesMut);

    /// The time that [`Node::poll_timeout`] named has come.
    fn handle_timeout(&mut self, now: Time);

    /// Writes the next datagram to send into the empty `buf` and returns where to.
    fn poll_transmit(&mut self, now: Time, buf: &mut Vec<u8>) -> Option<SocketAddr>;

    /// When [`Node::handle_timeout`] is wanted. It may change with inputs only.
    fn poll_timeout(&self) -> Option<Time>;
}

/// Nodes by address, the network between them, and the clock of both.
///
/// One step is one datagram delivered or one timer fired. At one instant all datagrams come before
/// all timers, datagrams in the network's order, timers by address. The clock moves only when
/// nothing is left to do.
#[derive(Debug)]
pub struct World<N> {
    now: Time,
    network: Network,
    slots: BTreeMap<SocketAddr, Slot<N>>,
    /// Every slot's `wake`, earliest first.
    timers: BTreeSet<(Time, SocketAddr)>,
    /// Datagrams that arrived where no node is.
    unclaimed: u64,
    /// Datagrams that a stalled node had no room for.
    overflowed: u64,
    steps_max: u32,
    buf: Vec<u8>,
}

/// A node that does too much at one instant: most often a timeout that stays in the past, or two
/// nodes that answer each other without delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Livelock {
    /// The node's own address.
    pub node: SocketAddr,
    /// The instant.
    pub at: Time,
    /// Inputs and transmits of the node at that instant.
    pub steps: u32,
}

impl fmt::Display for Livelock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, at, steps } = self;
        write!(f, "livelock: node {node} took {steps} steps at {} µs", at.as_micros())
    }
}

impl Error for Livelock {}

impl<N: Node> World<N> {
    /// An empty world at time zero.
    pub fn new(network: Network) -> Self {
        Self {
            now: Time::ZERO,
            network,
            slots: BTreeMap::new(),
            timers: BTreeSet::new(),
            unclaimed: 0,
            overflowed: 0,
            steps_max: STEPS_MAX,
            buf: Vec::new(),
        }
    }

    /// Sets how many inputs and transmits of one node at one instant are too many.
    /// Default: 100,000.
    pub fn set_steps_max(&mut self, steps: u32) {
        self.steps_max = steps;
    }

    /// Puts a node at an address and sends what it has to send at once; gives back the node that
    /// was there.
    ///
    /// # Errors
    ///
    /// [`Livelock`] when the node doesn't stop sending.
    pub fn insert(&mut self, address: SocketAddr, node: N) -> Result<Option<N>, Livelock> {
        let former = self.remove(address);
        self.slots.insert(address, Slot::new(node, self.now));
        self.drain(address)?;
        Ok(former)
    }

    /// Takes a node out, as a crash does. Datagrams to it are thrown away, and counted.
    pub fn remove(&mut self, address: SocketAddr) -> Option<N> {
        let slot = self.slots.remove(&address)?;
        if let Some(wake) = slot.wake {
            self.timers.remove(&(wake, address));
        }
        self.unclaimed += slot.inbox.len() as u64;
        Some(slot.node)
    }

    /// From now on the node's clock runs `drift_ppm` millionths fast (or slow, if negative), after
    /// a jump forward. All that the node is told of time is its own; so are the times that it
    /// names. Default: the world's clock.
    ///
    /// # Panics
    ///
    /// When no node is at `address`, or the drift is above half a million.
    pub fn set_clock(&mut self, address: SocketAddr, drift_ppm: i32, jump: Duration) {
        let now = self.now;
        self.slot_mut(address).clock.change(now, drift_ppm, jump);
        self.set_wake(address);
    }

    /// Has the node do nothing until then, like a process that the system doesn't run: it neither
    /// sends nor hears of time, and up to 1,000 datagrams wait for it. A second call replaces the
    /// first.
    ///
    /// # Panics
    ///
    /// When no node is at `address`.
    pub fn stall(&mut self, address: SocketAddr, until: Time) {
        self.slot_mut(address).stalled_until = Some(until);
        self.set_wake(address);
    }

    /// Lets `act` change a node now, then sends what the node has to send. The time is the node's
    /// own.
    ///
    /// # Errors
    ///
    /// [`Livelock`] when the node doesn't stop sending.
    ///
    /// # Panics
    ///
    /// When no node is at `address`.
    pub fn with_node<R>(
        &mut self,
        address: SocketAddr,
        act: impl FnOnce(&mut N, Time) -> R,
    ) -> Result<R, Livelock> {
        let now = self.now;
        let slot = self.slot_mut(address);
        let result = act(&mut slot.node, slot.clock.own(now));
        self.drain(address)?;
        Ok(result)
    }

    /// Runs until `deadline` and leaves the clock there. What is due at the deadline is done.
    ///
    /// # Errors
    ///
    /// [`Livelock`] when a node does too much at one instant.
    pub fn run_until(&mut self, deadline: Time) -> Result<(), Livelock> {
        self.run_until_true(deadline, |_| false).map(drop)
    }

    /// Runs until `done` holds, at the latest until `deadline`; says whether it came to hold.
    ///
    /// It is asked before the first and after each step.
    ///
    /// # Errors
    ///
    /// [`Livelock`] when a node does too much at one instant.
    pub fn run_until_true(
        &mut self,
        deadline: Time,
        mut done: impl FnMut(&Self) -> bool,
    ) -> Result<bool, Livelock> {
        loop {
            if done(self) {
                return Ok(true);
            }
            match self.next_event() {
                Some(at) if at <= deadline => self.step()?,
                _ => {
                    self.now = self.now.max(deadline);
                    return Ok(false);
                }
            };
        }
    }

    /// Delivers one datagram or fires one timer, moving the clock if need be; says whether there
    /// was anything to do.
    ///
    /// # Errors
    ///
    /// [`Livelock`] when a node does too much at one instant.
    pub fn step(&mut self) -> Result<bool, Livelock> {
        let Some(at) = self.next_event() else { return Ok(false) };
        self.now = self.now.max(at);
        if let Some(datagram) = self.network.deliver(self.now) {
            self.take(datagram)?;
        } else if let Some((due, address)) = self.timers.first().copied() {
            // Not due when all arrivals of this moment were for addresses that nobody has any more.
            if due <= self.now {
                self.wake(address)?;
            }
        }
        Ok(true)
    }

    /// The virtual clock.
    pub fn now(&self) -> Time {
        self.now
    }

    /// When there is something to do next: never before [`World::now`].
    pub fn next_event(&self) -> Option<Time> {
        let timer = self.timers.first().map(|(due, _)| *due);
        let event = [self.network.next_arrival(), timer].into_iter().flatten().min()?;
        Some(event.max(self.now))
    }

    /// The node at an address.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn node(&self, address: SocketAddr) -> &N {
        &self.slots.get(&address).unwrap_or_else(|| panic!("no node at {address}")).node
    }

    /// All nodes, by address.
    pub fn nodes(&self) -> impl Iterator<Item = (SocketAddr, &N)> {
        self.slots.iter().map(|(address, slot)| (*address, &slot.node))
    }

    /// The network: counters, trace.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The network, to change links, partitions and bindings.
    pub fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// Datagrams that arrived where no node is.
    pub fn unclaimed(&self) -> u64 {
        self.unclaimed
    }

    /// Datagrams that a stalled node had no room for.
    pub fn overflowed(&self) -> u64 {
        self.overflowed
    }

    /// What the clock of a node shows.
    ///
    /// # Panics
    ///
    /// When no node is at `address`.
    pub fn own_time(&self, address: SocketAddr) -> Time {
        let slot = self.slots.get(&address).unwrap_or_else(|| panic!("no node at {address}"));
        slot.clock.own(self.now)
    }

    fn take(&mut self, datagram: Datagram) -> Result<(), Livelock> {
        let to = datagram.to;
        match self.slots.get_mut(&to) {
            Some(slot) if slot.stalled_until.is_none() => {
                let Datagram { from, bytes, .. } = datagram;
                slot.node.handle_datagram(slot.clock.own(self.now), from, bytes);
                self.drain(to)?;
            }
            Some(slot) if slot.inbox.len() < INBOX_MAX => slot.inbox.push_back(datagram),
            Some(_) => self.overflowed += 1,
            None => self.unclaimed += 1,
        }
        Ok(())
    }

    /// A node's timeout is due, or its stall over.
    fn wake(&mut self, address: SocketAddr) -> Result<(), Livelock> {
        let now = self.now;
        let slot = self.slot_mut(address);
        if slot.stalled_until.take().is_some() {
            for datagram in std::mem::take(&mut slot.inbox) {
                self.take(datagram)?;
            }
        } else {
            slot.node.handle_timeout(slot.clock.own(now));
        }
        self.drain(address)
    }

    /// Sends everything that the node has, then notes its timeout.
    fn drain(&mut self, address: SocketAddr) -> Result<(), Livelock> {
        let Self { now, network, slots, steps_max, buf, .. } = self;
        let slot = slots.get_mut(&address).expect("callers have just used this slot");
        if slot.stalled_until.is_some() {
            return Ok(());
        }
        slot.count(address, *now, *steps_max)?;
        let own = slot.clock.own(*now);
        loop {
            buf.clear();
            let Some(to) = slot.node.poll_transmit(own, buf) else { break };
            network.send(*now, address, to, buf);
            slot.count(address, *now, *steps_max)?;
        }
        self.set_wake(address);
        Ok(())
    }

    fn set_wake(&mut self, address: SocketAddr) {
        let slot = self.slots.get_mut(&address).expect("callers have just used this slot");
        let wake = match slot.stalled_until {
            Some(until) => Some(until),
            None => slot.node.poll_timeout().map(|own| slot.clock.world(own)),
        };
        if wake != slot.wake {
            if let Some(former) = slot.wake {
                self.timers.remove(&(former, address));
            }
            self.timers.extend(wake.map(|due| (due, address)));
            slot.wake = wake;
        }
    }

    fn slot_mut(&mut self, address: SocketAddr) -> &mut Slot<N> {
        self.slots.get_mut(&address).unwrap_or_else(|| panic!("no node at {address}"))
    }
}

const STEPS_MAX: u32 = 100_000;
/// What the receive buffer of a socket may hold of small datagrams.
const INBOX_MAX: usize = 1_000;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod time_tests;
