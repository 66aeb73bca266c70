//! What users show in channels, and questions who is where; all times are virtual.

use std::time::Duration;

use rtm_channel::{AppId, UserId};
use rtm_client::core::{Answer, Command};
use rtm_client::{
    ChannelId, Encryption, EncryptionMode, JoinOptions, LinkState, OnlineUsers, OnlineUsersOptions,
    SubscribeOptions, UserChannels,
};
use rtm_server::AppLimits;
use rtm_session::Config;
use rtm_wire::{
    ChannelKind, ChannelRef, ErrorCode, GetOnlineUsers, GetStates, List, OnlineFlags, Reply,
    ReplyResult, SetStates, State,
};

use super::client::shown;
use super::server::OPEN_APP;
use super::world::{Lab, join, leave, link, name, subscribe, unsubscribe};

pub(crate) const SHORT: Duration = Duration::from_millis(200);

pub(crate) fn lobby() -> ChannelId {
    ChannelId::message("lobby").unwrap()
}

fn room() -> ChannelId {
    ChannelId::stream("room").unwrap()
}

pub(crate) fn set(channel: ChannelId, states: &[(&str, &str)]) -> Command {
    let owned = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
    Command::SetStates { channel, states: states.iter().map(owned).collect() }
}

pub(crate) fn remove(channel: ChannelId, keys: &[&str]) -> Command {
    let keys = keys.iter().map(|&key| key.to_owned()).collect();
    Command::RemoveStates { channel, keys }
}

fn get(channel: ChannelId, user: &str) -> Command {
    Command::GetStates { channel, user: user.to_owned() }
}

fn quietly(channel: &str, handle: u64) -> Command {
    let options = SubscribeOptions::new().quiet(true);
    let handle = rtm_client::core::HandleId(handle);
    Command::Subscribe { channel: name(channel), options, handle }
}

/// These users, in the lobby as handle 1.
pub(crate) fn in_lobby(limits: AppLimits, users: &[&str]) -> Lab {
    let mut lab = Lab::build(11, link(), limits, Config::server());
    lab.add_users(users);
    for user in users {
        lab.call(user, subscribe("lobby", 1)).unwrap();
    }
    lab.run(SHORT);
    lab
}

pub(crate) fn told(lab: &Lab, user: &str) -> Vec<String> {
    lab.client(user).present(1)
}

pub(crate) fn states(lab: &mut Lab, asker: &str, channel: ChannelId, user: &str) -> String {
    match lab.call(asker, get(channel, user)) {
        Ok(Answer::States(states)) => shown(&[states]),
        Ok(other) => panic!("{other:?}"),
        Err(error) => error.code().to_string(),
    }
}

fn page(lab: &mut Lab, asker: &str, options: OnlineUsersOptions) -> OnlineUsers {
    let command = Command::OnlineUsers { channel: lobby(), options };
    match lab.call(asker, command).unwrap() {
        Answer::OnlineUsers(page) => page,
        other => panic!("{other:?}"),
    }
}

fn channels(lab: &mut Lab, asker: &str, user: &str) -> UserChannels {
    match lab.call(asker, Command::UserChannels { user: user.to_owned() }).unwrap() {
        Answer::UserChannels(channels) => channels,
        other => panic!("{other:?}"),
    }
}

#[test]
fn others_see_what_a_user_shows_all_of_it_once_for_each_call() {
    let mut lab = in_lobby(AppLimits::hosted(), &["alice", "bob"]);
    lab.call("bob", set(lobby(), &[("mood", "well"), ("hand", "up")])).unwrap();
    lab.call("bob", set(lobby(), &[("mood", "tired")])).unwrap();
    lab.call("bob", set(lobby(), &[("mood", "tired")])).unwrap();
    lab.call("bob", remove(lobby(), &["hand", "never there"])).unwrap();
    lab.call("bob", set(lobby(), &[("a", "1"), ("b", "2")])).unwrap();
    lab.call("bob", remove(lobby(), &[])).unwrap();
    lab.run(SHORT);
    assert_eq!(
        told(&lab, "alice"),
        [
            "snapshot alice",
            "+bob",
            "bob(hand=up mood=well)",
            "bob(hand=up mood=tired)",
            "bob(mood=tired)",
            "bob(a=1 b=2 mood=tired)",
            "bob",
        ],
        "and nothing where nothing has changed"
    );
    assert_eq!(told(&lab, "bob"), ["snapshot alice bob"], "who has asked gets the answer");
}

#[test]
fn who_comes_later_sees_it_in_the_snapshot_and_may_ask() {
    let mut lab = in_lobby(AppLimits::hosted(), &["alice", "bob"]);
    lab.call("bob", set(lobby(), &[("mood", "well")])).unwrap();
    lab.add_users(&["carol"]);
    assert_eq!(states(&mut lab, "carol", lobby(), "bob"), "bob(mood=well)", "from outside");
    assert_eq!(states(&mut lab, "carol", lobby(), "alice"), "alice");
    lab.call("carol", subscribe("lobby", 1)).unwrap();
    lab.run(SHORT);
    assert_eq!(told(&lab, "carol"), ["snapshot alice bob(mood=well) carol"]);
    for absent in ["dave", "no such user"] {
        assert_eq!(states(&mut lab, "carol", lobby(), absent), "-13011", "{absent}");
    }
    assert_eq!(states(&mut lab, "carol", room(), "bob"), "-13011");
}

#[test]
fn states_are_kept_until_the_channel_is_joined_and_shown_then() {
    let mut lab = Lab::new(0.0);
    lab.add("bob", OPEN_APP, "bob");
    // Before the login, even.
    lab.call("bob", set(lobby(), &[("mood", "well"), ("hand", "up")])).unwrap();
    lab.call("bob", set(room(), &[("seat", "7")])).unwrap();
    lab.call("bob", remove(lobby(), &["hand"])).unwrap();
    lab.add_users(&["alice"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    lab.call("alice", join("room", 2)).unwrap();
    lab.log_in("bob");
    assert_eq!(states(&mut lab, "alice", lobby(), "bob"), "-13011");
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    lab.call("bob", join("room", 2)).unwrap();
    lab.run(SHORT);
    assert_eq!(told(&lab, "alice")[1..], ["+bob", "bob(mood=well)"]);
    assert_eq!(lab.client("alice").present(2)[1..], ["+bob", "bob(seat=7)"]);
}

#[test]
fn a_hundred_states_are_kept_for_channels_that_are_not_joined_and_not_one_more() {
    let mut lab = Lab::with_users(0.0, &["bob"]);
    for channel in 0..10 {
        let keys: Vec<_> = (0..10).map(|key| format!("key{key}")).collect();
        let pairs: Vec<_> = keys.iter().map(|key| (key.as_str(), "x")).collect();
        let channel = ChannelId::message(&format!("c{channel}")).unwrap();
        lab.call("bob", set(channel, &pairs)).unwrap();
    }
    assert_eq!(lab.code("bob", set(lobby(), &[("one", "more")])), -13_004);
    lab.call("bob", subscribe("c3", 1)).unwrap();
    lab.call("bob", set(lobby(), &[("one", "more")])).unwrap();
}

#[test]
fn who_is_quiet_shows_nothing_until_it_is_loud() {
    let mut lab = in_lobby(AppLimits::hosted(), &["alice"]);
    lab.add_users(&["bob"]);
    lab.call("bob", quietly("lobby", 1)).unwrap();
    lab.call("bob", set(lobby(), &[("mood", "shy")])).unwrap();
    lab.run(Duration::from_secs(5));
    assert_eq!(told(&lab, "alice"), ["snapshot alice"]);
    assert_eq!(states(&mut lab, "alice", lobby(), "bob"), "-13011");
    assert_eq!(channels(&mut lab, "alice", "bob").total, 0);
    lab.call("bob", unsubscribe("lobby")).unwrap();
    lab.call("bob", set(lobby(), &[("mood", "bold")])).unwrap();
    lab.call("bob", subscribe("lobby", 2)).unwrap();
    lab.run(SHORT);
    assert_eq!(told(&lab, "alice")[1..], ["+bob", "bob(mood=bold)"]);
}

#[test]
fn states_end_with_the_channel_and_with_the_logout() {
    let mut lab = in_lobby(AppLimits::hosted(), &["alice", "bob"]);
    lab.call("bob", join("room", 2)).unwrap();
    lab.call("alice", join("room", 2)).unwrap();
    for channel in [lobby(), room()] {
        lab.call("bob", set(channel, &[("mood", "well")])).unwrap();
    }
    lab.call("bob", unsubscribe("lobby")).unwrap();
    lab.call("bob", leave("room")).unwrap();
    lab.run(Duration::from_secs(3));
    lab.call("bob", subscribe("lobby", 3)).unwrap();
    lab.call("bob", join("room", 4)).unwrap();
    assert_eq!(states(&mut lab, "alice", room(), "bob"), "bob");
    lab.call("bob", set(lobby(), &[("hand", "up")])).unwrap();
    lab.call("bob", Command::Logout).unwrap();
    lab.run(Duration::from_secs(3));
    lab.log_in("bob");
    lab.call("bob", subscribe("lobby", 5)).unwrap();
    lab.run(SHORT);
    assert_eq!(
        told(&lab, "alice")[2..],
        ["bob(mood=well)", "-bob", "+bob", "bob(hand=up)", "-bob", "+bob"]
    );
}

#[test]
fn a_good_bye_is_told_after_two_seconds_and_not_if_the_user_comes_again() {
    let mut lab = in_lobby(AppLimits::hosted(), &["alice", "bob"]);
    lab.call("bob", unsubscribe("lobby")).unwrap();
    lab.run(Duration::from_millis(1_500));
    assert_eq!(page(&mut lab, "alice", OnlineUsersOptions::new()).total, 2, "bob counts still");
    lab.call("bob", subscribe("lobby", 2)).unwrap();
    lab.run(Duration::from_secs(10));
    assert_eq!(told(&lab, "alice"), ["snapshot alice", "+bob"], "was never away");
    // But what it has shown is over.
    lab.call("bob", set(lobby(), &[("mood", "well")])).unwrap();
    lab.call("bob", unsubscribe("lobby")).unwrap();
    lab.call("bob", subscribe("lobby", 3)).unwrap();
    lab.run(SHORT);
    assert_eq!(told(&lab, "alice")[2..], ["bob(mood=well)", "bob"]);
    lab.call("bob", unsubscribe("lobby")).unwrap();
    lab.run(Duration::from_millis(1_900));
    assert_eq!(told(&lab, "alice").len(), 4);
    lab.run(SHORT);
    assert_eq!(told(&lab, "alice")[4..], ["-bob"]);
}

#[test]
fn each_limit_is_reached_and_not_passed() {
    let mut lab = in_lobby(AppLimits::hosted(), &["alice", "bob"]);
    let long = "x".repeat(1_025);
    let keys: Vec<_> = (0..33).map(|key| format!("key{key}")).collect();
    let pairs: Vec<_> = keys.iter().map(|key| (key.as_str(), "x")).collect();
    let cases: [(&[(&str, &str)], i32); 11] = [
        (&[(&long[..64], "x")], 0),
        (&[(&long[..65], "x")], -13_008),
        (&[("v", &long[..1_024])], 0),
        (&[("v", &long[..1_025])], -13_009),
        (&[("", "x")], -13_006),
        (&[("a.b", "x")], -13_006),
        (&[("_a", "x")], -13_006),
        (&[("a", "")], -13_007),
        (&[("a", "1"), ("a", "2")], -13_010),
        (&pairs[..30], 0),
        (&pairs, -13_005),
    ];
    for (index, (states, code)) in cases.into_iter().enumerate() {
        assert_eq!(lab.code("bob", set(lobby(), states)), code, "case {index}");
    }
    assert!(states(&mut lab, "alice", lobby(), "bob").contains("key29="), "what was good stays");
    // All together: 8 of 1,024 bytes, key included, and not a byte more.
    lab.run(Duration::from_secs(1));
    lab.call("bob", remove(lobby(), &[])).unwrap();
    let keys: Vec<_> = (0..8).map(|key| format!("k{key}")).collect();
    let full: Vec<_> = keys.iter().map(|key| (key.as_str(), &long[..1_022])).collect();
    lab.call("bob", set(lobby(), &full)).unwrap();
    assert_eq!(lab.code("bob", set(lobby(), &[("k0", &long[..1_023])])), -13_009);
    assert_eq!(lab.code("bob", set(lobby(), &[("k", "x")])), -13_009);
}

/// The same checks at the server, for clients that don't check.
#[test]
fn the_server_checks_by_itself() {
    let mut lab = in_lobby(AppLimits::hosted(), &["alice"]);
    lab.add_raw_user("bob", Config::default());
    let kind = ChannelKind::Message;
    let channel = ChannelRef { kind, name: "lobby" };
    let long = [b'x'; 1_025];
    let one = |key: &'static str, value: &'static [u8]| vec![State { key, value }];
    let cases: Vec<(ChannelRef<'_>, Vec<State<'_>>, ErrorCode)> = vec![
        (channel, one("a", b"x"), ErrorCode::PRESENCE_NOT_WRITABLE),
        (
            ChannelRef { kind: ChannelKind::User, ..channel },
            one("a", b"x"),
            ErrorCode::INVALID_CHANNEL_TYPE,
        ),
        (ChannelRef { name: "a.b", ..channel }, one("a", b"x"), ErrorCode::INVALID_CHANNEL_NAME),
    ];
    lab.with_raw("bob", |raw, now| {
        for (id, (channel, states, _)) in (10..).zip(&cases) {
            raw.request(now, id, SetStates { channel: *channel, states: List::Slice(states) });
        }
        let options = rtm_wire::SubscribeOptions::default();
        raw.request(now, 20, rtm_wire::Subscribe { channel, options, resume: None });
        let value = State { key: "v", value: &long };
        raw.request(now, 21, SetStates { channel, states: List::Slice(&[value]) });
        raw.request(
            now,
            22,
            SetStates { channel, states: List::Slice(&[State { value: b"", ..value }]) },
        );
        raw.request(
            now,
            23,
            SetStates { channel, states: List::Slice(&[State { key: "a/b", value: b"x" }]) },
        );
        let flags = OnlineFlags { user_ids: false, states: true };
        raw.request(now, 24, GetOnlineUsers { channel, flags, limit: 0, after: "" });
        raw.request(now, 25, rtm_wire::GetUserChannels { user: "a.b" });
    });
    lab.run(SHORT);
    for (id, (.., code)) in (10..).zip(&cases) {
        assert_eq!(lab.raw("bob").codes(id), [*code], "{id}");
    }
    for (id, code) in [
        (20, ErrorCode::OK),
        (21, ErrorCode::PRESENCE_STATE_VALUE_SIZE_OVERFLOW),
        (22, ErrorCode::PRESENCE_INVALID_STATE_VALUE),
        (23, ErrorCode::PRESENCE_INVALID_STATE_KEY),
        (24, ErrorCode::PRESENCE_INVALID_ARGUMENT),
        (25, ErrorCode::INVALID_USER_ID),
    ] {
        assert_eq!(lab.raw("bob").codes(id), [code], "{id}");
    }
    assert_eq!(told(&lab, "alice"), ["snapshot alice", "+bob"]);
}

#[test]
fn twenty_calls_a_second_and_what_is_refused_has_changed_nothing() {
    let mut lab = in_lobby(AppLimits::hosted(), &["alice", "bob"]);
    lab.run(Duration::from_secs(2));
    let waiters: Vec<_> = (0..21)
        .map(|number| lab.command("bob", set(lobby(), &[("n", &number.to_string())])))
        .collect();
    let codes: Vec<_> = waiters
        .into_iter()
        .map(|it| lab.answer("bob", it).map_or_else(|e| e.code(), |_| 0))
        .collect();
    assert_eq!((codes[..20].iter().sum::<i32>(), codes[20]), (0, -10_021));
    lab.run(Duration::from_secs(2));
    for question in [get(lobby(), "alice"), Command::UserChannels { user: "alice".into() }] {
        lab.call("bob", question).unwrap();
    }
    // Not now, and not when it comes back, either.
    assert_eq!(states(&mut lab, "alice", lobby(), "bob"), "bob(n=19)");
    lab.outage("bob");
    lab.run_until_link("bob", LinkState::Connected);
    lab.run(Duration::from_secs(5));
    assert_eq!(states(&mut lab, "alice", lobby(), "bob"), "bob(n=19)");
}

#[test]
fn who_came_when_the_channel_was_full_shows_nothing() {
    let mut limits = AppLimits::hosted();
    limits.channel.message_members = 2;
    let mut lab = in_lobby(limits, &["alice", "bob"]);
    lab.call("alice", set(lobby(), &[("mood", "well")])).unwrap();
    lab.add_users(&["carol"]);
    let full = lab.call("carol", subscribe("lobby", 1));
    // The channel itself has the same limit, so that nobody comes who shows nothing.
    assert_eq!(full.unwrap_err().code(), -11_021);
    assert_eq!(page(&mut lab, "carol", OnlineUsersOptions::new()).total, 2);
}

#[test]
fn pages_name_each_user_once_by_name_with_what_was_asked_for() {
    let mut lab = in_lobby(AppLimits::hosted(), &["alice", "bob", "carol", "dave", "eve"]);
    lab.call("carol", set(lobby(), &[("mood", "well")])).unwrap();
    lab.add_users(&["zoe"]);
    let options = || OnlineUsersOptions::new().states(true).limit(2);
    let (mut named, mut next) = (Vec::new(), Some(String::new()));
    while let Some(page_name) = next {
        let got = page(&mut lab, "zoe", options().page(page_name));
        assert_eq!(got.total, 5);
        assert!((1..=2).contains(&got.users.len()));
        named.push(shown(&got.users));
        next = got.next_page;
    }
    assert_eq!(named, ["alice bob", "carol(mood=well) dave", "eve"]);
    let names = page(&mut lab, "zoe", OnlineUsersOptions::new());
    assert_eq!(shown(&names.users), "alice bob carol dave eve", "no states unless asked for");
    assert_eq!(names.next_page, None);
    let count = page(&mut lab, "zoe", OnlineUsersOptions::new().user_ids(false));
    assert_eq!((count.total, count.users.len(), count.next_page), (5, 0, None));
    let wrong = OnlineUsersOptions::new().user_ids(false).states(true);
    let wrong = Command::OnlineUsers { channel: lobby(), options: wrong };
    assert_eq!(lab.code("zoe", wrong), -13_003);
    let empty = Command::OnlineUsers { channel: room(), options: OnlineUsersOptions::new() };
    let Ok(Answer::OnlineUsers(empty)) = lab.call("zoe", empty) else { panic!("no answer") };
    assert_eq!(empty, OnlineUsers::default(), "a channel that nobody is in");
}

#[test]
fn where_a_user_is_follows_what_others_are_told() {
    let mut lab = in_lobby(AppLimits::hosted(), &["alice", "bob"]);
    lab.call("bob", join("room", 2)).unwrap();
    lab.call("bob", quietly("garden", 3)).unwrap();
    let found = channels(&mut lab, "alice", "bob");
    assert_eq!((found.total, found.channels), (2, vec![lobby(), room()]));
    lab.call("bob", leave("room")).unwrap();
    assert_eq!(channels(&mut lab, "alice", "bob").total, 2, "a good-bye waits");
    lab.run(Duration::from_secs(2));
    assert_eq!(channels(&mut lab, "alice", "bob").channels, [lobby()]);
    lab.outage("bob");
    assert_eq!(channels(&mut lab, "alice", "bob").channels, [lobby()], "lost, but not gone");
    assert_eq!(channels(&mut lab, "alice", "nobody").total, 0);
    lab.run_until_link("bob", LinkState::Connected);
    let other = JoinOptions::new().options(SubscribeOptions::new().presence(false));
    let handle = rtm_client::core::HandleId(9);
    lab.call("alice", Command::Join { channel: name("room"), options: other, handle }).unwrap();
    assert_eq!(
        channels(&mut lab, "bob", "alice").total,
        2,
        "who hears nothing is there all the same"
    );
}

#[test]
fn in_a_crowd_states_are_told_once_an_interval() {
    let mut limits = AppLimits::hosted();
    (limits.channel.presence_announced, limits.channel.presence_interval) = (3, 10);
    let mut lab = in_lobby(limits, &["alice", "bob", "carol", "dave"]);
    lab.run(Duration::from_secs(15));
    let before = told(&lab, "alice").len();
    for mood in ["well", "tired", "asleep"] {
        lab.call("bob", set(lobby(), &[("mood", mood)])).unwrap();
        lab.run(Duration::from_secs(1));
    }
    lab.call("carol", set(lobby(), &[("mood", "well")])).unwrap();
    assert_eq!(told(&lab, "alice").len(), before);
    lab.run(Duration::from_secs(10));
    let interval = "interval + - timeout  changed bob(mood=asleep) carol(mood=well)";
    assert_eq!(told(&lab, "alice")[before..], [interval]);
}

#[test]
fn with_encryption_values_are_for_those_who_have_the_key() {
    let mut lab = Lab::new(0.0);
    for (user, key) in [("alice", 1), ("bob", 1), ("mallory", 2)] {
        lab.add_with(user, OPEN_APP, user, |config| {
            let mode = EncryptionMode::Aes256Gcm;
            config.encryption = Some(Encryption::new(mode, [key; 32], [3; 32]));
        });
        lab.log_in(user);
        lab.call(user, subscribe("lobby", 1)).unwrap();
    }
    lab.add_raw_user("observer", Config::default());
    lab.call("bob", set(lobby(), &[("mood", "well")])).unwrap();
    lab.with_raw("observer", |raw, now| {
        let channel = ChannelRef { kind: ChannelKind::Message, name: "lobby" };
        raw.request(now, 9, GetStates { channel, user: "bob" });
    });
    lab.run(SHORT);
    assert_eq!(told(&lab, "alice").last().unwrap(), "bob(mood=well)");
    assert_eq!(told(&lab, "mallory").last().unwrap(), "bob(mood?)");
    assert_eq!(states(&mut lab, "alice", lobby(), "bob"), "bob(mood=well)");
    let reply = lab.raw("observer").replies(9).remove(0);
    let ReplyResult::PresentUser(bob) = Reply::decode(&reply).unwrap().result else { panic!() };
    let value = bob.states.iter().next().unwrap().value;
    assert_eq!(value.len(), 4 + 33, "the server has what is sealed");
    assert!(!value.windows(4).any(|part| part == b"well"));
    // 33 bytes of a value are for the seal.
    let long = "x".repeat(1_024 - 33 + 1);
    lab.call("bob", set(lobby(), &[("long", &long[1..])])).unwrap();
    assert_eq!(lab.code("bob", set(lobby(), &[("long", &long)])), -13_009);
    let kept = lab.code("bob", set(room(), &[("long", &long)]));
    assert_eq!(kept, -13_009, "also where nobody but the client checks it, yet");
    lab.add_with("carol", OPEN_APP, "carol", |config| {
        config.encryption = Some(Encryption::new(EncryptionMode::Aes256Gcm, [1; 32], [3; 32]));
    });
    assert_eq!(lab.code("carol", set(room(), &[("long", &long)])), -13_009, "before a login, too");
    assert_eq!(lab.code("carol", set(room(), &[("long", &long[1..])])), 0);
}

#[test]
fn what_an_app_allows_beyond_the_defaults_clients_know() {
    let mut lab = in_lobby(AppLimits::open(), &["alice", "bob"]);
    let keys: Vec<_> = (0..129).map(|key| format!("{key}{}", "k".repeat(100))).collect();
    let pairs: Vec<_> = keys.iter().map(|key| (key.as_str(), "x")).collect();
    assert_eq!(lab.code("bob", set(lobby(), &pairs)), -13_005);
    lab.call("bob", set(lobby(), &pairs[1..])).unwrap();
    let Ok(Answer::States(shown)) = lab.call("alice", get(lobby(), "bob")) else { panic!() };
    assert_eq!(shown.states.len(), 128);
}

#[test]
fn under_loss_all_see_the_same_in_the_end() {
    let mut lab = Lab::with_users(0.2, &["alice", "bob", "carol"]);
    for user in ["alice", "bob", "carol"] {
        lab.call(user, subscribe("lobby", 1)).unwrap();
    }
    for round in 0..30 {
        for user in ["alice", "bob", "carol"] {
            let key = format!("k{}", round % 4);
            match round % 5 {
                4 => lab.command(user, remove(lobby(), &[&key])),
                _ => lab.command(user, set(lobby(), &[(&key, &format!("{user}{round}"))])),
            };
        }
        lab.run(Duration::from_millis(300));
    }
    lab.run(Duration::from_secs(10));
    let all = page(&mut lab, "alice", OnlineUsersOptions::new().states(true));
    for user in &all.users {
        assert_eq!(user.states.len(), 4 - usize::from(user.states.len() < 4), "{user:?}");
        for other in ["alice", "bob", "carol"] {
            if other == user.user {
                continue;
            }
            let told = told(&lab, other);
            let last = told.iter().rev().find(|text| text.starts_with(&format!("{}(", user.user)));
            assert_eq!(last, Some(&shown(std::slice::from_ref(user))), "{other}");
        }
    }
    lab.end(&["alice", "bob", "carol"]);
}

#[test]
fn who_is_banned_is_gone_for_others_after_the_debounce() {
    let mut lab = in_lobby(AppLimits::hosted(), &["alice", "bob"]);
    lab.call("bob", set(lobby(), &[("mood", "wild")])).unwrap();
    lab.with_server(|server, now| {
        let (app, user) = (AppId::new(OPEN_APP).unwrap(), UserId::new("bob").unwrap());
        server.set_banned(now, app, user, true);
    });
    lab.run(Duration::from_secs(3));
    assert_eq!(told(&lab, "alice")[2..], ["bob(mood=wild)", "-bob"]);
    assert_eq!(states(&mut lab, "alice", lobby(), "bob"), "-13011");
}

#[test]
fn values_are_text_and_what_is_none_is_named() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    lab.add_raw_user("carol", Config::default());
    lab.with_raw("carol", |raw, now| {
        let channel = ChannelRef { kind: ChannelKind::Message, name: "lobby" };
        let options = rtm_wire::SubscribeOptions::default();
        raw.request(now, 1, rtm_wire::Subscribe { channel, options, resume: None });
        let states = [
            State { key: "mood", value: "müde".as_bytes() },
            State { key: "bytes", value: b"\xff\xfe" },
        ];
        raw.request(now, 2, SetStates { channel, states: List::Slice(&states) });
    });
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.raw("carol").codes(2), [ErrorCode::OK]);
    let Ok(Answer::States(shown)) = lab.call("alice", get(lobby(), "carol")) else { panic!() };
    let states: Vec<_> = shown.states.iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(states, [("mood", "müde")]);
    assert_eq!(shown.unreadable, ["bytes"]);
}
