//! Datagrams.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtm_wire::{Encode, Packet, PacketNumber};
use rtm_wire_fuzz::written_as;

fuzz_target!(|data: &[u8]| match Packet::decode(data) {
    Ok(Packet::Initial(packet)) => written_as(&packet, data),
    Ok(Packet::Reply(packet)) => written_as(&packet, data),
    Ok(Packet::Retry(packet)) => written_as(&packet, data),
    Ok(Packet::KeyHint(packet)) => written_as(&packet, data),
    Ok(Packet::Reset(packet)) => written_as(&packet, data),
    Ok(Packet::Versions(packet)) => written_as(&packet, data),
    Ok(Packet::Resume(packet)) => written_as(&packet, data),
    Ok(Packet::NoTicket(packet)) => written_as(&packet, data),
    Ok(Packet::Data { header, sealed }) => {
        let (before, after) = data.split_at(header.encoded_len());
        written_as(&header, before);
        assert_eq!(sealed, after);
        // A guess, but of a number that can be.
        for largest in [PacketNumber(0), PacketNumber(1 << 31), PacketNumber::MAX] {
            assert!(header.number.expand(Some(largest)) <= PacketNumber::MAX);
        }
    }
    Ok(other) => panic!("a kind without a check: {other:?}"),
    Err(_) => (),
});
