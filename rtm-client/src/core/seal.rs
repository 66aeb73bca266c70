//! End-to-end encryption of payloads (`docs/security.md`).
//!
//! ```text
//! sealed = version 1 byte, sender 12 bytes, counter 4 bytes, ciphertext, tag 16 bytes
//!
//! root       = HKDF-Extract(SHA-256, salt: the salt, key: the key)          RFC 5869 §2.2
//! sender key = HKDF-Expand(root, "rtm end to end", version, sender)         RFC 5869 §2.3
//! nonce      = 8 zero bytes, counter                                        96 bits
//! ```
//!
//! Each client draws a sender of its own and counts up, so no pair of key and nonce comes twice,
//! however many clients share the root and however much they publish.

use std::collections::BTreeMap;

use bytes::Bytes;

use aes_gcm::aead::AeadInPlace;
use aes_gcm::{Aes128Gcm, Aes256Gcm, KeyInit, Nonce, Tag};
use hkdf::Hkdf;
use rand::Rng;
use rtm_channel::{AppId, UserId};
use rtm_wire::{ChannelKind, MessageEvent, MessageType, Publish, PublishTopic, TopicMessageEvent};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Core;
use crate::encryption::{Encryption, EncryptionMode};

const SENDER: usize = 12;
const COUNTER: usize = 4;
const TAG: usize = 16;
const HEAD: usize = 1 + SENDER + COUNTER;
/// What sealing adds, in bytes.
pub(super) const OVERHEAD: usize = HEAD + TAG;
/// Senders whose keys are kept; all are forgotten when there are more, and derived again.
const SENDERS_MAX: usize = 256;

type Sender = [u8; SENDER];

/// Where a message belongs and how it is to be read: authenticated, not hidden.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope<'a> {
    pub(super) kind: ChannelKind,
    pub(super) channel: &'a str,
    /// Empty outside topics.
    pub(super) topic: &'a str,
    pub(super) publisher: &'a str,
    pub(super) message_type: MessageType,
    pub(super) custom_type: &'a str,
}

impl<'a> Envelope<'a> {
    pub(super) fn of_publish(publish: &Publish<'a>, publisher: &'a UserId) -> Self {
        Self {
            kind: publish.channel.kind,
            channel: publish.channel.name,
            topic: "",
            publisher: publisher.as_str(),
            message_type: publish.message_type,
            custom_type: publish.custom_type,
        }
    }

    pub(super) fn of_topic_publish(publish: &PublishTopic<'a>, publisher: &'a UserId) -> Self {
        Self {
            kind: ChannelKind::Stream,
            channel: publish.channel,
            topic: publish.topic,
            publisher: publisher.as_str(),
            message_type: publish.message_type,
            custom_type: publish.custom_type,
        }
    }

    pub(super) const fn of_message(event: &MessageEvent<'a>) -> Self {
        Self {
            kind: event.channel.kind,
            channel: event.channel.name,
            topic: "",
            publisher: event.publisher,
            message_type: event.message_type,
            custom_type: event.custom_type,
        }
    }

    pub(super) const fn of_topic_message(event: &TopicMessageEvent<'a>) -> Self {
        Self {
            kind: ChannelKind::Stream,
            channel: event.channel,
            topic: event.topic,
            publisher: event.publisher,
            message_type: event.message_type,
            custom_type: event.custom_type,
        }
    }

    fn encode(&self, version: u8, app: &str) -> Vec<u8> {
        let mut bytes = vec![version, self.kind.number(), self.message_type.number()];
        for text in [app, self.channel, self.topic, self.publisher, self.custom_type] {
            // No text is longer than 255 bytes on the wire.
            bytes.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }
}

/// Seals own messages and opens those of others.
pub(super) struct Sealer {
    mode: EncryptionMode,
    app: AppId,
    root: Hkdf<Sha256>,
    sender: Sender,
    /// The next message's number.
    counter: u32,
    ciphers: BTreeMap<Sender, Cipher>,
}

enum Cipher {
    Aes128(Box<Aes128Gcm>),
    Aes256(Box<Aes256Gcm>),
}

impl std::fmt::Debug for Sealer {
    /// Hides keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl Sealer {
    /// A client with a sender of its own, drawn from `chance`.
    pub(super) fn new(app: AppId, encryption: &Encryption, chance: &mut impl Rng) -> Self {
        let mut sealer = Self {
            mode: encryption.mode(),
            app,
            root: Hkdf::new(Some(encryption.salt()), encryption.key()),
            sender: [0; SENDER],
            counter: 0,
            ciphers: BTreeMap::new(),
        };
        sealer.renew(chance);
        sealer
    }

    /// `payload` for everybody who has the key.
    pub(super) fn seal(
        &mut self,
        envelope: &Envelope<'_>,
        payload: &[u8],
        chance: &mut impl Rng,
    ) -> Vec<u8> {
        let (sender, counter, version) = (self.sender, self.counter, self.version());
        match self.counter.checked_add(1) {
            Some(next) => self.counter = next,
            None => self.renew(chance),
        }
        let mut sealed = Vec::with_capacity(HEAD + payload.len() + TAG);
        sealed.push(version);
        sealed.extend_from_slice(&sender);
        sealed.extend_from_slice(&counter.to_be_bytes());
        sealed.extend_from_slice(payload);
        let aad = envelope.encode(version, self.app.as_str());
        let tag = self.cipher(sender).seal(counter, &aad, &mut sealed[HEAD..]);
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// What was sealed; `None` if it is something else, was changed, or is sealed with another key.
    pub(super) fn open(&mut self, envelope: &Envelope<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
        let (head, rest) = sealed.split_at_checked(HEAD)?;
        let (text, tag) = rest.split_at_checked(rest.len().checked_sub(TAG)?)?;
        let (version, head) = head.split_first()?;
        let (sender, counter) = head.split_at(SENDER);
        if *version != self.version() {
            return None;
        }
        let sender = Sender::try_from(sender).ok()?;
        let counter = u32::from_be_bytes(counter.try_into().ok()?);
        let aad = envelope.encode(*version, self.app.as_str());
        let mut text = text.to_vec();
        self.cipher(sender).open(counter, &aad, &mut text, tag).then_some(text)
    }

    const fn version(&self) -> u8 {
        match self.mode {
            EncryptionMode::Aes128Gcm => 1,
            EncryptionMode::Aes256Gcm => 2,
        }
    }

    fn renew(&mut self, chance: &mut impl Rng) {
        chance.fill_bytes(&mut self.sender);
        self.counter = 0;
    }

    fn cipher(&mut self, sender: Sender) -> &Cipher {
        if self.ciphers.len() >= SENDERS_MAX && !self.ciphers.contains_key(&sender) {
            self.ciphers.clear();
        }
        let (root, mode, version) = (&self.root, self.mode, self.version());
        self.ciphers.entry(sender).or_insert_with(|| Cipher::derive(root, mode, version, sender))
    }
}

impl Cipher {
    fn derive(root: &Hkdf<Sha256>, mode: EncryptionMode, version: u8, sender: Sender) -> Self {
        let info = [b"rtm end to end".as_slice(), &[version], &sender];
        let mut key = Zeroizing::new([0; 32]);
        match mode {
            EncryptionMode::Aes128Gcm => {
                root.expand_multi_info(&info, &mut key[..16]).expect("16 bytes are few");
                let key = aes_gcm::Key::<Aes128Gcm>::from_slice(&key[..16]);
                Self::Aes128(Box::new(Aes128Gcm::new(key)))
            }
            EncryptionMode::Aes256Gcm => {
                root.expand_multi_info(&info, &mut *key).expect("32 bytes are few");
                let key = aes_gcm::Key::<Aes256Gcm>::from_slice(&*key);
                Self::Aes256(Box::new(Aes256Gcm::new(key)))
            }
        }
    }

    fn seal(&self, counter: u32, aad: &[u8], text: &mut [u8]) -> [u8; TAG] {
        let nonce = nonce(counter);
        let nonce = Nonce::from_slice(&nonce);
        let tag = match self {
            Self::Aes128(cipher) => cipher.encrypt_in_place_detached(nonce, aad, text),
            Self::Aes256(cipher) => cipher.encrypt_in_place_detached(nonce, aad, text),
        };
        tag.expect("messages are shorter than 64 GiB").into()
    }

    fn open(&self, counter: u32, aad: &[u8], text: &mut [u8], tag: &[u8]) -> bool {
        let nonce = nonce(counter);
        let (nonce, tag) = (Nonce::from_slice(&nonce), Tag::from_slice(tag));
        match self {
            Self::Aes128(cipher) => cipher.decrypt_in_place_detached(nonce, aad, text, tag),
            Self::Aes256(cipher) => cipher.decrypt_in_place_detached(nonce, aad, text, tag),
        }
        .is_ok()
    }
}

impl<W> Core<W> {
    /// `payload` as it goes out, if it doesn't go as it is.
    pub(super) fn seal(&mut self, envelope: &Envelope<'_>, payload: &[u8]) -> Option<Vec<u8>> {
        let Self { sealer, chance, .. } = self;
        sealer.as_mut().map(|sealer| sealer.seal(envelope, payload, chance))
    }

    /// Puts in place of `payload` what was sealed in it; false if that can't be done.
    pub(super) fn open_sealed(&mut self, envelope: &Envelope<'_>, payload: &mut Bytes) -> bool {
        let Some(sealer) = &mut self.sealer else { return true };
        match sealer.open(envelope, payload) {
            Some(opened) => {
                *payload = opened.into();
                true
            }
            None => false,
        }
    }
}

fn nonce(counter: u32) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[8..].copy_from_slice(&counter.to_be_bytes());
    nonce
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::ChaCha12Rng;

    use super::*;

    const ENVELOPE: Envelope<'_> = Envelope {
        kind: ChannelKind::Stream,
        channel: "town",
        topic: "news",
        publisher: "alice",
        message_type: MessageType::Binary,
        custom_type: "note",
    };

    fn app(name: &str) -> AppId {
        AppId::new(name).expect("a name")
    }

    fn sealer(mode: EncryptionMode, key: u8, seed: u8) -> (Sealer, ChaCha12Rng) {
        let mut chance = ChaCha12Rng::from_seed([seed; 32]);
        let encryption = Encryption::new(mode, [key; 32], [2; 32]);
        (Sealer::new(app("demo"), &encryption, &mut chance), chance)
    }

    #[test]
    fn what_one_client_seals_another_opens() {
        for mode in [EncryptionMode::Aes128Gcm, EncryptionMode::Aes256Gcm] {
            let (mut alice, mut chance) = sealer(mode, 1, 1);
            let (mut bob, _) = sealer(mode, 1, 2);
            for length in [0, 1, 15, 16, 17, 1_000, 32_768] {
                let payload = vec![7; length];
                let sealed = alice.seal(&ENVELOPE, &payload, &mut chance);
                assert_eq!(sealed.len(), length + OVERHEAD);
                assert_eq!(bob.open(&ENVELOPE, &sealed), Some(payload));
            }
        }
    }

    /// Made with Python's `cryptography` from the description above.
    #[test]
    fn bytes_are_as_described() {
        for (mode, hex) in [
            (
                EncryptionMode::Aes128Gcm,
                "01000102030405060708090a0b0000000722b34c2b6ac85e323e3ab5c98ce323088b93a93e87",
            ),
            (
                EncryptionMode::Aes256Gcm,
                "02000102030405060708090a0b000000078dacac7d98b6d0a77fb61812b57a7a8e416be7ca64",
            ),
        ] {
            let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
            let sealed: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
            let (mut sealer, _) = sealer(mode, 1, 1);
            assert_eq!(sealer.open(&ENVELOPE, &sealed).as_deref(), Some(b"hello".as_slice()));
        }
    }

    #[test]
    fn nothing_that_was_changed_opens() {
        let mode = EncryptionMode::Aes256Gcm;
        let (mut alice, mut chance) = sealer(mode, 1, 1);
        let (mut bob, _) = sealer(mode, 1, 2);
        let sealed = alice.seal(&ENVELOPE, b"hello", &mut chance);
        for position in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[position] ^= 1;
            assert_eq!(bob.open(&ENVELOPE, &forged), None, "byte {position}");
            assert_eq!(bob.open(&ENVELOPE, &sealed[..position]), None, "{position} bytes");
        }
        let (kind, message_type) = (ChannelKind::Message, MessageType::String);
        for other in [
            Envelope { kind, ..ENVELOPE },
            Envelope { channel: "village", ..ENVELOPE },
            Envelope { topic: "", ..ENVELOPE },
            // The same letters, cut elsewhere.
            Envelope { channel: "townn", topic: "ews", ..ENVELOPE },
            Envelope { publisher: "mallory", ..ENVELOPE },
            Envelope { message_type, ..ENVELOPE },
            Envelope { custom_type: "", ..ENVELOPE },
        ] {
            assert_eq!(bob.open(&other, &sealed), None, "{other:?}");
        }
        let (mut other_key, _) = sealer(mode, 9, 2);
        assert_eq!(other_key.open(&ENVELOPE, &sealed), None);
        let encryption = Encryption::new(mode, [1; 32], [2; 32]);
        let mut elsewhere = Sealer::new(app("other"), &encryption, &mut chance);
        assert_eq!(elsewhere.open(&ENVELOPE, &sealed), None, "another app");
        let (mut other_mode, _) = sealer(EncryptionMode::Aes128Gcm, 1, 2);
        assert_eq!(other_mode.open(&ENVELOPE, &sealed), None);
        assert_eq!(bob.open(&ENVELOPE, b"hello"), None, "not sealed at all");
    }

    #[test]
    fn no_key_and_nonce_come_twice() {
        let (mut alice, mut chance) = sealer(EncryptionMode::Aes256Gcm, 1, 1);
        alice.counter = u32::MAX - 1;
        let heads: Vec<_> =
            (0..4).map(|_| alice.seal(&ENVELOPE, b"x", &mut chance)[1..HEAD].to_vec()).collect();
        assert_eq!(heads[0][..SENDER], heads[1][..SENDER]);
        assert_ne!(heads[1][..SENDER], heads[2][..SENDER], "a new sender after the last number");
        assert_eq!(heads[2][..SENDER], heads[3][..SENDER]);
        let counters: Vec<_> = heads.iter().map(|head| &head[SENDER..]).collect();
        assert_eq!(counters, [[255, 255, 255, 254], [255; 4], [0; 4], [0, 0, 0, 1]]);
        let (bob, _) = sealer(EncryptionMode::Aes256Gcm, 1, 2);
        assert_ne!(alice.sender, bob.sender);
    }

    #[test]
    fn keys_of_many_senders_are_bounded() {
        let mode = EncryptionMode::Aes128Gcm;
        let (mut bob, _) = sealer(mode, 1, 0);
        for number in 0..=u16::from(u8::MAX) * 2 {
            let mut chance = ChaCha12Rng::from_seed([3; 32]);
            let encryption = Encryption::new(mode, [1; 32], [2; 32]);
            let mut alice = Sealer::new(app("demo"), &encryption, &mut chance);
            alice.sender[..2].copy_from_slice(&number.to_be_bytes());
            let sealed = alice.seal(&ENVELOPE, b"x", &mut chance);
            assert!(bob.open(&ENVELOPE, &sealed).is_some());
            assert!(bob.ciphers.len() <= SENDERS_MAX);
        }
    }
}
