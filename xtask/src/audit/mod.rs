//! `cargo xtask audit`: would these files load on the oldest systems that we promise?
//!
//! It reads finished files and trusts no build: what is refused here was made wrongly, whoever made
//! it. The gates are in gates.rs; each has a file in the tests that it refuses.

mod archive;
mod elf;
mod gates;
mod imports;
mod rules;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::dist::build::described;
use crate::dist::manifest::{self, Kind, Manifest};
use crate::dist::targets::{Platform, Target, find_built, names_after};
use crate::failure::Failure;
use crate::process::{program_in_root, read};
use archive::Archive;
use elf::Image;
use gates::{Contents, GATES, Subject};
use rules::{Rules, Weighed};

const USAGE: &str = "usage: cargo xtask audit [--target NAME].. [--file PATH] [--record]";

/// What the words of the command line ask for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wishes {
    names: Vec<String>,
    file: Option<PathBuf>,
    record: bool,
}

pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let wishes = parse(words)?;
    let mut rules = Rules::read()?;
    if let (Some(path), [name]) = (&wishes.file, wishes.names.as_slice()) {
        let target = find_built(name)?[0];
        return finish(audit_file(target, path, kind_of(path), &rules)?.1, 1);
    }
    let (mut refusals, mut sizes, mut commits) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
    for (target, mut manifest) in manifest::built(&wishes.names)? {
        refusals.extend(audit(target, &mut manifest, &rules)?);
        commits.insert(manifest.commit.clone());
        for file in manifest.files.iter().filter(|file| file.kind.is_artefact()) {
            sizes.insert(format!("{}/{}", target.name, file.name), file.size);
        }
    }
    manifest::write_all()?;
    let audited = sizes.len();
    if wishes.record && refusals.is_empty() {
        rules.sizes.history.push(weighed(sizes, &commits)?);
        rules.sizes.write()?;
    }
    finish(refusals, audited)
}

/// Audits what was built for a target, and writes into its manifest what the gates say; refusals.
fn audit(target: &Target, manifest: &mut Manifest, rules: &Rules) -> Result<Vec<String>, Failure> {
    if !matches!(target.platform, Platform::Android | Platform::Ios | Platform::Linux) {
        manifest.audit = vec!["not audited: there are no gates for it".to_owned()];
        println!("audit: {}: not audited: there are no gates for it", target.name);
        manifest.write()?;
        return Ok(Vec::new());
    }
    // Until it has ended well.
    manifest.audit = vec!["REFUSED: the audit did not end".to_owned()];
    manifest.write()?;
    let (mut said, mut refusals) = (Vec::new(), Vec::new());
    for file in manifest.files.iter().filter(|file| file.kind.is_artefact()) {
        if described(&manifest.folder(), &file.name, file.kind)?.sha256 != file.sha256 {
            let name = format!("{}/{}", target.name, file.name);
            return Err(Failure::new(format!("{name} is not the file that dist has built")));
        }
        let path = manifest.folder().join(&file.name);
        let (remarks, refused) = audit_file(target, &path, file.kind, rules)?;
        said.extend(remarks);
        said.extend(refused.iter().map(|refusal| format!("REFUSED {refusal}")));
        refusals.extend(refused);
    }
    manifest.audit = said;
    manifest.write()?;
    Ok(refusals)
}

fn parse(words: &[String]) -> Result<Wishes, Failure> {
    let mut wishes = Wishes::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--record" => wishes.record = true,
            "--file" => {
                let path = words.next().ok_or_else(|| Failure::new(USAGE))?;
                // As the person sees it, not as the workspace does.
                wishes.file = Some(std::env::current_dir()?.join(path));
            }
            "--target" => wishes.names.extend(names_after(words.next(), USAGE, find_built)?),
            _ => return Err(Failure::new(USAGE)),
        }
    }
    if wishes.file.is_some() && (wishes.names.len() != 1 || wishes.record) {
        return Err(Failure::new("--file needs one --target, whose rules hold, and no --record"));
    }
    Ok(wishes)
}

fn kind_of(path: &Path) -> Kind {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("a") => Kind::Static,
        Some("so") => Kind::Shared,
        _ => Kind::Program,
    }
}

/// What all gates say of one file: remarks, and refusals.
fn audit_file(
    target: &Target,
    path: &Path,
    kind: Kind,
    rules: &Rules,
) -> Result<(Vec<String>, Vec<String>), Failure> {
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bytes =
        fs::read(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    let contents = match kind {
        Kind::Static => Archive::read(&bytes).map(Contents::Archive),
        _ => Image::read(&bytes).map(Contents::Image),
    };
    let name = format!("{}/{file}", target.name);
    let contents = contents.map_err(|failure| Failure::new(format!("{name} {failure}")))?;
    let subject = Subject { target, kind, name: name.clone(), bytes: &bytes, contents, rules };
    let (mut remarks, mut refusals) = (Vec::new(), Vec::new());
    for gate in GATES {
        match (gate.check)(&subject) {
            None => {}
            Some(Ok(remark)) => remarks.push(format!("{file} {}: {remark}", gate.name)),
            Some(Err(refusal)) => refusals.push(format!("{name}: {}: {refusal}", gate.name)),
        }
    }
    println!("audit: {name}: {} gates passed, {} refused", remarks.len(), refusals.len());
    Ok((remarks, refusals))
}

fn finish(refusals: Vec<String>, audited: usize) -> Result<(), Failure> {
    for refusal in &refusals {
        println!("audit: REFUSED {refusal}");
    }
    match refusals.len() {
        0 => Ok(()),
        count => Err(Failure::new(format!("{count} refusals in {audited} files"))),
    }
}

fn weighed(sizes: BTreeMap<String, u64>, commits: &BTreeSet<String>) -> Result<Weighed, Failure> {
    let Some(commit) = commits.first().filter(|_| commits.len() == 1) else {
        let all = commits.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        return Err(Failure::new(format!("built at {all}: only one build can be recorded")));
    };
    let mut git = program_in_root(Path::new("git"));
    git.args(["show", "-s", "--format=%cs"]).arg(commit.trim_end_matches('+'));
    Ok(Weighed {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: commit.clone(),
        date: read(&mut git)?.trim().to_owned(),
        sizes,
    })
}
