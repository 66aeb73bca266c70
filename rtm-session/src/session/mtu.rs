//! How long datagrams may be: path MTU discovery (RFC 8899, protocol §7.9).
//!
//! ```text
//!           known to pass, or not             time is up
//! Searching ─────────────────────► Resting ─────────────► Searching
//!     ▲                               │ black hole: rests at the base
//!     └────────── new path ───────────┘
//! ```

use std::time::Duration;

use rtm_wire::{Encode, PacketNumber, Padding, Ping, Time};

use super::{Contents, Session};
use crate::crypto::TAG_LEN;

/// Packets that have to be acknowledged before a probe: a session that says nothing needs none.
const PAUSE: u32 = 8;
/// After so many more, a probe goes before messages that are always there.
const PATIENCE: u32 = 64;
/// Losses after which a length doesn't pass: as many as are improbable on a path that loses much.
const TRIES: Row = Row { risk: 0.01, least: 3, most: 8 };
/// The search ends when it can't win more bytes than this.
const STEP: usize = 20;
/// Pause before the search begins anew: the path may be another one.
const REST: Duration = Duration::from_secs(600);
/// The same after a black hole.
const REST_AFTER_HOLE: Duration = Duration::from_secs(60);
/// Long packets lost in a row that make a black hole.
const HOLE: Row = Row { risk: 1e-6, least: 6, most: 48 };
/// Stretches of them between which shorter packets have arrived. A burst of losses is one.
const STRETCHES: u32 = 5;
/// What follows a probe's ping: kind and length of the padding, at most.
const PADDING_HEAD: usize = 3;

/// How many losses in a row are no chance.
#[derive(Clone, Copy, Debug)]
struct Row {
    risk: f64,
    least: u32,
    most: u32,
}

impl Row {
    fn at(self, loss: f64) -> u32 {
        let (mut count, mut all_lost) = (1, loss);
        while (all_lost > self.risk || count < self.least) && count < self.most {
            all_lost *= loss;
            count += 1;
        }
        count
    }
}

/// Length of datagrams towards the peer.
#[derive(Debug)]
pub(super) struct Mtu {
    /// Passes everywhere.
    base: usize,
    /// More is never tried. Not above `base`: there is no search.
    max: usize,
    /// Known to pass.
    current: usize,
    state: State,
    /// Packets acknowledged since the last probe.
    acked: u32,
    hole: Hole,
}

#[derive(Debug)]
enum State {
    /// `next` is tried; `failing` and longer don't pass, or are above the maximum.
    Searching { next: usize, failing: usize, lost: u32, out: Option<PacketNumber> },
    /// Until then, if ever.
    Resting { until: Option<Time> },
}

/// Packets above the base that were lost since one arrived.
#[derive(Debug, Default)]
struct Hole {
    lost: u32,
    stretches: u32,
    /// A shorter packet has arrived since the last of them was found lost.
    has_shorter: bool,
}

impl Mtu {
    pub(super) fn new(base: usize, max: usize) -> Self {
        let state = Self::start(base, max);
        Self { base, max, current: base, state, acked: 0, hole: Hole::default() }
    }

    /// The path is another one.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.base, self.max);
    }

    /// Longest datagram that is known to pass.
    pub(super) const fn len(&self) -> usize {
        self.current
    }

    /// Longest datagram that passes everywhere.
    pub(super) const fn base(&self) -> usize {
        self.base
    }

    /// The length that is to be tried now.
    fn due(&mut self, now: Time) -> Option<usize> {
        if let State::Resting { until: Some(until) } = self.state {
            if now >= until {
                self.state = Self::start(self.current, self.max);
            }
        }
        match self.state {
            State::Searching { next, out: None, .. } if self.acked >= PAUSE => Some(next),
            _ => None,
        }
    }

    /// Whether a probe has waited for long.
    pub(super) const fn is_pressing(&self) -> bool {
        self.acked >= PAUSE + PATIENCE
    }

    fn on_probe_sent(&mut self, number: PacketNumber) {
        self.acked = 0;
        if let State::Searching { out, .. } = &mut self.state {
            *out = Some(number);
        }
    }

    /// What was tried passes.
    pub(super) fn on_probe_acked(&mut self, now: Time, number: PacketNumber) {
        match self.state {
            State::Searching { next, failing, out, .. } if out == Some(number) => {
                self.current = next;
                self.hole = Hole::default();
                self.narrow(now, failing);
            }
            // It belongs to another path, or was given up.
            _ => {}
        }
    }

    /// What was tried may not pass, on a path with this `loss`.
    pub(super) fn on_probe_lost(&mut self, now: Time, number: PacketNumber, loss: f64) {
        match &mut self.state {
            State::Searching { next, lost, out, .. } if *out == Some(number) => {
                *out = None;
                *lost += 1;
                if *lost >= TRIES.at(loss) {
                    let failing = *next;
                    self.narrow(now, failing);
                }
            }
            _ => {}
        }
    }

    /// A packet of `bytes` that was no probe has arrived.
    pub(super) fn on_acked(&mut self, bytes: usize) {
        self.acked = self.acked.saturating_add(1);
        if bytes > self.base {
            self.hole = Hole::default();
        } else {
            self.hole.has_shorter = true;
        }
    }

    /// A packet of `bytes` that was no probe is lost, on a path with this `loss` after a loss.
    pub(super) fn on_lost(&mut self, now: Time, bytes: usize, loss: f64) {
        if bytes <= self.base || self.current == self.base {
            return;
        }
        self.hole.lost += 1;
        self.hole.stretches += u32::from(std::mem::take(&mut self.hole.has_shorter));
        if self.hole.lost >= HOLE.at(loss) && self.hole.stretches >= STRETCHES {
            let state = State::Resting { until: Some(now + REST_AFTER_HOLE) };
            *self = Self { state, ..Self::new(self.base, self.max) };
        }
    }

    /// First the longest, as it passes nearly everywhere.
    fn start(current: usize, max: usize) -> State {
        if current >= max {
            return State::Resting { until: None };
        }
        State::Searching { next: max, failing: max + 1, lost: 0, out: None }
    }

    /// Tries something between what passes and what doesn't.
    fn narrow(&mut self, now: Time, failing: usize) {
        let next = self.current + (failing - self.current) / 2;
        self.state = if self.current >= self.max {
            State::Resting { until: None }
        } else if failing - self.current <= STEP {
            State::Resting { until: Some(now + REST) }
        } else {
            State::Searching { next, failing, lost: 0, out: None }
        };
    }
}

impl Session {
    /// Writes a probe, if one is due and there is nothing that it could make worse.
    pub(super) fn transmit_length_probe(&mut self, now: Time, datagram: &mut Vec<u8>) -> bool {
        let Some(length) = self.mtu.due(now) else { return false };
        let is_calm = !self.path.is_stream()
            && self.path.is_proved()
            && !self.recovery.circumstances().queue_stands
            && !self.recovery.is_silent(now)
            && self.recovery.may_send(now, length);
        if !is_calm {
            return false;
        }
        self.begin(datagram);
        let header_len = datagram.len();
        Ping.encode(datagram);
        let left = length - datagram.len() - TAG_LEN;
        // A long length takes two bytes more: the probe is that much shorter at worst.
        let padding = Padding { length: left - PADDING_HEAD };
        let excess = padding.encoded_len().saturating_sub(left);
        Padding { length: padding.length - excess }.encode(datagram);
        self.finish(header_len, datagram);
        let number = self.next_number;
        let length_probe = Some(number);
        let contents = Contents { length_probe, bytes: datagram.len(), ..Contents::default() };
        self.recovery.on_length_probe_sent(now, number, datagram.len(), contents);
        self.advance_number();
        self.mtu.on_probe_sent(number);
        // It is none of the messages, so it comes out of what copies may cost.
        self.redundancy.pay(now, datagram.len());
        self.stats.length_probes_sent += 1;
        true
    }

    /// Recovery goes by the length that holds now.
    pub(super) fn apply_length(&mut self) {
        self.recovery.set_datagram_len(self.mtu.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches on a path of this length, without other loss: what it found, in how many probes.
    fn search(mtu: &mut Mtu, now: Time, path: usize) -> (usize, u64) {
        for number in 0.. {
            (0..PAUSE).for_each(|_| mtu.on_acked(100));
            let Some(length) = mtu.due(now) else { return (mtu.len(), number) };
            let number = PacketNumber(number);
            mtu.on_probe_sent(number);
            assert_eq!(mtu.due(now), None, "one at a time");
            match length <= path {
                true => mtu.on_probe_acked(now, number),
                false => mtu.on_probe_lost(now, number, 0.0),
            }
        }
        unreachable!("the search ends")
    }

    #[test]
    fn the_search_finds_what_passes_in_few_probes() {
        for path in [1_200, 1_219, 1_220, 1_280, 1_300, 1_400, 1_451, 1_452, 1_500, 9_000] {
            let mut mtu = Mtu::new(1_200, 1_452);
            let (found, probes) = search(&mut mtu, Time::ZERO, path);
            let best = path.min(1_452);
            assert!(found <= best && best - found < 20, "{path}: {found}");
            assert!(probes <= 15, "{path}: {probes} probes");
            assert_eq!(probes == 1, path >= 1_452, "{path}");
        }
    }

    #[test]
    fn a_search_without_a_span_does_not_begin() {
        for max in [0, 1_200] {
            assert_eq!(search(&mut Mtu::new(1_200, max), Time::ZERO, 9_000), (1_200, 0));
        }
    }

    #[test]
    fn a_path_that_has_become_longer_is_found_after_a_rest() {
        let mut mtu = Mtu::new(1_200, 1_452);
        let (short, _) = search(&mut mtu, Time::ZERO, 1_300);
        let early = Time::ZERO + REST - Duration::from_micros(1);
        assert_eq!(search(&mut mtu, early, 9_000), (short, 0));
        assert_eq!(search(&mut mtu, Time::ZERO + REST, 9_000), (1_452, 1));
    }

    #[test]
    fn a_probe_of_the_former_path_says_nothing() {
        let mut mtu = Mtu::new(1_200, 1_452);
        (0..PAUSE).for_each(|_| mtu.on_acked(100));
        assert_eq!(mtu.due(Time::ZERO), Some(1_452));
        mtu.on_probe_sent(PacketNumber(9));
        mtu.restart();
        mtu.on_probe_acked(Time::ZERO, PacketNumber(9));
        assert_eq!(mtu.len(), 1_200);
    }

    /// Whether losses of long packets in such stretches, a short one arriving before each, make a
    /// hole.
    fn is_hole(stretches: &[u32], loss: f64) -> bool {
        let mut mtu = Mtu::new(1_200, 1_452);
        search(&mut mtu, Time::ZERO, 1_452);
        for &length in stretches {
            mtu.on_acked(1_200);
            (0..length).for_each(|_| mtu.on_lost(Time::ZERO, 1_201, loss));
        }
        mtu.len() == 1_200
    }

    #[test]
    fn a_hole_is_many_losses_in_several_stretches() {
        assert!(is_hole(&[2, 1, 1, 1, 1], 0.0));
        assert!(!is_hole(&[1, 1, 1, 1, 1], 0.0), "too few");
        assert!(!is_hole(&[50, 50, 50, 50], 0.0), "four bursts");
        assert!(!is_hole(&[3, 3, 2, 2, 1], 0.3), "too few for such a loss");
        assert!(is_hole(&[3, 3, 2, 2, 2], 0.3));
        assert!(is_hole(&[20, 10, 10, 4, 4], 0.95));
        let mut mtu = Mtu::new(1_200, 1_452);
        search(&mut mtu, Time::ZERO, 1_452);
        for _ in 0..100 {
            mtu.on_acked(600);
            (0..3).for_each(|_| mtu.on_lost(Time::ZERO, 1_452, 0.1));
            mtu.on_acked(1_452);
        }
        assert_eq!(mtu.len(), 1_452, "some arrive");
    }

    #[test]
    fn after_a_hole_the_search_rests_for_a_minute() {
        let mut mtu = Mtu::new(1_200, 1_452);
        search(&mut mtu, Time::ZERO, 1_452);
        for _ in 0..6 {
            mtu.on_acked(100);
            mtu.on_lost(Time::ZERO, 1_452, 0.0);
        }
        let early = Time::ZERO + REST_AFTER_HOLE - Duration::from_micros(1);
        assert_eq!(search(&mut mtu, early, 1_452), (1_200, 0));
        assert_eq!(search(&mut mtu, Time::ZERO + REST_AFTER_HOLE, 1_452), (1_452, 1));
    }
}
