//! Reset tokens (protocol §3.5).

use std::fmt;

use rtm_wire::{ConnectionId, ResetToken};

use super::keyed_hash;
use super::noise::StaticKey;
use super::secret::Secret;

/// What a server makes reset tokens from: its own key, so that they survive a restart.
///
/// A server gives the token to anybody who names a connection id that it doesn't know. So processes
/// that share a key must also share their sessions, or route packets by connection id: else one of
/// them would give away what ends a session of another (RFC 9000 section 21.11).
pub(crate) struct ResetSecret(Secret);

impl fmt::Debug for ResetSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResetSecret(…)")
    }
}

impl ResetSecret {
    pub(crate) fn new(key: &StaticKey) -> Self {
        Self(key.secret().derive(&[b"rtm reset secret"]))
    }

    /// The token of a connection id: 16 bytes of its keyed hash.
    pub(crate) fn token(&self, cid: ConnectionId) -> ResetToken {
        let hash = keyed_hash(&self.0, &[&cid.0]);
        let mut token = [0; ResetToken::LEN];
        token.copy_from_slice(&hash[..ResetToken::LEN]);
        ResetToken(token)
    }
}
