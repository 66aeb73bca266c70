//! Relative links in Markdown lead to a file or folder that exists.

use super::Finding;
use super::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.with_extension("md") {
        let mut in_code = false;
        for (index, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                in_code = !in_code;
            }
            if in_code {
                continue;
            }
            for target in targets(line) {
                if !resolve(path, target).is_some_and(|path| tree.has_path(&path)) {
                    let message = format!("the link leads nowhere: {target}");
                    findings.push(Finding::refused(path, index + 1, message));
                }
            }
        }
    }
    findings
}

/// The relative link targets of a line, outside `inline code`, without their anchors.
fn targets(line: &str) -> Vec<&str> {
    let inline = line
        .split('`')
        .step_by(2)
        .flat_map(|prose| prose.split("](").skip(1))
        .filter_map(|rest| rest.split([')', ' ']).next());
    let definition = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]: "))
        .map(|(_, target)| target.trim());
    inline
        .chain(definition)
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .filter_map(|target| target.split('#').next())
        .filter(|target| !target.is_empty())
        .collect()
}

/// The path that `target` means in the file `from`; `None` when it leaves the project.
fn resolve(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_nowhere_are_refused() {
        let cases = [
            ("[a](other.md) [b](../LICENSE#x)", 0),
            ("[a](#section) [b](https://example.org/x) [c](mailto:a@b.c)", 0),
            ("`[a](missing.md)`", 0),
            ("```\n[a](missing.md)\n```", 0),
            ("[`code`](other.md)", 0),
            ("[a](missing.md)", 1),
            ("[`code`](missing.md)", 1),
            ("[a](other.md) and ![b](missing.png)", 1),
            ("[a](/other.md)", 0),
            ("[a](../../outside.md)", 1),
            ("[a]: missing.md", 1),
            ("```\n```\n[a](missing.md#x)", 1),
        ];
        for (text, expected) in cases {
            let files = [("docs/a.md", text), ("docs/other.md", ""), ("LICENSE", "")];
            let findings = check(&Tree::of(&files));
            assert_eq!(findings.len(), expected, "{text}: {findings:?}");
        }
    }
}
