//! What identifies an app, and what proves it.

use std::fmt;

use crate::error::IdError;

fn check(what: &'static str, text: &str) -> Result<String, IdError> {
    if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(text.to_owned())
    } else {
        Err(IdError { what, length: text.chars().count() })
    }
}

/// An app's id: 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(String);

impl AppId {
    /// Checks the text.
    ///
    /// # Errors
    /// It isn't 32 hexadecimal digits.
    pub fn new(text: &str) -> Result<Self, IdError> {
        check("app id", text).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An app's certificate: 32 hexadecimal digits that only its token servers and RTM servers know.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate(String);

impl Certificate {
    /// Checks the text.
    ///
    /// # Errors
    /// It isn't 32 hexadecimal digits.
    pub fn new(text: &str) -> Result<Self, IdError> {
        check("certificate", text).map(Self)
    }

    /// The secret text, to be written where only its owner reads.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Certificate {
    /// Hides the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate(…)")
    }
}
