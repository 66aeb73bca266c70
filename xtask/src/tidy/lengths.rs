//! Files, lines and functions that are too long to read.

use super::Finding;
use super::tree::Tree;

const FILE_LINES_WARN: usize = 600;
const FILE_LINES_MAX: usize = 800;
/// Programs of `examples`, which are to be read in one go.
const EXAMPLE_LINES_MAX: usize = 150;
const LINE_CHARS_MAX: usize = 100;
/// Longer words (addresses, vectors in hex) can't be broken, so their lines may be long.
const BREAKABLE_CHARS_MAX: usize = 60;
/// Without the line of its name and the line that closes it.
const FUNCTION_LINES_MAX: usize = 70;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.with_extension("rs") {
        let lines: Vec<&str> = text.lines().collect();
        let message = format!("{} lines in one file", lines.len());
        let is_example = path.starts_with("examples/src/bin");
        let lines_max = if is_example { EXAMPLE_LINES_MAX } else { FILE_LINES_MAX };
        if lines.len() > lines_max {
            findings.push(Finding::refused(path, 0, message));
        } else if lines.len() > FILE_LINES_WARN {
            findings.push(Finding::warned(path, 0, message));
        }
        for (index, line) in lines.iter().enumerate() {
            let chars = line.chars().count();
            if chars > LINE_CHARS_MAX && !has_unbreakable_word(line) {
                let message = format!("{chars} characters in one line");
                findings.push(Finding::refused(path, index + 1, message));
            }
            let length = function_length(&lines[index..]);
            if length > FUNCTION_LINES_MAX {
                let message = format!("{length} lines in one function");
                findings.push(Finding::refused(path, index + 1, message));
            }
        }
    }
    findings
}

fn has_unbreakable_word(line: &str) -> bool {
    line.split_whitespace().any(|word| word.chars().count() > BREAKABLE_CHARS_MAX)
}

/// The lines of the function that begins with the first line; 0 when none begins there.
///
/// Relies on rustfmt: the closing brace stands under the first letter.
fn function_length(lines: &[&str]) -> usize {
    let Some(first) = lines.first() else { return 0 };
    let code = first.trim_start();
    if !begins_function(code) || code.ends_with(['}', ';']) {
        return 0;
    }
    let indent = &first[..first.len() - code.len()];
    // A declaration without a body, over several lines, ends with a semicolon at this indent.
    let is_end = |line: &&str| {
        line.strip_prefix(indent).is_some_and(|rest| rest == "}" || rest.starts_with(')'))
            && (line.ends_with('}') || line.ends_with(';'))
    };
    lines.iter().skip(1).position(is_end).unwrap_or(0)
}

fn begins_function(code: &str) -> bool {
    let mut words = code.split_whitespace();
    words
        .find(|word| {
            let is_qualifier = matches!(*word, "pub" | "const" | "async" | "unsafe" | "extern");
            !(is_qualifier || word.starts_with("pub(") || word.starts_with('"'))
        })
        .is_some_and(|word| word == "fn")
}

#[cfg(test)]
mod tests {
    use super::super::assert_refused;
    use super::*;

    #[test]
    fn long_files_are_warned_about_then_refused() {
        let cases = [(600, 0, vec![]), (601, 1, vec![]), (800, 1, vec![]), (801, 1, vec![0])];
        for (lines, findings, refused) in cases {
            let text = "\n".repeat(lines);
            assert_eq!(check(&Tree::of(&[("a.rs", &text)])).len(), findings, "{lines} lines");
            assert_refused(check, "a.rs", &text, &refused);
        }
    }

    #[test]
    fn examples_are_short() {
        for (lines, refused) in [(150, vec![]), (151, vec![0])] {
            let text = "\n".repeat(lines);
            assert_refused(check, "examples/src/bin/a.rs", &text, &refused);
        }
    }

    #[test]
    fn long_lines_are_refused_unless_they_cannot_be_broken() {
        let cases = [
            ("ä".repeat(50) + " " + &"b".repeat(49), vec![]),
            ("a".repeat(50) + " " + &"b".repeat(50), vec![1]),
            ("// https://example.org/".to_owned() + &"b".repeat(90), vec![]),
        ];
        for (line, expected) in cases {
            assert_refused(check, "a.rs", &line, &expected);
            assert_refused(check, "a.md", &line, &[]);
        }
    }

    #[test]
    fn long_functions_are_refused() {
        let body = |lines: usize| "        x();\n".repeat(lines);
        let cases = [
            (format!("fn a() {{\n{}}}\n", body(70)), vec![]),
            (format!("fn a() {{\n{}}}\n", body(71)), vec![1]),
            (format!("    pub(crate) async fn a(\n    ) {{\n{}    }}\n", body(71)), vec![1]),
            (format!("fn a();\n{}}}\n", body(99)), vec![]),
            (format!("fn a(\n) -> u8;\n{}}}\n", body(99)), vec![]),
            (format!("let fn_like = {{\n{}}}\n", body(99)), vec![]),
        ];
        for (text, expected) in cases {
            assert_refused(check, "a.rs", &text, &expected);
        }
    }
}
