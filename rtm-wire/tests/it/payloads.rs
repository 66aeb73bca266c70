//! Payloads are where they were received: nothing is copied.

use bytes::Bytes;
use rtm_wire::{
    Encode, Event, Frame, Frames, Hello, Packet, Request, Resumption, ServerOperation, shared,
};

use crate::table;
use crate::vector::Type;

/// Every payload in the vectors, as a part of the buffer that it was read from.
#[test]
fn payloads_lie_in_the_receive_buffer() {
    let mut checked = 0;
    for vector in table::all().into_iter().flat_map(|(_, vectors)| vectors) {
        let buffer = Bytes::from(vector.bytes);
        for part in parts(vector.kind, &buffer).into_iter().filter(|part| !part.is_empty()) {
            let payload = shared(&buffer, part);
            assert_eq!(payload, part, "{}", vector.name);
            assert!(buffer.as_ptr_range().contains(&payload.as_ptr()), "{}", vector.name);
            assert!(buffer.as_ptr_range().contains(&part.as_ptr()), "{}", vector.name);
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked}");
}

/// A shared payload keeps the buffer alive, and the buffer is freed with it.
#[test]
fn a_shared_payload_outlives_the_packet() {
    let message = rtm_wire::Message {
        lane: rtm_wire::LaneId(3),
        mode: rtm_wire::LaneMode::RELIABLE_ORDERED,
        seq: rtm_wire::MessageSeq(7),
        fragment: None,
        deadline_ms: None,
        payload: b"hello",
    };
    let mut packet = Vec::new();
    message.encode(&mut packet);
    let packet = Bytes::from(packet);
    let payload = match Frames::new(&packet).next() {
        Some(Ok(Frame::Message(message))) => shared(&packet, message.payload),
        other => panic!("{other:?}"),
    };
    drop(packet);
    assert_eq!(payload, "hello");
    assert!(payload.is_unique());
}

#[test]
#[should_panic(expected = "subset")]
fn a_part_of_another_buffer_is_refused() {
    let _ = shared(&Bytes::from_static(b"one"), Bytes::from_static(b"two").as_ref());
}

fn parts(kind: Type, buffer: &Bytes) -> Vec<&[u8]> {
    match kind {
        Type::Packet => match Packet::decode(buffer) {
            Ok(Packet::Initial(initial)) => vec![initial.cookie, initial.noise],
            Ok(Packet::Reply(reply)) => vec![reply.noise],
            Ok(Packet::Resume(resume)) => vec![resume.cookie, resume.ticket, resume.noise],
            Ok(Packet::Data { sealed, .. }) => vec![sealed],
            _ => Vec::new(),
        },
        Type::Resumption => Resumption::decode(buffer)
            .map_or(Vec::new(), |resumption| resumption.early.iter().collect()),
        Type::Hello => Hello::decode(buffer).map_or(Vec::new(), |hello| vec![hello.login]),
        Type::Frame | Type::Frames => Frames::new(buffer).flatten().filter_map(payload).collect(),
        Type::Request => match Request::decode(buffer) {
            Ok((_, Request::Publish(publish))) => {
                vec![publish.payload, publish.channel.name.as_bytes()]
            }
            Ok((_, Request::PublishTopic(publish))) => vec![publish.payload],
            Ok((_, Request::SubscribeTopic(it))) => it.users.iter().map(str::as_bytes).collect(),
            Ok((_, Request::Unknown { body, .. })) => vec![body],
            _ => Vec::new(),
        },
        Type::Server => match ServerOperation::decode(buffer) {
            Ok(ServerOperation::Event(Event::Message(event))) => vec![event.payload],
            Ok(ServerOperation::Event(Event::TopicMessage(event))) => vec![event.payload],
            Ok(ServerOperation::Event(Event::Unknown { body, .. })) => vec![body],
            _ => Vec::new(),
        },
        Type::Varint | Type::Welcome => Vec::new(),
    }
}

fn payload(frame: Frame<'_>) -> Option<&[u8]> {
    match frame {
        Frame::Message(message) => Some(message.payload),
        Frame::Ticket(ticket) => Some(ticket.ticket),
        Frame::Unknown { body, .. } => Some(body),
        _ => None,
    }
}
