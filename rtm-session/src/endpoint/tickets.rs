//! A server's tickets, and the register of the early data that came with them (protocol §5.5,
//! §5.6).

use std::collections::{BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use rtm_wire::{Resumption, SealedTicket, TicketContents, Time, UnixTime};

use super::accepting::FlightKey;
use crate::crypto::{Generator, Secret, TicketSealer};
use crate::ticket::TicketConfig;

/// How far the time at which early data was sent, as the ticket's age tells it, may lie from now.
const WINDOW: Duration = Duration::from_secs(10);
/// How long a flight is remembered: as long as a copy may be timely, and what rounding makes of it.
const MEMORY: Duration = Duration::from_millis(20_002);
/// A wall clock that is set by so much has jumped.
const JUMP_MS: u64 = 1_000;

/// Makes tickets, opens them, and says whether early data is new.
#[derive(Debug)]
pub(crate) struct Tickets {
    config: TicketConfig,
    sealer: TicketSealer,
    generator: Generator,
    /// The wall clock's milliseconds at the origin of `now`.
    origin: u64,
    register: Register,
}

/// What a ticket that counts says.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) secret: Secret,
    pub(crate) state: Bytes,
    register: [u8; 8],
    issued: UnixTime,
}

/// A new ticket.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) bytes: Vec<u8>,
    pub(crate) lifetime_ms: u64,
    pub(crate) early_max: u64,
}

impl Tickets {
    pub(crate) fn new(config: TicketConfig, generator: &mut Generator) -> Self {
        let sealer = TicketSealer::new(config.secret.clone(), generator.fork());
        let mut generator = generator.fork_generator();
        let register = Register::new(config.early_flights_max, &mut generator);
        Self { config, sealer, generator, origin: 0, register }
    }

    /// What the wall clock shows. After a jump, ages of older tickets can't be trusted, so their
    /// early data isn't taken any more.
    pub(crate) fn set_wall_clock(&mut self, now: Time, wall: UnixTime) {
        let origin = wall.as_millis().saturating_sub(millis(now));
        if origin.abs_diff(self.origin) > JUMP_MS {
            self.origin = origin;
            self.register = Register::new(self.config.early_flights_max, &mut self.generator);
        }
    }

    /// A ticket with this secret and state.
    pub(crate) fn issue(
        &mut self,
        now: Time,
        secret: &Secret,
        state: &[u8],
        lifetime: Duration,
    ) -> Issued {
        let wall = self.wall(now);
        let key = wall / self.rotation();
        let lifetime = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
        let expires = wall.saturating_add(lifetime).min(self.end_of(key));
        let contents = TicketContents {
            secret: *secret.as_bytes(),
            register: self.register.name,
            issued: UnixTime::from_millis(wall),
            expires: UnixTime::from_millis(expires),
            state,
        };
        let bytes = self.sealer.seal(key, &contents);
        let early_max = self.config.early_len_max as u64;
        Issued { bytes, lifetime_ms: expires - wall, early_max }
    }

    /// What is in a ticket, if it counts.
    pub(crate) fn open(&self, now: Time, ticket: &[u8]) -> Option<Opened> {
        let wall = self.wall(now);
        let ticket = SealedTicket::decode(ticket).ok()?;
        if !self.keys(wall).contains(&ticket.key) {
            return None;
        }
        let contents = self.sealer.open(&ticket)?;
        let contents = TicketContents::decode(&contents).ok()?;
        (wall < contents.expires.as_millis()).then(|| Opened {
            secret: Secret::new(contents.secret),
            state: Bytes::copy_from_slice(contents.state),
            register: contents.register,
            issued: contents.issued,
        })
    }

    /// Whether early data with this ticket is new, from now on known, and to be taken.
    pub(crate) fn takes_early(
        &mut self,
        now: Time,
        ticket: &Opened,
        resumption: &Resumption<'_>,
        flight: FlightKey,
    ) -> bool {
        let age = self.wall(now).saturating_sub(ticket.issued.as_millis());
        let is_timely = age.abs_diff(resumption.age_ms) <= WINDOW.as_millis() as u64;
        let is_ours = ticket.register == self.register.name;
        let is_short = resumption.early.encoded_len() <= self.config.early_len_max;
        is_timely && is_ours && is_short && self.register.admit(now, flight)
    }

    fn wall(&self, now: Time) -> u64 {
        self.origin.saturating_add(millis(now))
    }

    fn rotation(&self) -> u64 {
        (self.config.rotation.as_millis() as u64).max(1)
    }

    /// When a key's tickets stop counting, in wall-clock milliseconds.
    fn end_of(&self, key: u64) -> u64 {
        let overlap = u64::try_from(self.config.overlap.as_millis()).unwrap_or(u64::MAX);
        (key + 1).saturating_mul(self.rotation()).saturating_add(overlap)
    }

    /// Keys whose tickets count; one of the next period's may come from a server whose clock is
    /// ahead.
    fn keys(&self, wall: u64) -> RangeInclusive<u64> {
        let overlap = u64::try_from(self.config.overlap.as_millis()).unwrap_or(u64::MAX);
        wall.saturating_sub(overlap) / self.rotation()..=wall / self.rotation() + 1
    }
}

fn millis(now: Time) -> u64 {
    now.as_micros() / 1_000
}

/// First flights whose early data was taken, for as long as a copy would still be timely.
#[derive(Debug)]
struct Register {
    /// Stands in the tickets whose early data it knows all of.
    name: [u8; 8],
    flights_max: usize,
    seen: BTreeSet<FlightKey>,
    /// All of `seen`, with when they are forgotten; oldest first.
    order: VecDeque<(Time, FlightKey)>,
}

impl Register {
    fn new(flights_max: usize, generator: &mut Generator) -> Self {
        let mut name = [0; 8];
        generator.fill(&mut name);
        Self { name, flights_max, seen: BTreeSet::new(), order: VecDeque::new() }
    }

    /// Whether the flight is new and there is room to remember it.
    ///
    /// One that is timely now was sent at most [`WINDOW`] from now, and is untimely after twice
    /// that.
    fn admit(&mut self, now: Time, flight: FlightKey) -> bool {
        while self.order.front().is_some_and(|(forget, _)| *forget < now) {
            let Some((_, old)) = self.order.pop_front() else { break };
            self.seen.remove(&old);
        }
        if self.seen.len() >= self.flights_max || !self.seen.insert(flight) {
            return false;
        }
        self.order.push_back((now + MEMORY, flight));
        true
    }
}

#[cfg(test)]
mod tests {
    use rtm_wire::{ConnectionId, EarlyMessages};

    use super::*;
    use crate::crypto::Seed;

    const SECRET: Secret = Secret::new([7; 32]);

    fn tickets(config: TicketConfig) -> Tickets {
        Tickets::new(config, &mut Generator::new(Seed::from_bytes([1; 32])))
    }

    fn at(seconds: u64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    /// A resumption of this age with so many bytes of early data, counted as written.
    fn takes(
        tickets: &mut Tickets,
        now: u64,
        ticket: &[u8],
        age_ms: u64,
        (len, number): (usize, u8),
    ) -> bool {
        let opened = tickets.open(at(now), ticket).expect("good");
        let (message, mut buffer) = (vec![7; len - 2], Vec::new());
        let early = EarlyMessages::encode([&message[..]], &mut buffer);
        let resumption = Resumption { age_ms, early };
        tickets.takes_early(at(now), &opened, &resumption, flight(number))
    }

    fn flight(number: u8) -> FlightKey {
        FlightKey::new(ConnectionId([number; 8]), &[number; 32]).expect("long enough")
    }

    #[test]
    fn a_ticket_counts_until_its_end_or_its_keys() {
        // Keys of an hour, good for two more.
        for (issued, asked, last) in [
            (0, 60, 59),
            (0, 1_000_000, 3 * 3_600 - 1),
            (3_599, 1_000_000, 3 * 3_600 - 1),
            (3_600, 1_000_000, 4 * 3_600 - 1),
        ] {
            let mut tickets = tickets(TicketConfig::default());
            let lifetime = Duration::from_secs(asked);
            let issued = tickets.issue(at(issued), &SECRET, b"state", lifetime).bytes;
            let opened = tickets.open(at(last), &issued).expect("still good");
            assert_eq!((&opened.secret, &opened.state[..]), (&SECRET, &b"state"[..]));
            assert!(tickets.open(at(last + 1), &issued).is_none(), "{last}");
        }
    }

    #[test]
    fn servers_with_one_secret_agree_on_keys_by_the_wall_clock() {
        let config = TicketConfig::default().secret([9; 32]);
        let [mut one, mut other] = [tickets(config.clone()), tickets(config)];
        one.set_wall_clock(at(5), UnixTime::from_millis(1_795_000_000_000));
        other.set_wall_clock(at(700_000), UnixTime::from_millis(1_795_000_001_000));
        let ticket = one.issue(at(5), &SECRET, b"", Duration::from_secs(60)).bytes;
        assert!(other.open(at(700_000), &ticket).is_some());
        assert!(other.open(at(700_059), &ticket).is_none(), "a minute has passed");
    }

    #[test]
    fn early_data_is_taken_once_and_in_time() {
        let mut tickets = tickets(TicketConfig::default());
        let issued = tickets.issue(at(100), &SECRET, b"", Duration::from_secs(3_600)).bytes;
        for (now, age_ms, number, taken) in [
            (160, 60_000, 1, true),
            (160, 60_000, 1, false),
            (160, 50_000, 2, true),
            (160, 49_999, 3, false),
            (160, 70_001, 4, false),
            // As long as the copy is timely, it is known.
            (170, 60_000, 1, false),
            (180, 70_000, 1, false),
        ] {
            let is_taken = takes(&mut tickets, now, &issued, age_ms, (100, number));
            assert_eq!(is_taken, taken, "{now} {age_ms} {number}");
        }
    }

    #[test]
    fn a_full_register_refuses_and_forgets_in_time() {
        let mut tickets = tickets(TicketConfig::default().early_flights_max(2));
        let issued = tickets.issue(at(0), &SECRET, b"", Duration::from_secs(3_600)).bytes;
        let mut take = |now, number| takes(&mut tickets, now, &issued, now * 1_000, (100, number));
        assert_eq!([take(1, 1), take(1, 2), take(1, 3), take(21, 4)], [true, true, false, false]);
        assert!(take(22, 5));
    }

    #[test]
    fn more_early_data_than_allowed_is_refused() {
        for (len, taken) in [(512, true), (513, false)] {
            let mut tickets = tickets(TicketConfig::default());
            let issued = tickets.issue(at(0), &SECRET, b"", Duration::from_secs(3_600)).bytes;
            let is_taken = takes(&mut tickets, 1, &issued, 1_000, (len, 1));
            assert_eq!(is_taken, taken, "{len} bytes");
        }
    }

    #[test]
    fn a_clock_that_jumps_takes_no_early_data_of_older_tickets() {
        let mut tickets = tickets(TicketConfig::default());
        let issued = tickets.issue(at(0), &SECRET, b"", Duration::from_secs(3_600)).bytes;
        for (wall_ms, taken) in [(1_900, true), (4_000, false)] {
            tickets.set_wall_clock(at(1), UnixTime::from_millis(wall_ms));
            assert_eq!(takes(&mut tickets, 1, &issued, 1_000, (100, 1)), taken);
        }
    }
}
