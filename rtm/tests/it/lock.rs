//! Locks from the command line.

use crate::lab::{Lab, Lossy};
use crate::program::{Ended, Running, rtm, run};

fn lock(lab: &Lab, user: &str, arguments: &[&str]) -> Ended {
    run(rtm(lab, &["lock"]).args(arguments).args(["--as", user]))
}

fn watch(lab: &Lab, more: &[&str]) -> Running {
    let arguments = ["lock", "watch", "place", "--as", "carol"];
    let mut running = Running::start(rtm(lab, &arguments).args(more));
    running.wait_for("watching the locks of");
    running
}

#[test]
fn a_lock_is_made_held_watched_and_removed_in_each_kind_of_channel() {
    for (kind, flags) in [("message", &[][..]), ("stream", &["--stream"])] {
        let lab = Lab::new(true);
        let with = |user: &str, arguments: &[&str]| lock(&lab, user, &[arguments, flags].concat());
        let mut carol = watch(&lab, flags);
        assert_eq!(carol.line(), "snapshot");
        with("alice", &["set", "place", "editor", "--ttl", "20"]).ok();
        for line in ["set by alice", "editor\t\t20\t0"] {
            assert_eq!(carol.line(), line);
        }
        let arguments = ["lock", "acquire", "place", "editor", "--as", "alice"];
        let mut alice = Running::start(rtm(&lab, &arguments).args(flags));
        assert_eq!(alice.line(), "1");
        for line in ["acquired by alice", "editor\talice\t20\t1"] {
            assert_eq!(carol.line(), line);
        }
        let refused = with("bob", &["acquire", "place", "editor"]);
        assert_eq!(refused.code, Some(1));
        assert!(refused.err.contains("-14007"), "{}", refused.err);
        alice.wait_for("holding lock editor");
        alice.signal("INT");
        alice.end().ok();
        for line in ["released by alice", "editor\t\t20\t1"] {
            assert_eq!(carol.line(), line);
        }
        assert_eq!(with("bob", &["acquire", "place", "editor", "--hold", "0"]).ok(), "2\n");
        let json = with("bob", &["get", "place", "--json"]).ok();
        let locks = r#""channel":"place","locks":[{"name":"editor","ttl_s":20,"token":2}]}"#;
        assert_eq!(json, format!("{{\"kind\":\"{kind}\",{locks}\n"));
        with("bob", &["remove", "place", "editor"]).ok();
        assert_eq!(with("bob", &["get", "place"]).ok(), "");
        carol.signal("INT");
        carol.end().ok();
    }
}

#[test]
fn a_lock_that_is_kept_guards_what_the_users_next_commands_write() {
    let lab = Lab::new(true);
    lock(&lab, "alice", &["set", "place", "editor", "--ttl", "60"]).ok();
    assert_eq!(lock(&lab, "alice", &["acquire", "place", "editor", "--keep"]).ok(), "1\n");
    let put = |user: &str, token: &str| {
        let arguments = ["storage", "set", "place", "a=1", "--lock", "editor"];
        run(rtm(&lab, &arguments).args(["--lock-token", token, "--as", user]))
    };
    put("alice", "1").ok();
    for (user, token) in [("alice", "2"), ("bob", "1")] {
        let refused = put(user, token);
        assert_eq!(refused.code, Some(1));
        assert!(refused.err.contains("-12008"), "{user} {token}: {}", refused.err);
    }
    lock(&lab, "alice", &["release", "place", "editor"]).ok();
    assert!(put("alice", "1").err.contains("-12008"));
}

#[test]
fn a_holder_whose_lock_is_revoked_fails() {
    let lab = Lab::new(true);
    lock(&lab, "alice", &["set", "place", "editor"]).ok();
    let mut alice =
        Running::start(&mut rtm(&lab, &["lock", "acquire", "place", "editor", "--as", "alice"]));
    alice.wait_for("holding lock editor");
    lock(&lab, "bob", &["revoke", "place", "editor", "--owner", "alice"]).ok();
    let ended = alice.end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("lock editor is lost: taken by bob"), "{}", ended.err);
}

#[test]
fn what_is_told_of_an_earlier_ownership_does_not_end_this_one() {
    let lab = Lab::new(true);
    lock(&lab, "alice", &["set", "place", "editor"]).ok();
    lock(&lab, "alice", &["acquire", "place", "editor", "--keep"]).ok();
    lock(&lab, "bob", &["revoke", "place", "editor", "--owner", "alice"]).ok();
    assert_eq!(lock(&lab, "alice", &["acquire", "place", "editor", "--hold", "1"]).ok(), "2\n");
}

#[test]
fn who_waits_gets_the_lock_while_every_fifth_packet_is_lost() {
    let lab = Lab::new(true);
    let lossy = Lossy::new(&lab, 20.0, 4);
    let server = ["--server", &lossy.server];
    lock(&lab, "alice", &["set", "place", "editor"]).ok();
    let acquire = |user: &str, more: &[&str]| {
        let arguments = ["lock", "acquire", "place", "editor", "--as", user];
        Running::start(rtm(&lab, &arguments).args(server).args(more))
    };
    let mut alice = acquire("alice", &[]);
    assert_eq!(alice.line(), "1");
    alice.wait_for("holding lock editor");
    let mut bob = acquire("bob", &["--retry", "--hold", "0"]);
    bob.wait_for("waiting for lock editor");
    alice.signal("INT");
    alice.end().ok();
    assert_eq!(bob.line(), "2");
    bob.end().ok();
    assert!(lossy.stop().up.lost > 0);
}

#[test]
fn what_is_refused_ends_with_its_number_and_exit_code() {
    let lab = Lab::new(false);
    lock(&lab, "alice", &["set", "place", "editor"]).ok();
    let cases: [(&[&str], i32, &str); 6] = [
        (&["set", "place", "editor"], 1, "-14004"),
        (&["set", "place", "a.b"], 2, "-14005"),
        (&["acquire", "place", "other"], 1, "-14008"),
        (&["release", "place", "editor"], 1, "-14006"),
        (&["revoke", "place", "editor", "--owner", "bob"], 1, "-14006"),
        (&["get", "a.b"], 2, "-10008"),
    ];
    for (arguments, code, number) in cases {
        let ended = lock(&lab, "alice", arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(number), "{arguments:?}: {}", ended.err);
    }
}

#[test]
fn a_holder_that_can_not_reach_the_server_stops_when_the_ttl_is_over() {
    let mut lab = Lab::new(true);
    lock(&lab, "alice", &["set", "place", "editor", "--ttl", "7"]).ok();
    let mut alice =
        Running::start(&mut rtm(&lab, &["lock", "acquire", "place", "editor", "--as", "alice"]));
    alice.wait_for("holding lock editor");
    lab.shut_down();
    let ended = alice.end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("lock editor is lost: nothing was heard"), "{}", ended.err);
}
