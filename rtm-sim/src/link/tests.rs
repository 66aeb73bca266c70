use super::*;
use crate::config::{Bandwidth, Reorder};

const PACKETS: u64 = 20_000;

#[test]
fn perfect_link_delivers_at_once_unchanged() {
    let mut link = Link::new(LinkConfig::new(), 1);

    let passage = link.pass(Time::from_micros(5), 1_200);

    let arrival = Time::from_micros(5);
    assert_eq!(passage, Ok(Passage { arrival, copy_arrival: None, flipped_bit: None }));
}

#[test]
fn shares_of_lost_doubled_reordered_and_corrupted_are_as_configured() {
    let detour = |probability| Reorder { probability, extra_delay: Duration::from_millis(5) };
    // Four standard deviations of 20,000 draws at 0.2 are 0.0113.
    for share in [0.0, 0.01, 0.2, 0.7, 1.0] {
        for seed in 0..2 {
            check(LinkConfig::new().loss(share), seed, share, |c| c.lost);
            check(LinkConfig::new().duplicate(share), seed, share, |c| c.duplicated);
            check(LinkConfig::new().reorder(detour(share)), seed, share, |c| c.reordered);
            check(LinkConfig::new().corrupt(share), seed, share, |c| c.corrupted);
        }
    }

    fn check(config: LinkConfig, seed: u64, share: f64, count: fn(&Counters) -> u64) {
        let mut link = Link::new(config, seed);
        for n in 0..PACKETS {
            let _ = link.pass(at(n), 100);
        }
        let counted = count(link.counters()) as f64 / PACKETS as f64;
        let tolerance = 4.0 * (share * (1.0 - share) / PACKETS as f64).sqrt();
        assert!((counted - share).abs() <= tolerance, "{config:?} seed {seed}: {counted}");
    }
}

#[test]
fn losses_are_independent_of_each_other() {
    let lost = lost_numbers(LinkConfig::new().loss(0.2), 3);

    // After a loss the next datagram is lost as often as any.
    let pairs = lost.windows(2).filter(|pair| pair[1] == pair[0] + 1).count() as f64;
    let share = pairs / lost.len() as f64;
    assert!((share - 0.2).abs() < 4.0 * (0.16 / lost.len() as f64).sqrt(), "{share}");
}

#[test]
fn one_impairment_leaves_the_chance_of_the_others_alone() {
    let plain = LinkConfig::new().loss(0.1);
    let busy = plain
        .jitter(Duration::from_millis(9))
        .duplicate(0.5)
        .corrupt(0.5)
        .reorder(Reorder { probability: 0.5, extra_delay: Duration::from_millis(1) });

    assert_eq!(lost_numbers(plain, 8), lost_numbers(busy, 8));
}

#[test]
fn order_is_kept_under_jitter_and_delay_stays_within_bounds() {
    let (delay, jitter) = (Duration::from_millis(25), Duration::from_millis(30));
    let mut link = Link::new(LinkConfig::new().delay(delay).jitter(jitter), 4);

    let mut last = Time::ZERO;
    let mut delays = Vec::new();
    for n in 0..PACKETS {
        let arrival = link.pass(at(n), 100).expect("no loss").arrival;
        assert!(arrival >= last, "datagram {n} overtook");
        last = arrival;
        delays.push(arrival.saturating_since(at(n)));
    }

    delays.sort_unstable();
    assert!(delays[0] >= delay && delays[delays.len() - 1] <= delay + jitter);
    let middle = delays[delays.len() / 2] - delay;
    assert!(middle > jitter / 20 && middle < jitter * 3 / 4, "median jitter {middle:?}");
}

#[test]
fn reordered_datagrams_are_overtaken_by_later_ones() {
    let extra_delay = Duration::from_millis(10);
    let config = LinkConfig::new().reorder(Reorder { probability: 0.05, extra_delay });
    let mut link = Link::new(config, 5);

    let arrivals: Vec<Time> =
        (0..PACKETS).map(|n| link.pass(at(n), 100).expect("no loss").arrival).collect();

    let overtaken = arrivals.windows(2).filter(|pair| pair[0] > pair[1]).count() as u64;
    let reordered = link.counters().reordered;
    assert!(reordered > 0);
    // Two reordered ones in a row keep their order: about 5 % fewer, and perhaps the last.
    assert!(overtaken <= reordered && overtaken >= reordered * 9 / 10, "{overtaken}/{reordered}");
}

#[test]
fn bursts_last_as_configured_whatever_the_packet_rate() {
    let burst = Burst::with_loss(0.1, Duration::from_millis(60));
    for spacing_micros in [1_000, 5_000] {
        let mut link = Link::new(LinkConfig::new().burst(burst), 6);
        let packets = 2_000_000_000 / spacing_micros;
        let (mut lost, mut bursts, mut was_lost) = (0_u64, 0_u64, false);
        for n in 0..packets {
            let is_lost = link.pass(Time::from_micros(n * spacing_micros), 100).is_err();
            lost += u64::from(is_lost);
            bursts += u64::from(is_lost && !was_lost);
            was_lost = is_lost;
        }

        // 2,000 s hold about 3,333 bursts; both tolerances are above four deviations.
        let share = lost as f64 / packets as f64;
        let mean_millis = (lost * spacing_micros) as f64 / 1_000.0 / bursts as f64;
        assert!((share - 0.1).abs() < 0.01, "every {spacing_micros} µs: share {share}");
        // At 5 ms a short burst may pass unseen, so those seen are a little longer.
        assert!((54.0..70.0).contains(&mean_millis), "every {spacing_micros} µs: {mean_millis}");
    }
}

#[test]
fn bursts_come_at_the_same_moments_whatever_is_sent() {
    let burst = Burst::with_loss(0.3, Duration::from_millis(20));
    let mut sparse = Link::new(LinkConfig::new().burst(burst), 7);
    let mut dense = Link::new(LinkConfig::new().burst(burst), 7);

    for millis in 0..10_000_u64 {
        let now = Time::from_micros(millis * 1_000);
        let seen_by_dense = dense.pass(now, 100).is_err();
        dense.pass(now, 1_000).ok();
        if millis % 10 == 0 {
            assert_eq!(sparse.pass(now, 100).is_err(), seen_by_dense, "at {millis} ms");
        }
    }
    assert!(sparse.counters().lost > 0);
}

#[test]
fn bottleneck_paces_to_its_rate() {
    let bandwidth = Bandwidth { bits_per_second: 5_000_000, queue_bytes: 1_000_000 };
    let mut link = Link::new(LinkConfig::new().bandwidth(bandwidth), 8);

    // 500 datagrams of 1,250 bytes at once: 2 ms each.
    for n in 1..=500_u64 {
        let arrival = link.pass(Time::ZERO, 1_250).expect("queue is large").arrival;
        assert_eq!(arrival, Time::from_micros(n * 2_000));
    }
    // Once idle, the line doesn't owe anything.
    let later = Time::from_micros(5_000_000);
    assert_eq!(link.pass(later, 1_250).expect("idle").arrival, later + Duration::from_millis(2));
}

#[test]
fn queue_drops_its_tail_at_the_limit_and_not_before() {
    let bandwidth = Bandwidth { bits_per_second: 5_000_000, queue_bytes: 12_500 };
    let mut link = Link::new(LinkConfig::new().bandwidth(bandwidth), 9);

    let fates: Vec<bool> = (0..12).map(|_| link.pass(Time::ZERO, 1_250).is_ok()).collect();
    assert_eq!(fates, [[true; 10].as_slice(), &[false; 2]].concat());
    // 2 ms later there is room for one.
    let later = Time::from_micros(2_000);
    assert!(link.pass(later, 1_250).is_ok());
    assert_eq!(link.pass(later, 1_250), Err(DropCause::Queue));
    assert_eq!(link.counters().queue_dropped, 3);
}

#[test]
fn datagram_larger_than_the_queue_passes_an_idle_line() {
    let bandwidth = Bandwidth { bits_per_second: 8_000, queue_bytes: 10 };
    let mut link = Link::new(LinkConfig::new().bandwidth(bandwidth), 9);

    assert_eq!(link.pass(Time::ZERO, 100).expect("idle").arrival, Time::from_micros(100_000));
    assert_eq!(link.pass(Time::from_micros(99_999), 100), Err(DropCause::Queue));
}

#[test]
fn mtu_passes_the_limit_and_drops_one_byte_more() {
    let mut link = Link::new(LinkConfig::new().mtu(1_200), 10);

    assert!(link.pass(Time::ZERO, 1_200).is_ok());
    assert_eq!(link.pass(Time::ZERO, 1_201), Err(DropCause::Mtu));
}

#[test]
fn clock_that_steps_back_counts_as_standing_still() {
    let mut link = Link::new(LinkConfig::new(), 11);
    link.pass(Time::from_micros(10), 1).expect("perfect");

    assert_eq!(link.pass(Time::from_micros(3), 1).expect("perfect").arrival.as_micros(), 10);
}

/// The n-th of datagrams that are a millisecond apart.
fn at(n: u64) -> Time {
    Time::from_micros(n * 1_000)
}

fn lost_numbers(config: LinkConfig, seed: u64) -> Vec<u64> {
    let mut link = Link::new(config, seed);
    (0..PACKETS).filter(|n| link.pass(at(*n), 100).is_err()).collect()
}
