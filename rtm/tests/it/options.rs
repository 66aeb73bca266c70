//! How a client is configured from the command line.

use crate::lab::Lab;
use crate::program::{Running, rtm, run};

const KEY: &str = "aes-256-gcm:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff:\
                   0101010101010101010101010101010101010101010101010101010101010101";

#[test]
fn who_comes_and_goes_is_told() {
    let lab = Lab::new(true);
    let mut alice =
        Running::start(&mut rtm(&lab, &["sub", "lobby", "--as", "alice", "--presence"]));
    alice.wait_for("here: alice");
    let bob = ["sub", "lobby", "--as", "bob", "--presence-timeout", "5", "--heartbeat", "5"];
    let mut bob = Running::start(&mut rtm(&lab, &bob));
    alice.wait_for("bob came");
    bob.wait_for("subscribed to lobby");
    bob.signal("INT");
    alice.wait_for("bob went");
    bob.end().ok();
    alice.signal("INT");
    alice.end().ok();
}

#[test]
fn sealed_messages_need_the_key() {
    let lab = Lab::new(true);
    let sub = |user, more: &[&str]| {
        let arguments = ["sub", "lobby", "--as", user, "--count", "1"];
        let mut running = Running::start(rtm(&lab, &arguments).args(more));
        running.wait_for("subscribed to lobby");
        running
    };
    let other = KEY.replace("0011", "0111");
    let with_key = sub("bob", &["--encryption", KEY]);
    let mut other_key = sub("carol", &["--encryption", &other]);
    let publish = ["pub", "lobby", "--as", "alice", "--message", "hello", "--encryption", KEY];
    run(&mut rtm(&lab, &publish)).ok();
    assert_eq!(with_key.end().ok(), "hello\n");
    other_key.wait_for("sealed with another key: message 1 of alice");
    other_key.signal("INT");
    let ended = other_key.end();
    assert_eq!(ended.code, Some(4), "{}", ended.err);
    assert!(ended.err.contains("--encryption"), "{}", ended.err);
}

#[test]
fn a_log_is_written_and_a_further_host_is_found() {
    let lab = Lab::new(true);
    let log = lab.path("client.log");
    let log = log.to_str().expect("text");
    let (_, rest) = lab.context.server.split_once("rtm://").expect("an address");
    let (place, key) = rest.split_once('?').expect("a key");
    // Nobody listens at port 9 of this machine.
    let elsewhere = format!("rtm://127.0.0.1:9?{key}");
    let publish = ["pub", "lobby", "--as", "alice", "--message", "hello", "--server", &elsewhere];
    let further = ["--host", place, "--log-file", log, "--protocol", "tcp"];
    run(rtm(&lab, &publish).args(further)).ok();
    let text = std::fs::read_to_string(log).expect("a log");
    assert!(text.contains("to=Connected"), "{text}");
}

#[test]
fn what_is_out_of_range_is_refused_before_anything_is_sent() {
    let lab = Lab::new(true);
    for (option, value, wrong) in [
        ("--heartbeat", "4", "heartbeat_interval is 4s"),
        ("--heartbeat", "1801", "heartbeat_interval is 1801s"),
        ("--reconnect-timeout", "14", "reconnect_timeout is 14s"),
        ("--encryption", "aes-256-gcm:00:01", "salt has 1 bytes"),
        ("--encryption", "aes-512-gcm:00:01", "aes-128-gcm:KEY:SALT"),
        ("--encryption", "aes-256-gcm:0x:01", "aes-128-gcm:KEY:SALT"),
        ("--host", "a:0", "port is 0"),
    ] {
        let ended = run(rtm(&lab, &["sub", "lobby", "--as", "bob"]).args([option, value]));
        assert_eq!(ended.code, Some(2), "{option} {value}: {}", ended.err);
        assert!(ended.err.contains(wrong), "{option} {value}: {}", ended.err);
    }
}
