//! A program that stands still while much is published: what comes of it when it goes on is its own
//! choice.
#![cfg(unix)]

use crate::lab::Lab;
use crate::program::{Running, rtm, run, run_with};

const LINES: usize = 6_000;

fn line(number: usize) -> String {
    format!("{number} {}", "x".repeat(1_000))
}

/// What a subscriber prints that was stopped, and all that it says.
fn stopped(policy: &str, more: &[&str]) -> (Vec<String>, String) {
    let lab = Lab::new(true);
    let arguments = ["sub", "lobby", "--as", "bob", "--queue", policy];
    let mut bob = Running::start(&mut rtm(&lab, &arguments));
    bob.wait_for("subscribed to lobby");
    bob.signal("STOP");
    let text: String = (1..=LINES).map(|number| line(number) + "\n").collect();
    let mut publish = rtm(&lab, &["pub", "lobby", "--as", "alice"]);
    run_with(publish.args(more), text.as_bytes()).ok();
    bob.signal("CONT");
    let mut printed = Vec::new();
    if policy != "latest-only" {
        // All that is queued, before the end may take its place.
        printed.push(bob.line());
    }
    let end = ["pub", "lobby", "--as", "alice", "--message", "end"];
    run(rtm(&lab, &end).args(more)).ok();
    while printed.last().is_none_or(|last| last != "end") {
        printed.push(bob.line());
    }
    bob.signal("INT");
    (printed, bob.end().err)
}

#[test]
fn who_catches_up_gets_every_line() {
    let (printed, said) = stopped("catch-up", &["--store"]);
    let expected = (1..=LINES).map(line).chain(["end".to_owned()]);
    assert!(printed.iter().cloned().eq(expected), "{} lines; {said}", printed.len());
    assert!(!said.contains("missing"), "{said}");
}

#[test]
fn who_lets_the_oldest_be_dropped_gets_the_newest_and_hears_how_many_are_missing() {
    let (printed, said) = stopped("drop-oldest", &[]);
    let number = |text: &String| text.split(' ').next().and_then(|it| it.parse::<usize>().ok());
    let numbers: Vec<_> = printed.iter().filter_map(number).collect();
    assert!(numbers.is_sorted() && numbers.last() == Some(&LINES), "{said}");
    let missing = |text: &str| text.split(' ').nth(2).and_then(|it| it.parse::<usize>().ok());
    let told: usize = said.lines().filter(|it| it.contains("missing: ")).filter_map(missing).sum();
    assert_eq!(numbers.len() + told, LINES, "{said}");
    assert!(told > LINES / 2, "{said}");
}

#[test]
fn who_wants_the_latest_is_told_of_none_that_is_missing() {
    let (printed, said) = stopped("latest-only", &[]);
    assert!(printed.len() < LINES / 2, "{}", printed.len());
    assert!(!said.contains("missing"), "{said}");
}
