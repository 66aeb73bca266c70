//! What fresh messages get.

/// How much redundancy is wanted at present.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Small messages are not cut, so that they can be sent several times.
    pub(crate) keep_whole: bool,
    pub(crate) parity: Option<ParityPolicy>,
    /// Only classes of lanes that are more urgent than this one.
    pub(crate) below: Option<u8>,
}

/// What decides about parity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ParityPolicy {
    /// Random loss, 0 to 1; parity is for messages that would otherwise need a second round.
    pub(crate) loss: f64,
    /// How often more may be missing than parity can replace.
    pub(crate) risk: f64,
    /// Longest symbol.
    pub(crate) symbol_max: usize,
}
