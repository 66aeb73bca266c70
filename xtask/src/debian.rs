//! Debian's packages, Rust first of all, unpacked under the target folder: needs no root, and
//! changes no system.
//!
//! The packages `rustc-web` and `cargo-web` exist in two versions at once (the suite's first, and a
//! newer one from its updates), and only one can be installed; unpacked, they live side by side.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::process::{program_in_root, read, run, succeeds, target_folder};
use crate::toolchain::Toolchain;

/// The compiled standard library; without a version here it is Debian's newest.
const STD: &str = "libstd-rust-web-dev";

/// A version's name, and its packages with the libraries that a small system lacks.
pub(crate) struct Release {
    pub(crate) name: &'static str,
    pub(crate) packages: &'static [&'static str],
}

/// The toolchain of `release`, if it was unpacked before.
pub(crate) fn unpacked(release: &Release) -> Option<Toolchain> {
    Some(Toolchain::in_folder(release.name, &unpacked_folder(release)?))
}

/// The folder of `release`, if it was unpacked before.
pub(crate) fn unpacked_folder(release: &Release) -> Option<PathBuf> {
    let folder = folder_of(release);
    // Written last, so a download that was cut off doesn't count.
    folder.join("complete").exists().then_some(folder)
}

/// The toolchain of `release`, downloaded and unpacked unless it is there already.
pub(crate) fn fetch(release: &Release) -> Result<Toolchain, Failure> {
    Ok(Toolchain::in_folder(release.name, &fetch_folder(release)?))
}

/// The folder with what is in the packages, downloaded and unpacked unless it is there already.
pub(crate) fn fetch_folder(release: &Release) -> Result<PathBuf, Failure> {
    if let Some(folder) = unpacked_folder(release) {
        return Ok(folder);
    }
    let folder = folder_of(release);
    if !succeeds(program_in_root(Path::new("apt-get")).arg("--version")) {
        return Err(Failure::new(format!("no apt-get here to download {} with", release.name)));
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let debs = folder.join("debs");
    fs::create_dir_all(&debs)?;
    println!("debian: downloading {} ({} packages)", release.name, release.packages.len());
    if download(release, &debs, &[]).is_err() {
        // No package lists, or old ones: fetch lists of our own.
        let lists = own_lists(&folder)?;
        download(release, &debs, &lists)?;
    }
    for entry in fs::read_dir(&debs)? {
        run(program_in_root(Path::new("dpkg-deb")).arg("-x").arg(entry?.path()).arg(&folder))?;
    }
    fs::remove_dir_all(&debs)?;
    fs::write(folder.join("complete"), "")?;
    Ok(folder)
}

fn folder_of(release: &Release) -> PathBuf {
    target_folder().join("debian").join(release.name)
}

fn download(release: &Release, debs: &Path, options: &[String]) -> Result<(), Failure> {
    let mut command = program_in_root(Path::new("apt-get"));
    command.current_dir(debs).args(options).args(["-qq", "download"]).args(release.packages);
    if release.packages.contains(&STD) {
        command.args(versioned_std(options)?);
    }
    // As root it can't become its own user in our folder, and warns; that is harmless.
    command.args(["-o", "APT::Sandbox::User=root"]);
    read(&mut command).map(drop)
}

/// The package that [`STD`] needs, whose name contains the version.
fn versioned_std(options: &[String]) -> Result<Vec<String>, Failure> {
    let mut command = program_in_root(Path::new("apt-cache"));
    let text = read(command.args(options).args(["depends", STD]))?;
    let names = text.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    Ok(names.filter(|name| name.starts_with("libstd-rust-web-")).map(str::to_owned).collect())
}

/// Options that make `apt-get` use package lists in `folder`, after an update of them.
fn own_lists(folder: &Path) -> Result<Vec<String>, Failure> {
    let (lists, cache) = (folder.join("apt/lists"), folder.join("apt/cache"));
    fs::create_dir_all(lists.join("partial"))?;
    fs::create_dir_all(cache.join("archives/partial"))?;
    let options: Vec<String> = [
        format!("-oDir::State::lists={}", lists.display()),
        format!("-oDir::Cache={}", cache.display()),
        "-oDebug::NoLocking=1".to_owned(),
    ]
    .into();
    let mut update = program_in_root(Path::new("apt-get"));
    run(update.args(&options).args(["-qq", "update", "-oAPT::Sandbox::User=root"]))?;
    Ok(options)
}
