//! Whole runs, drawn from seeds: whatever networks, clocks and applications do within the ranges of
//! `ranges.rs`, every promise of the session holds. What is checked is in `history.rs` (delivery),
//! `limits.rs` (memory, budgets, amplification) and `endings.rs` (no deadlock, causes of ends).
//!
//! `RTM_SEEDS` says how many seeds, `RTM_FROM` the first, `RTM_STEP` the distance between them;
//! `RTM_SCENARIO` has one scenario as text. `cargo xtask simulate` sets these.

mod app;
mod endings;
mod history;
mod limits;
mod peer;
mod ranges;
mod run;

use std::fmt;

use rtm_sim::scenario::{Failure, Found, Scenario, examine, run_caught};

use self::run::{Outcome, run};

/// How many runs continuous integration makes.
const SEEDS: u64 = 300;

/// What the session does not keep yet: the kind of failure, and the smallest scenario of it. Such
/// failures are counted, and no others are hidden by them. Whoever mends one takes its line from
/// here and adds the scenario to [`KEPT`].
const OPEN: &[(&str, &str)] = &[
    // A queue of 3,000 bytes gets bursts of ten packets again and again.
    (
        "more is sent than the budget",
        "seed=3458 ms=171; up burst=21 kbit=9787; down; load messages=90 size=64309",
    ),
];

/// Scenarios that once failed.
const KEPT: &[&str] = &[
    // A probe that had nothing left to send answered acknowledgements; two ends never stopped.
    "seed=1001 ms=10002; up; down delay=2; load messages=0; 5009 move port=1",
    "seed=2143 ms=1; up; down jitter=1; load queue=0; 0+1 cut down",
    // What was left of a lost part hid a longer one that began at the same place.
    "seed=2412 ms=100; up delay=6; down delay=38; load churn=3 lanes=1 messages=2 size=1250; \
     91+34 stall client; 44+54 move port=1",
    "seed=13742 ms=1527; up delay=65; down; load backlog=35 idle=221 messages=27 size=40846; \
     297+1230 cut down",
    // A ping that nobody answered was repeated as often as messages are.
    "seed=6757 ms=4912; up delay=18; down delay=28; load gap=65 idle=255 messages=54; \
     46 move port=1",
    // A first flight whose reply went to two addresses proved one of them.
    "seed=5330 ms=511; up; down delay=1 loss=213; load messages=3 size=1629; 0 move port=1",
    // A part of a message, cut anew for a shorter packet, took the place of another one.
    "seed=229 ms=7767; up; down delay=4; load backlog=14 churn=3 gap=57 lanes=7 \
     messages=173 size=29338; 1235 cut up",
    // A path challenge that was lost was not repeated while other packets were answered.
    "seed=21547 ms=39; up; down delay=16; load messages=15 size=46559; 0+15 move port=1; \
     0+16 cut down",
    "seed=42436 ms=1252; up delay=43; down; load idle=3257 messages=14 queue=12 size=2500; \
     0+68 move port=1; 85+215 cut down",
    // One round trip of a process that slept made it wait as long again.
    "seed=8221 ms=2671; up delay=113 jitter=4 loss=225; down delay=101 loss=107 burst=191 \
     burst-ms=30; \
     load churn=6 credit=5 gap=65 idle=1568 lanes=7 messages=13 size=301; 1537+603 move port=1; \
     0+114 move port=1; 1835 clock server drift=0 jump=6847",
];

#[test]
fn every_promise_holds_in_every_scenario() {
    if let Ok(text) = std::env::var("RTM_SCENARIO") {
        let scenario: Scenario = text.parse().unwrap_or_else(|error| panic!("{error}"));
        let outcome = run(&scenario).unwrap_or_else(|failure| panic!("{failure}"));
        println!("nothing is wrong: {outcome:?}");
        return;
    }
    let (from, step) = (number("RTM_FROM", 0), number("RTM_STEP", 1).max(1));
    let ranges = ranges::ranges();
    let mut sums = Sums::default();
    for index in 0..number("RTM_SEEDS", SEEDS) {
        let mut is_open = false;
        let mut check = |scenario: &Scenario| match run(scenario) {
            Ok(outcome) => {
                sums.add(&outcome);
                Ok(())
            }
            Err(failure) if OPEN.iter().any(|(kind, _)| *kind == failure.kind) => {
                is_open = true;
                Ok(())
            }
            Err(failure) => Err(failure),
        };
        let failed = examine(&ranges, from + index * step, &mut check);
        sums.open += u64::from(is_open && failed.is_none());
        if let Some(failed) = failed {
            sums.found += 1;
            report(&failed);
        }
        if index % 50 == 49 {
            println!("progress {} {sums}", index + 1);
        }
    }
    println!("done {sums}");
    assert_eq!(sums.found, 0, "scenarios in which a promise does not hold; see above");
    assert!(sums.messages > 0 && sums.lived > 0, "no session lived: {sums}");
}

/// A number from the environment.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What all runs came to; `cargo xtask simulate` reads its text.
#[derive(Debug, Default)]
struct Sums {
    millis: u64,
    messages: u64,
    lived: u64,
    open: u64,
    found: u64,
}

impl Sums {
    fn add(&mut self, outcome: &Outcome) {
        self.millis += outcome.millis;
        self.messages += outcome.messages;
        self.lived += u64::from(outcome.lived);
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { millis, messages, lived, open, found } = self;
        write!(f, "millis={millis} messages={messages} lived={lived} open={open} found={found}")
    }
}

fn report(failed: &Found) {
    println!("found {failed}");
    println!("  replay     cargo xtask simulate --replay \"{}\"", failed.smallest);
}

#[test]
fn what_is_open_fails_as_is_known_or_not_at_all() {
    for (kind, text) in OPEN {
        let scenario: Scenario = text.parse().expect("a scenario");
        if let Err(failure) = run_caught(&scenario, &mut |it| run(it).map(drop)) {
            assert_eq!(failure.kind, *kind, "{text}: {}", failure.detail);
        } else {
            println!("mended, as it seems: {text}");
        }
    }
}

#[test]
fn what_once_failed_does_not_fail_again() {
    for text in KEPT {
        let scenario: Scenario = text.parse().expect("a scenario");
        let outcome: Result<(), Failure> = run_caught(&scenario, &mut |it| run(it).map(drop));
        assert_eq!(outcome, Ok(()), "{text}");
    }
}

#[test]
fn a_scenario_gives_the_same_datagrams_again() {
    let ranges = ranges::ranges();
    for seed in 0..20 {
        let scenario = ranges.draw(seed);
        let text = scenario.to_string();
        let again: Scenario = text.parse().expect("our own text");
        let hash = |scenario| run(scenario).map(|outcome| outcome.trace);
        assert_eq!(hash(&scenario), hash(&again), "{text}");
    }
}
