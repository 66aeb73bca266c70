//! Which channel is meant, where there is no handle to it.

use std::fmt;

use rtm_channel::ChannelName;
use rtm_wire::ChannelKind;

use crate::error::Error;

/// A message or stream channel, by kind and name. The two kinds are apart even under one name.
///
/// ```
/// use rtm_client::ChannelId;
///
/// let (lobby, town) = (ChannelId::message("lobby")?, ChannelId::stream("town")?);
/// assert!(!lobby.is_stream() && town.is_stream());
/// assert_eq!(town.to_string(), "stream channel town");
/// assert_eq!(ChannelId::message("a/b").unwrap_err().code(), -10008);
/// # Ok::<(), rtm_client::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId {
    kind: ChannelKind,
    name: ChannelName,
}

impl ChannelId {
    /// A message channel.
    ///
    /// # Errors
    /// [`InvalidName`](crate::ErrorKind::InvalidName).
    pub fn message(name: &str) -> Result<Self, Error> {
        Self::new(ChannelKind::Message, name)
    }

    /// A stream channel.
    ///
    /// # Errors
    /// [`InvalidName`](crate::ErrorKind::InvalidName).
    pub fn stream(name: &str) -> Result<Self, Error> {
        Self::new(ChannelKind::Stream, name)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Whether it is a stream channel.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.kind == ChannelKind::Stream
    }

    fn new(kind: ChannelKind, name: &str) -> Result<Self, Error> {
        let name = ChannelName::new(name).map_err(|wrong| wrong.refusal(ChannelName::ERROR))?;
        Ok(Self { kind, name })
    }

    pub(crate) fn of(kind: ChannelKind, name: &ChannelName) -> Self {
        Self { kind, name: name.clone() }
    }

    /// As the server names it, if it is one that an application may name.
    pub(crate) fn from_wire(channel: &rtm_wire::ChannelRef<'_>) -> Option<Self> {
        let is_known = matches!(channel.kind, ChannelKind::Message | ChannelKind::Stream);
        let name = ChannelName::new(channel.name).ok()?;
        is_known.then_some(Self { kind: channel.kind, name })
    }

    pub(crate) fn wire(&self) -> rtm_wire::ChannelRef<'_> {
        rtm_wire::ChannelRef { kind: self.kind, name: self.name.as_str() }
    }

    pub(crate) const fn kind(&self) -> ChannelKind {
        self.kind
    }

    pub(crate) const fn channel_name(&self) -> &ChannelName {
        &self.name
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_stream() { "stream channel" } else { "message channel" };
        write!(f, "{kind} {}", self.name.as_str())
    }
}
