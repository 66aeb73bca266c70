//! Reset tokens (protocol §3.5).

use std::fmt;

use rtm_wire::{ConnectionId, ResetToken};

use super::keyed_hash;
use super::noise::StaticKey;

/// What a server makes reset tokens from: its own key, so that they survive a restart.
pub(crate) struct ResetSecret([u8; 32]);

impl fmt::Debug for ResetSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResetSecret(…)")
    }
}

impl ResetSecret {
    pub(crate) fn new(key: &StaticKey) -> Self {
        Self(keyed_hash(&key.to_bytes(), &[b"rtm reset secret"]))
    }

    /// The token of a connection id: 16 bytes of its keyed hash.
    pub(crate) fn token(&self, cid: ConnectionId) -> ResetToken {
        let hash = keyed_hash(&self.0, &[&cid.0]);
        let mut token = [0; ResetToken::LEN];
        token.copy_from_slice(&hash[..ResetToken::LEN]);
        ResetToken(token)
    }
}
