//! `cargo xtask trial`: runs what `dist` has built, as far as this machine can.
//!
//! Real programs use the finished libraries against a real server: natively, under the user-mode
//! emulation of QEMU, and for Android with a stand-in for what differs in its C library.

mod machine;

use std::fs;
use std::path::{Path, PathBuf};

use crate::dist::build::files;
use crate::dist::manifest::{self, Kind, Manifest};
use crate::dist::targets::{Platform, Target, find_built, names_after};
use crate::dist::tools::Zig;
use crate::failure::Failure;
use crate::process::{cargo, read, run as run_process, target_folder};
use crate::scene::{Programs, Scene};
use machine::Machine;

const USAGE: &str = "usage: cargo xtask trial [--target NAME].. [--pure] [--fetch]";

/// Crates whose own tests run on the machines of phones.
const PURE: &[&str] = &["rtm-wire", "rtm-channel", "rtm-topic", "rtm-session"];

/// The machines of phones, as Linux has them, for the tests of pure crates.
const PHONES: &[&str] = &["armv7", "arm64"];

/// What the words of the command line ask for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wishes {
    names: Vec<String>,
    pure: bool,
    fetch: bool,
}

pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let wishes = parse(words)?;
    let zig = Zig::get(wishes.fetch)?;
    if wishes.pure {
        return PHONES.iter().try_for_each(|name| pure(name, &zig, wishes.fetch));
    }
    for (target, mut manifest) in manifest::built(&wishes.names)? {
        // Until it has ended well.
        manifest.ran = vec!["FAILED".to_owned()];
        manifest.write()?;
        manifest.ran = match Machine::of(target, &zig, wishes.fetch) {
            Ok(Some(machine)) => trial(target, &manifest, &machine, wishes.fetch)?,
            Ok(None) => vec!["not run: no such machine here".to_owned()],
            Err(failure) if !wishes.names.is_empty() => return Err(failure),
            Err(failure) => vec![format!("not run: {failure}")],
        };
        for line in &manifest.ran {
            println!("trial: {}: {line}", target.name);
        }
        manifest.write()?;
    }
    manifest::write_all()
}

fn parse(words: &[String]) -> Result<Wishes, Failure> {
    let mut wishes = Wishes::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--pure" => wishes.pure = true,
            "--fetch" => wishes.fetch = true,
            "--target" => wishes.names.extend(names_after(words.next(), USAGE, find_built)?),
            _ => return Err(Failure::new(USAGE)),
        }
    }
    Ok(wishes)
}

/// Runs all artefacts of one target; a line each on what ran, and how.
fn trial(
    target: &Target,
    manifest: &Manifest,
    machine: &Machine,
    fetch: bool,
) -> Result<Vec<String>, Failure> {
    let mut ran = Vec::new();
    for file in &manifest.files {
        let path = manifest.folder().join(&file.name);
        match file.kind {
            Kind::Shared => {
                let mut tests = vec![WHOLE, LAYOUT];
                if target.platform == Platform::Linux && machine.is_this() {
                    tests.push(FOREIGN);
                }
                programs(&path, machine, &tests)?;
                let who = if tests.contains(&FOREIGN) { "C, Python" } else { "C" };
                ran.push(format!("{}: every function, from {who}, {}", file.name, machine.how));
                let faulty = faulty(target, fetch)?;
                programs(&faulty, machine, &[MISUSE])?;
                ran.push(format!("{}: misuse and caught panics, {}", file.name, machine.how));
            }
            Kind::Static => {
                programs(&path, machine, &[WHOLE])?;
                ran.push(format!("{}: every function, from C, {}", file.name, machine.how));
            }
            Kind::Program if file.name == "rtm-server" => {
                chat(&manifest.folder(), machine)?;
                ran.push(format!("rtm-server and two rtm: a chat, {}", machine.how));
            }
            Kind::Program | Kind::Symbols | Kind::Header | Kind::Sbom => {}
        }
    }
    Ok(ran)
}

/// A server and two people, all by the finished programs, over real sockets.
fn chat(folder: &Path, machine: &Machine) -> Result<(), Failure> {
    let place = target_folder().join("trial/chat");
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    fs::create_dir_all(&place)?;
    let runner = machine.runner.split_whitespace().map(str::to_owned).collect();
    let scene = Scene::new(&place, Programs { folder: folder.to_owned(), runner })?;
    let mut alice = scene.start(&["chat", "lobby", "--as", "alice"])?;
    alice.wait_for("You are alice")?;
    let mut bob = scene.start(&["chat", "lobby", "--as", "bob"])?;
    bob.wait_for("You are bob")?;
    alice.say("Do you hear me?")?;
    bob.wait_for("Do you hear me?")?;
    bob.say("Loud and clear.")?;
    alice.wait_for("Loud and clear.")?;
    alice.end()?;
    bob.end().map(drop)
}

const WHOLE: &str = "a_program_uses_every_function";
const MISUSE: &str = "a_program_misuses_every_function";
const FOREIGN: &str = "a_foreign_host_uses_the_library";
const LAYOUT: &str = "a_c_compiler_sees_the_sizes_and_offsets_that_are_frozen";

/// Runs tests of rtm-ffi's programs with a finished library: the server is this machine's.
fn programs(library: &Path, machine: &Machine, tests: &[&str]) -> Result<(), Failure> {
    let mut command = cargo(&["test", "--quiet", "--locked", "-p", "rtm-ffi"]);
    command.args(["--test", "programs", "--", "--exact"]).args(tests);
    command.env("RTM_LIBRARY", library).env("CC", &machine.compiler);
    command.env("RTM_RUNNER", &machine.runner).env("RTM_LAYOUT", machine.layout());
    let said = read(&mut command)?;
    print!("{said}");
    // A name that no test has is no error for cargo.
    let passed = format!("ok. {} passed; 0 failed", tests.len());
    match said.contains(&passed) {
        true => Ok(()),
        false => Err(Failure::new(format!("{tests:?}: not all of them ran, or not well"))),
    }
}

/// The shared library with a function that panics where it is told to.
fn faulty(target: &Target, fetch: bool) -> Result<PathBuf, Failure> {
    let folder = target_folder().join("faulty").join(target.name);
    let (files, ..) = files(target, fetch, "fault-injection", &folder)?;
    let shared = files.iter().find(|file| file.kind == Kind::Shared);
    let name = &shared.ok_or_else(|| Failure::new("no shared library was built"))?.name;
    Ok(folder.join(name))
}

/// The tests of the pure crates on another machine.
fn pure(name: &str, zig: &Zig, fetch: bool) -> Result<(), Failure> {
    let machine = Machine::of_linux(name, zig, fetch)?;
    println!("trial: {} on {name}, {}", PURE.join(", "), machine.how);
    let mut command = machine.cargo_test(fetch)?;
    for package in PURE {
        command.args(["--package", package]);
    }
    // A test that starts itself again can't: the kernel doesn't know programs of this machine.
    command.args(["--", "--skip", "two_processes_send_the_same_datagrams"]);
    run_process(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_understood_or_refused() {
        let words = |line: &str| -> Vec<String> { line.split(' ').map(str::to_owned).collect() };
        let wishes = parse(&words("--target linux-x86 --fetch")).expect("understood");
        assert_eq!((wishes.names.len(), wishes.fetch, wishes.pure), (1, true, false));
        for line in ["--target", "--target mips", "--quick"] {
            assert!(parse(&words(line)).is_err(), "{line}");
        }
    }
}
