//! Crowds of the sizes that RTM 2.x names, through clients and server.

use std::time::Duration;

use rtm_client::core::{Answer, Command, HandleId};
use rtm_client::{ChannelId, OnlineUsers, OnlineUsersOptions, PresenceChange, Qos, StreamEvent};
use rtm_server::AppLimits;
use rtm_session::Config;

use super::storage::follow_user;
use super::world::{
    Lab, alice, join, join_topic, link, publication, subscribe, subscribe_topic, unsubscribe,
};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Alice, in the lobby as handle 1, and so many others who are logged in.
fn lobby(limits: AppLimits, others: usize) -> (Lab, Vec<String>) {
    let mut lab = Lab::build(5, link(), limits, Config::server());
    lab.add_users(&["alice"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    let others: Vec<_> = (0..others).map(|number| format!("u{number:03}")).collect();
    lab.add_users(&others.iter().map(String::as_str).collect::<Vec<_>>());
    (lab, others)
}

/// What alice was told since she was there: who came, at once or in an interval, and how many were
/// there then.
fn told(lab: &Lab, from: usize) -> Vec<(Vec<String>, bool, u64)> {
    let events = lab.client("alice").presence[from..].iter();
    let told = events.filter_map(|(_, event)| match &event.change {
        PresenceChange::Joined(user) => Some((vec![user.clone()], false, event.total)),
        PresenceChange::Left(user) => Some((vec![format!("-{user}")], false, event.total)),
        PresenceChange::Interval { joined, left, .. } => {
            let left = left.iter().map(|user| format!("-{user}"));
            Some((joined.iter().cloned().chain(left).collect(), true, event.total))
        }
        _ => None,
    });
    told.collect()
}

/// Up to so many users each one is told of at once; when one more has come, what has changed is
/// told once in so many seconds.
fn announces_up_to(limits: AppLimits, most: usize, interval: u64) {
    let (mut lab, others) = lobby(limits, most + 2);
    for user in &others[..most - 1] {
        lab.call(user, subscribe("lobby", 1)).unwrap();
    }
    lab.run(secs(1));
    let at_once: Vec<_> = others[..most - 1]
        .iter()
        .enumerate()
        .map(|(before, user)| (vec![user.clone()], false, before as u64 + 2))
        .collect();
    assert_eq!(told(&lab, 0), at_once);
    let seen = lab.client("alice").presence.len();
    // Alice and these are as many as are announced; one more, and others, are not.
    for user in &others[most - 1..] {
        lab.call(user, subscribe("lobby", 1)).unwrap();
    }
    lab.call(&others[0], unsubscribe("lobby")).unwrap();
    lab.run(secs(interval - 2));
    assert_eq!(told(&lab, seen), [], "nothing before the interval is over");
    lab.run(secs(3));
    let mut came = others[most - 1..].to_vec();
    came.push(format!("-{}", others[0]));
    assert_eq!(told(&lab, seen), [(came, true, most as u64 + 2)]);
}

#[test]
fn fifty_are_announced_and_the_changes_of_more_every_thirty_seconds() {
    announces_up_to(AppLimits::hosted(), 50, 30);
}

#[test]
fn as_few_as_eight_may_be_announced() {
    let mut limits = AppLimits::hosted();
    limits.channel.presence_announced = 8;
    announces_up_to(limits, 8, 30);
}

#[test]
fn as_often_as_every_five_seconds_changes_of_a_crowd_may_be_told() {
    let mut limits = AppLimits::hosted();
    (limits.channel.presence_announced, limits.channel.presence_interval) = (8, 5);
    announces_up_to(limits, 8, 5);
}

fn page(lab: &mut Lab, options: OnlineUsersOptions) -> OnlineUsers {
    let channel = ChannelId::message("lobby").unwrap();
    match lab.call("alice", Command::OnlineUsers { channel, options }).unwrap() {
        Answer::OnlineUsers(page) => page,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_page_of_who_is_there_has_a_hundred_users() {
    let (mut lab, others) = lobby(AppLimits::hosted(), 100);
    for user in &others {
        lab.call(user, subscribe("lobby", 1)).unwrap();
    }
    let first = page(&mut lab, OnlineUsersOptions::new());
    assert_eq!((first.total, first.users.len()), (101, 100));
    let rest = page(&mut lab, OnlineUsersOptions::new().page(first.next_page.unwrap()));
    assert_eq!((rest.total, rest.users.len(), rest.next_page), (101, 1, None));
    // One more isn't to be had by asking for it.
    let asked = page(&mut lab, OnlineUsersOptions::new().limit(101));
    assert_eq!((asked.users.len(), asked.next_page.is_some()), (100, true));
    let all = page(&mut lab, OnlineUsersOptions::new().limit(100));
    assert_eq!(all.users.len(), 100);
}

#[test]
fn all_128_members_of_a_channel_may_publish_in_one_topic() {
    let mut lab = alice();
    lab.call("alice", join("town", 1)).unwrap();
    let others: Vec<_> = (0..127).map(|number| format!("u{number:03}")).collect();
    lab.add_users(&others.iter().map(String::as_str).collect::<Vec<_>>());
    for user in &others {
        lab.call(user, join("town", 1)).unwrap();
        lab.call(user, join_topic("town", "talk", 2, Qos::Ordered)).unwrap();
    }
    lab.call("alice", join_topic("town", "talk", 2, Qos::Ordered)).unwrap();
    lab.run(secs(1));
    let streams = lab.client("alice").streams.iter();
    let joined = streams.filter(|(_, event)| matches!(event, StreamEvent::PublisherJoined(_)));
    assert_eq!(joined.count(), 127);
    // And is heard by who wants that one.
    let last = others.last().unwrap();
    lab.call("alice", subscribe_topic("town", "talk", &[last], 3)).unwrap();
    let said = lab.publish(last, publication(2), "hi");
    lab.published(last, said).unwrap();
    lab.run(secs(1));
    assert_eq!(lab.client("alice").heard_topic(3), [format!("{last} 1: hi")]);
}

#[test]
fn a_channel_has_as_many_topics_as_an_answer_can_list() {
    let mut limits = AppLimits::open();
    limits.topic.joined_topics = 10_000;
    let mut lab = Lab::build(5, link(), limits, Config::server());
    lab.add_users(&["alice"]);
    lab.call("alice", join("town", 1)).unwrap();
    let joining: Vec<_> = (0..4_096_u64)
        .map(|number| {
            let topic = format!("t{number}");
            lab.command("alice", join_topic("town", &topic, 10 + number, Qos::Ordered))
        })
        .collect();
    for waiter in joining {
        lab.answer("alice", waiter).unwrap();
    }
    let one_more = join_topic("town", "one", 5_000, Qos::Ordered);
    assert_eq!(lab.code("alice", one_more), -11_014);
}

#[test]
fn fifty_topics_are_subscribed_and_not_one_more() {
    let mut lab = alice();
    lab.call("alice", join("town", 1)).unwrap();
    for number in 0..50 {
        let topic = format!("t{number}");
        lab.call("alice", subscribe_topic("town", &topic, &[], 10 + number)).unwrap();
    }
    assert_eq!(lab.code("alice", subscribe_topic("town", "one", &[], 100)), -11_014);
    lab.call("alice", Command::UnsubscribeTopic { handle: HandleId(10) }).unwrap();
    lab.call("alice", subscribe_topic("town", "one", &[], 101)).unwrap();
}

#[test]
fn the_metadata_of_a_hundred_users_is_followed_and_not_of_one_more() {
    let mut lab = alice();
    for number in 0..100 {
        lab.call("alice", follow_user(&format!("u{number}"), number)).unwrap();
        lab.run(Duration::from_millis(10));
    }
    assert_eq!(lab.code("alice", follow_user("one", 200)), -12_017);
    lab.call("alice", super::storage::unfollow_user("u7")).unwrap();
    lab.call("alice", follow_user("one", 201)).unwrap();
}

#[test]
fn of_many_users_a_snapshot_names_512_and_counts_all() {
    for (others, named) in [(511, 512), (512, 512)] {
        let (mut lab, others) = lobby(AppLimits::hosted(), others);
        for user in &others {
            lab.call(user, subscribe("lobby", 1)).unwrap();
        }
        let last = others.last().unwrap();
        lab.run(secs(2));
        let snapshot = lab.client(last).presence.iter().find_map(|(_, it)| match &it.change {
            PresenceChange::Snapshot(users) => Some((users.len(), it.total)),
            _ => None,
        });
        assert_eq!(snapshot, Some((named, others.len() as u64 + 1)));
    }
}
