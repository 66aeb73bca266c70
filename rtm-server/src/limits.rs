//! All limits of an app, and what it may use at all.

use rtm_channel::Limits;
use rtm_topic::TopicLimits;

use crate::services::Services;

/// Limits of channels and of topics, and the services that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppLimits {
    /// Of channels.
    pub channel: Limits,
    /// Of topics.
    pub topic: TopicLimits,
    /// What there is.
    pub services: Services,
}

impl AppLimits {
    /// What hosted RTM 2.x allows.
    #[must_use]
    pub const fn hosted() -> Self {
        let (channel, topic) = (Limits::hosted(), TopicLimits::hosted());
        Self { channel, topic, services: Services::all() }
    }

    /// For development and benchmarks.
    #[must_use]
    pub const fn open() -> Self {
        let (channel, topic) = (Limits::open(), TopicLimits::open());
        Self { channel, topic, services: Services::all() }
    }
}
