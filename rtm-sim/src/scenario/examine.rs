//! One seed: drawn, checked, and shrunk if it fails.

use core::any::Any;
use core::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Ranges, Scenario, shrink};

/// What is wrong with a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which promise was broken: shrinking goes on as long as this is the same.
    pub kind: String,
    /// The rest, for people.
    pub detail: String,
}

impl Failure {
    /// A broken promise, and how it shows.
    pub fn new(kind: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind: kind.into(), detail: detail.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.detail)
    }
}

/// A failure, as it was found and as small as it became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// As it was drawn.
    pub drawn: Scenario,
    /// The smallest that fails in the same way.
    pub smallest: Scenario,
    /// What is wrong with the smallest.
    pub failure: Failure,
}

impl fmt::Display for Found {
    /// Several lines; the smallest scenario stands in quotes, as a shell or a test takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { drawn, smallest, failure } = self;
        writeln!(f, "seed {}: {failure}", drawn.seed)?;
        writeln!(f, "  drawn as   \"{drawn}\"")?;
        write!(f, "  smallest   \"{smallest}\"")
    }
}

/// Runs of one shrinking search.
const RUNS_MAX: u32 = 1_000;

/// Draws the scenario of a seed, checks it, and shrinks it if it fails. A panic of the check is a
/// failure, too.
pub fn examine(
    ranges: &Ranges,
    seed: u64,
    check: &mut dyn FnMut(&Scenario) -> Result<(), Failure>,
) -> Option<Found> {
    let drawn = ranges.draw(seed);
    let mut failure = run_caught(&drawn, check).err()?;
    let smallest = shrink(&drawn, RUNS_MAX, &mut |scenario| match run_caught(scenario, check) {
        Err(other) if other.kind == failure.kind => {
            failure = other;
            true
        }
        _ => false,
    });
    Some(Found { drawn, smallest, failure })
}

/// Checks a scenario once; a panic becomes a failure of the kind "panic".
///
/// # Errors
///
/// What is wrong with the run.
pub fn run_caught(
    scenario: &Scenario,
    check: &mut dyn FnMut(&Scenario) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // What a check has built is thrown away with it.
    catch_unwind(AssertUnwindSafe(|| check(scenario)))
        .unwrap_or_else(|payload| Err(Failure::new("panic", text_of(&*payload))))
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default()
}
