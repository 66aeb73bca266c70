//! What a vector is, how bytes of each type are read and written again, and what their fields are.

mod history;
mod operations;
mod packets;
mod session;
mod storage;

use rtm_wire::{
    DecodeError, Encode, Frame, Frames, Hello, Packet, Request, Resumption, ServerOperation,
    Welcome, varint,
};
use serde_json::{Value, json};

/// What bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Varint,
    Packet,
    Hello,
    Welcome,
    /// What stands for the login of a resumption.
    Resumption,
    Frame,
    /// All frames of an opened packet.
    Frames,
    Request,
    /// A reply or an event.
    Server,
}

impl Type {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Varint, "varint"),
        (Self::Packet, "packet"),
        (Self::Hello, "hello"),
        (Self::Welcome, "welcome"),
        (Self::Resumption, "resumption"),
        (Self::Frame, "frame"),
        (Self::Frames, "frames"),
        (Self::Request, "request"),
        (Self::Server, "server operation"),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).expect("all are listed").1
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, other)| *other == name).map(|(kind, _)| *kind)
    }

    /// Reads `bytes`, and gives the fields and the bytes when written again.
    pub(super) fn read(self, bytes: &[u8]) -> Result<(Value, Vec<u8>), DecodeError> {
        match self {
            Self::Varint => {
                let (rest, value) = varint::parse(bytes).map_err(DecodeError::from)?;
                let mut out = Vec::new();
                varint::put(&mut out, value);
                if rest.is_empty() { Ok((int(value), out)) } else { Err(DecodeError::Trailing) }
            }
            Self::Packet => Packet::decode(bytes).map(|packet| packets::packet(&packet)),
            Self::Hello => Hello::decode(bytes).map(|hello| (packets::hello(&hello), put(&hello))),
            Self::Welcome => {
                Welcome::decode(bytes).map(|welcome| (packets::welcome(&welcome), put(&welcome)))
            }
            Self::Resumption => Resumption::decode(bytes)
                .map(|resumption| (packets::resumption(&resumption), put(&resumption))),
            Self::Frame => match Frame::decode(bytes)? {
                ([], frame) => Ok((session::frame(&frame), put(&frame))),
                _ => Err(DecodeError::Trailing),
            },
            Self::Frames => {
                let frames: Vec<_> = Frames::new(bytes).collect::<Result<_, _>>()?;
                let fields = frames.iter().map(session::frame).collect();
                Ok((fields, frames.iter().flat_map(put).collect()))
            }
            Self::Request => match Request::decode(bytes) {
                Ok((id, request)) => Ok((operations::request(id, &request), put(&(id, request)))),
                Err(error) => Err(error.error),
            },
            Self::Server => ServerOperation::decode(bytes)
                .map(|operation| (operations::server(&operation), put(&operation))),
        }
    }
}

/// Bytes, and what they mean or what is wrong with them.
pub(super) struct Vector {
    pub(super) name: &'static str,
    pub(super) section: &'static str,
    pub(super) kind: Type,
    pub(super) bytes: Vec<u8>,
}

impl Vector {
    /// The line of a file.
    pub(super) fn line(&self) -> String {
        let meaning = match self.kind.read(&self.bytes) {
            Ok((fields, written)) if written == self.bytes => format!(r#""fields":{fields}"#),
            Ok((fields, written)) => {
                format!(r#""fields":{fields},"written":"{}""#, to_hex(&written))
            }
            Err(error) => format!(r#""error":"{}""#, error_name(error)),
        };
        format!(
            r#"{{"name":{},"section":"{}","type":"{}","hex":"{}",{meaning}}}"#,
            json!(self.name),
            self.section,
            self.kind.name(),
            to_hex(&self.bytes),
        )
    }
}

/// The kind of an error, for people who write in another language.
pub(super) fn error_name(error: DecodeError) -> &'static str {
    match error {
        DecodeError::Incomplete => "incomplete",
        DecodeError::Short { .. } => "short",
        DecodeError::Varint => "varint",
        DecodeError::TooLong { .. } => "too long",
        DecodeError::Invalid { .. } => "invalid",
        DecodeError::Text { .. } => "text",
        DecodeError::Trailing => "trailing",
        DecodeError::PacketKind(_) => "packet kind",
        other => panic!("{other:?} has no name in the vectors"),
    }
}

pub(super) fn put(value: &impl Encode) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.encoded_len());
    value.encode(&mut out);
    assert_eq!(out.len(), value.encoded_len(), "the encoded length is exact");
    out
}

pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn from_hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..text.len()).step_by(2).map(|at| digit(at).expect("two hex digits")).collect()
}

/// A number; in decimal text where JSON readers that know only doubles would round it.
fn int(value: impl Into<u64>) -> Value {
    match value.into() {
        value @ ..=0x1f_ffff_ffff_ffff => json!(value),
        value => json!(value.to_string()),
    }
}

fn hex(bytes: &[u8]) -> Value {
    json!(to_hex(bytes))
}
