//! Metadata of channels and users: what is written, read and told, between both real ends.

use std::time::Duration;

use rtm_channel::UserId;
use rtm_client::core::{Answer, Command, HandleId, MetadataTarget, WriteKind};
use rtm_client::{
    ChannelId, ErrorKind, JoinOptions, LinkState, Metadata, MetadataItem, MetadataOptions,
    SubscribeOptions,
};
use rtm_server::AppLimits;
use rtm_session::Config;
use rtm_wire::{
    ChannelKind, ChannelRef, ErrorCode, Event, GetMetadata, StorageChange, Subscribe,
    UnsubscribeUserMetadata,
};

use super::world::{Lab, leave, link, name, subscribe, unsubscribe};

pub(crate) fn lobby() -> MetadataTarget {
    MetadataTarget::Channel(ChannelId::message("lobby").unwrap())
}

pub(crate) fn town() -> MetadataTarget {
    MetadataTarget::Channel(ChannelId::stream("town").unwrap())
}

pub(crate) fn of_user(user: &str) -> MetadataTarget {
    MetadataTarget::User(UserId::new(user).unwrap())
}

pub(crate) fn write(
    target: MetadataTarget,
    kind: WriteKind,
    items: &[MetadataItem],
    options: MetadataOptions,
) -> Command {
    Command::WriteMetadata { target, kind, items: items.to_vec(), options }
}

/// Items that are given as `key=value`.
pub(crate) fn items(text: &[&str]) -> Vec<MetadataItem> {
    let item = |text: &&str| {
        let (key, value) = text.split_once('=').expect("key=value");
        MetadataItem::new(key, value.to_owned())
    };
    text.iter().map(item).collect()
}

pub(crate) fn set(target: MetadataTarget, text: &[&str]) -> Command {
    write(target, WriteKind::Set, &items(text), MetadataOptions::new())
}

pub(crate) fn update(target: MetadataTarget, text: &[&str]) -> Command {
    write(target, WriteKind::Update, &items(text), MetadataOptions::new())
}

pub(crate) fn remove(target: MetadataTarget, keys: &[&str]) -> Command {
    let items: Vec<_> = keys.iter().map(|key| MetadataItem::named(*key)).collect();
    write(target, WriteKind::Remove, &items, MetadataOptions::new())
}

/// Subscribes to a message channel and its metadata, and to nothing else.
pub(crate) fn follow(channel: &str, handle: u64) -> Command {
    let options = SubscribeOptions::new().messages(false).presence(false).metadata(true);
    Command::Subscribe { channel: name(channel), options, handle: HandleId(handle) }
}

/// Joins a stream channel, and follows its metadata.
pub(crate) fn join_and_follow(channel: &str, handle: u64) -> Command {
    let options = SubscribeOptions::new().presence(false).metadata(true);
    let options = JoinOptions::new().options(options);
    Command::Join { channel: name(channel), options, handle: HandleId(handle) }
}

pub(crate) fn follow_user(user: &str, handle: u64) -> Command {
    Command::SubscribeUserMetadata { user: UserId::new(user).unwrap(), handle: HandleId(handle) }
}

pub(crate) fn unfollow_user(user: &str) -> Command {
    Command::UnsubscribeUserMetadata { user: UserId::new(user).unwrap() }
}

/// The revision that a write has given.
pub(crate) fn major(lab: &mut Lab, user: &str, command: Command) -> i64 {
    match lab.call(user, command).unwrap() {
        Answer::Stored(stored) => stored.major_revision,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn get(lab: &mut Lab, user: &str, target: MetadataTarget) -> Metadata {
    match lab.call(user, Command::ReadMetadata { target }).unwrap() {
        Answer::Metadata(metadata) => metadata,
        other => panic!("{other:?}"),
    }
}

/// A set in short: its revision, then `key=value@revision`.
pub(crate) fn short(metadata: &Metadata) -> String {
    let mut text = metadata.major_revision.to_string();
    for item in &metadata.items {
        let value = String::from_utf8_lossy(&item.value);
        text += &format!(" {}={value}@{}", item.key, item.revision);
    }
    text
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn sets_of_channels_and_users_are_written_read_and_removed() {
    for target in [lobby(), town(), of_user("alice"), of_user("nobody")] {
        let mut lab = Lab::with_users(0.1, &["alice", "bob"]);
        let read = |lab: &mut Lab| short(&get(lab, "bob", target.clone()));
        assert_eq!(read(&mut lab), "0", "nothing is there");
        assert_eq!(major(&mut lab, "alice", set(target.clone(), &["b=2", "a=1"])), 1);
        assert_eq!(read(&mut lab), "1 a=1@1 b=2@1");
        assert_eq!(major(&mut lab, "bob", update(target.clone(), &["a=3"])), 2);
        assert_eq!(major(&mut lab, "bob", set(target.clone(), &["a=4", "c="])), 3);
        assert_eq!(read(&mut lab), "3 a=4@3 b=2@1 c=@3");
        assert_eq!(lab.code("bob", update(target.clone(), &["a=5", "d=6"])), -12_014);
        assert_eq!(lab.code("bob", remove(target.clone(), &["a", "d"])), -12_014);
        assert_eq!(read(&mut lab), "3 a=4@3 b=2@1 c=@3", "all or nothing");
        assert_eq!(major(&mut lab, "alice", remove(target.clone(), &["a", "c"])), 4);
        assert_eq!(read(&mut lab), "4 b=2@1");
        assert_eq!(major(&mut lab, "alice", remove(target.clone(), &[])), 5);
        assert_eq!(read(&mut lab), "5");
        assert_eq!(lab.code("alice", remove(target.clone(), &[])), -12_014);
        assert_eq!(major(&mut lab, "alice", set(target.clone(), &["a=1"])), 6, "no number twice");
        lab.end(&["alice", "bob"]);
    }
}

#[test]
fn the_kinds_of_channels_and_users_have_sets_of_their_own_under_one_name() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    let message = MetadataTarget::Channel(ChannelId::message("alice").unwrap());
    let stream = MetadataTarget::Channel(ChannelId::stream("alice").unwrap());
    for (target, item) in [(&message, "a=1"), (&stream, "a=2"), (&of_user("alice"), "a=3")] {
        lab.call("alice", set(target.clone(), &[item])).unwrap();
    }
    for (target, value) in [(message, "1"), (stream, "2"), (of_user("alice"), "3")] {
        let metadata = get(&mut lab, "alice", target);
        assert_eq!(metadata.get("a").unwrap().value, value);
    }
}

#[test]
fn time_and_author_are_kept_if_they_are_to_be() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    let with = |options| write(lobby(), WriteKind::Set, &items(&["a=1"]), options);
    let told = |lab: &mut Lab, options| {
        let Answer::Stored(stored) = lab.call("alice", with(options)).unwrap() else { panic!() };
        let metadata = get(lab, "bob", lobby());
        let item = metadata.get("a").unwrap();
        (stored.time_ms, item.time_ms, item.author.clone())
    };
    let (_, time, author) = told(&mut lab, MetadataOptions::new());
    assert_eq!((time, author), (None, None));
    let (at, time, author) = told(&mut lab, MetadataOptions::new().record_time(true));
    assert_eq!((time, author), (Some(at), None));
    let (_, time, author) = told(&mut lab, MetadataOptions::new().record_author(true));
    assert_eq!((time, author), (None, Some("alice".to_owned())));
}

#[test]
fn a_write_goes_to_its_writer_and_all_others_who_asked_in_one_sequence() {
    let mut lab = Lab::with_users(0.1, &["alice", "bob", "carol"]);
    for user in ["alice", "bob"] {
        lab.call(user, follow("lobby", 1)).unwrap();
    }
    lab.call("carol", subscribe("lobby", 1)).unwrap();
    lab.call("alice", set(lobby(), &["a=1", "b=2"])).unwrap();
    lab.call("bob", update(lobby(), &["a=3"])).unwrap();
    lab.call("carol", remove(lobby(), &["b"])).unwrap();
    lab.call("alice", set(town(), &["x=1"])).unwrap();
    assert_eq!(lab.code("bob", update(lobby(), &["b=3"])), -12_014);
    lab.run(secs(2));
    let told =
        ["snapshot 0", "set 1 by alice a=1 b=2", "update 2 by bob a=3", "remove 3 by carol -b"];
    for user in ["alice", "bob"] {
        assert_eq!(lab.client(user).stored(1), told, "{user}");
        assert_eq!(lab.client(user).stored_set(1), "a=3");
    }
    assert_eq!(lab.client("carol").stored(1), [""; 0], "who hasn't asked");
    lab.call("alice", unsubscribe("lobby")).unwrap();
    lab.call("bob", set(lobby(), &["c=4"])).unwrap();
    lab.run(secs(2));
    assert_eq!(lab.client("alice").stored(1).len(), 4, "nothing after the end");
    assert_eq!(lab.client("bob").stored(1).len(), 5);
    lab.end(&["alice", "bob", "carol"]);
}

#[test]
fn who_comes_late_gets_all_of_it_first() {
    let mut lab = Lab::with_users(0.1, &["alice", "bob"]);
    for target in [lobby(), town(), of_user("alice")] {
        lab.call("alice", set(target.clone(), &["a=1", "b=2"])).unwrap();
        lab.call("alice", set(target, &["b=3"])).unwrap();
    }
    lab.call("bob", follow("lobby", 1)).unwrap();
    lab.call("bob", join_and_follow("town", 2)).unwrap();
    lab.call("bob", follow_user("alice", 3)).unwrap();
    lab.run(secs(2));
    for handle in 1..=3 {
        assert_eq!(lab.client("bob").stored(handle), ["snapshot 2 a=1 b=3"], "{handle}");
    }
    let (_, event) = &lab.client("bob").storage[0];
    assert_eq!(event.author, None);
    assert_eq!(event.items.get("a").map(|item| item.revision), Some(1));
}

#[test]
fn members_of_a_stream_channel_hear_of_its_metadata_until_they_leave() {
    let mut lab = Lab::with_users(0.1, &["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join_and_follow("town", 1)).unwrap();
    }
    lab.call("alice", set(town(), &["map=winter"])).unwrap();
    lab.run(secs(1));
    lab.call("bob", leave("town")).unwrap();
    lab.call("alice", set(town(), &["map=summer"])).unwrap();
    lab.run(secs(1));
    let told = ["snapshot 0", "set 1 by alice map=winter", "set 2 by alice map=summer"];
    assert_eq!(lab.client("alice").stored(1), told);
    assert_eq!(lab.client("bob").stored(1), told[..2]);
    lab.call("bob", join_and_follow("town", 2)).unwrap();
    lab.run(secs(1));
    assert_eq!(lab.client("bob").stored(2), ["snapshot 2 map=summer"]);
    lab.end(&["alice", "bob"]);
}

#[test]
fn subscribing_again_changes_whether_metadata_is_heard() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.add_raw_user("bob", Config::default());
    let again = |lab: &mut Lab, id, metadata| {
        let options = rtm_wire::SubscribeOptions {
            presence: false,
            metadata,
            ..rtm_wire::SubscribeOptions::default()
        };
        let channel = ChannelRef { kind: ChannelKind::Message, name: "lobby" };
        let subscribe = Subscribe { channel, options, resume: None };
        lab.with_raw("bob", |raw, now| raw.request(now, id, subscribe));
        lab.run(secs(6));
        assert_eq!(lab.raw("bob").codes(id), [ErrorCode::OK]);
    };
    let changes = |lab: &Lab| {
        let events = lab.raw("bob").got.iter().filter_map(|(_, it)| Event::decode(it).ok());
        let changes = events.filter_map(|event| match event {
            Event::Storage(event) => Some(event.change),
            _ => None,
        });
        changes.collect::<Vec<_>>()
    };
    again(&mut lab, 1, false);
    lab.call("alice", set(lobby(), &["a=1"])).unwrap();
    assert_eq!(changes(&lab), []);
    again(&mut lab, 2, true);
    assert_eq!(changes(&lab), [StorageChange::Snapshot]);
    lab.call("alice", set(lobby(), &["a=2"])).unwrap();
    lab.run(secs(1));
    assert_eq!(changes(&lab), [StorageChange::Snapshot, StorageChange::Set]);
    again(&mut lab, 3, true);
    assert_eq!(changes(&lab).len(), 3, "all of it again");
    again(&mut lab, 4, false);
    lab.call("alice", set(lobby(), &["a=3"])).unwrap();
    lab.run(secs(1));
    assert_eq!(changes(&lab).len(), 3);
}

#[test]
fn subscribing_again_to_a_user_brings_all_of_it_again() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.add_raw_user("bob", Config::default());
    lab.call("alice", set(of_user("alice"), &["a=1"])).unwrap();
    for id in 1..=3 {
        let subscribe = rtm_wire::SubscribeUserMetadata { user: "alice" };
        lab.with_raw("bob", |raw, now| raw.request(now, id, subscribe));
        lab.run(secs(1));
        assert_eq!(lab.raw("bob").codes(id), [ErrorCode::OK]);
        let snapshots = lab.raw("bob").got.iter().filter(|(_, message)| {
            matches!(
                Event::decode(message),
                Ok(Event::Storage(event)) if event.change == StorageChange::Snapshot
            )
        });
        assert_eq!(snapshots.count() as u64, id);
    }
    let unsubscribe = UnsubscribeUserMetadata { user: "alice" };
    for (id, code) in [(4, ErrorCode::OK), (5, ErrorCode::STORAGE_NOT_SUBSCRIBE)] {
        lab.with_raw("bob", |raw, now| raw.request(now, id, unsubscribe));
        lab.run(secs(1));
        assert_eq!(lab.raw("bob").codes(id), [code], "once is enough");
    }
}

#[test]
fn a_users_metadata_is_heard_while_it_is_subscribed() {
    let mut lab = Lab::with_users(0.1, &["alice", "bob"]);
    // Of who is there, of who isn't, and of oneself.
    for (handle, user) in [(1, "alice"), (2, "nobody"), (3, "bob")] {
        lab.call("bob", follow_user(user, handle)).unwrap();
    }
    for user in ["alice", "nobody", "bob"] {
        lab.call("alice", set(of_user(user), &["mood=fine"])).unwrap();
    }
    lab.run(secs(2));
    for handle in 1..=3 {
        let told = ["snapshot 0", "set 1 by alice mood=fine"];
        assert_eq!(lab.client("bob").stored(handle), told, "{handle}");
    }
    let again = lab.call("bob", follow_user("alice", 4)).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Duplicate);
    lab.call("bob", unfollow_user("alice")).unwrap();
    assert_eq!(lab.code("bob", unfollow_user("alice")), -12_015);
    lab.call("alice", set(of_user("alice"), &["mood=bad"])).unwrap();
    lab.run(secs(2));
    assert_eq!(lab.client("bob").stored(1).len(), 2);
    assert!(lab.client("bob").ended.contains(&HandleId(1)));
    // And again; dropping it ends it, too.
    lab.call("bob", follow_user("alice", 5)).unwrap();
    lab.run(secs(1));
    assert_eq!(lab.client("bob").stored(5), ["snapshot 2 mood=bad"]);
    lab.with_client("bob", |client, now| client.drop_handle(now, 5));
    lab.run(secs(1));
    lab.call("alice", set(of_user("alice"), &["mood=good"])).unwrap();
    lab.run(secs(1));
    assert_eq!(lab.client("bob").stored(5).len(), 1);
    lab.end(&["alice", "bob"]);
}

#[test]
fn a_subscription_that_ends_and_begins_at_once_misses_nothing() {
    for seed in 0..10 {
        let (limits, session) = (AppLimits::open(), Config::server());
        let mut lab = Lab::build(seed, link().loss(0.2), limits, session);
        lab.add_users(&["alice", "bob"]);
        for round in 0..10 {
            lab.command("bob", follow_user("alice", round));
            lab.command("alice", set(of_user("alice"), &[&format!("a={round}")]));
            lab.run(Duration::from_millis(37));
            lab.command("bob", unfollow_user("alice"));
        }
        lab.call("bob", follow_user("alice", 100)).unwrap();
        lab.call("alice", set(of_user("alice"), &["a=end"])).unwrap();
        lab.run(secs(5));
        assert_eq!(lab.client("bob").stored_set(100), "a=end", "seed {seed}");
    }
}

#[test]
fn every_set_that_is_told_was_there_at_one_moment() {
    for seed in 0..5 {
        let (limits, session) = (AppLimits::open(), Config::server());
        let mut lab = Lab::build(seed, link().loss(0.2), limits, session);
        lab.add_users(&["alice", "bob"]);
        // Each write takes three parts to tell; subscriptions come and go between them.
        for round in 1..=12_u8 {
            lab.command("bob", follow("lobby", 2 * u64::from(round)));
            lab.command("bob", follow_user("alice", 2 * u64::from(round) + 1));
            for target in [lobby(), of_user("alice")] {
                let item = |key| MetadataItem::new(key, vec![round; 20_000]);
                let items = ["a", "b", "c"].map(item);
                let options = MetadataOptions::new();
                lab.command("alice", write(target, WriteKind::Set, &items, options));
            }
            lab.run(Duration::from_millis(20 * u64::from(round)));
            lab.command("bob", unsubscribe("lobby"));
            lab.command("bob", unfollow_user("alice"));
        }
        lab.run(secs(40));
        lab.call("bob", follow("lobby", 100)).unwrap();
        lab.call("bob", follow_user("alice", 101)).unwrap();
        lab.run(secs(10));
        for (handle, event) in &lab.client("bob").storage {
            let count = event.items.len();
            assert!(count == 0 || count == 3, "seed {seed}, {handle:?}: {count} items");
            let mut values = event.items.iter().map(|item| item.value[0]);
            let first = values.next();
            assert!(values.all(|value| Some(value) == first), "seed {seed}, {handle:?}");
        }
        for handle in [100, 101] {
            let last = lab.client("bob").storage.iter().rfind(|(to, _)| to.0 == handle);
            let (_, event) = last.expect("a snapshot");
            assert_eq!(event.items.get("a").unwrap().value[0], 12, "seed {seed}");
        }
    }
}

#[test]
fn sets_outlive_channels_sessions_and_logouts() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", follow("lobby", 1)).unwrap();
    for target in [lobby(), town(), of_user("alice")] {
        lab.call("alice", set(target, &["a=1"])).unwrap();
    }
    lab.end(&["alice"]);
    lab.run(secs(86_400));
    lab.add_users(&["bob"]);
    for target in [lobby(), town(), of_user("alice")] {
        assert_eq!(short(&get(&mut lab, "bob", target)), "1 a=1@1");
    }
    let reconnect = |lab: &mut Lab| {
        lab.run_until_link("bob", LinkState::Disconnected);
        lab.run_until_link("bob", LinkState::Connected);
    };
    lab.restart_server();
    reconnect(&mut lab);
    for target in [lobby(), town(), of_user("alice")] {
        assert_eq!(short(&get(&mut lab, "bob", target)), "1 a=1@1");
    }
    // Another server is another one.
    lab.replace_server();
    reconnect(&mut lab);
    assert_eq!(short(&get(&mut lab, "bob", lobby())), "0");
}

#[test]
fn sets_of_many_items_and_bytes_come_whole() {
    let (mut limits, session) = (AppLimits::open(), Config::server());
    limits.channel.storage_page = 100;
    let mut lab = Lab::build(11, link().loss(0.1), limits, session);
    lab.add_users(&["alice", "bob"]);
    lab.call("alice", follow("lobby", 1)).unwrap();
    let many: Vec<_> = (0..250).map(|number| format!("k{number:03}={number}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    lab.call("alice", set(lobby(), &many)).unwrap();
    // Five values that fill messages.
    for number in 0..5_u8 {
        let item = MetadataItem::new(format!("large {number}"), vec![b'0' + number; 60_000]);
        lab.call("alice", write(lobby(), WriteKind::Set, &[item], MetadataOptions::new())).unwrap();
    }
    lab.call("bob", follow("lobby", 2)).unwrap();
    lab.run(secs(30));
    let metadata = get(&mut lab, "bob", lobby());
    assert_eq!((metadata.major_revision, metadata.items.len()), (6, 255));
    for (user, handle) in [("alice", 1), ("bob", 2)] {
        let (_, last) = lab.client(user).storage.last().unwrap();
        assert_eq!(last.major_revision, 6);
        assert!(last.items.iter().eq(metadata.items.iter()), "{user}");
        assert_eq!(lab.client(user).storage.len(), if handle == 1 { 7 } else { 1 });
    }
    // All at once is removed.
    lab.call("alice", remove(lobby(), &[])).unwrap();
    lab.run(secs(5));
    let (_, last) = lab.client("bob").storage.last().unwrap();
    assert_eq!((last.items.len(), last.removed.len()), (0, 255));
}

#[test]
fn a_set_that_changes_while_it_is_read_is_read_as_of_one_moment() {
    let (mut limits, session) = (AppLimits::open(), Config::server());
    limits.channel.storage_page = 100;
    let mut lab = Lab::build(11, link(), limits, session);
    lab.add_users(&["alice", "bob"]);
    let many: Vec<_> = (0..250).map(|number| format!("k{number:03}=0")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    lab.call("alice", set(lobby(), &many)).unwrap();
    let read = lab.command("bob", Command::ReadMetadata { target: lobby() });
    // Three pages take 120 ms.
    for round in 1..=10 {
        let (first, last) = (format!("k000={round}"), format!("k249={round}"));
        lab.command("alice", set(lobby(), &[&first, &last]));
        lab.run(Duration::from_millis(45));
    }
    let Answer::Metadata(metadata) = lab.answer("bob", read).unwrap() else { panic!() };
    assert_eq!(metadata.items.len(), 250);
    assert_eq!(metadata.get("k000").unwrap().value, metadata.get("k249").unwrap().value);
    // And one that never rests is not waited for.
    let read = lab.command("bob", Command::ReadMetadata { target: lobby() });
    for round in 0..150 {
        lab.command("alice", set(lobby(), &[&format!("k000={round}")]));
        lab.run(Duration::from_millis(20));
    }
    let error = lab.answer("bob", read).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutdatedRevision);
}

#[test]
fn what_has_no_metadata_is_refused_by_kind_and_name() {
    let mut lab = Lab::new(0.0);
    lab.add_raw_user("alice", Config::default());
    let get = |kind, name| GetMetadata { target: ChannelRef { kind, name }, limit: 0, after: "" };
    let (message, user) = (ChannelKind::Message, ChannelKind::User);
    let cases: [(rtm_wire::Request<'_>, ErrorCode); 6] = [
        (get(ChannelKind::Unknown(9), "lobby").into(), ErrorCode::INVALID_CHANNEL_TYPE),
        (get(message, "_x").into(), ErrorCode::INVALID_CHANNEL_NAME),
        (get(user, "_x").into(), ErrorCode::INVALID_USER_ID),
        (get(message, "lobby").into(), ErrorCode::OK),
        (UnsubscribeUserMetadata { user: "bob" }.into(), ErrorCode::STORAGE_NOT_SUBSCRIBE),
        (UnsubscribeUserMetadata { user: "" }.into(), ErrorCode::INVALID_USER_ID),
    ];
    for (index, (request, code)) in cases.iter().enumerate() {
        let id = index as u64 + 1;
        lab.with_raw("alice", |raw, now| raw.request(now, id, *request));
        lab.run(Duration::from_millis(100));
        assert_eq!(lab.raw("alice").codes(id), [*code], "{request:?}");
    }
    assert_eq!(lab.status().channels, 0);
}
