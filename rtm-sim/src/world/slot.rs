//! A node's place in a world: its clock, its stall, its steps.

use std::collections::VecDeque;
use std::net::SocketAddr;

use rtm_wire::Time;

use super::Livelock;
use crate::clock::Clock;
use crate::network::Datagram;

#[derive(Debug)]
pub(super) struct Slot<N> {
    pub(super) node: N,
    pub(super) clock: Clock,
    /// When the world has to come back, by the world's clock.
    pub(super) wake: Option<Time>,
    /// Until when the node does nothing.
    pub(super) stalled_until: Option<Time>,
    /// What has come meanwhile.
    pub(super) inbox: VecDeque<Datagram>,
    /// Inputs and transmits so far at `counted_at`.
    steps: u32,
    counted_at: Time,
}

impl<N> Slot<N> {
    pub(super) fn new(node: N, now: Time) -> Self {
        Self {
            node,
            clock: Clock::default(),
            wake: None,
            stalled_until: None,
            inbox: VecDeque::new(),
            steps: 0,
            counted_at: now,
        }
    }

    pub(super) fn count(
        &mut self,
        node: SocketAddr,
        now: Time,
        steps_max: u32,
    ) -> Result<(), Livelock> {
        if self.counted_at != now {
            (self.counted_at, self.steps) = (now, 0);
        }
        self.steps += 1;
        if self.steps > steps_max {
            return Err(Livelock { node, at: now, steps: self.steps });
        }
        Ok(())
    }
}
