//! How much of it a lane wants.

/// How often a lane's small messages (up to 400 bytes) are sent before it is known that they are
/// missing.
///
/// Copies go into packets that are sent anyway, and into a few more. All of it ends while a queue
/// stands before the bottleneck, and stays within
/// [`Config::redundancy_rate`](crate::Config::redundancy_rate) and
/// [`Config::redundancy_ratio`](crate::Config::redundancy_ratio).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redundancy {
    /// Messages are sent again only once they are known to be lost: the fewest bytes.
    Off,
    /// As many copies as the measured random loss asks for; none on a path that loses less than
    /// two packets in a thousand. At most a tenth more packets than messages, at a steady rate.
    /// The default.
    #[default]
    Auto,
    /// As `Auto`, with one copy more on any path that loses at all, and up to one more packet for
    /// each message, so that a copy need not wait for the next message: for what is worthless when
    /// it is late.
    Eager,
    /// So many copies in all, at least 1, whatever is measured.
    Fixed(u8),
}
