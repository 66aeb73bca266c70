//! Decisions out of a target's input. An input that is used up decides for zeros.

/// Bytes that are read as numbers.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// Whether all is used up.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    /// The next two bytes.
    pub fn short(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// So many bytes, or what is left.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    /// A number of any size that a varint can have; small ones are most frequent, and those at
    /// the edges of the format.
    pub fn number(&mut self) -> u64 {
        let byte = self.byte();
        match byte {
            0..=0xbf => u64::from(byte % 0x60),
            0xc0..=0xdf => u64::from(self.short()),
            0xe0..=0xef => u64::from(self.short()) << 16 | u64::from(self.short()),
            _ => ((1 << 62) - 1) - u64::from(byte & 0x0f),
        }
    }
}
