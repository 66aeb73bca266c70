//! The pure crates carry the same bans (clocks, chance, map order), and every crate the lints.

use super::Finding;
use super::tree::Tree;

/// Crates that give the same bytes for the same inputs.
const PURE: &[&str] = &["rtm-channel", "rtm-session", "rtm-sim", "rtm-topic", "rtm-wire"];

const BANS: &str = "xtask/clippy-pure.toml";

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
        if is_member && !text.contains("[lints]\nworkspace = true") {
            findings.push(Finding::refused(path, 0, "has no `[lints] workspace = true`"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

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
