//! Tokens, signals, closed pipes, and servers that go.

use std::io::Write;
use std::process::Stdio;

use crate::lab::Lab;
use crate::program::{Running, rtm, run};

#[test]
fn a_token_that_was_made_lets_its_user_in() {
    let lab = Lab::new(false);
    let make = ["token", "--as", "alice", "--channel", "town", "--expires", "60"];
    let token = run(&mut rtm(&lab, &make)).ok();
    let token = token.trim();
    // Without the certificate, as everybody but the token server.
    let (server, app_id) = (lab.context.server.as_str(), lab.context.app_id.as_str());
    let elsewhere = |arguments: &[&str]| {
        let mut command = rtm(&lab, arguments);
        command.args(["--server", server, "--app-id", app_id, "--token", token]);
        run(command.env("RTM_CONTEXT", lab.path("missing.json")))
    };
    elsewhere(&["pub", "lobby", "--as", "alice", "--message", "x"]).ok();
    elsewhere(&["pub", "town", "--topic", "news", "--as", "alice", "--message", "x"]).ok();
    let refused = elsewhere(&["pub", "city", "--topic", "news", "--as", "alice", "-m", "x"]);
    assert_eq!(refused.code, Some(4), "{}", refused.err);
    assert!(refused.err.contains("-10005") && refused.err.contains("RTC"), "{}", refused.err);
}

#[test]
fn the_servers_app_file_makes_tokens() {
    let lab = Lab::new(false);
    let file = lab.path("data/app.json");
    let without_context = |arguments: &[&str]| {
        let mut command = rtm(&lab, arguments);
        command.arg("--certificate-file").arg(&file);
        run(command.env("RTM_CONTEXT", lab.path("missing.json"))).ok()
    };
    let server = lab.context.server.as_str();
    assert!(without_context(&["token", "--as", "alice"]).starts_with("007"));
    without_context(&["pub", "lobby", "--as", "alice", "-m", "x", "--server", server]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_in_order() {
    let lab = Lab::new(true);
    let mut subscriber = Running::start(&mut rtm(&lab, &["sub", "lobby", "--as", "bob"]));
    subscriber.wait_for("subscribed");
    let mut chatter =
        Running::start(rtm(&lab, &["chat", "lobby", "--as", "carol"]).stdin(Stdio::piped()));
    chatter.wait_for("You are carol");
    let _open = chatter.stdin();
    let mut publisher =
        Running::start(rtm(&lab, &["pub", "lobby", "--as", "alice"]).stdin(Stdio::piped()));
    let mut stdin = publisher.stdin();
    stdin.write_all(b"published before\n").expect("it reads");
    assert_eq!(subscriber.line(), "published before");
    assert_eq!(chatter.line(), "alice: published before");

    for running in [&subscriber, &chatter] {
        running.signal("INT");
    }
    publisher.signal("TERM");

    assert_eq!(subscriber.end().code, Some(0));
    assert_eq!(chatter.end().code, Some(0));
    let ended = publisher.end();
    assert_eq!(ended.code, Some(130), "{}", ended.err);
    assert!(ended.err.contains("published 1 message\n"), "{}", ended.err);
}

#[cfg(unix)]
#[test]
fn an_interrupted_count_is_not_a_success() {
    let lab = Lab::new(true);
    let arguments = ["sub", "lobby", "--as", "bob", "--count", "5"];
    let mut subscriber = Running::start(&mut rtm(&lab, &arguments));
    subscriber.wait_for("subscribed");
    subscriber.signal("INT");
    let ended = subscriber.end();
    assert_eq!(ended.code, Some(130));
    assert!(ended.err.contains("0 messages"), "{}", ended.err);
}

#[test]
fn a_chat_outlives_its_server() {
    let mut lab = Lab::new(true);
    let mut alice =
        Running::start(rtm(&lab, &["chat", "lobby", "--as", "alice"]).stdin(Stdio::piped()));
    alice.wait_for("You are alice");
    let stdin = alice.stdin();

    lab.shut_down();
    alice.wait_for("connection lost; trying to come back");
    lab.start_again(true);
    alice.wait_for("connected again");

    // What she had subscribed is there again.
    run(&mut rtm(&lab, &["pub", "lobby", "--as", "bob", "-m", "still here?"])).ok();
    assert_eq!(alice.line(), "bob: still here?");
    drop(stdin);
    alice.end().ok();
}
