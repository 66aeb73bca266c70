//! Seeds of links that tools make for real packets: what a tool decides can be worked out again.

/// One of the two ways through a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server; from the first interface to the second.
    Up,
    /// Back.
    Down,
}

/// The seed of one direction of the `number`-th peer's link, from 0. A [`Link`](crate::Link) with
/// it and the same configuration decides as the tool does.
pub fn link_seed(seed: u64, number: u64, direction: Direction) -> u64 {
    // Odd constants spread neighbours over the whole range; the link's generator does the rest.
    let direction = match direction {
        Direction::Up => 0,
        Direction::Down => 0x6a09_e667_f3bc_c909,
    };
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(number.wrapping_mul(0xd1b5_4a32_d192_ed03))
        ^ direction
}
