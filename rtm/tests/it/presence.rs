//! Who is there and what they show, with real processes.

use crate::lab::{Lab, Lossy};
use crate::program::{Running, rtm, run};

fn ask(lab: &Lab, arguments: &[&str]) -> String {
    run(rtm(lab, &["presence"]).args(arguments).args(["--as", "observer"])).ok()
}

fn show(lab: &Lab, user: &str, more: &[&str]) -> Running {
    let arguments = ["presence", "show", "lesson", "--as", user];
    let mut running = Running::start(rtm(lab, &arguments).args(more));
    running.wait_for("present in lesson");
    running
}

#[test]
fn states_are_seen_by_who_is_there_and_by_who_asks() {
    let lab = Lab::new(true);
    let mut alice = show(&lab, "alice", &[]);
    assert_eq!(alice.line(), "here: alice");
    let mut bob = show(&lab, "bob", &["--state", "mood=well", "--state", "sum=1+1=2"]);
    assert!(bob.line().starts_with("here: alice"));
    assert_eq!(alice.line(), "bob came");
    assert_eq!(alice.line(), "bob shows mood=well, sum=1+1=2");
    let who = ["who", "lesson", "--states"];
    assert_eq!(ask(&lab, &who), "alice\nbob (mood=well, sum=1+1=2)\n");
    assert_eq!(ask(&lab, &["who", "lesson", "--page-size", "1"]), "alice\nbob\n", "two pages");
    assert_eq!(ask(&lab, &["get", "lesson", "bob"]), "mood=well\nsum=1+1=2\n");
    let json = ask(&lab, &["get", "lesson", "bob", "--json"]);
    assert_eq!(json, "{\"user\":\"bob\",\"states\":{\"mood\":\"well\",\"sum\":\"1+1=2\"}}\n");
    assert_eq!(ask(&lab, &["where", "bob"]), "message channel lesson\n");
    let json = ask(&lab, &["where", "bob", "--json"]);
    assert_eq!(json, "{\"kind\":\"message\",\"channel\":\"lesson\"}\n");
    bob.signal("INT");
    bob.end().ok();
    assert_eq!(alice.line(), "bob went");
    let gone = run(&mut rtm(&lab, &["presence", "get", "lesson", "bob", "--as", "observer"]));
    assert_eq!(gone.code, Some(1));
    assert!(gone.err.contains("-13011"), "{}", gone.err);
    assert_eq!(ask(&lab, &["where", "bob"]), "");
    alice.signal("INT");
    alice.end().ok();
    // Who counts events has not got all of them.
    let mut carol = show(&lab, "carol", &["--count", "2"]);
    assert_eq!(carol.line(), "here: carol");
    carol.signal("INT");
    assert_eq!(carol.end().code, Some(130));
}

#[test]
fn a_stream_channel_has_its_own_users() {
    let lab = Lab::new(true);
    let mut alice = show(&lab, "alice", &["--stream", "--state", "seat=7", "--json"]);
    assert!(alice.line().contains("\"change\":\"snapshot\""));
    let who = ["who", "lesson", "--stream", "--states", "--json"];
    assert_eq!(ask(&lab, &who), "{\"user\":\"alice\",\"states\":{\"seat\":\"7\"}}\n");
    assert_eq!(ask(&lab, &["who", "lesson"]), "", "nobody is in the message channel of that name");
    assert_eq!(ask(&lab, &["where", "alice"]), "stream channel lesson\n");
    alice.signal("INT");
    alice.end().ok();
}

#[test]
fn states_arrive_while_every_fifth_packet_is_lost() {
    let lab = Lab::new(true);
    let lossy = Lossy::new(&lab, 20.0, 3);
    let server = ["--server", &lossy.server];
    let mut alice = show(&lab, "alice", &server);
    alice.line();
    for number in 0..5 {
        let user = format!("user{number}");
        let state = format!("number={number}");
        let more = ["--state", &state, "--server", &lossy.server];
        let shown = show(&lab, &user, &more);
        assert_eq!(alice.line(), format!("{user} came"));
        assert_eq!(alice.line(), format!("{user} shows number={number}"));
        shown.signal("INT");
        shown.end().ok();
        assert_eq!(alice.line(), format!("{user} went"));
    }
    assert!(lossy.stop().down.lost > 0);
}

#[test]
fn what_can_not_be_shown_is_refused_before_anything_is_sent() {
    let lab = Lab::new(true);
    let refused = |state: &str| {
        let arguments = ["presence", "show", "lesson", "--as", "alice", "--state", state];
        run(&mut rtm(&lab, &arguments))
    };
    assert_eq!(refused("no pair").code, Some(2));
    for (state, code) in [("a.b=c", "-13006"), ("a=", "-13007")] {
        let ended = refused(state);
        assert_ne!(ended.code, Some(0));
        assert!(ended.err.contains(code), "{}", ended.err);
    }
}
