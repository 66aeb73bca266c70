//! What a write of metadata expects.

use bytes::BufMut;

use crate::encode::Encode;
use crate::error::Input;
use crate::id::{LockToken, Revision};
use crate::operation::field::{name, put_text, text_len};
use crate::parse::Parsed;
use crate::varint;

/// `expected = varint: 0 no check, 1 must not exist, n + 1 must be n`
///
/// What a write takes the revision of a set, or of an item, to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Expected(u64);

impl Expected {
    /// The last writer wins.
    pub const ANY: Self = Self(0);
    /// It must not exist.
    pub const ABSENT: Self = Self(1);

    /// It must be this revision. The largest one that can be asked for is 2⁶² − 2.
    #[must_use]
    pub const fn at(revision: Revision) -> Self {
        Self(if revision.0 < varint::MAX { revision.0 + 1 } else { varint::MAX })
    }

    /// The number that users of RTM 2.x write: −1 no check, 0 must not exist, above that the
    /// revision. None if it means nothing.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        let coded = u64::try_from(number.checked_add(1)?).ok()?;
        (coded <= varint::MAX).then_some(Self(coded))
    }

    /// The revision that it must be; 0 for what must not exist. None when nothing is checked.
    #[must_use]
    pub const fn revision(self) -> Option<Revision> {
        match self.0 {
            0 => None,
            coded => Some(Revision(coded - 1)),
        }
    }

    pub(super) fn parse(input: Input<'_>) -> Parsed<'_, Self> {
        varint::parse(input).map(|(rest, coded)| (rest, Self(coded)))
    }
}

impl Encode for Expected {
    fn encoded_len(&self) -> usize {
        varint::len(self.0)
    }

    fn encode(&self, out: &mut impl BufMut) {
        varint::put(out, self.0);
    }
}

/// `under lock = lock text, token varint`
///
/// The lock that the writer has to hold. Nothing is checked while the name is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnderLock<'a> {
    /// The lock's name, or empty.
    pub name: &'a str,
    /// The token that it must have now; 0 when holding it is enough.
    pub token: LockToken,
}

impl<'a> UnderLock<'a> {
    pub(super) fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        let (input, name) = name(input, "lock name")?;
        let (input, token) = varint::parse(input)?;
        Ok((input, Self { name, token: LockToken(token) }))
    }
}

impl Encode for UnderLock<'_> {
    fn encoded_len(&self) -> usize {
        text_len(self.name) + varint::len(self.token.0)
    }

    fn encode(&self, out: &mut impl BufMut) {
        put_text(out, self.name);
        varint::put(out, self.token.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_those_of_rtm_2() {
        let revision = |number| Expected::from_number(number).map(Expected::revision);
        assert_eq!(revision(-1), Some(None));
        assert_eq!(revision(0), Some(Some(Revision(0))));
        assert_eq!(revision(7), Some(Some(Revision(7))));
        assert_eq!(revision((1 << 62) - 2), Some(Some(Revision((1 << 62) - 2))));
        for nothing in [-2, i64::MIN, i64::MAX, (1 << 62) - 1] {
            assert_eq!(revision(nothing), None, "{nothing}");
        }
        assert_eq!(Expected::at(Revision(0)), Expected::ABSENT);
        assert_eq!(Expected::at(Revision(6)).revision(), Some(Revision(6)));
        assert_eq!(Expected::at(Revision::MAX).revision(), Some(Revision(Revision::MAX.0 - 1)));
    }
}
