//! What a static library holds and needs, read from its members.

use std::collections::BTreeSet;

use object::macho;
use object::read::archive::ArchiveFile;
use object::read::macho::{LoadCommandVariant, MachHeader, MachOFile64};
use object::{
    Architecture, Endianness, File, FileKind, Object, ObjectSection, ObjectSymbol, SymbolScope,
};

use super::elf::is_debug_info;
use crate::failure::Failure;

/// The facts that the gates look at, of all members together.
#[derive(Clone, Debug, Default)]
pub(super) struct Archive {
    pub(super) members: usize,
    /// Of each member that has code; `(platform, major, minor)` of Mach-O.
    pub(super) architectures: BTreeSet<String>,
    /// `elf` or `macho`.
    pub(super) formats: BTreeSet<String>,
    pub(super) deployments: BTreeSet<(u32, u32, u32)>,
    /// Members that don't say which system they are for.
    pub(super) homeless: usize,
    pub(super) defined: BTreeSet<String>,
    /// Of these, what everybody sees and another library can't define too.
    pub(super) strong: BTreeSet<String>,
    /// What no member defines.
    pub(super) undefined: BTreeSet<String>,
    pub(super) debug_sections: bool,
}

impl Archive {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Failure> {
        read(bytes).map_err(|error| Failure::new(format!("is no static library: {error}")))
    }
}

fn read(bytes: &[u8]) -> object::Result<Archive> {
    let mut archive = Archive::default();
    let mut needed = BTreeSet::new();
    for member in ArchiveFile::parse(bytes)?.members() {
        let data = member?.data(bytes)?;
        // Also the compiler's own forms of code, which no other linker reads.
        let kind = FileKind::parse(data)?;
        archive.members += 1;
        let file = File::parse(data)?;
        archive.architectures.insert(architecture(file.architecture()));
        archive.formats.insert(format!("{:?}", file.format()).to_lowercase());
        archive.debug_sections |=
            file.sections().any(|section| section.name().is_ok_and(is_debug_info));
        let is_macho = kind == FileKind::MachO64;
        if is_macho {
            let deployment = deployment(data)?;
            archive.homeless += usize::from(deployment.is_none());
            archive.deployments.extend(deployment);
        }
        for symbol in file.symbols().filter(|symbol| !symbol.is_local()) {
            let name = symbol.name()?;
            // Mach-O has an underline before what C wrote.
            let name = if is_macho { name.strip_prefix('_').unwrap_or(name) } else { name };
            if symbol.is_undefined() && !name.is_empty() {
                // What is weak may be missing.
                if !symbol.is_weak() {
                    needed.insert(name.to_owned());
                }
            } else if symbol.is_global() && !name.is_empty() {
                archive.defined.insert(name.to_owned());
                if !symbol.is_weak() && symbol.scope() == SymbolScope::Dynamic {
                    archive.strong.insert(name.to_owned());
                }
            }
        }
    }
    archive.undefined = &needed - &archive.defined;
    Ok(archive)
}

fn architecture(architecture: Architecture) -> String {
    format!("{architecture:?}").to_lowercase()
}

/// The platform and the oldest system that a Mach-O object says it is for.
fn deployment(data: &[u8]) -> object::Result<Option<(u32, u32, u32)>> {
    let file = MachOFile64::<Endianness>::parse(data)?;
    let endian = file.endian();
    let mut commands = file.macho_header().load_commands(endian, data, 0)?;
    while let Some(command) = commands.next()? {
        let (platform, version) = match command.variant()? {
            LoadCommandVariant::BuildVersion(build, _) => {
                (build.platform.get(endian).0, build.minos.get(endian))
            }
            LoadCommandVariant::VersionMin(version)
                if command.cmd() == macho::LC_VERSION_MIN_IPHONEOS =>
            {
                (macho::PLATFORM_IOS.0, version.version.get(endian))
            }
            _ => continue,
        };
        return Ok(Some((platform, version.0 >> 16, version.0 >> 8 & 0xff)));
    }
    Ok(None)
}
