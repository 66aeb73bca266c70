//! `cargo xtask tidy`: fast checks of texts, names and layers; nothing is compiled.
//!
//! A file per subject. Each check takes a [`Tree`] and gives back findings, so that its tests can
//! show it a bad example.

mod citations;
mod conformance;
mod decisions;
mod layers;
mod lengths;
mod links;
mod lints;
mod names;
mod shown;
mod tree;
mod words;

use crate::failure::Failure;
use crate::metadata::Metadata;
use crate::process::root;
use crate::refuse_words;
use tree::Tree;

/// Something that a reader should look at.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// Relative to the root, with `/`.
    path: String,
    /// From 1; 0 when it is about the file as a whole.
    line: usize,
    message: String,
    /// Whether it fails the command; otherwise it is a warning.
    refused: bool,
}

impl Finding {
    fn refused(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into(), refused: true }
    }

    fn warned(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { refused: false, ..Self::refused(path, line, message) }
    }
}

const CHECKS: &[fn(&Tree) -> Vec<Finding>] = &[
    citations::check,
    conformance::check,
    decisions::check,
    lengths::check,
    links::check,
    lints::check,
    names::check,
    shown::check,
    words::check,
];

pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    refuse_words(words)?;
    let tree = Tree::read(&root())?;
    let metadata = Metadata::of_members()?;
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|check| check(&tree)).collect();
    findings.extend(layers::edges(metadata.members()));
    findings.extend(layers::runtimes(metadata.members())?);
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    for finding in &findings {
        let level = if finding.refused { "refused" } else { "warning" };
        eprintln!("{}:{}: {level}: {}", finding.path, finding.line, finding.message);
    }
    match findings.iter().filter(|finding| finding.refused).count() {
        0 => Ok(()),
        count => Err(Failure::new(format!("{count} findings"))),
    }
}

/// Asserts that `check` refuses exactly the `expected` lines of the one file in the tree.
#[cfg(test)]
fn assert_refused(check: fn(&Tree) -> Vec<Finding>, path: &str, text: &str, expected: &[usize]) {
    let findings = check(&Tree::of(&[(path, text)]));
    let lines: Vec<usize> = findings.iter().filter(|f| f.refused).map(|f| f.line).collect();
    assert_eq!(lines, expected, "{path}: {text:?}: {findings:?}");
}
