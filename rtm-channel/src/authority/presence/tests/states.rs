//! What users show, and who is told of it.

use rtm_wire::{Encode, ErrorCode, List, PresentUser, State};

use super::*;
use crate::authority::presence::parts::{PART_MAX, WHOLE_MAX};
use crate::refusal::Refusal;

/// Pairs such as `a=1`.
fn set(
    lobby: &mut PresenceAuthority,
    now: Time,
    (session, name): (u64, &str),
    pairs: &[&str],
) -> Result<Vec<String>, ErrorCode> {
    let states = pairs.iter().map(|pair| {
        let (key, value) = pair.split_once('=').expect("a pair");
        State { key, value: value.as_bytes() }
    });
    let states: Vec<_> = states.collect();
    let before = lobby.clone();
    let list = List::Slice(&states);
    let result = lobby.set_states(now, TIME, SubscriberId(session), &user(name), list);
    result.map(|told_of| told(&told_of)).map_err(|refusal| {
        assert_eq!(*lobby, before, "a refusal changes nothing");
        refusal.code
    })
}

fn remove(
    lobby: &mut PresenceAuthority,
    now: Time,
    (session, name): (u64, &str),
    keys: &[&str],
) -> Result<Vec<String>, ErrorCode> {
    let keys = List::Slice(keys);
    let result = lobby.remove_states(now, TIME, SubscriberId(session), &user(name), keys);
    result.map(|told_of| told(&told_of)).map_err(|refusal| refusal.code)
}

/// Alice and bob, sessions 1 and 2.
fn two(limits: &Limits) -> PresenceAuthority {
    let mut lobby = authority(limits);
    for (session, name) in [(1, "alice"), (2, "bob")] {
        lobby.join(at(0), TIME, arrival(session, name));
    }
    lobby
}

fn shown(lobby: &PresenceAuthority, name: &str) -> Result<usize, ErrorCode> {
    lobby.states(name).map(|states| states.len()).map_err(|Refusal { code, .. }| code)
}

#[test]
fn others_are_told_all_that_a_user_shows_once_a_call() {
    let mut lobby = two(&at_once());
    let alice = (1, "alice");
    let told = set(&mut lobby, at(1), alice, &["mood=well", "hand=up"]);
    assert_eq!(told, Ok(vec!["StateChanged alice(hand=up mood=well) of 2 to [2]".to_owned()]));
    let told = set(&mut lobby, at(2), alice, &["mood=tired"]);
    assert_eq!(told, Ok(vec!["StateChanged alice(hand=up mood=tired) of 2 to [2]".to_owned()]));
    assert_eq!(set(&mut lobby, at(3), alice, &["mood=tired"]), Ok(vec![]), "nothing new");
    assert_eq!(set(&mut lobby, at(3), alice, &[]), Ok(vec![]));
    let told = remove(&mut lobby, at(4), alice, &["hand", "nothing"]);
    assert_eq!(told, Ok(vec!["StateChanged alice(mood=tired) of 2 to [2]".to_owned()]));
    assert_eq!(remove(&mut lobby, at(5), alice, &["nothing"]), Ok(vec![]));
    let told = remove(&mut lobby, at(6), alice, &[]);
    assert_eq!(told, Ok(vec!["StateChanged alice of 2 to [2]".to_owned()]));
    assert_eq!(remove(&mut lobby, at(7), alice, &[]), Ok(vec![]));
}

#[test]
fn who_is_not_told_to_others_shows_nothing() {
    let mut limits = at_once();
    limits.message_members = 2;
    let mut lobby = two(&limits);
    let quiet = Arrival { is_quiet: true, ..arrival(2, "bob") };
    lobby.join(at(1), TIME, arrival(3, "carol"));
    lobby.join(at(2), TIME, quiet);
    for absent in [(2, "bob"), (3, "carol"), (4, "dave"), (9, "alice"), (1, "bob")] {
        let refused = Err(ErrorCode::PRESENCE_NOT_WRITABLE);
        assert_eq!(set(&mut lobby, at(3), absent, &["a=1"]), refused, "{absent:?}");
        assert_eq!(remove(&mut lobby, at(3), absent, &[]), refused, "{absent:?}");
    }
    assert_eq!(shown(&lobby, "carol"), Err(ErrorCode::PRESENCE_USER_NOT_EXIST));
    lobby.join(at(4), TIME, arrival(3, "carol"));
    let told = set(&mut lobby, at(5), (3, "carol"), &["a=1"]);
    assert_eq!(told, Ok(vec!["StateChanged carol(a=1) of 2 to [1, 2]".to_owned()]), "room again");
}

#[test]
fn a_call_that_is_refused_changes_nothing() {
    let mut lobby = two(&at_once());
    for (pairs, code) in [
        (&["a=1", "b."][..1], None),
        (&["b=1", "a.b=1"][..], Some(ErrorCode::PRESENCE_INVALID_STATE_KEY)),
        (&["b=1", "c="][..], Some(ErrorCode::PRESENCE_INVALID_STATE_VALUE)),
        (&["b=1", "b=1"][..], Some(ErrorCode::PRESENCE_STATE_DUPLICATE_KEY)),
    ] {
        assert_eq!(set(&mut lobby, at(1), (1, "alice"), pairs).err(), code);
        assert_eq!(shown(&lobby, "alice"), Ok(1));
    }
}

#[test]
fn states_last_over_a_loss_and_end_with_the_presence() {
    let mut lobby = two(&at_once());
    set(&mut lobby, at(0), (2, "bob"), &["a=1"]).expect("well");
    lobby.lose(SubscriberId(2), &user("bob"), at(1_000));
    assert_eq!(shown(&lobby, "bob"), Ok(1), "lost, and told to nobody");
    assert_eq!(told(&lobby.join(at(2_000), TIME, arrival(3, "bob"))), [""; 0]);
    let snapshot = lobby.snapshot(at(2_000), TIME, SubscriberId(3));
    assert_eq!(told(&snapshot), ["Snapshot bob(a=1) alice of 2 to [3]"]);
    // The former session stands for nobody.
    let refused = Err(ErrorCode::PRESENCE_NOT_WRITABLE);
    assert_eq!(set(&mut lobby, at(2_000), (2, "bob"), &["a=2"]), refused);
    lobby.silent(SubscriberId(3), &user("bob"), at(3_000));
    assert_eq!(told(&lobby.heard(at(4_000), TIME, SubscriberId(3), &user("bob"))), [""; 0]);
    assert_eq!(shown(&lobby, "bob"), Ok(1));
    // A timeout hides them: a session that is heard after all shows them again.
    lobby.silent(SubscriberId(3), &user("bob"), at(5_000));
    assert_eq!(told(&lobby.handle_timeout(at(10_000), TIME)), ["TimedOut -bob of 1 to [1, 3]"]);
    assert_eq!(set(&mut lobby, at(10_000), (3, "bob"), &["a=2"]), refused);
    let back = lobby.heard(at(11_000), TIME, SubscriberId(3), &user("bob"));
    let expected = ["Joined +bob of 2 to [1, 3]", "StateChanged bob(a=1) of 2 to [1, 3]"];
    assert_eq!(told(&back), expected);
    // It ends those of a session that is lost.
    lobby.lose(SubscriberId(3), &user("bob"), at(11_000));
    lobby.handle_timeout(at(16_000), TIME);
    lobby.join(at(17_000), TIME, arrival(3, "bob"));
    assert_eq!(shown(&lobby, "bob"), Ok(0));
    // So does a leave.
    set(&mut lobby, at(18_000), (3, "bob"), &["a=2"]).expect("well");
    lobby.leave(at(19_000), TIME, SubscriberId(3), &user("bob"));
    assert_eq!(shown(&lobby, "bob"), Err(ErrorCode::PRESENCE_USER_NOT_EXIST));
    lobby.join(at(20_000), TIME, arrival(4, "bob"));
    assert_eq!(shown(&lobby, "bob"), Ok(0));
}

#[test]
fn states_of_many_are_told_once_an_interval_as_they_are_at_its_end() {
    let mut limits = at_once();
    limits.presence_announced = 1;
    let mut lobby = two(&limits);
    lobby.handle_timeout(at(30_000), TIME);
    let now = at(30_000);
    assert_eq!(set(&mut lobby, now, (1, "alice"), &["a=1", "b=1"]), Ok(vec![]));
    assert_eq!(set(&mut lobby, now, (1, "alice"), &["a=2"]), Ok(vec![]));
    assert_eq!(remove(&mut lobby, now, (1, "alice"), &["b"]), Ok(vec![]));
    set(&mut lobby, now, (2, "bob"), &["a=1"]).expect("well");
    for (session, name) in [(3, "carol"), (4, "dave"), (5, "eve")] {
        lobby.join(now, TIME, arrival(session, name));
    }
    set(&mut lobby, now, (3, "carol"), &["c=1"]).expect("well");
    set(&mut lobby, now, (5, "eve"), &["c=1"]).expect("well");
    remove(&mut lobby, now, (5, "eve"), &[]).expect("well");
    lobby.leave(now, TIME, SubscriberId(2), &user("bob"));
    let interval = told(&lobby.handle_timeout(at(60_000), TIME));
    let expected = "Interval +carol +dave +eve -bob alice(a=2) carol(c=1) of 4 to [1, 3, 4, 5]";
    assert_eq!(interval, [expected]);
    // Who shows nothing any more is told of; who comes back shows nothing.
    remove(&mut lobby, now, (1, "alice"), &[]).expect("well");
    lobby.leave(now, TIME, SubscriberId(3), &user("carol"));
    lobby.join(now, TIME, arrival(3, "carol"));
    let interval = told(&lobby.handle_timeout(at(90_000), TIME));
    assert_eq!(interval, ["Interval +carol alice of 4 to [1, 3, 4, 5]"]);
}

/// Channels in which everybody shows as much as it may.
#[test]
fn parts_with_states_keep_to_their_length_and_cut_no_user_in_two() {
    for (limits, users) in [(at_once(), 60), (Limits::open(), 12)] {
        let mut limits = limits;
        limits.presence_announced = 0;
        let mut lobby = authority(&limits);
        let value = vec![7; limits.presence_value_len - 1];
        let count = limits.presence_states_len / limits.presence_value_len;
        let keys: Vec<String> = (0..count).map(|number| format!("{number}")).collect();
        let states: Vec<_> = keys.iter().map(|key| State { key, value: &value }).collect();
        for number in 1..=users {
            lobby.join(at(0), TIME, arrival(number, &format!("user {number}")));
            let (from, name) = (SubscriberId(number), user(&format!("user {number}")));
            let list = List::Slice(&states);
            lobby.set_states(at(0), TIME, from, &name, list).expect("as much as is allowed");
        }
        let alone = PresentUser { user: "user 10", states: List::Slice(&states) }.encoded_len();
        let snapshot = lobby.snapshot(at(1), TIME, SubscriberId(1));
        let interval = lobby.handle_timeout(at(30_000), TIME);
        for parts in [snapshot, interval] {
            let mut shown = 0;
            for part in &parts {
                let Ok(rtm_wire::Event::Presence(event)) = rtm_wire::Event::decode(&part.event)
                else {
                    panic!("it can't be read")
                };
                shown += event.users.len();
                assert!(event.users.iter().all(|present| present.states.len() == count));
                let is_alone = event.users.len() == 1 && alone > PART_MAX / 2;
                assert!(part.event.len() <= PART_MAX || is_alone, "{} bytes", part.event.len());
                assert!(part.event.len() < 65 * 1_024, "what clients take");
            }
            assert_eq!(shown as u64, users);
        }
    }
}

#[test]
fn snapshots_and_intervals_have_a_length_that_fits_a_queue() {
    let mut limits = Limits::open();
    (limits.presence_announced, limits.presence_snapshot) = (1, 1_000);
    let mut lobby = authority(&limits);
    let value = [7; 10_000];
    let states = [State { key: "a", value: &value }];
    for number in 1..=200 {
        lobby.join(at(0), TIME, arrival(number, &format!("user {number:03}")));
        let (from, name) = (SubscriberId(number), user(&format!("user {number:03}")));
        lobby.set_states(at(0), TIME, from, &name, List::Slice(&states)).expect("well");
    }
    let own = lobby.snapshot(at(1), TIME, SubscriberId(200));
    let changes = lobby.handle_timeout(at(30_000), TIME);
    for (parts, first) in [(own, "user 200"), (changes, "user 001")] {
        let bytes: usize = parts.iter().map(|part| part.event.len()).sum();
        assert!(bytes > WHOLE_MAX * 9 / 10 && bytes <= WHOLE_MAX + parts.len() * 100, "{bytes}");
        let Ok(rtm_wire::Event::Presence(event)) = rtm_wire::Event::decode(&parts[0].event) else {
            panic!("it can't be read")
        };
        assert_eq!((event.change, event.total), (PresenceChange::Snapshot, 200));
        assert_eq!(event.users.iter().next().map(|present| present.user), Some(first));
    }
}

#[test]
fn more_changed_states_than_a_snapshot_names_are_told_as_a_snapshot() {
    let mut limits = at_once();
    (limits.presence_announced, limits.presence_snapshot) = (1, 3);
    let mut lobby = authority(&limits);
    for number in 1..=4 {
        lobby.join(at(0), TIME, arrival(number, &format!("user {number}")));
    }
    lobby.handle_timeout(at(30_000), TIME);
    for number in 1..=3 {
        let name = format!("user {number}");
        set(&mut lobby, at(30_000), (number, &name), &["a=1"]).expect("well");
        set(&mut lobby, at(30_000), (number, &name), &["a=2"]).expect("well");
    }
    let mut other = lobby.clone();
    let interval = told(&other.handle_timeout(at(60_000), TIME));
    let users = "user 1(a=2) user 2(a=2) user 3(a=2) of 4 to [1, 2, 3, 4]";
    assert_eq!(interval, [format!("Interval {users}")]);
    set(&mut lobby, at(30_000), (4, "user 4"), &["a=1"]).expect("well");
    let snapshot = told(&lobby.handle_timeout(at(60_000), TIME));
    assert_eq!(snapshot, [format!("Snapshot {users}")]);
}

#[test]
fn another_life_of_a_client_begins_with_nothing_to_show() {
    let mut lobby = authority(&Limits::hosted());
    for (session, name) in [(1, "alice"), (2, "bob")] {
        lobby.join(at(0), TIME, arrival(session, name));
    }
    set(&mut lobby, at(1), (2, "bob"), &["mood=well"]).expect("it is there");
    lobby.lose(SubscriberId(2), &user("bob"), at(1_000));
    let again = lobby.join(at(2_000), TIME, arrival(3, "bob"));
    assert_eq!(told(&again), [""; 0], "the same life, in another session");
    lobby.lose(SubscriberId(3), &user("bob"), at(3_000));
    let mut anew = arrival(4, "bob");
    anew.identity.instance = SessionInstance(2);
    let told_of = told(&lobby.join(at(4_000), TIME, anew.clone()));
    assert_eq!(told_of.len(), 1, "{told_of:?}");
    assert!(told_of[0].starts_with("StateChanged bob") && !told_of[0].contains("mood"));
    assert_eq!(told(&lobby.join(at(5_000), TIME, anew)), [""; 0], "once");
}
