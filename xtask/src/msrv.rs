//! `cargo xtask msrv`: each crate compiles with the minimum Rust that its manifest declares.
//!
//! Without tests, examples and benchmarks: what they depend on may ask for a newer Rust.

use std::collections::BTreeMap;

use crate::debian::{self, Release};
use crate::failure::Failure;
use crate::metadata::{Metadata, Package};
use crate::process::{run as run_process, target_folder};
use crate::refuse_words;
use crate::toolchain::Toolchain;

/// Debian 12's first packages; a version of rustup is used where it is installed.
const DEBIAN_1_85: Release = Release {
    name: "1.85",
    packages: &[
        "rustc-web=1.85.0*",
        "cargo-web=1.85.0*",
        "libstd-rust-web-dev=1.85.0*",
        "libstd-rust-web-1.85=1.85.0*",
        "libcurl4",
        "libedit2",
        "libhttp-parser2.9",
        "libllvm19",
        "libpcre3",
        "libssh2-1",
        "libxml2",
        "libz3-4",
    ],
};

pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    refuse_words(words)?;
    let metadata = Metadata::of_members()?;
    let members: Vec<&Package> = metadata.members().collect();
    for (version, names) in by_version(&members)? {
        let toolchain = find_toolchain(&version)?;
        println!("msrv: {version} with {}: {}", toolchain.name, names.join(", "));
        // One by one, so that no crate lives on the features that another one switched on.
        for name in names {
            let mut command = toolchain.cargo();
            command.args(["check", "--quiet", "--locked", "--package", &name]);
            command.args(["--config", "profile.dev.package.\"*\".opt-level=0"]);
            command.arg("--target-dir").arg(target_folder().join("msrv"));
            run_process(&mut command)?;
            println!("msrv: {name} compiles with {version}");
        }
    }
    Ok(())
}

/// The crates by their declared minimum; a crate that declares none is refused.
fn by_version(members: &[&Package]) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for member in members {
        let Some(version) = &member.rust_version else {
            return Err(Failure::new(format!("{} declares no rust-version", member.name)));
        };
        versions.entry(version.clone()).or_default().push(member.name.clone());
    }
    Ok(versions)
}

fn find_toolchain(version: &str) -> Result<Toolchain, Failure> {
    if let Some(toolchain) = Toolchain::of_rustup(version) {
        return Ok(toolchain);
    }
    if version == DEBIAN_1_85.name {
        return debian::fetch(&DEBIAN_1_85);
    }
    Err(Failure::new(format!("Rust {version} is not here: `rustup toolchain install {version}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_grouped_by_version_and_each_declares_one() {
        let package = |name: &str, version: Option<&str>| Package {
            name: name.to_owned(),
            rust_version: version.map(str::to_owned),
            ..Package::default()
        };
        let (a, b, c) =
            (package("a", Some("1.85")), package("b", Some("1.90")), package("c", None));
        let groups = by_version(&[&a, &b]).expect("both declare a version");
        assert_eq!(groups["1.85"], ["a"]);
        assert_eq!(groups["1.90"], ["b"]);
        assert!(by_version(&[&a, &c]).is_err());
    }
}
