//! AccessToken2 ("007") tokens: build, parse and verify.
//!
//! ```text
//!  "007" + base64( zlib( signature ‖ info ))
//!            info = app id, issue time, expiry, salt, services
//!            signature = HMAC-SHA256 over info, under a key made of the app's certificate
//! ```
//!
//! The format is that of the hosted RTM 2.x services, so that existing token servers carry over. A
//! user logs in with an RTM service (or a fine-grained RTM2 one), and joins a stream channel with
//! an RTC service for channel and user.
//!
//! Pure: issue time, lifetime, salt and the present time come in as arguments. Parsing gives an
//! [`UnverifiedToken`], which says nothing about rights; [`UnverifiedToken::verify`] gives a
//! [`VerifiedToken`], which does.
//!
//! ```
//! use rtm_token::{AppId, Certificate, Service, Token, UnverifiedToken};
//!
//! let app_id = AppId::new("970CA35de60c44645bbae8a215061b33")?;
//! let certificate = Certificate::new("5CFd2fd1755d40ecb72977518be15d3b")?;
//! let token = Token {
//!     app_id,
//!     issued_at: 1_700_000_000,
//!     expires_in: 3_600,
//!     salt: 42,
//!     services: vec![Service::rtm("alice", 3_600)],
//! };
//! let text = token.sign(&certificate);
//!
//! let now = 1_700_000_100;
//! let verified = UnverifiedToken::parse(&text)?.verify(&certificate, now)?;
//! assert!(verified.may_login("alice", now));
//! assert!(!verified.may_login("bob", now));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod fields;
mod id;
mod service;
mod token;
mod verified;

pub use error::{IdError, ParseError, VerifyError};
pub use id::{AppId, Certificate};
pub use service::{Permission, Privileges, Service, privilege, resource, right};
pub use token::{LIFETIME_MAX, TOKEN_LEN_MAX, Token, UnverifiedToken};
pub use verified::VerifiedToken;
