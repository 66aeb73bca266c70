//! Message channels.

use std::time::Duration;

use rtm_client::SubscribeOptions;
use rtm_client::core::{Command, HandleId};

use super::world::{Lab, channel, name, subscribe, unsubscribe};

const BOTH: [&str; 2] = ["alice", "bob"];

#[test]
fn two_users_hear_each_other_and_themselves_in_one_order() {
    let mut lab = Lab::with_users(0.1, &BOTH);
    for user in BOTH {
        lab.call(user, subscribe("lobby", 1)).unwrap();
    }
    let mut asked = Vec::new();
    for index in 0..25 {
        for user in BOTH {
            let text = format!("{user}'s {index}");
            asked.push((user, lab.publish(user, channel("lobby"), &text), text));
        }
        lab.run(Duration::from_millis(50));
    }
    let mut said = Vec::new();
    for (user, waiter, text) in asked {
        let published = lab.published(user, waiter).unwrap();
        assert_eq!(published.epoch, 1);
        said.push((published.sequence, format!("{user} {}: {text}", published.sequence)));
    }
    lab.run(Duration::from_secs(5));
    said.sort();
    let said: Vec<_> = said.into_iter().map(|(_, text)| text).collect();
    assert_eq!(said.len(), 50);
    for user in BOTH {
        assert_eq!(lab.client(user).heard(1), said);
    }
    lab.end(&BOTH);
}

#[test]
fn who_only_publishes_hears_nothing_and_who_unsubscribes_hears_no_more() {
    let mut lab = Lab::with_users(0.0, &BOTH);
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    let say = |lab: &mut Lab, text: &str| {
        let waiter = lab.publish("alice", channel("lobby"), text);
        lab.published("alice", waiter).unwrap();
        lab.run(Duration::from_millis(100));
    };
    say(&mut lab, "one");
    lab.call("bob", unsubscribe("lobby")).unwrap();
    say(&mut lab, "two");
    assert_eq!(lab.status().channels, 0, "nothing is left");
    lab.call("bob", subscribe("lobby", 2)).unwrap();
    say(&mut lab, "three");

    assert_eq!(lab.client("bob").heard(1), ["alice 1: one"]);
    let heard = lab.client("bob").heard(2);
    assert_eq!(heard, ["alice 3: three"], "the channel's numbers go on while nobody is there");
    assert!(lab.client("alice").channels.is_empty());
    lab.end(&BOTH);
}

#[test]
fn channels_of_one_client_are_apart_from_each_other() {
    let mut lab = Lab::with_users(0.0, &BOTH);
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    lab.call("bob", subscribe("garden", 2)).unwrap();
    for (at, text) in [("lobby", "in"), ("garden", "out"), ("lobby", "again")] {
        let waiter = lab.publish("alice", channel(at), text);
        lab.published("alice", waiter).unwrap();
    }
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.client("bob").heard(1), ["alice 1: in", "alice 2: again"]);
    assert_eq!(lab.client("bob").heard(2), ["alice 1: out"]);
}

#[test]
fn who_does_not_want_its_own_messages_gets_those_of_others_without_a_gap() {
    let mut lab = Lab::with_users(0.1, &BOTH);
    let without = Command::Subscribe {
        channel: name("lobby"),
        options: SubscribeOptions::new().own_messages(false),
        handle: HandleId(1),
    };
    lab.call("alice", without).unwrap();
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    for index in 0..10 {
        for user in BOTH {
            let waiter = lab.publish(user, channel("lobby"), &format!("{index}"));
            lab.published(user, waiter).unwrap();
        }
    }
    lab.run(Duration::from_secs(5));
    let heard = lab.client("alice").heard(1);
    let expected: Vec<_> = (0..10).map(|index| format!("bob {}: {index}", 2 * index + 2)).collect();
    assert_eq!(heard, expected);
    assert_eq!(lab.client("bob").heard(1).len(), 20);
    lab.end(&BOTH);
}
