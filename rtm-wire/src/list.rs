//! Lists inside operations, read without an allocation.

use bytes::BufMut;
use core::fmt;
use core::marker::PhantomData;
use nom::Parser;
use nom::combinator::recognize;

use crate::encode::Encode;
use crate::error::Input;
use crate::parse::{self, Parsed};
use crate::{limits, varint};

/// An element of a [`List`].
pub trait Item<'a>: Copy + Encode {
    /// Reads one element; the list keeps only bytes that this accepted.
    ///
    /// # Errors
    /// As every parser.
    fn parse(input: Input<'a>) -> nom::IResult<Input<'a>, Self, crate::DecodeError>;
}

/// `list = count varint, count × item`
///
/// Either the bytes that were received, checked once and read again by each iteration, or the
/// slice that is to be sent.
#[derive(Clone, Copy)]
pub enum List<'a, T> {
    /// As received.
    Encoded(EncodedList<'a, T>),
    /// To be sent; at most [`limits::LIST`] elements.
    Slice(&'a [T]),
}

/// The elements of a received [`List`], each of them checked; only a parser makes one.
#[derive(Clone, Copy)]
pub struct EncodedList<'a, T> {
    count: usize,
    bytes: &'a [u8],
    checked_as: PhantomData<fn() -> T>,
}

impl<'a, T: Item<'a>> List<'a, T> {
    pub(crate) fn parse(input: Input<'a>, field: &'static str) -> Parsed<'a, Self> {
        let (input, count) = parse::number(input, field, limits::LIST as u64)?;
        let items = |start| (0..count).try_fold((start, ()), |(rest, ()), _| skip::<T>(rest));
        let (rest, bytes) = recognize(items).parse(input)?;
        let list = EncodedList { count: count as usize, bytes, checked_as: PhantomData };
        Ok((rest, Self::Encoded(list)))
    }

    /// Number of elements.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Encoded(list) => list.count,
            Self::Slice(items) => items.len(),
        }
    }

    /// Whether there are no elements.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements in order.
    pub fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let (mut bytes, items): (_, &[T]) = match *self {
            Self::Encoded(list) => (list.bytes, &[]),
            Self::Slice(items) => (&[][..], items),
        };
        let received = core::iter::from_fn(move || {
            let (rest, item) = T::parse(bytes).ok()?;
            bytes = rest;
            Some(item)
        });
        received.chain(items.iter().copied())
    }
}

/// Checks one element and passes over it.
fn skip<'a, T: Item<'a>>(input: Input<'a>) -> Parsed<'a, ()> {
    T::parse(input).map(|(rest, _)| (rest, ()))
}

impl<'a, T: Item<'a>> Encode for List<'a, T> {
    fn encoded_len(&self) -> usize {
        let items = match self {
            Self::Encoded(list) => list.bytes.len(),
            Self::Slice(items) => items.iter().map(Encode::encoded_len).sum(),
        };
        varint::len(self.len() as u64) + items
    }

    fn encode(&self, out: &mut impl BufMut) {
        varint::put(out, self.len() as u64);
        match self {
            Self::Encoded(list) => out.put_slice(list.bytes),
            Self::Slice(items) => items.iter().for_each(|item| item.encode(out)),
        }
    }
}

impl<'a, T: Item<'a> + PartialEq> PartialEq for List<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, T: Item<'a> + Eq> Eq for List<'a, T> {}

impl<'a, T: Item<'a> + fmt::Debug> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        Self::Slice(&[])
    }
}

impl<'a> Item<'a> for &'a str {
    fn parse(input: Input<'a>) -> Parsed<'a, Self> {
        parse::text(input, "list element", limits::NAME)
    }
}

impl Encode for &str {
    fn encoded_len(&self) -> usize {
        parse::blob_len(self.as_bytes())
    }

    fn encode(&self, out: &mut impl BufMut) {
        parse::put_blob(out, self.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn lists_go_both_ways() {
        let bytes = b"\x02\x05alice\x00";
        let (rest, list) = List::<&str>::parse(bytes, "users").expect("a list");
        assert!(rest.is_empty());
        assert_eq!(list.len(), 2);
        assert_eq!(list, List::Slice(&["alice", ""]));
        testing::written(&list, bytes);
        testing::written(&List::Slice(&["alice", ""]), bytes);
        testing::written(&List::<&str>::default(), b"\x00");
    }

    #[test]
    fn lists_end_where_their_last_item_ends() {
        let parsed = List::<&str>::parse(b"\x01\x01a\x01b", "users");
        assert_eq!(parsed, Ok((&b"\x01b"[..], List::Slice(&["a"]))));
    }

    /// A count promises nothing: items are read one by one, and nothing is reserved for them.
    #[test]
    fn counts_are_bounded_and_not_believed() {
        let fewer = List::<&str>::parse(b"\x50\x00\x01a", "users");
        assert!(matches!(fewer, Err(nom::Err::Incomplete(_))));
        let error = crate::DecodeError::TooLong { field: "users" };
        let more = List::<&str>::parse(b"\x50\x01\x01a", "users");
        assert_eq!(more, Err(nom::Err::Failure(error)));
    }
}
