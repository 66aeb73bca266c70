//! Whether a queue stands on the way, as far as round trips tell.

use std::time::Duration;

use rtm_wire::Time;

/// Age up to which the shortest round trip counts; it is kept for as long again. Long, because a
/// queue that never empties must not become the measure.
const BASE_SPAN: Duration = Duration::from_secs(60);
/// Samples without which a round says nothing: one late packet is jitter.
const SAMPLES_MIN: u32 = 8;
/// A queue shorter than this is not told from jitter.
const STANDING_MIN: Duration = Duration::from_millis(2);
/// Rounds over which jitter is averaged, and the part of it by which the shortest round trip of a
/// round may be longer for its sake alone.
const JITTER_ROUNDS: u32 = 8;
const JITTER_PART: u32 = 3;
/// A round is no shorter than so many times that, up to a time: packets that stay in order come
/// late together.
const JITTER_SPANS: u32 = 4;
const JITTER_SPAN_MAX: Duration = Duration::from_millis(100);
/// The same where so much is lost at random that few samples are left: the shortest of few is late,
/// too. A queue is seen later so, and where it is the queue that loses, it had better be seen soon.
const THINNED_PART: u32 = 2;
const THINNED_SPANS: u32 = 6;
const THINNED_SPAN_MAX: Duration = Duration::from_millis(200);
/// A queue that stood so short a time ago may stand again.
const LATELY: Duration = Duration::from_secs(1);
/// A way that has become longer is as long all the time; senders that fill a queue let it swing.
/// Time, and round trips, for which the shortest ones have to be alike to become the measure.
const FLAT_SPAN: Duration = Duration::from_secs(10);
const FLAT_ROUNDS: u32 = 100;
/// Part of the round trip within which they are alike.
const FLAT_PART: u32 = 16;

/// Compares the shortest round trip of the last round with the shortest of the last minutes.
///
/// The shortest of a round, because jitter makes single packets late, and a standing queue all of
/// them.
#[derive(Debug)]
pub(in crate::recovery) struct QueueWatch {
    /// Shortest of the current and of the former span.
    base: [Option<Duration>; 2],
    base_until: Time,
    round_start: Time,
    latest: Time,
    stood: Option<Time>,
    samples: u32,
    current: Option<Duration>,
    longest: Duration,
    former: Option<Duration>,
    /// By how much the samples of a round differ, averaged.
    jitter: Option<Duration>,
    flat: Option<Flat>,
    /// Packets are lost, for whatever reason.
    is_lossy: bool,
    /// Many are, at random.
    is_thinned: bool,
}

/// Rounds whose shortest round trips are alike.
#[derive(Clone, Copy, Debug)]
struct Flat {
    since: Time,
    low: Duration,
    high: Duration,
}

impl QueueWatch {
    pub(in crate::recovery) const fn new() -> Self {
        Self {
            base: [None; 2],
            base_until: Time::ZERO,
            round_start: Time::ZERO,
            latest: Time::ZERO,
            stood: None,
            samples: 0,
            current: None,
            longest: Duration::ZERO,
            former: None,
            jitter: None,
            flat: None,
            is_lossy: false,
            is_thinned: false,
        }
    }

    /// Takes a sample of a packet that was sent at `sent`.
    pub(in crate::recovery) fn on_sample(&mut self, now: Time, sent: Time, sample: Duration) {
        if now >= self.base_until && !self.is_lossy {
            self.base = [None, self.base[0]];
            self.base_until = now + BASE_SPAN;
        }
        self.base[0] = Some(shorter(self.base[0], sample));
        // A round ends with the first answer to what was sent in it.
        if sent >= self.round_start && self.says_something() {
            if let Some(shortest) = self.current.take() {
                self.end_round(now, shortest);
            }
        }
        self.current = Some(shorter(self.current, sample));
        self.longest = self.longest.max(sample);
        self.samples += 1;
        self.latest = now;
        if self.stands() {
            self.stood = Some(now);
        }
    }

    /// While packets are lost, no longer round trip becomes the measure: a queue that is always
    /// full has round trips that are alike, too, and copies would keep it full.
    pub(in crate::recovery) fn set_lossy(&mut self, is_lossy: bool, is_thinned: bool) {
        (self.is_lossy, self.is_thinned) = (is_lossy, is_thinned);
    }

    fn end_round(&mut self, now: Time, shortest: Duration) {
        let spread = self.longest.saturating_sub(shortest);
        let jitter = self.jitter.unwrap_or(spread);
        self.jitter = Some((jitter * (JITTER_ROUNDS - 1) + spread) / JITTER_ROUNDS);
        self.former = Some(shortest);
        self.samples = 0;
        self.longest = Duration::ZERO;
        self.round_start = now;
        self.learn_longer_way(now, shortest);
    }

    fn learn_longer_way(&mut self, now: Time, shortest: Duration) {
        if self.is_lossy {
            self.flat = None;
            return;
        }
        let fresh = Flat { since: now, low: shortest, high: shortest };
        let flat = self.flat.get_or_insert(fresh);
        flat.low = flat.low.min(shortest);
        flat.high = flat.high.max(shortest);
        let alike = (flat.low / FLAT_PART).max(STANDING_MIN);
        if flat.high - flat.low > alike {
            *flat = fresh;
        } else if now >= flat.since + FLAT_SPAN.max(flat.low * FLAT_ROUNDS) {
            let Flat { low, .. } = *flat;
            *flat = fresh;
            if self.base().is_some_and(|base| low > base + alike) {
                self.base = [Some(low), None];
                self.base_until = now + BASE_SPAN;
            }
        }
    }

    /// By how much the shortest round trip of the last round is above the shortest known.
    pub(in crate::recovery) fn inflation(&self) -> Duration {
        match (self.recent(), self.base()) {
            (Some(recent), Some(base)) => recent.saturating_sub(base),
            _ => Duration::ZERO,
        }
    }

    /// Whether packets have been waiting somewhere for a round trip or longer.
    pub(in crate::recovery) fn stands(&self) -> bool {
        match (self.recent(), self.base()) {
            (Some(recent), Some(base)) => {
                let part = if self.is_thinned { THINNED_PART } else { JITTER_PART };
                let jitter = self.jitter.unwrap_or_default() / part;
                recent > base + (base / 8).max(STANDING_MIN).max(jitter)
            }
            _ => false,
        }
    }

    /// Whether they have, at some time in the last second: a short queue on a narrow line comes and
    /// goes.
    pub(in crate::recovery) fn stood_lately(&self) -> bool {
        self.stood.is_some_and(|stood| self.latest < stood + LATELY)
    }

    /// Shortest round trip known.
    pub(super) fn base(&self) -> Option<Duration> {
        self.base.iter().flatten().min().copied()
    }

    /// Shortest round trip of the last round.
    pub(super) fn recent(&self) -> Option<Duration> {
        if self.says_something() { self.current } else { self.former }
    }

    /// Whether the current round has samples enough.
    fn says_something(&self) -> bool {
        let (spans, most) = match self.is_thinned {
            true => (THINNED_SPANS, THINNED_SPAN_MAX),
            false => (JITTER_SPANS, JITTER_SPAN_MAX),
        };
        let span = (self.jitter.unwrap_or_default() * spans).min(most);
        self.samples >= SAMPLES_MIN && self.latest >= self.round_start + span
    }
}

fn shorter(known: Option<Duration>, sample: Duration) -> Duration {
    known.map_or(sample, |known| known.min(sample))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds ten samples a round for some rounds, each from the function of their count.
    fn watch(rounds: u64, sample: impl Fn(u64) -> u64) -> bool {
        let mut watch = QueueWatch::new();
        for count in 0..rounds * 10 {
            let rtt = Duration::from_millis(sample(count));
            let now = Time::from_micros(1_000_000 + count * 4_000);
            watch.on_sample(now, now - rtt, rtt);
        }
        watch.stands()
    }

    #[test]
    fn a_full_queue_that_loses_packets_does_not_become_the_measure() {
        for is_lossy in [true, false] {
            let mut watch = QueueWatch::new();
            for count in 0..100_000 {
                let rtt = Duration::from_millis(if count < 100 { 40 } else { 80 });
                let now = Time::from_micros(1_000_000 + count * 4_000);
                watch.set_lossy(is_lossy, false);
                watch.on_sample(now, now - rtt, rtt);
            }
            assert_eq!(watch.stands(), is_lossy);
        }
    }

    #[test]
    fn a_queue_is_a_round_without_a_short_round_trip() {
        let still = |_| 40;
        let jitter = |count| if count % 5 == 0 { 41 } else { 60 };
        let growing = |count| 40 + count / 4;
        let small = |count| 40 + count / 100;
        for (name, stands) in [
            ("still", watch(20, still)),
            ("jitter", watch(20, jitter)),
            ("growing", watch(20, growing)),
            ("small", watch(20, small)),
        ] {
            assert_eq!(stands, name == "growing", "{name}");
        }
    }

    /// Samples of a flow for a minute, `pause` ms apart; the share of the time after the first ten
    /// seconds in which a queue seemed to stand, in parts in a thousand.
    fn standing(pause: f64, mut rtt: impl FnMut(f64) -> f64) -> u64 {
        let mut watch = QueueWatch::new();
        let (mut stood, mut count) = (0, 0);
        for index in 0..(60_000.0 / pause) as u64 {
            let sent = index as f64 * pause;
            let rtt = rtt(sent);
            let at = |millis: f64| Time::from_micros(1_000_000 + (millis * 1e3) as u64);
            watch.on_sample(at(sent + rtt), at(sent), Duration::from_secs_f64(rtt / 1e3));
            if sent > 10_000.0 {
                count += 1;
                stood += u64::from(watch.stands());
            }
        }
        stood * 1_000 / count
    }

    /// One way with skewed jitter of up to 30 ms, in the order of sending.
    fn jittery() -> impl FnMut(f64) -> f64 {
        let (mut state, mut last) = (1_u64, 0.0_f64);
        move |sent| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let unit = (state >> 11) as f64 / (1_u64 << 53) as f64;
            last = last.max(sent + 30.0 * unit * unit * unit);
            last - sent
        }
    }

    #[test]
    fn jitter_is_no_queue_at_any_packet_rate() {
        for base in [20.0, 50.0, 100.0] {
            for rate in [30.0, 240.0] {
                let mut way = [jittery(), jittery()];
                let stood = standing(1_000.0 / rate, |sent| base + way[0](sent) + way[1](sent));
                assert!(stood <= 5, "round trip {base} ms, {rate} packets/s: {stood} of 1,000");
            }
        }
    }

    #[test]
    fn a_queue_shows_through_jitter() {
        for rate in [30.0, 240.0] {
            let mut way = [jittery(), jittery()];
            let queue =
                |sent: f64| if sent > 9_000.0 { 40.0 + sent % 3_000.0 / 100.0 } else { 0.0 };
            let stood =
                standing(1_000.0 / rate, |sent| 50.0 + queue(sent) + way[0](sent) + way[1](sent));
            assert!(stood >= 990, "{rate} packets/s: {stood} of 1,000");
        }
    }

    #[test]
    fn a_longer_way_is_learnt_in_ten_seconds() {
        for (rate, most) in [(30.0, 230), (240.0, 230)] {
            let stood = standing(1_000.0 / rate, |sent| if sent > 10_000.0 { 90.0 } else { 40.0 });
            assert!((150..most).contains(&stood), "{rate} packets/s: {stood} of 1,000");
        }
    }

    #[test]
    fn the_sawtooth_of_cubic_is_not_taken_for_a_longer_way() {
        // Of one flow that fills a queue as long as the round trip: rate, base.
        for (packets, base) in [(10.0, 50.0), (42.0, 100.0), (833.0, 100.0), (833.0, 200.0)] {
            let full = 2.0 * packets;
            let pause = f64::cbrt(0.3 * full / 0.4) * 1e3;
            // The queue stands at 9 s, and the first ten seconds teach the base.
            let stood = standing(1_000.0 / 60.0, |sent| {
                let age = (sent % (pause * 1.2) - pause) / 1e3;
                let window = (full + 0.4 * age * age * age).min(full);
                let queue = base * (window / packets - 1.0);
                base + if sent > 9_000.0 { queue } else { 0.0 }
            });
            assert!(stood >= 950, "{packets} packets, {base} ms: {stood} of 1,000");
        }
    }
}
