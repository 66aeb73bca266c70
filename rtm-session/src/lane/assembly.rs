//! A message of which parts have arrived.

use std::ops::Range;

use bytes::Bytes;

use super::parity;
use super::spec::FRAGMENT_MIN;
use crate::error::Violation;

/// Pieces of a message that may lie apart from each other besides one for each shortest fragment.
const PIECES_SPARE: u64 = 8;

/// Bytes by which the last symbol may be filled up: one for each symbol at most, when the sender
/// cuts a message evenly.
const PARITY_SPARE: u64 = 255;

/// Holds what has arrived, in a buffer that grows with it: a peer that only says that a message is
/// long makes nobody reserve its length.
///
/// Invariants: pieces don't overlap; `arrived` is the sum of their lengths.
#[derive(Debug)]
pub(super) struct Assembly {
    total: u64,
    arrived: u64,
    /// Runs of bytes, each with the offset of its first, in that order. Most messages have one or
    /// two; a vector of one is a tenth of a tree of one.
    pieces: Vec<(u64, Vec<u8>)>,
    /// Parity symbols by number, all of one length, while they may help.
    parity: Vec<(u8, Vec<u8>)>,
}

impl Assembly {
    /// A message of `total` bytes.
    pub(super) const fn new(total: u64) -> Self {
        Self { total, arrived: 0, pieces: Vec::new(), parity: Vec::new() }
    }

    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    /// Bytes that have arrived.
    #[cfg(test)]
    pub(super) const fn arrived(&self) -> u64 {
        self.arrived
    }

    /// Bytes that are held, parity included.
    pub(super) fn held(&self) -> usize {
        self.arrived as usize + self.parity.iter().map(|(_, symbol)| symbol.len()).sum::<usize>()
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.arrived == self.total
    }

    /// Takes the bytes from `offset` on, which lie within the message. Those that are here already
    /// stay as they are.
    ///
    /// # Errors
    /// So many crumbs with holes between them that they would cost more to remember than their
    /// bytes.
    pub(super) fn insert(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Violation> {
        let end = offset + bytes.len() as u64;
        let mut next = offset;
        while let Some(hole) = self.hole(next..end) {
            let (from, to) = ((hole.start - offset) as usize, (hole.end - offset) as usize);
            next = hole.end;
            self.fill(hole.start, &bytes[from..to]);
        }
        if self.pieces.len() as u64 > self.total / FRAGMENT_MIN + PIECES_SPARE {
            return Err(Violation::Length);
        }
        Ok(())
    }

    /// Takes a parity symbol. One that differs from others in length is ignored, and so is what
    /// can't be needed: with it, there would be more than the whole message.
    pub(super) fn insert_parity(&mut self, index: u8, symbol: &[u8]) {
        let is_like = self.parity.first().is_none_or(|(_, known)| known.len() == symbol.len());
        let held = (self.held() + symbol.len()) as u64;
        if is_like && held <= self.total + PARITY_SPARE {
            if let Err(at) = self.parity.binary_search_by_key(&index, |(index, _)| *index) {
                reserve(&mut self.parity);
                self.parity.insert(at, (index, symbol.to_vec()));
            }
        }
    }

    /// Finds what is missing, if there is parity enough for it.
    pub(super) fn repair(&mut self) {
        let Some(symbol) = self.parity.first().map(|(_, symbol)| symbol.len()) else { return };
        let all = 0..parity::symbols(self.total, symbol);
        let is_missing =
            |data: &usize| self.hole(parity::place(self.total, symbol, *data)).is_some();
        let missing: Vec<usize> = all.filter(is_missing).take(self.parity.len() + 1).collect();
        if missing.len() > self.parity.len() {
            return;
        }
        let symbols: Vec<_> =
            self.parity.iter().map(|(index, bytes)| (*index, &bytes[..])).collect();
        let found = parity::decode(self.total, &missing, &symbols, |range, out| {
            self.read(range, out);
        });
        self.parity.clear();
        for (data, bytes) in missing.into_iter().zip(found) {
            let start = parity::place(self.total, symbol, data).start;
            // Few pieces are left when all holes are filled, so there is no error.
            let _ = self.insert(start, &bytes);
        }
    }

    /// Copies a range that is there.
    fn read(&self, range: Range<u64>, out: &mut [u8]) {
        let mut next = range.start;
        let first = self.after(next).saturating_sub(1);
        for &(start, ref piece) in self.pieces[first..].iter().take_while(|it| it.0 < range.end) {
            let end = (start + piece.len() as u64).min(range.end);
            if end <= next {
                continue;
            }
            let bytes = &piece[(next - start) as usize..(end - start) as usize];
            let at = (next - range.start) as usize;
            out[at..at + bytes.len()].copy_from_slice(bytes);
            next = end;
        }
        debug_assert_eq!(next, range.end, "only what is there is read");
    }

    /// The whole message, which is complete.
    pub(super) fn into_bytes(mut self) -> Bytes {
        if self.pieces.len() == 1 {
            return self.pieces.pop().map(|(_, piece)| piece).unwrap_or_default().into();
        }
        let mut message = Vec::with_capacity(self.arrived as usize);
        self.pieces.iter().for_each(|(_, piece)| message.extend_from_slice(piece));
        message.into()
    }

    /// How many pieces begin at `offset` or before.
    fn after(&self, offset: u64) -> usize {
        self.pieces.partition_point(|(start, _)| *start <= offset)
    }

    /// The first bytes of `wanted` that are missing.
    fn hole(&self, wanted: Range<u64>) -> Option<Range<u64>> {
        let after = self.after(wanted.start);
        let covered = match after.checked_sub(1).map(|before| &self.pieces[before]) {
            Some((start, piece)) => start + piece.len() as u64,
            None => 0,
        };
        let (mut start, mut end) = (covered.max(wanted.start), wanted.end);
        for &(from, ref piece) in &self.pieces[after..] {
            if from > start {
                end = end.min(from);
                break;
            }
            // It touches what was looked at before: the hole, if any, is behind it.
            start = from + piece.len() as u64;
        }
        (start < end).then_some(start..end)
    }

    /// Puts bytes into a hole.
    fn fill(&mut self, start: u64, bytes: &[u8]) {
        self.arrived += bytes.len() as u64;
        let (after, total) = (self.after(start), self.total);
        let before = after.checked_sub(1).map(|before| (before, &mut self.pieces[before]));
        let index = match before {
            Some((before, (from, piece))) if *from + piece.len() as u64 == start => {
                append(piece, bytes, total - *from);
                before
            }
            _ => {
                let mut piece = Vec::new();
                append(&mut piece, bytes, total - start);
                reserve(&mut self.pieces);
                self.pieces.insert(after, (start, piece));
                after
            }
        };
        self.melt(index);
    }

    /// Joins a piece with those that touch it behind.
    ///
    /// A longer one is not copied for the sake of a short one in front of it, or crumbs in the
    /// wrong order would cost the square of their number.
    fn melt(&mut self, index: usize) {
        loop {
            let (from, length) = (self.pieces[index].0, self.pieces[index].1.len());
            let end = from + length as u64;
            let behind = self.pieces.get(index + 1);
            if !behind.is_some_and(|(start, behind)| *start == end && behind.len() <= length) {
                return;
            }
            let (_, behind) = self.pieces.remove(index + 1);
            append(&mut self.pieces[index].1, &behind, self.total - from);
        }
    }
}

/// Room for one more, without any to spare for the first: what holds very many messages of which
/// little has come is not to grow with what they might need.
fn reserve<T>(list: &mut Vec<T>) {
    if list.is_empty() {
        list.reserve_exact(1);
    }
}

/// Appends, with room for as much again, but never for more than `most` in all.
fn append(piece: &mut Vec<u8>, bytes: &[u8], most: u64) {
    let length = piece.len() + bytes.len();
    if length > piece.capacity() {
        let wanted = (2 * length as u64).min(most) as usize;
        piece.reserve_exact(wanted - piece.len());
    }
    piece.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Assembly {
        fn reserved(&self) -> usize {
            self.pieces.iter().map(|(_, piece)| piece.capacity()).sum()
        }
    }

    #[test]
    fn the_last_byte_of_a_long_message_reserves_no_more_than_it_needs() {
        let mut assembly = Assembly::new(65_504);
        assembly.insert(65_503, b"x").expect("legal");
        assert_eq!((assembly.arrived(), assembly.reserved()), (1, 1));
        assembly.insert(0, &[7; 1_000]).expect("legal");
        assert_eq!((assembly.arrived(), assembly.reserved()), (1_001, 2_001));
    }

    #[test]
    fn crumbs_from_the_end_stay_few_pieces() {
        let mut assembly = Assembly::new(65_504);
        for offset in (0..65_504).rev() {
            assembly.insert(offset, b"x").expect("legal");
            assert!(assembly.pieces.len() <= 40, "{} pieces", assembly.pieces.len());
        }
        assert!(assembly.is_complete());
        assert_eq!(assembly.into_bytes().len(), 65_504);
    }

    proptest! {
        #[test]
        fn parts_in_any_order_and_any_cut_make_the_message(
            parts in prop::collection::vec((0usize..300, 1usize..120), 0..40),
        ) {
            let message: Vec<u8> = (0..300).map(|index| (index % 251) as u8).collect();
            let (mut assembly, mut model) = (Assembly::new(300), [false; 300]);
            for (offset, length) in parts.into_iter().chain([(150, 150), (0, 300)]) {
                let end = (offset + length).min(300);
                let inserted = assembly.insert(offset as u64, &message[offset..end]);
                prop_assert!(inserted.is_ok() || assembly.pieces.len() > 17);
                model[offset..end].fill(true);
                let count = model.iter().filter(|is_there| **is_there).count();
                prop_assert_eq!(assembly.arrived() as usize, count);
                prop_assert!(assembly.reserved() <= 2 * count);
            }
            prop_assert!(assembly.is_complete());
            prop_assert_eq!(assembly.into_bytes(), message);
        }
    }
}
