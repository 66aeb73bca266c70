//! Decision pages are numbered from 0001, each number once, without holes.

use super::Finding;
use super::tree::Tree;

const FOLDER: &str = "docs/decisions/";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut expected = 1;
    for path in tree.paths().filter(|path| path.starts_with(FOLDER)) {
        let name = &path[FOLDER.len()..];
        if name == "README.md" {
            continue;
        }
        let Some(number) = number(name) else {
            let message = "a decision page is named NNNN-words-with-dashes.md";
            findings.push(Finding::refused(path, 0, message));
            continue;
        };
        if number != expected {
            findings.push(Finding::refused(path, 0, format!("number {expected:04} is expected")));
        }
        expected = number + 1;
    }
    findings
}

fn number(name: &str) -> Option<u32> {
    let (digits, rest) = name.split_once('-')?;
    let is_number = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && rest.len() > ".md".len() && rest.ends_with(".md")).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_repeats_and_other_names_are_refused() {
        let cases: [(&[&str], usize); 7] = [
            (&[], 0),
            (&["0001-a.md", "0002-b.md", "README.md"], 0),
            (&["0002-b.md"], 1),
            (&["0001-a.md", "0003-c.md", "0004-d.md"], 1),
            (&["0001-a.md", "0001-b.md"], 1),
            (&["1-a.md"], 1),
            (&["0001-a.txt", "notes.md"], 2),
        ];
        for (names, expected) in cases {
            let paths: Vec<String> = names.iter().map(|name| format!("{FOLDER}{name}")).collect();
            let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "")).collect();
            let findings = check(&Tree::of(&files));
            assert_eq!(findings.len(), expected, "{names:?}: {findings:?}");
        }
    }
}
