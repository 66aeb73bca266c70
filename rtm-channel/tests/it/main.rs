//! Authority and views together, over lanes that overtake one another, against a reference model.

mod inbox;
mod locks;
mod model;
mod presence;
mod schedule;
mod storage;
mod world;

use proptest::test_runner::Config;

/// Histories and schedules are short and cheap. What fails becomes a test by hand.
fn a_thousand_cases() -> Config {
    Config { cases: 1_000, failure_persistence: None, ..Config::default() }
}
