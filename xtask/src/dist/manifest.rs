//! What a target's folder holds, as `manifest.json` in it says.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

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

const NAME: &str = "manifest.json";

/// The folder of all targets' folders.
pub(crate) fn artefacts() -> PathBuf {
    target_folder().join("artefacts")
}

impl Manifest {
    /// That of the target called `name`, if it was built.
    pub(crate) fn read(name: &str) -> Result<Option<Self>, Failure> {
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

/// Collects the manifests of all targets that were built, in one file.
pub(crate) fn write_all(names: &[&str]) -> Result<(), Failure> {
    let mut all = Vec::new();
    for name in names {
        all.extend(Manifest::read(name)?);
    }
    write_json(&artefacts().join(NAME), &all)
}

pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    Ok(fs::write(path, text + "\n")?)
}
