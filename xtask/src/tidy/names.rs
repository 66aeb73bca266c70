//! File names that say nothing: everything ends up in them.

use super::Finding;
use super::tree::Tree;

const MEANINGLESS: &[&str] = &["common", "helper", "helpers", "misc", "prelude", "util", "utils"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let is_meaningless = |path: &str| {
        let stem = path.strip_suffix(".rs").unwrap_or(path);
        stem.split('/').any(|part| MEANINGLESS.contains(&part))
    };
    tree.with_extension("rs")
        .filter(|(path, _)| is_meaningless(path))
        .map(|(path, _)| Finding::refused(path, 0, "name the module after the one thing it does"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::assert_refused;
    use super::*;

    #[test]
    fn names_that_say_nothing_are_refused() {
        for path in ["a/src/utils.rs", "a/src/prelude.rs", "a/tests/it/common/mod.rs", "common.rs"]
        {
            assert_refused(check, path, "", &[0]);
        }
        for path in ["a/src/utilisation.rs", "docs/common.md", "a/src/frame.rs"] {
            assert_refused(check, path, "", &[]);
        }
    }
}
