//! `cargo xtask ci`: every check except the tests, in the order in which they find most soonest.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::dist::targets::TARGETS;
use crate::failure::Failure;
use crate::process::{cargo, run as run_process};
use crate::{audit, deps, dist, features, package, refuse_words, tidy};

/// A step's name and what it does; `--fetch` is for the one that may have to download.
type Step = (&'static str, fn(&[String]) -> Result<(), Failure>);

const STEPS: &[Step] = &[
    ("format", |_| format()),
    ("tidy", |_| tidy::run(&[])),
    ("clippy", |_| clippy()),
    ("deps", |_| deps::run(&[])),
    ("docs", |_| docs()),
    ("features", |_| features::run(&[])),
    ("package", |_| package::run(&[])),
    ("types", |words| dist::run(&[&["--check".to_owned()], words].concat())),
    ("dist", dist::run),
    ("audit", |_| audit::run(&built_on_every_change())),
];

pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    refuse_words(words.strip_prefix(&["--fetch".to_owned()]).unwrap_or(words))?;
    let mut times: Vec<(&str, Duration)> = Vec::new();
    for (index, (name, step)) in STEPS.iter().enumerate() {
        println!("ci: {}/{} {name}", index + 1, STEPS.len());
        let started = Instant::now();
        let result = step(words);
        let time = started.elapsed();
        if let Err(failure) = result {
            let seconds = time.as_secs_f64();
            return Err(Failure::new(format!("step {name} after {seconds:.1} s: {failure}")));
        }
        println!("ci: {name} took {:.1} s", time.as_secs_f64());
        times.push((name, time));
    }
    let parts: Vec<String> =
        times.iter().map(|(name, time)| format!("{name} {:.1} s", time.as_secs_f64())).collect();
    let total: Duration = times.iter().map(|(_, time)| *time).sum();
    println!("ci: passed in {:.1} s ({})", total.as_secs_f64(), parts.join(", "));
    Ok(())
}

/// Words that name the targets of the step before; others in the folder may be older.
fn built_on_every_change() -> Vec<String> {
    let names = TARGETS.iter().filter(|target| target.in_ci).map(|target| target.name);
    names.flat_map(|name| ["--target".to_owned(), name.to_owned()]).collect()
}

fn format() -> Result<(), Failure> {
    run_process(&mut cargo(&["fmt", "--all", "--check"]))
}

fn clippy() -> Result<(), Failure> {
    run_process(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))
}

fn docs() -> Result<(), Failure> {
    let mut command: Command = cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
    run_process(command.env("RUSTDOCFLAGS", "-D warnings"))
}
