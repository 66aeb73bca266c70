//! The governor by itself: who is copied, when, and when nobody is.

use std::time::Duration;

use rtm_wire::{LaneId, MessageSeq, Time};

use super::*;

const RATE: u64 = 312_500;

const fn at(millis: u64) -> Time {
    Time::from_micros(millis * 1_000)
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn losing(loss: f64) -> Circumstances {
    Circumstances {
        rtt: ms(120),
        loss,
        loss_after_loss: loss,
        burst: Duration::ZERO,
        queue_stands: false,
        steady_loss: 0.0,
        measured: 512.0,
        acked: 0,
        lost: 0,
    }
}

fn governor(circumstances: Circumstances) -> Governor {
    Governor::new(Time::ZERO, (RATE, 600), circumstances, 0.0)
}

fn rider(seq: u64, policy: Redundancy, copies: usize, last_copy: Time) -> Rider {
    Rider {
        lane: LaneId(1),
        seq: MessageSeq(seq),
        policy,
        copies,
        first_copy: last_copy,
        last_copy,
    }
}

/// A message goes out for the first time, in a packet of its own.
fn send(governor: &mut Governor, now: Time, seq: u64, policy: Redundancy) {
    governor.on_fresh(now, 200, policy);
    governor.on_copy(rider(seq, policy, 1, now), |_| true);
    governor.on_packet(now);
}

/// Copies of one message that are sent when there is a packet every 30 ms.
fn copies(circumstances: Circumstances, policy: Redundancy) -> usize {
    let mut governor = governor(circumstances);
    send(&mut governor, at(0), 0, policy);
    let (mut now, mut count) = (at(0), 1);
    for _ in 0..20 {
        now += ms(30);
        while let Some(next) = governor.next(now, |_| true) {
            count = next.copies + 1;
            governor.pay(now, 210);
            governor.on_copy(Rider { copies: count, last_copy: now, ..next }, |_| true);
        }
    }
    count
}

#[test]
fn copies_are_as_many_as_the_loss_asks_for() {
    let table = [(0.001, 1), (0.01, 2), (0.05, 3), (0.1, 3), (0.3, 6), (0.6, 14)];
    for (loss, wanted) in table {
        assert_eq!(copies(losing(loss), Redundancy::Auto), wanted, "{loss}");
    }
    assert_eq!(copies(losing(0.3), Redundancy::Off), 1);
    assert_eq!(copies(losing(0.01), Redundancy::Eager), 2);
    assert_eq!(copies(losing(0.05), Redundancy::Eager), 4);
    assert_eq!(copies(losing(0.0), Redundancy::Eager), 1);
    assert_eq!(copies(losing(0.0), Redundancy::Fixed(5)), 5);
}

#[test]
fn losses_that_follow_each_other_ask_for_more_copies_further_apart() {
    let bursts = Circumstances { loss_after_loss: 0.5, burst: ms(90), ..losing(0.05) };
    assert!(copies(bursts, Redundancy::Auto) >= 6);
    let mut governor = governor(bursts);
    send(&mut governor, at(0), 0, Redundancy::Auto);
    assert_eq!(governor.next(at(29), |_| true), None);
    assert!(governor.next(at(30), |_| true).is_some(), "a third of a burst");
}

#[test]
fn the_one_with_the_fewest_copies_comes_first_and_in_bursts_the_one_that_has_waited_longest() {
    for (burst, expected) in [(0, [7, 8, 9]), (3, [9, 8, 7])] {
        let mut governor = governor(Circumstances { burst: ms(burst), ..losing(0.3) });
        governor.on_copy(rider(9, Redundancy::Auto, 3, at(0)), |_| true);
        governor.on_copy(rider(8, Redundancy::Auto, 2, at(2)), |_| true);
        governor.on_copy(rider(7, Redundancy::Auto, 1, at(4)), |_| true);
        let mut order = Vec::new();
        while let Some(rider) = governor.next(at(40), |_| true) {
            order.push(rider.seq.0);
        }
        assert_eq!(order, expected, "burst {burst} ms");
    }
}

#[test]
fn what_has_changed_since_is_not_copied() {
    let mut governor = governor(losing(0.1));
    send(&mut governor, at(0), 0, Redundancy::Auto);
    send(&mut governor, at(0), 1, Redundancy::Auto);
    let next = governor.next(at(30), |rider| rider.seq.0 == 1);
    assert_eq!(next.map(|rider| rider.seq.0), Some(1));
    assert_eq!(governor.next(at(30), |rider| rider.seq.0 == 1), None);
}

#[test]
fn a_message_that_had_no_room_keeps_its_turn() {
    let mut governor = governor(losing(0.1));
    send(&mut governor, at(0), 0, Redundancy::Auto);
    send(&mut governor, at(1), 1, Redundancy::Auto);
    let first = governor.next(at(30), |_| true).expect("listed");
    governor.put_back(first);
    assert_eq!(governor.next(at(30), |_| true), Some(first));
}

#[test]
fn nothing_is_copied_while_a_queue_stands() {
    let mut governor = governor(losing(0.1));
    send(&mut governor, at(0), 0, Redundancy::Fixed(5));
    governor.update(at(10), Circumstances { queue_stands: true, ..losing(0.1) });
    send(&mut governor, at(20), 1, Redundancy::Eager);
    assert_eq!(governor.next(at(60), |_| true), None);
    assert_eq!(governor.deadline(|_| true), None);
    assert!(governor.plan(1_200).parity.is_none() && !governor.plan(1_200).keep_whole);
    governor.update(at(100), losing(0.1));
    send(&mut governor, at(101), 2, Redundancy::Auto);
    // What was earned before is gone; half of what is earned now counts.
    assert_eq!(governor.next(at(131), |_| true).map(|rider| rider.seq.0), Some(2));
}

#[test]
fn a_lone_message_gets_packets_of_its_own_soon() {
    let mut governor = governor(losing(0.1));
    send(&mut governor, at(0), 0, Redundancy::Auto);
    assert_eq!(governor.deadline(|_| true), Some(at(10)), "a twelfth of a round trip");
    assert!(governor.is_due(at(10), |_| true));
}

#[test]
fn an_ordinary_flow_waits_for_its_next_packet_and_an_eager_one_does_not() {
    for (policy, after) in [(Redundancy::Auto, 45), (Redundancy::Eager, 10)] {
        let mut governor = governor(losing(0.1));
        for count in 0..50 {
            send(&mut governor, at(count * 30), count, policy);
            while governor.next(at(count * 30), |rider| rider.seq.0 == count).is_some() {}
        }
        let last = 49 * 30;
        let due = governor.deadline(|_| true).expect("the last one has one copy");
        assert_eq!(due, at(last + after), "{policy:?}");
    }
}

#[test]
fn packets_of_copies_end_with_their_budget() {
    let mut governor = governor(losing(0.3));
    let mut extra = 0;
    for count in 0..300u64 {
        // Ten messages a second would be lone ones.
        let now = at(count * 30);
        send(&mut governor, now, count, Redundancy::Eager);
        for step in 1..29 {
            if governor.is_due(now + ms(step), |_| true) {
                extra += 1;
                governor.on_packet(now + ms(step));
                while let Some(next) = governor.next(now + ms(step), |_| true) {
                    let copies = next.copies + 1;
                    let rider = Rider { copies, last_copy: now + ms(step), ..next };
                    governor.on_copy(rider, |_| true);
                }
            }
        }
    }
    assert!((290..=310).contains(&extra), "{extra} for 300 messages");
}

#[test]
fn bytes_for_copies_are_earned_and_bounded() {
    let mut governor = Governor::new(Time::ZERO, (RATE, 200), losing(0.3), 0.0);
    let (mut bytes, mut now) = (0, at(0));
    for count in 0..1_000 {
        now += ms(30);
        send(&mut governor, now, count, Redundancy::Auto);
        while let Some(next) = governor.next(now + ms(5), |_| true) {
            governor.pay(now, 210);
            bytes += 210;
            governor.on_copy(Rider { copies: next.copies + 1, last_copy: now, ..next }, |_| true);
        }
    }
    // As many as the messages have, and what a session begins with.
    assert!((190_000..=204_500).contains(&bytes), "{bytes}");
    let off = Governor::new(Time::ZERO, (0, 600), losing(0.3), 0.0);
    assert!(off.plan(1_200).parity.is_none());
}

#[test]
fn where_packets_are_many_copies_wait_for_the_burst_or_the_answer() {
    // A packet every 4 or every 40 ms, bursts of 60 ms, a round trip of 120.
    for (pace, expected) in [(4, [60, 120, 140, 160]), (40, [40, 80, 120, 160])] {
        let bursty = Circumstances { loss_after_loss: 0.9, burst: ms(60), ..losing(0.3) };
        let mut governor = governor(bursty);
        let (mut sent, mut latest) = (Vec::new(), rider(0, Redundancy::Auto, 1, at(0)));
        for now in (0..200).step_by(pace) {
            // Other messages earn the bytes, and set the pace.
            governor.on_fresh(at(now), 200, Redundancy::Auto);
            if now == 0 {
                governor.on_copy(latest, |_| true);
            } else if let Some(next) = governor.next(at(now), |it| *it == latest) {
                sent.push(now);
                latest = Rider { copies: next.copies + 1, last_copy: at(now), ..next };
                governor.pay(at(now), 210);
                governor.on_copy(latest, |_| true);
            }
            governor.on_packet(at(now));
        }
        assert_eq!(sent[..4], expected, "a packet every {pace} ms");
    }
}
