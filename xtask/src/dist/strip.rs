//! Splits debug symbols off a finished file.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::process::{program_in_root, run, succeeds};
use crate::toolchain::Toolchain;

const NOTHING_FOUND: &str = "no objcopy of LLVM here, to split off debug symbols: rustup's \
    toolchains bring one, or on Debian `apt-get install llvm`";

/// LLVM's objcopy, which knows ELF and Mach-O.
pub(crate) struct Objcopy {
    program: PathBuf,
}

impl Objcopy {
    pub(crate) fn find() -> Result<Self, Failure> {
        let own = Toolchain::own().host_tool("rust-objcopy");
        let candidates = own.into_iter().chain([PathBuf::from("llvm-objcopy")]);
        let found = candidates.into_iter().find(|p| succeeds(program_in_root(p).arg("--version")));
        found.map(|program| Self { program }).ok_or_else(|| Failure::new(NOTHING_FOUND))
    }

    /// Puts a stripped copy of the ELF file `built` at `stripped`, and the rest at `symbols`.
    pub(crate) fn split(
        &self,
        built: &Path,
        stripped: &Path,
        symbols: &Path,
    ) -> Result<(), Failure> {
        let objcopy = || program_in_root(&self.program);
        run(objcopy().arg("--only-keep-debug").arg(built).arg(symbols))?;
        let mut link = std::ffi::OsString::from("--add-gnu-debuglink=");
        link.push(symbols);
        run(objcopy().args(["--strip-all"]).arg(link).arg(built).arg(stripped))
    }

    /// The same for a static library, whose symbols are in a second, whole copy.
    pub(crate) fn split_archive(
        &self,
        built: &Path,
        stripped: &Path,
        symbols: &Path,
    ) -> Result<(), Failure> {
        fs::copy(built, symbols)?;
        run(program_in_root(&self.program).arg("--strip-debug").arg(built).arg(stripped))
    }
}
