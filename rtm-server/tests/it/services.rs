//! Services that are switched off: refused by their numbers, told of where somebody waits for them,
//! and nothing else is touched.

use std::time::Duration;

use rtm_client::core::{Command, LockAct, MetadataTarget};
use rtm_client::{ChannelId, ErrorKind, LockOptions, OnlineUsersOptions, Qos};
use rtm_server::{AppLimits, Services};
use rtm_session::Config;

use super::locks::At;
use super::storage::{follow, follow_user, join_and_follow, lobby, of_user, remove, set, update};
use super::world::{Lab, channel, join, join_topic, link, publication, publish, subscribe};

/// Alice and bob at a server without some services.
fn without(switch_off: impl FnOnce(&mut Services)) -> Lab {
    let mut limits = AppLimits::hosted();
    switch_off(&mut limits.services);
    let mut lab = Lab::build(5, link(), limits, Config::server());
    lab.add_users(&["alice", "bob"]);
    lab
}

/// Each is refused by this number, which says whom to ask.
fn refused(lab: &mut Lab, number: i32, commands: Vec<Command>) {
    for command in commands {
        let error = lab.call("alice", command.clone()).expect_err("it is switched off");
        assert_eq!((error.code(), error.kind()), (number, ErrorKind::Unsupported), "{command:?}");
        assert!(error.to_string().contains("[services]"), "{error}");
        lab.run(Duration::from_millis(300));
    }
}

/// What has no switch, and needs none of the services.
fn messages_come(lab: &mut Lab) {
    lab.call("bob", publish(channel("lobby"), b"hi")).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("alice").heard(1), ["bob 1: hi"]);
}

#[test]
fn without_presence_nobody_is_seen_and_subscribers_are_told_so() {
    let mut lab = without(|services| services.presence = false);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    lab.call("alice", join("town", 2)).unwrap();
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    lab.run(Duration::from_secs(1));
    for handle in [1, 2] {
        assert_eq!(lab.client("alice").present(handle), ["OutOfService"], "{handle}");
    }
    let id = || ChannelId::message("lobby").unwrap();
    refused(
        &mut lab,
        -13_014,
        vec![
            super::states::set(id(), &[("mood", "calm")]),
            Command::GetStates { channel: id(), user: "bob".to_owned() },
            Command::OnlineUsers { channel: id(), options: OnlineUsersOptions::new() },
            Command::UserChannels { user: "bob".to_owned() },
        ],
    );
    messages_come(&mut lab);
    // Losses and good-byes find nothing to tell of.
    lab.outage("bob");
    lab.run(Duration::from_secs(400));
    lab.end(&["alice", "bob"]);
    assert_eq!(lab.client("alice").present(1), ["OutOfService"]);
}

#[test]
fn without_storage_nothing_is_written_read_or_followed() {
    let mut lab = without(|services| services.storage = false);
    let get = |target| Command::ReadMetadata { target };
    refused(
        &mut lab,
        -12_019,
        vec![
            set(lobby(), &["k=v"]),
            update(of_user("alice"), &["k=v"]),
            remove(lobby(), &["k"]),
            get(lobby()),
            get(MetadataTarget::Channel(ChannelId::stream("town").unwrap())),
            follow("lobby", 7),
            join_and_follow("town", 7),
            follow_user("bob", 7),
        ],
    );
    lab.run(Duration::from_secs(5));
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    messages_come(&mut lab);
}

#[test]
fn events_of_metadata_have_switches_of_their_own() {
    let mut lab = without(|services| services.channel_metadata_events = false);
    refused(&mut lab, -12_019, vec![follow("lobby", 7), join_and_follow("town", 7)]);
    lab.call("alice", follow_user("bob", 8)).unwrap();
    lab.call("bob", set(lobby(), &["k=v"])).unwrap();
    lab.call("bob", set(of_user("bob"), &["k=v"])).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("alice").stored(8).len(), 2, "all of it first, then what was written");

    let mut lab = without(|services| services.user_metadata_events = false);
    refused(&mut lab, -12_019, vec![follow_user("bob", 7)]);
    lab.call("alice", follow("lobby", 8)).unwrap();
    lab.call("bob", set(lobby(), &["k=v"])).unwrap();
    lab.call("bob", set(of_user("bob"), &["k=v"])).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("alice").stored(8).len(), 2);
}

#[test]
fn without_locks_there_are_none() {
    let mut lab = without(|services| services.locks = false);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    let at = At::Lobby;
    refused(
        &mut lab,
        -14_009,
        vec![
            at.act("l", LockAct::Set(LockOptions::new())),
            at.acquire("l"),
            at.revoke("l", "bob"),
            at.remove("l"),
            at.release("l"),
            Command::GetLocks { channel: at.id() },
            At::Town.watch(),
        ],
    );
    messages_come(&mut lab);
}

#[test]
fn without_stream_channels_none_is_joined() {
    let mut lab = without(|services| services.stream = false);
    refused(&mut lab, -11_012, vec![join("town", 7)]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    messages_come(&mut lab);
    // With the service there are topics.
    let mut lab = without(|services| services.presence = false);
    lab.call("alice", join("town", 7)).unwrap();
    lab.call("alice", join_topic("town", "chat", 8, Qos::Ordered)).unwrap();
    lab.call("alice", publish(publication(8), b"hi")).unwrap();
}
