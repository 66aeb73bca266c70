//! Histories from the command line: real processes.

use crate::lab::Lab;
use crate::program::{Ended, rtm, run, run_with};

fn history(lab: &Lab, arguments: &[&str]) -> Ended {
    run(rtm(lab, &["history"]).args(arguments).args(["--as", "bob"]))
}

#[test]
fn what_is_published_to_be_stored_is_read_again_in_either_direction() {
    let mut lab = Lab::new(true);
    let lines: Vec<_> = (0..230).map(|number| format!("line {number}")).collect();
    let input = lines.join("\n") + "\n";
    run_with(&mut rtm(&lab, &["pub", "lobby", "--as", "alice", "--store"]), input.as_bytes()).ok();
    // Not this one.
    run(&mut rtm(&lab, &["pub", "lobby", "--as", "alice", "--message", "not stored"])).ok();
    // Also after a restart.
    for _ in 0..2 {
        assert_eq!(history(&lab, &["get", "lobby", "--oldest-first"]).ok(), input);
        let newest = history(&lab, &["get", "lobby"]).ok();
        assert_eq!(newest.lines().rev().collect::<Vec<_>>(), lines);
        assert_eq!(history(&lab, &["get", "lobby", "--count", "2"]).ok(), "line 229\nline 228\n");
        assert_eq!(history(&lab, &["get", "garden"]).ok(), "");
        lab.shut_down();
        lab.start_again(true);
    }
    let json = history(&lab, &["get", "lobby", "--count", "1", "--json"]).ok();
    for part in ["\"channel\":\"lobby\"", "\"publisher\":\"alice\"", "\"payload\":\"line 229\""] {
        assert!(json.contains(part), "{json}");
    }
    let begin = json.find("\"time_ms\":").expect("a time") + 10;
    let time: u64 = json[begin..begin + 13].parse().expect("milliseconds");
    let (before, since) = (time.to_string(), (time + 1).to_string());
    assert!(!history(&lab, &["get", "lobby", "--start", &before]).ok().contains("line 229"));
    assert_eq!(history(&lab, &["get", "lobby", "--end", &since]).ok(), "");
    let wrong = history(&lab, &["get", "lobby", "--start", &before, "--end", &before]);
    assert_eq!(wrong.code, Some(1), "{}", wrong.err);
    assert!(wrong.err.contains("-15002") && wrong.err.contains("swap"), "{}", wrong.err);
}

#[test]
fn who_was_sent_something_reads_it_again() {
    let lab = Lab::new(true);
    for text in ["first", "second"] {
        let send = ["user", "send", "bob", "--as", "alice", "--store", "--message", text];
        run(&mut rtm(&lab, &send)).ok();
    }
    let inbox = ["user", "inbox", "--as", "bob", "--count", "2", "--quiet"];
    assert_eq!(run(&mut rtm(&lab, &inbox)).ok(), "first\nsecond\n");
    assert_eq!(history(&lab, &["own"]).ok(), "second\nfirst\n");
    assert_eq!(history(&lab, &["own", "--oldest-first", "--count", "1"]).ok(), "first\n");
}
