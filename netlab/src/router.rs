//! A router between two TUN interfaces that impairs what it passes.

use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

use rtm_sim::{Counters, Link};
use rustix::event::{PollFd, PollFlags};
use tun_rs::{DeviceBuilder, SyncDevice};

use crate::Direction;
use crate::clock::{Clock, wait};
use crate::impairment::Impairment;
use crate::report::Report;
use crate::schedule::Schedule;
use crate::stop::Stop;

/// What a [`Router`] does.
#[derive(Clone, Debug)]
pub struct RouterConfig {
    /// Names of the two interfaces, at most 15 characters; they are created, and vanish with the
    /// router.
    pub interfaces: [String; 2],
    /// What happens to packets on the way.
    pub impairment: Impairment,
    /// How many packets may wait for their due time; more are dropped and counted.
    pub waiting_max: usize,
    /// How long before a due time the router stops sleeping and spins. It does so only with
    /// real-time priority: without, spinning makes the scheduler punish it.
    pub spin: Duration,
}

/// Passes IP packets between two TUN interfaces, impaired both ways.
///
/// The interfaces have no offloads, so the kernel cuts large sends into packets before they get
/// here, and loss is per packet. They may be moved to other network namespaces once made.
#[derive(Debug)]
pub struct Router {
    ports: [Port; 2],
    schedule: Schedule<Direction>,
    realtime: bool,
    spin: Duration,
    send_failed: u64,
}

struct Port {
    device: SyncDevice,
    /// The way from this interface to the other.
    link: Link,
    direction: Direction,
    /// Packets that came out here.
    delivered: Counters,
}

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Port").field("direction", &self.direction).finish_non_exhaustive()
    }
}

impl Router {
    /// Creates the interfaces and asks for real-time priority.
    ///
    /// # Errors
    ///
    /// What the system says; most often that this needs root. Ordinary priority is no error.
    pub fn open(config: &RouterConfig) -> io::Result<Self> {
        let port = |name: &str, direction| {
            let device = DeviceBuilder::new().name(name).inherit_enable_state().build_sync();
            let device = device.map_err(|error| {
                io::Error::new(error.kind(), format!("TUN interface {name}: {error}; root needed"))
            })?;
            device.set_nonblocking(true)?;
            let link = config.impairment.link(0, direction);
            Ok::<_, io::Error>(Port { device, link, direction, delivered: Counters::default() })
        };
        let [first, second] = &config.interfaces;
        Ok(Self {
            ports: [port(first, Direction::Up)?, port(second, Direction::Down)?],
            schedule: Schedule::new(config.waiting_max, config.impairment.blackout()),
            realtime: take_realtime_priority(),
            spin: config.spin,
            send_failed: 0,
        })
    }

    /// Whether the system granted real-time priority. Without it, lateness is milliseconds on a
    /// busy machine.
    pub fn is_realtime(&self) -> bool {
        self.realtime
    }

    /// Passes packets until `stop`, then tells what has happened. What is still waiting then is
    /// thrown away.
    ///
    /// # Errors
    ///
    /// When an interface is deleted, or waiting for them fails. Errors of single packets are
    /// counted.
    pub fn run(mut self, stop: &Stop) -> io::Result<Report> {
        let clock = Clock::start();
        let spin = if self.realtime { self.spin } else { Duration::ZERO };
        let mut buf = vec![0; PACKET_MAX];
        loop {
            while let Some((direction, bytes)) = self.schedule.take(clock.now()) {
                self.send(direction, &bytes);
            }
            if stop.is_due(clock.now()) {
                return Ok(self.report(clock));
            }
            let mut is_idle = true;
            for port in &mut self.ports {
                is_idle &= !port.read(&mut self.schedule, clock, &mut buf);
            }
            let pause = self.schedule.pause(clock.now());
            if is_idle && pause.is_none_or(|pause| pause > spin) {
                let [first, second] = &self.ports;
                let mut fds = [first, second].map(|port| PollFd::new(&port.device, PollFlags::IN));
                wait(&mut fds, pause.map(|pause| pause - spin))?;
                // Such an interface is always "readable": going on would burn a processor.
                if fds.iter().any(|fd| fd.revents().contains(PollFlags::ERR)) {
                    return Err(io::Error::other("a TUN interface was deleted"));
                }
            }
        }
    }

    fn send(&mut self, direction: Direction, bytes: &[u8]) {
        // Up comes from the first interface and leaves by the second.
        let port = &mut self.ports[1 - direction as usize];
        match port.device.send(bytes) {
            Ok(_) => {
                port.delivered.delivered += 1;
                port.delivered.delivered_bytes += bytes.len() as u64;
            }
            Err(_) => self.send_failed += 1,
        }
    }

    fn report(self, clock: Clock) -> Report {
        let [first, second] = self.ports;
        let (mut up, mut down) = (*first.link.counters(), *second.link.counters());
        up += second.delivered;
        down += first.delivered;
        Report {
            up,
            down,
            overflowed: self.schedule.overflowed(),
            send_failed: self.send_failed,
            refused: 0,
            blacked_out: self.schedule.blacked_out(),
            origin_micros: clock.origin_micros(),
            lateness_micros: self.schedule.lateness_micros().clone(),
        }
    }
}

impl Port {
    /// Reads what is there, up to a limit; says whether there was anything.
    fn read(&mut self, schedule: &mut Schedule<Direction>, clock: Clock, buf: &mut [u8]) -> bool {
        for turn in 0..READS_PER_TURN {
            // Errors other than "nothing there" come while the interface is down or being moved;
            // waiting is right for them, too.
            let Ok(len) = self.device.recv(buf) else { return turn > 0 };
            schedule.admit(&mut self.link, clock.now(), self.direction, &buf[..len]);
        }
        true
    }
}

/// Puts this process under SCHED_FIFO, below the kernel's own threads; says whether that worked.
fn take_realtime_priority() -> bool {
    Command::new("chrt")
        .args(["--fifo", "--pid", "50", &std::process::id().to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

const PACKET_MAX: usize = 65_536;

/// So that one busy interface doesn't keep due packets waiting.
const READS_PER_TURN: usize = 32;
