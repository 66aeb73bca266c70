use core::time::Duration;

use super::*;
use crate::config::Reorder;

#[test]
fn arrivals_at_one_moment_come_in_the_order_of_sending() {
    let [a, b, c] = addresses();
    let mut network = Network::new(1);
    network.set_link(a, c, LinkConfig::new().delay(Duration::from_millis(2)));

    network.send(Time::ZERO, a, c, b"late");
    network.send(Time::from_micros(2_000), b, c, b"second");
    network.send(Time::from_micros(2_000), b, a, b"third");

    assert_eq!(texts(&mut network, Time::from_micros(1_999)), [""; 0]);
    assert_eq!(texts(&mut network, Time::from_micros(2_000)), ["late", "second", "third"]);
    assert_eq!(network.next_arrival(), None);
}

#[test]
fn same_seed_gives_the_same_trace_and_another_seed_another() {
    assert_eq!(trace(1), trace(1));
    assert_ne!(trace(1), trace(2));
}

#[test]
fn trace_differs_by_one_bit_one_microsecond_or_one_address() {
    let [a, b, c] = addresses();
    let hash = |micros, from, to, bytes: &[u8]| {
        let mut network = Network::new(1);
        network.record_trace();
        network.send(Time::from_micros(micros), from, to, bytes);
        network.trace_hash()
    };

    let reference = hash(0, a, b, b"a");
    for other in
        [hash(1, a, b, b"a"), hash(0, c, b, b"a"), hash(0, a, c, b"a"), hash(0, a, b, b"c")]
    {
        assert_ne!(reference, other);
    }
}

#[test]
fn traffic_on_one_link_leaves_the_chance_of_another_alone() {
    let [a, b, c] = addresses();
    let run = |noise: bool| {
        let mut network = Network::new(3);
        network.set_default(LinkConfig::new().loss(0.5));
        let mut got = Vec::new();
        for n in 0..100_u8 {
            if noise {
                network.send(Time::ZERO, c, b, b"noise");
                network.send(Time::ZERO, b, a, b"noise");
            }
            network.send(Time::ZERO, a, b, &[n]);
        }
        while let Some(datagram) = network.deliver(Time::ZERO) {
            got.extend((datagram.from == a).then_some(datagram.bytes));
        }
        got
    };

    assert_eq!(run(false), run(true));
}

#[test]
fn directions_of_a_link_are_configured_apart() {
    let [a, b, _] = addresses();
    let mut network = Network::new(1);
    network.set_link(a, b, LinkConfig::new().loss(1.0));

    network.send(Time::ZERO, a, b, b"there");
    network.send(Time::ZERO, b, a, b"back");

    assert_eq!(texts(&mut network, Time::ZERO), ["back"]);
    assert_eq!(network.link_counters(a, b).lost, 1);
    assert_eq!(network.link_counters(b, a).delivered, 1);
}

#[test]
fn new_default_changes_links_in_use_but_not_those_configured() {
    let [a, b, c] = addresses();
    let mut network = Network::new(1);
    network.set_link(a, c, LinkConfig::new());
    network.send(Time::ZERO, a, b, b"1");
    network.send(Time::ZERO, a, c, b"2");

    network.set_default(LinkConfig::new().loss(1.0));
    network.send(Time::ZERO, a, b, b"3");
    network.send(Time::ZERO, a, c, b"4");

    assert_eq!(texts(&mut network, Time::ZERO), ["1", "2", "4"]);
}

#[test]
fn corruption_flips_exactly_one_bit_and_spares_the_copy() {
    let [a, b, _] = addresses();
    let mut network = Network::new(1);
    network.set_default(LinkConfig::new().corrupt(1.0).duplicate(1.0));

    network.send(Time::ZERO, a, b, &[0; 64]);

    let ones = |bytes: &[u8]| bytes.iter().map(|byte| byte.count_ones()).sum::<u32>();
    assert_eq!(ones(&network.deliver(Time::ZERO).expect("original").bytes), 1);
    assert_eq!(ones(&network.deliver(Time::ZERO).expect("copy").bytes), 0);
    // An empty datagram has no bit to flip.
    network.send(Time::ZERO, a, b, &[]);
    assert!(network.deliver(Time::ZERO).is_some());
}

#[test]
fn partition_cuts_one_direction_until_it_is_mended() {
    let [a, b, _] = addresses();
    let mut network = Network::new(1);

    network.set_partition(a, b, true);
    network.send(Time::ZERO, a, b, b"cut");
    network.send(Time::ZERO, b, a, b"free");
    network.set_partition(a, b, false);
    network.send(Time::ZERO, a, b, b"mended");

    assert_eq!(texts(&mut network, Time::ZERO), ["free", "mended"]);
    assert_eq!(network.counters().partitioned, 1);
}

#[test]
fn blackout_cuts_all_ways_of_a_node_but_not_what_is_under_way() {
    let [a, b, c] = addresses();
    let mut network = Network::new(1);
    network.send(Time::ZERO, a, b, b"under way");

    network.set_blackout(b, true);
    for (from, to) in [(a, b), (b, a), (b, c), (a, c)] {
        network.send(Time::ZERO, from, to, b"new");
    }

    assert_eq!(texts(&mut network, Time::ZERO), ["under way", "new"]);
    assert_eq!(network.counters().partitioned, 3);
}

#[test]
fn rebound_node_is_seen_and_reached_at_its_new_address_only() {
    let [a, b, new] = addresses();
    let mut network = Network::new(1);
    network.send(Time::ZERO, b, a, b"under way to the old address");

    network.rebind(a, new);
    network.send(Time::ZERO, a, b, b"from new");
    network.send(Time::ZERO, b, a, b"to old");
    network.send(Time::ZERO, b, new, b"to new");

    let seen = network.deliver(Time::ZERO).expect("sent from the new address");
    assert_eq!((seen.from, seen.to), (new, b));
    let reached = network.deliver(Time::ZERO).expect("sent to the new address");
    assert_eq!((reached.from, reached.to, &reached.bytes[..]), (b, a, b"to new".as_slice()));
    assert_eq!(network.deliver(Time::ZERO), None);
    assert_eq!(network.counters().unreachable, 2);
}

#[test]
fn second_rebinding_replaces_the_first_and_own_address_ends_it() {
    let [a, b, first] = addresses();
    let second = SocketAddr::from(([10, 0, 0, 9], 9));
    let mut network = Network::new(1);

    network.rebind(a, first);
    // The present outside address names the node as well as its own.
    network.rebind(first, second);
    network.send(Time::ZERO, b, second, b"second");
    assert_eq!(network.deliver(Time::ZERO).map(|datagram| datagram.to), Some(a));
    network.rebind(a, a);
    network.send(Time::ZERO, b, a, b"own");
    assert_eq!(network.deliver(Time::ZERO).map(|datagram| datagram.to), Some(a));
    assert_eq!(network.outside_address(a), a);
}

#[test]
fn link_of_a_node_stays_its_own_after_rebinding() {
    let [a, b, new] = addresses();
    let mut network = Network::new(1);
    network.set_links(a, b, LinkConfig::new().delay(Duration::from_millis(7)));

    network.rebind(a, new);
    network.send(Time::ZERO, b, new, b"x");

    assert_eq!(network.next_arrival(), Some(Time::from_micros(7_000)));
}

#[test]
fn a_shared_bottleneck_serves_in_the_order_of_sending_and_drops_its_tail() {
    let [a, b, c] = addresses();
    let mut network = Network::new(1);
    network.set_link(a, c, LinkConfig::new().delay(Duration::from_millis(3)));
    // 100 bytes take 1 ms.
    let bandwidth = Bandwidth { bits_per_second: 800_000, queue_bytes: 300 };
    let line = network.add_bottleneck(bandwidth);
    network.set_bottleneck(a, c, line);
    network.set_bottleneck(b, c, line);

    for (from, mark) in [(a, 1), (b, 2), (a, 3), (b, 4), (a, 5)] {
        network.send(Time::ZERO, from, c, &[mark; 100]);
    }
    network.send(Time::ZERO, c, a, b"the way back is free");

    let mut arrivals = Vec::new();
    while let Some(due) = network.next_arrival() {
        let datagram = network.deliver(due).expect("due");
        arrivals.push((due.as_micros(), datagram.bytes[0]));
    }
    assert_eq!(arrivals, [(0, b't'), (2_000, 2), (4_000, 1), (6_000, 3)]);
    let counters = network.bottleneck_counters(line);
    assert_eq!((counters.sent, counters.queue_dropped), (5, 2));
    assert_eq!(network.link_counters(b, c).queue_dropped, 1);
    let all = network.counters();
    assert_eq!(all.sent + all.duplicated, all.delivered + all.dropped());
}

#[test]
fn datagrams_under_way_never_exceed_the_limit() {
    let [a, b, _] = addresses();
    let mut network = Network::new(1);
    network.set_under_way_max(3);

    for _ in 0..5 {
        network.send(Time::ZERO, a, b, b"x");
    }

    assert_eq!((network.under_way(), network.counters().queue_dropped), (3, 2));
}

#[test]
fn every_datagram_is_counted_once() {
    let mut network = busy_network(5);
    let end = Time::from_micros(u64::MAX);
    while network.deliver(end).is_some() {}

    let counters = network.counters();
    assert_eq!(counters.sent, 2_000);
    assert_eq!(counters.sent + counters.duplicated, counters.delivered + counters.dropped());
}

fn trace(seed: u64) -> Option<u64> {
    let mut network = busy_network(seed);
    while let Some(due) = network.next_arrival() {
        network.deliver(due);
    }
    network.trace_hash()
}

/// Everything impaired, 2,000 datagrams under way or lost.
fn busy_network(seed: u64) -> Network {
    let [a, b, _] = addresses();
    let mut network = Network::new(seed);
    network.record_trace();
    network.set_default(
        LinkConfig::new()
            .delay(Duration::from_millis(20))
            .jitter(Duration::from_millis(20))
            .loss(0.1)
            .duplicate(0.1)
            .corrupt(0.1)
            .reorder(Reorder { probability: 0.1, extra_delay: Duration::from_millis(9) }),
    );
    for n in 0..1_000_u64 {
        network.send(Time::from_micros(n * 100), a, b, &n.to_le_bytes());
        network.send(Time::from_micros(n * 100), b, a, &n.to_le_bytes());
    }
    network
}

fn addresses() -> [SocketAddr; 3] {
    [1, 2, 3].map(|n| SocketAddr::from(([10, 0, 0, n], u16::from(n))))
}

fn texts(network: &mut Network, now: Time) -> Vec<String> {
    std::iter::from_fn(|| network.deliver(now))
        .map(|datagram| String::from_utf8_lossy(&datagram.bytes).into_owned())
        .collect()
}
