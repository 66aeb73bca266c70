//! The vectors, a file of them per area.

mod frames;
mod handshake;
mod history;
mod invalid;
mod locks;
mod packets;
mod requests;
mod server;
mod storage;

use rtm_wire::Encode;

use super::vector::{Type, Vector, put};

/// The files' names and texts.
pub(super) fn files() -> Vec<(&'static str, String)> {
    all().into_iter().map(|(name, vectors)| (name, text(&vectors))).collect()
}

/// The vectors by file.
pub(super) fn all() -> Vec<(&'static str, Vec<Vector>)> {
    vec![
        ("packets.jsonl", packets::vectors()),
        ("handshake.jsonl", handshake::vectors()),
        ("frames.jsonl", frames::vectors()),
        ("requests.jsonl", requests::vectors()),
        ("server.jsonl", server::vectors()),
        ("invalid.jsonl", invalid::vectors()),
    ]
}

fn text(vectors: &[Vector]) -> String {
    vectors.iter().map(|vector| vector.line() + "\n").collect()
}

/// A value, written.
fn valid(kind: Type, section: &'static str, name: &'static str, value: &impl Encode) -> Vector {
    Vector { name, section, kind, bytes: put(value) }
}
