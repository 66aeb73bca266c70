//! Exactly once, in order where order was asked for, whatever the network does.

use std::collections::BTreeMap;

use bytes::Bytes;
use rtm_session::{Config, LaneSpec};
use rtm_sim::{LinkConfig, Reorder};
use rtm_wire::{LaneId, LaneMode, Priority, Qos};

use crate::pair::{CLIENT, Pair, SERVER, Setup, delay, ms};

const UNORDERED: LaneSpec = LaneSpec { mode: LaneMode::RELIABLE_UNORDERED, ..LaneSpec::ORDERED };

/// How many seeds a test goes through: `RTM_SEEDS`, or this.
fn seeds(default: u64) -> u64 {
    std::env::var("RTM_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(default)
}

/// A message that tells its place, of a length between 4 bytes and 6 KB.
fn message(index: u32, seed: u64) -> Bytes {
    let mix = (u64::from(index) + 1).wrapping_mul(seed.wrapping_mul(2) + 0x9e37_79b9);
    let length = match mix % 10 {
        0 => 4,
        1 => 6_000,
        2 => 1_150 + (mix / 16 % 60) as usize,
        _ => 4 + (mix / 16 % 300) as usize,
    };
    let mut bytes = index.to_be_bytes().to_vec();
    bytes.resize(length, index as u8);
    bytes.into()
}

fn rough(seed: u64) -> LinkConfig {
    let loss = [0.0, 0.02, 0.1, 0.3][seed as usize % 4];
    delay(5 + seed % 60)
        .jitter(ms(seed % 20))
        .loss(loss)
        .duplicate(0.02)
        .corrupt(0.01)
        .reorder(Reorder { probability: 0.1, extra_delay: ms(15) })
}

/// Sends on several lanes in both directions and checks all that the layer promises.
fn check(seed: u64, link: LinkConfig) {
    const COUNT: u32 = 60;
    let mut setup = Setup::new(link).seed(seed);
    // Three lanes besides the control lane: 64 KiB for what waits.
    let small = |config: Config| config.lanes_max(3).message_len_max(8_192).lane_credit(16_384);
    (setup.client, setup.server) = (small(setup.client), small(setup.server));
    let mut pair = setup.connected();
    let mut lanes = BTreeMap::new();
    for host in [CLIENT, SERVER] {
        for spec in [LaneSpec::ORDERED, UNORDERED, LaneSpec::ORDERED] {
            let lane = pair.open_lane(host, spec);
            lanes.insert((host, lane), spec.mode.order);
        }
        lanes.insert((host, LaneId::CONTROL), Qos::Ordered);
    }
    for index in 0..COUNT {
        for &(host, lane) in lanes.keys() {
            pair.send(host, lane, message(index, seed));
        }
        pair.run(ms(3));
        check_memory(&pair, seed);
    }
    for (host, lane) in lanes.keys().filter(|(_, lane)| *lane != LaneId::CONTROL) {
        let session = pair.session(*host);
        pair.act(*host, |host, now| host.endpoint.close_lane(now, session, *lane));
    }
    let total = lanes.len() * COUNT as usize;
    let arrived = |pair: &Pair| {
        [CLIENT, SERVER].iter().map(|&host| pair.world.node(host).messages.len()).sum::<usize>()
    };
    for _ in 0..2_400 {
        if arrived(&pair) >= total && is_quiet(&pair) {
            break;
        }
        pair.run(ms(25));
        check_memory(&pair, seed);
    }
    assert!(is_quiet(&pair), "seed {seed}: something is still queued after a minute");
    for ((host, lane), order) in lanes {
        let peer = if host == CLIENT { SERVER } else { CLIENT };
        let mut got = pair.got(peer, lane);
        if order == Qos::Unordered {
            got.sort_by_key(|bytes| u32::from_be_bytes(bytes[..4].try_into().expect("4 bytes")));
        }
        let wanted: Vec<_> = (0..COUNT).map(|index| message(index, seed)).collect();
        assert!(got == wanted, "seed {seed}, lane {lane} from {host}: {} messages", got.len());
    }
}

/// What a session holds stays within what was configured.
fn check_memory(pair: &Pair, seed: u64) {
    for host in [CLIENT, SERVER] {
        let stats = pair.world.node(host).endpoint.stats(pair.session(host)).expect("open");
        assert!(stats.receive_bytes <= 4 * 16_384, "seed {seed}: {stats:?}");
        assert!(stats.send_bytes <= 4 * 1_024 * 1_024, "seed {seed}: {stats:?}");
        assert!(stats.packets_remembered <= 1_000, "seed {seed}: {stats:?}");
    }
}

fn is_quiet(pair: &Pair) -> bool {
    [CLIENT, SERVER].iter().all(|&host| {
        let stats = pair.world.node(host).endpoint.stats(pair.session(host)).expect("open");
        (stats.send_bytes, stats.send_messages, stats.receive_bytes) == (0, 0, 0)
    })
}

#[test]
fn every_message_arrives_once_and_in_order() {
    for seed in 0..seeds(200) {
        check(seed, rough(seed));
    }
}

#[test]
fn a_perfect_network_costs_one_way() {
    let mut pair = Setup::new(delay(50)).connected();
    pair.run(ms(1_000));
    let before = pair.world.now();

    pair.send(CLIENT, LaneId::CONTROL, "now");
    pair.run(ms(200));

    let arrived = pair.world.node(SERVER).messages[0].3;
    assert_eq!(arrived.saturating_since(before), ms(50));
}

#[test]
fn a_servers_first_message_that_is_lost_comes_soon() {
    let mut pair = Setup::new(delay(10)).connected();

    pair.world.network_mut().set_partition(SERVER, CLIENT, true);
    pair.send(SERVER, LaneId::CONTROL, "welcome");
    pair.world.network_mut().set_partition(SERVER, CLIENT, false);
    pair.run(ms(150));

    // The server knows the round trip from the handshake and need not guess a second.
    assert_eq!(pair.got(CLIENT, LaneId::CONTROL), ["welcome"]);
}

#[test]
fn a_lost_message_does_not_delay_another_lane() {
    let mut pair = Setup::new(delay(50)).connected();
    pair.run(ms(1_000));
    let (first, second) =
        (pair.open_lane(CLIENT, LaneSpec::ORDERED), pair.open_lane(CLIENT, LaneSpec::ORDERED));

    pair.world.network_mut().set_partition(CLIENT, SERVER, true);
    pair.send(CLIENT, first, "lost at first");
    pair.world.network_mut().set_partition(CLIENT, SERVER, false);
    let sent = pair.world.now();
    pair.send(CLIENT, first, "behind it");
    pair.send(CLIENT, second, "beside it");
    pair.run(ms(1_000));

    let late: Vec<_> = pair
        .world
        .node(SERVER)
        .messages
        .iter()
        .map(|(_, lane, _, at)| (*lane, at.saturating_since(sent) > ms(50)))
        .collect();
    assert_eq!(late, [(second, false), (first, true), (first, true)]);
    assert_eq!(pair.got(SERVER, first), ["lost at first", "behind it"]);
}

#[test]
fn a_thousand_lines_a_second_get_through_a_fifth_of_loss() {
    for millis in [0, 5, 25] {
        let mut pair = Setup::new(delay(millis).loss(0.2)).connected();
        let lane = pair.open_lane(CLIENT, LaneSpec::ORDERED);
        for _ in 0..3_000 {
            pair.send(CLIENT, lane, vec![b'.'; 80]);
            pair.run(ms(1));
        }
        // All but the last half second's.
        let got = pair.got(SERVER, lane).len();
        assert!(got >= 2_500, "{got} lines, {millis} ms one way");
    }
}

#[test]
fn an_urgent_message_overtakes_a_long_one() {
    let slow = LinkConfig::new()
        .delay(ms(20))
        .bandwidth(rtm_sim::Bandwidth { bits_per_second: 1_000_000, queue_bytes: 20_000 });
    let mut pair = Setup::new(slow).connected();
    pair.run(ms(500));
    let bulk = pair.open_lane(CLIENT, LaneSpec { priority: Priority::Low, ..LaneSpec::ORDERED });
    let urgent =
        pair.open_lane(CLIENT, LaneSpec { priority: Priority::Highest, ..LaneSpec::ORDERED });

    for _ in 0..4 {
        pair.send(CLIENT, bulk, vec![0; 60_000]);
    }
    pair.run(ms(100));
    pair.send(CLIENT, urgent, "first");
    pair.run(ms(10_000));

    let order: Vec<_> = pair.world.node(SERVER).messages.iter().map(|m| m.1).collect();
    assert_eq!(order, [urgent, bulk, bulk, bulk, bulk]);
}

#[test]
fn a_blackout_of_seconds_ends_in_delivery() {
    for blackout in [1_000, 5_000, 20_000] {
        let mut pair = Setup::new(delay(50)).connected();
        pair.run(ms(1_000));

        pair.world.network_mut().set_blackout(SERVER, true);
        pair.send(CLIENT, LaneId::CONTROL, "are you there");
        pair.run(ms(blackout));
        pair.world.network_mut().set_blackout(SERVER, false);
        let back = pair.world.now();
        pair.run(ms(3_000));

        let messages = &pair.world.node(SERVER).messages;
        assert_eq!(messages.len(), 1, "after {blackout} ms");
        assert!(messages[0].3.saturating_since(back) <= ms(1_050), "after {blackout} ms");
    }
}
