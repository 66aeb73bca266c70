//! Carries out a scenario.

use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rtm_wire::Time;

use super::{Change, Conditions, Place, Scenario, Side};
use crate::world::{Livelock, Node, World};

/// Changes links, addresses and clocks of a world when a scenario says so.
///
/// Its time zero is the world's time when it was made. After [`Play::finish`] everything is as it
/// was before all events, and the links are healed.
#[derive(Clone, Debug)]
pub struct Play {
    scenario: Scenario,
    clients: Vec<SocketAddr>,
    server: SocketAddr,
    origin: Time,
    /// Times at which something begins or ends, earliest first, and the first that is to come.
    borders_ms: Vec<u64>,
    next: usize,
}

impl Play {
    /// Prepares a scenario for these nodes, by their own addresses, and sets their links. The nodes
    /// need not be there yet.
    ///
    /// # Panics
    ///
    /// When there are no clients.
    pub fn new<N: Node>(
        scenario: &Scenario,
        world: &mut World<N>,
        clients: &[SocketAddr],
        server: SocketAddr,
    ) -> Self {
        assert!(!clients.is_empty(), "a scenario is about clients");
        let mut borders_ms: Vec<u64> = scenario
            .events
            .iter()
            .flat_map(|event| [event.at_ms, event.at_ms.saturating_add(event.lasts_ms)])
            .filter(|border| *border <= scenario.run_ms)
            .collect();
        borders_ms.sort_unstable();
        borders_ms.dedup();
        let play = Self {
            scenario: scenario.clone(),
            clients: clients.to_vec(),
            server,
            origin: world.now(),
            borders_ms,
            next: 0,
        };
        for client in clients {
            play.set_links(world, *client, scenario.up, scenario.down);
        }
        play
    }

    /// The end of the run on the world's clock.
    pub fn end(&self) -> Time {
        self.origin + Duration::from_millis(self.scenario.run_ms)
    }

    /// Runs the world until `deadline`, with all that happens on the way.
    ///
    /// # Errors
    ///
    /// [`Livelock`] when a node does too much at one instant.
    ///
    /// # Panics
    ///
    /// When an event stalls a node, or sets its clock, that isn't in the world.
    pub fn run_until<N: Node>(
        &mut self,
        world: &mut World<N>,
        deadline: Time,
    ) -> Result<(), Livelock> {
        while let Some(&border) = self.borders_ms.get(self.next) {
            let at = self.origin + Duration::from_millis(border);
            if at > deadline {
                break;
            }
            world.run_until(at)?;
            self.next += 1;
            self.apply(world, border);
        }
        world.run_until(deadline)
    }

    /// Ends all events and heals the links for good; clocks keep their rate.
    pub fn finish<N: Node>(&mut self, world: &mut World<N>) {
        self.next = self.borders_ms.len();
        for client in self.clients.clone() {
            self.set_cut(world, client, (false, false));
            world.network_mut().rebind(client, client);
            let (up, down) = (self.scenario.up.healed(), self.scenario.down.healed());
            self.set_links(world, client, up, down);
        }
    }

    /// Brings everything to what it is from this moment on.
    fn apply<N: Node>(&self, world: &mut World<N>, ms: u64) {
        for (index, client) in self.clients.iter().copied().enumerate() {
            let (mut up, mut down) = (self.scenario.up, self.scenario.down);
            let (mut cut_up, mut cut_down) = (false, false);
            let mut place = client;
            let mine = |event: &&super::Event| event.client % self.clients.len() == index;
            for event in self.scenario.events.iter().filter(mine).filter(|event| event.is_on(ms)) {
                match event.change {
                    Change::Cut(way) => {
                        cut_up |= way.has_up();
                        cut_down |= way.has_down();
                    }
                    Change::Link(way, conditions) => {
                        up = if way.has_up() { conditions } else { up };
                        down = if way.has_down() { conditions } else { down };
                    }
                    Change::Move(to) => place = seen_at(client, index, to),
                    Change::Clock { side, drift_ppm, jump_ms } if event.at_ms == ms => {
                        let jump = Duration::from_millis(jump_ms.into());
                        world.set_clock(self.node(side, client), drift_ppm, jump);
                    }
                    Change::Stall(side) if event.at_ms == ms => {
                        let span = Duration::from_millis(event.lasts_ms.max(1));
                        world.stall(self.node(side, client), world.now() + span);
                    }
                    Change::Clock { .. } | Change::Stall(_) => {}
                }
            }
            self.set_links(world, client, up, down);
            self.set_cut(world, client, (cut_up, cut_down));
            if world.network().outside_address(client) != place {
                world.network_mut().rebind(client, place);
            }
        }
    }

    fn node(&self, side: Side, client: SocketAddr) -> SocketAddr {
        match side {
            Side::Client => client,
            Side::Server => self.server,
        }
    }

    fn set_links<N: Node>(
        &self,
        world: &mut World<N>,
        client: SocketAddr,
        up: Conditions,
        down: Conditions,
    ) {
        world.network_mut().set_link(client, self.server, up.config());
        world.network_mut().set_link(self.server, client, down.config());
    }

    fn set_cut<N: Node>(&self, world: &mut World<N>, client: SocketAddr, (up, down): (bool, bool)) {
        world.network_mut().set_partition(client, self.server, up);
        world.network_mut().set_partition(self.server, client, down);
    }
}

fn seen_at(client: SocketAddr, index: usize, place: Place) -> SocketAddr {
    match place {
        Place::Port(step) => {
            SocketAddr::new(client.ip(), client.port().wrapping_add(u16::from(step)).max(1))
        }
        Place::Address(number) => {
            let [high, low] = (index as u16).to_be_bytes();
            SocketAddr::new(IpAddr::V4(Ipv4Addr::new(172, 16 + high % 16, low, number)), 5_000)
        }
    }
}
