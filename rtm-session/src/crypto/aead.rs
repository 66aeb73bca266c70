//! Sealing and opening of data packets (protocol §3.8).

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInPlace, KeyInit};
use chacha20poly1305::ChaCha20Poly1305;
use rtm_wire::{Cipher, PacketNumber, PathId};

use super::secret::Secret;

/// Bytes that sealing adds.
pub(crate) const TAG_LEN: usize = 16;

/// A packet that was not sealed with this key, or changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAuthentic;

/// A cipher under one key.
///
/// The nonce is path id (4 bytes, big endian) and packet number (8 bytes): never the same twice
/// under one key.
pub(crate) trait Aead: Send + Sync {
    /// Encrypts `body` in place and returns the tag over it and `header`.
    fn seal(
        &self,
        path: PathId,
        number: PacketNumber,
        header: &[u8],
        body: &mut [u8],
    ) -> [u8; TAG_LEN];

    /// Decrypts `body`, whose last bytes are the tag, in place; the length of the plaintext.
    ///
    /// A body that isn't authentic is left encrypted.
    fn open(
        &self,
        path: PathId,
        number: PacketNumber,
        header: &[u8],
        body: &mut [u8],
    ) -> Result<usize, NotAuthentic>;
}

/// The cipher with this key; `None` for one that this version doesn't know.
pub(super) fn aead(cipher: Cipher, key: &Secret) -> Option<Box<dyn Aead>> {
    let key = key.as_bytes();
    match cipher {
        Cipher::Aes256Gcm => Some(Box::new(RustCrypto(Aes256Gcm::new(key.into())))),
        Cipher::ChaCha20Poly1305 => Some(Box::new(RustCrypto(ChaCha20Poly1305::new(key.into())))),
        _ => None,
    }
}

/// Whether AES-GCM is the faster one here.
pub(crate) fn has_fast_aes() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        std::arch::is_x86_feature_detected!("aes")
            && std::arch::is_x86_feature_detected!("pclmulqdq")
    }
    #[cfg(target_arch = "aarch64")]
    {
        std::arch::is_aarch64_feature_detected!("aes")
    }
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    {
        false
    }
}

struct RustCrypto<C>(C);

type NonceOf<C> = aes_gcm::aead::Nonce<C>;

impl<C: AeadInPlace + Send + Sync> Aead for RustCrypto<C> {
    fn seal(
        &self,
        path: PathId,
        number: PacketNumber,
        header: &[u8],
        body: &mut [u8],
    ) -> [u8; TAG_LEN] {
        let nonce = nonce(path, number);
        let nonce = NonceOf::<C>::from_slice(&nonce);
        let tag = self
            .0
            .encrypt_in_place_detached(nonce, header, body)
            .expect("a packet is shorter than the cipher's limit");
        let mut out = [0; TAG_LEN];
        out.copy_from_slice(&tag);
        out
    }

    fn open(
        &self,
        path: PathId,
        number: PacketNumber,
        header: &[u8],
        body: &mut [u8],
    ) -> Result<usize, NotAuthentic> {
        let length = body.len().checked_sub(TAG_LEN).ok_or(NotAuthentic)?;
        let (body, tag) = body.split_at_mut(length);
        let nonce = nonce(path, number);
        let nonce = NonceOf::<C>::from_slice(&nonce);
        let tag = aes_gcm::aead::Tag::<C>::from_slice(tag);
        self.0.decrypt_in_place_detached(nonce, header, body, tag).map_err(|_| NotAuthentic)?;
        Ok(length)
    }
}

fn nonce(path: PathId, number: PacketNumber) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&u32::from(path.0).to_be_bytes());
    nonce[4..].copy_from_slice(&number.0.to_be_bytes());
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_unchanged() {
        for cipher in [Cipher::Aes256Gcm, Cipher::ChaCha20Poly1305] {
            let aead = aead(cipher, &Secret::new([4; 32])).expect("known");
            let (path, number) = (PathId(0), PacketNumber(77));
            let mut sealed = b"plaintext".to_vec();
            let tag = aead.seal(path, number, b"header", &mut sealed);
            sealed.extend_from_slice(&tag);

            for position in 0..sealed.len() {
                let mut forged = sealed.clone();
                forged[position] ^= 0x80;
                assert_eq!(aead.open(path, number, b"header", &mut forged), Err(NotAuthentic));
            }
            for (path, number, header) in
                [(1, 77, b"header"), (0, 78, b"header"), (0, 77, b"headex")]
            {
                let (path, number) = (PathId(path), PacketNumber(number));
                let opened = aead.open(path, number, header, &mut sealed.clone());
                assert_eq!(opened, Err(NotAuthentic));
            }
            let length = aead.open(path, number, b"header", &mut sealed).expect("authentic");
            assert_eq!(&sealed[..length], b"plaintext");
        }
    }
}
