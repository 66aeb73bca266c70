//! Lines that one process publishes arrive at others: complete, in order, identical.

use std::io::Write;
use std::process::Stdio;

use crate::lab::{Lab, Lossy};
use crate::program::{Running, rtm, run, run_with};

/// So many lines of all kinds, each different from the others.
fn text(lines: usize) -> String {
    let line = |number: usize| match number % 7 {
        0 => String::new(),
        1 => format!("{number} {}", "long ".repeat(number % 150)),
        _ => format!("{number}: the quick brown fox, grüß dich\t"),
    };
    (0..lines).map(|number| line(number) + "\n").collect()
}

/// Has three subscribers get what one publisher says, all with these further arguments.
fn stream(lab: &Lab, lines: usize, more: &[&str], publish_more: &[&str]) -> Vec<String> {
    let count = lines.to_string();
    let subscribers: Vec<_> = ["bob", "carol", "dave"]
        .iter()
        .map(|user| {
            let arguments = ["sub", "town", "--topic", "file", "--as", user, "--count", &count];
            let mut running = Running::start(rtm(lab, &arguments).args(more));
            running.wait_for("subscribed to town/file");
            running
        })
        .collect();
    let mut publish = rtm(lab, &["pub", "town", "--topic", "file", "--as", "alice"]);
    let published = run_with(publish.args(more).args(publish_more), text(lines).as_bytes());
    assert!(published.err.contains(&format!("published {lines} messages")), "{}", published.err);
    published.ok();
    subscribers.into_iter().map(|subscriber| subscriber.end().ok()).collect()
}

#[test]
fn a_file_arrives_identical_at_three_subscribers() {
    let lab = Lab::new(true);
    for got in stream(&lab, 5_000, &[], &[]) {
        assert!(got == text(5_000), "{} bytes of {}", got.len(), text(5_000).len());
    }
}

#[test]
fn a_file_arrives_identical_while_every_fifth_packet_is_lost() {
    let lab = Lab::new(true);
    let lossy = Lossy::new(&lab, 20.0, 2);
    for got in stream(&lab, 3_000, &["--server", &lossy.server], &[]) {
        assert!(got == text(3_000), "{} bytes of {}", got.len(), text(3_000).len());
    }
    let report = lossy.stop();
    assert!(report.up.lost > 20 && report.down.lost > 20, "{report}");
}

#[test]
fn unordered_lines_arrive_complete() {
    let lab = Lab::new(true);
    let lossy = Lossy::new(&lab, 20.0, 3);
    let more = ["--server", lossy.server.as_str()];
    let publish_more = ["--unordered", "--priority", "high"];
    let mut wanted: Vec<_> = text(1_000).lines().map(str::to_owned).collect();
    wanted.sort();
    for got in stream(&lab, 1_000, &more, &publish_more) {
        let mut got: Vec<_> = got.lines().map(str::to_owned).collect();
        got.sort();
        assert!(got == wanted);
    }
}

#[test]
fn pub_keeps_to_the_limits_of_production() {
    let lab = Lab::new(false);
    // More than one second's worth: 60 to channels, 200 in topics.
    for (arguments, lines) in [(&["town"][..], 90), (&["town", "--topic", "file"], 260)] {
        let count = lines.to_string();
        let mut subscribe = rtm(&lab, &["sub", "--as", "bob", "--count", &count]);
        let mut bob = Running::start(subscribe.args(arguments));
        bob.wait_for("subscribed");
        let mut publish = rtm(&lab, &["pub", "--as", "alice"]);
        run_with(publish.args(arguments), text(lines).as_bytes()).ok();
        assert!(bob.end().ok() == text(lines));
    }
}

#[test]
fn json_lines_tell_who_and_when() {
    let lab = Lab::new(true);
    let arguments = ["sub", "town", "--topic", "news", "--as", "bob", "--json", "--count", "2"];
    let mut bob = Running::start(&mut rtm(&lab, &arguments));
    bob.wait_for("subscribed");
    let mut publish = rtm(&lab, &["pub", "town", "--topic", "news", "--as", "alice"]);
    let marked = ["--custom-type", "headline", "--message", "one", "--message", "two"];
    run(publish.args(marked)).ok();

    let objects: Vec<serde_json::Value> =
        bob.end().ok().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();

    assert_eq!(objects.len(), 2);
    for (index, (object, payload)) in objects.iter().zip(["one", "two"]).enumerate() {
        assert_eq!(object["publisher"], "alice");
        assert_eq!(object["payload"], payload);
        assert_eq!(object["sequence"], index + 1);
        assert_eq!(object["custom_type"], "headline");
        assert!(object["time_ms"].as_u64().expect("a number") > 1_700_000_000_000);
    }
}

#[test]
fn only_the_chosen_publishers_are_heard() {
    let lab = Lab::new(true);
    let mut publishers = Vec::new();
    for user in ["alice", "carol"] {
        let arguments = ["pub", "town", "--topic", "news", "--as", user];
        let mut running = Running::start(rtm(&lab, &arguments).stdin(Stdio::piped()));
        let stdin = running.stdin();
        publishers.push((running, stdin));
    }
    let arguments =
        ["sub", "town", "--topic", "news", "--as", "bob", "--from", "carol", "--count", "2"];
    // Until both publish; who isn't there yet is a failure that says so.
    let mut bob = loop {
        let mut bob = Running::start(&mut rtm(&lab, &arguments));
        if bob.waits_for("subscribed") {
            break bob;
        }
        let ended = bob.end();
        assert!(ended.err.contains("publisher carol"), "{}", ended.err);
    };
    for ((_, stdin), user) in publishers.iter_mut().zip(["alice", "carol"]) {
        writeln!(stdin, "first of {user}\nsecond of {user}").expect("it reads");
    }
    assert_eq!(bob.line(), "first of carol");
    assert_eq!(bob.end().ok(), "second of carol\n");
    for (publisher, stdin) in publishers {
        drop(stdin);
        publisher.end().ok();
    }
}

#[test]
fn of_latest_only_lines_the_last_one_reaches_everybody_whenever_they_come() {
    let lab = Lab::new(true);
    let lossy = Lossy::new(&lab, 30.0, 5);
    let sub = |user: &str| {
        let arguments = ["sub", "map", "--topic", "cars", "--as", user, "--json"];
        let mut running = Running::start(rtm(&lab, &arguments).args(["--server", &lossy.server]));
        running.wait_for("subscribed to map/cars");
        running
    };
    let until = |running: &mut Running, text: &str| {
        let mut before = 0;
        loop {
            let line: serde_json::Value = serde_json::from_str(&running.line()).expect("JSON");
            let sequence = line["sequence"].as_u64().expect("a number");
            assert!(sequence > before, "only forward: {line}");
            before = sequence;
            if line["payload"] == text {
                return;
            }
        }
    };
    let mut bob = sub("bob");
    let arguments = ["pub", "map", "--topic", "cars", "--latest-only", "--as", "alice"];
    let mut alice = rtm(&lab, &arguments);
    let mut alice = Running::start(alice.args(["--server", &lossy.server]).stdin(Stdio::piped()));
    let mut stdin = alice.stdin();
    for number in 0..300 {
        writeln!(stdin, "position {number}").expect("it reads");
    }
    until(&mut bob, "position 299");
    let mut late = sub("carol");
    until(&mut late, "position 299");
    writeln!(stdin, "parked").expect("it reads");
    drop(stdin);
    alice.end().ok();
    for subscriber in [&mut bob, &mut late] {
        until(subscriber, "parked");
    }
    assert!(lossy.stop().up.lost > 0);
}

#[test]
fn lines_with_a_deadline_arrive_on_a_good_network() {
    let lab = Lab::new(true);
    for got in stream(&lab, 500, &[], &["--deadline", "60000"]) {
        assert!(got == text(500), "{} bytes of {}", got.len(), text(500).len());
    }
    let both =
        ["pub", "map", "--topic", "cars", "--latest-only", "--deadline", "5", "--as", "alice"];
    assert_eq!(run(&mut rtm(&lab, &both)).code, Some(2));
    for deadline in ["0", "60001"] {
        let wrong = ["pub", "map", "--topic", "cars", "--deadline", deadline, "--as", "alice"];
        assert_eq!(run(&mut rtm(&lab, &wrong)).code, Some(2), "{deadline}");
    }
}
