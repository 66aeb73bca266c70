//! By which route a target is built here: whose standard library, and which linker.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::debian::{self, Release};
use crate::dist::targets::{Linker, Minimum, Target};
use crate::dist::tools::Zig;
use crate::failure::Failure;
use crate::toolchain::Toolchain;

const NO_STD: &str = "no standard library for it: `rustup target add` it, or \
    `rustup component add rust-src`, or on Debian `apt-get install rustc-web cargo-web \
    rust-web-src` or `cargo xtask dist --fetch`, which installs nothing";

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

/// Where the standard library of a target comes from.
pub(crate) struct StdRoute {
    pub(crate) toolchain: Toolchain,
    pub(crate) builds_std: bool,
}

impl StdRoute {
    /// The cheapest way to a standard library for `triple`.
    pub(crate) fn find(triple: &str, fetch: bool) -> Result<Self, Failure> {
        let own = Toolchain::own();
        if own.has_std(triple) {
            return Ok(Self { toolchain: own, builds_std: false });
        }
        let builder = match own.has_std_sources() {
            true => Some(own),
            false => Toolchain::of_system().or_else(|| debian::unpacked(&DEBIAN)),
        };
        match builder {
            Some(toolchain) => Ok(Self { toolchain, builds_std: true }),
            None if fetch => Ok(Self { toolchain: debian::fetch(&DEBIAN)?, builds_std: true }),
            None => Err(Failure::new(format!("{triple}: {NO_STD}"))),
        }
    }

    /// For the manifest.
    pub(crate) fn describe(&self) -> &'static str {
        if self.builds_std { "std from its sources" } else { "std installed" }
    }
}

/// What links.
#[derive(Debug)]
pub(crate) enum LinkRoute {
    /// The NDK's clang for the target and API level.
    Ndk {
        clang: PathBuf,
    },
    /// LLD against stubs that define what the API level has.
    Stubs(Zig),
    Zig(Zig),
    /// An archive: nothing is linked.
    Archive,
    /// What rustc takes by itself.
    Host,
}

impl LinkRoute {
    pub(crate) fn find(target: &Target, fetch: bool) -> Result<Self, Failure> {
        match target.linker {
            Linker::Android => match env::var_os("ANDROID_NDK_HOME") {
                Some(home) => Ok(Self::Ndk { clang: ndk_clang(Path::new(&home), target)? }),
                None => Zig::get(fetch).map(Self::Stubs),
            },
            Linker::Zig(_) => Zig::get(fetch).map(Self::Zig),
            Linker::Archive => Ok(Self::Archive),
            Linker::Host if !target.is_elsewhere() => Ok(Self::Host),
            Linker::Host if target.artefacts.is_empty() => {
                let name = target.name;
                Err(Failure::new(format!("{name} is only type-checked: --check --target {name}")))
            }
            Linker::Host => {
                let name = target.name;
                let platform = format!("{:?}", target.platform);
                Err(Failure::new(format!(
                    "{name} is built on {platform} only, not on this machine"
                )))
            }
        }
    }

    /// For the manifest.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Ndk { .. } => "the NDK's clang".to_owned(),
            Self::Stubs(zig) => format!("stub-linked, LLD of Zig {}", zig.version),
            Self::Zig(zig) => format!("Zig {}", zig.version),
            Self::Archive => "an archive, not linked".to_owned(),
            Self::Host => "the machine's linker".to_owned(),
        }
    }
}

/// The clang of the NDK in `home` for the oldest API level that it has and that isn't below ours.
fn ndk_clang(home: &Path, target: &Target) -> Result<PathBuf, Failure> {
    let Minimum::Api(api) = target.minimum else {
        return Err(Failure::new(format!("{} has no API level in the table", target.name)));
    };
    let prebuilt = home.join("toolchains/llvm/prebuilt");
    let hosts = fs::read_dir(&prebuilt).map_err(|error| {
        Failure::new(format!("ANDROID_NDK_HOME: {}: {error}", prebuilt.display()))
    })?;
    let mut levels: Vec<(u32, PathBuf)> = Vec::new();
    for host in hosts {
        let Ok(programs) = fs::read_dir(host?.path().join("bin")) else { continue };
        for program in programs {
            let path = program?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            levels.extend(level_of(&name, target.triple).map(|level| (level, path)));
        }
    }
    levels.retain(|(level, _)| *level >= api);
    levels.sort();
    levels.into_iter().next().map(|(_, path)| path).ok_or_else(|| {
        let (triple, home) = (target.triple, home.display());
        Failure::new(format!(
            "the NDK in {home} has no clang for {triple} at API level {api} or above"
        ))
    })
}

/// 21 of `aarch64-linux-android21-clang`, when that is a clang for `triple`.
fn level_of(name: &str, triple: &str) -> Option<u32> {
    // The NDK's name of this one is older than Rust's.
    let triple = triple.replace("armv7-", "armv7a-");
    name.strip_prefix(&triple)?.strip_suffix("-clang")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::targets::named;

    /// A folder with the files of an NDK that the choice looks at.
    fn ndk(programs: &[&str]) -> tempfile::TempDir {
        let home = tempfile::tempdir().expect("a folder");
        let bin = home.path().join("toolchains/llvm/prebuilt/linux-x86_64/bin");
        fs::create_dir_all(&bin).expect("folders");
        for program in programs {
            fs::write(bin.join(program), "").expect("a file");
        }
        home
    }

    #[test]
    fn the_oldest_clang_of_the_ndk_that_is_not_below_the_minimum() {
        let home = ndk(&[
            "armv7a-linux-androideabi15-clang",
            "armv7a-linux-androideabi19-clang",
            "armv7a-linux-androideabi19-clang++",
            "armv7a-linux-androideabi21-clang",
            "aarch64-linux-android30-clang",
            "clang",
        ]);
        let chosen = |name: &str| ndk_clang(home.path(), named(name));
        let armv7 = chosen("android-armeabi-v7a").expect("there is one");
        assert!(armv7.ends_with("armv7a-linux-androideabi19-clang"), "{armv7:?}");
        let arm64 = chosen("android-arm64-v8a").expect("there is one");
        assert!(arm64.ends_with("aarch64-linux-android30-clang"), "{arm64:?}");
        let none = chosen("android-x86").expect_err("there is none").to_string();
        assert!(none.contains("i686-linux-android at API level 16"), "{none}");
    }

    #[test]
    fn a_folder_that_is_no_ndk_is_named() {
        let home = tempfile::tempdir().expect("a folder");
        let error = ndk_clang(home.path(), named("android-x86")).expect_err("no NDK");
        assert!(error.to_string().starts_with("ANDROID_NDK_HOME: "), "{error}");
    }

    #[test]
    fn other_peoples_machines_are_needed_for_their_platforms() {
        let row = if cfg!(target_os = "macos") { "windows-x86_64" } else { "macos-arm64" };
        let error = LinkRoute::find(named(row), false).expect_err("not here");
        assert!(error.to_string().contains("not on this machine"), "{error}");
    }
}
