//! Messages to users.

use std::time::Duration;

use rtm_client::core::Command;

use super::world::{Lab, open_inbox, user};

#[test]
fn a_user_who_is_there_gets_what_is_for_him_and_nobody_else() {
    let mut lab = Lab::with_users(0.1, &["alice", "bob", "carol"]);
    for who in ["bob", "carol"] {
        lab.call(who, open_inbox(1)).unwrap();
    }
    for index in 0..20 {
        let waiter = lab.publish("alice", user("bob"), &format!("m{index}"));
        assert_eq!(lab.published("alice", waiter).unwrap().sequence, index + 1);
    }
    lab.run(Duration::from_secs(5));
    let expected: Vec<_> = (0..20).map(|index| format!("alice {}: m{index}", index + 1)).collect();
    assert_eq!(lab.client("bob").heard(1), expected);
    assert!(lab.client("carol").channels.is_empty());
    lab.end(&["alice", "bob", "carol"]);
}

#[test]
fn a_user_who_is_not_there_is_offline() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    let offline = |lab: &mut Lab, who: &str| {
        let waiter = lab.publish("alice", user(who), "hi");
        lab.published("alice", waiter).map_or_else(|error| error.code(), |_| 0)
    };
    assert_eq!(offline(&mut lab, "nobody"), -11_033);
    assert_eq!(offline(&mut lab, "bob"), 0);
    lab.call("bob", Command::Logout).unwrap();
    assert_eq!(offline(&mut lab, "bob"), -11_033);
    lab.log_in("bob");
    lab.run(Duration::from_millis(100));
    assert_eq!(offline(&mut lab, "bob"), 0);
    assert_eq!(lab.status().channels, 2, "asking for somebody makes no channel");
}

#[test]
fn a_user_can_write_to_himself() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", open_inbox(1)).unwrap();
    let waiter = lab.publish("alice", user("alice"), "note");
    lab.published("alice", waiter).unwrap();
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.client("alice").heard(1), ["alice 1: note"]);
}
