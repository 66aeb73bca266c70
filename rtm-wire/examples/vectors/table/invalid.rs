//! Bytes that have to be refused, each with one thing wrong.

use super::super::vector::{Type, Vector};

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = Vec::new();
    for (kind, cases) in [
        (Type::Varint, VARINTS),
        (Type::Packet, PACKETS),
        (Type::Hello, HELLOS),
        (Type::Welcome, WELCOMES),
        (Type::Frame, FRAMES),
        (Type::Frames, PLAINTEXTS),
        (Type::Request, REQUESTS),
        (Type::Server, SERVER),
    ] {
        vectors.extend(cases.iter().map(|&(section, name, bytes)| Vector {
            name,
            section,
            kind,
            bytes: bytes.to_vec(),
        }));
    }
    vectors.extend(too_long());
    vectors.extend(resumptions());
    vectors
}

type Case = (&'static str, &'static str, &'static [u8]);

const VARINTS: &[Case] = &[
    ("1.2", "varint of nothing", b""),
    ("1.2", "varint that is cut", b"\x80\x00\x40"),
    ("1.2", "37 in 2 bytes", b"\x40\x25"),
    ("1.2", "64 in 4 bytes", b"\x80\x00\x00\x40"),
    ("1.2", "16384 in 8 bytes", b"\xc0\x00\x00\x00\x00\x00\x40\x00"),
];

const PACKETS: &[Case] = &[
    ("3", "packet of nothing", b""),
    ("3", "unknown kind of packet", b"\x07\x01\x02\x03"),
    ("3.1", "initial that is cut", b"\x01\x01\x01\x02\x03\x04"),
    ("3.1", "cookie of 65 bytes", b"\x01\x01\x01\x02\x03\x04\x05\x06\x07\x08\x40\x41noise"),
    ("3.4", "key hint with a byte too many", b"\x04\x01\x02\x03\x04\x05\x06\x07\x08 key id !"),
    ("3.5", "reset with half a token", b"\x0501234567"),
    ("3.6", "versions without one", b"\x06\x01\x02\x03\x04\x05\x06\x07\x08"),
    ("3.7", "data header that is cut", b"\x80\x01\x02\x03\x04\x05\x06\x07\x08"),
    ("3.7", "reserved bit of the data header", b"\x84\x01\x02\x03\x04\x05\x06\x07\x08\x00sealed"),
    ("3.7", "path 0 written out", b"\xa0\x01\x02\x03\x04\x05\x06\x07\x08\x00\x07sealed"),
];

const HELLOS: &[Case] = &[
    ("5.1", "hello of nothing", b""),
    ("5.1", "padding that isn't zero", b"\x01\x01\x01\x01\x00\x00\x00\x00\x01"),
    ("5.1", "17 versions", b"\x110123456789abcdefg\x01\x01\x00\x00\x00"),
    ("5.3", "65 parameters", b"\x01\x01\x01\x01\x00\x40\x41"),
];

const WELCOMES: &[Case] = &[
    ("5.2", "accepted without a session", b"\x00"),
    ("5.2", "refusal with a byte too many", b"\x05\x01a!"),
    ("5.2", "code above 32 bits", b"\xc0\x00\x00\x01\x00\x00\x00\x00\x00"),
];

const FRAMES: &[Case] = &[
    ("4", "frame of nothing", b""),
    ("4", "frame that is cut", b"\x04\x08\x03\x01\x07hell"),
    ("4", "frame with a longer length than needed", b"\x01\x40\x00"),
    ("4", "frame of 65,536 bytes", b"\x04\x80\x01\x00\x00"),
    ("4.1", "padding that isn't zero", b"\x00\x02\x00\x01"),
    ("4.2", "ping with a body", b"\x01\x01\x00"),
    ("4.3", "ack without a range", b"\x02\x02\x00\x00"),
    ("4.3", "ack of half a range", b"\x02\x03\x00\x00\x05"),
    ("4.3", "ack below packet 0", b"\x02\x04\x00\x00\x05\x06"),
    ("4.3", "ack with a gap below packet 0", b"\x02\x06\x00\x00\x05\x00\x04\x00"),
    ("4.3", "ack delay above its limit", b"\x02\x07\x00\x80\x20\x00\x00\x05\x00"),
    ("4.4", "reason that isn't UTF-8", b"\x03\x02\x00\xff"),
    ("4.5", "message that ends before its seq", b"\x04\x02\x03\x01"),
    ("4.5", "reserved flag of a message", b"\x04\x04\x03\x21\x07h"),
    ("4.5", "fragment of nothing", b"\x04\x05\x03\x03\x07\x00\x05"),
    ("4.5", "fragment that is the whole message", b"\x04\x07\x03\x03\x07\x00\x02hi"),
    ("4.5", "fragment beyond the end", b"\x04\x07\x03\x03\x07\x04\x05hi"),
    ("4.5", "fragment that begins at the end", b"\x04\x06\x03\x03\x07\x05\x05h"),
    ("4.5", "deadline above its limit", b"\x04\x08\x03\x0d\x07\x80\x10\x00\x00h"),
    ("4.6", "skip of no message", b"\x05\x04\x03\x09\x00\x00"),
    ("4.6", "skip beyond the last seq", b"\x05\x0b\x03\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"),
    ("4.9", "connection id that is short", b"\x08\x05\x02\x01\x02\x03\x04"),
    ("4.11", "challenge of 9 bytes", b"\x0a\x09123456789"),
];

const PLAINTEXTS: &[Case] =
    &[("4", "good frame before a bad one", b"\x01\x00\x01\x01\x00\x01\x00")];

const REQUESTS: &[Case] = &[
    ("6.1", "request of nothing", b""),
    ("6.1", "request without operation id", b"\x12"),
    ("6.1", "reply as a request", b"\x80\x09\x00\x00\x00"),
    ("6.5", "logout with a body", b"\x02\x02\x00"),
    ("6.6", "resume flag that is neither 0 nor 1", b"\x10\x04\x01\x05lobby\x03\x02"),
    ("6.7", "channel name that is cut", b"\x11\x06\x01\x06lobby"),
    ("6.7", "channel name that isn't UTF-8", b"\x11\x06\x01\x02\xc3\x28"),
    ("6.9", "channel name of 256 bytes", b"\x21\x06\x41\x00"),
    ("6.10", "unknown publish flag", b"\x12\x0a\x01\x05lobby\x02\x01\x00hi"),
    ("6.14", "fewer users than counted", b"\x25\x0f\x04room\x01t\x02\x05alice"),
    ("6.14", "more users than counted", b"\x25\x0f\x04room\x01t\x01\x05alice\x03bob"),
    ("6.14", "4,097 users", b"\x25\x0f\x04room\x01t\x50\x01"),
    ("6.25", "state value of 16,385 bytes", b"\x30\x12\x01\x05lobby\x01\x04mood\x80\x00\x40\x01"),
    ("6.25", "more states than counted", b"\x30\x12\x01\x05lobby\x00\x04mood\x04well"),
    ("6.25", "4,097 state keys", b"\x31\x13\x01\x05lobby\x50\x01"),
    ("6.25", "unknown online flag", b"\x33\x16\x01\x05lobby\x04\x00\x00"),
    ("6.25", "user that isn't UTF-8", b"\x34\x19\x02\xc3\x28"),
    ("6.26", "unknown metadata option", b"\x40\x10\x01\x05lobby\x04\x00\x00\x00\x00"),
    (
        "6.26",
        "metadata item without a revision",
        b"\x40\x10\x01\x05lobby\x00\x00\x00\x00\x01\x01a\x00",
    ),
    ("6.26", "4,097 removals", b"\x42\x10\x01\x05lobby\x00\x00\x00\x50\x01"),
    ("6.27", "retry that is neither 0 nor 1", b"\x52\x10\x01\x05lobby\x01l\x02"),
];

const SERVER: &[Case] = &[
    ("6.2", "operation of nothing", b""),
    ("6.2", "reply that ends before its result", b"\x80\x09\x00\x00"),
    ("6.2", "result with a byte too many", b"\x80\x09\x00\x00\x00\x00"),
    ("6.2", "error number above 32 bits", b"\x80\x09\xc0\x00\x00\x01\x00\x00\x00\x00\x00\x00"),
    ("6.3", "request as an event", b"\x02\x02"),
    ("6.2", "page of users without the next one", b"\x80\x09\x00\x00\x09\x00\x00"),
    ("6.2", "4,097 channels", b"\x80\x09\x00\x00\x0a\x00\x50\x01"),
    ("6.26", "more that is neither 0 nor 1", b"\x94\x01\x05lobby\x01\x01\x00\x00\x02\x00\x00"),
    ("6.27", "lock event without locks", b"\x95\x01\x05lobby\x01\x01\x01\x00\x00"),
    ("6.17", "message event that is cut", b"\x90\x01\x05lobby\x05ali"),
];

/// Those of resumption.
fn resumptions() -> Vec<Vector> {
    let head = [1, 1, 2, 3, 4, 5, 6, 7, 8];
    let long_ticket = [b"\x08", &head[..], b"\x00\x41\x91", &[7; 401]].concat();
    let no_ticket = b"\x09\x01\x02\x03\x04\x05\x06\x07\x08\x09".to_vec();
    let long_frame = [b"\x10\x41\x94\x00\x00\x00".as_slice(), &[7; 401]].concat();
    let many = [b"\x05".as_slice(), &[0; 65]].concat();
    let vector = |section, name, kind, bytes| Vector { name, section, kind, bytes };
    vec![
        vector("3.10", "resume with a ticket of 401 bytes", Type::Packet, long_ticket),
        vector("3.11", "no ticket with a byte too many", Type::Packet, no_ticket),
        vector("4.13", "ticket of 401 bytes", Type::Frame, long_frame),
        vector("5.5", "resumption of nothing", Type::Resumption, Vec::new()),
        vector("5.5", "early message that is cut", Type::Resumption, b"\x05\x03on".to_vec()),
        vector("5.5", "65 early messages", Type::Resumption, many),
    ]
}

/// Those that are wrong by being long.
fn too_long() -> Vec<Vector> {
    let ack = [b"\x02\x40\x85\x00\x00\x43\xe8\x00".as_slice(), &[0; 128]].concat();
    let reason = [b"\x03\x41\x01\x00".as_slice(), &[b'a'; 256]].concat();
    let cookie = [b"\x03\x01\x02\x03\x04\x05\x06\x07\x08".as_slice(), &[0xc0; 65]].concat();
    let vector = |section, name, kind, bytes| Vector { name, section, kind, bytes };
    vec![
        vector("4.3", "ack of 65 ranges", Type::Frame, ack),
        vector("4.4", "reason of 256 bytes", Type::Frame, reason),
        vector("3.3", "retry with a cookie of 65 bytes", Type::Packet, cookie),
    ]
}
