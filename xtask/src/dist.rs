//! `cargo xtask dist --check`: does everything type-check for every platform that we promise?
//!
//! A dependency that can't go everywhere is seen at once, without any vendor's tools: the standard
//! library comes from an installed target or is built from its sources, and nothing is linked.

use std::time::Instant;

use crate::debian::{self, Release};
use crate::failure::Failure;
use crate::process::{run as run_process, target_folder};
use crate::toolchain::Toolchain;

/// One platform and what must type-check for it.
struct Target {
    triple: &'static str,
    crates: &'static [&'static str],
    /// The parts of the standard library, when we build it.
    std: &'static str,
    rustflags: &'static str,
    /// Checked on every change; the others on demand.
    in_ci: bool,
}

const SDK: Target =
    Target { triple: "", crates: &["rtm-client"], std: STD, rustflags: "", in_ci: false };
const STD: &str = "std,panic_abort";

const TARGETS: &[Target] = &[
    Target { triple: "armv7-linux-androideabi", in_ci: true, ..SDK },
    Target { triple: "aarch64-linux-android", ..SDK },
    Target { triple: "i686-linux-android", ..SDK },
    Target { triple: "x86_64-linux-android", ..SDK },
    Target { triple: "aarch64-apple-ios", in_ci: true, ..SDK },
    Target { triple: "i686-unknown-linux-gnu", ..SDK },
    Target { triple: "x86_64-unknown-linux-gnu", ..SDK },
    Target {
        triple: "wasm32-unknown-unknown",
        crates: &["rtm-wire", "rtm-channel", "rtm-topic", "rtm-session"],
        // Randomness comes from whoever embeds the engines.
        rustflags: "--cfg getrandom_backend=\"custom\"",
        ..SDK
    },
    // No std at all, and 32 bits: seconds, so every change has it.
    Target {
        triple: "thumbv7em-none-eabihf",
        crates: &["rtm-wire"],
        std: "core,alloc",
        in_ci: true,
        ..SDK
    },
];

const USAGE: &str = "usage: cargo xtask dist --check [--target TRIPLE].. [--all] [--fetch]";

const NOTHING_FOUND: &str = "no standard library for it: `rustup target add` it, or \
    `rustup component add rust-src`, or on Debian `apt-get install rustc-web cargo-web \
    rust-web-src` or `cargo xtask dist --check --fetch`, which installs nothing";

/// Debian's newest Rust with the sources of std.
const DEBIAN: Release = Release {
    name: "newest",
    packages: &[
        "rustc-web",
        "cargo-web",
        "rust-web-src",
        "libstd-rust-web-dev",
        "libcurl4",
        "libhttp-parser2.9",
        "libpcre3",
        "libssh2-1",
    ],
};

/// What the words of the command line ask for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wishes {
    triples: Vec<String>,
    all: bool,
    fetch: bool,
}

/// Where the standard library of a target comes from.
struct Route {
    toolchain: Toolchain,
    builds_std: bool,
}

pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let wishes = parse(words)?;
    let targets: Vec<&Target> = TARGETS
        .iter()
        .filter(|target| match wishes.triples.is_empty() {
            true => wishes.all || target.in_ci,
            false => wishes.triples.iter().any(|triple| triple == target.triple),
        })
        .collect();
    for target in targets {
        check(target, wishes.fetch)?;
    }
    Ok(())
}

fn parse(words: &[String]) -> Result<Wishes, Failure> {
    let mut wishes = Wishes::default();
    let mut has_check = false;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--check" => has_check = true,
            "--all" => wishes.all = true,
            "--fetch" => wishes.fetch = true,
            "--target" => {
                let triple = words.next().ok_or_else(|| Failure::new(USAGE))?;
                if !TARGETS.iter().any(|target| target.triple == triple) {
                    return Err(Failure::new(format!("{triple} is not in the table of targets")));
                }
                wishes.triples.push(triple.clone());
            }
            _ => return Err(Failure::new(USAGE)),
        }
    }
    if has_check { Ok(wishes) } else { Err(Failure::new(USAGE)) }
}

fn check(target: &Target, fetch: bool) -> Result<(), Failure> {
    let triple = target.triple;
    let route = find_route(triple, fetch)?;
    let how = if route.builds_std { "std from its sources" } else { "std installed" };
    println!("dist: {triple}: {} with {}, {how}", target.crates.join(", "), route.toolchain.name);
    let started = Instant::now();
    run_process(&mut command(target, &route))?;
    println!("dist: {triple} took {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// The cheapest way to a standard library for `triple`.
fn find_route(triple: &str, fetch: bool) -> Result<Route, Failure> {
    let own = Toolchain::own();
    if own.has_std(triple) {
        return Ok(Route { toolchain: own, builds_std: false });
    }
    let builder = match own.has_std_sources() {
        true => Some(own),
        false => Toolchain::of_system().or_else(|| debian::unpacked(&DEBIAN)),
    };
    match builder {
        Some(toolchain) => Ok(Route { toolchain, builds_std: true }),
        None if fetch => Ok(Route { toolchain: debian::fetch(&DEBIAN)?, builds_std: true }),
        None => Err(Failure::new(format!("{triple}: {NOTHING_FOUND}"))),
    }
}

fn command(target: &Target, route: &Route) -> std::process::Command {
    let mut command = route.toolchain.cargo();
    command.args(["check", "--quiet", "--locked", "--target", target.triple]);
    for package in target.crates {
        command.args(["--package", package]);
    }
    // Only macros and build scripts are compiled to code here: optimising them costs a minute.
    command.args(["--config", "profile.dev.package.\"*\".opt-level=0"]);
    command.args(["--config", "profile.dev.debug=false"]);
    // A folder of its own, so that the flags here never throw away what other builds made.
    command.arg("--target-dir").arg(target_folder().join("dist"));
    if route.builds_std {
        command.arg(format!("-Zbuild-std={}", target.std)).env("RUSTC_BOOTSTRAP", "1");
    }
    if !target.rustflags.is_empty() {
        let name = target.triple.replace('-', "_").to_uppercase();
        command.env(format!("CARGO_TARGET_{name}_RUSTFLAGS"), target.rustflags);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_command_line_is_understood_or_refused() {
        let ios = Wishes { triples: words("aarch64-apple-ios"), ..Wishes::default() };
        let cases = [
            ("--check", Some(Wishes::default())),
            ("--check --all", Some(Wishes { all: true, ..Wishes::default() })),
            ("--target aarch64-apple-ios --check", Some(ios)),
            ("", None),
            ("--all", None),
            ("--check --target", None),
            ("--check --target mips-unknown-none", None),
            ("--check --quick", None),
        ];
        for (line, expected) in cases {
            assert_eq!(parse(&words(line)).ok(), expected, "{line}");
        }
    }

    #[test]
    fn ci_has_a_32_bit_target_and_one_that_is_not_linux() {
        let in_ci = |part: &str| TARGETS.iter().any(|t| t.in_ci && t.triple.contains(part));
        assert!(in_ci("armv7-linux") && in_ci("apple-ios"));
    }
}
