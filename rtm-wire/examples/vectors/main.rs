//! Writes the frozen test vectors of `docs/vectors`, or compares them with this code.
//!
//! ```text
//! cargo run -p rtm-wire --example vectors             # compare; fails if a file would change
//! cargo run -p rtm-wire --example vectors -- --write  # replace the files
//! ```
//!
//! A change of an existing line is a change of the wire: it needs a decision page. Adding lines is
//! harmless.

mod table;
#[expect(dead_code, reason = "the tests read vectors, too")]
mod vector;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

fn main() -> io::Result<ExitCode> {
    let write = match env::args().nth(1).as_deref() {
        None => false,
        Some("--write") => true,
        Some(other) => {
            eprintln!("unknown argument {other}; the only one is --write");
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut code = ExitCode::SUCCESS;
    for (file, text) in table::files() {
        let path = folder().join(file);
        let (same, gone) = compare(&path, &text)?;
        match (same, write) {
            (true, _) => println!("{file}: same"),
            (false, true) => {
                fs::write(&path, text)?;
                println!("{file}: written; {gone} lines that were frozen are gone or changed");
            }
            (false, false) => {
                println!("{file}: differs; {gone} frozen lines would be gone or changed");
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

/// Whether the file has this text, and how many of its lines the text has no more.
fn compare(path: &Path, text: &str) -> io::Result<(bool, usize)> {
    match fs::read_to_string(path) {
        Ok(old) => {
            let gone = old.lines().filter(|line| !text.lines().any(|new| new == *line)).count();
            Ok((old == text, gone))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((false, 0)),
        Err(error) => Err(error),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/vectors")
}
