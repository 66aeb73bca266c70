//! What a target's folder holds, as `manifest.json` in it says.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::dist::targets::{TARGETS, Target};
use crate::failure::Failure;
use crate::process::target_folder;

/// The artefacts of one target, and how they were made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) target: String,
    pub(crate) platform: String,
    pub(crate) abi: String,
    pub(crate) triple: String,
    pub(crate) minimum: String,
    /// The project's version, and the commit (with `+` when files differed from it).
    pub(crate) version: String,
    pub(crate) commit: String,
    pub(crate) toolchain: String,
    pub(crate) std: String,
    pub(crate) linker: String,
    pub(crate) seconds: f64,
    pub(crate) files: Vec<File>,
    /// What the audit said, and what ran; written by those commands.
    #[serde(default)]
    pub(crate) audit: Vec<String>,
    #[serde(default)]
    pub(crate) ran: Vec<String>,
}

/// One file beside the manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Shared,
    Static,
    Program,
    Symbols,
    Header,
    Sbom,
}

impl Kind {
    /// Whether it is what others install or link; the rest goes along.
    pub(crate) fn is_artefact(self) -> bool {
        matches!(self, Self::Shared | Self::Static | Self::Program)
    }
}

const NAME: &str = "manifest.json";

/// The folder of all targets' folders.
pub(crate) fn artefacts() -> PathBuf {
    target_folder().join("artefacts")
}

impl Manifest {
    /// That of the target called `name`, if it was built.
    fn read(name: &str) -> Result<Option<Self>, Failure> {
        let path = artefacts().join(name).join(NAME);
        let Ok(text) = fs::read_to_string(&path) else { return Ok(None) };
        let parsed = serde_json::from_str(&text);
        parsed.map(Some).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    }

    pub(crate) fn write(&self) -> Result<(), Failure> {
        write_json(&self.folder().join(NAME), self)
    }

    pub(crate) fn folder(&self) -> PathBuf {
        artefacts().join(&self.target)
    }
}

/// The targets that were built, in the order of the table: those called `names`, which must be
/// there, or all.
pub(crate) fn built(names: &[String]) -> Result<Vec<(&'static Target, Manifest)>, Failure> {
    let mut found = Vec::new();
    for target in TARGETS {
        let is_asked = names.iter().any(|name| name == target.name);
        match Manifest::read(target.name)? {
            Some(manifest) if is_asked || names.is_empty() => found.push((target, manifest)),
            None if is_asked => {
                let advice = format!("`cargo xtask dist --target {}` builds it", target.name);
                return Err(Failure::new(format!("{} was not built: {advice}", target.name)));
            }
            _ => {}
        }
    }
    match found.is_empty() {
        true => Err(Failure::new("nothing was built: `cargo xtask dist` builds")),
        false => Ok(found),
    }
}

/// Collects the manifests of all targets that were built, in one file.
pub(crate) fn write_all() -> Result<(), Failure> {
    let all: Vec<Manifest> = built(&[])?.into_iter().map(|(_, manifest)| manifest).collect();
    write_json(&artefacts().join(NAME), &all)
}

pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    Ok(fs::write(path, text + "\n")?)
}
