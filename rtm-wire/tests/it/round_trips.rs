//! What is written is read as the same value, and has the length that was told.

use proptest::prelude::*;
use rtm_wire::{
    Encode, Frame, Frames, Hello, OperationId, Packet, PacketNumber, Request, Resumption,
    ServerOperation, TruncatedNumber, Welcome, varint,
};

use crate::strategy::{self, number};
use crate::vector::put;

proptest! {
    #[test]
    fn varints(value in number()) {
        let mut bytes = Vec::new();
        varint::put(&mut bytes, value);
        prop_assert_eq!(bytes.len(), varint::len(value));
        prop_assert_eq!(varint::parse(&bytes), Ok((&[][..], value)));
    }

    #[test]
    fn packets((packet, bytes) in strategy::packet()) {
        prop_assert_eq!(Packet::decode(&bytes), Ok(packet));
    }

    #[test]
    fn hellos(hello in strategy::hello()) {
        let bytes = put(&hello);
        prop_assert_eq!(Hello::decode(&bytes), Ok(hello));
    }

    #[test]
    fn welcomes(welcome in strategy::welcome()) {
        let bytes = put(&welcome);
        prop_assert_eq!(Welcome::decode(&bytes), Ok(welcome));
    }

    #[test]
    fn resumptions(resumption in strategy::resumption()) {
        let bytes = put(&resumption);
        prop_assert_eq!(Resumption::decode(&bytes), Ok(resumption));
    }

    #[test]
    fn frames(frame in strategy::frame(), rest in any::<[u8; 3]>()) {
        let bytes = [put(&frame).as_slice(), &rest].concat();
        prop_assert_eq!(Frame::decode(&bytes), Ok((&rest[..], frame)));
    }

    #[test]
    fn frames_of_a_packet(frames in proptest::collection::vec(strategy::frame(), 0..8)) {
        let bytes: Vec<u8> = frames.iter().flat_map(put).collect();
        let read: Result<Vec<_>, _> = Frames::new(&bytes).collect();
        prop_assert_eq!(read, Ok(frames));
    }

    #[test]
    fn requests(request in strategy::request()) {
        let bytes = put(&request);
        prop_assert_eq!(Request::decode(&bytes), Ok(request));
    }

    #[test]
    fn replies_and_events(operation in strategy::server_operation()) {
        let bytes = put(&operation);
        prop_assert_eq!(ServerOperation::decode(&bytes), Ok(operation));
    }

    /// RFC 9000 appendix A: a receiver that is less than half a window behind finds the number.
    #[test]
    fn packet_numbers_that_were_cut(full in number(), acked in 0..1_u64 << 30, late in 0..64_u64) {
        let full = PacketNumber(full);
        let acked = full.0.checked_sub(acked + 1).map(PacketNumber);
        let number = TruncatedNumber::new(full, acked);
        let largest = PacketNumber(full.0.saturating_sub(late)).max(acked.unwrap_or_default());
        if acked.is_some() {
            prop_assert_eq!(number.expand(Some(largest)), full);
        }
        prop_assert_eq!(number.expand(full.0.checked_sub(1).map(PacketNumber)), full);
    }

    /// A buffer of exactly the length that was told is enough, and filled.
    #[test]
    fn lengths_are_exact(operation in strategy::server_operation(), frame in strategy::frame()) {
        for length in [operation.encoded_len(), frame.encoded_len()] {
            prop_assert!(length > 0);
        }
        let mut room = vec![0; operation.encoded_len()];
        let mut rest = room.as_mut_slice();
        operation.encode(&mut rest);
        prop_assert!(rest.is_empty());
    }
}

/// The first bytes decide; every number has its own meaning or is kept.
#[test]
fn every_kind_is_kept() {
    for kind in 0..=0xff {
        if let Ok((_, frame)) = Frame::decode(&[kind, 0]) {
            assert_eq!(put(&frame), [kind, 0]);
        }
        if let Ok(request) = Request::decode(&[kind, 5]) {
            assert_eq!(request.0, OperationId(5));
            assert_eq!(put(&request), [kind, 5]);
        }
        if let Ok(event) = ServerOperation::decode(&[kind]) {
            assert_eq!(put(&event), [kind]);
        }
        if let Ok(reply) = ServerOperation::decode(&[0x80, 9, 0, 0, kind]) {
            assert_eq!(put(&reply), [0x80, 9, 0, 0, kind]);
        }
    }
}
