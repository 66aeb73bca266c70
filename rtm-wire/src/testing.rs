//! Inverse tables: bytes and the value that they stand for, checked in both directions.

use alloc::vec::Vec;
use core::fmt::Debug;

use crate::{
    DecodeError, Encode, Frame, OperationId, Packet, Request, RequestError, ServerOperation,
};

/// Each input is read as the value, leaving the rest, and the value is written as what was read.
pub(crate) fn frames(table: &[(&[u8], &[u8], Frame<'_>)]) {
    for (bytes, rest, frame) in table {
        assert_eq!(Frame::decode(bytes), Ok((*rest, *frame)));
        written(frame, &bytes[..bytes.len() - rest.len()]);
    }
}

pub(crate) fn refused_frames(table: &[(&[u8], DecodeError)]) {
    for (bytes, error) in table {
        assert_eq!(Frame::decode(bytes), Err(*error), "{bytes:02x?}");
    }
}

/// Each datagram is read as the packet, whose own part is written as the datagram begins.
pub(crate) fn packets<T: Encode>(table: &[(&[u8], T, Packet<'_>)]) {
    for (bytes, own, packet) in table {
        assert_eq!(Packet::decode(bytes), Ok(*packet));
        written(own, &bytes[..own.encoded_len()]);
    }
}

pub(crate) fn refused_packets(table: &[(&[u8], DecodeError)]) {
    for (bytes, error) in table {
        assert_eq!(Packet::decode(bytes), Err(*error), "{bytes:02x?}");
    }
}

pub(crate) fn requests(table: &[(&[u8], u64, Request<'_>)]) {
    for (bytes, id, request) in table {
        let request = (OperationId(*id), *request);
        assert_eq!(Request::decode(bytes), Ok(request));
        written(&request, bytes);
    }
}

pub(crate) fn refused_requests(table: &[(&[u8], u64, DecodeError)]) {
    for (bytes, id, error) in table {
        let error = RequestError { operation: OperationId(*id), error: *error };
        assert_eq!(Request::decode(bytes), Err(error), "{bytes:02x?}");
    }
}

pub(crate) fn server(table: &[(&[u8], ServerOperation<'_>)]) {
    for (bytes, operation) in table {
        assert_eq!(ServerOperation::decode(bytes), Ok(*operation));
        written(operation, bytes);
    }
}

pub(crate) fn refused_server(table: &[(&[u8], DecodeError)]) {
    for (bytes, error) in table {
        assert_eq!(ServerOperation::decode(bytes), Err(*error), "{bytes:02x?}");
    }
}

pub(crate) fn written(value: &impl Encode, bytes: &[u8]) {
    let mut out = Vec::new();
    value.encode(&mut out);
    assert_eq!(Hex(&out), Hex(bytes));
    assert_eq!(value.encoded_len(), bytes.len());
}

#[derive(PartialEq)]
struct Hex<'a>(&'a [u8]);

impl Debug for Hex<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:02x?}", self.0)
    }
}
