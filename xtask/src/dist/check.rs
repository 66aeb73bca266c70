//! `cargo xtask dist --check`: does everything type-check for every platform that we promise?
//!
//! A dependency that can't go everywhere is seen at once, without any vendor's tools: the standard
//! library comes from an installed target or is built from its sources, and nothing is linked.

use std::time::Instant;

use crate::dist::route::StdRoute;
use crate::dist::targets::Target;
use crate::failure::Failure;
use crate::process::{run as run_process, target_folder};

pub(crate) fn check(target: &Target, fetch: bool) -> Result<(), Failure> {
    let name = target.name;
    let route = StdRoute::find(target.triple, fetch)?;
    let crates = target.check.crates.join(", ");
    println!("dist: {name}: {crates} with {}, {}", route.toolchain.name, route.describe());
    let started = Instant::now();
    run_process(&mut command(target, &route))?;
    println!("dist: {name} took {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn command(target: &Target, route: &StdRoute) -> std::process::Command {
    let mut command = route.toolchain.cargo();
    command.args(["check", "--quiet", "--locked", "--target", target.triple]);
    for package in target.check.crates {
        command.args(["--package", package]);
    }
    // Only macros and build scripts are compiled to code here: optimising them costs a minute.
    command.args(["--config", "profile.dev.package.\"*\".opt-level=0"]);
    command.args(["--config", "profile.dev.debug=false"]);
    // A folder of its own, so that the flags here never throw away what other builds made.
    command.arg("--target-dir").arg(target_folder().join("dist"));
    if route.builds_std {
        command.arg(format!("-Zbuild-std={}", target.check.std)).env("RUSTC_BOOTSTRAP", "1");
    }
    if !target.check.rustflags.is_empty() {
        let name = target.triple.replace('-', "_").to_uppercase();
        command.env(format!("CARGO_TARGET_{name}_RUSTFLAGS"), target.check.rustflags);
    }
    command
}
