//! The files of the project, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::failure::Failure;

/// What holds products, not sources; `.git` is a file in further working trees.
const SKIPPED: &[&str] = &["target", ".git", "corpus", "artifacts", "node_modules"];

/// Larger files are data, whose text nobody reads line by line.
const TEXT_BYTES_MAX: u64 = 1 << 20;

/// All paths of the project, and the text of those that are text.
pub(super) struct Tree {
    texts: BTreeMap<String, String>,
    /// Files and folders, relative to the root, with `/`.
    paths: BTreeSet<String>,
}

impl Tree {
    pub(super) fn read(root: &Path) -> Result<Self, Failure> {
        let mut tree = Self { texts: BTreeMap::new(), paths: BTreeSet::new() };
        tree.read_folder(root, "")?;
        Ok(tree)
    }

    /// A tree of these files, for tests.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let texts = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let paths = files.iter().map(|(path, _)| (*path).to_owned());
        Self { texts: texts.collect(), paths: paths.collect() }
    }

    /// The texts whose names end with `.extension`.
    pub(super) fn with_extension(&self, extension: &str) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(move |(path, _)| {
            path.strip_suffix(extension).is_some_and(|stem| stem.ends_with('.'))
        })
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// Every file and folder.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    pub(super) fn has_path(&self, path: &str) -> bool {
        path.is_empty() || self.paths.contains(path)
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> Result<(), Failure> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if SKIPPED.contains(&name.as_str()) {
                self.paths.insert(path);
                continue;
            }
            if kind.is_dir() {
                self.read_folder(&entry.path(), &format!("{path}/"))?;
            }
            if kind.is_file() && entry.metadata()?.len() <= TEXT_BYTES_MAX {
                // Somebody's editor may remove a file while we read; what isn't UTF-8 isn't text.
                if let Ok(text) = fs::read_to_string(entry.path()) {
                    self.texts.insert(path.clone(), text);
                }
            }
            self.paths.insert(path);
        }
        Ok(())
    }
}
