//! What the handshake carries (protocol §5).

use rtm_wire::{
    Accepted, Cipher, EarlyMessages, Hello, Resumption, TransportParams, Welcome, varint,
};

use super::super::vector::{Type, Vector};
use super::packets::{CID, TOKEN};
use super::valid;

pub(super) fn vectors() -> Vec<Vector> {
    let params = TransportParams::default();
    let own = TransportParams {
        lanes: 0,
        lane_credit: varint::MAX,
        message_len: 1 << 20,
        idle_timeout_ms: 120_000,
        ack_delay_us: 1_000,
    };
    let hello = Hello {
        versions: &[1],
        ciphers: &[1, 2],
        features: 0,
        params,
        login: b"login",
        padding: 0,
    };
    let accepted = Accepted {
        version: 1,
        cipher: Cipher::ChaCha20Poly1305,
        features: 0,
        server_cid: CID,
        reset_token: TOKEN,
        params,
    };
    let own_limits =
        Accepted { cipher: Cipher::Unknown(9), features: varint::MAX, params: own, ..accepted };
    let mut vectors = vec![
        valid(Type::Hello, "5.1", "hello", &hello),
        valid(
            Type::Hello,
            "5.1",
            "hello with limits of its own, no login, padding",
            &Hello {
                versions: &[2, 1],
                features: 5,
                params: own,
                login: &[],
                padding: 12,
                ..hello
            },
        ),
        valid(
            Type::Welcome,
            "5.2",
            "welcome, accepted",
            &Welcome { outcome: Ok(accepted), answer: b"answer" },
        ),
        valid(
            Type::Welcome,
            "5.2",
            "welcome, accepted with limits of its own, unknown cipher",
            &Welcome { outcome: Ok(own_limits), answer: &[] },
        ),
        valid(
            Type::Welcome,
            "5.2",
            "welcome, refused",
            &Welcome { outcome: Err(10_005), answer: b"answer" },
        ),
    ];
    vectors.extend(other_counts());
    vectors.extend(resumptions(accepted));
    vectors
}

fn resumptions(accepted: Accepted) -> Vec<Vector> {
    let vector = |name, age_ms, messages: &[&[u8]]| {
        let mut buffer = Vec::new();
        let early = EarlyMessages::encode(messages.iter().copied(), &mut buffer);
        valid(Type::Resumption, "5.5", name, &Resumption { age_ms, early })
    };
    let taken = Accepted { features: Accepted::EARLY_TAKEN, ..accepted };
    vec![
        vector("resumption", 0, &[]),
        vector("resumption with early data", 60_000, &[b"one", b"", b"two"]),
        vector("resumption with most early messages", varint::MAX, &[&b""[..]; 64]),
        valid(
            Type::Welcome,
            "5.5",
            "welcome, early data taken",
            &Welcome { outcome: Ok(taken), answer: b"answer" },
        ),
    ]
}

/// Parameters of an older and of a newer peer, which are written again as this version's five.
fn other_counts() -> [Vector; 2] {
    let vector = |name, bytes: &[u8]| Vector {
        name,
        section: "5.3",
        kind: Type::Hello,
        bytes: bytes.to_vec(),
    };
    [
        vector("hello with one parameter", b"\x01\x01\x01\x01\x00\x01\x08\x00"),
        vector(
            "hello with six parameters",
            b"\x01\x01\x01\x01\x00\x06\x01\x02\x03\x04\x05\x06\x00",
        ),
    ]
}
