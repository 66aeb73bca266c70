//! How values become bytes.

use bytes::BufMut;

/// A value with one encoding.
///
/// [`encoded_len`](Self::encoded_len) is exact, so that a caller can check that a value fits
/// before it writes, and a buffer of that capacity is never grown.
pub trait Encode {
    /// The number of bytes that [`encode`](Self::encode) writes.
    fn encoded_len(&self) -> usize;

    /// Appends the value to a buffer of the caller's; allocates nothing itself.
    ///
    /// # Panics
    /// If `out` is of a fixed size with less than [`encoded_len`](Self::encoded_len) bytes left.
    fn encode(&self, out: &mut impl BufMut);
}
