//! Messages from user to user.

use crate::lab::{Lab, Lossy};
use crate::program::{Running, rtm, run, run_with};

fn inbox(lab: &Lab, more: &[&str]) -> Running {
    let mut running = Running::start(rtm(lab, &["user", "inbox", "--as", "bob"]).args(more));
    running.wait_for("the inbox of bob is open");
    running
}

#[test]
fn lines_reach_who_is_there_while_every_fifth_packet_is_lost() {
    let lab = Lab::new(true);
    let lossy = Lossy::new(&lab, 20.0, 1);
    let server = ["--server", &lossy.server];
    let bob = inbox(&lab, &["--count", "30", "--server", &lossy.server]);
    let lines: String = (0..30).map(|number| format!("line {number}\n")).collect();
    let mut send = rtm(&lab, &["user", "send", "bob", "--as", "alice"]);
    let ended = run_with(send.args(server), lines.as_bytes());
    assert!(ended.err.contains("30 received, 0 kept"), "{}", ended.err);
    ended.ok();
    assert_eq!(bob.end().ok(), lines);
    assert!(lossy.stop().up.lost > 0);
}

#[test]
fn who_is_away_gets_what_was_kept_and_nothing_else() {
    let lab = Lab::new(true);
    let send = |text: &str, more: &[&str]| {
        let arguments = ["user", "send", "bob", "--as", "alice", "--message", text];
        run(rtm(&lab, &arguments).args(more))
    };
    let refused = send("lost", &[]);
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    assert!(refused.err.contains("-11033"), "{}", refused.err);
    for text in ["first", "second"] {
        let kept = send(text, &["--store", "--custom-type", "note"]);
        assert!(kept.err.contains("0 received, 1 kept for bob"), "{}", kept.err);
        kept.ok();
    }
    let mut bob = inbox(&lab, &["--json"]);
    for (sequence, text) in [(1, "first"), (2, "second")] {
        let line = bob.line();
        assert!(line.contains("\"publisher\":\"alice\""), "{line}");
        assert!(line.contains(&format!("\"sequence\":{sequence},")), "{line}");
        assert!(line.contains("\"custom_type\":\"note\""), "{line}");
        assert!(line.contains(&format!("\"payload\":\"{text}\"")), "{line}");
    }
    let received = send("third", &["--store"]);
    assert!(received.err.contains("1 received, 0 kept"), "{}", received.err);
    assert!(bob.line().contains("third"));
    bob.signal("INT");
    bob.end().ok();
    // Nothing of it again.
    assert!(send("fourth", &["--store"]).err.contains("1 kept"));
    assert_eq!(inbox(&lab, &["--count", "1"]).end().ok(), "fourth\n");
}
