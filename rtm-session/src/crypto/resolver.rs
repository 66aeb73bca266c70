//! Where snow gets its parts from.

use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};

use std::sync::Mutex;

use super::seed::{Generator, Seed};

/// snow's own parts, but for chance, which comes from a seed: so a handshake can be replayed.
pub(super) struct SeededResolver {
    seed: Mutex<Generator>,
}

impl SeededResolver {
    pub(super) fn new(seed: Seed) -> Self {
        Self { seed: Mutex::new(Generator::new(seed)) }
    }
}

struct SeededRandom(Generator);

impl Random for SeededRandom {
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), snow::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl CryptoResolver for SeededResolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        // Each call gets chance of its own: two users of one stream would share keys.
        let mut generator = self.seed.lock().expect("nothing panics while it holds this");
        Some(Box::new(SeededRandom(generator.fork_generator())))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}
