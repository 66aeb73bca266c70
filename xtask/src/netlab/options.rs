//! The command line.

use std::path::PathBuf;

use super::pattern::Pattern;
use crate::failure::Failure;

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Options {
    /// Only write the pages from what is there.
    pub(super) report: bool,
    /// A few conditions and peers, for a quarter of an hour.
    pub(super) quick: bool,
    /// Which cells.
    pub(super) only: Pattern,
    /// Also those that have a valid result.
    pub(super) again: bool,
    pub(super) seeds: u64,
    pub(super) jobs: usize,
    /// How long flows send.
    pub(super) seconds: u64,
    /// Where results are; otherwise today's folder, for reports the latest one.
    pub(super) folder: Option<PathBuf>,
}

impl Options {
    pub(super) fn parse(words: &[String]) -> Result<Self, Failure> {
        let mut options = Self {
            report: false,
            quick: false,
            only: Pattern::new(""),
            again: false,
            seeds: 2,
            jobs: 12,
            seconds: 40,
            folder: None,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || {
                let missing = || Failure::new(format!("`{word}` needs a value; {USAGE}"));
                words.next().ok_or_else(missing)
            };
            match word.as_str() {
                "--report" => options.report = true,
                "--quick" => (options.quick, options.seeds, options.seconds) = (true, 1, 20),
                "--again" => options.again = true,
                "--only" => options.only = Pattern::new(value()?),
                "--seeds" => options.seeds = number(value()?, 1, 100)?,
                "--jobs" => options.jobs = number(value()?, 1, 64)? as usize,
                "--seconds" => options.seconds = number(value()?, 12, 3_600)?,
                "--folder" => options.folder = Some(value()?.into()),
                _ => return Err(Failure::new(format!("`{word}` is not understood; {USAGE}"))),
            }
        }
        Ok(options)
    }
}

fn number(text: &str, min: u64, max: u64) -> Result<u64, Failure> {
    let number = text.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| Failure::new(format!("`{text}` is not a number from {min} to {max}")))
}

const USAGE: &str = "cargo xtask netlab [--report] [--quick] [--only PATTERN] [--again] \
                     [--seeds N] [--jobs N] [--seconds N] [--folder PATH]";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Failure> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&words)
    }

    #[test]
    fn flags_are_understood_and_later_ones_win() {
        let options = parse("--quick --seeds 3 --only rtm --again --jobs 2 --folder x");
        let options = options.expect("valid flags");
        assert_eq!((options.seeds, options.seconds, options.jobs), (3, 20, 2));
        assert!(options.again && options.quick && !options.report);
        assert_eq!(options.folder, Some("x".into()));
    }

    #[test]
    fn what_is_wrong_is_refused_before_anything_starts() {
        for line in ["--fast", "--seeds", "--seeds 0", "--seconds 5", "--jobs many", "rtm"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
