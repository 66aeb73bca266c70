//! Topics of stream channels.

use std::time::Duration;

use rtm_client::core::{Answer, Command, HandleId};
use rtm_client::{ErrorKind, Priority, Qos, StreamEvent, TopicOptions};
use rtm_sim::Bandwidth;

use super::world::{
    Lab, join, join_topic, join_topic_with, leave, leave_topic, name, publication, publish,
    subscribe_topic, topic, unsubscribe_topic, user_ids,
};

const HEARERS: [&str; 3] = ["bob", "carol", "dave"];

/// Alice publishes, the others are members.
fn lab(loss: f64) -> Lab {
    let mut lab = Lab::with_users(loss, &["alice", "bob", "carol", "dave"]);
    for user in ["alice", "bob", "carol", "dave"] {
        lab.call(user, join("town", 1)).unwrap();
    }
    lab
}

/// What the answers say about the places of 150 messages, and the texts that subscribers hear.
fn publish_150(lab: &mut Lab) -> Vec<String> {
    let mut waiters = Vec::new();
    for index in 0..150 {
        waiters.push(lab.publish("alice", publication(2), &format!("m{index}")));
        lab.run(Duration::from_millis(10));
    }
    let mut said = Vec::new();
    for (index, waiter) in waiters.into_iter().enumerate() {
        let sequence = lab.published("alice", waiter).unwrap().sequence;
        said.push((sequence, format!("alice {sequence}: m{index}")));
    }
    lab.run(Duration::from_secs(5));
    said.sort();
    said.into_iter().map(|(_, text)| text).collect()
}

#[test]
fn an_ordered_topic_under_loss_is_complete_in_order_and_the_same_for_all() {
    let mut lab = lab(0.2);
    lab.call("alice", join_topic("town", "news", 2, Qos::Ordered)).unwrap();
    for user in HEARERS {
        lab.call(user, subscribe_topic("town", "news", &[], 3)).unwrap();
    }
    let said = publish_150(&mut lab);
    let in_order: Vec<_> = (0..150).map(|index| format!("alice {}: m{index}", index + 1)).collect();
    assert_eq!(said, in_order);
    for user in HEARERS {
        assert_eq!(lab.client(user).heard_topic(3), in_order, "{user}");
    }
    lab.end(&["alice", "bob", "carol", "dave"]);
}

#[test]
fn an_unordered_topic_under_loss_is_complete() {
    let mut lab = lab(0.2);
    lab.call("alice", join_topic("town", "news", 2, Qos::Unordered)).unwrap();
    for user in HEARERS {
        lab.call(user, subscribe_topic("town", "news", &[], 3)).unwrap();
    }
    let mut said = publish_150(&mut lab);
    said.sort();
    for user in HEARERS {
        let mut heard = lab.client(user).heard_topic(3);
        assert!(!heard.is_sorted_by_key(|text| sequence(text)), "{user} waits for no message");
        heard.sort();
        assert_eq!(heard, said, "{user}");
    }
    lab.end(&["alice", "bob", "carol", "dave"]);
}

#[test]
fn a_publisher_leaves_and_comes_back() {
    let mut lab = lab(0.0);
    let unknown = lab.code("bob", subscribe_topic("town", "news", &["alice"], 3));
    assert_eq!(unknown, -11_017, "nobody publishes there yet");
    lab.call("alice", join_topic("town", "news", 2, Qos::Ordered)).unwrap();
    lab.run(Duration::from_millis(100));
    lab.call("bob", subscribe_topic("town", "news", &[], 4)).unwrap();
    let say = |lab: &mut Lab, handle, text: &str| {
        let waiter = lab.publish("alice", publication(handle), text);
        lab.published("alice", waiter).unwrap()
    };
    say(&mut lab, 2, "one");
    say(&mut lab, 2, "two");
    lab.call("alice", leave_topic(2)).unwrap();
    // With another order, so on another lane.
    lab.call("alice", join_topic("town", "news", 5, Qos::Unordered)).unwrap();
    let again = say(&mut lab, 5, "three");
    lab.run(Duration::from_millis(100));

    assert_eq!(again.sequence, 1, "a new publication counts from one");
    let heard = lab.client("bob").heard_topic(4);
    assert_eq!(heard, ["alice 1: one", "alice 2: two", "alice 1: three"]);
    let news = ["snapshot", "+news/alice", "-news/alice", "+news/alice"];
    assert_eq!(lab.client("bob").heard_stream(1), news);
    lab.call("alice", leave("town")).unwrap();
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.client("bob").heard_stream(1).last().unwrap(), "-news/alice");
}

#[test]
fn only_named_publishers_are_heard() {
    let mut lab = lab(0.0);
    for user in ["alice", "bob", "carol"] {
        lab.call(user, join_topic("town", "news", 2, Qos::Ordered)).unwrap();
    }
    lab.run(Duration::from_millis(100));
    let answer = lab.call("dave", subscribe_topic("town", "news", &["alice", "eve"], 3)).unwrap();
    let Answer::Users(users) = answer else { panic!("{answer:?}") };
    assert_eq!(users.succeeded, ["alice"]);
    assert_eq!((users.failed[0].user.as_str(), users.failed[0].error.code()), ("eve", -5));
    let everybody = |lab: &mut Lab, text: &str| {
        for user in ["alice", "bob", "carol"] {
            let waiter = lab.publish(user, publication(2), text);
            lab.published(user, waiter).unwrap();
        }
        lab.run(Duration::from_millis(100));
    };
    everybody(&mut lab, "a");
    let (handle, users) = (HandleId(3), Some(user_ids(&["bob"])));
    lab.call("dave", Command::AddPublishers { handle, users }).unwrap();
    everybody(&mut lab, "b");
    let users = user_ids(&["alice"]);
    lab.call("dave", Command::RemovePublishers { handle, users }).unwrap();
    everybody(&mut lab, "c");
    let list = Command::SubscribedUsers { channel: name("town"), topic: topic("news") };
    let answer = lab.call("dave", list).unwrap();
    assert!(matches!(answer, Answer::UserList(users) if users == ["bob"]));
    lab.call("dave", unsubscribe_topic(3)).unwrap();
    everybody(&mut lab, "d");

    let heard = lab.client("dave").heard_topic(3);
    assert_eq!(heard, ["alice 1: a", "alice 2: b", "bob 2: b", "bob 3: c"]);
    lab.end(&["alice", "bob", "carol", "dave"]);
}

#[test]
fn who_subscribes_to_all_hears_who_comes_later() {
    let mut lab = lab(0.0);
    lab.call("alice", join_topic("town", "news", 2, Qos::Ordered)).unwrap();
    lab.call("bob", subscribe_topic("town", "news", &[], 3)).unwrap();
    lab.call("carol", join_topic("town", "news", 2, Qos::Ordered)).unwrap();
    let waiter = lab.publish("carol", publication(2), "late");
    lab.published("carol", waiter).unwrap();
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.client("bob").heard_topic(3), ["carol 1: late"]);
}

fn sequence(text: &str) -> u64 {
    let number = text.split([' ', ':']).nth(1).unwrap();
    number.parse().unwrap()
}

#[test]
fn publishers_come_and_go_at_times_of_the_server() {
    let mut lab = lab(0.0);
    let begin = u64::from(super::server::BEGIN) * 1_000;
    lab.run(Duration::from_secs(100));
    lab.call("alice", join_topic("town", "news", 2, Qos::Ordered)).unwrap();
    let joined = begin + lab.world.now().as_micros() / 1_000;
    lab.run(Duration::from_secs(100));
    lab.call("bob", leave("town")).unwrap();
    lab.call("bob", join("town", 5)).unwrap();
    lab.run(Duration::from_secs(100));
    lab.call("alice", leave_topic(2)).unwrap();
    let left = begin + lab.world.now().as_micros() / 1_000;
    lab.run(Duration::from_secs(1));
    let near =
        |time: u64, expected: u64| assert!(time.abs_diff(expected) < 100, "{time} {expected}");
    for (to, event) in &lab.client("bob").streams {
        match event {
            StreamEvent::PublisherJoined(publication) => near(publication.since_ms, joined),
            StreamEvent::PublisherLeft { time_ms, .. } => near(*time_ms, left),
            StreamEvent::Snapshot(publications) if *to == HandleId(5) => {
                near(publications[0].since_ms, joined);
            }
            _ => {}
        }
    }
    assert_eq!(lab.client("bob").heard_stream(1), ["snapshot", "+news/alice"]);
    assert_eq!(lab.client("bob").heard_stream(5), ["snapshot news/alice", "-news/alice"]);
    // Who is lost, too.
    lab.call("alice", join_topic("town", "news", 3, Qos::Ordered)).unwrap();
    lab.set_blackout("alice", true);
    lab.run(Duration::from_secs(60));
    let streams = &lab.client("bob").streams;
    let Some((_, StreamEvent::PublisherLeft { time_ms, .. })) = streams.last() else {
        panic!("{streams:?}")
    };
    let now = begin + lab.world.now().as_micros() / 1_000;
    assert!((left + 10_000..now).contains(time_ms), "{time_ms}: {left} to {now}");
}

#[test]
fn a_topic_in_which_nobody_publishes_does_not_exist_for_who_names_users() {
    let mut lab = lab(0.0);
    let error = lab.call("bob", subscribe_topic("town", "news", &["alice"], 3)).unwrap_err();
    assert_eq!((error.code(), error.kind()), (-11_017, ErrorKind::UnknownTopic));
    // With another publisher it is that one who doesn't.
    lab.call("carol", join_topic("town", "news", 2, Qos::Ordered)).unwrap();
    lab.run(Duration::from_secs(1));
    let error = lab.call("bob", subscribe_topic("town", "news", &["alice"], 4)).unwrap_err();
    assert_eq!(error.code(), -5);
    // Who wants all publishers may be there before them.
    lab.call("dave", subscribe_topic("town", "talk", &[], 3)).unwrap();
}

/// In which order bob, who has little bandwidth, hears two of alice's topics of these priorities:
/// 100 messages of the first, and 10 of the second that were said later.
fn heard_over_a_narrow_line(first: Priority, second: Priority) -> String {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 1)).unwrap();
    }
    for (topic, handle, priority) in [("bulk", 2, first), ("news", 3, second)] {
        let options = TopicOptions::new().qos(Qos::Ordered).priority(priority);
        lab.call("alice", join_topic_with("town", topic, handle, options)).unwrap();
        lab.call("bob", subscribe_topic("town", topic, &["alice"], handle)).unwrap();
    }
    lab.run(Duration::from_secs(1));
    let narrow = Bandwidth { bits_per_second: 200_000, queue_bytes: 5_000 };
    let bob = lab.address("bob");
    let line = super::world::link().bandwidth(narrow);
    lab.world.network_mut().set_link(super::world::SERVER, bob, line);
    for (handle, count) in [(2, 100), (3, 10)] {
        for _ in 0..count {
            lab.command("alice", publish(publication(handle), &[b'x'; 1_000]));
        }
    }
    lab.run(Duration::from_secs(30));
    let heard = lab.client("bob").topics.iter();
    let heard: String = heard.map(|(to, _)| if to.0 == 2 { '.' } else { '!' }).collect();
    assert_eq!(heard.len(), 110, "all of them come");
    heard
}

#[test]
fn what_is_urgent_overtakes_what_is_not() {
    // A part of the bulk is on its way, or counted to be, when the news come.
    let heard = heard_over_a_narrow_line(Priority::Low, Priority::Highest);
    assert!(heard.rfind('!').unwrap() < 60, "{heard}");
    // The other way round they wait, but for a small share that everybody gets.
    let heard = heard_over_a_narrow_line(Priority::Highest, Priority::Low);
    assert!(heard.rfind('!').unwrap() > 100, "{heard}");
}

#[test]
fn the_priority_of_a_topic_is_normal_unless_it_is_said() {
    let mut lab = lab(0.0);
    lab.call("alice", join_topic_with("town", "a", 2, TopicOptions::new())).unwrap();
    let options = TopicOptions::new().priority(Priority::High);
    lab.call("alice", join_topic_with("town", "b", 3, options)).unwrap();
    lab.run(Duration::from_secs(1));
    let joined = lab.client("bob").streams.iter().filter_map(|(_, event)| match event {
        StreamEvent::PublisherJoined(it) => Some((it.topic.as_str(), it.priority)),
        _ => None,
    });
    assert_eq!(joined.collect::<Vec<_>>(), [("a", Priority::Normal), ("b", Priority::High)]);
    let numbers = [Priority::Highest, Priority::High, Priority::Normal, Priority::Low];
    assert_eq!(numbers.map(Priority::number), [0, 1, 4, 8]);
}

#[test]
fn a_topic_is_joined_once() {
    let mut lab = lab(0.0);
    lab.call("alice", join_topic("town", "news", 2, Qos::Ordered)).unwrap();
    assert_eq!(lab.code("alice", join_topic("town", "news", 3, Qos::Ordered)), -11_015);
}
