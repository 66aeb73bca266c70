//! A leave that isn't told before the user may have come again.

use rtm_wire::{List, State};

use super::*;

/// Alice and bob, sessions 1 and 2, and a good-bye that is told after two seconds.
fn two(limits: Limits) -> PresenceAuthority {
    let mut lobby = authority(&limits);
    for (session, name) in [(1, "alice"), (2, "bob")] {
        lobby.join(at(0), TIME, arrival(session, name));
    }
    lobby
}

fn show(lobby: &mut PresenceAuthority, now: Time, session: u64, name: &str) -> Vec<String> {
    let states = [State { key: "a", value: b"1" }];
    let (from, list) = (SubscriberId(session), List::Slice(&states));
    told(&lobby.set_states(now, TIME, from, &user(name), list).expect("allowed"))
}

#[test]
fn a_leave_is_told_when_the_user_has_stayed_away() {
    let mut lobby = two(Limits::hosted());
    show(&mut lobby, at(0), 2, "bob");
    assert_eq!(told(&lobby.leave(at(1_000), TIME, SubscriberId(2), &user("bob"))), [""; 0]);
    assert!(lobby.is_present("bob") && lobby.states("bob").is_ok_and(|it| it.is_empty()));
    let snapshot = lobby.snapshot(at(1_000), TIME, SubscriberId(1));
    assert_eq!(told(&snapshot), ["Snapshot alice bob of 2 to [1]"], "there, showing nothing");
    // A second good-bye, or the end of its session, changes nothing.
    lobby.leave(at(2_000), TIME, SubscriberId(2), &user("bob"));
    lobby.silent(SubscriberId(2), &user("bob"), at(2_000));
    lobby.heard(at(2_000), TIME, SubscriberId(2), &user("bob"));
    lobby.lose(SubscriberId(2), &user("bob"), at(2_000));
    assert_eq!(lobby.poll_timeout(), Some(at(3_000)));
    assert_eq!(told(&lobby.handle_timeout(at(2_999), TIME)), [""; 0]);
    assert_eq!(told(&lobby.handle_timeout(at(3_000), TIME)), ["Left -bob of 1 to [1]"]);
    assert!(!lobby.is_present("bob"));
    assert_eq!(lobby.poll_timeout(), None);
    assert_eq!(told(&lobby.heard(at(4_000), TIME, SubscriberId(2), &user("bob"))), [""; 0]);
    lobby.leave(at(5_000), TIME, SubscriberId(1), &user("alice"));
    assert!(!lobby.is_empty(), "it is still to be told");
    lobby.handle_timeout(at(7_000), TIME);
    assert!(lobby.is_empty());
}

#[test]
fn who_comes_again_in_time_was_never_away_but_shows_nothing() {
    let mut lobby = two(Limits::hosted());
    lobby.leave(at(1_000), TIME, SubscriberId(2), &user("bob"));
    assert_eq!(told(&lobby.join(at(2_999), TIME, arrival(3, "bob"))), [""; 0], "as before");
    assert_eq!(show(&mut lobby, at(3_000), 3, "bob"), ["StateChanged bob(a=1) of 2 to [1]"]);
    lobby.leave(at(4_000), TIME, SubscriberId(3), &user("bob"));
    let again = told(&lobby.join(at(5_999), TIME, arrival(4, "bob")));
    assert_eq!(again, ["StateChanged bob of 2 to [1]"]);
    assert_eq!(lobby.poll_timeout(), None);
    // Too late by nothing.
    show(&mut lobby, at(6_000), 4, "bob");
    lobby.leave(at(7_000), TIME, SubscriberId(4), &user("bob"));
    let late = told(&lobby.join(at(9_000), TIME, arrival(5, "bob")));
    assert_eq!(late, ["Left -bob of 1 to [1]", "Joined +bob of 2 to [1]"]);
}

#[test]
fn who_becomes_quiet_is_told_to_have_gone_at_once() {
    let mut lobby = two(Limits::hosted());
    show(&mut lobby, at(0), 2, "bob");
    let quiet = Arrival { is_quiet: true, ..arrival(2, "bob") };
    assert_eq!(told(&lobby.join(at(1), TIME, quiet.clone())), ["Left -bob of 1 to [1]"]);
    lobby.join(at(2), TIME, arrival(2, "bob"));
    lobby.leave(at(3), TIME, SubscriberId(2), &user("bob"));
    assert_eq!(told(&lobby.join(at(4), TIME, quiet)), ["Left -bob of 1 to [1]"], "leaving");
    assert_eq!(lobby.poll_timeout(), None);
}

#[test]
fn a_lost_user_may_still_say_good_bye() {
    let mut lobby = two(Limits::hosted());
    lobby.silent(SubscriberId(2), &user("bob"), at(0));
    lobby.leave(at(4_000), TIME, SubscriberId(2), &user("bob"));
    assert_eq!(lobby.poll_timeout(), Some(at(6_000)));
    assert_eq!(told(&lobby.handle_timeout(at(6_000), TIME)), ["Left -bob of 1 to [1]"]);
}

#[test]
fn a_crowd_is_told_of_who_left_and_not_of_who_came_again() {
    let mut limits = Limits::hosted();
    limits.presence_announced = 1;
    let mut lobby = two(limits);
    lobby.join(at(0), TIME, arrival(3, "carol"));
    for (session, name) in [(2, "bob"), (3, "carol")] {
        show(&mut lobby, at(0), session, name);
    }
    lobby.handle_timeout(at(30_000), TIME);
    for (session, name) in [(2, "bob"), (3, "carol")] {
        lobby.leave(at(31_000), TIME, SubscriberId(session), &user(name));
    }
    lobby.join(at(32_000), TIME, arrival(4, "carol"));
    lobby.handle_timeout(at(33_000), TIME);
    assert_eq!(lobby.poll_timeout(), Some(at(62_000)));
    let interval = told(&lobby.handle_timeout(at(63_000), TIME));
    assert_eq!(interval, ["Interval -bob carol of 2 to [1, 4]"]);
}
