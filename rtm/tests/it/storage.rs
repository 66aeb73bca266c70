//! Metadata from the command line.

use crate::lab::{Lab, Lossy};
use crate::program::{Ended, Running, rtm, run};

fn storage(lab: &Lab, arguments: &[&str]) -> Ended {
    run(rtm(lab, &["storage"]).args(arguments).args(["--as", "alice"]))
}

fn watch(lab: &Lab, name: &str, more: &[&str]) -> Running {
    let arguments = ["storage", "watch", name, "--as", "bob"];
    let mut running = Running::start(rtm(lab, &arguments).args(more));
    running.wait_for("watching the metadata of");
    running
}

#[test]
fn what_is_set_is_got_and_watched_for_each_kind_of_name() {
    for (kind, flags) in [("message", &[][..]), ("stream", &["--stream"]), ("user", &["--user"])] {
        let lab = Lab::new(true);
        let with = |arguments: &[&str]| storage(&lab, &[arguments, flags].concat());
        let mut bob = watch(&lab, "place", &[&["--count", "4"], flags].concat());
        assert_eq!(bob.line(), "snapshot 0");
        let set = with(&["set", "place", "topic=cats", "color=red=ish"]);
        assert!(set.err.contains("the metadata of place is at revision 1"), "{}", set.err);
        set.ok();
        let update = ["update", "place", "topic=dogs", "--revision", "1", "--record-author"];
        with(&update).ok();
        let get = with(&["get", "place"]);
        assert!(get.err.contains("revision 2"), "{}", get.err);
        assert_eq!(get.ok(), "color=red=ish\ntopic=dogs\n");
        let json = with(&["get", "place", "--json"]).ok();
        let start = format!("{{\"kind\":\"{kind}\",\"name\":\"place\",\"major_revision\":2,");
        assert!(json.starts_with(&start), "{json}");
        let item = r#"{"key":"topic","value":"dogs","revision":2,"author":"alice"}"#;
        assert!(json.contains(item), "{json}");
        with(&["remove", "place", "color", "--quiet"]).ok();
        for line in ["set 1 by alice", "color=red=ish", "topic=cats"] {
            assert_eq!(bob.line(), line);
        }
        for line in ["update 2 by alice", "topic=dogs", "remove 3 by alice", "-color"] {
            assert_eq!(bob.line(), line);
        }
        bob.end().ok();
        with(&["remove", "place", "--all"]).ok();
        assert_eq!(with(&["get", "place"]).ok(), "");
    }
}

#[test]
fn what_is_refused_ends_with_its_number_and_exit_code() {
    let lab = Lab::new(false);
    storage(&lab, &["set", "lobby", "a=1"]).ok();
    let long = format!("{}=1", "k".repeat(33));
    let cases: [(&[&str], i32, &str); 9] = [
        (&["set", "lobby", "a=2", "--revision", "0"], 1, "-12014"),
        (&["set", "lobby", "a=2", "--major", "7"], 1, "-12014"),
        (&["update", "lobby", "b=2"], 1, "-12014"),
        (&["remove", "garden", "--all"], 1, "-12014"),
        (&["set", "lobby", "a=2", "--lock", "editor", "--lock-token", "3"], 1, "-12007"),
        (&["set", "lobby", &long], 5, "-12011"),
        (&["set", "lobby", "=1"], 2, "-12009"),
        (&["set", "a.b", "a=1"], 2, "-10008"),
        (&["get", "a.b", "--user"], 2, "-10006"),
    ];
    for (arguments, code, number) in cases {
        let ended = storage(&lab, arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(number), "{arguments:?}: {}", ended.err);
    }
    let usage: [&[&str]; 6] = [
        &["set", "lobby", "words"],
        &["set", "lobby"],
        &["get", "a", "--stream", "--user"],
        &["remove", "lobby"],
        &["remove", "lobby", "--all", "--revision", "1"],
        &["remove", "lobby", "a", "--all"],
    ];
    for arguments in usage {
        let ended = storage(&lab, arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.err);
    }
    storage(&lab, &["set", "lobby", "a=2", "--revision", "-1", "--major", "1"]).ok();
    assert_eq!(storage(&lab, &["get", "lobby"]).ok(), "a=2\n", "nothing else was written");
}

#[test]
fn changes_arrive_while_every_fifth_packet_is_lost() {
    let lab = Lab::new(true);
    let lossy = Lossy::new(&lab, 20.0, 2);
    let mut bob = watch(&lab, "lobby", &["--json", "--count", "11", "--server", &lossy.server]);
    assert!(bob.line().contains("\"change\":\"snapshot\""));
    for round in 1..=10 {
        let item = format!("round={round}");
        storage(&lab, &["set", "lobby", &item, "--server", &lossy.server]).ok();
        let line = bob.line();
        assert!(line.contains(&format!("\"major_revision\":{round},")), "{line}");
        let item = format!("{{\"key\":\"round\",\"value\":\"{round}\",\"revision\":{round}}}");
        assert!(line.contains(&item), "{line}");
    }
    bob.end().ok();
    assert!(lossy.stop().up.lost > 0);
}
