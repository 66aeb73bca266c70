//! `cargo xtask COMMAND`: everything that checks and releases the project.
//!
//! A file per command. Continuous integration runs the same commands as a person does.

mod audit;
mod ci;
mod conformance;
mod debian;
mod demo;
mod deps;
mod dist;
mod failure;
mod features;
mod kill;
mod licence;
mod lists;
mod metadata;
mod msrv;
mod netlab;
mod package;
mod process;
mod scene;
mod simulate;
mod tidy;
mod toolchain;
mod trial;

use std::process::ExitCode;

use failure::Failure;

/// A command: its name, one line of help, and what it does with the words after its name.
struct Command {
    name: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Result<(), Failure>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "audit",
        help: "[--target T].. [--file PATH] [--record]: would what dist built load everywhere?",
        run: audit::run,
    },
    Command {
        name: "ci",
        help: "[--fetch]: the lints, and all checks below but msrv",
        run: ci::run,
    },
    Command {
        name: "conformance",
        help: "writes docs/conformance.md from the lists beside it",
        run: conformance::run,
    },
    Command { name: "demo", help: "runs the demo and writes docs/demo.md", run: demo::run },
    Command { name: "deps", help: "licences, sources and bans of dependencies", run: deps::run },
    Command {
        name: "dist",
        help: "[--check | --list | --page] [--target T].. [--all] [--fetch]: what others install",
        run: dist::run,
    },
    Command { name: "features", help: "the table of feature combinations", run: features::run },
    Command {
        name: "kill",
        help: "[--times N]: kill -9 of a server under load; is what was answered there?",
        run: kill::run,
    },
    Command { name: "link", help: "not for people: a linker for rustc", run: dist::link::run },
    Command { name: "msrv", help: "the declared minimum Rust", run: msrv::run },
    Command {
        name: "netlab",
        help: "[--report] [--quick] [--only P] ..: RTM and peers on impaired links",
        run: netlab::run,
    },
    Command { name: "package", help: "packages, and what is built on them", run: package::run },
    Command {
        name: "simulate",
        help: "[--seeds N] [--from S] [--jobs J] [--replay TEXT]: searches scenarios",
        run: simulate::run,
    },
    Command { name: "tidy", help: "fast checks of the texts and of the layers", run: tidy::run },
    Command {
        name: "trial",
        help: "[--target T].. [--pure] [--fetch]: runs what dist has built",
        run: trial::run,
    },
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let chosen = words.first().and_then(|name| COMMANDS.iter().find(|c| c.name == name));
    let Some(command) = chosen else {
        eprintln!("usage: cargo xtask COMMAND");
        for command in COMMANDS {
            eprintln!("  {:<9} {}", command.name, command.help);
        }
        return ExitCode::from(2);
    };
    match (command.run)(&words[1..]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask {}: FAILED: {failure}", command.name);
            ExitCode::FAILURE
        }
    }
}

/// For commands that take no words.
fn refuse_words(words: &[String]) -> Result<(), Failure> {
    match words.first() {
        None => Ok(()),
        Some(word) => Err(Failure::new(format!("`{word}` is not understood; nothing was done"))),
    }
}
