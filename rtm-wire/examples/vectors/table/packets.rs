//! Varints and packets (protocol §1.2, §3).

use rtm_wire::{
    ConnectionId, DataHeader, Initial, KeyHint, KeyId, NoTicket, PacketNumber, PathId, ReplyPacket,
    Reset, ResetToken, Resume, Retry, TruncatedNumber, Versions, varint,
};

use super::super::vector::{Type, Vector, put};
use super::valid;

pub(super) const CID: ConnectionId = ConnectionId([1, 2, 3, 4, 5, 6, 7, 8]);
pub(super) const TOKEN: ResetToken = ResetToken(*b"0123456789abcdef");

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = varints();
    vectors.extend(handshake());
    vectors.extend(data());
    vectors.extend(resumptions());
    vectors
}

fn varints() -> Vec<Vector> {
    let values = [
        ("varint 0", 0),
        ("varint, largest of 1 byte", 0x3f),
        ("varint, smallest of 2 bytes", 0x40),
        ("varint, largest of 2 bytes", 0x3fff),
        ("varint, smallest of 4 bytes", 0x4000),
        ("varint, largest of 4 bytes", 0x3fff_ffff),
        ("varint, smallest of 8 bytes", 0x4000_0000),
        ("varint, largest", varint::MAX),
    ];
    let vector = |(name, value)| {
        let mut bytes = Vec::new();
        varint::put(&mut bytes, value);
        Vector { name, section: "1.2", kind: Type::Varint, bytes }
    };
    values.map(vector).into()
}

fn handshake() -> Vec<Vector> {
    let initial = Initial { version: 1, client_cid: CID, cookie: &[], noise: b"first" };
    let again = Initial { cookie: b"cookie", ..initial };
    let longest = [0xc0; 64];
    vec![
        valid(Type::Packet, "3.1", "initial", &initial),
        valid(Type::Packet, "3.1", "initial with cookie", &again),
        valid(
            Type::Packet,
            "3.1",
            "initial of a later version, longest cookie",
            &Initial { version: 9, cookie: &longest, ..initial },
        ),
        valid(Type::Packet, "3.2", "reply", &ReplyPacket { client_cid: CID, noise: b"second" }),
        valid(Type::Packet, "3.3", "retry", &Retry { client_cid: CID, cookie: b"cookie" }),
        valid(
            Type::Packet,
            "3.4",
            "key hint",
            &KeyHint { client_cid: CID, key_id: KeyId(*b"\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7") },
        ),
        valid(Type::Packet, "3.5", "reset", &Reset { token: TOKEN }),
        valid(Type::Packet, "3.6", "versions", &Versions { client_cid: CID, versions: &[2, 1] }),
    ]
}

fn resumptions() -> Vec<Vector> {
    let (client_cid, noise) = (CID, b"first");
    let resume = Resume { version: 1, client_cid, cookie: &[], ticket: b"ticket", noise };
    let longest = [0xaa; 400];
    vec![
        valid(Type::Packet, "3.10", "resume", &resume),
        valid(
            Type::Packet,
            "3.10",
            "resume with cookie, longest ticket",
            &Resume { cookie: b"cookie", ticket: &longest, ..resume },
        ),
        valid(Type::Packet, "3.11", "no ticket", &NoTicket { client_cid }),
    ]
}

fn data() -> Vec<Vector> {
    let header = |key_phase, path, full, acked| DataHeader {
        key_phase,
        destination: CID,
        path: PathId(path),
        number: TruncatedNumber::new(PacketNumber(full), acked),
    };
    let acked = |number| Some(PacketNumber(number));
    let packets = [
        ("data, number of 1 byte", header(false, 0, 7, acked(5))),
        ("data, number of 2 bytes", header(false, 0, 0x12_3456, acked(0x12_3000))),
        ("data, number of 3 bytes, path, key phase", header(true, 3, 0xa_bcde, None)),
        ("data, number of 4 bytes", header(false, 0, 0x1_2345_6789, None)),
    ];
    let vector = |(name, header)| {
        let bytes = [put(&header).as_slice(), b"sealed frames and tag"].concat();
        Vector { name, section: "3.7", kind: Type::Packet, bytes }
    };
    packets.map(vector).into()
}
