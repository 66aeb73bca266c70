//! `cargo xtask package`: what a user gets from a registry, used as a user would.
//!
//! Every publishable crate is packaged and unpacked, and small workspaces that know nothing of this
//! one are built on the unpacked folders: a file that was not packaged, or a dependency that only
//! works inside this workspace, shows before anything is published.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::metadata::{Metadata, Package};
use crate::process::{cargo, program_in_root, root, run as run_process, target_folder};
use crate::refuse_words;

/// An outside user: a name, and the crates it depends on with their features.
type Consumer = (&'static str, &'static [(&'static str, &'static [&'static str])]);

const CONSUMERS: &[Consumer] = &[
    ("wire-alone", &[("rtm-wire", &[])]),
    ("session-engine", &[("rtm-wire", &[]), ("rtm-session", &[])]),
    ("session-over-udp", &[("rtm-wire", &[]), ("rtm-session", &["tokio"])]),
    ("token-alone", &[("rtm-token", &[])]),
    ("client", &[("rtm-client", &[])]),
];

pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    refuse_words(words)?;
    let metadata = Metadata::of_members()?;
    let packages: Vec<&Package> = metadata.members().filter(|p| p.is_publishable()).collect();
    let folder = target_folder().join("package-check");
    let crates = folder.join("crates");
    if crates.exists() {
        fs::remove_dir_all(&crates)?;
    }
    fs::create_dir_all(&crates)?;

    archive(&packages, &folder)?;
    for package in &packages {
        let file = folder.join(format!("package/{}-{}.crate", package.name, package.version));
        let mut unpack = program_in_root(Path::new("tar"));
        // With the time of now: archives have one time for all files, by which cargo would take
        // a changed crate for the one that it has built before.
        run_process(unpack.arg("-xmzf").arg(&file).arg("-C").arg(&crates))?;
        require_files(package, &crates)?;
    }
    for (name, dependencies) in CONSUMERS {
        println!("package: building {name} on the unpacked crates");
        build_consumer(name, dependencies, &packages, &folder)?;
    }
    Ok(())
}

/// Makes the `.crate` files, without cargo's own build of them: the consumers are that build.
fn archive(packages: &[&Package], folder: &Path) -> Result<(), Failure> {
    run_process(&mut cargo(&["fetch", "--quiet", "--locked"]))?;
    let mut command = cargo(&["package", "--quiet", "--locked", "--no-verify", "--allow-dirty"]);
    for package in packages {
        command.args(["--package", &package.name]);
    }
    run_process(command.arg("--target-dir").arg(folder))
}

/// A package has a page of its own at the registry, so it stands alone.
fn require_files(package: &Package, crates: &Path) -> Result<(), Failure> {
    let folder = crates.join(format!("{}-{}", package.name, package.version));
    match folder.join("README.md").exists() {
        true => Ok(()),
        false => Err(Failure::new(format!("the package of {} has no README.md", package.name))),
    }
}

fn build_consumer(
    name: &str,
    dependencies: &[(&str, &[&str])],
    packages: &[&Package],
    folder: &Path,
) -> Result<(), Failure> {
    let consumer = folder.join(name);
    fs::create_dir_all(consumer.join("src"))?;
    fs::write(consumer.join("Cargo.toml"), manifest(name, dependencies, packages))?;
    fs::write(consumer.join("src/lib.rs"), source(dependencies))?;
    // The versions that our own lock file chose; cargo adds the consumer and drops the rest.
    fs::copy(root().join("Cargo.lock"), consumer.join("Cargo.lock"))?;
    let mut command = cargo(&["check", "--quiet", "--offline"]);
    command.arg("--manifest-path").arg(consumer.join("Cargo.toml"));
    command.arg("--target-dir").arg(folder.join("target"));
    run_process(&mut command)
}

/// A workspace of its own; whatever it needs of ours comes from the unpacked folders only.
fn manifest(name: &str, dependencies: &[(&str, &[&str])], packages: &[&Package]) -> String {
    let mut text = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [workspace]\n\n[dependencies]\n"
    );
    let version = |name: &str| {
        packages.iter().find(|package| package.name == name).map_or("*", |p| p.version.as_str())
    };
    for (dependency, features) in dependencies {
        let version = version(dependency);
        writeln!(text, "{dependency} = {{ version = \"={version}\", features = {features:?} }}")
            .expect("a String takes every write");
    }
    text.push_str("\n[patch.crates-io]\n");
    for package in packages {
        let Package { name, version, .. } = package;
        writeln!(text, "{name} = {{ path = \"../crates/{name}-{version}\" }}")
            .expect("a String takes every write");
    }
    text
}

fn source(dependencies: &[(&str, &[&str])]) -> String {
    dependencies.iter().map(|(name, _)| format!("pub use {};\n", name.replace('-', "_"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_knows_the_unpacked_folders_only() {
        let wire = Package {
            name: "rtm-wire".to_owned(),
            version: "1.2.3".to_owned(),
            ..Package::default()
        };
        let text = manifest("alone", &[("rtm-wire", &["std"])], &[&wire]);
        assert!(text.contains("rtm-wire = { version = \"=1.2.3\", features = [\"std\"] }\n"));
        assert!(text.contains("rtm-wire = { path = \"../crates/rtm-wire-1.2.3\" }\n"));
        assert!(text.contains("[workspace]\n"), "else cargo looks for a workspace above");
    }
}
