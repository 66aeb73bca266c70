//! What is wrong is one sentence with a number and an exit code, and nothing is half done.

use std::net::UdpSocket;

use crate::lab::Lab;
use crate::program::{Running, rtm, run, run_with};

/// Runs it, and wants this exit code and these words in one line of standard error.
fn check(lab: &Lab, arguments: &[&str], code: i32, words: &[&str]) {
    let ended = run(&mut rtm(lab, arguments));
    assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.err);
    assert!(ended.out.is_empty(), "{arguments:?}");
    let line = ended.err.lines().find(|line| line.starts_with("rtm: "));
    let line = line.unwrap_or_else(|| panic!("{arguments:?}: {}", ended.err));
    for word in words {
        assert!(line.contains(word), "{arguments:?} should say {word}: {line}");
    }
}

#[test]
fn who_may_not_come_in_is_told_why() {
    let lab = Lab::new(false);
    let other_key = lab.context.server.rsplit_once('=').expect("a key").0.to_owned();
    let other_key = format!("{other_key}={}", "09".repeat(32));
    let (bobs, expired) = (lab.token("bob", 0, 600), lab.token("alice", 700, 600));
    let app_id = lab.context.app_id.as_str();
    let unknown_app = "0123456789abcdef0123456789abcdef";
    let pub_as_alice = ["pub", "lobby", "--message", "x", "--as", "alice"];
    let cases: [(&[&str], i32, &[&str]); 8] = [
        (
            &["--server", &other_key, "--app-id", app_id, "--token", &bobs],
            4,
            &["its key is", "-10020", "connection string"],
        ),
        (&["--token", &bobs], 4, &["-10005", "alice", "make one"]),
        (&["--token", &expired], 4, &["-10009", "expired", "get a new one"]),
        (&["--token", "007rubbish"], 4, &["-10005", "damaged"]),
        (&["--token", "rubbish"], 4, &["-10005", "007"]),
        (&["--app-id", unknown_app, "--token", &bobs], 4, &["-10003", "app id"]),
        (&["--server", &other_key], 2, &["--app-id"]),
        (&["--server", "127.0.0.1:7700"], 2, &["-10024", "rtm://"]),
    ];
    for (more, code, words) in cases {
        check(&lab, &[&pub_as_alice[..], more].concat(), code, words);
    }
}

#[test]
fn names_that_cannot_be_are_refused_before_anything_is_sent() {
    let lab = Lab::new(false);
    let long = "x".repeat(65);
    let cases: [(&[&str], &[&str]); 6] = [
        (&["pub", &long, "--as", "alice", "--message", "x"], &["-10008", "65", "64"]),
        (&["sub", "a/b", "--as", "alice"], &["-10008", "'/'"]),
        (&["sub", "_hidden", "--as", "alice"], &["-10008", "'_'"]),
        (&["chat", "", "--as", "alice"], &["-10008", "empty"]),
        (&["chat", "lobby", "--as", &long], &["-10006", "65"]),
        (&["sub", "town", "--topic", "a.b", "--as", "alice"], &["-11008", "'.'"]),
    ];
    for (arguments, words) in cases {
        check(&lab, arguments, 2, words);
    }
}

#[test]
fn a_line_that_is_too_long_ends_it_with_its_number_and_loses_nothing() {
    let lab = Lab::new(false);
    let longest = "x".repeat(1_024);
    let arguments = ["sub", "town", "--topic", "file", "--as", "bob", "--count", "2"];
    let mut bob = Running::start(&mut rtm(&lab, &arguments));
    bob.wait_for("subscribed");

    let input = format!("one\n{longest}\n{longest}!\nfour\n");
    let mut publish = rtm(&lab, &["pub", "town", "--topic", "file", "--as", "alice"]);
    let ended = run_with(&mut publish, input.as_bytes());

    assert_eq!(ended.code, Some(5), "{}", ended.err);
    for word in ["line 3", "1025", "1024", "-11010", "published 2 messages"] {
        assert!(ended.err.contains(word), "should say {word}: {}", ended.err);
    }
    assert_eq!(bob.end().ok(), format!("one\n{longest}\n"));
}

#[test]
fn who_does_not_publish_cannot_be_heard() {
    let lab = Lab::new(false);
    let arguments = ["sub", "town", "--topic", "news", "--as", "bob", "--from", "zoe"];
    let ended = run(&mut rtm(&lab, &arguments));
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("publisher zoe: nobody publishes"), "{}", ended.err);
}

#[test]
fn a_server_that_is_not_there_is_told_after_ten_seconds() {
    let lab = Lab::new(false);
    // Bound, so that nobody else gets the port, and silent.
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let server = lab.server_at(silent.local_addr().expect("bound"));
    let arguments = ["pub", "lobby", "--as", "alice", "--message", "x", "--server", &server];
    check(&lab, &arguments, 3, &["-10011", "did not answer", "rtm-server"]);
}

#[test]
fn without_a_server_or_an_app_it_says_what_to_name() {
    let lab = Lab::new(false);
    let missing = lab.path("missing.json");
    let broken = lab.path("broken.json");
    std::fs::write(&broken, "{").expect("written");
    let cases = [
        (&missing, &["chat", "lobby", "--as", "alice"][..], "rtm-server --dev"),
        (&missing, &["token", "--as", "alice"], "--app-id"),
        (&broken, &["chat", "lobby", "--as", "alice"], "damaged"),
    ];
    for (context, arguments, word) in cases {
        let ended = run(rtm(&lab, arguments).env("RTM_CONTEXT", context));
        assert_eq!(ended.code, Some(2), "{}", ended.err);
        assert!(ended.err.contains(word), "should say {word}: {}", ended.err);
    }
}

#[test]
fn a_wrong_command_line_shows_the_usage() {
    let lab = Lab::new(false);
    for arguments in [&["chat"][..], &["pub", "lobby"], &["sub", "x", "--as", "a", "--count", "0"]]
    {
        let ended = run(&mut rtm(&lab, arguments));
        assert_eq!(ended.code, Some(2), "{}", ended.err);
        assert!(ended.err.contains("--help"), "{}", ended.err);
    }
    for arguments in
        [&["--help"][..], &["chat", "--help"], &["pub", "--help"], &["token", "--help"]]
    {
        assert!(run(&mut rtm(&lab, arguments)).ok().contains("Examples:"));
    }
}
