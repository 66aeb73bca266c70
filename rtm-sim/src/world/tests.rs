use core::time::Duration;

use super::*;
use crate::config::LinkConfig;

#[test]
fn clock_jumps_to_arrivals_and_timeouts_and_ends_at_the_deadline() {
    let [a, b] = addresses();
    let mut world = world(&[(a, Toy::default()), (b, Toy { answers: true, ..Toy::default() })]);
    world.network_mut().set_links(a, b, LinkConfig::new().delay(Duration::from_millis(10)));

    world.with_node(a, |node, _| node.outgoing.push(b)).expect("no livelock");
    world.with_node(a, |node, _| node.timeout = Some(millis(15))).expect("no livelock");
    world.run_until(millis(100)).expect("no livelock");

    assert_eq!(world.node(a).log, [("timeout", millis(15)), ("datagram", millis(20))]);
    assert_eq!(world.node(b).log, [("datagram", millis(10))]);
    assert_eq!(world.now(), millis(100));
}

#[test]
fn datagrams_come_before_timers_of_the_same_moment() {
    let [a, b] = addresses();
    let mut world = world(&[(a, Toy::default()), (b, Toy::default())]);
    world.network_mut().set_links(a, b, LinkConfig::new().delay(Duration::from_millis(5)));

    world.with_node(a, |node, _| node.timeout = Some(millis(5))).expect("no livelock");
    world.with_node(b, |node, _| node.outgoing.push(a)).expect("no livelock");
    world.run_until(millis(5)).expect("no livelock");

    assert_eq!(world.node(a).log, [("datagram", millis(5)), ("timeout", millis(5))]);
}

#[test]
fn condition_stops_the_run_at_the_step_that_makes_it_true() {
    let [a, _] = addresses();
    let mut world = world(&[(a, Toy { interval: Some(millis(10)), ..Toy::default() })]);
    world.with_node(a, |node, _| node.timeout = Some(millis(10))).expect("no livelock");

    let reached = world.run_until_true(millis(1_000), |world| world.node(a).log.len() == 3);
    assert_eq!((reached, world.now()), (Ok(true), millis(30)));
    let reached = world.run_until_true(millis(45), |world| world.node(a).log.len() == 9);
    assert_eq!((reached, world.now()), (Ok(false), millis(45)));
}

#[test]
fn timeout_that_stays_in_the_past_is_a_livelock_of_that_node() {
    let [a, b] = addresses();
    let stuck = Toy { interval: Some(Time::ZERO), ..Toy::default() };
    let mut world = world(&[(a, Toy::default()), (b, stuck)]);
    world.with_node(b, |node, _| node.timeout = Some(millis(3))).expect("no livelock");

    let error = world.run_until(millis(100)).expect_err("b never waits");

    assert_eq!((error.node, error.at), (b, millis(3)));
    assert_eq!(error.to_string(), "livelock: node 10.0.0.2:2 took 501 steps at 3000 µs");
}

#[test]
fn nodes_that_answer_each_other_without_delay_are_a_livelock() {
    let [a, b] = addresses();
    let echo = Toy { answers: true, ..Toy::default() };
    let mut world = world(&[(a, echo.clone()), (b, echo)]);

    world.with_node(a, |node, _| node.outgoing.push(b)).expect("one datagram is fine");

    assert!(world.run_until(millis(1)).is_err());
}

#[test]
fn node_that_never_stops_sending_is_a_livelock() {
    let [a, b] = addresses();
    let mut world = world(&[(a, Toy::default())]);

    let error = world
        .with_node(a, |node, _| node.outgoing = vec![b; 1_000])
        .expect_err("more than 500 datagrams at one instant");

    assert_eq!(error.node, a);
}

#[test]
fn many_steps_spread_over_time_are_no_livelock() {
    let [a, _] = addresses();
    let mut world = world(&[(a, Toy { interval: Some(Time::from_micros(1)), ..Toy::default() })]);
    world.with_node(a, |node, _| node.timeout = Some(millis(1))).expect("no livelock");

    assert_eq!(world.run_until(millis(10)), Ok(()));
}

#[test]
fn removed_node_gets_nothing_and_its_timer_is_gone() {
    let [a, b] = addresses();
    let mut world = world(&[(a, Toy::default()), (b, Toy::default())]);
    world.with_node(b, |node, _| node.timeout = Some(millis(1))).expect("no livelock");
    world.with_node(a, |node, _| node.outgoing.push(b)).expect("no livelock");

    let removed = world.remove(b).expect("b was there");
    world.run_until(millis(10)).expect("no livelock");

    assert!(removed.log.is_empty());
    assert_eq!(world.unclaimed(), 1);
    assert_eq!(world.next_event(), None);
}

#[test]
fn inserted_node_is_drained_at_once() {
    let [a, b] = addresses();
    let eager = Toy { outgoing: vec![b], timeout: Some(millis(2)), ..Toy::default() };
    let world = world(&[(a, eager)]);

    assert_eq!(world.network().counters().sent, 1);
    assert_eq!(world.next_event(), Some(Time::ZERO));
    assert!(world.node(a).log.is_empty());
}

#[test]
fn same_seed_repeats_a_run_byte_for_byte() {
    let [a, b] = addresses();
    let run = |seed| {
        let mut network = Network::new(seed);
        let jitter = Duration::from_millis(5);
        network.set_default(LinkConfig::new().delay(jitter).jitter(jitter).loss(0.2));
        network.record_trace();
        let mut world = World::new(network);
        let ticking = Toy {
            timeout: Some(Time::ZERO),
            interval: Some(millis(3)),
            ticks_to: Some(b),
            ..Toy::default()
        };
        world.insert(a, ticking).expect("no livelock");
        world.insert(b, Toy { answers: true, ..Toy::default() }).expect("no livelock");
        world.run_until(millis(3_000)).expect("no livelock");
        assert!(world.network().counters().lost > 0);
        (world.network().trace_hash(), world.node(a).log.clone())
    };

    assert_eq!(run(1), run(1));
    assert_ne!(run(1).0, run(2).0);
}

/// Logs its inputs; answers datagrams and ticks if told to.
#[derive(Clone, Debug, Default)]
pub(super) struct Toy {
    pub(super) answers: bool,
    /// How long after a timeout the next one is due.
    pub(super) interval: Option<Time>,
    pub(super) ticks_to: Option<SocketAddr>,
    pub(super) timeout: Option<Time>,
    pub(super) outgoing: Vec<SocketAddr>,
    pub(super) log: Vec<(&'static str, Time)>,
}

impl Node for Toy {
    fn handle_datagram(&mut self, now: Time, from: SocketAddr, _datagram: BytesMut) {
        self.log.push(("datagram", now));
        self.outgoing.extend(self.answers.then_some(from));
    }

    fn handle_timeout(&mut self, now: Time) {
        self.log.push(("timeout", now));
        self.timeout = self.interval.map(|span| now + span.saturating_since(Time::ZERO));
        self.outgoing.extend(self.ticks_to);
    }

    fn poll_transmit(&mut self, now: Time, buf: &mut Vec<u8>) -> Option<SocketAddr> {
        assert!(buf.is_empty());
        buf.extend_from_slice(&now.as_micros().to_le_bytes());
        self.outgoing.pop()
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.timeout
    }
}

pub(super) fn world(nodes: &[(SocketAddr, Toy)]) -> World<Toy> {
    let mut world = World::new(Network::new(1));
    world.set_steps_max(500);
    for (address, node) in nodes {
        world.insert(*address, node.clone()).expect("no livelock");
    }
    world
}

pub(super) fn addresses() -> [SocketAddr; 2] {
    [1, 2].map(|n| SocketAddr::from(([10, 0, 0, n], u16::from(n))))
}

pub(super) fn millis(millis: u64) -> Time {
    Time::from_micros(millis * 1_000)
}
