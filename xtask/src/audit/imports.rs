//! The gate of imports: what a file asks of the system, against what the oldest one has.

use std::collections::BTreeMap;

use super::archive::Archive;
use super::elf::Image;
use super::gates::{Contents, Subject, Verdict, list, pass_if};
use crate::dist::targets::Minimum;

/// Refuses what the oldest system lacks.
pub(super) fn imports(subject: &Subject<'_>) -> Option<Verdict> {
    match (subject.target.minimum, &subject.contents) {
        (Minimum::Api(level), Contents::Image(image)) => {
            Some(android_imports(subject, image, level))
        }
        (Minimum::Glibc(minor), Contents::Image(image)) => Some(glibc_imports(image, minor)),
        (Minimum::Glibc(minor), Contents::Archive(archive)) => {
            Some(archive_imports(&subject.rules.linux, archive, "glibc", (2, minor)))
        }
        (Minimum::Version(major, minor), Contents::Archive(archive)) => {
            Some(archive_imports(&subject.rules.ios, archive, "iOS", (major, minor)))
        }
        _ => None,
    }
}

fn android_imports(subject: &Subject<'_>, image: &Image, level: u32) -> Verdict {
    let mut refused = Vec::new();
    for import in &image.imports {
        let known = subject.rules.android.iter().find(|symbol| symbol.name == import.name);
        match known.map(|symbol| symbol.level(subject.target.abi)) {
            None => refused.push(format!("{} (not in our list)", import.name)),
            // What is weak may be missing.
            Some(Some(_)) if import.weak => {}
            Some(Some(first)) if first <= level => {
                let library = known.map(|symbol| format!("{}.so", symbol.library));
                if library.is_some_and(|library| !image.needed.contains(&library)) {
                    // Old loaders look nowhere else.
                    refused.push(format!("{} (its library is not needed: link it)", import.name));
                }
            }
            Some(Some(first)) => refused.push(format!("{} (level {first})", import.name)),
            Some(None) => refused.push(format!("{} (never on this ABI)", import.name)),
        }
    }
    let count = image.imports.len();
    let todo = "use something older, write a shim, or list it in platforms/android/symbols.txt";
    pass_if(
        refused.is_empty(),
        format!("{count}, none above API level {level}"),
        format!("above API level {level}: {}; {todo}", list(&refused)),
    )
}

fn glibc_imports(image: &Image, minor: u32) -> Verdict {
    let mut newest = (0, 0);
    let mut refused = Vec::new();
    for import in &image.imports {
        let Some(version) = import.version.as_deref() else {
            if !import.weak {
                refused.push(format!("{} (in no library that it was linked with)", import.name));
            }
            continue;
        };
        match version.strip_prefix("GLIBC_").map(glibc_version) {
            Some(Some(found)) if found <= (2, minor) => newest = newest.max(found),
            Some(_) => refused.push(format!("{} ({version})", import.name)),
            None if version.starts_with("GCC_") => {
                refused.push(format!("{} ({version}: libgcc_s must not be needed)", import.name));
            }
            None => {}
        }
    }
    // Also those that no symbol has: they stand for what the loader must be able to do.
    for version in image.versions.iter().filter_map(|name| name.strip_prefix("GLIBC_")) {
        if glibc_version(version).is_none_or(|found| found > (2, minor)) {
            refused.push(format!("the version GLIBC_{version}"));
        }
    }
    let count = image.imports.len();
    pass_if(
        refused.is_empty(),
        format!("{count}, none above GLIBC_{}.{}", newest.0, newest.1),
        format!("above glibc 2.{minor}: {}; link against the older glibc", list(&refused)),
    )
}

/// `(2, 14)` of 2.14, and of 2.14.1.
fn glibc_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// What a static library leaves to the system, by a list of ours.
fn archive_imports(
    known: &BTreeMap<String, (u32, u32)>,
    archive: &Archive,
    system: &str,
    minimum: (u32, u32),
) -> Verdict {
    let mut refused = Vec::new();
    for name in &archive.undefined {
        match known.get(name) {
            None => refused.push(format!("{name} (not in our list)")),
            Some(first) if *first <= minimum => {}
            Some((major, minor)) => refused.push(format!("{name} ({major}.{minor})")),
        }
    }
    let ((major, minor), count) = (minimum, archive.undefined.len());
    let folder = system.replace("glibc", "linux").to_lowercase();
    let todo = format!("use something older, or list it in platforms/{folder}/symbols.txt");
    pass_if(
        refused.is_empty(),
        format!("{count}, none above {system} {major}.{minor}"),
        format!("above {system} {major}.{minor}: {}; {todo}", list(&refused)),
    )
}
