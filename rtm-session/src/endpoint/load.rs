//! First flights that cost work and bring nothing.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rtm_wire::Time;

/// How long failures are counted together.
const WINDOW: Duration = Duration::from_secs(1);
/// Failures, in this window and the one before, from which on clients have to prove their address.
const LOAD: u32 = 64;
/// Failures in a window after which a place is not listened to until the next.
const FAILURES_MAX: u32 = 64;
/// Places of which failures are counted; what a botnet does beyond is not told apart.
const PLACES_MAX: usize = 1_024;

/// Who may be one sender: an IPv4 address, or an IPv6 network of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    V4([u8; 4]),
    V6([u8; 8]),
}

impl Place {
    pub(crate) fn new(addr: SocketAddr) -> Self {
        match addr.ip().to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip.octets()),
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, g, h, ..] = ip.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

/// Counts first flights that did not open: each costs a key agreement.
#[derive(Debug)]
pub(crate) struct Failures {
    window_end: Time,
    present: u32,
    former: u32,
    /// Of places that have proved to be where they say.
    places: BTreeMap<Place, u32>,
}

impl Failures {
    pub(crate) const fn new() -> Self {
        Self { window_end: Time::ZERO, present: 0, former: 0, places: BTreeMap::new() }
    }

    /// Whether so many have failed that clients have to prove their address first.
    pub(crate) fn are_load(&mut self, now: Time) -> bool {
        self.roll(now);
        self.present.saturating_add(self.former) >= LOAD
    }

    /// Whether so many have failed from this place that it gets no hearing.
    pub(crate) fn are_too_many(&mut self, now: Time, place: Place) -> bool {
        self.roll(now);
        self.places.get(&place).is_some_and(|count| *count >= FAILURES_MAX)
    }

    /// One has failed; `place` is where it came from, if that is proved.
    pub(crate) fn note(&mut self, now: Time, place: Option<Place>) {
        self.roll(now);
        self.present = self.present.saturating_add(1);
        let Some(place) = place else { return };
        if self.places.len() < PLACES_MAX || self.places.contains_key(&place) {
            *self.places.entry(place).or_default() += 1;
        }
    }

    fn roll(&mut self, now: Time) {
        if now >= self.window_end {
            let is_long_ago = now >= self.window_end + WINDOW;
            self.former = if is_long_ago { 0 } else { self.present };
            self.present = 0;
            self.places.clear();
            self.window_end = now + WINDOW;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(addr: &str) -> Place {
        Place::new(addr.parse().expect("address"))
    }

    #[test]
    fn a_place_is_an_address_or_a_network() {
        assert_eq!(place("10.0.0.1:1"), place("10.0.0.1:2"));
        assert_eq!(place("10.0.0.1:1"), place("[::ffff:10.0.0.1]:1"));
        assert_ne!(place("10.0.0.1:1"), place("10.0.0.2:1"));
        assert_eq!(place("[2001:db8::1]:1"), place("[2001:db8::ffff:1]:2"));
        assert_ne!(place("[2001:db8::1]:1"), place("[2001:db8:0:1::1]:1"));
    }

    #[test]
    fn failures_count_for_a_second_or_two_and_places_are_bounded() {
        let at = |millis: u64| Time::from_micros(millis * 1_000);
        let mut failures = Failures::new();
        let here = place("10.0.0.1:1");
        for _ in 0..64 {
            assert!(!failures.are_load(at(10)) && !failures.are_too_many(at(10), here));
            failures.note(at(10), Some(here));
        }
        assert!(failures.are_load(at(10)) && failures.are_too_many(at(10), here));
        assert!(!failures.are_too_many(at(10), place("10.0.0.2:1")));
        assert!(failures.are_load(at(1_500)) && !failures.are_too_many(at(1_500), here));
        assert!(!failures.are_load(at(2_600)));
        for number in 0..10_000_u32 {
            let from = SocketAddr::from((number.to_be_bytes(), 1));
            failures.note(at(2_600), Some(Place::new(from)));
        }
        assert_eq!(failures.places.len(), PLACES_MAX);
    }
}
