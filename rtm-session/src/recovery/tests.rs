//! Recovery against hand-made acknowledgements.

use proptest::prelude::*;

use super::*;

const fn at(millis: u64) -> Time {
    Time::from_micros(millis * 1_000)
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn recovery() -> Recovery<u64> {
    Recovery::new(Time::ZERO, RecoveryConfig::default(), Some(ms(40)))
}

fn send(recovery: &mut Recovery<u64>, now: Time, number: u64) {
    recovery.on_packet_sent(now, PacketNumber(number), 1_200, true, number);
}

fn ack(recovery: &mut Recovery<u64>, now: Time, numbers: &[u64]) -> AckOutcome<u64> {
    let ranges = numbers.iter().map(|&number| PacketNumber(number)..=PacketNumber(number));
    recovery.on_ack(now, ranges, Duration::ZERO).expect("all were sent")
}

/// However late the acknowledgement comes, and whatever order it has.
#[test]
fn the_peer_is_heard_until_its_newest_packet_was_sent() {
    let mut recovery = recovery();
    assert_eq!(recovery.heard_until(), None);
    for number in 0..4 {
        send(&mut recovery, at(100 * number), number);
    }
    ack(&mut recovery, at(5_000), &[2]);
    assert_eq!(recovery.heard_until(), Some(at(200)));
    ack(&mut recovery, at(6_000), &[0, 1]);
    assert_eq!(recovery.heard_until(), Some(at(200)), "they are older, and lost meanwhile");
    ack(&mut recovery, at(7_000), &[3]);
    assert_eq!(recovery.heard_until(), Some(at(300)));
}

#[test]
fn three_later_packets_make_one_lost() {
    let mut recovery = recovery();
    (0..4).for_each(|number| send(&mut recovery, at(0), number));
    assert_eq!(ack(&mut recovery, at(40), &[2, 1]).lost, [] as [u64; 0]);
    let outcome = ack(&mut recovery, at(41), &[3]);
    assert_eq!((outcome.acked, outcome.lost), (vec![3], vec![0]));
    assert_eq!(recovery.in_flight(), 0);
}

#[test]
fn one_later_packet_and_time_make_one_lost() {
    let mut recovery = recovery();
    (0..2).for_each(|number| send(&mut recovery, at(0), number));
    ack(&mut recovery, at(40), &[1]);
    let due = recovery.timeout().expect("a loss timer");
    assert_eq!(due, at(45));
    let TimeoutOutcome::Lost(lost) = recovery.on_timeout(due, true) else { panic!("a loss timer") };
    assert_eq!(lost, [0]);
    assert_eq!(recovery.timeout(), None);
}

#[test]
fn lost_packets_are_not_remembered_without_bound() {
    let mut recovery = recovery();
    // A round trip of 30 s, in which 30,000 packets go out; one of a hundred is acknowledged.
    let mut most = 0;
    for number in 0..100_000 {
        send(&mut recovery, at(number), number);
        if let (Some(old), true) = (number.checked_sub(30_000), number % 100 == 0) {
            ack(&mut recovery, at(number), &[old]);
        }
        most = most.max(recovery.remembered());
    }
    assert!(most <= 30_200, "{most}, 30,000 of which are on their way");
}

#[test]
fn silence_asks_for_probes_at_a_bounded_pause() {
    let mut recovery = recovery();
    send(&mut recovery, at(0), 0);
    let mut pauses = Vec::new();
    let mut now = at(0);
    for timeout in 0..300 {
        let due = recovery.timeout().expect("a packet is out");
        pauses.push(due.saturating_since(now).as_millis());
        now = due;
        let outcome = recovery.on_timeout(now, true);
        let TimeoutOutcome::Probe { count } = outcome else { panic!("{outcome:?}") };
        assert_eq!(count, if timeout < 3 { 2 } else { 1 });
    }
    // 40 + 4 × 20 + 25 is a probe timeout; afterwards it is a round trip and 100 ms.
    assert!(pauses[..285].iter().all(|pause| *pause == 145 || *pause == 140), "{pauses:?}");
    // After 40 s of silence.
    assert_eq!(pauses[288..], [1_000; 12]);
    ack(&mut recovery, now, &[0]);
    assert_eq!(recovery.timeout(), None);
}

#[test]
fn an_acknowledgement_of_the_future_is_refused() {
    let mut recovery = recovery();
    send(&mut recovery, at(0), 0);
    let ranges = [PacketNumber(0)..=PacketNumber(1)].into_iter();
    assert_eq!(recovery.on_ack(at(1), ranges, ms(0)).err(), Some(NeverSent));
}

#[test]
fn a_late_packet_is_acknowledged_after_all_and_reordering_is_learnt() {
    let mut recovery = recovery();
    (0..8).for_each(|number| send(&mut recovery, at(0), number));
    assert_eq!(ack(&mut recovery, at(40), &[6]).lost, [0, 1, 2, 3]);
    assert_eq!(ack(&mut recovery, at(41), &[0]).acked, [0]);
    assert_eq!(recovery.packet_threshold, 7);
}

#[test]
fn long_loss_is_persistent_congestion() {
    for (congestion, window) in [
        (CongestionControl::NewReno, 2_400),
        (CongestionControl::Cubic, 2_400),
        (CongestionControl::Delay, 4_800),
        // No queue stood: an outage, after which it begins as at first.
        (CongestionControl::LossTolerant, 12_000),
    ] {
        let config = RecoveryConfig { congestion, ..RecoveryConfig::default() };
        let mut recovery = Recovery::new(Time::ZERO, config, Some(ms(40)));
        (0..20).for_each(|number| send(&mut recovery, at(number * 100), number));
        let outcome = ack(&mut recovery, at(2_000), &[19]);
        assert_eq!(outcome.lost.len(), 19);
        assert_eq!(recovery.window(), window);
    }
}

#[test]
fn a_window_that_is_not_used_does_not_grow() {
    use CongestionControl::{Cubic, Delay, LossTolerant, NewReno};

    for congestion in [NewReno, Cubic, Delay, LossTolerant] {
        let config = RecoveryConfig { congestion, ..RecoveryConfig::default() };
        let mut recovery = Recovery::new(Time::ZERO, config, Some(ms(40)));
        // Four of ten datagrams, acknowledged one by one.
        for number in 0..400 {
            send(&mut recovery, at(number * 10), number);
            if number >= 3 {
                ack(&mut recovery, at(number * 10), &[number - 3]);
            }
        }
        assert_eq!(recovery.window(), 12_000, "{congestion:?}");
        // Eight of ten.
        for number in 400..408 {
            send(&mut recovery, at(4_000), number);
        }
        ack(&mut recovery, at(4_040), &[400, 399, 398, 397]);
        assert!(recovery.window() > 12_000, "{congestion:?}");
    }
}

#[test]
fn a_remembered_window_is_jumped_to_by_half_and_tried() {
    let remembered = Some(Remembered { window: 240_000, rtt: ms(40) });
    let config = RecoveryConfig { remembered, ..RecoveryConfig::default() };
    let mut recovery = Recovery::new(Time::ZERO, config, None);
    (0..10).for_each(|number| send(&mut recovery, at(0), number));
    assert_eq!((recovery.window(), recovery.to_remember()), (12_000, None));
    ack(&mut recovery, at(40), &[0]);
    assert_eq!(recovery.window(), 120_000);
    // Three in four of the jump's packets are lost.
    (10..110).for_each(|number| send(&mut recovery, at(41), number));
    let known = recovery.to_remember().expect("most of the window is used");
    assert_eq!(known.rtt, ms(40));
    (0..25).for_each(|count| drop(ack(&mut recovery, at(81), &[13 + count * 4])));
    assert!((12_000..=20_000).contains(&recovery.window()), "{}", recovery.window());
}

#[test]
fn late_packets_bring_the_window_back() {
    use CongestionControl::{Cubic, NewReno};

    for congestion in [NewReno, Cubic] {
        let config = RecoveryConfig { congestion, ..RecoveryConfig::default() };
        let mut recovery = Recovery::new(Time::ZERO, config, Some(ms(40)));
        (0..8).for_each(|number| send(&mut recovery, at(0), number));
        assert_eq!(ack(&mut recovery, at(40), &[7]).lost.len(), 5);
        assert!(recovery.window() < 12_000, "{congestion:?}");
        ack(&mut recovery, at(42), &[0, 1, 2, 3, 4]);
        assert!(recovery.window() >= 12_000, "{congestion:?}");
    }
}

proptest! {
    /// Whatever is acknowledged in whatever order: contents come back as acknowledged or lost,
    /// acknowledged at most once, and in the end nothing is in flight.
    #[test]
    fn all_contents_come_back(
        acks in prop::collection::vec((0u64..60, 1u64..5, 0u64..30), 1..80),
    ) {
        let mut recovery = recovery();
        let (mut now, mut next) = (at(0), 0);
        let (mut acked, mut lost) = (vec![0; 201], vec![0; 201]);
        for (number, burst, pause) in acks {
            for _ in 0..burst {
                if next < 200 {
                    send(&mut recovery, now, next);
                    next += 1;
                }
            }
            now += ms(pause);
            if recovery.timeout().is_some_and(|due| due <= now) {
                if let TimeoutOutcome::Lost(contents) = recovery.on_timeout(now, true) {
                    contents.iter().for_each(|&number| lost[number as usize] += 1);
                }
            }
            let outcome = ack(&mut recovery, now, &[number.min(next - 1)]);
            outcome.acked.iter().for_each(|&number| acked[number as usize] += 1);
            outcome.lost.iter().for_each(|&number| lost[number as usize] += 1);
        }
        send(&mut recovery, now, next);
        let all = [PacketNumber(0)..=PacketNumber(next)].into_iter();
        let outcome = recovery.on_ack(now + ms(1), all, ms(0)).expect("sent");
        outcome.acked.iter().for_each(|&number| acked[number as usize] += 1);
        for number in 0..=next as usize {
            prop_assert!(acked[number] <= 1 && lost[number] <= 1);
            prop_assert!(acked[number] + lost[number] >= 1, "packet {} is forgotten", number);
        }
        prop_assert_eq!((recovery.in_flight(), recovery.flight.eliciting), (0, 0));
        prop_assert_eq!(recovery.timeout(), None);
    }
}

#[test]
fn on_a_stream_nothing_is_held_back_before_a_bound_and_only_order_shows_what_was_refused() {
    let mut recovery = Recovery::new(Time::ZERO, RecoveryConfig::default(), Some(ms(40)));
    recovery.set_stream(true);
    for number in 0..STREAM_FLIGHT_MAX {
        assert!(recovery.may_send(at(0), 1_200) && recovery.may_send_control());
        send(&mut recovery, at(0), number);
    }
    assert!(!recovery.may_send(at(0), 1_200) && !recovery.may_send_control());
    // Late, and far behind: that shows nothing here, until a later one is acknowledged.
    assert_eq!(ack(&mut recovery, at(10_000), &[0, 1, 2]).lost, [] as [u64; 0]);
    assert!(recovery.may_send(at(10_000), 1_200));
    assert_eq!(ack(&mut recovery, at(10_001), &[6]).lost, [3, 4, 5]);
    // Nobody asks before three seconds have passed, and then again after six.
    assert_eq!(recovery.timeout(), Some(at(3_000)));
    assert!(matches!(recovery.on_timeout(at(20_000), true), TimeoutOutcome::Probe { .. }));
    assert_eq!(recovery.timeout(), Some(at(26_000)));
    // On another path, all that is under way is to be sent again.
    recovery.on_new_path(at(20_001));
    recovery.set_stream(false);
    let abandoned = recovery.abandon(at(20_001));
    assert_eq!(abandoned.len() as u64, STREAM_FLIGHT_MAX - 7);
    assert_eq!(recovery.in_flight(), 0);
    assert!(recovery.remembered() <= CONTROL_MAX as usize);
}

#[test]
fn a_silence_is_an_outage_once_answers_were_due_by_the_loss_known() {
    // Packet and answer get through 49 times of 100, and 25 times: ten answers are due of 21
    // packets, and of 40.
    for (loss, packets) in [(0.3, 21), (0.5, 40)] {
        let mut recovery = recovery();
        recovery.expect_loss(loss);
        send(&mut recovery, at(0), 0);
        for number in 1..packets {
            assert!(!recovery.is_cut_off(), "{loss}: {number} packets");
            send(&mut recovery, at(2_000), number);
        }
        assert!(recovery.is_cut_off(), "{loss}");
        // Probes go on as they began for longer, but not for ever.
        assert!(recovery.is_chance(), "{loss}");
        (0..packets).for_each(|more| send(&mut recovery, at(2_000), packets + more));
        assert!(!recovery.is_chance(), "{loss}");
    }
}
