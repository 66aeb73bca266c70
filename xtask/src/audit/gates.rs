//! The gates: each looks at one fact of a finished file, and lets it pass or refuses it.

use std::collections::BTreeSet;

use object::{elf, macho};

use super::archive::Archive;
use super::elf::Image;
use super::imports::imports;
use super::rules::Rules;
use crate::dist::manifest::Kind;
use crate::dist::targets::{Minimum, Platform, Target};

/// One file, as the gates see it.
pub(super) struct Subject<'a> {
    pub(super) target: &'a Target,
    pub(super) kind: Kind,
    /// Target and file, as the table of sizes has it.
    pub(super) name: String,
    pub(super) bytes: &'a [u8],
    pub(super) contents: Contents,
    pub(super) rules: &'a Rules,
}

/// What the file is.
pub(super) enum Contents {
    Image(Image),
    Archive(Archive),
}

/// What a gate says: a remark for the manifest, or who is refused, why, and what to do.
pub(super) type Verdict = Result<String, String>;

/// A gate: its name, and what it says of a file; `None` where it is not for such files.
pub(super) struct Gate {
    pub(super) name: &'static str,
    pub(super) check: fn(&Subject<'_>) -> Option<Verdict>,
}

pub(super) const GATES: &[Gate] = &[
    Gate { name: "machine", check: machine },
    Gate { name: "imports", check: imports },
    Gate { name: "needed", check: |subject| subject.shared().map(|i| needed(subject, i)) },
    Gate { name: "static", check: is_static },
    Gate { name: "soname", check: |subject| subject.shared().map(soname) },
    Gate { name: "exports", check: exports },
    Gate { name: "alignment", check: |subject| subject.android().map(alignment) },
    Gate { name: "hash", check: |subject| subject.shared().map(hash) },
    Gate { name: "relocations", check: |subject| subject.image().map(relocations) },
    Gate {
        name: "thread-local",
        check: |subject| subject.shared().map(|i| thread_local(subject, i)),
    },
    Gate { name: "protection", check: |subject| subject.image().map(|i| protection(subject, i)) },
    Gate { name: "deployment", check: deployment },
    Gate { name: "paths", check: |subject| Some(paths(subject)) },
    Gate { name: "stripped", check: |subject| Some(stripped(subject)) },
    Gate { name: "size", check: |subject| Some(size(subject)) },
];

impl Subject<'_> {
    fn image(&self) -> Option<&Image> {
        match &self.contents {
            Contents::Image(image) => Some(image),
            Contents::Archive(_) => None,
        }
    }

    fn archive(&self) -> Option<&Archive> {
        match &self.contents {
            Contents::Image(_) => None,
            Contents::Archive(archive) => Some(archive),
        }
    }

    fn shared(&self) -> Option<&Image> {
        self.image().filter(|_| self.kind == Kind::Shared)
    }

    fn android(&self) -> Option<&Image> {
        self.image().filter(|_| self.target.platform == Platform::Android)
    }
}

pub(super) fn pass_if(
    passes: bool,
    remark: impl Into<String>,
    refusal: impl Into<String>,
) -> Verdict {
    if passes { Ok(remark.into()) } else { Err(refusal.into()) }
}

pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    let shown = names.iter().take(8).copied().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(8) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

fn machine(subject: &Subject<'_>) -> Option<Verdict> {
    let triple = subject.target.triple;
    let (number, bits, name) = match triple.split('-').next()? {
        "aarch64" => (elf::EM_AARCH64, 64, "aarch64"),
        "armv7" => (elf::EM_ARM, 32, "arm"),
        "i686" => (elf::EM_386, 32, "i386"),
        "x86_64" => (elf::EM_X86_64, 64, "x86_64"),
        other => return Some(Err(format!("the gate doesn't know {other}: add it there"))),
    };
    Some(match &subject.contents {
        Contents::Image(image) => pass_if(
            (image.machine, image.bits) == (number.0, bits),
            name,
            format!("machine {} with {} bits is not that of {triple}", image.machine, image.bits),
        ),
        Contents::Archive(archive) => {
            let format = if subject.target.platform == Platform::Ios { "macho" } else { "elf" };
            let others = archive.architectures.union(&archive.formats);
            pass_if(
                archive.architectures.iter().eq([name]) && archive.formats.iter().eq([format]),
                format!("{name}, {} objects", archive.members),
                format!("objects for {}, not for {triple} alone", list(others)),
            )
        }
    })
}

fn needed(subject: &Subject<'_>, image: &Image) -> Verdict {
    let allowed: &[&str] = match subject.target.platform {
        Platform::Android => &["libc.so", "libdl.so", "libm.so", "liblog.so"],
        _ => &[
            "libc.so.6",
            "libm.so.6",
            "libdl.so.2",
            "libpthread.so.0",
            "librt.so.1",
            "ld-linux.so.2",
            "ld-linux-x86-64.so.2",
        ],
    };
    let others: Vec<String> =
        image.needed.iter().filter(|name| !allowed.contains(&name.as_str())).cloned().collect();
    pass_if(
        others.is_empty(),
        list(&image.needed),
        format!("needs {}, which not every system has: link it in", list(&others)),
    )
}

fn is_static(subject: &Subject<'_>) -> Option<Verdict> {
    let image = subject.image().filter(|_| subject.kind == Kind::Program)?;
    Some(pass_if(
        image.needed.is_empty() && !image.interpreter,
        "needs no library",
        format!("needs a loader or libraries: {}", list(&image.needed)),
    ))
}

fn soname(image: &Image) -> Verdict {
    let name = image.soname.as_deref().unwrap_or("none");
    let advice = "who links it would look for another name";
    pass_if(name == "librtm.so", name, format!("SONAME is {name}, not librtm.so: {advice}"))
}

fn exports(subject: &Subject<'_>) -> Option<Verdict> {
    let wanted = &subject.rules.exports;
    let (missing, more): (Vec<String>, Vec<String>) = match &subject.contents {
        Contents::Image(image) if subject.kind == Kind::Shared => (
            wanted.difference(&image.exports).cloned().collect(),
            image.exports.difference(wanted).cloned().collect(),
        ),
        Contents::Image(_) => return None,
        Contents::Archive(archive) => {
            let is_foreign = |name: &&String| {
                let is_mangled = name.starts_with("_R") || name.starts_with("_ZN");
                !is_mangled && !wanted.contains(*name) && !is_of_std(name)
            };
            (
                wanted.difference(&archive.defined).cloned().collect(),
                archive.strong.iter().filter(is_foreign).cloned().collect(),
            )
        }
    };
    let refusal = format!(
        "not equal to the header: missing [{}], besides [{}]; see rtm-ffi/abi/symbols.txt",
        list(&missing),
        list(&more)
    );
    let passes = missing.is_empty() && more.is_empty();
    Some(pass_if(passes, format!("{} functions", wanted.len()), refusal))
}

/// What every Rust static library brings; who links two has it twice, and the linker takes one.
fn is_of_std(name: &str) -> bool {
    let begins = ["__rust", "__rdl_", "__rg_", "rust_", "_rust_"];
    begins.iter().any(|begin| name.starts_with(begin))
}

fn alignment(image: &Image) -> Verdict {
    let least = image.alignments.iter().min().copied().unwrap_or_default();
    pass_if(
        least >= 16384,
        format!("{least} bytes"),
        format!(
            "a segment is aligned to {least} bytes, and newer devices have pages of 16384: \
            -z max-page-size=16384"
        ),
    )
}

fn hash(image: &Image) -> Verdict {
    pass_if(
        image.hash && image.gnu_hash,
        "both tables",
        format!(
            "DT_HASH: {}, DT_GNU_HASH: {}; old loaders read the first only: --hash-style=both",
            image.hash, image.gnu_hash
        ),
    )
}

fn relocations(image: &Image) -> Verdict {
    if image.text_relocations {
        return Err("has text relocations, which loaders refuse: compile with -fPIC".to_owned());
    }
    pass_if(
        !image.packed_relocations,
        "none in code, none packed",
        "has packed relocations (DT_RELR or Android's): old loaders don't read them",
    )
}

fn thread_local(subject: &Subject<'_>, image: &Image) -> Verdict {
    if image.static_tls {
        let advice = "a host that loads it late may have no room: compile with -fPIC";
        return Err(format!("wants storage of threads from the start (DF_STATIC_TLS); {advice}"));
    }
    let is_android = subject.target.platform == Platform::Android;
    let refusal = "has a thread-local segment, which Android has from API level 29 only: \
        -femulated-tls, or none";
    pass_if(!(is_android && image.thread_local), "may be loaded late", refusal)
}

fn protection(subject: &Subject<'_>, image: &Image) -> Verdict {
    let mut faults = Vec::new();
    if image.executable_stack {
        faults.push("its stack is executable (-z noexecstack)");
    }
    if image.writable_code {
        faults.push("a segment can be written and executed");
    }
    if !image.relro {
        faults.push("relocated data stay writable (-z relro)");
    }
    if subject.kind == Kind::Shared && !image.binds_now {
        faults.push("its table of calls stays writable (-z now)");
    }
    if subject.target.platform == Platform::Android && image.relro_end % 16384 != 0 {
        faults.push("what is protected ends within a page of 16384 (-z common-page-size)");
    }
    if image.search_path {
        faults.push("it has a path to search libraries in (RPATH, RUNPATH)");
    }
    pass_if(faults.is_empty(), "stack, code and relocated data", faults.join("; "))
}

fn deployment(subject: &Subject<'_>) -> Option<Verdict> {
    let Minimum::Version(major, minor) = subject.target.minimum else { return None };
    let archive = subject.archive()?;
    let is_simulator = subject.target.name.ends_with("simulator");
    let platform = if is_simulator { macho::PLATFORM_IOSSIMULATOR } else { macho::PLATFORM_IOS }.0;
    let others: BTreeSet<String> = archive
        .deployments
        .iter()
        .filter(|(p, a, b)| *p != platform || (*a, *b) > (major, minor))
        .map(|(p, a, b)| format!("platform {p} from {a}.{b}"))
        .collect();
    let found: BTreeSet<String> =
        archive.deployments.iter().map(|(_, a, b)| format!("{a}.{b}")).collect();
    let expected = format!("platform {platform} from {major}.{minor}");
    Some(if archive.homeless > 0 || archive.deployments.is_empty() {
        let count = archive.homeless;
        Err(format!("{count} objects don't say which system they are for; expected {expected}"))
    } else {
        let refusal = format!("objects for {}; expected {expected}", list(&others));
        pass_if(others.is_empty(), format!("from {}", list(&found)), refusal)
    })
}

fn paths(subject: &Subject<'_>) -> Verdict {
    let found = subject.rules.private.iter().find(|path| contains(subject.bytes, path.as_bytes()));
    match found {
        None => Ok("none of the building machine".to_owned()),
        Some(path) => Err(format!("contains {path}, a path of the building machine: remap it")),
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    let first = part.first().copied().unwrap_or_default();
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == first) {
        rest = &rest[at..];
        if rest.starts_with(part) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

fn stripped(subject: &Subject<'_>) -> Verdict {
    let has_debug = match &subject.contents {
        Contents::Image(image) => image.debug_sections,
        Contents::Archive(archive) => archive.debug_sections,
    };
    if has_debug || subject.image().is_some_and(|image| image.symbol_table) {
        return Err("has debug sections or a table of symbols: they belong beside it".to_owned());
    }
    let has_id = subject.image().is_none_or(|image| image.build_id.is_some());
    let refusal = "has no build id, by which a crash finds its debug symbols: --build-id";
    pass_if(has_id, "no debug sections", refusal)
}

fn size(subject: &Subject<'_>) -> Verdict {
    let size = subject.bytes.len() as u64;
    let Some(budget) = subject.rules.sizes.budgets.get(&subject.name).copied() else {
        return Err(format!("{} has no budget in platforms/sizes.json", subject.name));
    };
    pass_if(
        size <= budget,
        format!("{size} of {budget} bytes"),
        format!("{size} bytes for a budget of {budget}: find out why, or raise it there"),
    )
}
