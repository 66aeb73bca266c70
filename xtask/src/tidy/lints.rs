//! The pure crates carry the same bans (clocks, chance, map order), and every crate the lints.

use super::Finding;
use super::tree::Tree;

/// Crates that give the same bytes for the same inputs.
const PURE: &[&str] = &["rtm-channel", "rtm-session", "rtm-sim", "rtm-topic", "rtm-wire"];

const BANS: &str = "xtask/clippy-pure.toml";

/// The one crate that is made of unsafe code: it repeats the workspace's lints but for the one
/// that forbids it.
const UNSAFE: &str = "rtm-ffi/Cargo.toml";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in PURE {
        let path = format!("{name}/clippy.toml");
        let manifest = tree.text(&format!("{name}/Cargo.toml"));
        if manifest.is_some() && tree.text(&path) != tree.text(BANS) {
            findings.push(Finding::refused(&path, 0, format!("differs from {BANS}")));
        }
    }
    for (path, text) in tree.with_extension("toml") {
        let is_member = path.matches('/').count() == 1
            && path.ends_with("/Cargo.toml")
            && text.contains(".workspace = true");
        if is_member && path == UNSAFE {
            let lints = workspace_lints(tree.text("Cargo.toml").unwrap_or_default());
            let missing = lints.filter(|lint| !text.lines().any(|line| line == *lint));
            findings.extend(missing.map(|lint| {
                Finding::refused(path, 0, format!("lacks a lint of the workspace: {lint}"))
            }));
        } else if is_member && !text.contains("[lints]\nworkspace = true") {
            findings.push(Finding::refused(path, 0, "has no `[lints] workspace = true`"));
        }
    }
    findings
}

/// Lines of the workspace's tables of lints, but for what an unsafe crate can't have, and what is
/// about other crates.
fn workspace_lints(manifest: &str) -> impl Iterator<Item = &str> {
    let mut is_inside = false;
    manifest.lines().filter(move |line| {
        if line.starts_with('[') {
            is_inside = line.starts_with("[workspace.lints.");
            return false;
        }
        let others = ["#", "unsafe_code", "unexpected_cfgs"];
        is_inside && !line.is_empty() && !others.iter().any(|other| line.starts_with(other))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unsafe_crate_has_all_other_lints() {
        let root =
            "[workspace.lints.rust]\nunsafe_code = \"forbid\"\nmissing_docs = \"warn\"\n[x]\ny = 1";
        let member = "version.workspace = true\n[lints.rust]\n";
        for (more, expected) in [("missing_docs = \"warn\"\n", 0), ("", 1)] {
            let text = format!("{member}{more}");
            let tree = Tree::of(&[("Cargo.toml", root), (UNSAFE, &text)]);
            assert_eq!(check(&tree).len(), expected, "{text}");
        }
    }

    #[test]
    fn a_pure_crate_without_the_bans_is_refused() {
        let manifest = ("rtm-wire/Cargo.toml", "");
        let cases = [
            (vec![(BANS, "bans"), manifest, ("rtm-wire/clippy.toml", "bans")], 0),
            (vec![(BANS, "bans"), manifest, ("rtm-wire/clippy.toml", "fewer")], 1),
            (vec![(BANS, "bans"), manifest], 1),
            (vec![(BANS, "bans")], 0),
        ];
        for (files, expected) in cases {
            assert_eq!(check(&Tree::of(&files)).len(), expected, "{files:?}");
        }
    }

    #[test]
    fn a_member_without_the_lints_of_the_workspace_is_refused() {
        let member = "version.workspace = true\n";
        let linted = format!("{member}\n[lints]\nworkspace = true\n");
        for (text, expected) in [(member, 1), (linted.as_str(), 0), ("[workspace]\n", 0)] {
            assert_eq!(check(&Tree::of(&[("a/Cargo.toml", text)])).len(), expected, "{text}");
        }
    }
}
