//! What is allowed, read from the project's own lists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::dist::android::{Symbol, symbols};
use crate::dist::manifest::write_json;
use crate::failure::Failure;
use crate::lists;
use crate::process::{root, target_folder};

const SIZES: &str = "platforms/sizes.json";
const IOS: &str = "platforms/ios/symbols.txt";
const LINUX: &str = "platforms/linux/symbols.txt";
const EXPORTS: &str = "rtm-ffi/abi/symbols.txt";

/// All lists together.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) android: Vec<Symbol>,
    /// The first version of iOS that has it.
    pub(super) ios: BTreeMap<String, (u32, u32)>,
    /// The first version of glibc that has it; `(0, 0)` for what comes with the compiler.
    pub(super) linux: BTreeMap<String, (u32, u32)>,
    /// The functions of the header.
    pub(super) exports: BTreeSet<String>,
    pub(super) sizes: Sizes,
    /// Folders of this machine that nobody else must read of.
    pub(super) private: Vec<String>,
}

/// What files may weigh, and what they weighed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Sizes {
    /// Bytes, by target and file.
    pub(super) budgets: BTreeMap<String, u64>,
    pub(super) history: Vec<Weighed>,
}

/// The sizes of one build.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Weighed {
    pub(super) version: String,
    pub(super) commit: String,
    /// Of the commit.
    pub(super) date: String,
    pub(super) sizes: BTreeMap<String, u64>,
}

impl Rules {
    pub(super) fn read() -> Result<Self, Failure> {
        let exports = fs::read_to_string(root().join(EXPORTS))?;
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let homes = ["HOME", "CARGO_HOME", "RUSTUP_HOME"].map(variable);
        let folders = [Some(root()), Some(target_folder())].into_iter().chain(homes).flatten();
        // As the beginning of a longer path: a short name alone is found by chance.
        let private = folders.map(|folder| format!("{}/", folder.display())).collect();
        Ok(Self {
            android: symbols()?,
            ios: lists::read(IOS, symbol)?.into_iter().collect(),
            linux: lists::read(LINUX, symbol)?.into_iter().collect(),
            exports: exports.lines().map(str::to_owned).collect(),
            sizes: Sizes::read()?,
            private,
        })
    }
}

impl Sizes {
    fn read() -> Result<Self, Failure> {
        let text = fs::read_to_string(root().join(SIZES))?;
        serde_json::from_str(&text).map_err(|error| Failure::new(format!("{SIZES}: {error}")))
    }

    pub(super) fn write(&self) -> Result<(), Failure> {
        write_json(&root().join(SIZES), self)
    }
}

/// A symbol, and the first version that has it.
fn symbol(line: &str) -> Option<(String, (u32, u32))> {
    let (name, version) = line.split_once(' ')?;
    if version == "gcc" {
        return Some((name.to_owned(), (0, 0)));
    }
    // A third number says nothing that matters here.
    let mut numbers = version.split('.').map(str::parse);
    Some((name.to_owned(), (numbers.next()?.ok()?, numbers.next()?.ok()?)))
}
