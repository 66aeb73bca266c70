//! What an ELF file asks of the system that loads it, read from the finished file.

use std::collections::BTreeSet;

use object::elf;
use object::read::elf::{Dyn, ElfFile, FileHeader, ProgramHeader, SectionHeader, Sym};
use object::{Endianness, FileKind, Object, ObjectSection};

use crate::failure::Failure;

/// The facts that the gates look at.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    pub(super) machine: u16,
    pub(super) bits: u8,
    pub(super) soname: Option<String>,
    pub(super) needed: Vec<String>,
    pub(super) interpreter: bool,
    pub(super) imports: Vec<Import>,
    pub(super) exports: BTreeSet<String>,
    /// Of each loaded segment.
    pub(super) alignments: Vec<u64>,
    pub(super) writable_code: bool,
    pub(super) executable_stack: bool,
    pub(super) relro: bool,
    pub(super) thread_local: bool,
    pub(super) text_relocations: bool,
    pub(super) packed_relocations: bool,
    pub(super) search_path: bool,
    pub(super) hash: bool,
    pub(super) gnu_hash: bool,
    pub(super) build_id: Option<Vec<u8>>,
    pub(super) debug_sections: bool,
    pub(super) symbol_table: bool,
    pub(super) binds_now: bool,
    pub(super) static_tls: bool,
    /// Versions that the loader asks of other libraries, whether a symbol has them or not.
    pub(super) versions: BTreeSet<String>,
    /// Where the data end that are protected after loading.
    pub(super) relro_end: u64,
    has_sections: bool,
    /// Where the loader finds what to load, and where the table of sections says that it is.
    dynamic: [Option<u64>; 2],
}

/// A symbol that another library must have.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    pub(super) name: String,
    /// Loads without it, too.
    pub(super) weak: bool,
    /// As `GLIBC_2.2.5`.
    pub(super) version: Option<String>,
}

impl Image {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Failure> {
        let image = match FileKind::parse(bytes) {
            Ok(FileKind::Elf32) => of::<elf::FileHeader32<Endianness>>(bytes),
            Ok(FileKind::Elf64) => of::<elf::FileHeader64<Endianness>>(bytes),
            _ => return Err(Failure::new("is no ELF file")),
        };
        let image =
            image.map_err(|error| Failure::new(format!("is a broken ELF file: {error}")))?;
        // Loaders don't need the table; without it we would see no symbol, and refuse none.
        if !image.has_sections {
            return Err(Failure::new(
                "has no table of sections, so that nothing can be read of it",
            ));
        }
        if image.dynamic[0] != image.dynamic[1] {
            return Err(Failure::new("has a table of sections that hides what is loaded"));
        }
        Ok(image)
    }
}

fn of<H: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> object::Result<Image> {
    let file = ElfFile::<H>::parse(bytes)?;
    let endian = file.endian();
    let header = file.elf_header();
    let mut image = Image {
        machine: header.e_machine(endian).0,
        bits: if header.is_class_64() { 64 } else { 32 },
        build_id: file.build_id()?.map(<[u8]>::to_vec),
        debug_sections: file.sections().any(|section| section.name().is_ok_and(is_debug_info)),
        symbol_table: !file.elf_symbol_table().is_empty(),
        has_sections: file.elf_section_table().iter().count() > 1,
        ..Image::default()
    };
    let mut has_stack = false;
    for segment in file.elf_program_headers() {
        let flags = segment.p_flags(endian);
        match segment.p_type(endian) {
            elf::PT_LOAD => {
                image.alignments.push(segment.p_align(endian).into());
                image.writable_code |= flags.contains(elf::PF_W) && flags.contains(elf::PF_X);
            }
            elf::PT_TLS => image.thread_local = true,
            elf::PT_INTERP => image.interpreter = true,
            elf::PT_GNU_RELRO => {
                image.relro = true;
                let (begin, size) =
                    (segment.p_vaddr(endian).into(), segment.p_memsz(endian).into());
                image.relro_end = u64::wrapping_add(begin, size);
            }
            elf::PT_DYNAMIC => image.dynamic[0] = Some(segment.p_offset(endian).into()),
            elf::PT_GNU_STACK => {
                has_stack = true;
                image.executable_stack = flags.contains(elf::PF_X);
            }
            _ => {}
        }
    }
    // Without the header the kernel and the loader take the stack for code.
    image.executable_stack |= !has_stack;
    let mut sections = file.elf_section_table().iter();
    let section = sections.find(|section| section.sh_type(endian) == elf::SHT_DYNAMIC);
    image.dynamic[1] = section.map(|section| section.sh_offset(endian).into());
    symbols(&file, &mut image)?;
    dynamic(&file, &mut image)?;
    Ok(image)
}

fn symbols<H: FileHeader<Endian = Endianness>>(
    file: &ElfFile<'_, H>,
    image: &mut Image,
) -> object::Result<()> {
    let (endian, data) = (file.endian(), file.data());
    let sections = file.elf_section_table();
    let versions = sections.versions(endian, data)?;
    let table = file.elf_dynamic_symbol_table();
    for (index, symbol) in table.enumerate() {
        let name = String::from_utf8_lossy(table.symbol_name(endian, symbol)?).into_owned();
        if name.is_empty() || symbol.is_local() {
            continue;
        }
        if symbol.is_undefined(endian) {
            let mut version = None;
            if let Some(versions) = &versions {
                let index = versions.version_index(endian, index).index();
                if let Some(found) = versions.version(index)? {
                    version = Some(String::from_utf8_lossy(found.name()).into_owned());
                }
            }
            image.imports.push(Import { name, weak: symbol.st_bind() == elf::STB_WEAK, version });
        } else {
            image.exports.insert(name);
        }
    }
    image.imports.sort();
    let Some((mut needs, link)) = sections.gnu_verneed(endian, data)? else { return Ok(()) };
    let strings = sections.strings(endian, data, link)?;
    while let Some((_, mut versions)) = needs.next()? {
        while let Some(version) = versions.next()? {
            let name = String::from_utf8_lossy(version.name(endian, strings)?).into_owned();
            image.versions.insert(name);
        }
    }
    Ok(())
}

fn dynamic<H: FileHeader<Endian = Endianness>>(
    file: &ElfFile<'_, H>,
    image: &mut Image,
) -> object::Result<()> {
    let (endian, data) = (file.endian(), file.data());
    let Some((entries, strings)) = file.elf_section_table().dynamic(endian, data)? else {
        return Ok(());
    };
    let strings = file.elf_section_table().strings(endian, data, strings)?;
    for entry in entries {
        let tag = entry.d_tag(endian);
        let text = || -> object::Result<String> {
            Ok(String::from_utf8_lossy(entry.string(endian, strings)?).into_owned())
        };
        let value: u64 = entry.d_val(endian).into();
        match tag {
            elf::DT_NEEDED => image.needed.push(text()?),
            elf::DT_SONAME => image.soname = Some(text()?),
            elf::DT_RPATH | elf::DT_RUNPATH => image.search_path = true,
            elf::DT_TEXTREL => image.text_relocations = true,
            elf::DT_FLAGS => {
                image.text_relocations |= value & DF_TEXTREL != 0;
                image.binds_now |= value & DF_BIND_NOW != 0;
                image.static_tls |= value & DF_STATIC_TLS != 0;
            }
            elf::DT_BIND_NOW => image.binds_now = true,
            elf::DT_FLAGS_1 => image.binds_now |= value & DF_1_NOW != 0,
            elf::DT_HASH => image.hash = true,
            elf::DT_GNU_HASH => image.gnu_hash = true,
            tag if PACKED.contains(&tag.0) => image.packed_relocations = true,
            _ => {}
        }
    }
    Ok(())
}

/// Whether a section is debug information; `.debug_gdb_scripts` is a line that is loaded.
pub(super) fn is_debug_info(name: &str) -> bool {
    let begins = [".debug_", ".zdebug_", "__debug_"];
    begins.iter().any(|begin| name.starts_with(begin)) && !name.ends_with("_gdb_scripts")
}

/// `DT_RELR`, and what Android had before it (`DT_ANDROID_REL`, `_RELA`, `_RELR`): unknown to old
/// loaders.
const PACKED: &[i64] = &[36, 0x6000_000f, 0x6000_0011, 0x6fff_e000];

/// In `DT_FLAGS`: relocations change code.
const DF_TEXTREL: u64 = 0x4;
/// In `DT_FLAGS`: all relocations are made while loading, so their table can be protected.
const DF_BIND_NOW: u64 = 0x8;
/// In `DT_FLAGS`: storage of threads must have its place when the program starts.
const DF_STATIC_TLS: u64 = 0x10;
/// In `DT_FLAGS_1`: as `DF_BIND_NOW`.
const DF_1_NOW: u64 = 0x1;
