//! All limits of an app.

use rtm_channel::Limits;
use rtm_topic::TopicLimits;

/// Limits of channels and of topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppLimits {
    /// Of channels.
    pub channel: Limits,
    /// Of topics.
    pub topic: TopicLimits,
}

impl AppLimits {
    /// What hosted RTM 2.x allows.
    #[must_use]
    pub const fn hosted() -> Self {
        Self { channel: Limits::hosted(), topic: TopicLimits::hosted() }
    }

    /// For development and benchmarks.
    #[must_use]
    pub const fn open() -> Self {
        Self { channel: Limits::open(), topic: TopicLimits::open() }
    }
}
