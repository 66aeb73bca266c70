//! `cargo xtask simulate`: runs the search over scenarios of the session by hand, for longer and
//! faster than its test does (`rtm-session/tests/it/scenarios`).
//!
//! The test does all of it; here are a release build, several processes, and the clock.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::failure::Failure;
use crate::process::{cargo, program_in_root, read, root, run as run_process};

const TEST: &str = "scenarios::every_promise_holds_in_every_scenario";
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let options = Options::parse(words)?;
    let test = build()?;
    match &options.replay {
        Some(text) => run_process(command(&test).env("RTM_SCENARIO", text)),
        None => search(&test, &options),
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Options {
    seeds: u64,
    from: u64,
    jobs: u64,
    replay: Option<String>,
}

impl Options {
    fn parse(words: &[String]) -> Result<Self, Failure> {
        let mut options = Self { seeds: 10_000, from: 0, jobs: 1, replay: None };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let value = words.next();
            let number = || {
                let number = value.and_then(|value| value.parse().ok());
                number.ok_or_else(|| Failure::new(format!("`{word}` wants a number")))
            };
            match word.as_str() {
                "--seeds" => options.seeds = number()?,
                "--from" => options.from = number()?,
                "--jobs" => options.jobs = number()?.max(1),
                "--replay" if value.is_some() => options.replay = value.cloned(),
                _ => return Err(Failure::new(format!("`{word}` is not understood"))),
            }
        }
        Ok(options)
    }

    /// First seed and number of seeds of one job; its seeds are `jobs` apart.
    fn share(&self, job: u64) -> (u64, u64) {
        (self.from + job, self.seeds / self.jobs + u64::from(job < self.seeds % self.jobs))
    }
}

/// A line that cargo prints for each thing that it has built.
#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

fn build() -> Result<PathBuf, Failure> {
    let arguments = ["test", "--release", "--locked", "-p", "rtm-session", "--test", "it"];
    let lines = read(cargo(&arguments).args(["--no-run", "--message-format=json"]))?;
    let messages = lines.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let mut tests = messages.filter(|it| it.target.as_ref().is_some_and(|to| to.name == "it"));
    tests.find_map(|it| it.executable).ok_or_else(|| Failure::new("cargo has built no test"))
}

fn command(test: &Path) -> Command {
    let mut command = program_in_root(test);
    command.current_dir(root().join("rtm-session"));
    command.args([TEST, "--exact", "--nocapture"]).env("RUST_BACKTRACE", "0");
    command
}

/// What one job has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    seeds: u64,
    millis: u64,
    messages: u64,
    open: u64,
    found: u64,
}

impl Sums {
    /// Reads `progress SEEDS name=value …` or `done name=value …`.
    fn read(&mut self, line: &str) -> Option<()> {
        let rest = match line.strip_prefix("progress ") {
            Some(rest) => {
                let (seeds, rest) = rest.split_once(' ')?;
                self.seeds = seeds.parse().ok()?;
                rest
            }
            None => line.strip_prefix("done ")?,
        };
        for word in rest.split(' ') {
            let (name, value) = word.split_once('=')?;
            let place = match name {
                "millis" => &mut self.millis,
                "messages" => &mut self.messages,
                "open" => &mut self.open,
                "found" => &mut self.found,
                _ => continue,
            };
            *place = value.parse().ok()?;
        }
        Some(())
    }
}

fn search(test: &Path, options: &Options) -> Result<(), Failure> {
    let (lines, inbox) = mpsc::channel();
    let started = Instant::now();
    let mut children: Vec<Child> = Vec::new();
    for job in 0..options.jobs {
        let (from, seeds) = options.share(job);
        let numbers = [("RTM_FROM", from), ("RTM_SEEDS", seeds), ("RTM_STEP", options.jobs)];
        let mut child = command(test)
            .envs(numbers.map(|(name, number)| (name, number.to_string())))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let output = child.stdout.take().expect("it is piped");
        let lines = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // The other end goes away only when all is over.
                let _ = lines.send((job, line));
            }
        });
        children.push(child);
    }
    drop(lines);
    let mut sums = vec![Sums::default(); children.len()];
    let mut told = started;
    for (job, line) in inbox {
        let is_last = line.starts_with("done ");
        if sums[job as usize].read(&line).is_some() {
            if is_last {
                sums[job as usize].seeds = options.share(job).1;
            }
            if told.elapsed() >= PROGRESS_EVERY {
                told = Instant::now();
                println!("simulate: {}", text_of(&sums, started.elapsed()));
            }
        } else if line.starts_with("found ") || line.starts_with("  ") {
            println!("{line}");
        }
    }
    println!("simulate: {}", text_of(&sums, started.elapsed()));
    let mut is_good = true;
    for mut child in children {
        is_good &= child.wait()?.success();
    }
    let found: u64 = sums.iter().map(|sums| sums.found).sum();
    match (found, is_good) {
        (0, true) => Ok(()),
        (0, false) => Err(Failure::new("a job has ended without its results")),
        (found, _) => Err(Failure::new(format!("{found} scenarios break a promise"))),
    }
}

fn text_of(sums: &[Sums], took: Duration) -> String {
    let sum = |of: fn(&Sums) -> u64| sums.iter().map(of).sum::<u64>();
    let seconds = sum(|sums| sums.millis) as f64 / 1_000.0;
    format!(
        "{} seeds, {} messages, {seconds:.0} simulated seconds in {:.0} s ({:.0} a second); {} of \
         what is open, {} found",
        sum(|sums| sums.seeds),
        sum(|sums| sums.messages),
        took.as_secs_f64(),
        seconds / took.as_secs_f64().max(0.001),
        sum(|sums| sums.open),
        sum(|sums| sums.found),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Failure> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn every_seed_has_one_job() {
        let options = parse("--seeds 10 --from 5 --jobs 3").expect("options");
        let mut seeds: Vec<u64> = (0..3)
            .map(|job| options.share(job))
            .flat_map(|(from, count)| (0..count).map(move |index| from + index * 3))
            .collect();
        seeds.sort_unstable();
        assert_eq!(seeds, (5..15).collect::<Vec<u64>>());
    }

    #[test]
    fn words_that_are_not_understood_are_refused() {
        for line in ["--seeds", "--seeds many", "--replay", "--fast 1", "7"] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert_eq!(parse("--replay seed=1").expect("options").replay.as_deref(), Some("seed=1"));
    }

    #[test]
    fn sums_are_read_from_the_tests_lines() {
        let mut sums = Sums::default();
        assert!(sums.read("progress 50 millis=7 messages=8 lived=1 open=2 found=3").is_some());
        assert_eq!(sums, Sums { seeds: 50, millis: 7, messages: 8, open: 2, found: 3 });
        assert!(sums.read("test scenarios::x ... ok").is_none());
        assert!(sums.read("done millis=9 messages=9 lived=1 open=2 found=4").is_some());
        assert_eq!((sums.millis, sums.found), (9, 4));
    }
}
