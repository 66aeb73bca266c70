//! Fields of packets and of what the handshake carries.

use rtm_wire::{Hello, Packet, Resume, Resumption, TransportParams, Welcome};
use serde_json::{Value, json};

use super::{hex, int, put};

/// The fields, and the bytes when written again.
pub(super) fn packet(packet: &Packet<'_>) -> (Value, Vec<u8>) {
    match packet {
        Packet::Initial(initial) => {
            let fields = json!({
                "kind": "initial",
                "version": initial.version,
                "client_cid": hex(&initial.client_cid.0),
                "cookie": hex(initial.cookie),
                "noise": hex(initial.noise),
            });
            (fields, put(initial))
        }
        Packet::Reply(reply) => {
            let fields = json!({
                "kind": "reply",
                "client_cid": hex(&reply.client_cid.0),
                "noise": hex(reply.noise),
            });
            (fields, put(reply))
        }
        Packet::Retry(retry) => {
            let fields = json!({
                "kind": "retry",
                "client_cid": hex(&retry.client_cid.0),
                "cookie": hex(retry.cookie),
            });
            (fields, put(retry))
        }
        Packet::KeyHint(hint) => {
            let fields = json!({
                "kind": "key hint",
                "client_cid": hex(&hint.client_cid.0),
                "key_id": hex(&hint.key_id.0),
            });
            (fields, put(hint))
        }
        Packet::Reset(reset) => {
            (json!({ "kind": "reset", "token": hex(&reset.token.0) }), put(reset))
        }
        Packet::Versions(versions) => {
            let fields = json!({
                "kind": "versions",
                "client_cid": hex(&versions.client_cid.0),
                "versions": versions.versions,
            });
            (fields, put(versions))
        }
        Packet::Resume(resume) => (resume_fields(resume), put(resume)),
        Packet::NoTicket(packet) => {
            let fields = json!({ "kind": "no ticket", "client_cid": hex(&packet.client_cid.0) });
            (fields, put(packet))
        }
        Packet::Data { header, sealed } => {
            // The low bytes of the number are the header's last.
            let bytes = put(header);
            let before = 9 + usize::from(header.path.0 != 0);
            let fields = json!({
                "kind": "data",
                "key_phase": header.key_phase,
                "destination": hex(&header.destination.0),
                "path": header.path.0,
                "number_low_bytes": hex(&bytes[before..]),
                "sealed": hex(sealed),
            });
            (fields, [bytes.as_slice(), sealed].concat())
        }
        other => panic!("{other:?} has no fields in the vectors"),
    }
}

fn resume_fields(resume: &Resume<'_>) -> Value {
    json!({
        "kind": "resume",
        "version": resume.version,
        "client_cid": hex(&resume.client_cid.0),
        "cookie": hex(resume.cookie),
        "ticket": hex(resume.ticket),
        "noise": hex(resume.noise),
    })
}

pub(super) fn hello(hello: &Hello<'_>) -> Value {
    json!({
        "versions": hello.versions,
        "ciphers": hello.ciphers,
        "features": int(hello.features),
        "params": params(&hello.params),
        "login": hex(hello.login),
        "padding": hello.padding,
    })
}

pub(super) fn welcome(welcome: &Welcome<'_>) -> Value {
    let accepted = match welcome.outcome {
        Ok(accepted) => json!({
            "version": accepted.version,
            "cipher": accepted.cipher.number(),
            "features": int(accepted.features),
            "server_cid": hex(&accepted.server_cid.0),
            "reset_token": hex(&accepted.reset_token.0),
            "params": params(&accepted.params),
        }),
        Err(_) => Value::Null,
    };
    json!({
        "code": welcome.outcome.err().unwrap_or(0),
        "accepted": accepted,
        "answer": hex(welcome.answer),
    })
}

pub(super) fn resumption(resumption: &Resumption<'_>) -> Value {
    let early: Vec<Value> = resumption.early.iter().map(hex).collect();
    json!({ "age_ms": int(resumption.age_ms), "early": early })
}

fn params(params: &TransportParams) -> Value {
    json!({
        "lanes": int(params.lanes),
        "lane_credit": int(params.lane_credit),
        "message_len": int(params.message_len),
        "idle_timeout_ms": int(params.idle_timeout_ms),
        "ack_delay_us": int(params.ack_delay_us),
    })
}
