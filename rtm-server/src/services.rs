//! What a server offers at all.

use serde::Deserialize;

/// Services that can be switched off, as the owners of hosted RTM's projects can. All are on unless
/// something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[non_exhaustive]
pub struct Services {
    /// Who is in channels, and what users show there. Without it subscribers that want to hear of
    /// it are told `OutOfService`, and what is asked is refused (−13014).
    pub presence: bool,
    /// Metadata of channels and users; without it −12019.
    pub storage: bool,
    /// That subscribers of a channel may hear of its metadata; without it −12019.
    pub channel_metadata_events: bool,
    /// That one may subscribe to users' metadata; without it −12019.
    pub user_metadata_events: bool,
    /// Locks; without them −14009.
    pub locks: bool,
    /// Stream channels and topics; without them −11012.
    pub stream: bool,
}

impl Services {
    /// All of them.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            presence: true,
            storage: true,
            channel_metadata_events: true,
            user_metadata_events: true,
            locks: true,
            stream: true,
        }
    }
}

impl Default for Services {
    fn default() -> Self {
        Self::all()
    }
}
