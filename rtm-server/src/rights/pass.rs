//! What a stream channel's own token gives.

use rtm_wire::UnixTime;

/// What a token for joining a stream channel gives, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// When the membership ends.
    pub joins_until: UnixTime,
    /// Until when its user may publish in topics; `None` if it may not.
    pub publishes_until: Option<UnixTime>,
}
