//! Reading and writing allocate nothing. A binary of its own: the counting allocator is global.

#[expect(dead_code, reason = "files are written elsewhere")]
#[path = "../examples/vectors/table/mod.rs"]
mod table;
#[expect(dead_code, reason = "lines of files are written elsewhere")]
#[path = "../examples/vectors/vector/mod.rs"]
mod vector;

use allocation_counter::measure;
use rtm_wire::{
    Encode, Frames, Hello, Packet, ReplyResult, Request, Resumption, ServerOperation, Welcome,
    varint,
};

use vector::Type;

/// All vectors, the wrong ones too: whatever lengths and counts they claim.
#[test]
fn reading_allocates_nothing() {
    for vector in vectors() {
        let allocations = measure(|| read(vector.kind, &vector.bytes));
        assert_eq!(allocations.count_total, 0, "{}", vector.name);
    }
}

/// Each vector cut at every byte, and with every byte set to what a large length begins with.
#[test]
fn reading_damaged_bytes_allocates_nothing() {
    for vector in vectors() {
        let mut bytes = vector.bytes;
        let allocations = measure(|| {
            for at in 0..bytes.len() {
                read(vector.kind, &bytes[..at]);
                for damage in [0x00, 0x50, 0x7f, 0x80, 0xbf, 0xff] {
                    let sound = core::mem::replace(&mut bytes[at], damage);
                    read(vector.kind, &bytes);
                    bytes[at] = sound;
                }
            }
        });
        assert_eq!(allocations.count_total, 0, "{}", vector.name);
    }
}

#[test]
fn writing_into_a_buffer_with_room_allocates_nothing() {
    for vector in vectors() {
        let mut out = Vec::with_capacity(vector.bytes.len() + 64);
        let allocations = measure(|| write(vector.kind, &vector.bytes, &mut out));
        assert_eq!(allocations.count_total, 0, "{}", vector.name);
        if vector.kind.read(&vector.bytes).is_ok_and(|(_, written)| written == vector.bytes) {
            assert_eq!(out, vector.bytes, "{}", vector.name);
        }
    }
}

#[test]
fn the_counter_counts() {
    let allocations = measure(|| drop(std::hint::black_box(vec![0_u8; 100])));
    assert_eq!((allocations.count_total, allocations.bytes_total), (1, 100));
}

fn vectors() -> impl Iterator<Item = vector::Vector> {
    table::all().into_iter().flat_map(|(_, vectors)| vectors)
}

/// Reads all that is there, lists and ranges too.
fn read(kind: Type, bytes: &[u8]) {
    match kind {
        Type::Varint => drop(varint::parse(bytes)),
        Type::Packet => drop(Packet::decode(bytes)),
        Type::Hello => drop(Hello::decode(bytes)),
        Type::Welcome => drop(Welcome::decode(bytes)),
        Type::Resumption => {
            if let Ok(resumption) = Resumption::decode(bytes) {
                assert_eq!(resumption.early.is_empty(), resumption.early.iter().count() == 0);
            }
        }
        Type::Frame | Type::Frames => {
            for frame in Frames::new(bytes).flatten() {
                if let rtm_wire::Frame::Ack(ack) = frame {
                    assert!(ack.ranges.iter().count() > 0);
                }
            }
        }
        Type::Request => {
            if let Ok((_, Request::SubscribeTopic(subscribe))) = Request::decode(bytes) {
                assert_eq!(subscribe.users.iter().count(), subscribe.users.len());
            }
        }
        Type::Server => {
            if let Ok(ServerOperation::Reply(reply)) = ServerOperation::decode(bytes) {
                if let ReplyResult::Joined { publishers, .. } = reply.result {
                    assert_eq!(publishers.iter().count(), publishers.len());
                }
            }
        }
    }
}

/// Writes what can be read.
fn write(kind: Type, bytes: &[u8], out: &mut Vec<u8>) {
    match kind {
        Type::Varint => {
            if let Ok((_, value)) = varint::parse(bytes) {
                varint::put(out, value);
            }
        }
        Type::Packet => write_packet(bytes, out),
        Type::Hello => drop(Hello::decode(bytes).map(|hello| hello.encode(out))),
        Type::Welcome => drop(Welcome::decode(bytes).map(|welcome| welcome.encode(out))),
        Type::Resumption => drop(Resumption::decode(bytes).map(|it| it.encode(out))),
        Type::Frame | Type::Frames => {
            Frames::new(bytes).flatten().for_each(|frame| frame.encode(out));
        }
        Type::Request => drop(Request::decode(bytes).map(|request| request.encode(out))),
        Type::Server => drop(ServerOperation::decode(bytes).map(|it| it.encode(out))),
    }
}

fn write_packet(bytes: &[u8], out: &mut Vec<u8>) {
    match Packet::decode(bytes) {
        Ok(Packet::Initial(packet)) => packet.encode(out),
        Ok(Packet::Reply(packet)) => packet.encode(out),
        Ok(Packet::Retry(packet)) => packet.encode(out),
        Ok(Packet::KeyHint(packet)) => packet.encode(out),
        Ok(Packet::Reset(packet)) => packet.encode(out),
        Ok(Packet::Versions(packet)) => packet.encode(out),
        Ok(Packet::Resume(packet)) => packet.encode(out),
        Ok(Packet::NoTicket(packet)) => packet.encode(out),
        Ok(Packet::Data { header, sealed }) => {
            header.encode(out);
            out.extend_from_slice(sealed);
        }
        _ => (),
    }
}
