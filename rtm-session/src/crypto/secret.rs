//! Bytes that nobody else may see, and that don't stay behind.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{Generator, is_equal, keyed_hash};

/// 32 secret bytes: overwritten when they are dropped, compared in constant time, never shown.
///
/// What the compiler copied while it moved them about can't be reached from here.
#[derive(Clone)]
pub(crate) struct Secret([u8; 32]);

impl Secret {
    pub(crate) const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The next bytes of a generator.
    pub(crate) fn draw(generator: &mut Generator) -> Self {
        let mut secret = Self([0; 32]);
        generator.fill(&mut secret.0);
        secret
    }

    /// What follows from this one and `parts`, which begin with what it is for.
    pub(crate) fn derive(&self, parts: &[&[u8]]) -> Self {
        Self(keyed_hash(self, parts))
    }
}

impl Zeroize for Secret {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Secret {}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        is_equal(&self.0, &other.0)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    /// Hides the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Seed;

    const fn is_wiped_when_dropped<T: ZeroizeOnDrop>() {}

    /// Ours, and those of the crates whose features for it are switched on.
    const _: () = {
        is_wiped_when_dropped::<Secret>();
        is_wiped_when_dropped::<rand::rngs::ChaCha12Rng>();
        is_wiped_when_dropped::<chacha20poly1305::ChaCha20Poly1305>();
        is_wiped_when_dropped::<aes::Aes256>();
    };

    /// What `drop` does, done to one that can be looked at afterwards.
    #[test]
    fn a_wiped_secret_is_zeros() {
        let mut secret = Secret::new([7; 32]);
        secret.zeroize();
        assert_eq!(secret.0, [0; 32]);
    }

    #[test]
    fn secrets_are_equal_only_as_a_whole_and_never_shown() {
        let secret = Secret::new([7; 32]);
        assert_eq!(secret, secret.clone());
        for position in 0..32 {
            let mut other = secret.clone();
            other.0[position] ^= 0x10;
            assert_ne!(secret, other, "byte {position}");
        }
        let seed = Seed::from_bytes([7; 32]);
        let key = crate::StaticKey::from_bytes([7; 32]);
        for shown in [format!("{secret:?}"), format!("{seed:?}"), format!("{key:?}")] {
            assert!(!shown.contains('7') || shown.contains(&key.public().to_string()), "{shown}");
        }
    }
}
