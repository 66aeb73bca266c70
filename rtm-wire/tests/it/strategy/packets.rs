//! Packets, each with its encoding.

use proptest::prelude::*;
use rtm_wire::{
    ConnectionId, DataHeader, Encode, Initial, KeyHint, KeyId, NoTicket, Packet, PacketNumber,
    PathId, ReplyPacket, Reset, ResetToken, Resume, Retry, TruncatedNumber, Versions, limits,
};

use super::{bytes, number};

/// A packet, and what it has to look like.
pub(crate) fn packet() -> impl Strategy<Value = (Packet<'static>, Vec<u8>)> {
    prop_oneof![
        initial().prop_map(|packet| (Packet::Initial(packet), put(&packet))),
        (connection_id(), bytes(100)).prop_map(|(client_cid, noise)| {
            let packet = ReplyPacket { client_cid, noise };
            (Packet::Reply(packet), put(&packet))
        }),
        (connection_id(), bytes(limits::COOKIE)).prop_map(|(client_cid, cookie)| {
            let packet = Retry { client_cid, cookie };
            (Packet::Retry(packet), put(&packet))
        }),
        (connection_id(), any::<[u8; 8]>()).prop_map(|(client_cid, id)| {
            let packet = KeyHint { client_cid, key_id: KeyId(id) };
            (Packet::KeyHint(packet), put(&packet))
        }),
        reset_token().prop_map(|token| (Packet::Reset(Reset { token }), put(&Reset { token }))),
        versions().prop_map(|packet| (Packet::Versions(packet), put(&packet))),
        resume().prop_map(|packet| (Packet::Resume(packet), put(&packet))),
        connection_id().prop_map(|client_cid| {
            let packet = NoTicket { client_cid };
            (Packet::NoTicket(packet), put(&packet))
        }),
        (data_header(), bytes(100)).prop_map(|(header, sealed)| {
            (Packet::Data { header, sealed }, [put(&header).as_slice(), sealed].concat())
        }),
    ]
}

pub(super) fn connection_id() -> impl Strategy<Value = ConnectionId> {
    any::<[u8; ConnectionId::LEN]>().prop_map(ConnectionId)
}

pub(super) fn reset_token() -> impl Strategy<Value = ResetToken> {
    any::<[u8; ResetToken::LEN]>().prop_map(ResetToken)
}

fn initial() -> impl Strategy<Value = Initial<'static>> {
    (any::<u8>(), connection_id(), bytes(limits::COOKIE), bytes(200)).prop_map(
        |(version, client_cid, cookie, noise)| Initial { version, client_cid, cookie, noise },
    )
}

fn resume() -> impl Strategy<Value = Resume<'static>> {
    (any::<u8>(), connection_id(), bytes(limits::COOKIE), bytes(limits::TICKET), bytes(200))
        .prop_map(|(version, client_cid, cookie, ticket, noise)| Resume {
            version,
            client_cid,
            cookie,
            ticket,
            noise,
        })
}

fn versions() -> impl Strategy<Value = Versions<'static>> {
    (connection_id(), bytes(limits::OFFERS))
        .prop_filter("at least one", |(_, versions)| !versions.is_empty())
        .prop_map(|(client_cid, versions)| Versions { client_cid, versions })
}

fn data_header() -> impl Strategy<Value = DataHeader> {
    let number = (number(), proptest::option::of(0..0x100_0000_u64)).prop_map(|(full, behind)| {
        let acked = behind.map(|behind| PacketNumber(full.saturating_sub(behind)));
        TruncatedNumber::new(PacketNumber(full), acked)
    });
    let path = prop_oneof![Just(0), any::<u8>()];
    (any::<bool>(), connection_id(), path, number).prop_map(
        |(key_phase, destination, path, number)| DataHeader {
            key_phase,
            destination,
            path: PathId(path),
            number,
        },
    )
}

fn put(packet: &impl Encode) -> Vec<u8> {
    crate::vector::put(packet)
}
