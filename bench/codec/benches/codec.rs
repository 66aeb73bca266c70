//! Decode and encode of what travels most, beside protobuf and postcard in the same run.
//!
//! `rtm` decodes to a value that borrows, as `postcard` does; `rtm+bytes` also makes the payload a
//! `Bytes` that shares the buffer, as `prost` does.

#![expect(missing_docs, reason = "the macros of criterion write undocumented functions")]

use std::hint::black_box;
use std::time::Duration;

use bench_codec::{compact, proto, sample};
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rtm_wire::{Encode, Event, Frame, Frames, Packet, Request, ServerOperation, shared};

criterion_group! {
    name = codec;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(30)
        .nresamples(2_000)
        .without_plots();
    targets = message_frame, ack_frame, publish, message_event, topic_message_event
}
criterion_main!(codec);

/// One kind of message with one size, for all codecs.
struct Case<'a> {
    criterion: &'a mut Criterion,
    name: &'static str,
    size: usize,
}

impl Case<'_> {
    /// Encodes into a buffer that is used again, and gives back what was written.
    fn encode(&mut self, codec: &str, encode: impl Fn(&mut Vec<u8>)) -> Bytes {
        let mut out = Vec::with_capacity(4_096);
        encode(&mut out);
        let bytes = Bytes::from(out.clone());
        let mut group = self.criterion.benchmark_group(format!("{} encode", self.name));
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new(codec, self.size), |bencher| {
            bencher.iter(|| {
                out.clear();
                encode(black_box(&mut out));
                black_box(out.as_ptr());
            });
        });
        group.finish();
        bytes
    }

    fn decode(&mut self, codec: &str, bytes: &Bytes, mut decode: impl FnMut(&Bytes)) {
        let mut group = self.criterion.benchmark_group(format!("{} decode", self.name));
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new(codec, self.size), |bencher| {
            bencher.iter(|| decode(black_box(bytes)));
        });
        group.finish();
    }

    /// Protobuf both ways; decodes into a message that is used again.
    fn prost<M: prost::Message + Default>(&mut self, value: &M, read: impl Fn(&M)) {
        let bytes = self.encode("prost", |out| {
            black_box(value).encode(out).expect("a vector grows");
        });
        let mut message = M::default();
        self.decode("prost", &bytes, |bytes| {
            message.clear();
            message.merge(bytes.clone()).expect("its own bytes");
            read(&message);
            black_box(&message);
        });
    }

    /// Postcard's encoding; its decoding borrows, so each case says of what.
    fn postcard_encode(&mut self, value: &impl serde::Serialize) -> Bytes {
        let mut room = vec![0; 4_096];
        let length = postcard::to_slice(value, &mut room).expect("room enough").len();
        let bytes = Bytes::copy_from_slice(&room[..length]);
        let mut group = self.criterion.benchmark_group(format!("{} encode", self.name));
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(BenchmarkId::new("postcard", self.size), |bencher| {
            bencher.iter(|| {
                let written = postcard::to_slice(black_box(value), black_box(&mut room));
                black_box(written.expect("room enough").len());
            });
        });
        group.finish();
        bytes
    }
}

fn message_frame(criterion: &mut Criterion) {
    let header = sample::header();
    for size in sample::PAYLOADS {
        let payload = vec![0xa5; size];
        let message = sample::message(&payload);
        let mut case = Case { criterion, name: "message frame", size };
        let bytes = case.encode("rtm", |out| {
            black_box(&header).encode(out);
            black_box(&message).encode(out);
        });
        case.decode("rtm", &bytes, |bytes| {
            with_message(bytes, |message| {
                black_box(message);
            });
        });
        case.decode("rtm+bytes", &bytes, |bytes| {
            with_message(bytes, |message| {
                black_box((message, &shared(bytes, message.payload)));
            });
        });
        case.prost(&proto::Packet::new(&header, message.into()), |_| ());
        let bytes = case.postcard_encode(&compact::Packet::new(&header, message.into()));
        case.decode("postcard", &bytes, |bytes| {
            black_box(&postcard::from_bytes::<compact::Packet<'_>>(bytes));
        });
    }
}

fn with_message(bytes: &Bytes, read: impl FnOnce(&rtm_wire::Message<'_>)) {
    let packet = Packet::decode(bytes);
    let Ok(Packet::Data { header, sealed }) = &packet else { panic!("data packet") };
    black_box(header);
    let mut frames = Frames::new(sealed);
    let frame = frames.next();
    let Some(Ok(Frame::Message(message))) = &frame else { panic!("message frame") };
    read(message);
    assert!(frames.next().is_none());
}

fn ack_frame(criterion: &mut Criterion) {
    let header = sample::header();
    for size in sample::RANGES {
        let mut buffer = Vec::new();
        let ack = sample::ack(size, &mut buffer);
        let mut case = Case { criterion, name: "ack frame", size };
        let bytes = case.encode("rtm", |out| {
            black_box(&header).encode(out);
            black_box(&ack).encode(out);
        });
        case.decode("rtm", &bytes, |bytes| {
            let packet = Packet::decode(bytes);
            let Ok(Packet::Data { header, sealed }) = &packet else { panic!("data packet") };
            black_box(header);
            let frame = Frames::new(sealed).next();
            let Some(Ok(Frame::Ack(ack))) = &frame else { panic!("ack frame") };
            black_box(ack.ranges.iter().map(|range| range.end().0 - range.start().0).sum::<u64>());
            black_box(ack);
        });
        case.prost(&proto::Packet::new(&header, ack.into()), |packet| {
            let Some(proto::Frame::Ack(ack)) = &packet.frame else { panic!("ack frame") };
            black_box(ack.ranges.chunks_exact(2).map(|pair| pair[1]).sum::<u64>());
        });
        let bytes = case.postcard_encode(&compact::Packet::new(&header, ack.into()));
        case.decode("postcard", &bytes, |bytes| {
            let packet = postcard::from_bytes::<compact::Packet<'_>>(bytes);
            black_box(packet.as_ref().map(compact::Packet::acked).expect("its own bytes"));
            black_box(&packet);
        });
    }
}

fn publish(criterion: &mut Criterion) {
    for size in sample::PAYLOADS {
        let payload = vec![0xa5; size];
        let publish = sample::publish(&payload);
        let request = Request::from(publish);
        let mut case = Case { criterion, name: "publish", size };
        let bytes = case.encode("rtm", |out| black_box(&request).encode(sample::OPERATION, out));
        case.decode("rtm", &bytes, |bytes| {
            black_box(&Request::decode(bytes));
        });
        case.decode("rtm+bytes", &bytes, |bytes| {
            let decoded = Request::decode(bytes);
            let Ok((_, Request::Publish(publish))) = &decoded else { panic!("publish") };
            black_box((&decoded, &shared(bytes, publish.payload)));
        });
        case.prost(&proto::Publish::from(publish), |_| ());
        operation_postcard(&mut case, &publish.into());
    }
}

fn message_event(criterion: &mut Criterion) {
    for size in sample::PAYLOADS {
        let payload = vec![0xa5; size];
        let event = sample::message_event(&payload);
        let mut case = Case { criterion, name: "message event", size };
        let operation = ServerOperation::Event(event.into());
        let bytes = case.encode("rtm", |out| black_box(&operation).encode(out));
        case.decode("rtm", &bytes, |bytes| {
            black_box(&ServerOperation::decode(bytes));
        });
        case.decode("rtm+bytes", &bytes, |bytes| {
            let decoded = ServerOperation::decode(bytes);
            let Ok(ServerOperation::Event(Event::Message(event))) = &decoded else {
                panic!("message event")
            };
            black_box((event, &shared(bytes, event.payload)));
        });
        case.prost(&proto::MessageEvent::from(event), |_| ());
        operation_postcard(&mut case, &event.into());
    }
}

fn topic_message_event(criterion: &mut Criterion) {
    for size in sample::PAYLOADS {
        let payload = vec![0xa5; size];
        let event = sample::topic_message_event(&payload);
        let mut case = Case { criterion, name: "topic message event", size };
        let operation = ServerOperation::Event(event.into());
        let bytes = case.encode("rtm", |out| black_box(&operation).encode(out));
        case.decode("rtm", &bytes, |bytes| {
            black_box(&ServerOperation::decode(bytes));
        });
        case.decode("rtm+bytes", &bytes, |bytes| {
            let decoded = ServerOperation::decode(bytes);
            let Ok(ServerOperation::Event(Event::TopicMessage(event))) = &decoded else {
                panic!("topic message event")
            };
            black_box((event, &shared(bytes, event.payload)));
        });
        case.prost(&proto::TopicMessageEvent::from(event), |_| ());
        operation_postcard(&mut case, &event.into());
    }
}

fn operation_postcard(case: &mut Case<'_>, operation: &compact::Operation<'_>) {
    let bytes = case.postcard_encode(operation);
    case.decode("postcard", &bytes, |bytes| {
        black_box(&postcard::from_bytes::<compact::Operation<'_>>(bytes));
    });
}
