use super::tests::{Toy, addresses, millis, world};
use super::*;

#[test]
fn nodes_live_by_their_own_clocks() {
    let [a, b] = addresses();
    let ticking = Toy { interval: Some(millis(1_000)), ..Toy::default() };
    let mut world = world(&[(a, ticking.clone()), (b, ticking)]);
    world.set_clock(a, 500, Duration::ZERO);
    world.set_clock(b, -500, Duration::from_secs(7));
    for node in [a, b] {
        world.with_node(node, |node, now| node.timeout = Some(now)).expect("no livelock");
    }

    world.run_until(millis(1_000_400)).expect("no livelock");

    // Each sees its own timers fire on time; by the world's clock one of them is ahead.
    let log = |node| world.node(node).log.clone();
    assert_eq!((log(a).len(), log(b).len()), (1_001, 1_000));
    assert_eq!(log(a)[1_000].1, millis(1_000_000));
    assert_eq!(log(b)[999].1, millis(1_006_000));
    assert_eq!(world.own_time(b), Time::from_micros(1_006_899_800));
}

#[test]
fn a_jump_of_the_clock_brings_timers_forward() {
    let [a, _] = addresses();
    let mut world = world(&[(a, Toy::default())]);
    world.with_node(a, |node, _| node.timeout = Some(millis(500))).expect("no livelock");

    world.run_until(millis(100)).expect("no livelock");
    world.set_clock(a, 0, Duration::from_millis(300));
    world.run_until(millis(200)).expect("no livelock");

    assert_eq!(world.node(a).log, [("timeout", millis(500))]);
}

#[test]
fn a_stalled_node_does_nothing_and_then_reads_what_has_come() {
    let [a, b] = addresses();
    let mut world = world(&[(a, Toy::default()), (b, Toy { answers: true, ..Toy::default() })]);
    world.with_node(b, |node, _| node.timeout = Some(millis(20))).expect("no livelock");

    world.stall(b, millis(50));
    for _ in 0..1_002 {
        world.with_node(a, |node, _| node.outgoing.push(b)).expect("no livelock");
        world.run_until(world.now() + Duration::from_micros(10)).expect("no livelock");
    }
    assert!(world.node(b).log.is_empty());
    assert_eq!(world.overflowed(), 2);
    world.set_steps_max(5_000);
    world.run_until(millis(60)).expect("no livelock");

    let log = &world.node(b).log;
    assert_eq!(log.len(), 1_001);
    assert_eq!((log[0], log[1_000]), (("datagram", millis(50)), ("timeout", millis(50))));
    assert_eq!(world.node(a).log.len(), 1_000, "answered afterwards");
}
