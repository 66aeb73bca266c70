//! Tokens that list what their users may do, between real processes.

use crate::lab::Lab;
use crate::program::{rtm, run};

/// What `rtm token` makes for alice.
fn token(lab: &Lab, more: &[&str]) -> String {
    let made = run(rtm(lab, &["token", "--as", "alice"]).args(more));
    made.ok().trim().to_owned()
}

/// Runs it as alice with this token; the exit code, and the error.
fn alice(lab: &Lab, token: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let ended = run(rtm(lab, arguments).args(["--as", "alice", "--token", token]));
    (ended.code, ended.err)
}

#[test]
fn a_token_with_rights_does_what_it_lists_and_nothing_else() {
    let lab = Lab::new(true);
    let token = token(&lab, &["--read", "room-*", "--write", "room-7", "--write-user", "bob"]);
    let may = |arguments: &[&str]| {
        let (code, error) = alice(&lab, &token, arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {error}");
    };
    let may_not = |arguments: &[&str], number: &str, right: &str| {
        let (code, error) = alice(&lab, &token, arguments);
        assert_eq!(code, Some(4), "{arguments:?}: {error}");
        assert!(error.contains(number) && error.contains(right), "{error}");
    };
    may(&["pub", "room-7", "--message", "hi"]);
    may_not(&["pub", "room-8", "--message", "hi"], "-11039", "write message channel room-8");
    may_not(&["sub", "hall"], "-11038", "read message channel hall");
    may(&["presence", "who", "room-8"]);
    may_not(&["presence", "who", "hall"], "-11038", "read message channel hall");
    may(&["storage", "set", "room-7", "k=v"]);
    may_not(&["storage", "set", "room-8", "k=v"], "-12020", "write message channel room-8");
    may_not(&["lock", "set", "room-8", "l"], "-14010", "write message channel room-8");
    may_not(&["history", "get", "hall"], "-15006", "read message channel hall");
    may(&["user", "send", "bob", "--message", "hi", "--store"]);
    may_not(&["user", "send", "carol", "--message", "hi"], "-11039", "write user carol");
}

#[test]
fn a_stream_channel_is_joined_by_right_and_published_in_by_right_or_token() {
    let lab = Lab::new(true);
    let publish = ["pub", "town", "--topic", "news", "--message", "hi"];
    for (more, code) in [
        (&["--write-stream", "town", "--read-stream", "town"][..], 0),
        (&["--read-stream", "town"], 4),
        (&["--channel", "town"], 0),
        (&["--listen", "town"], 4),
        (&["--listen", "town", "--write-stream", "town"], 0),
        (&["--no-rights"], 4),
        (&["--no-rights", "--channel", "town"], 0),
    ] {
        let (found, error) = alice(&lab, &token(&lab, more), &publish);
        assert_eq!(found, Some(code), "{more:?}: {error}");
    }
}
