//! The token itself.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::error::{ParseError, VerifyError};
use crate::fields::{Reader, put_bytes, put_u16, put_u32};
use crate::id::{AppId, Certificate};
use crate::service::Service;
use crate::verified::VerifiedToken;

/// Longest token in bytes that is looked at.
pub const TOKEN_LEN_MAX: usize = 4_096;
/// Longest content: no bomb is unpacked.
const CONTENT_LEN_MAX: u64 = 16 * 1_024;
/// How long a token counts at most, in seconds from its issue, as in RTM 2.x, whatever it says.
pub const LIFETIME_MAX: u32 = 86_400;
const VERSION: &str = "007";

type HmacSha256 = Hmac<Sha256>;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The app.
    pub app_id: AppId,
    /// When it was made, in seconds since 1970.
    pub issued_at: u32,
    /// How long it is good for, in seconds, up to [`LIFETIME_MAX`]; services may say less.
    pub expires_in: u32,
    /// Any number from 1 to 99,999,999, different each time.
    pub salt: u32,
    /// What it allows, by type.
    pub services: Vec<Service>,
}

impl Token {
    /// Signs and packs it. Services are ordered by type first, as the format wants.
    #[must_use]
    pub fn sign(&self, certificate: &Certificate) -> String {
        let content = self.content(certificate);
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&content).expect("writing to memory");
        let packed = encoder.finish().expect("writing to memory");
        format!("{VERSION}{}", STANDARD.encode(packed))
    }

    /// Signature and fields before packing: what is equal between implementations, whose packers
    /// differ.
    #[must_use]
    pub fn content(&self, certificate: &Certificate) -> Vec<u8> {
        let info = self.info();
        let signature = mac(certificate, self.issued_at, self.salt, &info).finalize().into_bytes();
        let mut content = Vec::with_capacity(info.len() + 34);
        put_bytes(&mut content, &signature);
        content.extend_from_slice(&info);
        content
    }

    /// When it counts no more, in seconds since 1970.
    pub(crate) fn end(&self) -> u64 {
        u64::from(self.issued_at) + u64::from(self.expires_in.min(LIFETIME_MAX))
    }

    fn info(&self) -> Vec<u8> {
        let mut info = Vec::new();
        put_bytes(&mut info, self.app_id.as_str().as_bytes());
        put_u32(&mut info, self.issued_at);
        put_u32(&mut info, self.expires_in);
        put_u32(&mut info, self.salt);
        put_u16(&mut info, self.services.len());
        let mut services: Vec<_> = self.services.iter().collect();
        services.sort_by_key(|service| service.kind());
        services.iter().for_each(|service| service.encode(&mut info));
        info
    }
}

/// The HMAC whose key comes from certificate, issue time and salt.
fn mac(certificate: &Certificate, issued_at: u32, salt: u32, info: &[u8]) -> HmacSha256 {
    let keyed = |key: &[u8]| HmacSha256::new_from_slice(key).expect("HMAC takes any key");
    let mut first = keyed(&issued_at.to_le_bytes());
    first.update(certificate.as_str().as_bytes());
    let mut second = keyed(&salt.to_le_bytes());
    second.update(&first.finalize().into_bytes());
    let mut mac = keyed(&second.finalize().into_bytes());
    mac.update(info);
    mac
}

/// A token that was read, and may be anybody's invention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedToken {
    token: Token,
    info: Vec<u8>,
    signature: Vec<u8>,
}

impl UnverifiedToken {
    /// Reads a token. Services after one of an unknown type can't be read, and give no rights.
    ///
    /// # Errors
    /// Text that is no token; nothing larger than 16 KiB is unpacked.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.len() > TOKEN_LEN_MAX {
            return Err(ParseError::TooLong(text.len()));
        }
        let packed = text.strip_prefix(VERSION).ok_or(ParseError::Version)?;
        let packed = STANDARD.decode(packed).map_err(|_| ParseError::Damaged("not base64"))?;
        let mut content = Vec::new();
        ZlibDecoder::new(&packed[..])
            .take(CONTENT_LEN_MAX + 1)
            .read_to_end(&mut content)
            .map_err(|_| ParseError::Damaged("can't be unpacked"))?;
        if content.len() as u64 > CONTENT_LEN_MAX {
            return Err(ParseError::Damaged("too much in it"));
        }
        Self::read(&content).ok_or(ParseError::Damaged("a field is missing or wrong"))
    }

    fn read(content: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(content);
        let signature = reader.bytes()?.to_vec();
        let info = reader.rest().to_vec();
        let app_id = AppId::new(&reader.text()?).ok()?;
        let (issued_at, expires_in, salt) = (reader.u32()?, reader.u32()?, reader.u32()?);
        let count = reader.u16()?;
        let mut services = Vec::new();
        for _ in 0..count {
            let service = Service::parse(&mut reader)?;
            let is_last = matches!(service, Service::Opaque { .. });
            services.push(service);
            if is_last {
                break;
            }
        }
        let token = Token { app_id, issued_at, expires_in, salt, services };
        Some(Self { token, info, signature })
    }

    /// The app that it claims to be for: says which certificate to verify with.
    #[must_use]
    pub const fn app_id(&self) -> &AppId {
        &self.token.app_id
    }

    /// Checks signature and age. `now` is in seconds since 1970; a token whose time is over at
    /// `now`, to the second, has expired. One that was issued in the future counts: clocks differ.
    ///
    /// # Errors
    /// Wrong signature, or expired.
    pub fn verify(self, certificate: &Certificate, now: u64) -> Result<VerifiedToken, VerifyError> {
        let Self { token, info, signature } = self;
        let mac = mac(certificate, token.issued_at, token.salt, &info);
        mac.verify_slice(&signature).map_err(|_| VerifyError::Signature)?;
        let end = token.end();
        if now >= end {
            return Err(VerifyError::Expired { seconds: now - end });
        }
        Ok(VerifiedToken::new(token))
    }
}
