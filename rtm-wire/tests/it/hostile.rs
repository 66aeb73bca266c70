//! Bytes of any kind are refused or have exactly one meaning; nothing panics.

use proptest::prelude::*;
use proptest::sample::Index;

use crate::strategy;
use crate::vector::{Type, put};

const TYPES: [Type; 9] = [
    Type::Varint,
    Type::Packet,
    Type::Hello,
    Type::Welcome,
    Type::Resumption,
    Type::Frame,
    Type::Frames,
    Type::Request,
    Type::Server,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn arbitrary_bytes_have_one_meaning_or_none(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        for kind in TYPES {
            check(kind, &bytes)?;
        }
    }

    /// Small numbers are kinds, lengths and counts.
    #[test]
    fn small_bytes_have_one_meaning_or_none(
        bytes in proptest::collection::vec(0..8_u8, 0..60),
        first in any::<u8>(),
    ) {
        for kind in TYPES {
            check(kind, &bytes)?;
            check(kind, &[&[first], bytes.as_slice()].concat())?;
        }
    }

    #[test]
    fn changed_bytes_have_one_meaning_or_none(
        (kind, bytes) in valid(),
        changes in proptest::collection::vec(change(), 1..4),
    ) {
        let mut bytes = bytes;
        for change in changes {
            change.apply(&mut bytes);
            check(kind, &bytes)?;
        }
    }
}

fn valid() -> impl Strategy<Value = (Type, Vec<u8>)> {
    prop_oneof![
        1 => strategy::packet().prop_map(|(_, bytes)| (Type::Packet, bytes)),
        1 => strategy::hello().prop_map(|hello| (Type::Hello, put(&hello))),
        1 => strategy::welcome().prop_map(|welcome| (Type::Welcome, put(&welcome))),
        1 => strategy::resumption().prop_map(|it| (Type::Resumption, put(&it))),
        3 => strategy::frame().prop_map(|frame| (Type::Frame, put(&frame))),
        3 => strategy::request().prop_map(|request| (Type::Request, put(&request))),
        3 => strategy::server_operation().prop_map(|operation| (Type::Server, put(&operation))),
    ]
}

#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<Index>;
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (place(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (place(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        place().prop_map(Change::Remove),
        place().prop_map(Change::Cut),
    ]
}

impl Change {
    fn apply(self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Set(at, byte) => *at.get_mut(bytes.as_mut_slice()) = byte,
            Self::Flip(at, bit) => *at.get_mut(bytes.as_mut_slice()) ^= 1 << bit,
            Self::Insert(at, byte) => bytes.insert(at.index(bytes.len()), byte),
            Self::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
        }
    }
}

/// What is accepted is written again as it was; the two payloads with parameters, whose number
/// differs from version to version, have a normal form instead.
fn check(kind: Type, bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok((fields, written)) = kind.read(bytes) else { return Ok(()) };
    if matches!(kind, Type::Hello | Type::Welcome) {
        let again = kind.read(&written).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(again, (fields, written));
    } else {
        prop_assert_eq!(written, bytes);
    }
    Ok(())
}
