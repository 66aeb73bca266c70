//! Datagrams that wait for their due time.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use hdrhistogram::Histogram;
use rtm_sim::Link;
use rtm_wire::Time;

/// A bounded delay line that notes by how much it is late.
#[derive(Debug)]
pub(crate) struct Schedule<T> {
    /// The number keeps datagrams that are due together in the order of their arrival.
    waiting: BTreeMap<(Time, u64), (T, Vec<u8>)>,
    next_number: u64,
    waiting_max: usize,
    overflowed: u64,
    /// While everything is lost.
    blackout: Option<Range<Time>>,
    blacked_out: u64,
    lateness_micros: Histogram<u64>,
}

impl<T: Clone> Schedule<T> {
    pub(crate) fn new(waiting_max: usize, blackout: Option<Range<Time>>) -> Self {
        Self {
            waiting: BTreeMap::new(),
            next_number: 0,
            waiting_max,
            overflowed: 0,
            blackout,
            blacked_out: 0,
            lateness_micros: Histogram::new(3).expect("three digits are within its range"),
        }
    }

    /// Lets `link` decide about a datagram that came in at `now` and is to go out by `way`.
    pub(crate) fn admit(&mut self, link: &mut Link, now: Time, way: T, bytes: &[u8]) {
        // The link is asked all the same, so that its chance doesn't depend on the blackout.
        let passage = link.pass(now, bytes.len());
        if self.blackout.as_ref().is_some_and(|blackout| blackout.contains(&now)) {
            self.blacked_out += 1;
            return;
        }
        let Ok(passage) = passage else { return };
        let mut first = bytes.to_vec();
        if let Some(bit) = passage.flipped_bit {
            first[bit / 8] ^= 1 << (bit % 8);
        }
        self.put(passage.arrival, way.clone(), first);
        if let Some(arrival) = passage.copy_arrival {
            self.put(arrival, way, bytes.to_vec());
        }
    }

    /// The next datagram that is due.
    pub(crate) fn take(&mut self, now: Time) -> Option<(T, Vec<u8>)> {
        let entry = self.waiting.first_entry()?;
        let due = entry.key().0;
        if due > now {
            return None;
        }
        let late = u64::try_from(now.saturating_since(due).as_micros()).unwrap_or(u64::MAX);
        self.lateness_micros.saturating_record(late);
        Some(entry.remove())
    }

    /// How long until the next one is due.
    pub(crate) fn pause(&self, now: Time) -> Option<Duration> {
        self.waiting.first_key_value().map(|((due, _), _)| due.saturating_since(now))
    }

    /// Datagrams dropped because too many were waiting.
    pub(crate) fn overflowed(&self) -> u64 {
        self.overflowed
    }

    /// Datagrams that came in during the blackout.
    pub(crate) fn blacked_out(&self) -> u64 {
        self.blacked_out
    }

    pub(crate) fn lateness_micros(&self) -> &Histogram<u64> {
        &self.lateness_micros
    }

    fn put(&mut self, due: Time, way: T, bytes: Vec<u8>) {
        if self.waiting.len() >= self.waiting_max {
            self.overflowed += 1;
            return;
        }
        self.waiting.insert((due, self.next_number), (way, bytes));
        self.next_number += 1;
    }
}

#[cfg(test)]
mod tests {
    use rtm_sim::LinkConfig;

    use super::*;

    #[test]
    fn datagrams_leave_when_due_and_lateness_is_noted() {
        let mut link = Link::new(LinkConfig::new().delay(Duration::from_millis(2)), 1);
        let mut schedule = Schedule::new(10, None);

        schedule.admit(&mut link, Time::ZERO, 'a', b"x");

        assert_eq!(schedule.pause(Time::from_micros(500)), Some(Duration::from_micros(1_500)));
        assert_eq!(schedule.take(Time::from_micros(1_999)), None);
        assert_eq!(schedule.take(Time::from_micros(2_007)), Some(('a', b"x".to_vec())));
        assert_eq!(schedule.lateness_micros().max(), 7);
    }

    #[test]
    fn a_blackout_loses_what_comes_in_and_nothing_else() {
        let mut link = Link::new(LinkConfig::new(), 1);
        let blackout = Time::from_micros(10)..Time::from_micros(20);
        let mut schedule = Schedule::new(10, Some(blackout));

        for micros in [9, 10, 19, 20] {
            schedule.admit(&mut link, Time::from_micros(micros), micros, b"x");
        }

        let passed = std::iter::from_fn(|| schedule.take(Time::from_micros(30)));
        assert_eq!(passed.map(|(way, _)| way).collect::<Vec<_>>(), [9, 20]);
        assert_eq!(schedule.blacked_out(), 2);
    }

    #[test]
    fn no_more_than_the_limit_wait() {
        let mut link = Link::new(LinkConfig::new(), 1);
        let mut schedule = Schedule::new(2, None);

        for _ in 0..3 {
            schedule.admit(&mut link, Time::ZERO, (), b"x");
        }

        assert_eq!(schedule.overflowed(), 1);
        assert_eq!(std::iter::from_fn(|| schedule.take(Time::ZERO)).count(), 2);
    }
}
