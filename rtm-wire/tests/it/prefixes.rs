//! What is cut short.

use proptest::prelude::*;
use rtm_wire::{DecodeError, Encode, Frame, varint};

use crate::strategy::{self, number};
use crate::vector::{Type, put};

proptest! {
    #[test]
    fn every_prefix_of_a_varint_is_incomplete(value in number()) {
        let mut bytes = Vec::new();
        varint::put(&mut bytes, value);
        for cut in 0..bytes.len() {
            let error = varint::parse(&bytes[..cut]).map_err(DecodeError::from);
            prop_assert_eq!(error, Err(DecodeError::Incomplete));
        }
    }

    #[test]
    fn every_prefix_of_a_frame_is_incomplete(frame in strategy::frame()) {
        let bytes = put(&frame);
        for cut in 0..bytes.len() {
            prop_assert_eq!(Frame::decode(&bytes[..cut]), Err(DecodeError::Incomplete));
        }
    }

    /// A body that was cut to a length is wrong, or another good one; it is never waited for.
    #[test]
    fn a_short_body_is_an_error_or_another_frame(frame in strategy::frame()) {
        let bytes = put(&frame);
        let body_len = body_len(&frame);
        let body = &bytes[bytes.len() - body_len..];
        for cut in 0..body_len {
            let mut cut_frame = vec![bytes[0]];
            varint::put(&mut cut_frame, cut as u64);
            cut_frame.extend(&body[..cut]);
            match Type::Frame.read(&cut_frame) {
                Ok((_, written)) => prop_assert_eq!(written, cut_frame),
                Err(error) => prop_assert_ne!(error, DecodeError::Incomplete),
            }
        }
    }

    #[test]
    fn a_cut_datagram_is_an_error_or_another_packet((_, bytes) in strategy::packet()) {
        check_prefixes(Type::Packet, &bytes)?;
    }

    #[test]
    fn a_cut_request_is_an_error_or_another_request(request in strategy::request()) {
        check_prefixes(Type::Request, &put(&request))?;
    }

    #[test]
    fn a_cut_server_operation_is_an_error_or_another(operation in strategy::server_operation()) {
        check_prefixes(Type::Server, &put(&operation))?;
    }

    #[test]
    fn a_cut_hello_is_short_or_has_less_padding(hello in strategy::hello()) {
        check_prefixes(Type::Hello, &put(&hello))?;
    }

    #[test]
    fn a_cut_resumption_is_short_or_another(resumption in strategy::resumption()) {
        check_prefixes(Type::Resumption, &put(&resumption))?;
    }

    #[test]
    fn every_prefix_of_a_welcome_is_short(welcome in strategy::welcome()) {
        let bytes = put(&welcome);
        for cut in 0..bytes.len() {
            let error = Type::Welcome.read(&bytes[..cut]).map(drop);
            prop_assert_eq!(error, Err(DecodeError::Short { field: "welcome" }));
        }
    }
}

fn check_prefixes(kind: Type, bytes: &[u8]) -> Result<(), TestCaseError> {
    for cut in 0..bytes.len() {
        match kind.read(&bytes[..cut]) {
            Ok((_, written)) => prop_assert_eq!(written, &bytes[..cut]),
            Err(DecodeError::Incomplete | DecodeError::Short { .. }) => (),
            Err(DecodeError::Invalid { field: "versions" }) => prop_assert_eq!(cut, 9),
            Err(other) => prop_assert!(false, "{other:?} after {cut} of {bytes:02x?}"),
        }
    }
    Ok(())
}

fn body_len(frame: &Frame<'_>) -> usize {
    let all = frame.encoded_len();
    // One byte of kind, and as many of length as make it fit.
    (0..all).rev().find(|&body| 1 + varint::len(body as u64) + body == all).expect("it has one")
}
