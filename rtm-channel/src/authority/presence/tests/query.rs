//! Questions about who is there.

use rtm_wire::{Encode, ErrorCode, List, OnlineFlags, State};

use super::*;
use crate::authority::presence::OnlinePage;

const IDS: OnlineFlags = OnlineFlags { user_ids: true, states: false };
const ALL: OnlineFlags = OnlineFlags { user_ids: true, states: true };
const COUNT: OnlineFlags = OnlineFlags { user_ids: false, states: false };
const WRONG: OnlineFlags = OnlineFlags { user_ids: false, states: true };

/// Users by number, each showing `value`.
fn crowd(limits: &Limits, numbers: impl Iterator<Item = u64>, value: &[u8]) -> PresenceAuthority {
    let mut lobby = authority(limits);
    for number in numbers {
        come(&mut lobby, number, value);
    }
    lobby
}

fn come(lobby: &mut PresenceAuthority, number: u64, value: &[u8]) {
    let name = format!("user {number:04}");
    lobby.join(at(0), TIME, arrival(number, &name));
    let states = [State { key: "a", value }];
    let list = List::Slice(&states);
    lobby.set_states(at(0), TIME, SubscriberId(number), &user(&name), list).expect("allowed");
}

fn page(lobby: &PresenceAuthority, flags: OnlineFlags, limit: u64, after: &str) -> Page {
    let page = lobby.online_users(flags, limit, after).expect("good flags");
    let users = page.users();
    Page {
        names: users.iter().map(|present| present.user.to_owned()).collect(),
        states: users.iter().map(|present| present.states.len()).sum(),
        bytes: users.iter().map(Encode::encoded_len).sum(),
        total: page.total(),
        next: page.next().to_owned(),
    }
}

struct Page {
    names: Vec<String>,
    states: usize,
    bytes: usize,
    total: u64,
    next: String,
}

#[test]
fn flags_say_what_is_told() {
    let lobby = crowd(&at_once(), 1..=3, b"1");
    let count = page(&lobby, COUNT, 0, "");
    assert_eq!((count.names.len(), count.total, &*count.next), (0, 3, ""));
    let ids = page(&lobby, IDS, 2, "");
    assert_eq!((ids.names.len(), ids.states, ids.total, &*ids.next), (2, 0, 3, "user 0002"));
    let all = page(&lobby, ALL, 2, &ids.next);
    assert_eq!((all.names.len(), all.states, all.total, &*all.next), (1, 1, 3, ""));
    assert_eq!(page(&lobby, ALL, 3, "").next, "", "the last page may be full");
    let refusals = [lobby.online_users(WRONG, 0, "").err(), OnlinePage::nobody(WRONG).err()];
    for refusal in refusals {
        let code = refusal.map(|refusal| refusal.code);
        assert_eq!(code, Some(ErrorCode::PRESENCE_INVALID_ARGUMENT));
    }
    assert_eq!(OnlinePage::nobody(ALL), authority(&at_once()).online_users(ALL, 0, ""));
}

#[test]
fn a_page_has_as_many_users_as_asked_for_and_no_more_than_allowed() {
    for (limits, page_max) in [(at_once(), 100), (Limits::open(), 1_000)] {
        let lobby = crowd(&limits, 1..=1_500, b"1");
        let cases = [(0, page_max), (1, 1), (page_max, page_max), (page_max + 1, page_max)];
        for (limit, len) in cases {
            let page = page(&lobby, IDS, limit, "");
            assert_eq!((page.names.len() as u64, page.total), (len, 1_500), "limit {limit}");
        }
        assert_eq!(page(&lobby, IDS, u64::MAX, "user 1499").names, ["user 1500"]);
        assert_eq!(page(&lobby, IDS, 1, "no such user").names, ["user 0001"]);
        assert!(page(&lobby, IDS, 1, "user 1500").names.is_empty());
    }
}

#[test]
fn a_page_has_32_kib_or_one_user() {
    let value = vec![7; 16_384];
    let lobby = crowd(&Limits::open(), 1..=10, &value[..10_000]);
    let three = page(&lobby, ALL, 0, "");
    assert_eq!((three.names.len(), &*three.next), (3, "user 0003"));
    assert!(three.bytes <= 32 * 1_024);
    let mut lobby = crowd(&Limits::open(), 1..=2, &value);
    let keys: Vec<String> = (0..2).map(|number| format!("{number}")).collect();
    let states: Vec<_> = keys.iter().map(|key| State { key, value: &value }).collect();
    let (from, list) = (SubscriberId(1), List::Slice(&states));
    lobby.set_states(at(0), TIME, from, &user("user 0001"), list).expect("allowed");
    let one = page(&lobby, ALL, 0, "");
    assert_eq!((one.names.len(), &*one.next), (1, "user 0001"));
    assert!(one.bytes > 48 * 1_024);
}

#[test]
fn who_stays_is_listed_exactly_once_whoever_comes_and_goes() {
    // Those with even numbers stay; of the others some go and some come between any two pages.
    for limit in 1..=7 {
        let mut lobby = crowd(&at_once(), (1..=60).filter(|n| n % 4 != 1), b"1");
        let (mut after, mut listed, mut round) = (String::new(), Vec::new(), 0);
        loop {
            let page = page(&lobby, IDS, limit, &after);
            listed.extend(page.names);
            if page.next.is_empty() {
                break;
            }
            assert!(page.next > after, "pages go on");
            after = page.next;
            for number in (1..=60).filter(|n| n % 2 == 1) {
                let name = user(&format!("user {number:04}"));
                match (number + round * 7) % 6 {
                    0..3 => come(&mut lobby, number, b"1"),
                    _ => drop(lobby.leave(at(0), TIME, SubscriberId(number), &name)),
                }
            }
            round += 1;
        }
        let stayed = listed.iter().filter(|name| {
            name.trim_start_matches("user ").parse::<u64>().expect("a number") % 2 == 0
        });
        let expected = (1..=30).map(|n| format!("user {:04}", 2 * n));
        assert_eq!(Vec::from_iter(stayed.cloned()), Vec::from_iter(expected), "pages of {limit}");
        assert!(listed.is_sorted_by(|one, other| one < other), "nobody twice");
    }
}

#[test]
fn what_one_user_shows_can_be_asked_for() {
    let lobby = crowd(&at_once(), 1..=2, b"1");
    assert_eq!(lobby.states("user 0001"), Ok(vec![State { key: "a", value: b"1" }]));
    assert!(lobby.is_present("user 0001") && !lobby.is_present("user 3"));
    for absent in ["user 3", "", &"x".repeat(255)] {
        let refusal = lobby.states(absent).expect_err("it isn't there");
        assert_eq!(refusal.code, ErrorCode::PRESENCE_USER_NOT_EXIST);
        assert!(refusal.reason.len() < rtm_wire::limits::REASON);
    }
}
