//! `cargo xtask features`: each crate is checked alone, with the combinations of a table.
//!
//! Alone matters: in a build of the whole workspace one crate's features leak into the others.

use crate::failure::Failure;
use crate::metadata::{Metadata, Package};
use crate::process::{cargo, run as run_process};
use crate::refuse_words;

/// More combinations than this of one crate cost more time than they find errors.
const COMBINATIONS_MAX: usize = 12;

/// A crate and the feature lists to check it with; default features are always off.
type Row = (&'static str, &'static [&'static str]);

const TABLE: &[Row] = &[
    ("rtm-wire", &[""]),
    ("rtm-session", &["", "tokio"]),
    ("rtm-channel", &[""]),
    ("rtm-topic", &[""]),
    ("rtm-sim", &[""]),
    ("rtm-token", &[""]),
    ("rtm-context", &[""]),
    ("rtm-ffi", &["", "fault-injection"]),
    ("rtm-client", &["", "unstable-core"]),
    ("rtm-server", &[""]),
    ("rtm", &[""]),
    ("rtm-examples", &[""]),
    ("netlab", &[""]),
];

pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    refuse_words(words)?;
    let metadata = Metadata::of_members()?;
    let members: Vec<&Package> = metadata.members().filter(|p| p.name != "xtask").collect();
    let gaps = gaps(TABLE, &members);
    if !gaps.is_empty() {
        return Err(Failure::new(gaps.join("; ")));
    }
    for &(package, combinations) in TABLE {
        for &features in combinations {
            println!("features: {package} [{features}]");
            run_process(&mut cargo(&[
                "check",
                "--quiet",
                "--locked",
                "--package",
                package,
                "--no-default-features",
                "--features",
                features,
            ]))?;
        }
    }
    Ok(())
}

/// What the table lacks, or has too much of, for these packages.
fn gaps(table: &[Row], members: &[&Package]) -> Vec<String> {
    let mut gaps = Vec::new();
    for member in members {
        let Some((_, combinations)) = table.iter().find(|(name, _)| *name == member.name) else {
            gaps.push(format!("{} is missing in the feature table", member.name));
            continue;
        };
        if combinations.len() > COMBINATIONS_MAX {
            gaps.push(format!("{} has more than {COMBINATIONS_MAX} combinations", member.name));
        }
        for feature in member.features.keys().filter(|feature| *feature != "default") {
            let named = combinations.iter().any(|list| list.split(',').any(|f| f == feature));
            if !named {
                gaps.push(format!("no combination of {} has feature {feature}", member.name));
            }
        }
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(features: &[&str]) -> Package {
        let features = features.iter().map(|&name| (name.to_owned(), Vec::new())).collect();
        Package { name: "a".to_owned(), features, ..Package::default() }
    }

    #[test]
    fn features_without_a_row_or_a_combination_are_refused() {
        let too_many: &[&str] = &["x"; COMBINATIONS_MAX + 1];
        let cases: [(&[Row], &[&str], usize); 6] = [
            (&[("a", &[""])], &[], 0),
            (&[("a", &["", "x", "x,y"])], &["default", "x", "y"], 0),
            (&[], &[], 1),
            (&[("a", &["x"])], &["x", "y"], 1),
            (&[("a", &["xy"])], &["x"], 1),
            (&[("a", too_many)], &["x"], 1),
        ];
        for (table, features, expected) in cases {
            let found = gaps(table, &[&package(features)]);
            assert_eq!(found.len(), expected, "{table:?} {features:?}: {found:?}");
        }
    }
}
