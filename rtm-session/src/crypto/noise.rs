//! The handshakes: Noise NK, and NNpsk0 for who has a ticket (protocol §5, §5.4).
//!
//! The client knows the server's public key, or both know the ticket's secret; the server learns of
//! the client only what it says inside. Patterns and primitives: The Noise Protocol Framework,
//! revision 34, sections 7.5 and 9.

use std::fmt;
use std::str::FromStr;

use blake2::{Blake2s256, Digest};
use rtm_wire::KeyId;
use snow::params::NoiseParams;
use snow::{Builder, HandshakeState};

use super::resolver::SeededResolver;
use super::secret::Secret;
use super::seed::Seed;

/// ChaCha20-Poly1305 because it is fast and safe everywhere; two messages decide nothing about
/// speed.
const PATTERN: &str = "Noise_NK_25519_ChaChaPoly_BLAKE2s";
/// With the secret of a ticket in place of the server's static key.
const RESUMPTION_PATTERN: &str = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";
/// Ephemeral key and tag: what a message has besides its payload.
const OVERHEAD: usize = 32 + 16;

fn builder<'a>(pattern: &str, seed: Seed) -> Builder<'a> {
    let params: NoiseParams = pattern.parse().expect("the pattern is one that snow knows");
    Builder::with_resolver(params, Box::new(SeededResolver::new(seed)))
}

fn client_builder<'a>(
    server: &'a PublicKey,
    prologue: &'a [u8],
    seed: Seed,
) -> Result<Builder<'a>, snow::Error> {
    builder(PATTERN, seed).prologue(prologue)?.remote_public_key(server.as_bytes())
}

fn server_builder<'a>(
    key: &'a StaticKey,
    prologue: &'a [u8],
    seed: Seed,
) -> Result<Builder<'a>, snow::Error> {
    builder(PATTERN, seed).prologue(prologue)?.local_private_key(key.secret.as_bytes())
}

/// Of either end.
fn resumption_builder<'a>(
    ticket_secret: &'a Secret,
    prologue: &'a [u8],
    seed: Seed,
) -> Result<Builder<'a>, snow::Error> {
    builder(RESUMPTION_PATTERN, seed).prologue(prologue)?.psk(0, ticket_secret.as_bytes())
}

/// A server's secret key (X25519), 32 bytes.
#[derive(Clone)]
pub struct StaticKey {
    secret: Secret,
    public: PublicKey,
}

impl StaticKey {
    /// Takes 32 random bytes as key.
    #[must_use]
    pub fn from_bytes(secret: [u8; 32]) -> Self {
        let secret = Secret::new(secret);
        let dh = snow::params::DHChoice::Curve25519;
        let resolver = snow::resolvers::DefaultResolver;
        let mut dh = snow::resolvers::CryptoResolver::resolve_dh(&resolver, &dh)
            .expect("snow is built with Curve25519");
        dh.set(secret.as_bytes());
        let mut public = [0; 32];
        public.copy_from_slice(dh.pubkey());
        Self { secret, public: PublicKey(public) }
    }

    /// The 32 bytes, to be kept in a file that only the server can read.
    #[must_use]
    pub const fn to_bytes(&self) -> [u8; 32] {
        *self.secret.as_bytes()
    }

    /// A secret for tickets ([`TicketConfig::secret`](crate::TicketConfig::secret)) that goes with
    /// this key: so tickets survive a restart, and servers that share the key take each other's.
    /// Another generation is another secret, and no one of them tells of the others.
    #[must_use]
    pub fn ticket_secret(&self, generation: u64) -> [u8; 32] {
        super::keyed_hash(&self.secret, &[b"rtm tickets", &generation.to_be_bytes()])
    }

    /// For what else is derived from it.
    pub(super) const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// What clients need.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.public
    }
}

impl fmt::Debug for StaticKey {
    /// Hides the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StaticKey(of {})", self.public)
    }
}

/// A server's public key (X25519): 64 hexadecimal digits as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Takes 32 bytes as key.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its short name.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        let hash = Blake2s256::digest(self.0);
        let mut id = [0; 8];
        id.copy_from_slice(&hash[..8]);
        KeyId(id)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// Why text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Too short or too long.
    #[error("a key has 64 hexadecimal digits, not {0} characters")]
    Length(usize),
    /// A character that is no hexadecimal digit.
    #[error("character {0} of the key is no hexadecimal digit")]
    Digit(usize),
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let count = text.chars().count();
        if count != 64 {
            return Err(KeyError::Length(count));
        }
        let mut bytes = [0; 32];
        for (index, character) in text.chars().enumerate() {
            let digit = character.to_digit(16).ok_or(KeyError::Digit(index + 1))?;
            bytes[index / 2] = bytes[index / 2] << 4 | digit as u8;
        }
        Ok(Self(bytes))
    }
}

/// One secret for each direction.
pub(crate) struct TrafficSecrets {
    pub(crate) client_to_server: Secret,
    pub(crate) server_to_client: Secret,
}

#[cfg(any(test, fuzzing))]
impl TrafficSecrets {
    /// Secrets that everybody knows.
    pub(crate) const fn of([one, other]: [u8; 2]) -> Self {
        Self {
            client_to_server: Secret::new([one; 32]),
            server_to_client: Secret::new([other; 32]),
        }
    }
}

/// The keys of a finished handshake. snow hands them out before, too, without a word.
fn split(state: &mut HandshakeState) -> TrafficSecrets {
    assert!(state.is_handshake_finished(), "keys exist once both messages have passed");
    let (client_to_server, server_to_client) = state.dangerously_get_raw_split();
    TrafficSecrets {
        client_to_server: Secret::new(client_to_server),
        server_to_client: Secret::new(server_to_client),
    }
}

/// The client's half of a handshake.
pub(crate) struct ClientHandshake {
    state: HandshakeState,
}

impl fmt::Debug for ClientHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientHandshake(…)")
    }
}

impl ClientHandshake {
    /// Writes the first message to `out`.
    pub(crate) fn start(
        server: &PublicKey,
        prologue: &[u8],
        seed: Seed,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Self, snow::Error> {
        let mut state = client_builder(server, prologue, seed)?.build_initiator()?;
        write(&mut state, payload, out)?;
        Ok(Self { state })
    }

    /// Writes the first message of a resumption to `out`.
    pub(crate) fn resume(
        ticket_secret: &Secret,
        prologue: &[u8],
        seed: Seed,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Self, snow::Error> {
        let mut state = resumption_builder(ticket_secret, prologue, seed)?.build_initiator()?;
        write(&mut state, payload, out)?;
        Ok(Self { state })
    }

    /// Reads the second message. A forged one leaves everything as it was, so that the real one
    /// may still come.
    pub(crate) fn finish(
        &mut self,
        message: &[u8],
        payload: &mut Vec<u8>,
    ) -> Result<TrafficSecrets, snow::Error> {
        read(&mut self.state, message, payload)?;
        Ok(split(&mut self.state))
    }
}

/// The server's half of a handshake, between its two messages.
pub(crate) struct ServerHandshake {
    state: HandshakeState,
}

impl fmt::Debug for ServerHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerHandshake(…)")
    }
}

impl ServerHandshake {
    /// Reads the first message.
    pub(crate) fn read(
        key: &StaticKey,
        prologue: &[u8],
        seed: Seed,
        message: &[u8],
        payload: &mut Vec<u8>,
    ) -> Result<Self, snow::Error> {
        let mut state = server_builder(key, prologue, seed)?.build_responder()?;
        read(&mut state, message, payload)?;
        Ok(Self { state })
    }

    /// Reads the first message of a resumption. That costs no key agreement yet.
    pub(crate) fn read_resumption(
        ticket_secret: &Secret,
        prologue: &[u8],
        seed: Seed,
        message: &[u8],
        payload: &mut Vec<u8>,
    ) -> Result<Self, snow::Error> {
        let mut state = resumption_builder(ticket_secret, prologue, seed)?.build_responder()?;
        read(&mut state, message, payload)?;
        Ok(Self { state })
    }

    /// Writes the second message to `out`.
    pub(crate) fn answer(
        mut self,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<TrafficSecrets, snow::Error> {
        write(&mut self.state, payload, out)?;
        Ok(split(&mut self.state))
    }
}

fn write(state: &mut HandshakeState, payload: &[u8], out: &mut Vec<u8>) -> Result<(), snow::Error> {
    out.resize(payload.len() + OVERHEAD, 0);
    let length = state.write_message(payload, out)?;
    out.truncate(length);
    Ok(())
}

fn read(state: &mut HandshakeState, message: &[u8], out: &mut Vec<u8>) -> Result<(), snow::Error> {
    out.resize(message.len(), 0);
    let length = state.read_message(message, out)?;
    out.truncate(length);
    Ok(())
}

#[cfg(test)]
mod vectors;

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(byte: u8) -> Seed {
        Seed::from_bytes([byte; 32])
    }

    fn first_flight(payload: &[u8]) -> (ClientHandshake, Vec<u8>) {
        let (key, mut out) = (StaticKey::from_bytes([1; 32]).public(), Vec::new());
        let client = ClientHandshake::start(&key, b"prologue", seed(2), payload, &mut out);
        (client.expect("starts"), out)
    }

    #[test]
    fn both_ends_agree_on_payloads_and_keys() {
        let key = StaticKey::from_bytes([1; 32]);
        let (mut client, flight) = first_flight(b"hello");
        let mut payload = Vec::new();
        let server = ServerHandshake::read(&key, b"prologue", seed(3), &flight, &mut payload)
            .expect("reads");
        assert_eq!(payload, b"hello");
        let mut reply = Vec::new();
        let theirs = server.answer(b"welcome", &mut reply).expect("answers");

        // What somebody else sends meanwhile does no harm.
        for position in 0..reply.len() {
            let mut forged = reply.clone();
            forged[position] ^= 1;
            assert!(client.finish(&forged, &mut Vec::new()).is_err(), "byte {position}");
        }
        let ours = client.finish(&reply, &mut payload).expect("finishes");

        assert_eq!(payload, b"welcome");
        assert_eq!(ours.client_to_server, theirs.client_to_server);
        assert_eq!(ours.server_to_client, theirs.server_to_client);
        assert_ne!(ours.client_to_server, ours.server_to_client);
    }

    #[test]
    fn another_key_or_prologue_reads_nothing() {
        let (_, flight) = first_flight(b"hello");
        for (key, prologue) in [([1; 32], &b"prologuf"[..]), ([9; 32], b"prologue")] {
            let key = StaticKey::from_bytes(key);
            let mut payload = Vec::new();
            assert!(ServerHandshake::read(&key, prologue, seed(3), &flight, &mut payload).is_err());
        }
    }

    /// Both ends' keys after a resumption with these seeds; `None` if it fails.
    fn resumed(secrets: [u8; 2], prologue: &[u8], seeds: [u8; 2]) -> Option<TrafficSecrets> {
        let (mut flight, mut reply, mut payload) = (Vec::new(), Vec::new(), Vec::new());
        let [ours, theirs] = secrets.map(|byte| Secret::new([byte; 32]));
        let mut client =
            ClientHandshake::resume(&ours, b"prologue", seed(seeds[0]), b"hello", &mut flight)
                .expect("starts");
        let server = ServerHandshake::read_resumption(
            &theirs,
            prologue,
            seed(seeds[1]),
            &flight,
            &mut payload,
        );
        let server = server.ok()?;
        assert_eq!(payload, b"hello");
        let theirs = server.answer(b"welcome", &mut reply).expect("answers");
        let ours = client.finish(&reply, &mut payload).expect("finishes");
        assert_eq!(payload, b"welcome");
        assert_eq!(ours.client_to_server, theirs.client_to_server);
        assert_eq!(ours.server_to_client, theirs.server_to_client);
        Some(ours)
    }

    #[test]
    fn a_resumption_needs_the_same_secret_and_prologue() {
        assert!(resumed([1, 1], b"prologue", [2, 3]).is_some());
        assert!(resumed([1, 2], b"prologue", [2, 3]).is_none());
        assert!(resumed([1, 1], b"prologuf", [2, 3]).is_none());
    }

    #[test]
    fn two_resumptions_from_one_secret_have_keys_of_their_own() {
        let keys = |seeds| resumed([1, 1], b"prologue", seeds).expect("resumes");
        let first = keys([2, 3]);
        for second in [keys([4, 3]), keys([2, 4])] {
            assert_ne!(first.client_to_server, second.client_to_server);
            assert_ne!(first.server_to_client, second.server_to_client);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_flight() {
        assert_eq!(first_flight(b"hello").1, first_flight(b"hello").1);
    }

    #[test]
    fn keys_survive_their_text_and_bad_text_is_named() {
        let key = StaticKey::from_bytes([5; 32]).public();
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!("ab".parse::<PublicKey>(), Err(KeyError::Length(2)));
        let bad = format!("{}x", "0".repeat(63));
        assert_eq!(bad.parse::<PublicKey>(), Err(KeyError::Digit(64)));
    }
}
