//! Code that cites "protocol §x.y" cites a section that `docs/protocol.md` has.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::Tree;

const SPECIFICATION: &str = "docs/protocol.md";

/// What stands before a number that is cited, alone or after another number.
const JOINTS: &[&str] = &[" §", ", §", " and §", "–§", "-§", "/§"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(specification) = tree.text(SPECIFICATION) else { return Vec::new() };
    let sections: BTreeSet<&str> = specification.lines().filter_map(section_number).collect();
    let mut findings = Vec::new();
    for (path, text) in tree.with_extension("rs").filter(|(path, _)| !path.starts_with("xtask/")) {
        for (index, line) in text.lines().enumerate() {
            for cited in citations(line).into_iter().filter(|cited| !sections.contains(cited)) {
                let message = format!("{SPECIFICATION} has no section {cited}");
                findings.push(Finding::refused(path, index + 1, message));
            }
        }
    }
    findings
}

/// `3` of "## 3. Packets", `3.2` of "### 3.2 Data packet".
fn section_number(line: &str) -> Option<&str> {
    let title = line.strip_prefix("##")?.trim_start_matches('#').strip_prefix(' ')?;
    let number = title.split_whitespace().next()?.trim_end_matches('.');
    let is_number =
        number.split('.').all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    is_number.then_some(number)
}

/// The numbers after "protocol §", "protocol.md §" and the like, lists such as "§3.1, §4" included.
fn citations(line: &str) -> Vec<&str> {
    let mut cited = Vec::new();
    for (at, word) in line.match_indices("rotocol") {
        let mut rest = line[at + word.len()..].trim_start_matches(".md").trim_start_matches('`');
        while let Some(after) = JOINTS.iter().find_map(|joint| rest.strip_prefix(joint)) {
            let after = after.trim_start();
            let end = after.find(|c: char| !(c.is_ascii_digit() || c == '.'));
            let (number, remainder) = after.split_at(end.unwrap_or(after.len()));
            cited.push(number.trim_end_matches('.'));
            rest = remainder;
        }
    }
    cited
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Protocol\n## 3. Packets\n### 3.2 Data packet\n#### 3.2.1 Header\n";

    #[test]
    fn citations_of_missing_sections_are_refused() {
        let cases = [
            ("// protocol §3.2", 0),
            ("// Protocol §3.2.1.", 0),
            ("// `docs/protocol.md` §3, §3.2 and §3.2.1", 0),
            ("// protocol §3.3", 1),
            ("// protocol §3, §9 and §7", 2),
            ("// protocol §", 1),
            ("// RFC 9002 §7, protocol §33", 1),
            ("// RFC 9002 §7", 0),
        ];
        for (code, expected) in cases {
            let findings = check(&Tree::of(&[(SPECIFICATION, TEXT), ("a/src/lib.rs", code)]));
            assert_eq!(findings.len(), expected, "{code}: {findings:?}");
            assert!(check(&Tree::of(&[("a/src/lib.rs", code)])).is_empty(), "no specification yet");
        }
    }
}
