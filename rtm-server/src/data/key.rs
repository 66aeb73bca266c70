//! The secret key.

use std::path::Path;

use rtm_session::{PublicKey, StaticKey};

use super::{damaged, read, write};
use crate::error::ServerError;

pub(super) fn load_or_make(path: &Path, fresh: [u8; 32]) -> Result<StaticKey, ServerError> {
    if let Some(text) = read(path)? {
        // Secret and public keys look alike as text.
        let digits: PublicKey = text.trim().parse().map_err(|error| damaged(path, error))?;
        return Ok(StaticKey::from_bytes(*digits.as_bytes()));
    }
    write(path, &format!("{}\n", PublicKey::from_bytes(fresh)))?;
    Ok(StaticKey::from_bytes(fresh))
}
