//! `cargo xtask deps`: licences, sources and bans of everything that we depend on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde::Deserialize;

use crate::failure::Failure;
use crate::licence;
use crate::metadata::{Metadata, Package, tree};
use crate::process::root;
use crate::refuse_words;

/// The rules, as `xtask/deps.toml` writes them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    licences: Vec<String>,
    /// Names of tools that only tests use, and the licence that each may have.
    tools: Vec<(String, String)>,
    sdk: Vec<String>,
    ban: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ban {
    /// Whose trees; empty for every package that cargo knows here.
    #[serde(default)]
    roots: Vec<String>,
    crates: Vec<String>,
    reason: String,
}

pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    refuse_words(words)?;
    let text = fs::read_to_string(root().join("xtask/deps.toml"))?;
    let rules: Rules =
        toml::from_str(&text).map_err(|error| Failure::new(format!("xtask/deps.toml: {error}")))?;
    let metadata = Metadata::of_all()?;
    let packages = metadata.packages();
    let trees = read_trees(&rules, packages)?;

    report_duplicates(packages);
    let mut findings = licences(&rules, packages);
    findings.extend(sources(packages));
    findings.extend(bans(&rules, &trees, packages));
    findings.extend(native_links(&rules, &trees, packages));
    for finding in &findings {
        eprintln!("deps: {finding}");
    }
    if findings.is_empty() {
        println!("deps: {} packages are fine", packages.len());
        return Ok(());
    }
    Err(Failure::new(format!("{} dependencies break the rules", findings.len())))
}

/// The tree below each root that a rule names; a root that isn't there yet is left out.
fn read_trees(
    rules: &Rules,
    packages: &[Package],
) -> Result<BTreeMap<String, BTreeSet<String>>, Failure> {
    let roots = rules.ban.iter().flat_map(|ban| &ban.roots).chain(&rules.sdk);
    let mut trees = BTreeMap::new();
    for root in roots.filter(|&root| packages.iter().any(|package| package.name == *root)) {
        if !trees.contains_key(root) {
            trees.insert(root.clone(), tree(root, "normal,build")?);
        }
    }
    Ok(trees)
}

fn licences(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages {
        let is_tools = |licence: &str| {
            rules.tools.iter().any(|(name, its)| *name == package.name && its == licence)
        };
        let allowed = |licence: &str| {
            rules.licences.iter().any(|entry| entry == licence) || is_tools(licence)
        };
        match &package.license {
            Some(expression) if licence::is_satisfied(expression, allowed) => {}
            Some(expression) => {
                findings.push(format!("{} {}: licence {expression}", package.name, package.version))
            }
            None => findings.push(format!("{} {}: no licence", package.name, package.version)),
        }
    }
    findings
}

/// Packages come from one registry or from this workspace.
fn sources(packages: &[Package]) -> Vec<String> {
    let sources: BTreeSet<&String> = packages.iter().filter_map(|p| p.source.as_ref()).collect();
    let (registries, others): (Vec<&String>, Vec<&String>) =
        sources.into_iter().partition(|s| s.starts_with("registry+") || s.starts_with("sparse+"));
    let mut findings: Vec<String> =
        others.iter().map(|source| format!("source {source} is not a registry")).collect();
    if registries.len() > 1 {
        findings.push(format!("more than one registry: {registries:?}"));
    }
    findings
}

fn bans(
    rules: &Rules,
    trees: &BTreeMap<String, BTreeSet<String>>,
    packages: &[Package],
) -> Vec<String> {
    let mut findings = Vec::new();
    for ban in &rules.ban {
        let reason = &ban.reason;
        for banned in &ban.crates {
            if ban.roots.is_empty() && packages.iter().any(|package| package.name == *banned) {
                findings.push(format!("{banned} is banned: {reason}"));
            }
            for root in &ban.roots {
                if trees.get(root).is_some_and(|tree| tree.contains(banned)) {
                    findings.push(format!("{banned} is banned below {root}: {reason}"));
                }
            }
        }
    }
    findings
}

fn native_links(
    rules: &Rules,
    trees: &BTreeMap<String, BTreeSet<String>>,
    packages: &[Package],
) -> Vec<String> {
    let mut findings = Vec::new();
    for (root, tree) in trees.iter().filter(|(root, _)| rules.sdk.contains(root)) {
        for package in packages.iter().filter(|package| tree.contains(&package.name)) {
            if let Some(library) = &package.links {
                findings.push(format!("{} below {root} links {library}", package.name));
            }
        }
    }
    findings
}

/// Several versions of one crate cost build time and size, but are often out of our hands.
fn report_duplicates(packages: &[Package]) {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(&package.name).or_default().push(&package.version);
    }
    for (name, versions) in versions.iter().filter(|(_, versions)| versions.len() > 1) {
        println!("deps: note: {name} in {} versions: {}", versions.len(), versions.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
        licences = ["MIT"]
        tools = [["header-maker", "MPL-2.0"]]
        sdk = ["sdk"]
        [[ban]]
        roots = ["sdk"]
        crates = ["ring"]
        reason = "C"
        [[ban]]
        crates = ["openssl"]
        reason = "system"
    "#;

    fn findings(package: Package) -> Vec<String> {
        let rules: Rules = toml::from_str(RULES).expect("the rules above are valid");
        let below_sdk = BTreeSet::from([package.name.clone()]);
        let trees = BTreeMap::from([("sdk".to_owned(), below_sdk)]);
        let packages = [good(), package];
        let mut findings = licences(&rules, &packages);
        findings.extend(sources(&packages));
        findings.extend(bans(&rules, &trees, &packages));
        findings.extend(native_links(&rules, &trees, &packages));
        findings
    }

    fn good() -> Package {
        Package {
            name: "good".to_owned(),
            license: Some("MIT".to_owned()),
            source: Some("registry+a".to_owned()),
            ..Package::default()
        }
    }

    fn named(name: &str) -> Package {
        Package { name: name.to_owned(), ..good() }
    }

    #[test]
    fn packages_that_break_a_rule_are_refused() {
        let text = |text: &str| Some(text.to_owned());
        let tool = |licence: &str| Package { license: text(licence), ..named("header-maker") };
        let cases: [(Package, Option<&str>); 13] = [
            (tool("MPL-2.0"), None),
            (tool("GPL-3.0"), Some("licence GPL-3.0")),
            (Package { license: text("MPL-2.0"), ..good() }, Some("licence MPL-2.0")),
            (good(), None),
            (Package { source: None, ..good() }, None),
            (Package { license: text("GPL-3.0"), ..good() }, Some("licence GPL-3.0")),
            (Package { license: None, ..good() }, Some("no licence")),
            (Package { source: text("git+b"), ..good() }, Some("is not a registry")),
            (Package { source: text("registry+b"), ..good() }, Some("more than one registry")),
            (Package { name: "ring".to_owned(), ..good() }, Some("banned below sdk")),
            (Package { name: "openssl".to_owned(), ..good() }, Some("openssl is banned")),
            (Package { links: text("z"), ..good() }, Some("links z")),
            (Package { license: text("MIT OR GPL-3.0"), ..good() }, None),
        ];
        for (package, expected) in cases {
            let found = findings(package.clone());
            match expected {
                None => assert!(found.is_empty(), "{package:?}: {found:?}"),
                Some(part) => {
                    let hit = found.iter().any(|finding| finding.contains(part));
                    assert!(hit, "{package:?}: {found:?} lacks {part}");
                }
            }
        }
    }
}
