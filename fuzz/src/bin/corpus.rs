//! Writes the vectors of `docs/vectors` as a corpus for each target: `cargo run --bin corpus`.
//!
//! Valid and invalid ones both: what is refused today is where a mistake would begin.

use std::path::Path;
use std::{fs, io};

use serde_json::Value;

fn main() -> io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut written = 0;
    for entry in fs::read_dir(here.join("../docs/vectors"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        for line in fs::read_to_string(&path)?.lines() {
            let line: Value = serde_json::from_str(line)?;
            let bytes = bytes(line["hex"].as_str().unwrap_or_default());
            for (target, seed) in seeds(line["type"].as_str().unwrap_or_default(), &bytes) {
                let folder = here.join("corpus").join(target);
                fs::create_dir_all(&folder)?;
                let name = line["name"].as_str().unwrap_or_default().replace([' ', ','], "-");
                fs::write(folder.join(name), seed)?;
                written += 1;
            }
        }
    }
    println!("{written} seeds");
    Ok(())
}

/// The targets that read bytes of this type, and what they are given.
fn seeds<'a>(kind: &str, bytes: &'a [u8]) -> Vec<(&'static str, &'a [u8])> {
    match kind {
        "varint" => vec![("varint", bytes)],
        "packet" => vec![("packet", bytes)],
        "hello" | "resumption" => vec![("hello", bytes)],
        "welcome" => vec![("welcome", bytes)],
        // What follows kind, length, path and delay of an acknowledgement, if they are short.
        "frame" => match bytes {
            [2, 0..=0x3f, _, 0..=0x3f, ranges @ ..] => {
                vec![("frames", bytes), ("ack_ranges", ranges)]
            }
            _ => vec![("frames", bytes)],
        },
        "frames" => vec![("frames", bytes)],
        "request" => vec![("request", bytes)],
        "server operation" => vec![("server_operation", bytes)],
        other => panic!("no target reads a {other}"),
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("vectors are hex");
    (0..hex.len()).step_by(2).map(digit).collect()
}
