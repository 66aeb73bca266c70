//! The linkers that come from PyPI, installed under the target folder: no root, no change of the
//! system.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::process::{program_in_root, read, root, run, succeeds, target_folder};

/// Versions and hashes.
const PINS: &str = "platforms/tools.txt";

const NOTHING_FOUND: &str = "no Zig here: `cargo xtask dist --fetch` installs the versions of \
    platforms/tools.txt under the target folder with pip, and changes nothing else";

/// Zig, and the program that gives it what rustc means for another linker.
#[derive(Clone, Debug)]
pub(crate) struct Zig {
    pub(crate) zig: PathBuf,
    pub(crate) front: PathBuf,
    /// The sources that it brings: C libraries and LLVM's libunwind.
    pub(crate) lib: PathBuf,
    pub(crate) version: String,
}

impl Zig {
    /// What an earlier `--fetch` has installed, as long as the pins are the same.
    pub(crate) fn installed() -> Option<Self> {
        let folder = folder();
        let pins = fs::read_to_string(root().join(PINS)).ok()?;
        let has_pins = fs::read_to_string(folder.join("pins")).ok()? == pins;
        let zig = folder.join("ziglang/zig");
        let version = read(program_in_root(&zig).arg("version")).ok()?.trim().to_owned();
        let lib = folder.join("ziglang/lib");
        has_pins.then(|| Self { zig, front: folder.join("bin/cargo-zigbuild"), lib, version })
    }

    /// What is installed; otherwise, if allowed, installs it.
    pub(crate) fn get(fetch: bool) -> Result<Self, Failure> {
        match Self::installed() {
            Some(zig) => Ok(zig),
            None if fetch => install(),
            None => Err(Failure::new(NOTHING_FOUND)),
        }
    }

    /// `zig ARGUMENTS`, for instance its compiler.
    pub(crate) fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = program_in_root(&self.zig);
        command.args(arguments);
        // Its cache of C libraries, with what else can be thrown away.
        command.env("ZIG_GLOBAL_CACHE_DIR", cache());
        command.env("ZIG_LOCAL_CACHE_DIR", cache());
        command
    }

    /// Writes a program that links for Zig's target `triple` in rustc's place.
    pub(crate) fn write_linker(&self, path: &Path, triple: &str) -> Result<(), Failure> {
        let (front, zig, cache) = (self.front.display(), self.zig.display(), cache());
        let cache = cache.display();
        let text = format!(
            "export CARGO_ZIGBUILD_ZIG_PATH='{zig}' CARGO_ZIGBUILD_CACHE_DIR='{cache}'\n\
             export ZIG_GLOBAL_CACHE_DIR='{cache}' ZIG_LOCAL_CACHE_DIR='{cache}'\n\
             exec '{front}' zig cc -- -target {triple} \"$@\"\n"
        );
        write_script(path, &text)
    }
}

/// Writes a program of the shell.
pub(crate) fn write_script(path: &Path, text: &str) -> Result<(), Failure> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    fs::write(path, format!("#!/bin/sh\n{text}"))?;
    make_executable(path)
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<(), Failure> {
    Ok(())
}

/// Where Zig keeps the C libraries that it has compiled.
fn cache() -> PathBuf {
    target_folder().join("tools/zig-cache")
}

fn folder() -> PathBuf {
    target_folder().join("tools/python")
}

fn install() -> Result<Zig, Failure> {
    let folder = folder();
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let python = ["python3", "python"]
        .into_iter()
        .find(|name| succeeds(program_in_root(Path::new(name)).args(["-m", "pip", "--version"])))
        .ok_or_else(|| Failure::new("no Python with pip here to install Zig with"))?;
    println!("dist: installing Zig under {}", folder.display());
    let mut pip = program_in_root(Path::new(python));
    // It goes into a folder of its own, which root may do.
    pip.env("PIP_ROOT_USER_ACTION", "ignore");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--only-binary=:all:", "--no-warn-script-location", "--require-hashes", "--target"]);
    run(pip.arg(&folder).arg("--requirement").arg(PINS))?;
    // Written last, so an installation that was cut off doesn't count.
    fs::copy(root().join(PINS), folder.join("pins"))?;
    Zig::installed().ok_or_else(|| Failure::new("Zig was installed and does not start"))
}
