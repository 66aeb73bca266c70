//! Says what bytes mean.
//!
//! ```text
//! cargo run -p rtm-wire --example dissect
//! cargo run -p rtm-wire --example dissect -- packet 0530313233343536373839616263646566
//! cargo run -p rtm-wire --example dissect -- frames 0100040803010768656c6c6f
//! ```
//!
//! The first word is `packet`, `frames` (an opened packet), `request` or `server` (messages of
//! either direction).

use std::env;
use std::process::ExitCode;

use rtm_wire::{Frame, Frames, Packet, Request, ServerOperation};

/// What is shown when nothing is given: a datagram, an opened packet, and what its message says.
const SAMPLES: [(&str, &str); 4] = [
    ("packet", "81010203040506070812347365616c6564"),
    ("frames", "0100020b00406440640a030500404b0414030107120a01056c6f62627900010068656c6c6f"),
    ("request", "120a01056c6f62627900010068656c6c6f"),
    ("server", "8009000000"),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let given = match arguments.as_slice() {
        [] => SAMPLES.to_vec(),
        [kind, hex] => vec![(kind.as_str(), hex.as_str())],
        _ => {
            eprintln!("usage: dissect packet|frames|request|server HEX");
            return ExitCode::FAILURE;
        }
    };
    for (kind, hex) in given {
        let Some(bytes) = bytes(hex) else {
            eprintln!("not an even number of hex digits: {hex}");
            return ExitCode::FAILURE;
        };
        println!("{kind}, {} bytes: {hex}", bytes.len());
        if !dissect(kind, &bytes) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Prints what the bytes mean; false when they mean nothing.
fn dissect(kind: &str, bytes: &[u8]) -> bool {
    match kind {
        "packet" => show(Packet::decode(bytes)),
        "frames" => Frames::new(bytes).all(|frame| show(frame) && show_message(frame)),
        "request" => show(Request::decode(bytes)),
        "server" => show(ServerOperation::decode(bytes)),
        other => {
            eprintln!("what is {other}?");
            false
        }
    }
}

fn show<T: std::fmt::Debug, E: std::fmt::Display>(result: Result<T, E>) -> bool {
    match result {
        Ok(value) => {
            println!("  {value:?}");
            true
        }
        Err(error) => {
            println!("  refused: {error}");
            false
        }
    }
}

/// A whole message is an operation; which side sent it shows in its first byte.
fn show_message(frame: Result<Frame<'_>, rtm_wire::DecodeError>) -> bool {
    match frame {
        Ok(Frame::Message(message)) if message.fragment.is_none() => match message.payload {
            [0x80..=0xff, ..] => show(ServerOperation::decode(message.payload)),
            payload => show(Request::decode(payload)),
        },
        _ => true,
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = (0..hex.len()).step_by(2).map(|at| hex.get(at..at + 2));
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}
