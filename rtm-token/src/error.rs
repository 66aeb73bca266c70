//! What can be wrong with tokens. Numbers are RTM 2.x's, positive.

/// Why text is no app id or certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} must be 32 hexadecimal digits; this one has {length} characters")]
pub struct IdError {
    /// What it should have been.
    pub what: &'static str,
    /// Its length.
    pub length: usize,
}

/// Why text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Longer than any token.
    #[error("the token has {0} bytes; tokens have at most 4096")]
    TooLong(usize),
    /// Another format, or another version.
    #[error("the token does not begin with 007; get one from a current token server")]
    Version,
    /// Damaged.
    #[error("the token is damaged: {0}; copy it again")]
    Damaged(&'static str),
}

impl ParseError {
    /// The error number: INVALID_TOKEN.
    #[must_use]
    pub const fn code(&self) -> u32 {
        10_005
    }
}

/// Why a token gives no rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Signed with another certificate, or changed since.
    #[error("the token's signature is wrong; is it made with this app's certificate?")]
    Signature,
    /// Too old.
    #[error("the token expired {seconds} s ago; get a new one")]
    Expired {
        /// How long ago, in seconds.
        seconds: u64,
    },
}

impl VerifyError {
    /// The error number: INVALID_TOKEN or TOKEN_EXPIRED.
    #[must_use]
    pub const fn code(&self) -> u32 {
        match self {
            Self::Signature => 10_005,
            Self::Expired { .. } => 10_009,
        }
    }
}
