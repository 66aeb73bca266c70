//! What a user shows in one channel: pairs of key and value, checked and bounded.
//!
//! The one place for these checks: the authority's truth and the client's own states use it.

use std::collections::{BTreeMap, BTreeSet};

use rtm_wire::{ErrorCode, List, State, limits};

use crate::limits::Limits;
use crate::name::{NameError, check_name};
use crate::refusal::Refusal;

/// Characters of a key that a refusal shows, whose length is bounded.
const SHOWN_KEY_LEN: usize = 40;

/// How much one user may show in one channel; never more than the wire can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StateLimits {
    /// Pairs.
    count: usize,
    /// Bytes of a key.
    key_len: usize,
    /// Bytes of a value.
    value_len: usize,
    /// Bytes of all keys and values together.
    bytes: usize,
}

impl StateLimits {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            count: limits.presence_states.min(limits::LIST),
            key_len: limits.presence_key_len.min(limits::NAME),
            value_len: limits.presence_value_len.min(limits::STATE),
            bytes: limits.presence_states_len,
        }
    }

    /// Bounds for what comes from the network, and has been checked by somebody else.
    pub(crate) const fn bounds(count: usize, bytes: usize) -> Self {
        Self { count, key_len: limits::NAME, value_len: limits::STATE, bytes }
    }

    /// Pairs.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    fn check(&self, state: State<'_>) -> Result<(), Refusal> {
        let State { key, value } = state;
        check_name("the state key", key, self.key_len).map_err(|error| {
            let code = match error {
                NameError::TooLong { .. } => ErrorCode::PRESENCE_STATE_KEY_SIZE_OVERFLOW,
                _ => ErrorCode::PRESENCE_INVALID_STATE_KEY,
            };
            error.refusal(code)
        })?;
        if value.is_empty() {
            let reason = format!("the state {} has an empty value; remove it instead", shown(key));
            return Err(Refusal::new(ErrorCode::PRESENCE_INVALID_STATE_VALUE, reason));
        }
        if value.len() > self.value_len {
            let (length, limit) = (value.len(), self.value_len);
            let reason = format!(
                "the value of the state {} has {length} bytes, above the limit of {limit}; \
                 shorten it",
                shown(key)
            );
            return Err(Refusal::new(ErrorCode::PRESENCE_STATE_VALUE_SIZE_OVERFLOW, reason));
        }
        Ok(())
    }

    fn check_all(&self, count: usize, bytes: usize) -> Result<(), Refusal> {
        if count > self.count {
            let limit = self.count;
            let reason =
                format!("{count} states, above the limit of {limit}; remove some of them first");
            return Err(Refusal::new(ErrorCode::PRESENCE_STATE_COUNT_OVERFLOW, reason));
        }
        if bytes > self.bytes {
            let limit = self.bytes;
            let reason = format!(
                "all states together have {bytes} bytes, above the limit of {limit}; shorten them \
                 or remove some of them first"
            );
            return Err(Refusal::new(ErrorCode::PRESENCE_STATE_VALUE_SIZE_OVERFLOW, reason));
        }
        Ok(())
    }
}

/// The pairs of one user in one channel, by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct States {
    pairs: BTreeMap<Box<str>, Box<[u8]>>,
    /// Bytes of all keys and values.
    bytes: usize,
}

impl States {
    /// Adds or replaces the pairs that are named; whether anything has changed.
    pub(crate) fn set(
        &mut self,
        limits: &StateLimits,
        states: List<'_, State<'_>>,
    ) -> Result<bool, Refusal> {
        self.check(limits, states)?;
        let mut has_changed = false;
        for State { key, value } in states.iter() {
            has_changed |= self.put(key, value);
        }
        Ok(has_changed)
    }

    /// Takes out the pairs of these keys, or all if there are none; whether anything has changed.
    pub(crate) fn remove(&mut self, keys: List<'_, &str>) -> bool {
        if keys.is_empty() {
            return std::mem::take(self) != Self::default();
        }
        let mut has_changed = false;
        for key in keys.iter() {
            if let Some(value) = self.pairs.remove(key) {
                self.bytes -= key.len() + value.len();
                has_changed = true;
            }
        }
        has_changed
    }

    /// What an event says, as far as it keeps to the bounds.
    pub(crate) fn received(limits: &StateLimits, states: List<'_, State<'_>>) -> Self {
        let mut received = Self::default();
        received.merge(limits, states);
        received
    }

    /// Adds or replaces pairs that somebody else has checked, as far as they keep to the bounds.
    pub(crate) fn merge(&mut self, limits: &StateLimits, states: List<'_, State<'_>>) {
        for State { key, value } in states.iter() {
            let former = self.pairs.get(key).map(|former| key.len() + former.len());
            let bytes = self.bytes + key.len() + value.len() - former.unwrap_or(0);
            let is_counted = former.is_some() || self.pairs.len() < limits.count;
            if is_counted && bytes <= limits.bytes {
                self.put(key, value);
            }
        }
    }

    /// The pairs, by key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = State<'_>> {
        self.pairs.iter().map(|(key, value)| State { key, value })
    }

    /// The pairs as a slice for the wire.
    pub(crate) fn list(&self) -> Vec<State<'_>> {
        self.iter().collect()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.pairs.keys().map(|key| &**key)
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.pairs.contains_key(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.pairs.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    fn check(&self, limits: &StateLimits, states: List<'_, State<'_>>) -> Result<(), Refusal> {
        let (mut count, mut bytes) = (self.pairs.len(), self.bytes);
        let mut keys = BTreeSet::new();
        for state in states.iter() {
            limits.check(state)?;
            let State { key, value } = state;
            if !keys.insert(key) {
                let reason = format!("the state {} is set twice; name it once", shown(key));
                return Err(Refusal::new(ErrorCode::PRESENCE_STATE_DUPLICATE_KEY, reason));
            }
            if let Some(former) = self.pairs.get(key) {
                bytes -= key.len() + former.len();
            } else {
                count += 1;
            }
            bytes += key.len() + value.len();
        }
        limits.check_all(count, bytes)
    }

    /// Whether anything has changed.
    fn put(&mut self, key: &str, value: &[u8]) -> bool {
        let former = self.pairs.insert(key.into(), value.into());
        let has_changed = former.as_deref() != Some(value);
        self.bytes += key.len() + value.len();
        self.bytes -= former.map_or(0, |former| key.len() + former.len());
        has_changed
    }
}

/// A key that has been checked, in quotes, cut if it is long: it is ASCII.
fn shown(key: &str) -> String {
    match key.get(..SHOWN_KEY_LEN) {
        Some(start) if key.len() > SHOWN_KEY_LEN => format!("{start:?}..."),
        _ => format!("{key:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state<'a>(key: &'a str, value: &'a [u8]) -> State<'a> {
        State { key, value }
    }

    /// Sets into nothing.
    fn set(limits: &Limits, states: &[State<'_>]) -> Result<bool, ErrorCode> {
        set_into(&mut States::default(), limits, states)
    }

    /// A refusal changes nothing.
    fn set_into(
        states: &mut States,
        limits: &Limits,
        new: &[State<'_>],
    ) -> Result<bool, ErrorCode> {
        let before = states.clone();
        let result = states.set(&StateLimits::new(limits), List::Slice(new));
        let bytes = states.iter().map(|state| state.key.len() + state.value.len());
        assert_eq!(states.bytes, bytes.sum::<usize>());
        if result.is_err() {
            assert_eq!(*states, before);
        }
        result.map_err(|refusal| {
            assert!(refusal.reason.len() <= limits::REASON, "{refusal}");
            refusal.code
        })
    }

    #[test]
    fn keys_and_values_are_checked_at_the_limit_and_one_beyond() {
        for (limits, key_len, value_len) in
            [(Limits::hosted(), 64, 1_024), (Limits::open(), 255, 16_384)]
        {
            let (key, value) = ("k".repeat(key_len + 1), vec![0; value_len + 1]);
            assert_eq!(set(&limits, &[state(&key[1..], &value[1..])]), Ok(true));
            let cases = [
                (state(&key, b"v"), ErrorCode::PRESENCE_STATE_KEY_SIZE_OVERFLOW),
                (state(&key[1..], &value), ErrorCode::PRESENCE_STATE_VALUE_SIZE_OVERFLOW),
                (state("", b"v"), ErrorCode::PRESENCE_INVALID_STATE_KEY),
                (state("a.b", b"v"), ErrorCode::PRESENCE_INVALID_STATE_KEY),
                (state("_a", b"v"), ErrorCode::PRESENCE_INVALID_STATE_KEY),
                (state(&key[1..], b""), ErrorCode::PRESENCE_INVALID_STATE_VALUE),
            ];
            for (state, code) in cases {
                assert_eq!(set(&limits, &[state]), Err(code), "{state:?}");
            }
        }
    }

    #[test]
    fn pairs_are_counted_at_the_limit_and_one_beyond() {
        for (limits, count) in [(Limits::hosted(), 32), (Limits::open(), 128)] {
            let keys: Vec<String> = (0..=count).map(|number| format!("key {number}")).collect();
            let all: Vec<_> = keys.iter().map(|key| state(key, b"v")).collect();
            let too_many = Err(ErrorCode::PRESENCE_STATE_COUNT_OVERFLOW);
            assert_eq!(set(&limits, &all), too_many);
            let mut states = States::default();
            assert_eq!(set_into(&mut states, &limits, &all[1..]), Ok(true));
            assert_eq!(set_into(&mut states, &limits, &all[..1]), too_many, "one more");
            assert_eq!(set_into(&mut states, &limits, &all[1..3]), Ok(false), "known ones");
            assert!(states.remove(List::Slice(&[&keys[1]])));
            assert_eq!(set_into(&mut states, &limits, &all[..1]), Ok(true), "there is room again");
        }
    }

    #[test]
    fn bytes_are_counted_at_the_limit_and_one_beyond() {
        for (limits, value_len, bytes) in
            [(Limits::hosted(), 1_023, 8_192), (Limits::open(), 16_383, 65_536)]
        {
            let value = vec![7; value_len];
            let count = bytes / (1 + value_len);
            let keys: Vec<String> = (0..count).map(|n| format!("{n}")).collect();
            let all: Vec<_> = keys.iter().map(|key| state(key, &value)).collect();
            let mut states = States::default();
            assert_eq!(set_into(&mut states, &limits, &all), Ok(true));
            assert_eq!(states.bytes, bytes);
            let longer = [state("0", &[7; 16_384][..value_len + 1])];
            let too_long = Err(ErrorCode::PRESENCE_STATE_VALUE_SIZE_OVERFLOW);
            assert_eq!(set_into(&mut states, &limits, &longer), too_long);
            let swapped = [state("0", &[8; 16_384][..value_len])];
            assert_eq!(set_into(&mut states, &limits, &swapped), Ok(true), "as long as before");
            assert!(states.remove(List::Slice(&["1", "nothing"])));
            assert_eq!(set_into(&mut states, &limits, &longer), Ok(true), "there is room again");
            assert!(states.remove(List::default()) && !states.remove(List::default()));
            assert_eq!(states, States::default());
        }
    }

    #[test]
    fn a_key_is_set_once_in_a_call() {
        let twice = [state("a", b"1"), state("b", b"1"), state("a", b"2")];
        assert_eq!(set(&Limits::hosted(), &twice), Err(ErrorCode::PRESENCE_STATE_DUPLICATE_KEY));
    }

    #[test]
    fn what_is_received_is_cut_to_the_bounds() {
        let bounds = StateLimits::bounds(2, 6);
        let all = [state("a", b"12345"), state("b", b"1"), state("c", b"")];
        let received = States::received(&bounds, List::Slice(&all));
        assert_eq!(Vec::from_iter(received.iter()), [state("a", b"12345")]);
        let received = States::received(&bounds, List::Slice(&all[1..]));
        assert_eq!(received.iter().count(), 2);
    }
}
