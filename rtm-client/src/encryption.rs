//! End-to-end encryption, as it is configured.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};

/// Longest key, in bytes.
const KEY_MAX: usize = 256;
/// Length of the salt, in bytes.
const SALT: usize = 32;

/// Cipher of end-to-end encryption (RTM 2.x: `encryptionMode`).
///
/// ```
/// use rtm_client::{Encryption, EncryptionMode};
///
/// let sealed = Encryption::new(EncryptionMode::Aes256Gcm, "a shared secret", [7; 32]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptionMode {
    /// AES with keys of 128 bits, in Galois/Counter Mode.
    Aes128Gcm,
    /// AES with keys of 256 bits, in Galois/Counter Mode.
    Aes256Gcm,
}

/// What messages are sealed with from end to end (RTM 2.x: `encryptionConfig`).
///
/// All users of a channel need the same. Messages of message, user and stream channels are sealed
/// by the publisher and opened by the receivers. The server can't read or change them, nor move
/// them to another channel or author. It can hold them back or repeat them, and it sees names,
/// custom types, lengths and times. A sealed message is 33 bytes longer, which counts for the
/// server's limits. `docs/security.md` of the project says how it is done.
///
/// [Metadata](crate::Storage) isn't sealed, as in RTM 2.x: seal its values yourself.
///
/// Between client and server everything is encrypted anyway, with or without this.
///
/// ```
/// use rtm_client::{Encryption, EncryptionMode};
///
/// // Both from a file or a key service of yours, made by a random generator once.
/// let (key, salt) = ([7; 32], [9; 32]);
/// let encryption = Encryption::new(EncryptionMode::Aes256Gcm, key, salt);
/// ```
#[derive(Clone)]
pub struct Encryption {
    mode: EncryptionMode,
    key: Zeroizing<Vec<u8>>,
    salt: Vec<u8>,
}

impl Encryption {
    /// Sealing with this key of 1 to 256 bytes, and this salt of 32 bytes.
    ///
    /// The key has to be hard to guess: take 32 bytes from a random generator, not a password.
    #[must_use]
    pub fn new(mode: EncryptionMode, key: impl AsRef<[u8]>, salt: impl AsRef<[u8]>) -> Self {
        let key = Zeroizing::new(key.as_ref().to_vec());
        Self { mode, key, salt: salt.as_ref().to_vec() }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let (key, salt) = (self.key.len(), self.salt.len());
        let wrong = if key == 0 || key > KEY_MAX {
            format!("the encryption key has {key} bytes, out of 1 to {KEY_MAX}")
        } else if salt != SALT {
            format!("the encryption salt has {salt} bytes instead of {SALT}")
        } else {
            return Ok(());
        };
        Err(Error::of(ErrorKind::InvalidEncryption, wrong))
    }

    pub(crate) const fn mode(&self) -> EncryptionMode {
        self.mode
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    pub(crate) fn salt(&self) -> &[u8] {
        &self.salt
    }
}

impl fmt::Debug for Encryption {
    /// Hides key and salt.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encryption").field("mode", &self.mode).finish_non_exhaustive()
    }
}
