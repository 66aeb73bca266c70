//! The frozen vectors in `docs/vectors`: this code reads and writes the bytes that they state.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rtm_wire::{Event, Frame, OperationId, ReplyResult, Request, ServerOperation};
use serde_json::Value;

use crate::table;
use crate::vector::{Type, error_name, from_hex, to_hex};

/// From bytes to fields, and back to the same bytes.
#[test]
fn frozen_bytes_are_read_and_written_as_stated() {
    for (file, line) in frozen() {
        let name = text(&line, "name");
        let kind = Type::from_name(text(&line, "type")).expect("a type that has a decoder");
        let bytes = from_hex(text(&line, "hex"));
        match kind.read(&bytes) {
            Ok((fields, written)) => {
                assert_eq!(fields, line["fields"], "{file}: {name}");
                let expected = line.get("written").unwrap_or(&line["hex"]);
                assert_eq!(*expected, to_hex(&written), "{file}: {name}");
            }
            Err(error) => assert_eq!(line["error"], error_name(error), "{file}: {name}"),
        }
    }
}

/// From values to bytes: each value that the table makes is in the files, in order, with the same
/// bytes, and nothing else is.
#[test]
fn values_are_written_as_the_frozen_bytes() {
    let made: Vec<(&str, Value)> = table::files()
        .iter()
        .flat_map(|(file, text)| lines(text).into_iter().map(|line| (*file, line)))
        .collect();
    let frozen = frozen();
    for (made, frozen) in made.iter().zip(&frozen) {
        assert_eq!(made, frozen, "see examples/vectors if this change is wanted");
    }
    assert_eq!(made.len(), frozen.len(), "see examples/vectors if this change is wanted");
}

#[test]
fn names_are_unique() {
    let frozen = frozen();
    let names: BTreeSet<_> =
        frozen.iter().map(|(_, line)| (text(line, "type"), text(line, "name"))).collect();
    assert_eq!(names.len(), frozen.len());
}

/// Whatever kind this version gives a meaning has a vector.
#[test]
fn every_known_kind_has_a_vector() {
    let vectors: Vec<(Type, Vec<u8>)> = table::all()
        .into_iter()
        .filter(|(file, _)| *file != "invalid.jsonl")
        .flat_map(|(_, vectors)| vectors)
        .map(|vector| (vector.kind, vector.bytes))
        .collect();
    let has = |kind: Type, start: &[u8]| {
        vectors.iter().any(|(other, bytes)| *other == kind && bytes.starts_with(start))
    };
    for number in 0..=0xff {
        if !matches!(Frame::decode(&[number, 0]), Ok((_, Frame::Unknown { .. }))) {
            assert!(has(Type::Frame, &[number]), "frame {number:#x}");
        }
        match Request::decode(&[number, 1]) {
            Ok((_, Request::Unknown { .. })) => (),
            Err(error) if error.operation == OperationId(0) => (),
            _ => assert!(has(Type::Request, &[number]), "request {number:#x}"),
        }
        match ServerOperation::decode(&[number]) {
            Ok(ServerOperation::Event(Event::Unknown { .. })) => (),
            _ if number < 0x80 => (),
            _ => assert!(has(Type::Server, &[number]), "server operation {number:#x}"),
        }
        match ServerOperation::decode(&[0x80, 9, 0, 0, number]) {
            Ok(ServerOperation::Reply(reply))
                if matches!(reply.result, ReplyResult::Unknown { .. }) => {}
            _ => assert!(has(Type::Server, &[0x80, 9, 0, 0, number]), "result {number:#x}"),
        }
    }
    for number in [1, 2, 3, 4, 5, 6, 8, 9] {
        assert!(has(Type::Packet, &[number]), "packet {number:#x}");
    }
    assert!(has(Type::Packet, &[0x80]));
}

/// Files and lines as they lie in the repository.
fn frozen() -> Vec<(&'static str, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/vectors");
    let mut all = Vec::new();
    for (file, _) in table::all() {
        let text = fs::read_to_string(folder.join(file)).expect("the file is in the repository");
        all.extend(lines(&text).into_iter().map(|line| (file, line)));
    }
    all
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

fn text<'a>(line: &'a Value, key: &str) -> &'a str {
    line[key].as_str().expect("every line has it")
}
