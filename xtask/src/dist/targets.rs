//! The table of targets: what we build, and for which oldest system.

use std::fmt;

use crate::failure::Failure;

/// One row: a platform and ABI, and what is made for it.
#[derive(Debug)]
pub(crate) struct Target {
    /// `platform-abi`, the name of its folder; the word after `--target`.
    pub(crate) name: &'static str,
    pub(crate) platform: Platform,
    /// As the platform calls it.
    pub(crate) abi: &'static str,
    pub(crate) triple: &'static str,
    /// The oldest system that its artefacts must load on.
    pub(crate) minimum: Minimum,
    pub(crate) linker: Linker,
    /// Empty for rows that are only type-checked.
    pub(crate) artefacts: &'static [Artefact],
    pub(crate) check: Check,
    /// Built and audited on every change; the others on demand.
    pub(crate) in_ci: bool,
}

/// What must type-check, without a linker and without any vendor's tools.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) crates: &'static [&'static str],
    /// The parts of the standard library, when we build it.
    pub(crate) std: &'static str,
    pub(crate) rustflags: &'static str,
    /// Checked on every change; the others on demand.
    pub(crate) in_ci: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platform {
    Android,
    Ios,
    Linux,
    Macos,
    Windows,
    /// Neither threads nor sockets: the lower crates alone.
    Bare,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Minimum {
    /// Android's API level.
    Api(u32),
    /// The second number of glibc 2.x.
    Glibc(u32),
    /// Linux without a C library, from the kernel that std asks for.
    Kernel(&'static str),
    /// The first version of the system.
    Version(u32, u32),
    None,
}

/// What makes the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Linker {
    /// The NDK's clang, or LLD against stubs.
    Android,
    /// `zig cc`, for this target of Zig's.
    Zig(&'static str),
    /// A static library is an archive: nothing is linked.
    Archive,
    /// The machine's own, on the platform itself only.
    Host,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Artefact {
    /// The C ABI as a shared library.
    Shared,
    /// The C ABI as a static library.
    Static,
    /// An executable, by the name of its package.
    Program(&'static str),
}

impl Target {
    /// Whether its artefacts are made on other machines than this one.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.linker == Linker::Host && !self.platform.is_here()
    }
}

impl Platform {
    /// Whether this machine is one.
    pub(crate) fn is_here(self) -> bool {
        match self {
            Self::Linux => cfg!(target_os = "linux"),
            Self::Macos => cfg!(target_os = "macos"),
            Self::Windows => cfg!(windows),
            Self::Android | Self::Ios | Self::Bare => false,
        }
    }
}

impl fmt::Display for Minimum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api(level) => write!(f, "API level {level}"),
            Self::Glibc(minor) => write!(f, "glibc 2.{minor}"),
            Self::Kernel(version) => write!(f, "Linux {version}"),
            Self::Version(major, minor) => write!(f, "{major}.{minor}"),
            Self::None => f.write_str("none"),
        }
    }
}

impl Artefact {
    /// The package that it is made of.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Shared | Self::Static => "rtm-ffi",
            Self::Program(package) => package,
        }
    }

    /// rustc's word for it, when it is a library.
    pub(crate) fn crate_type(self) -> Option<&'static str> {
        match self {
            Self::Shared => Some("cdylib"),
            Self::Static => Some("staticlib"),
            Self::Program(_) => None,
        }
    }
}

/// The rows called `name`, by their own name or by their triple; a failure when there is none.
pub(crate) fn find(name: &str) -> Result<Vec<&'static Target>, Failure> {
    let is_called = |target: &&Target| target.name == name || target.triple == name;
    let found: Vec<&Target> = TARGETS.iter().filter(is_called).collect();
    match found.is_empty() {
        true => Err(Failure::new(format!(
            "{name} is not in the table of targets; `cargo xtask dist --list` shows it"
        ))),
        false => Ok(found),
    }
}

/// As [`find`], but of rows that something is built for.
pub(crate) fn find_built(name: &str) -> Result<Vec<&'static Target>, Failure> {
    let found = find(name)?;
    match found.iter().any(|target| target.artefacts.is_empty()) {
        true => {
            Err(Failure::new(format!("{name} is only type-checked: `cargo xtask dist --check`")))
        }
        false => Ok(found),
    }
}

/// The names of the rows that the word after `--target` calls, as `find` finds them.
pub(crate) fn names_after(
    word: Option<&String>,
    usage: &str,
    find: fn(&str) -> Result<Vec<&'static Target>, Failure>,
) -> Result<Vec<String>, Failure> {
    let name = word.ok_or_else(|| Failure::new(usage))?;
    Ok(find(name)?.into_iter().map(|target| target.name.to_owned()).collect())
}

/// The row called `name`.
#[cfg(test)]
pub(crate) fn named(name: &str) -> &'static Target {
    find(name).expect("a name of the table")[0]
}

const SDK: Check = Check { crates: &["rtm-ffi"], std: STD, rustflags: "", in_ci: false };
const STD: &str = "std,panic_unwind";
const PROGRAMS: Check = Check { crates: &["rtm-server", "rtm"], ..SDK };

const ANDROID: Target = Target {
    name: "",
    platform: Platform::Android,
    abi: "",
    triple: "",
    minimum: Minimum::Api(21),
    linker: Linker::Android,
    artefacts: &[Artefact::Shared],
    check: SDK,
    in_ci: false,
};

const IOS: Target = Target {
    platform: Platform::Ios,
    abi: "arm64",
    // The floor of rustc itself.
    minimum: Minimum::Version(10, 0),
    linker: Linker::Archive,
    artefacts: &[Artefact::Static],
    ..ANDROID
};

const LINUX: Target = Target {
    platform: Platform::Linux,
    minimum: Minimum::Glibc(15),
    artefacts: &[Artefact::Shared, Artefact::Static],
    ..ANDROID
};

const SERVER: Target = Target {
    platform: Platform::Linux,
    minimum: Minimum::Kernel("3.2"),
    artefacts: &[Artefact::Program("rtm-server"), Artefact::Program("rtm")],
    check: PROGRAMS,
    ..ANDROID
};

/// Who has such a machine builds them there.
const DESKTOP: Target =
    Target { linker: Linker::Host, artefacts: &[Artefact::Shared, Artefact::Static], ..ANDROID };

const BARE: Target = Target {
    platform: Platform::Bare,
    minimum: Minimum::None,
    linker: Linker::Host,
    artefacts: &[],
    ..ANDROID
};

pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "android-armeabi-v7a",
        abi: "armeabi-v7a",
        triple: "armv7-linux-androideabi",
        minimum: Minimum::Api(16),
        check: Check { in_ci: true, ..SDK },
        ..ANDROID
    },
    Target {
        name: "android-arm64-v8a",
        abi: "arm64-v8a",
        triple: "aarch64-linux-android",
        in_ci: true,
        ..ANDROID
    },
    Target {
        name: "android-x86",
        abi: "x86",
        triple: "i686-linux-android",
        minimum: Minimum::Api(16),
        ..ANDROID
    },
    Target { name: "android-x86_64", abi: "x86_64", triple: "x86_64-linux-android", ..ANDROID },
    Target {
        name: "ios-arm64",
        triple: "aarch64-apple-ios",
        check: Check { in_ci: true, ..SDK },
        ..IOS
    },
    Target {
        name: "ios-arm64-simulator",
        triple: "aarch64-apple-ios-sim",
        // The first one for machines with arm64.
        minimum: Minimum::Version(14, 0),
        ..IOS
    },
    Target {
        name: "linux-x86",
        abi: "x86",
        triple: "i686-unknown-linux-gnu",
        linker: Linker::Zig("x86-linux-gnu.2.15"),
        ..LINUX
    },
    Target {
        name: "linux-x86_64",
        abi: "x86_64",
        triple: "x86_64-unknown-linux-gnu",
        linker: Linker::Zig("x86_64-linux-gnu.2.15"),
        in_ci: true,
        ..LINUX
    },
    Target {
        name: "server-x86_64",
        abi: "x86_64",
        triple: "x86_64-unknown-linux-musl",
        linker: Linker::Zig("x86_64-linux-musl"),
        ..SERVER
    },
    Target {
        name: "server-arm64",
        abi: "arm64",
        triple: "aarch64-unknown-linux-musl",
        // The first one for arm64.
        minimum: Minimum::Kernel("3.7"),
        linker: Linker::Zig("aarch64-linux-musl"),
        ..SERVER
    },
    Target {
        name: "macos-arm64",
        platform: Platform::Macos,
        abi: "arm64",
        triple: "aarch64-apple-darwin",
        minimum: Minimum::Version(11, 0),
        ..DESKTOP
    },
    Target {
        name: "macos-x86_64",
        platform: Platform::Macos,
        abi: "x86_64",
        triple: "x86_64-apple-darwin",
        minimum: Minimum::Version(10, 12),
        ..DESKTOP
    },
    Target {
        name: "windows-x86_64",
        platform: Platform::Windows,
        abi: "x86_64",
        triple: "x86_64-pc-windows-msvc",
        minimum: Minimum::Version(10, 0),
        ..DESKTOP
    },
    Target {
        name: "wasm",
        abi: "wasm32",
        triple: "wasm32-unknown-unknown",
        check: Check {
            crates: &["rtm-wire", "rtm-channel", "rtm-topic", "rtm-session"],
            // Randomness comes from whoever embeds the engines.
            rustflags: "--cfg getrandom_backend=\"custom\"",
            ..SDK
        },
        ..BARE
    },
    // No std at all, and 32 bits: seconds, so every change has it.
    Target {
        name: "cortex-m4",
        abi: "thumbv7em",
        triple: "thumbv7em-none-eabihf",
        check: Check { crates: &["rtm-wire"], std: "core,alloc", in_ci: true, ..SDK },
        ..BARE
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_begin_with_the_platform() {
        let names: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
        assert_eq!(names.len(), TARGETS.len());
        for target in TARGETS.iter().filter(|target| target.linker == Linker::Android) {
            assert_eq!(target.name, format!("android-{}", target.abi));
        }
    }

    #[test]
    fn every_change_has_32_bits_and_what_is_not_linux_checked_and_two_libraries_built() {
        let checked = |part: &str| TARGETS.iter().any(|t| t.check.in_ci && t.triple.contains(part));
        assert!(checked("armv7-linux") && checked("apple-ios"));
        let built: Vec<&str> = TARGETS.iter().filter(|t| t.in_ci).map(|t| t.name).collect();
        assert_eq!(built, ["android-arm64-v8a", "linux-x86_64"]);
    }

    #[test]
    fn all_that_is_promised_is_in_the_table() {
        for name in ["android-armeabi-v7a", "android-x86", "android-x86_64", "ios-arm64"] {
            assert!(!named(name).artefacts.is_empty(), "{name}");
        }
        for name in ["linux-x86", "linux-x86_64"] {
            assert_eq!(named(name).minimum, Minimum::Glibc(15));
            assert_eq!(named(name).artefacts, [Artefact::Shared, Artefact::Static]);
        }
    }
}
