//! The layers of crates: which crate may know which, and where no runtime may be.

use super::Finding;
use crate::failure::Failure;
use crate::metadata::{Package, tree};

/// Each crate and the crates of ours that it may use; a new edge is a reviewed decision.
///
/// Development dependencies are apart: tests may use everything.
const MAY_USE: &[(&str, &[&str])] = &[
    ("rtm-wire", &[]),
    ("rtm-session", &["rtm-wire"]),
    ("rtm-channel", &["rtm-wire"]),
    ("rtm-topic", &["rtm-channel", "rtm-wire"]),
    ("rtm-sim", &["rtm-wire"]),
    ("rtm-token", &[]),
    ("rtm-client", &["rtm-channel", "rtm-session", "rtm-topic", "rtm-wire"]),
    ("rtm-context", &[]),
    ("rtm-ffi", &["rtm-client"]),
    (
        "rtm-server",
        &["rtm-channel", "rtm-context", "rtm-session", "rtm-token", "rtm-topic", "rtm-wire"],
    ),
    ("rtm", &["rtm-client", "rtm-context", "rtm-token"]),
    ("rtm-examples", &["rtm-client"]),
    ("netlab", &["rtm-sim", "rtm-wire"]),
    ("xtask", &["rtm-sim", "rtm-wire"]),
];

/// Crates whose trees, with default features, hold no runtime.
const WITHOUT_RUNTIME: &[&str] =
    &["rtm-wire", "rtm-session", "rtm-channel", "rtm-topic", "rtm-sim", "rtm-token"];

const RUNTIMES: &[&str] = &["tokio", "async-std", "smol", "mio"];

/// Edges between our crates that the table doesn't have.
pub(super) fn edges<'a>(members: impl Iterator<Item = &'a Package>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members {
        let manifest = format!("{}/Cargo.toml", member.name);
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == member.name) else {
            let message = "the crate is missing in the table of layers, tidy/layers.rs";
            findings.push(Finding::refused(&manifest, 0, message));
            continue;
        };
        let ours = member.dependencies.iter().filter(|dependency| dependency.path.is_some());
        for dependency in ours.filter(|dependency| dependency.kind.as_deref() != Some("dev")) {
            if !allowed.contains(&dependency.name.as_str()) {
                let message = format!("{} may not use {}", member.name, dependency.name);
                findings.push(Finding::refused(&manifest, 0, message));
            }
        }
    }
    findings
}

/// Runtimes below crates that have none.
pub(super) fn runtimes<'a>(
    members: impl Iterator<Item = &'a Package>,
) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for member in members.filter(|member| WITHOUT_RUNTIME.contains(&member.name.as_str())) {
        let below = tree(&member.name, "normal")?;
        findings.extend(forbidden(&member.name, below.iter().map(String::as_str)));
    }
    Ok(findings)
}

fn forbidden<'a>(member: &str, below: impl Iterator<Item = &'a str>) -> Vec<Finding> {
    below
        .filter(|name| RUNTIMES.contains(name))
        .map(|name| {
            let message = format!("{name} is below {member}, which has no runtime");
            Finding::refused(&format!("{member}/Cargo.toml"), 0, message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn package(name: &str, uses: &str, kind: Option<&str>) -> Package {
        let dependency = Dependency {
            name: uses.to_owned(),
            kind: kind.map(str::to_owned),
            path: uses.starts_with("rtm").then(|| format!("../{uses}")),
        };
        Package { name: name.to_owned(), dependencies: vec![dependency], ..Package::default() }
    }

    #[test]
    fn edges_outside_the_table_are_refused() {
        let cases = [
            ("rtm-topic", "rtm-channel", None, 0),
            ("rtm-wire", "bytes", None, 0),
            ("rtm-session", "rtm-sim", Some("dev"), 0),
            ("rtm-channel", "rtm-topic", None, 1),
            ("rtm-session", "rtm-channel", None, 1),
            ("rtm-session", "rtm-sim", Some("build"), 1),
            ("rtm-newcomer", "bytes", None, 1),
        ];
        for (name, uses, kind, expected) in cases {
            let found = edges([package(name, uses, kind)].iter());
            assert_eq!(found.len(), expected, "{name} → {uses}: {found:?}");
        }
    }

    #[test]
    fn a_runtime_below_a_pure_crate_is_refused() {
        for (below, expected) in [(vec!["bytes", "tokio"], 1), (vec!["bytes", "tokio-util"], 0)] {
            assert_eq!(forbidden("rtm-wire", below.into_iter()).len(), expected);
        }
    }
}
