//! Our configuration of Noise against vectors that others have made: `docs/vectors/noise.json`.

use rtm_wire::{Cipher, PacketNumber, PathId};
use serde_json::Value;

use super::*;
use crate::crypto::aead::aead;

fn vectors() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors/noise.json");
    let text = std::fs::read_to_string(path).expect("a file of the repository");
    let file: Value = serde_json::from_str(&text).expect("JSON");
    file["vectors"].as_array().expect("a list").clone()
}

fn bytes(value: &Value) -> Vec<u8> {
    let hex = value.as_str().expect("hexadecimal text");
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("a digit");
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn key(value: &Value) -> [u8; 32] {
    bytes(value).try_into().expect("32 bytes")
}

/// Both ends as the handshake makes them, but for their ephemeral keys.
fn ends(vector: &Value) -> (ClientHandshake, ServerHandshake) {
    let (prologue, ours, theirs) = (
        bytes(&vector["prologue"]),
        key(&vector["client_ephemeral"]),
        key(&vector["server_ephemeral"]),
    );
    let seed = || Seed::from_bytes([1; 32]);
    let (client, server) = if vector["psk"].is_null() {
        let fixed = StaticKey::from_bytes(key(&vector["server_static"]));
        assert_eq!(fixed.public().as_bytes(), &key(&vector["server_public"]));
        (
            client_builder(&fixed.public(), &prologue, seed())
                .map(|builder| builder.fixed_ephemeral_key_for_testing_only(&ours))
                .and_then(Builder::build_initiator),
            server_builder(&fixed, &prologue, seed())
                .map(|builder| builder.fixed_ephemeral_key_for_testing_only(&theirs))
                .and_then(Builder::build_responder),
        )
    } else {
        let secret = Secret::new(key(&vector["psk"]));
        let end = || resumption_builder(&secret, &prologue, seed());
        (
            end()
                .map(|builder| builder.fixed_ephemeral_key_for_testing_only(&ours))
                .and_then(Builder::build_initiator),
            end()
                .map(|builder| builder.fixed_ephemeral_key_for_testing_only(&theirs))
                .and_then(Builder::build_responder),
        )
    };
    let (client, server) = (client.expect("a client"), server.expect("a server"));
    (ClientHandshake { state: client }, ServerHandshake { state: server })
}

#[test]
fn handshakes_are_those_of_the_published_vectors() {
    let vectors = vectors();
    for pattern in [PATTERN, RESUMPTION_PATTERN] {
        assert!(vectors.iter().any(|vector| vector["protocol"] == pattern), "{pattern}");
    }
    for vector in vectors {
        let name = &vector["name"];
        let (mut client, mut server) = ends(&vector);
        let message = |number: usize| {
            (bytes(&vector["messages"][number][0]), bytes(&vector["messages"][number][1]))
        };
        let (mut out, mut read_back) = (Vec::new(), Vec::new());

        let (payload, sealed) = message(0);
        write(&mut client.state, &payload, &mut out).expect("written");
        assert_eq!(out, sealed, "first message of {name}");
        read(&mut server.state, &sealed, &mut read_back).expect("read");
        assert_eq!(read_back, payload);

        let (payload, sealed) = message(1);
        if let Some(hash) = vector["hash"].as_str() {
            // Of the handshake when it is over, so of a copy that goes on.
            let (_, mut other) = ends(&vector);
            read(&mut other.state, &message(0).1, &mut Vec::new()).expect("read");
            write(&mut other.state, &payload, &mut Vec::new()).expect("written");
            assert_eq!(other.state.get_handshake_hash(), bytes(&hash.into()), "{name}");
        }
        let theirs = server.answer(&payload, &mut out).expect("answered");
        assert_eq!(out, sealed, "second message of {name}");
        let ours = client.finish(&sealed, &mut read_back).expect("finished");
        assert_eq!(read_back, payload);

        // The first message of each direction under Noise's own transport has nonce 0, as our
        // first packet has, and no header: it tells whether the secrets are the right ones.
        for (number, (one, other)) in [
            (2, (&ours.client_to_server, &theirs.client_to_server)),
            (3, (&ours.server_to_client, &theirs.server_to_client)),
        ] {
            let (mut payload, sealed) = message(number);
            assert_eq!(one, other, "{name}");
            let aead = aead(Cipher::ChaCha20Poly1305, one).expect("known");
            let tag = aead.seal(PathId(0), PacketNumber(0), &[], &mut payload);
            payload.extend_from_slice(&tag);
            assert_eq!(payload, sealed, "message {number} of {name}");
        }
    }
}
