//! A Rust toolchain that a command may use, and how to start its cargo.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::process::{cargo, program_in_root, read, succeeds};

/// The first Rust that knows the edition of the workspace.
const MINOR_VERSION_MIN: u32 = 85;

/// Cargo and rustc of one version.
pub(crate) struct Toolchain {
    pub(crate) name: String,
    program: Program,
}

enum Program {
    /// The toolchain that runs us.
    Own,
    /// Another one of rustup, by its version.
    Rustup(String),
    /// Programs in a folder, with the folders of their libraries (none for the system's own).
    Folder { bin: PathBuf, libraries: Vec<PathBuf> },
}

impl Toolchain {
    /// The toolchain that runs us.
    pub(crate) fn own() -> Self {
        Self { name: "the active toolchain".to_owned(), program: Program::Own }
    }

    /// A toolchain of rustup, when it is installed.
    pub(crate) fn of_rustup(version: &str) -> Option<Self> {
        let installed =
            succeeds(program_in_root(Path::new("rustup")).args(["run", version, "rustc", "-V"]));
        installed.then(|| Self {
            name: format!("rustup's {version}"),
            program: Program::Rustup(version.to_owned()),
        })
    }

    /// The distribution's own, when it is new enough and its sources of std are there too.
    pub(crate) fn of_system() -> Option<Self> {
        let bin = PathBuf::from("/usr/bin");
        let toolchain = Self {
            name: "the distribution's toolchain".to_owned(),
            program: Program::Folder { bin, libraries: Vec::new() },
        };
        let is_usable = toolchain.minor_version() >= Some(MINOR_VERSION_MIN);
        (is_usable && toolchain.has_std_sources()).then_some(toolchain)
    }

    /// Debian packages unpacked in `folder`.
    pub(crate) fn in_folder(name: &str, folder: &Path) -> Self {
        let machine = format!("{}-linux-gnu", std::env::consts::ARCH);
        let libraries = ["usr/lib", "lib"].map(|lib| folder.join(lib).join(&machine)).into();
        let bin = folder.join("usr/bin");
        Self { name: name.to_owned(), program: Program::Folder { bin, libraries } }
    }

    /// Its cargo, to be run in the workspace's root.
    pub(crate) fn cargo(&self) -> Command {
        match &self.program {
            Program::Own => cargo(&[]),
            Program::Rustup(_) | Program::Folder { .. } => self.tool("cargo"),
        }
    }

    /// Whether its std for `triple` is installed.
    pub(crate) fn has_std(&self, triple: &str) -> bool {
        self.print("target-libdir", &["--target", triple]).is_some_and(|path| path.is_dir())
    }

    /// Whether it can build std itself.
    pub(crate) fn has_std_sources(&self) -> bool {
        self.print("sysroot", &[])
            .is_some_and(|path| path.join("lib/rustlib/src/rust/library/Cargo.toml").exists())
    }

    /// What its rustc says of itself, a line.
    pub(crate) fn version(&self) -> Result<String, Failure> {
        Ok(read(self.tool("rustc").arg("--version"))?.trim().to_owned())
    }

    /// The folder of its libraries and sources.
    pub(crate) fn sysroot(&self) -> Result<PathBuf, Failure> {
        self.print("sysroot", &[])
            .ok_or_else(|| Failure::new(format!("{} has no sysroot", self.name)))
    }

    /// A program of the toolchain's own for this machine, such as its objcopy.
    pub(crate) fn host_tool(&self, name: &str) -> Option<PathBuf> {
        // Beside the folder of the libraries for this machine.
        let program = self.print("target-libdir", &[])?.parent()?.join("bin").join(name);
        program.exists().then_some(program)
    }

    /// 85 of 1.85.0; `None` when there is no such rustc.
    fn minor_version(&self) -> Option<u32> {
        let text = read(self.tool("rustc").arg("--version")).ok()?;
        text.strip_prefix("rustc 1.")?.split('.').next()?.parse().ok()
    }

    fn print(&self, what: &str, arguments: &[&str]) -> Option<PathBuf> {
        let mut rustc = self.tool("rustc");
        rustc.args(["--print", what]).args(arguments);
        read(&mut rustc).ok().map(|text| PathBuf::from(text.trim()))
    }

    fn tool(&self, name: &str) -> Command {
        match &self.program {
            Program::Own => program_in_root(Path::new(name)),
            Program::Rustup(version) => {
                let mut command = program_in_root(Path::new("rustup"));
                // The cargo that runs us names its own rustc and libraries to its children.
                command.args(["run", version, name]).env_remove("RUSTC").env_remove("CARGO");
                command
            }
            Program::Folder { bin, libraries } => {
                let mut command = program_in_root(&bin.join(name));
                let paths: Vec<OsString> = libraries.iter().map(|p| p.clone().into()).collect();
                command.env("RUSTC", bin.join("rustc"));
                command.env("LD_LIBRARY_PATH", paths.join(&OsString::from(":")));
                command.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
                command
            }
        }
    }
}
