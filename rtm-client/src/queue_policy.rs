//! What a subscription does with too much.

/// What becomes of messages that come faster than the application takes them.
///
/// The client holds 256 KiB of a channel or publication; then the server queues. What happens when
/// that queue is full, too, is the subscriber's choice. Nobody else is ever slowed.
///
/// | policy | what comes | what is told |
/// |---|---|---|
/// | `CatchUp` | what is queued, what was stored, and then the present | what wasn't stored |
/// | `DropOldest` | the newest 1,000 messages or 256 KiB, in order | what was dropped |
/// | `LatestOnly` | the newest message | nothing |
/// | `Disconnect` | after a new login, what was stored | the loss, and what wasn't stored |
///
/// ```
/// use rtm_client::{QueuePolicy, SubscribeOptions};
///
/// let score = SubscribeOptions::new().queue(QueuePolicy::LatestOnly);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QueuePolicy {
    /// [`CatchUp`](Self::CatchUp) in message channels, [`Disconnect`](Self::Disconnect) in topics.
    #[default]
    Default,
    /// For what must not be missed, and is stored: chat, documents. Message channels only.
    CatchUp,
    /// For what is of interest while it is new: the chat of a live stream.
    DropOldest,
    /// For what has a present value: a score, a position.
    LatestOnly,
    /// The subscriber's session ends, with the reason, and comes back: who is too slow is seen.
    Disconnect,
}

impl QueuePolicy {
    pub(crate) const fn wire(self) -> rtm_wire::QueuePolicy {
        match self {
            Self::Default => rtm_wire::QueuePolicy::Default,
            Self::CatchUp => rtm_wire::QueuePolicy::CatchUp,
            Self::DropOldest => rtm_wire::QueuePolicy::DropOldest,
            Self::LatestOnly => rtm_wire::QueuePolicy::LatestOnly,
            Self::Disconnect => rtm_wire::QueuePolicy::Disconnect,
        }
    }
}
