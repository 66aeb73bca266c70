//! Rights to single channels and users: what a token lists may be done, and nothing else, between
//! both real ends.

use std::time::Duration;

use rtm_client::core::{Answer, Command, LockAct, MetadataTarget};
use rtm_client::{
    ChannelId, ErrorKind, HistoryOptions, LinkState, LockOptions, OnlineUsersOptions,
    PublishOptions, TokenChange,
};
use rtm_token::{Permission, Service};

use super::server::{APP, BEGIN, CERTIFICATE, sign};
use super::storage::{follow_user, of_user, remove, set, update};
use super::world::{
    Lab, channel, join, join_topic, login, name, publication, publish, subscribe, unsubscribe, user,
};

/// A token for a user with these rights: `"read channel room-*"`, `"write stream town"`,
/// `"read user bob"`.
pub(crate) fn token(user: &str, rights: &[&str]) -> String {
    let permission = |text: &&str| {
        let words: Vec<_> = text.splitn(3, ' ').collect();
        let right = u16::from(words[0] == "write");
        let resource = match words[1] {
            "channel" => 0,
            "stream" => 1,
            _ => 4,
        };
        Permission { resource, right, names: vec![words[2].to_owned()] }
    };
    let permissions = rights.iter().map(permission).collect();
    sign(APP, CERTIFICATE, BEGIN, 3_600, vec![Service::rtm2(user, 3_600, permissions)])
}

/// Alice, logged in with these rights.
fn alice(rights: &[&str]) -> Lab {
    let mut lab = Lab::new(0.0);
    lab.add("alice", APP, "alice");
    lab.call("alice", login(&token("alice", rights))).unwrap();
    lab
}

/// Somebody else, who may do everything.
fn add_bob(lab: &mut Lab) {
    lab.add("bob", APP, "bob");
    let token = sign(APP, CERTIFICATE, BEGIN, 3_600, vec![Service::rtm("bob", 3_600)]);
    lab.call("bob", login(&token)).unwrap();
}

fn renew(rights: &[&str]) -> Command {
    Command::RenewToken(token("alice", rights))
}

fn of(channel: &str) -> ChannelId {
    ChannelId::message(channel).unwrap()
}

fn metadata(channel: &str) -> MetadataTarget {
    MetadataTarget::Channel(of(channel))
}

fn lock(channel: &str, act: LockAct) -> Command {
    Command::Lock { channel: of(channel), name: "l".to_owned(), act }
}

fn store(channel_name: &str) -> Command {
    let options = PublishOptions::text().store_in_history(true);
    Command::Publish { target: channel(channel_name), payload: "hi".into(), options }
}

fn history(channel: &str) -> Command {
    let options = HistoryOptions::new();
    Command::GetMessages { channel: Some(name(channel)), options }
}

/// Does each of these in the channels that may be read, written, both and neither, and expects it
/// to be refused with this number where the right is missing, and only there.
fn check(number: i32, is_read: bool, commands: &[fn(&str) -> Command]) {
    let both = ["read channel r", "write channel w", "read channel rw", "write channel rw"];
    let mut lab = alice(&both);
    for channel in ["r", "rw"] {
        lab.call("alice", subscribe(channel, channel.len() as u64)).unwrap();
    }
    for (index, make) in commands.iter().enumerate() {
        for (channel, [may_read, may_write]) in
            [("r", [true, false]), ("w", [false, true]), ("rw", [true; 2]), ("x", [false; 2])]
        {
            let result = lab.call("alice", make(channel));
            let code = result.as_ref().err().map(|error| error.code());
            let is_allowed = if is_read { may_read } else { may_write };
            assert_eq!(code != Some(number), is_allowed, "{index} in {channel}: {result:?}");
            if let (Err(error), false) = (result, is_allowed) {
                assert_eq!(error.kind(), ErrorKind::PermissionDenied);
                let right = if is_read { "read" } else { "write" };
                let culprit = format!("no right to {right} message channel {channel};");
                assert!(error.to_string().contains(&culprit), "{error}");
            }
        }
        // The requests of a second are few.
        lab.run(Duration::from_secs(1));
    }
}

#[test]
fn subscribing_and_looking_who_is_there_wants_the_right_to_read() {
    check(
        -11_038,
        true,
        &[
            |channel| subscribe(channel, 7),
            |channel| Command::GetStates { channel: of(channel), user: "bob".to_owned() },
            |channel| {
                let options = OnlineUsersOptions::new();
                Command::OnlineUsers { channel: of(channel), options }
            },
        ],
    );
}

#[test]
fn publishing_wants_the_right_to_write() {
    check(-11_039, false, &[|name| publish(channel(name), b"hi"), store]);
}

#[test]
fn metadata_wants_both_rights_each_for_its_own() {
    check(
        -12_020,
        true,
        &[
            |channel| Command::ReadMetadata { target: metadata(channel) },
            |channel| {
                let (target, after) = (metadata(channel), String::new());
                Command::ReadMetadataPage { target, limit: 0, after }
            },
        ],
    );
    check(
        -12_020,
        false,
        &[
            |channel| set(metadata(channel), &["k=v"]),
            |channel| update(metadata(channel), &["k=w"]),
            |channel| remove(metadata(channel), &["k"]),
        ],
    );
}

#[test]
fn locks_want_both_rights_each_for_its_own() {
    check(-14_010, true, &[|channel| Command::GetLocks { channel: of(channel) }]);
    check(
        -14_010,
        false,
        &[
            |channel| lock(channel, LockAct::Set(LockOptions::new())),
            |channel| lock(channel, LockAct::Acquire { retry: false }),
            |channel| lock(channel, LockAct::Revoke { owner: "bob".to_owned() }),
            |channel| lock(channel, LockAct::Remove),
        ],
    );
}

#[test]
fn histories_want_the_right_to_read() {
    check(-15_006, true, &[history]);
}

#[test]
fn what_is_listed_with_an_asterisk_is_all_that_begins_so() {
    let mut lab = alice(&["read channel room-*", "write channel *"]);
    for (handle, (name, code)) in
        [("room-1", 0), ("room-", 0), ("room", -11_038), ("a-room-1", -11_038)]
            .into_iter()
            .enumerate()
    {
        assert_eq!(lab.code("alice", subscribe(name, handle as u64)), code, "{name}");
        assert_eq!(lab.code("alice", publish(channel(name), b"hi")), 0, "{name}");
    }
}

#[test]
fn users_are_read_and_written_by_rights_and_oneself_without() {
    let mut lab = alice(&["read user rachel", "write user walter"]);
    for (name, [may_read, may_write]) in [
        ("rachel", [true, false]),
        ("walter", [false, true]),
        ("bob", [false, false]),
        ("alice", [true, true]),
    ] {
        let denied = |number, may| if may { 0 } else { number };
        let read = denied(-12_020, may_read);
        let get = Command::ReadMetadata { target: of_user(name) };
        assert_eq!(lab.code("alice", get), read, "{name}");
        assert_eq!(lab.code("alice", follow_user(name, 5)), read, "{name}");
        let channels = Command::UserChannels { user: name.to_owned() };
        assert_eq!(lab.code("alice", channels), denied(-11_038, may_read), "{name}");
        let written = lab.code("alice", set(of_user(name), &["k=v"]));
        assert_eq!(written, denied(-12_020, may_write), "{name}");
        // Nobody reads, so that it doesn't arrive; but it may be tried.
        let published = lab.code("alice", publish(user(name), b"hi"));
        assert_eq!(published, if may_write { -11_033 } else { -11_039 }, "{name}");
        lab.run(Duration::from_secs(1));
    }
    // What is one's own.
    let own = Command::GetMessages { channel: None, options: HistoryOptions::new() };
    assert_eq!(lab.code("alice", own), 0);
    assert_eq!(lab.code("alice", super::world::open_inbox(9)), 0);
    assert_eq!(lab.code("alice", publish(user("alice"), b"hi")), 0);
}

#[test]
fn stream_channels_are_joined_and_written_by_rights() {
    let mut lab = alice(&["read stream class-*", "write stream class-1"]);
    assert_eq!(lab.code("alice", join("school", 1)), -11_038);
    for (handle, (name, may_write)) in
        [("class-1", true), ("class-2", false)].into_iter().enumerate()
    {
        let handle = handle as u64;
        lab.call("alice", join(name, 10 + handle)).unwrap();
        let code =
            lab.code("alice", join_topic(name, "chat", 20 + handle, rtm_client::Qos::Ordered));
        assert_eq!(code, if may_write { 0 } else { -11_039 }, "{name}");
        let at = || MetadataTarget::Channel(ChannelId::stream(name).unwrap());
        assert_eq!(lab.code("alice", Command::ReadMetadata { target: at() }), 0);
        let code = lab.code("alice", set(at(), &["k=v"]));
        assert_eq!(code, if may_write { 0 } else { -12_020 }, "{name}");
    }
    assert_eq!(lab.code("alice", publish(publication(20), b"hi")), 0);
    // The right is looked at with each message.
    lab.call("alice", renew(&["read stream class-*"])).unwrap();
    assert_eq!(lab.code("alice", publish(publication(20), b"hi")), -11_039);
    lab.call("alice", renew(&["read stream class-*", "write stream *"])).unwrap();
    assert_eq!(lab.code("alice", publish(publication(20), b"hi")), 0);
}

#[test]
fn who_has_joined_with_a_token_reads_the_channel_as_long_as_it_is_in_there() {
    let mut lab = alice(&[]);
    let get = || Command::ReadMetadata { target: super::storage::town() };
    assert_eq!(lab.code("alice", get()), -12_020);
    let rtc = super::server::token(600, Service::rtc("town", "alice", 600));
    lab.call("alice", super::world::join_with("town", 1, &rtc)).unwrap();
    assert_eq!(lab.code("alice", get()), 0);
    assert_eq!(lab.code("alice", set(super::storage::town(), &["k=v"])), -12_020);
    // Nor do rights that come and go put it out.
    lab.call("alice", renew(&["read stream town"])).unwrap();
    lab.call("alice", renew(&["read channel a"])).unwrap();
    assert_eq!(lab.code("alice", get()), 0);
    lab.call("alice", super::world::leave("town")).unwrap();
    assert_eq!(lab.code("alice", get()), -12_020);
    assert!(lab.client("alice").tokens.is_empty());
}

#[test]
fn a_channel_that_is_called_like_its_reader_is_no_own_one() {
    let mut lab = alice(&[]);
    assert_eq!(lab.code("alice", subscribe("alice", 1)), -11_038);
    assert_eq!(lab.code("alice", publish(channel("alice"), b"hi")), -11_039);
}

#[test]
fn a_token_that_is_renewed_during_an_attempt_is_shown_when_there_is_a_session() {
    let mut lab = alice(&["read channel a", "read channel b"]);
    lab.call("alice", subscribe("b", 1)).unwrap();
    lab.run(Duration::from_secs(2));
    lab.set_blackout("alice", true);
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", LinkState::Connecting);
    lab.run(Duration::from_millis(25));
    lab.call("alice", renew(&["read channel a"])).unwrap();
    lab.run_until_link("alice", LinkState::Connected);
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.status().gateway.resumptions, 1, "it came with the former rights");
    assert_eq!(lab.client("alice").heard(1), ["ended: -11038"]);
    assert_eq!(lab.code("alice", subscribe("b", 2)), -11_038);
    assert_eq!(lab.code("alice", subscribe("a", 3)), 0);
}

#[test]
fn who_waits_for_a_lock_that_it_may_not_have_any_more_is_refused() {
    let mut lab = alice(&["read channel a", "write channel a"]);
    add_bob(&mut lab);
    for user in ["alice", "bob"] {
        lab.call(user, subscribe("a", 1)).unwrap();
    }
    lab.call("bob", lock("a", LockAct::Set(LockOptions::new()))).unwrap();
    lab.call("bob", lock("a", LockAct::Acquire { retry: false })).unwrap();
    let waiting = lab.command("alice", lock("a", LockAct::Acquire { retry: true }));
    lab.run(Duration::from_secs(1));
    lab.call("alice", renew(&["read channel a"])).unwrap();
    assert_eq!(lab.answer("alice", waiting).unwrap_err().code(), -14_010);
    lab.call("bob", lock("a", LockAct::Release)).unwrap();
    let locks = lab.call("bob", Command::GetLocks { channel: of("a") }).unwrap();
    assert!(matches!(locks, Answer::Locks(locks) if locks[0].owner.is_none()), "it is free");
    // With the right it may wait again.
    lab.call("alice", renew(&["read channel a", "write channel a"])).unwrap();
    assert_eq!(lab.code("alice", lock("a", LockAct::Acquire { retry: true })), 0);
}

#[test]
fn as_many_as_end_are_told_of() {
    let (limits, session) = (rtm_server::AppLimits::open(), rtm_session::Config::server());
    let mut lab = Lab::build(5, super::world::link(), limits, session);
    lab.add("alice", APP, "alice");
    lab.call("alice", login(&token("alice", &["read channel *"]))).unwrap();
    for index in 0..300 {
        let channel = format!("{index:0>64}");
        lab.command("alice", subscribe(&channel, index));
    }
    lab.run(Duration::from_secs(2));
    lab.call("alice", renew(&["read channel 0000*"])).unwrap();
    lab.call("alice", renew(&["read channel x"])).unwrap();
    lab.run(Duration::from_secs(2));
    let told: Vec<_> = lab.client("alice").tokens.iter().map(|it| it.channels.len()).collect();
    assert_eq!(told, [256, 44]);
    assert_eq!(lab.client("alice").ended.len(), 300);
    assert_eq!(lab.client("alice").core.link_state(), LinkState::Connected);
}

#[test]
fn a_token_without_a_list_gives_no_membership() {
    let mut lab = alice(&["read stream s", "write stream s"]);
    lab.call("alice", join("s", 1)).unwrap();
    let all = sign(APP, CERTIFICATE, BEGIN, 3_600, vec![Service::rtm("alice", 3_600)]);
    lab.call("alice", Command::RenewToken(all)).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("alice").heard_stream(1), ["snapshot", "ended: -11038"]);
    assert_eq!(lab.code("alice", join("s", 2)), -10_005);
}

#[test]
fn what_cannot_be_is_refused_as_ever() {
    let mut lab = Lab::new(0.0);
    let token = token("alice", &["read channel a"]);
    let (user_id, instance) = ("alice", rtm_wire::SessionInstance(1));
    let liveness = rtm_wire::Liveness::default();
    let login =
        rtm_wire::Login { app_id: APP, user_id, instance, features: 0, token: &token, liveness };
    lab.add_raw("alice", rtm_session::Config::default(), &super::raw::encode(0, login));
    let of = |kind, name| rtm_wire::ChannelRef { kind, name };
    use rtm_wire::ChannelKind::{Message, Stream, User};
    lab.with_raw("alice", |raw, now| {
        let options = rtm_wire::SubscribeOptions::default();
        let subscribe = |channel| rtm_wire::Subscribe { channel, options, resume: None };
        raw.request(now, 1, subscribe(of(Message, "a/b")));
        raw.request(now, 2, subscribe(of(Stream, "a")));
        raw.request(now, 3, rtm_wire::GetLocks { channel: of(User, "bob") });
        let states = rtm_wire::GetStates { channel: of(User, "bob"), user: "bob" };
        raw.request(now, 4, states);
        raw.request(now, 5, subscribe(of(Message, "b")));
    });
    lab.run(Duration::from_secs(1));
    let codes: Vec<_> = (1..=5).map(|it| lab.raw("alice").codes(it)[0].0).collect();
    assert_eq!(codes, [10_008, 10_019, 10_019, 10_019, 11_038]);
}

#[test]
fn who_follows_a_user_again_is_not_ended_by_what_was_before() {
    let mut lab = alice(&["read user bob"]);
    add_bob(&mut lab);
    lab.call("alice", follow_user("bob", 1)).unwrap();
    let commands = [
        renew(&[]),
        super::storage::unfollow_user("bob"),
        renew(&["read user bob"]),
        follow_user("bob", 2),
    ];
    let waiters = commands.map(|command| lab.command("alice", command));
    for waiter in waiters {
        lab.answer("alice", waiter).unwrap();
    }
    lab.call("bob", set(of_user("bob"), &["k=v"])).unwrap();
    lab.run(Duration::from_secs(1));
    let heard = lab.client("alice").stored(2);
    assert!(heard.iter().any(|it| it.contains("k=v")), "{heard:?}");
}

#[test]
fn a_lock_may_be_given_back_without_a_right() {
    let mut lab = alice(&["read channel a", "write channel a"]);
    lab.call("alice", subscribe("a", 1)).unwrap();
    lab.call("alice", lock("a", LockAct::Set(LockOptions::new()))).unwrap();
    lab.call("alice", lock("a", LockAct::Acquire { retry: false })).unwrap();
    lab.call("alice", renew(&["read channel a"])).unwrap();
    assert_eq!(lab.code("alice", lock("a", LockAct::Acquire { retry: false })), -14_010);
    assert_eq!(lab.code("alice", lock("a", LockAct::Release)), 0);
}

#[test]
fn a_renewal_with_fewer_rights_ends_what_they_were_for() {
    let all = ["read channel *", "read stream *", "read user *"];
    let mut lab = alice(&all);
    add_bob(&mut lab);
    for (handle, name) in [(1, "a"), (2, "b"), (3, "c")] {
        lab.call("alice", subscribe(name, handle)).unwrap();
    }
    lab.call("alice", join("s", 4)).unwrap();
    lab.call("alice", join("t", 5)).unwrap();
    lab.call("alice", follow_user("bob", 6)).unwrap();
    lab.call("alice", follow_user("carol", 7)).unwrap();
    lab.call("alice", follow_user("alice", 8)).unwrap();
    // What has ended already isn't told of.
    lab.call("alice", unsubscribe("c")).unwrap();

    lab.call("alice", renew(&["read channel b", "read stream t", "read user carol"])).unwrap();
    lab.run(Duration::from_secs(1));
    let told = lab.client("alice").tokens.clone();
    let [event] = &told[..] else { panic!("{told:?}") };
    assert_eq!((event.change, event.change.number()), (TokenChange::ReadPermissionRevoked, 2));
    let gone = [ChannelId::message("a").unwrap(), ChannelId::stream("s").unwrap()];
    assert_eq!((&event.channels[..], &event.users[..]), (&gone[..], &["bob".to_owned()][..]));
    assert_eq!(event.error.as_ref().map(|error| error.code()), Some(-11_038));
    let client = lab.client("alice");
    assert_eq!(client.heard(1), ["ended: -11038"]);
    assert_eq!(client.heard_stream(4), ["snapshot", "ended: -11038"]);
    let ended: Vec<_> = client.storage_ended.iter().map(|(to, it)| (to.0, it.code())).collect();
    assert_eq!(ended, [(6, -12_020)]);

    // Nothing more comes of it, and all else goes on.
    for name in ["a", "b"] {
        lab.call("bob", publish(channel(name), b"hi")).unwrap();
    }
    for who in ["bob", "carol"] {
        lab.call("bob", set(of_user(who), &["k=v"])).unwrap();
    }
    lab.run(Duration::from_secs(1));
    let client = lab.client("alice");
    assert_eq!(client.heard(2), ["bob 1: hi"]);
    assert_eq!(client.heard(1).len(), 1);
    assert!(client.stored(6).iter().all(|it| !it.contains("k=v")), "{:?}", client.stored(6));
    assert!(client.stored(7).iter().any(|it| it.contains("k=v")), "{:?}", client.stored(7));
    assert_eq!(lab.code("alice", subscribe("a", 9)), -11_038);

    // With the right comes the channel; so many subscriptions take some time.
    lab.run(Duration::from_secs(5));
    lab.call("alice", renew(&all)).unwrap();
    lab.call("alice", subscribe("a", 9)).unwrap();
    lab.call("bob", publish(channel("a"), b"again")).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("alice").heard(9), ["bob 2: again"]);
    assert_eq!(lab.client("alice").tokens.len(), 1, "more rights are no news");
}

#[test]
fn who_comes_back_has_its_rights_and_no_others() {
    // Many names don't fit a ticket; then the token is shown again.
    let many: Vec<_> = (0..40).map(|index| format!("read channel room-{index}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    for (rights, resumptions) in [(vec!["read channel a", "read channel room-1"], 1), (many, 0)] {
        let mut lab = alice(&rights);
        lab.call("alice", subscribe("room-1", 1)).unwrap();
        lab.outage("alice");
        lab.run_until_link("alice", LinkState::Connected);
        lab.run(Duration::from_secs(1));
        assert_eq!(lab.status().gateway.resumptions, resumptions, "{}", rights.len());
        assert!(lab.client("alice").links.last().unwrap().is_restored);
        assert_eq!(lab.code("alice", subscribe("x", 2)), -11_038);
        assert_eq!(lab.code("alice", publish(channel("room-1"), b"hi")), -11_039);
    }
}

#[test]
fn after_a_renewal_one_comes_back_with_the_newer_rights() {
    // The ticket of the login may be on its way when the token is renewed.
    for pause in [0, 10, 30, 2_000] {
        comes_back_with_newer_rights(Duration::from_millis(pause));
    }
}

fn comes_back_with_newer_rights(pause: Duration) {
    let mut lab = alice(&["read channel a", "read channel b"]);
    let subscribed = lab.command("alice", subscribe("b", 1));
    lab.run(pause);
    // More than a ticket holds, so that none comes for it: the older one must not be used.
    let many: Vec<_> = (0..40).map(|index| format!("read channel room-{index}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).chain(["read channel a"]).collect();
    lab.call("alice", renew(&many)).unwrap();
    lab.answer("alice", subscribed).unwrap();
    lab.run(Duration::from_secs(2));
    assert_eq!(lab.client("alice").heard(1), ["ended: -11038"]);
    lab.outage("alice");
    lab.run_until_link("alice", LinkState::Connected);
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.status().gateway.resumptions, 0);
    assert_eq!(lab.code("alice", subscribe("b", 2)), -11_038);
    assert_eq!(lab.code("alice", subscribe("a", 3)), 0);
}

#[test]
fn what_may_not_be_read_any_more_is_not_restored() {
    let mut lab = alice(&["read channel a", "read channel b"]);
    lab.call("alice", subscribe("a", 1)).unwrap();
    lab.call("alice", subscribe("b", 2)).unwrap();
    lab.set_blackout("alice", true);
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.call("alice", renew(&["read channel a"])).unwrap();
    lab.run(Duration::from_secs(40));
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", LinkState::Connected);
    let event = lab.client("alice").links.last().unwrap();
    let unrestored: Vec<_> =
        event.unrestored.iter().map(|it| (it.channel.as_str(), it.error.code())).collect();
    assert_eq!((event.is_restored, &unrestored[..]), (false, &[("b", -11_038)][..]));
    assert_eq!(lab.client("alice").heard(2), ["ended: -11038"]);
}

#[test]
fn a_publish_that_took_effect_is_answered_so_whatever_its_right_has_become() {
    let mut lab = alice(&["write channel a"]);
    add_bob(&mut lab);
    lab.call("bob", subscribe("a", 1)).unwrap();
    lab.run(Duration::from_secs(2));
    let published = lab.publish("alice", channel("a"), "once");
    // It arrives; its answer doesn't.
    lab.run(Duration::from_millis(30));
    lab.set_blackout("alice", true);
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.call("alice", renew(&[])).unwrap();
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", LinkState::Connected);
    assert_eq!(lab.published("alice", published).map(|it| it.sequence).unwrap(), 1);
    assert_eq!(lab.code("alice", publish(channel("a"), b"another")), -11_039);
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("bob").heard(1), ["alice 1: once"]);
}

#[test]
fn a_publish_without_a_right_is_heard_by_nobody() {
    let mut lab = alice(&["read channel a"]);
    add_bob(&mut lab);
    lab.call("bob", subscribe("a", 1)).unwrap();
    for _ in 0..3 {
        assert_eq!(lab.code("alice", publish(channel("a"), b"hi")), -11_039);
        assert_eq!(lab.code("alice", store("a")), -11_039);
    }
    lab.call("bob", publish(channel("a"), b"first")).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("bob").heard(1), ["bob 1: first"]);
    let found = lab.call("bob", history("a")).unwrap();
    assert!(matches!(found, Answer::History(found) if found.messages.is_empty()));
}
