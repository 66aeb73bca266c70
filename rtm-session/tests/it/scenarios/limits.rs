//! What a session may take: memory, and bytes and packets on the wire.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rtm_session::{Config, SessionStats};
use rtm_sim::Counters;
use rtm_sim::scenario::{Change, Conditions, Failure, Quantity, Scenario, Way};
use rtm_wire::{Packet, Time};

use super::history::History;

/// What a session may hold, from its configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    receive_max: u64,
}

/// A packet's messages may go beyond the bound: it is asked once for each packet. With 32 bytes for
/// each of its shortest messages.
const ONE_PACKET: u64 = 8 * 1_024;
/// Packets on their way, lost ones not long ago, and ranges between them; far below what a session
/// with messages of this test's sizes has in flight.
const PACKETS_REMEMBERED_MAX: usize = 6_000;

impl Memory {
    pub(crate) fn new(config: &Config) -> Self {
        Self { receive_max: config.receive_bytes_max() }
    }

    pub(crate) fn check(&self, stats: &SessionStats, history: &History) -> Result<(), Failure> {
        let held = stats.receive_bytes as u64 + stats.unreleased_bytes;
        let is_bounded = stats.receive_bytes as u64 <= self.receive_max
            && held <= self.receive_max + ONE_PACKET
            && stats.send_messages as u64 <= history.said()
            && stats.send_bytes as u64 <= history.said_bytes()
            && stats.packets_remembered <= PACKETS_REMEMBERED_MAX;
        if is_bounded {
            return Ok(());
        }
        let detail = format!("{stats:?}, bound {}", self.receive_max);
        Err(Failure::new("memory is not bounded", detail))
    }
}

/// What a server has sent where, before it could know that the client is there.
///
/// An address can be proved no earlier than the client could have answered something that was
/// sent there: not by a first flight, and not within the shortest round trip.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    addresses: BTreeMap<SocketAddr, Traffic>,
    round_trip: Duration,
}

#[derive(Debug, Default)]
struct Traffic {
    received: u64,
    sent: u64,
    first_sent: Option<Time>,
    may_be_proved: bool,
}

impl Reach {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let changes = scenario.events.iter().map(|event| event.change);
        let delay = |of: fn(&Scenario) -> Conditions, is_ours: fn(Way) -> bool| {
            let during = changes.clone().filter_map(|change| match change {
                Change::Link(way, link) if is_ours(way) => Some(link),
                _ => None,
            });
            let links = during.chain([of(scenario)]);
            links.map(|link| link.of(Quantity::Delay)).min().unwrap_or(0)
        };
        let millis =
            delay(|it| it.up, |way| way != Way::Down) + delay(|it| it.down, |way| way != Way::Up);
        // A clock that jumps measures nothing; one that drifts measures well enough.
        let jumps = changes.clone().any(|it| matches!(it, Change::Clock { jump_ms: 1.., .. }));
        let micros = if jumps { 0 } else { u64::from(millis) * 990 };
        Self { addresses: BTreeMap::new(), round_trip: Duration::from_micros(micros) }
    }

    pub(crate) fn received(&mut self, now: Time, from: SocketAddr, datagram: &[u8]) {
        let traffic = self.addresses.entry(from).or_default();
        traffic.received += datagram.len() as u64;
        let is_answer = matches!(Packet::decode(datagram), Ok(Packet::Data { .. }));
        let due = traffic.first_sent.map(|first| first + self.round_trip);
        traffic.may_be_proved |= is_answer && due.is_some_and(|due| due <= now);
    }

    pub(crate) fn sent(&mut self, now: Time, to: SocketAddr, bytes: usize) -> Result<(), Failure> {
        let traffic = self.addresses.entry(to).or_default();
        traffic.sent += bytes as u64;
        traffic.first_sent.get_or_insert(now);
        if traffic.may_be_proved || traffic.sent <= 3 * traffic.received {
            return Ok(());
        }
        let detail = format!("{to}: {} for {} bytes", traffic.sent, traffic.received);
        Err(Failure::new("an address gets too much before it is proved", detail))
    }
}

/// What one end may send. The multiple is what redundancy may take; at the losses that scenarios
/// have, sending again takes less.
const BYTES_PER_BYTE: u64 = 6;
/// Each message has a header, and most a packet of their own.
const BYTES_PER_MESSAGE: u64 = 80;
/// Whatever comes may be acknowledged at once.
const BYTES_PER_ARRIVAL: u64 = 100;
/// Probes and keep-alive while nothing comes back: two a second when all is lost, more while a
/// round trip is short.
const BYTES_PER_SECOND: u64 = 3_000;
/// Handshake, good-bye, and a few probes with long packets.
const BYTES_AT_ALL: u64 = 24_000;

/// The most that one end may have sent: `arrived` datagrams have come to it.
pub(crate) fn check_budget(
    history: &History,
    sent: &Counters,
    arrived: u64,
    span: Duration,
) -> Result<(), Failure> {
    let idle = BYTES_PER_SECOND * span.as_secs() + BYTES_PER_ARRIVAL * arrived + BYTES_AT_ALL;
    let fresh = history.said_bytes() + BYTES_PER_MESSAGE * history.said();
    let bytes_max = BYTES_PER_BYTE * fresh + idle;
    // Packets of 1,200 bytes, or one for each message and arrival, on the same terms.
    let packets_max = BYTES_PER_BYTE * (history.said_bytes() / 1_000 + history.said())
        + arrived
        + 20 * span.as_secs()
        + 100;
    if sent.sent_bytes <= bytes_max && sent.sent <= packets_max {
        return Ok(());
    }
    let Counters { sent, sent_bytes, .. } = sent;
    let (said, said_bytes) = (history.said(), history.said_bytes());
    let detail = format!(
        "{sent_bytes} bytes (at most {bytes_max}) in {sent} packets (at most {packets_max}) for \
         {said} messages of {said_bytes} bytes"
    );
    Err(Failure::new("more is sent than the budget", detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of a session, as far as the checker looks.
    const DATA: [u8; 40] = [0x80; 40];

    #[test]
    fn too_much_for_an_address_that_is_not_proved_is_noticed() {
        let scenario: Scenario = "up delay=20; down delay=30".parse().expect("a scenario");
        let to: SocketAddr = "10.0.0.9:9".parse().expect("an address");
        let at = |ms| Time::ZERO + Duration::from_millis(ms);
        assert!(matches!(Packet::decode(&DATA), Ok(Packet::Data { .. })), "the test's own packet");

        let mut reach = Reach::new(&scenario);
        reach.received(at(0), to, &DATA);
        assert_eq!(reach.sent(at(0), to, 120), Ok(()));
        // Sent before ours can have arrived there.
        reach.received(at(40), to, &DATA);
        assert_eq!(reach.sent(at(40), to, 120), Ok(()));
        assert!(reach.sent(at(40), to, 1).is_err());
        reach.received(at(50), to, &DATA);
        assert_eq!(reach.sent(at(50), to, 10_000), Ok(()));
    }

    #[test]
    fn more_than_the_budget_is_noticed() {
        let mut history = History::new();
        history.say(rtm_wire::LaneId::CONTROL, vec![0; 920].into());
        let sent = |sent, sent_bytes| Counters { sent, sent_bytes, ..Counters::default() };
        let check = |counters: Counters| check_budget(&history, &counters, 10, Duration::ZERO);
        // Six times a thousand bytes, ten acknowledgements, and the allowance.
        assert_eq!(check(sent(100, 31_000)), Ok(()));
        assert!(check(sent(100, 31_001)).is_err());
        assert!(check(sent(117, 31_000)).is_err());
    }

    #[test]
    fn memory_above_what_is_configured_is_noticed() {
        let config = Config::default().lanes_max(1).message_len_max(1_000).lane_credit(2_000);
        let (memory, history) = (Memory::new(&config), History::new());
        assert_eq!(memory.check(&SessionStats::default(), &history), Ok(()));
        // Statistics can't be made up from outside, but for what a lane brings: see `peer.rs`.
        assert_eq!(memory.receive_max, 4_000);
    }
}
