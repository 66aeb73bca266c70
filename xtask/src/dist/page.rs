//! The table in docs/platforms.md, from the manifests of all targets that were built.

use std::fmt::Write as _;
use std::fs;

use crate::dist::manifest::{Manifest, built};
use crate::failure::Failure;
use crate::process::root;

const PAGE: &str = "docs/platforms.md";
const BEGIN: &str = "<!-- made by `cargo xtask dist --page`: -->\n";
const END: &str = "<!-- until here -->\n";

/// Writes the table into the page, between its marks.
pub(crate) fn write() -> Result<(), Failure> {
    let manifests: Vec<Manifest> = built(&[])?.into_iter().map(|(_, built)| built).collect();
    let path = root().join(PAGE);
    let page = replaced(&fs::read_to_string(&path)?, &table(&manifests))?;
    fs::write(path, page)?;
    println!("dist: wrote {} rows into {PAGE}", manifests.len());
    Ok(())
}

fn replaced(page: &str, table: &str) -> Result<String, Failure> {
    let parts = page.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let (before, after) =
        parts.ok_or_else(|| Failure::new(format!("{PAGE} has lost the marks of its table")))?;
    Ok(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

fn table(manifests: &[Manifest]) -> String {
    let mut text = String::from(
        "| target | minimum | files, stripped | route | audit | ran | built in |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for manifest in manifests {
        let files = manifest.files.iter().filter(|file| file.kind.is_artefact());
        let files: Vec<String> =
            files.map(|file| format!("{} {}", file.name, kibibytes(file.size))).collect();
        let refused = manifest.audit.iter().filter(|line| line.starts_with("REFUSED")).count();
        let audit = match (manifest.audit.len(), refused) {
            (0, _) => "not audited".to_owned(),
            (all, 0) => format!("{all} gates passed"),
            (all, refused) => format!("{refused} of {all} refused"),
        };
        let ran = match manifest.ran.as_slice() {
            [] => "not run".to_owned(),
            lines => lines.join("; "),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {}; {} | {audit} | {ran} | {} s |",
            manifest.target,
            manifest.minimum,
            files.join(", "),
            manifest.std,
            manifest.linker,
            manifest.seconds,
        );
    }
    let mut builds: Vec<String> =
        manifests.iter().map(|m| format!("{} at {}", m.version, m.commit)).collect();
    builds.sort_unstable();
    builds.dedup();
    let _ = writeln!(text, "\nVersion {}.", builds.join("; "));
    let mut toolchains: Vec<&str> = manifests.iter().map(|m| m.toolchain.as_str()).collect();
    toolchains.sort_unstable();
    toolchains.dedup();
    let _ = writeln!(text, "Toolchains: {}.", toolchains.join("; "));
    text
}

fn kibibytes(size: u64) -> String {
    format!("{} KiB", size.div_ceil(1024))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::manifest::{File, Kind};

    #[test]
    fn the_table_is_put_between_its_marks_and_nothing_else_changes() {
        let page = format!("before\n{BEGIN}old\n{END}after\n");
        let new = replaced(&page, "new\n").expect("it has marks");
        assert_eq!(new, format!("before\n{BEGIN}\nnew\n\n{END}after\n"));
        assert_eq!(replaced(&new, "new\n").expect("it has marks"), new);
        assert!(replaced("no marks", "new").is_err());
    }

    #[test]
    fn a_refusal_and_what_was_not_run_are_told() {
        let file = |kind| File { name: "librtm.so".into(), kind, size: 1025, sha256: "".into() };
        let manifest = Manifest {
            target: "android-x86".into(),
            platform: "Android".into(),
            abi: "x86".into(),
            triple: "i686-linux-android".into(),
            minimum: "API level 16".into(),
            version: "0.1.0".into(),
            commit: "abc".into(),
            toolchain: "rustc 1".into(),
            std: "std installed".into(),
            linker: "a linker".into(),
            seconds: 3.0,
            files: vec![file(Kind::Shared), file(Kind::Symbols)],
            audit: vec!["machine: ok".into(), "REFUSED size".into()],
            ran: Vec::new(),
        };
        let text = table(&[manifest]);
        let row = text.lines().nth(2).expect("a row");
        let expected = "| android-x86 | API level 16 | librtm.so 2 KiB | std installed; a linker | \
            1 of 2 refused | not run | 3 s |";
        assert_eq!(row, expected);
    }
}
