//! Keys and what is done with them (protocol §3.8, §5).
//!
//! ```text
//!  Seed ─► Generator ─┬─► Noise NK, NNpsk0 ─► TrafficSecrets ─► PacketKeys ─┬─► AEAD
//!                     ├─► connection ids, secrets of cookies and tickets     └─► tickets
//!                     └─► seeds of sessions
//! ```
//!
//! Noise (snow, with our resolver) runs in the handshake only; data packets go through an AEAD of
//! our own choice, with the keys that Noise agreed on.

mod aead;
mod cookie;
mod keys;
mod noise;
mod replay;
mod reset;
mod resolver;
mod secret;
mod seed;
mod ticket;

pub(crate) use aead::{TAG_LEN, has_fast_aes};
pub(crate) use cookie::CookieMaker;
pub(crate) use keys::{PacketKeys, Role, UPDATE_AFTER};
pub(crate) use noise::TrafficSecrets;
pub(crate) use noise::{ClientHandshake, ServerHandshake};
pub use noise::{KeyError, PublicKey, StaticKey};
pub(crate) use replay::ReplayWindow;
pub(crate) use reset::ResetSecret;
pub(crate) use secret::Secret;
pub(crate) use seed::Generator;
pub use seed::Seed;
pub(crate) use ticket::TicketSealer;

use blake2::digest::consts::U32;
use blake2::digest::{KeyInit, Mac};

type KeyedHash = blake2::Blake2sMac<U32>;

/// BLAKE2s-256 of `parts` under `key`: all derivations and stateless tokens are made of it.
fn keyed_hash(key: &Secret, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac =
        <KeyedHash as KeyInit>::new_from_slice(key.as_bytes()).expect("BLAKE2s takes 32-byte keys");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// Whether two secrets are equal, in a time that doesn't tell where they differ.
pub(crate) fn is_equal(one: &[u8], other: &[u8]) -> bool {
    let difference = one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && std::hint::black_box(difference) == 0
}
