//! Whether a history of concurrent calls could have happened one after the other.
//!
//! After Wing and Gong: a call takes effect at some moment between its beginning and its answer. If
//! there is an order of such moments in which each answer is right, the history is linearizable. A
//! call whose answer never came took effect at some moment after its beginning, or never.

use std::collections::{BTreeMap, BTreeSet};

/// What is to be expected of a revision: −1 nothing, 0 absence, else the revision.
pub(crate) type Expected = i64;

/// What a call asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Writes one item.
    Set { key: u8, value: u32, item: Expected, major: Expected },
    /// Removes one item.
    Remove { key: u8, item: Expected, major: Expected },
    /// Reads all.
    Get,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Done, at this revision.
    Stored(i64),
    /// Refused because of a revision, or because there is no such item.
    Outdated,
    /// All there is.
    All(State),
    /// Nothing: the answer is lost.
    Unknown,
}

/// A set: the truth at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct State {
    pub(crate) major: i64,
    /// Value and revision of each item.
    pub(crate) items: BTreeMap<u8, (u32, i64)>,
}

/// A call, and when it began and was answered.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) began: u64,
    /// None for one whose answer never came.
    pub(crate) answered: Option<u64>,
    pub(crate) ask: Ask,
    pub(crate) said: Said,
}

/// Calls that a history may have.
pub(crate) const CALLS_MAX: usize = 128;

/// Whether the history can have happened one call after the other, from this state on.
pub(crate) fn is_linearizable(start: &State, calls: &[Call]) -> bool {
    assert!(calls.len() <= CALLS_MAX, "the set of calls is a number of 128 bits");
    Search { calls, dead: BTreeSet::new() }.goes_on(0, start)
}

struct Search<'a> {
    calls: &'a [Call],
    /// Calls that have taken effect, and states after them, from which nothing goes on.
    dead: BTreeSet<(u128, State)>,
}

impl Search<'_> {
    fn goes_on(&mut self, done: u128, state: &State) -> bool {
        let open = |index: &usize| done & (1 << index) == 0;
        let ends = (0..self.calls.len()).filter(open).filter_map(|it| self.calls[it].answered);
        // Whatever began after an open call's answer comes after that call.
        let Some(first_end) = ends.min() else { return true };
        if self.dead.contains(&(done, state.clone())) {
            return false;
        }
        let candidates: Vec<_> = (0..self.calls.len())
            .filter(open)
            .filter(|index| self.calls[*index].began <= first_end)
            .collect();
        for index in candidates {
            let call = &self.calls[index];
            let (next, answer) = apply(state, &call.ask);
            if call.said != Said::Unknown && call.said != answer {
                continue;
            }
            if self.goes_on(done | 1 << index, &next) {
                return true;
            }
        }
        self.dead.insert((done, state.clone()));
        false
    }
}

/// The set as it is meant, in a dozen lines: shares no code with what is tested.
fn apply(state: &State, ask: &Ask) -> (State, Said) {
    let is_set_at = |major: Expected| match major {
        -1 => true,
        0 => state.items.is_empty(),
        wanted => wanted == state.major,
    };
    let is_item_at = |key: &u8, item: Expected| match (item, state.items.get(key)) {
        (-1, _) | (0, None) => true,
        (wanted, Some((_, found))) => wanted == *found,
        (_, None) => false,
    };
    let mut next = state.clone();
    next.major += 1;
    match ask {
        Ask::Get => return (state.clone(), Said::All(state.clone())),
        Ask::Set { key, value, item, major } if is_set_at(*major) && is_item_at(key, *item) => {
            next.items.insert(*key, (*value, next.major));
        }
        Ask::Remove { key, item, major }
            if is_set_at(*major) && is_item_at(key, *item) && state.items.contains_key(key) =>
        {
            next.items.remove(key);
        }
        _ => return (state.clone(), Said::Outdated),
    }
    let stored = Said::Stored(next.major);
    (next, stored)
}

fn call(began: u64, answered: u64, ask: Ask, said: Said) -> Call {
    Call { began, answered: Some(answered), ask, said }
}

fn put(value: u32, item: Expected) -> Ask {
    Ask::Set { key: 1, value, item, major: -1 }
}

fn all(major: i64, value: u32, revision: i64) -> Said {
    Said::All(State { major, items: BTreeMap::from([(1, (value, revision))]) })
}

#[test]
fn the_checker_accepts_what_can_have_happened() {
    let start = State::default();
    // Both at once, the later one first.
    let swapped = [
        call(0, 10, put(1, -1), Said::Stored(2)),
        call(0, 10, put(2, -1), Said::Stored(1)),
        call(11, 12, Ask::Get, all(2, 1, 2)),
    ];
    assert!(is_linearizable(&start, &swapped));
    // One of two that want the same.
    let race = [
        call(0, 10, put(1, 0), Said::Outdated),
        call(0, 10, put(2, 0), Said::Stored(1)),
        call(5, 20, Ask::Get, Said::All(start.clone())),
    ];
    assert!(is_linearizable(&start, &race));
    // An answer that is lost: done, or not.
    let lost = Call { began: 0, answered: None, ask: put(7, -1), said: Said::Unknown };
    let seen = call(5, 6, Ask::Get, all(1, 7, 1));
    let unseen = call(5, 6, Ask::Get, Said::All(start.clone()));
    assert!(is_linearizable(&start, &[lost.clone(), seen.clone()]));
    assert!(is_linearizable(&start, &[lost.clone(), unseen.clone()]));
    // Late, after it was not seen.
    let late = call(8, 9, Ask::Get, all(1, 7, 1));
    assert!(is_linearizable(&start, &[lost, unseen, late]));
}

#[test]
fn the_checker_refuses_what_cannot_have_happened() {
    let start = State::default();
    let both_win =
        [call(0, 10, put(1, 0), Said::Stored(1)), call(0, 10, put(2, 0), Said::Stored(2))];
    let nobody_wins =
        [call(0, 10, put(1, 0), Said::Outdated), call(0, 10, put(2, 0), Said::Outdated)];
    let one_number_twice =
        [call(0, 10, put(1, -1), Said::Stored(1)), call(0, 10, put(2, -1), Said::Stored(1))];
    let stale_read = [
        call(0, 10, put(1, -1), Said::Stored(1)),
        call(11, 12, Ask::Get, Said::All(start.clone())),
    ];
    let back_in_time = [
        call(0, 100, put(1, -1), Said::Stored(1)),
        call(10, 20, Ask::Get, all(1, 1, 1)),
        call(21, 30, Ask::Get, Said::All(start.clone())),
    ];
    let from_nowhere = [call(0, 1, Ask::Get, all(1, 1, 1))];
    let removed_twice = [
        call(0, 1, put(1, -1), Said::Stored(1)),
        call(2, 9, Ask::Remove { key: 1, item: -1, major: -1 }, Said::Stored(2)),
        call(2, 9, Ask::Remove { key: 1, item: -1, major: -1 }, Said::Stored(3)),
    ];
    let histories: [&[Call]; 7] = [
        &both_win,
        &nobody_wins,
        &one_number_twice,
        &stale_read,
        &back_in_time,
        &from_nowhere,
        &removed_twice,
    ];
    for (index, history) in histories.into_iter().enumerate() {
        assert!(!is_linearizable(&start, history), "{index}");
    }
}
