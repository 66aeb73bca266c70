//! Sessions against a peer that has the keys and does what it likes.

use std::time::Duration;

use bytes::Bytes;
use rtm_wire::{PacketNumber, PathChallenge, Ping};

use super::duel::{Duel, frame};
use super::*;

const MS: Duration = Duration::from_millis(1);

#[test]
fn acknowledgements_that_nobody_answers_are_not_remembered() {
    let mut duel = Duel::new();
    let ping = frame(&Ping);
    duel.send(&frame(&PathChallenge([7; 8])));
    duel.run(MS);
    for _ in 0..20_000 {
        duel.send(&ping);
        duel.run(MS);
    }
    // The answer to the challenge, and probes for it.
    assert!(duel.session.stats().packets_sent > 9_000);
    assert!(duel.remembered() < 100, "{}", duel.remembered());
    assert_eq!(duel.cause(), None);
}

#[test]
fn a_peer_that_acknowledges_nothing_is_remembered_within_bounds() {
    let mut duel = Duel::new();
    let demand = frame(&PathChallenge([7; 8]));
    let mut most = 0;
    for _ in 0..60_000 {
        duel.send(&demand);
        duel.run(10 * MS);
        most = most.max(duel.remembered());
    }
    // As many as may be on their way, and two probes.
    assert!((2_048..=2_050).contains(&most), "{most} packets");
    assert_eq!(duel.cause(), None);

    duel.ack(duel.seen.expect("packets were sent")..=duel.seen.expect("packets were sent"));
    duel.run(100 * MS);
    assert!(duel.remembered() <= 2_050);
}

#[test]
fn a_peer_that_acknowledges_little_and_late_makes_nobody_remember_much() {
    let mut duel = Duel::new();
    let demands = frame(&PathChallenge([7; 8]));
    let mut most = 0;
    for round in 0..60_000 {
        duel.send(&demands);
        let sent = duel.run(MS);
        // One packet of a hundred, and the round-trip time looks like seconds.
        if let (Some(&number), true) = (sent.last(), round % 100 == 0) {
            duel.now += Duration::from_secs(5);
            duel.ack(number..=number);
        }
        most = most.max(duel.remembered());
    }
    assert!(most <= 20_000, "{most} packets");
}

#[test]
fn who_acknowledges_more_than_came_meets_a_number_that_was_never_used() {
    let mut duel = Duel::new();
    duel.send(&[]);
    let mut largest = PacketNumber(0);
    let mut sent = 0;
    for _ in 0..2_000 {
        let message = Bytes::from_static(&[1; 20]);
        if duel.session.send(duel.now, LaneId::CONTROL, message, SendOptions::new()).is_err() {
            break;
        }
        for number in duel.run(20 * MS) {
            (largest, sent) = (largest.max(number), sent + 1);
        }
        duel.ack(PacketNumber(0)..=largest);
    }
    assert_eq!(duel.cause(), Some(&CloseCause::Violation(Violation::Ack)));
    assert!(sent <= 129, "{sent} packets");
}
