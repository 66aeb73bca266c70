//! Two people talk.

use std::io::Write;
use std::process::Stdio;

use crate::lab::{Lab, Lossy};
use crate::program::{Running, rtm};

fn talk(lab: &Lab, server: &[&str]) {
    let start = |user: &str| {
        let mut command = rtm(lab, &["chat", "lobby", "--as", user]);
        let mut running = Running::start(command.args(server).stdin(Stdio::piped()));
        running.wait_for(&format!("You are {user} in lobby"));
        let stdin = running.stdin();
        (running, stdin)
    };
    let (mut alice, mut alice_types) = start("alice");
    let (mut bob, mut bob_types) = start("bob");

    for round in 1..=3 {
        writeln!(alice_types, "hello {round}, grüß dich").expect("alice reads");
        assert_eq!(bob.line(), format!("alice: hello {round}, grüß dich"));
        writeln!(bob_types, "and you {round}").expect("bob reads");
        assert_eq!(alice.line(), format!("bob: and you {round}"));
    }

    // Ctrl-D.
    drop((alice_types, bob_types));
    for person in [alice, bob] {
        assert_eq!(person.end().ok(), "", "nobody hears themselves");
    }
}

#[test]
fn two_people_chat() {
    talk(&Lab::new(true), &[]);
}

#[test]
fn two_people_chat_while_every_fifth_packet_is_lost() {
    let lab = Lab::new(true);
    let lossy = Lossy::new(&lab, 20.0, 1);
    talk(&lab, &["--server", &lossy.server]);
    assert!(lossy.stop().up.lost > 0);
}

#[test]
fn what_is_refused_is_told_and_the_talk_goes_on() {
    let lab = Lab::new(false);
    let mut alice =
        Running::start(rtm(&lab, &["chat", "lobby", "--as", "alice"]).stdin(Stdio::piped()));
    let mut bob =
        Running::start(rtm(&lab, &["chat", "lobby", "--as", "bob"]).stdin(Stdio::piped()));
    bob.wait_for("You are bob");
    let mut types = alice.stdin();
    let _open = bob.stdin();

    writeln!(types, "{}", "x".repeat(32 * 1_024 + 1)).expect("alice reads");
    alice.wait_for("-11010");
    writeln!(types, "shorter").expect("alice reads");

    assert_eq!(bob.line(), "alice: shorter");
}
