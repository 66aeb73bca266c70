use core::time::Duration;

use super::*;
use crate::config::{Bandwidth, CoDel};

/// 1,000 bytes take 1 ms; a second of queue.
const LINE: Bandwidth = Bandwidth { bits_per_second: 8_000_000, queue_bytes: 1_000_000 };

/// How long each datagram of 1,000 bytes waits that is sent every `gap` µs; `None` for a drop.
fn waits(link: &mut Link, from: u64, gap: u64, count: u64) -> Vec<Option<Duration>> {
    (0..count)
        .map(|n| {
            let now = Time::from_micros(from + n * gap);
            link.pass(now, 1_000).ok().map(|passage| passage.arrival.saturating_since(now))
        })
        .collect()
}

#[test]
fn a_burst_shorter_than_the_interval_passes() {
    let mut link = Link::new(LinkConfig::new().bandwidth(LINE).codel(CoDel::default()), 1);
    assert!(waits(&mut link, 0, 0, 90).iter().all(Option::is_some), "90 ms of queue");
}

#[test]
fn a_steady_overload_is_dropped_until_nobody_waits_for_long() {
    let tail = Link::new(LinkConfig::new().bandwidth(LINE), 1);
    let managed = Link::new(LinkConfig::new().bandwidth(LINE).codel(CoDel::default()), 1);
    let longest = |mut link: Link| {
        // 5 % more than the line carries, for a minute.
        let waits = waits(&mut link, 0, 952, 63_000);
        waits[50_000..].iter().flatten().max().copied().expect("some pass")
    };
    assert!(longest(tail) > Duration::from_millis(900));
    let longest = longest(managed);
    assert!(longest < Duration::from_millis(60), "{longest:?}");
}

#[test]
fn drops_come_closer_and_closer_after_the_square_root() {
    let mut link = Link::new(LinkConfig::new().bandwidth(LINE).codel(CoDel::default()), 1);
    // Twice the rate: what is dropped first is known from the RFC's law.
    let mut leaves = 0;
    let mut drops = Vec::new();
    for n in 0..1_000_u64 {
        match link.pass(Time::from_micros(n * 500), 1_000) {
            Ok(passage) => leaves = passage.arrival.as_micros(),
            Err(cause) => {
                assert_eq!(cause, DropCause::Queue);
                drops.push(leaves);
            }
        }
    }
    let gaps: Vec<u64> = drops.windows(2).map(|pair| (pair[1] - pair[0]) / 1_000).collect();
    // 100 ms, then 100 / √2, 100 / √3, 100 / √4 after each other.
    assert_eq!(&gaps[..3], [100, 71, 58]);
}

#[test]
fn a_line_that_is_slow_for_one_datagram_still_carries_it() {
    let slow = Bandwidth { bits_per_second: 80_000, queue_bytes: 100_000 };
    let mut link = Link::new(LinkConfig::new().bandwidth(slow).codel(CoDel::default()), 1);
    // Each takes 100 ms, and the next one comes when half of it is out.
    assert!(waits(&mut link, 0, 100_000, 100).iter().all(Option::is_some));
}
