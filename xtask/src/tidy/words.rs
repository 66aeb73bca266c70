//! Words that mean unfinished work, and paths of somebody's machine.

use super::Finding;
use super::tree::Tree;

/// In Rust files; `true` for those that count only as a whole word.
const UNFINISHED: &[(&str, bool)] = &[
    ("todo!", false),
    ("unimplemented!", false),
    ("#[ignore", false),
    ("FIXME", true),
    ("XXX", true),
];

/// In all texts, where they begin a path: where people and their tools keep things.
const MACHINE_PATHS: &[&str] =
    &["/Users/", "/data/", "/farm/", "/home/", "/mnt/", "/root/", "/srv/", "/tmp/", "/work/"];

/// The one folder that has to spell all of these.
const EXEMPT: &str = "xtask/src/tidy/";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| !path.starts_with(EXEMPT)) {
        for (index, line) in text.lines().enumerate() {
            if path.ends_with(".rs") {
                for (word, _) in UNFINISHED.iter().filter(|(word, whole)| has(line, word, *whole)) {
                    findings.push(Finding::refused(path, index + 1, format!("{word} is left")));
                }
            }
            for start in MACHINE_PATHS.iter().filter(|start| begins_a_path(line, start)) {
                let message = format!("a path of one machine: {start}");
                findings.push(Finding::refused(path, index + 1, message));
            }
        }
    }
    findings
}

fn has(line: &str, word: &str, whole: bool) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !whole || ![before, after].into_iter().flatten().any(char::is_alphanumeric)
    })
}

/// `https://example.org/work/x` and `target/work/x` have it too, but don't begin with it.
fn begins_a_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || "._-/})>*~$".contains(c)))
    })
}

#[cfg(test)]
mod tests {
    use super::super::assert_refused;
    use super::*;

    #[test]
    fn unfinished_work_is_refused() {
        let cases = [
            ("fn a() { todo!() }", vec![1]),
            ("\nunimplemented!(\"later\")", vec![2]),
            ("// FIXME: later", vec![1]),
            ("// XXX later", vec![1]),
            ("#[ignore]", vec![1]),
            ("#[ignore = \"slow\"]", vec![1]),
            ("\"mktemp XXXXXX\"", vec![]),
            ("fn todo() {}", vec![]),
        ];
        for (text, expected) in cases {
            assert_refused(check, "a/src/lib.rs", text, &expected);
        }
    }

    #[test]
    fn paths_of_one_machine_are_refused_in_every_text() {
        let cases = [
            ("docs/a.md", "see /work/main/x", vec![1]),
            ("a.toml", "\nkey = \"/root/.ssh\"", vec![2]),
            ("a", "/tmp/x/y", vec![1]),
            ("a", "/home/alice/x", vec![1]),
            ("docs/a.md", "https://example.org/work/x", vec![]),
            ("docs/a.md", "target/work/x and $HOME/root/x", vec![]),
            ("xtask/src/tidy/words.rs", "/root/", vec![]),
        ];
        for (path, text, expected) in cases {
            assert_refused(check, path, text, &expected);
        }
    }
}
