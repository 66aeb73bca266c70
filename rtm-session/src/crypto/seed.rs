//! Chance that can be repeated.

use std::fmt;

use rand::rngs::ChaCha12Rng;
use rand::{Rng, SeedableRng};
use rtm_wire::ConnectionId;

use super::secret::Secret;

/// What all randomness of an endpoint comes from: 32 bytes from the system in production, fixed
/// ones in tests.
///
/// The same seed gives the same bytes in every process of this version of the crate; no other
/// version promises them.
#[derive(Clone)]
pub struct Seed(Secret);

impl Seed {
    /// Takes 32 bytes that nobody else may know, or use again.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }
}

impl fmt::Debug for Seed {
    /// Hides the value: who has it has all keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// A cryptographic generator: ChaCha with 12 rounds.
pub(crate) struct Generator {
    rng: ChaCha12Rng,
}

impl fmt::Debug for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Generator(…)")
    }
}

impl Generator {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { rng: ChaCha12Rng::from_seed(*seed.0.as_bytes()) }
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.rng.fill_bytes(bytes);
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// A seed for something that draws on its own.
    pub(crate) fn fork(&mut self) -> Seed {
        Seed(Secret::draw(self))
    }

    pub(crate) fn fork_generator(&mut self) -> Self {
        Self::new(self.fork())
    }

    pub(crate) fn connection_id(&mut self) -> ConnectionId {
        ConnectionId(self.next_u64().to_be_bytes())
    }
}
