//! Who is told what, one case at a time; `tests/it/presence.rs` has the long histories.

use rtm_wire::{ChannelKind, PresenceEvent, SessionInstance};

use super::*;
use crate::name::{AppId, ChannelName};

mod debounce;
mod query;
mod states;

const TIME: UnixTime = UnixTime::from_millis(1_000);

/// Hosted limits, but who goes is told to have gone at once.
fn at_once() -> Limits {
    let mut limits = Limits::hosted();
    limits.presence_debounce = 0;
    limits
}

fn at(millis: u64) -> Time {
    Time::from_micros(millis * 1_000)
}

fn user(name: &str) -> UserId {
    UserId::new(name).expect("a name")
}

fn authority(limits: &Limits) -> PresenceAuthority {
    let (app, name) = (AppId::new("app"), ChannelName::new("lobby"));
    let kind = ChannelKind::Message;
    let key = ChannelKey { app: app.expect("a name"), kind, name: name.expect("a name") };
    PresenceAuthority::new(key, Epoch(1), limits)
}

fn arrival(session: u64, name: &str) -> Arrival {
    Arrival {
        subscriber: SubscriberId(session),
        identity: Identity { user: user(name), instance: SessionInstance(1) },
        hears: true,
        is_quiet: false,
        timeout: Duration::from_secs(5),
    }
}

/// Each event as text: change, lists, and to whom.
fn told(fanouts: &[Fanout]) -> Vec<String> {
    let one = |fanout: &Fanout| {
        let Ok(rtm_wire::Event::Presence(event)) = rtm_wire::Event::decode(&fanout.event) else {
            panic!("no presence event")
        };
        let PresenceEvent { change, joined, left, timed_out, users, total, .. } = event;
        let mut text = format!("{change:?}");
        for user in joined.iter() {
            text += &format!(" +{user}");
        }
        for user in left.iter().chain(timed_out.iter()) {
            text += &format!(" -{user}");
        }
        for present in users.iter() {
            text += &format!(" {}", present.user);
            let states = present
                .states
                .iter()
                .map(|state| format!("{}={}", state.key, String::from_utf8_lossy(state.value)));
            if !present.states.is_empty() {
                text += &format!("({})", states.collect::<Vec<_>>().join(" "));
            }
        }
        let to: Vec<_> = fanout.to.iter().map(|subscriber| subscriber.0).collect();
        format!("{text} of {total} to {to:?}")
    };
    fanouts.iter().map(one).collect()
}

#[test]
fn others_hear_of_a_user_who_comes_and_goes_and_the_user_does_not() {
    let mut lobby = authority(&at_once());
    assert_eq!(told(&lobby.join(at(0), TIME, arrival(1, "alice"))), [""; 0]);
    let snapshot = lobby.snapshot(at(0), TIME, SubscriberId(1));
    assert_eq!(told(&snapshot), ["Snapshot alice of 1 to [1]"]);
    let joined = lobby.join(at(1), TIME, arrival(2, "bob"));
    assert_eq!(told(&joined), ["Joined +bob of 2 to [1]"]);
    let left = lobby.leave(at(2), TIME, SubscriberId(1), &user("alice"));
    assert_eq!(told(&left), ["Left -alice of 1 to [2]"]);
    assert_eq!(told(&lobby.leave(at(3), TIME, SubscriberId(2), &user("bob"))), [""; 0]);
    assert!(lobby.is_empty());
}

#[test]
fn a_timeout_fires_when_it_should_and_not_before() {
    let mut lobby = authority(&at_once());
    for (session, name) in [(1, "alice"), (2, "bob")] {
        lobby.join(at(0), TIME, arrival(session, name));
    }
    lobby.lose(SubscriberId(2), &user("bob"), at(1_000));
    assert_eq!(lobby.poll_timeout(), Some(at(6_000)));
    assert_eq!(told(&lobby.handle_timeout(at(5_999), TIME)), [""; 0]);
    let gone = lobby.handle_timeout(at(6_000), TIME);
    assert_eq!(told(&gone), ["TimedOut -bob of 1 to [1]"]);
    assert_eq!(lobby.poll_timeout(), None);
}

#[test]
fn who_comes_back_in_time_was_never_away() {
    let mut lobby = authority(&at_once());
    for (session, name) in [(1, "alice"), (2, "bob")] {
        lobby.join(at(0), TIME, arrival(session, name));
    }
    // In the same session.
    lobby.silent(SubscriberId(2), &user("bob"), at(1_000));
    assert_eq!(told(&lobby.heard(at(5_999), TIME, SubscriberId(2), &user("bob"))), [""; 0]);
    assert_eq!(lobby.poll_timeout(), None);
    // In another one; the first sign of a loss counts.
    lobby.silent(SubscriberId(2), &user("bob"), at(10_000));
    lobby.lose(SubscriberId(2), &user("bob"), at(12_000));
    assert_eq!(lobby.poll_timeout(), Some(at(15_000)));
    assert_eq!(told(&lobby.join(at(14_999), TIME, arrival(3, "bob"))), [""; 0]);
    assert_eq!(lobby.poll_timeout(), None);
    // What is said of the old session means nothing any more.
    lobby.lose(SubscriberId(2), &user("bob"), at(16_000));
    assert_eq!(told(&lobby.leave(at(16_000), TIME, SubscriberId(2), &user("bob"))), [""; 0]);
    assert_eq!(lobby.poll_timeout(), None);
}

#[test]
fn who_comes_back_too_late_has_gone_and_comes_anew() {
    let mut lobby = authority(&at_once());
    for (session, name) in [(1, "alice"), (2, "bob")] {
        lobby.join(at(0), TIME, arrival(session, name));
    }
    lobby.silent(SubscriberId(2), &user("bob"), at(1_000));
    let late = lobby.heard(at(6_000), TIME, SubscriberId(2), &user("bob"));
    assert_eq!(told(&late), ["TimedOut -bob of 1 to [1, 2]", "Joined +bob of 2 to [1, 2]"]);
    lobby.lose(SubscriberId(2), &user("bob"), at(7_000));
    let late = lobby.join(at(12_000), TIME, arrival(3, "bob"));
    assert_eq!(told(&late), ["TimedOut -bob of 1 to [1]", "Joined +bob of 2 to [1]"]);
    // Gone, and lost for good after that.
    lobby.silent(SubscriberId(3), &user("bob"), at(13_000));
    assert_eq!(lobby.handle_timeout(at(18_000), TIME).len(), 1);
    lobby.lose(SubscriberId(3), &user("bob"), at(20_000));
    assert_eq!(told(&lobby.heard(at(21_000), TIME, SubscriberId(3), &user("bob"))), [""; 0]);
    assert_eq!(Vec::from_iter(lobby.users()), [&user("alice")]);
}

#[test]
fn who_is_quiet_hears_and_is_not_told_of() {
    let mut lobby = authority(&at_once());
    lobby.join(at(0), TIME, arrival(1, "alice"));
    let quiet = Arrival { is_quiet: true, ..arrival(2, "bob") };
    assert_eq!(told(&lobby.join(at(0), TIME, quiet.clone())), [""; 0]);
    let snapshot = lobby.snapshot(at(0), TIME, SubscriberId(2));
    assert_eq!(told(&snapshot), ["Snapshot alice of 1 to [2]"]);
    let joined = lobby.join(at(1), TIME, arrival(3, "carol"));
    assert_eq!(told(&joined), ["Joined +carol of 2 to [1, 2]"]);
    // And by a change of mind, both ways.
    assert_eq!(told(&lobby.join(at(2), TIME, arrival(2, "bob"))), ["Joined +bob of 3 to [1, 3]"]);
    assert_eq!(told(&lobby.join(at(3), TIME, quiet)), ["Left -bob of 2 to [1, 3]"]);
}

#[test]
fn who_does_not_want_to_hear_is_told_of_and_hears_nothing() {
    let mut lobby = authority(&at_once());
    lobby.join(at(0), TIME, arrival(1, "alice"));
    let deaf = Arrival { hears: false, ..arrival(2, "bob") };
    assert_eq!(told(&lobby.join(at(0), TIME, deaf)), ["Joined +bob of 2 to [1]"]);
    assert_eq!(told(&lobby.snapshot(at(0), TIME, SubscriberId(2))), [""; 0]);
    assert_eq!(told(&lobby.join(at(1), TIME, arrival(3, "carol"))), ["Joined +carol of 3 to [1]"]);
}

#[test]
fn the_changes_of_many_are_told_once_an_interval() {
    let mut limits = at_once();
    (limits.presence_announced, limits.presence_interval) = (2, 30);
    let mut lobby = authority(&limits);
    lobby.join(at(0), TIME, arrival(1, "alice"));
    assert_eq!(told(&lobby.join(at(0), TIME, arrival(2, "bob"))), ["Joined +bob of 2 to [1]"]);
    assert_eq!(told(&lobby.join(at(5), TIME, arrival(3, "carol"))), [""; 0], "one beyond");
    let left = lobby.leave(at(6), TIME, SubscriberId(2), &user("bob"));
    assert_eq!(told(&left), [""; 0], "few again, but the order has to hold");
    lobby.join(at(7), TIME, arrival(4, "dave"));
    lobby.leave(at(8), TIME, SubscriberId(4), &user("dave"));
    assert_eq!(lobby.poll_timeout(), Some(at(30_005)));
    assert_eq!(told(&lobby.handle_timeout(at(30_004), TIME)), [""; 0]);
    assert_eq!(
        told(&lobby.handle_timeout(at(30_005), TIME)),
        ["Interval +carol -bob -dave of 2 to [1, 3]"]
    );
    let left = lobby.leave(at(30_006), TIME, SubscriberId(1), &user("alice"));
    assert_eq!(told(&left), ["Left -alice of 1 to [3]"], "at once again");
}

#[test]
fn a_snapshot_names_as_many_as_are_allowed_and_itself_in_parts_that_fit() {
    let mut limits = Limits::open();
    limits.presence_snapshot = 700;
    let mut lobby = authority(&limits);
    for number in 0..1_000 {
        let name = format!("{number:0>60}");
        lobby.join(at(0), TIME, arrival(number + 1, &name));
    }
    let parts = lobby.snapshot(at(1), TIME, SubscriberId(1_000));
    assert!(parts.len() > 1);
    let mut names = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        assert!(part.event.len() < 33 * 1_024 && part.to == [SubscriberId(1_000)]);
        let Ok(rtm_wire::Event::Presence(event)) = rtm_wire::Event::decode(&part.event) else {
            panic!("no presence event")
        };
        assert_eq!(event.has_more, index + 1 < parts.len());
        assert_eq!(event.total, 1_000);
        names.extend(event.users.iter().map(|present| present.user.to_owned()));
    }
    assert_eq!(names.len(), 700);
    assert_eq!(names[0], format!("{:0>60}", 999), "itself first");
}

#[test]
fn positions_grow_over_the_lives_of_a_channel() {
    let position = |fanouts: &[Fanout]| {
        let event = &fanouts.last().expect("an event").event;
        let Ok(rtm_wire::Event::Presence(event)) = rtm_wire::Event::decode(event) else {
            panic!("no presence event")
        };
        event.position
    };
    let mut former = rtm_wire::Position::default();
    for life in 0..3 {
        let mut lobby = authority(&at_once());
        for number in 0..10 {
            // Time may stand still.
            let now = at(life * 50 + 1);
            lobby.join(now, TIME, arrival(number + 1, &format!("user {number}")));
            let next = position(&lobby.snapshot(now, TIME, SubscriberId(number + 1)));
            assert!(next > former, "{next:?} after {former:?}");
            former = next;
        }
    }
}

#[test]
fn beyond_the_limit_who_comes_is_taken_for_quiet() {
    let mut limits = at_once();
    limits.message_members = 2;
    let mut lobby = authority(&limits);
    for (session, name) in [(1, "alice"), (2, "bob"), (3, "carol")] {
        lobby.join(at(0), TIME, arrival(session, name));
    }
    let snapshot = lobby.snapshot(at(0), TIME, SubscriberId(3));
    assert_eq!(told(&snapshot), ["Snapshot alice bob of 2 to [3]"], "it hears");
    // Who is there may come again.
    assert_eq!(told(&lobby.join(at(1), TIME, arrival(4, "bob"))), [""; 0]);
    assert_eq!(Vec::from_iter(lobby.users()), [&user("alice"), &user("bob")]);
}

#[test]
fn a_crowd_with_short_names_is_told_in_lists_that_can_be_read() {
    let mut limits = Limits::open();
    (limits.presence_announced, limits.presence_snapshot) = (8, 10_000);
    let mut lobby = authority(&limits);
    for number in 0..6_000 {
        lobby.join(at(0), TIME, arrival(number + 1, &format!("{number}")));
    }
    let snapshot = lobby.snapshot(at(1), TIME, SubscriberId(1));
    let interval = lobby.handle_timeout(at(60_000), TIME);
    for parts in [snapshot, interval] {
        let mut users = 0;
        for part in &parts {
            let Ok(rtm_wire::Event::Presence(event)) = rtm_wire::Event::decode(&part.event) else {
                panic!("it can't be read")
            };
            users += event.users.len() + event.joined.len();
        }
        assert!(users > 5_900 && parts.len() >= 6, "{users} in {} parts", parts.len());
    }
}

#[test]
fn more_changes_than_a_snapshot_names_are_told_as_a_snapshot() {
    let mut limits = at_once();
    (limits.presence_announced, limits.presence_snapshot) = (1, 3);
    let mut lobby = authority(&limits);
    for (session, name) in [(1, "alice"), (2, "bob")] {
        lobby.join(at(0), TIME, arrival(session, name));
    }
    for number in 3..10 {
        lobby.join(at(1), TIME, arrival(number, &format!("user {number}")));
        lobby.leave(at(2), TIME, SubscriberId(number), &user(&format!("user {number}")));
    }
    let told_at_last = told(&lobby.handle_timeout(at(60_000), TIME));
    assert_eq!(told_at_last, ["Snapshot alice bob of 2 to [1, 2]"]);
}
