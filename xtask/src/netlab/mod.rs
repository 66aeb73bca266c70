//! `cargo xtask netlab`: RTM and its peers on impaired links, side by side.
//!
//! ```text
//!  conditions × peers × seeds = cells ──► run ──► target/netlab/DAY/cell/… ──► report
//! ```
//!
//! A cell is one lab (two network namespaces and a router between them) with one peer in it. Cells
//! that have a valid result are not run again; pages are written from all results that are there.

mod conditions;
mod machine;
mod options;
mod outcome;
mod pattern;
mod peers;
mod report;
mod run;
mod statistics;

use std::fs;
use std::path::{Path, PathBuf};

use self::conditions::cells;
use self::options::Options;
use self::run::Programs;
use crate::failure::Failure;
use crate::process::{cargo, run as run_process, target_folder};

pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let options = Options::parse(words)?;
    let results = target_folder().join("netlab");
    if options.report {
        let folder = options.folder.clone().map_or_else(|| latest(&results), Ok)?;
        return report::write(&folder);
    }
    machine::check()?;
    let cells = cells(&options);
    if cells.is_empty() {
        return Err(Failure::new("no cell matches; nothing was done"));
    }
    let folder = match &options.folder {
        Some(folder) => folder.clone(),
        None => results.join(machine::now()?.split(' ').next().unwrap_or_default()),
    };
    fs::create_dir_all(&folder)?;
    // Peers run elsewhere.
    let folder = folder.canonicalize()?;
    let programs = build(&folder)?;
    println!("netlab: results in {}", folder.display());
    let failed = run::run(&cells, &folder, &programs, &options)?;
    println!("netlab: `cargo xtask netlab --report` writes the pages");
    match failed {
        0 => Ok(()),
        count => Err(Failure::new(format!("{count} cells have no result"))),
    }
}

/// Release builds of the lab and of the peers, which have a workspace of their own. Copied, so that
/// a later build doesn't change a run that is under way.
fn build(folder: &Path) -> Result<Programs, Failure> {
    let target = target_folder();
    let place = target.to_string_lossy().into_owned();
    let common = ["build", "--release", "--locked", "-j2", "--target-dir", &place];
    run_process(&mut cargo(&[&common[..], &["-p", "netlab"]].concat()))?;
    let manifest = ["--manifest-path", "bench/peers/Cargo.toml"];
    let mut peers = cargo(&[&common[..], &manifest].concat());
    // What cargo tells us about ourselves: build scripts that watch it would run again.
    let is_ours = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST");
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_ours(&name.to_string_lossy())) {
        peers.env_remove(name);
    }
    run_process(&mut peers)?;
    let folder = folder.join("programs");
    fs::create_dir_all(&folder)?;
    let copy = |name: &str| {
        let (new, copy) = (folder.join(format!("{name}.new")), folder.join(name));
        fs::copy(target.join("release").join(name), &new)?;
        fs::rename(new, &copy)?;
        Ok::<PathBuf, Failure>(copy)
    };
    Ok(Programs { netlab: copy("netlab")?, peer: copy("netlab-peer")? })
}

/// Days sort as text.
fn latest(results: &Path) -> Result<PathBuf, Failure> {
    let nothing = || Failure::new("no results yet; run `cargo xtask netlab` first");
    let entries = fs::read_dir(results).map_err(|_| nothing())?;
    let mut folders: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders.pop().ok_or_else(nothing)
}
