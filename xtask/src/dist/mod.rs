//! `cargo xtask dist`: every library and program that we promise, for every platform.
//!
//! How it decides, and what can go wrong: docs/decisions/0018-platforms.md.

pub(crate) mod android;
pub(crate) mod build;
mod check;
pub(crate) mod link;
mod linking;
pub(crate) mod manifest;
mod page;
pub(crate) mod route;
mod sbom;
mod strip;
pub(crate) mod targets;
pub(crate) mod tools;

use crate::failure::Failure;
use route::{LinkRoute, StdRoute};
use targets::{TARGETS, Target};

const USAGE: &str =
    "usage: cargo xtask dist [--check | --list | --page] [--target NAME].. [--all] [--fetch]";

/// What the words of the command line ask for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wishes {
    names: Vec<String>,
    all: bool,
    fetch: bool,
    check: bool,
    list: bool,
    page: bool,
}

pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let wishes = parse(words)?;
    if wishes.list {
        return list();
    }
    if wishes.page {
        return page::write();
    }
    for target in chosen(&wishes) {
        if wishes.check {
            check::check(target, wishes.fetch)?;
        } else {
            build::build(target, wishes.fetch)?;
        }
    }
    if wishes.check {
        return Ok(());
    }
    manifest::write_all()
}

fn parse(words: &[String]) -> Result<Wishes, Failure> {
    let mut wishes = Wishes::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--check" => wishes.check = true,
            "--list" => wishes.list = true,
            "--page" => wishes.page = true,
            "--all" => wishes.all = true,
            "--fetch" => wishes.fetch = true,
            "--target" => {
                wishes.names.extend(targets::names_after(words.next(), USAGE, targets::find)?)
            }
            _ => return Err(Failure::new(USAGE)),
        }
    }
    let modes = [wishes.check, wishes.list, wishes.page];
    match modes.iter().filter(|is_chosen| **is_chosen).count() {
        0 | 1 => Ok(wishes),
        _ => Err(Failure::new(USAGE)),
    }
}

/// The rows that are asked for: by name; or all that this machine is for; or those of every change.
fn chosen(wishes: &Wishes) -> Vec<&'static Target> {
    let named = |target: &Target| wishes.names.iter().any(|name| name == target.name);
    let is_chosen = |target: &&Target| match (wishes.names.is_empty(), wishes.check) {
        (false, _) => named(target),
        (true, true) => wishes.all || target.check.in_ci,
        (true, false) if wishes.all => !target.artefacts.is_empty() && !target.is_elsewhere(),
        (true, false) => target.in_ci,
    };
    TARGETS.iter().filter(is_chosen).collect()
}

fn list() -> Result<(), Failure> {
    for target in TARGETS.iter().filter(|target| !target.artefacts.is_empty()) {
        println!("{} ({}), {}", target.name, target.triple, target.minimum);
        let std = StdRoute::find(target.triple, false)
            .map(|route| format!("{}, {}", route.toolchain.name, route.describe()));
        println!("    {}", std.unwrap_or_else(|failure| failure.to_string()));
        let link = LinkRoute::find(target, false).map(|route| route.describe());
        println!("    {}", link.unwrap_or_else(|failure| failure.to_string()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_command_line_is_understood_or_refused() {
        let check = Wishes { check: true, ..Wishes::default() };
        let cases = [
            ("", Some(Wishes::default())),
            ("--check", Some(Wishes { check: true, ..Wishes::default() })),
            ("--check --all", Some(Wishes { all: true, ..check })),
            (
                "--target aarch64-apple-ios --fetch",
                Some(Wishes { names: words("ios-arm64"), fetch: true, ..Wishes::default() }),
            ),
            ("--check --list", None),
            ("--page --list", None),
            ("--check --target", None),
            ("--target mips-unknown-none", None),
            ("--check --quick", None),
        ];
        for (line, expected) in cases {
            assert_eq!(parse(&words(line)).ok(), expected, "{line}");
        }
    }

    #[test]
    fn rows_are_chosen_by_name_by_triple_or_by_what_they_are_for() {
        let names = |line: &str| -> Vec<&str> {
            let wishes = parse(&words(line)).expect("understood");
            chosen(&wishes).iter().map(|target| target.name).collect()
        };
        assert_eq!(names("--target ios-arm64 --target i686-linux-android").len(), 2);
        assert_eq!(names(""), ["android-arm64-v8a", "linux-x86_64"]);
        assert_eq!(names("--check"), ["android-armeabi-v7a", "ios-arm64", "cortex-m4"]);
        assert_eq!(names("--check --all").len(), TARGETS.len());
        let all = names("--all");
        assert!(all.contains(&"server-arm64") && !all.contains(&"wasm"), "{all:?}");
        assert_eq!(all.contains(&"macos-arm64"), cfg!(target_os = "macos"));
    }
}
