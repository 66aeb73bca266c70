//! What cargo knows about the packages.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::failure::Failure;
use crate::process::{cargo, read};

/// The part of `cargo metadata` that the checks read.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
}

/// One package, of the workspace or from outside.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// An SPDX expression.
    pub(crate) license: Option<String>,
    /// The registry or repository; `None` for a folder.
    pub(crate) source: Option<String>,
    /// The native library that it links.
    pub(crate) links: Option<String>,
    pub(crate) rust_version: Option<String>,
    /// The registries where it may be published: `None` for all, an empty list for none.
    pub(crate) publish: Option<Vec<String>>,
    pub(crate) features: BTreeMap<String, Vec<String>>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A dependency as the manifest declares it, optional ones included.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    pub(crate) path: Option<String>,
}

impl Metadata {
    /// Reads the members of the workspace only: fast, and without the network.
    pub(crate) fn of_members() -> Result<Self, Failure> {
        Self::parse(&["metadata", "--format-version=1", "--locked", "--no-deps"])
    }

    /// Reads the members and everything that they depend on, on every platform.
    pub(crate) fn of_all() -> Result<Self, Failure> {
        Self::parse(&["metadata", "--format-version=1", "--locked", "--all-features"])
    }

    fn parse(arguments: &[&str]) -> Result<Self, Failure> {
        let text = read(&mut cargo(arguments))?;
        serde_json::from_str(&text)
            .map_err(|error| Failure::new(format!("cargo metadata is not understood: {error}")))
    }

    /// Every package, by cargo's order.
    pub(crate) fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// The workspace's own packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }
}

impl Package {
    pub(crate) fn is_publishable(&self) -> bool {
        self.publish.as_ref().is_none_or(|registries| !registries.is_empty())
    }
}

/// The names of the packages that `package` needs with its default features, on any platform.
///
/// `edges` is cargo's word: `normal`, or `normal,build` for what runs while building as well.
pub(crate) fn tree(package: &str, edges: &str) -> Result<BTreeSet<String>, Failure> {
    let text = tree_text(package, edges, "all", "none", "{p}")?;
    let names = text.lines().filter_map(|line| line.split_whitespace().next());
    Ok(names.filter(|&name| name != package).map(str::to_owned).collect())
}

/// What `cargo tree` prints of `package`, in cargo's words: edges, target, prefix and format.
pub(crate) fn tree_text(
    package: &str,
    edges: &str,
    target: &str,
    prefix: &str,
    format: &str,
) -> Result<String, Failure> {
    let mut command = cargo(&["tree", "--locked", "--package", package, "--edges", edges]);
    command.args(["--target", target, "--prefix", prefix, "--format", format]);
    read(&mut command)
}
