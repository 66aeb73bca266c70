//! The bill of materials of a target's artefacts: CycloneDX 1.5, as JSON.
//!
//! The same sources give the same bytes: no time, no serial number.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::metadata::{Metadata, Package, tree_text};
use crate::process::root;

/// What is in the artefacts besides crates: name, version, licence.
pub(crate) type Part<'a> = (&'a str, &'a str, &'a str);

#[derive(Debug, Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// Which crates need which: `name version` to the same.
type Edges = BTreeMap<String, BTreeSet<String>>;

/// The bill of `packages`, built for `triple`, with `parts` that no crate is.
pub(crate) fn bill(packages: &[&str], triple: &str, parts: &[Part<'_>]) -> Result<Value, Failure> {
    let mut edges = Edges::new();
    for package in packages {
        // What is in the artefact: neither what tests need, nor what only builds.
        let text = tree_text(package, "normal,no-proc-macro", triple, "depth", "|{p}")?;
        add_tree(&text, &mut edges)?;
    }
    let lock = fs::read_to_string(root().join("Cargo.lock"))?;
    let lock: Lock =
        toml::from_str(&lock).map_err(|error| Failure::new(format!("Cargo.lock: {error}")))?;
    let metadata = Metadata::of_all()?;
    Ok(document(packages, &edges, metadata.packages(), &lock.package, parts))
}

/// Reads cargo's tree, a line per crate: depth, `|`, name, version, remarks.
fn add_tree(text: &str, edges: &mut Edges) -> Result<(), Failure> {
    let mut above: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (depth, name) = tree_line(line)
            .ok_or_else(|| Failure::new(format!("cargo tree is not understood: {line}")))?;
        above.truncate(depth);
        edges.entry(name.clone()).or_default();
        if let Some(parent) = above.last() {
            edges.entry(parent.clone()).or_default().insert(name.clone());
        }
        above.push(name);
    }
    Ok(())
}

fn tree_line(line: &str) -> Option<(usize, String)> {
    let (depth, rest) = line.split_once('|')?;
    let mut words = rest.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    Some((depth.parse().ok()?, format!("{name} {version}")))
}

fn document(
    roots: &[&str],
    edges: &Edges,
    packages: &[Package],
    locked: &[Locked],
    parts: &[Part<'_>],
) -> Value {
    let of = |name: &str| {
        let (name, version) = name.split_once(' ').unwrap_or((name, ""));
        let package = packages.iter().find(|p| p.name == name && p.version == version);
        let locked = locked.iter().find(|l| l.name == name && l.version == version);
        component(name, version, package, locked.and_then(|l| l.checksum.as_deref()))
    };
    let is_root = |name: &&String| roots.contains(&name.split(' ').next().unwrap_or_default());
    let main: Vec<Value> = edges.keys().filter(is_root).map(|name| of(name)).collect();
    let mut components: Vec<Value> =
        edges.keys().filter(|name| !is_root(name)).map(|name| of(name)).collect();
    components.extend(parts.iter().map(|(name, version, licence)| {
        json!({
            "type": "library",
            "bom-ref": format!("{name}@{version}"),
            "name": name,
            "version": version,
            "licenses": [{ "expression": licence }],
        })
    }));
    let dependencies: Vec<Value> = edges
        .iter()
        .map(|(name, needs)| {
            let mut needs: Vec<String> = needs.iter().map(|need| reference(need)).collect();
            if is_root(&name) {
                needs.extend(parts.iter().map(|(name, version, _)| format!("{name}@{version}")));
            }
            json!({ "ref": reference(name), "dependsOn": needs })
        })
        .collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "application",
            "bom-ref": "artefacts",
            "name": "rtm",
            "version": env!("CARGO_PKG_VERSION"),
            "components": main,
        } },
        "components": components,
        "dependencies": dependencies,
    })
}

fn component(name: &str, version: &str, package: Option<&Package>, hash: Option<&str>) -> Value {
    let mut value = json!({
        "type": "library",
        "bom-ref": format!("pkg:cargo/{name}@{version}"),
        "name": name,
        "version": version,
        "purl": format!("pkg:cargo/{name}@{version}"),
    });
    if let Some(licence) = package.and_then(|package| package.license.as_deref()) {
        // Older crates write a slash where SPDX has OR.
        let expression = licence.replace('/', " OR ");
        value["licenses"] = json!([{ "expression": expression }]);
    }
    if let Some(hash) = hash {
        value["hashes"] = json!([{ "alg": "SHA-256", "content": hash }]);
    }
    value
}

fn reference(name: &str) -> String {
    format!("pkg:cargo/{}", name.replace(' ', "@"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "0|ours v0.1.0 (/somewhere)\n1|bytes v1.12.2\n1|tokio v1.54.1\n\
        2|bytes v1.12.2\n2|mio v1.2.5\n1|mio v1.2.5 (*)\n";

    #[test]
    fn edges_follow_the_depths() {
        let mut edges = Edges::new();
        add_tree(TREE, &mut edges).expect("understood");
        let needs = |name: &str| edges[name].iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(needs("ours 0.1.0"), ["bytes 1.12.2", "mio 1.2.5", "tokio 1.54.1"]);
        assert_eq!(needs("tokio 1.54.1"), ["bytes 1.12.2", "mio 1.2.5"]);
        assert_eq!(needs("bytes 1.12.2"), [""; 0]);
        assert!(add_tree("what is this", &mut edges).is_err());
    }

    #[test]
    fn a_component_has_its_licence_its_hash_and_an_address() {
        let package = Package {
            name: "bytes".to_owned(),
            version: "1.12.2".to_owned(),
            license: Some("MIT/Apache-2.0".to_owned()),
            ..Package::default()
        };
        let locked = Locked {
            name: "bytes".to_owned(),
            version: "1.12.2".to_owned(),
            checksum: Some("abc".to_owned()),
        };
        let mut edges = Edges::new();
        add_tree(TREE, &mut edges).expect("understood");
        let bill =
            document(&["ours"], &edges, &[package], &[locked], &[("rust-std", "1.96.0", "MIT")]);
        assert_eq!(bill["metadata"]["component"]["components"][0]["name"], "ours");
        let bytes = &bill["components"][0];
        assert_eq!(bytes["purl"], "pkg:cargo/bytes@1.12.2");
        assert_eq!(bytes["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(bytes["hashes"][0]["content"], "abc");
        assert_eq!(bill["components"][3]["name"], "rust-std");
        let ours = &bill["dependencies"][2];
        assert_eq!(ours["ref"], "pkg:cargo/ours@0.1.0");
        assert_eq!(ours["dependsOn"][3], "rust-std@1.96.0");
    }
}
