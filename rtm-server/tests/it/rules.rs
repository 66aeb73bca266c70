//! Rules and defaults of RTM 2.x, one at a time, through the client and the server.

use std::time::Duration;

use bytes::Bytes;
use rtm_client::core::{Answer, Command, HandleId, LockAct, WriteKind};
use rtm_client::{
    ChannelEvent, ChannelId, HistoryOptions, JoinOptions, LinkState, LockOptions, MessageType,
    MetadataItem, MetadataOptions, PublishOptions, Qos, StreamEvent, SubscribeOptions, TopicEvent,
    TopicOptions,
};
use rtm_server::AppLimits;
use rtm_session::Config;
use rtm_token::{Privileges, Service};

use super::locks::At;
use super::server::{APP, BEGIN, token};
use super::storage::{get, lobby, major, remove, set, short, town, update, write};
use super::world::{
    Lab, alice, channel, join, join_topic, join_topic_with, join_with, link, login, name,
    open_inbox, publication, publish, subscribe, subscribe_topic, user,
};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn setting_metadata_writes_what_it_lists_and_leaves_the_others() {
    let mut lab = alice();
    lab.call("alice", set(lobby(), &["a=1", "b=1"])).unwrap();
    lab.call("alice", set(lobby(), &["b=2", "c=1"])).unwrap();
    assert_eq!(short(&get(&mut lab, "alice", lobby())), "2 a=1@1 b=2@2 c=1@2");
}

#[test]
fn removing_what_is_missing_is_an_error_and_removes_nothing() {
    let mut lab = alice();
    lab.call("alice", set(lobby(), &["a=1"])).unwrap();
    assert_ne!(lab.code("alice", remove(lobby(), &["a", "b"])), 0);
    assert_eq!(short(&get(&mut lab, "alice", lobby())), "1 a=1@1");
}

#[test]
fn without_a_revision_the_last_writer_wins() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    lab.call("alice", set(lobby(), &["a=1"])).unwrap();
    let any = [MetadataItem::new("a", "2").revision(-1)];
    let options = MetadataOptions::new().major_revision(-1);
    lab.call("bob", write(lobby(), WriteKind::Update, &any, options)).unwrap();
    lab.call("alice", update(lobby(), &["a=3"])).unwrap();
    assert_eq!(short(&get(&mut lab, "alice", lobby())), "3 a=3@3");
}

#[test]
fn the_revision_of_the_set_is_looked_at_before_those_of_its_items() {
    let mut lab = alice();
    assert_eq!(major(&mut lab, "alice", set(lobby(), &["a=1"])), 1);
    let both_old = [MetadataItem::new("a", "2").revision(9)];
    let options = || MetadataOptions::new().major_revision(7);
    let waiter = lab.command("alice", write(lobby(), WriteKind::Update, &both_old, options()));
    let error = lab.answer("alice", waiter).unwrap_err();
    assert_eq!(error.code(), -12_014);
    assert!(error.to_string().contains('7'), "the set's: {error}");
}

#[test]
fn a_lock_that_is_made_or_done_away_with_is_told_to_all_who_listen() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    let at = At::Lobby;
    for user in ["alice", "bob"] {
        lab.call(user, at.watch()).unwrap();
    }
    lab.call("alice", at.set("l")).unwrap();
    lab.call("alice", at.remove("l")).unwrap();
    lab.run(secs(1));
    for user in ["alice", "bob"] {
        let told = lab.client(user).locked(1);
        assert!(told.iter().any(|it| it.starts_with("set by alice l")), "{told:?}");
        assert!(told.iter().any(|it| it.starts_with("removed by alice")), "{told:?}");
    }
}

#[test]
fn without_a_choice_a_lock_has_a_ttl_of_ten_seconds() {
    let mut lab = alice();
    let at = At::Lobby;
    lab.call("alice", at.come()).unwrap();
    let act = LockAct::Set(LockOptions::new());
    lab.call("alice", at.act("l", act)).unwrap();
    let Ok(Answer::Acquired(lock)) = lab.call("alice", at.acquire("l")) else { panic!("taken") };
    assert_eq!(lock.ttl, secs(10));
}

#[test]
fn without_a_choice_a_message_is_bytes_of_no_type() {
    let mut lab = alice();
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    let (target, payload) = (channel("lobby"), Bytes::from_static(b"hi"));
    let options = PublishOptions::new();
    lab.call("alice", Command::Publish { target, payload, options }).unwrap();
    let ChannelEvent::Message(message) = &lab.client("alice").channels[0].1 else { panic!("none") };
    assert_eq!((message.message_type, &*message.custom_type), (MessageType::Binary, ""));
}

#[test]
fn without_a_choice_a_topics_message_is_bytes_of_no_type() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 1)).unwrap();
    }
    lab.call("alice", join_topic("town", "news", 2, Qos::Ordered)).unwrap();
    lab.call("bob", subscribe_topic("town", "news", &[], 3)).unwrap();
    let (target, payload) = (publication(2), Bytes::from_static(b"hi"));
    let options = PublishOptions::new();
    lab.call("alice", Command::Publish { target, payload, options }).unwrap();
    lab.run(secs(1));
    let TopicEvent::Message(message) = &lab.client("bob").topics[0].1 else { panic!("none") };
    assert_eq!((message.message_type, &*message.custom_type), (MessageType::Binary, ""));
}

#[test]
fn without_a_choice_a_page_of_a_history_has_100_messages() {
    let mut lab = Lab::build(11, link(), AppLimits::open(), Config::server());
    lab.add_users(&["alice"]);
    for _ in 0..101 {
        let (target, payload) = (channel("lobby"), Bytes::from_static(b"hi"));
        let options = PublishOptions::new().store_in_history(true);
        lab.call("alice", Command::Publish { target, payload, options }).unwrap();
    }
    let (channel, options) = (Some(name("lobby")), HistoryOptions::new());
    let found = lab.call("alice", Command::GetMessages { channel, options });
    let Ok(Answer::History(found)) = found else { panic!("{found:?}") };
    assert_eq!((found.messages.len(), found.next.is_some()), (100, true));
}

#[test]
fn members_of_a_stream_channel_hear_of_metadata_only_if_they_ask() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    lab.call("alice", join("town", 1)).unwrap();
    let options = JoinOptions::new().options(SubscribeOptions::new().metadata(true));
    let (channel, handle) = (name("town"), HandleId(1));
    lab.call("bob", Command::Join { channel, options, handle }).unwrap();
    lab.call("alice", set(town(), &["a=1"])).unwrap();
    lab.run(secs(1));
    assert!(lab.client("alice").storage.is_empty());
    assert_eq!(lab.client("bob").stored_set(1), "a=1");
}

#[test]
fn members_of_a_stream_channel_hear_who_is_there_unless_they_do_not_want_to() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob", "carol"]);
    lab.call("alice", join("town", 1)).unwrap();
    let options = JoinOptions::new().options(SubscribeOptions::new().presence(false));
    let (channel, handle) = (name("town"), HandleId(1));
    lab.call("bob", Command::Join { channel, options, handle }).unwrap();
    lab.call("carol", join("town", 1)).unwrap();
    lab.run(secs(1));
    assert!(lab.client("alice").present(1).contains(&"+carol".to_owned()));
    assert!(lab.client("bob").present(1).is_empty());
}

#[test]
fn what_is_kept_for_who_is_away_has_a_number() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    let (target, payload) = (user("bob"), Bytes::from_static(b"hi"));
    let options = PublishOptions::new().store_in_history(true);
    let waiter = lab.command("alice", Command::Publish { target, payload, options });
    assert_eq!(lab.published("alice", waiter).unwrap().reached.code(), -11_035);
    lab.call("bob", open_inbox(1)).unwrap();
    lab.run(secs(1));
    assert_eq!(lab.client("bob").heard(1), ["alice 1: hi"]);
}

#[test]
fn two_minutes_after_a_loss_the_link_is_suspended_and_tried_every_half_minute() {
    let mut lab = alice();
    lab.set_blackout("alice", true);
    lab.run_until_link("alice", LinkState::Disconnected);
    let lost = lab.client("alice").links.last().unwrap().clone();
    lab.run(secs(119));
    let states =
        |lab: &Lab| lab.client("alice").links.iter().map(|it| it.current).collect::<Vec<_>>();
    assert!(!states(&lab).contains(&LinkState::Suspended), "after {lost:?}");
    lab.run(secs(20));
    assert!(states(&lab).contains(&LinkState::Suspended));
    // An hour later it comes back within half a minute of the network.
    lab.run(secs(3_600));
    lab.set_blackout("alice", false);
    lab.run(secs(45));
    assert_eq!(states(&lab).last(), Some(&LinkState::Connected));
}

#[test]
fn a_token_of_the_second_kind_logs_in_too() {
    let service = |user_id: &str| Service::Rtm2 {
        user_id: user_id.to_owned(),
        privileges: Privileges::from([(1, 600)]),
        permissions: Vec::new(),
    };
    let mut lab = Lab::new(0.0);
    lab.add("alice", APP, "alice");
    lab.call("alice", login(&token(600, service("alice")))).unwrap();
    lab.add("bob", APP, "bob");
    assert_eq!(lab.code("bob", login(&token(600, service("alice")))), -10_005);
}

#[test]
fn a_token_for_any_user_joins_whoever_has_it() {
    let mut lab = Lab::new(0.0);
    let any = token(600, Service::rtc("town", "", 600));
    for one in ["alice", "bob"] {
        lab.add(one, APP, one);
        lab.call(one, login(&token(600, Service::rtm(one, 600)))).unwrap();
        lab.call(one, join_with("town", 1, &any)).unwrap();
    }
    assert_eq!(lab.code("alice", join_with("village", 2, &any)), -10_005);
}

#[test]
fn a_publisher_that_says_nothing_of_itself_has_nothing_beside_its_name() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join("town", 1)).unwrap();
    }
    lab.call("alice", join_topic("town", "news", 2, Qos::Ordered)).unwrap();
    let options = TopicOptions::new().meta("on air");
    let said = join_topic_with("town", "talk", 3, options);
    lab.call("alice", said).unwrap();
    lab.run(secs(1));
    let metas = lab.client("bob").streams.iter().filter_map(|(_, event)| match event {
        StreamEvent::PublisherJoined(it) => Some(it.meta.clone()),
        _ => None,
    });
    assert_eq!(metas.collect::<Vec<_>>(), [&b""[..], b"on air"]);
}

#[test]
fn who_wants_no_messages_gets_none_and_who_says_nothing_gets_them() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob", "carol"]);
    let options = SubscribeOptions::new().messages(false);
    let (name_, handle) = (name("lobby"), HandleId(1));
    lab.call("bob", Command::Subscribe { channel: name_, options, handle }).unwrap();
    lab.call("carol", subscribe("lobby", 1)).unwrap();
    lab.call("alice", publish(channel("lobby"), b"hi")).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.client("bob").heard(1).len(), 0);
    assert_eq!(lab.client("carol").heard(1), ["alice 1: hi"]);
}

#[test]
fn who_asks_for_nobodys_channels_gets_its_own() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    lab.call("bob", subscribe("garden", 1)).unwrap();
    let command = Command::UserChannels { user: String::new() };
    let Ok(Answer::UserChannels(found)) = lab.call("alice", command) else { panic!("no answer") };
    let names: Vec<_> = found.channels.iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), 1);
    assert!(names[0].contains("lobby"), "{names:?}");
}

/// Whether a time is that of the server's calendar, in which the lab's minutes have passed.
fn is_now(time_ms: u64) -> bool {
    let begin = u64::from(BEGIN) * 1_000;
    (begin + 1..begin + 60_000).contains(&time_ms)
}

#[test]
fn events_of_presence_storage_and_locks_say_when() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    let options = SubscribeOptions::new().metadata(true).locks(true);
    let (channel_, handle) = (name("lobby"), HandleId(1));
    lab.call("alice", Command::Subscribe { channel: channel_, options, handle }).unwrap();
    lab.run(Duration::from_secs(1));
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    lab.call("bob", set(lobby(), &["a=1"])).unwrap();
    let act = LockAct::Set(LockOptions::new());
    let channel_ = ChannelId::message("lobby").unwrap();
    lab.call("bob", Command::Lock { channel: channel_, name: "l".into(), act }).unwrap();
    lab.run(Duration::from_secs(1));
    let alice = lab.client("alice");
    let presence: Vec<u64> = alice.presence.iter().map(|(_, it)| it.time_ms).collect();
    let storage: Vec<u64> = alice.storage.iter().map(|(_, it)| it.time_ms).collect();
    let locks: Vec<u64> = alice.locks.iter().map(|(_, it)| it.time_ms).collect();
    for times in [presence, storage, locks] {
        assert!(times.len() >= 2 && times.iter().all(|it| is_now(*it)), "{times:?}");
        assert!(times.is_sorted());
        assert!(times.last().unwrap() - times[0] >= 1_000, "a second later: {times:?}");
    }
}

#[test]
fn a_change_of_metadata_is_told_within_a_tenth_of_a_second() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    let options = SubscribeOptions::new().metadata(true);
    let (channel, handle) = (name("lobby"), HandleId(1));
    lab.call("bob", Command::Subscribe { channel, options, handle }).unwrap();
    lab.run(Duration::from_secs(1));
    let before = lab.client("bob").storage.len();
    lab.command("alice", set(lobby(), &["a=1"]));
    lab.run(Duration::from_millis(100));
    assert_eq!(lab.client("bob").stored(1).len(), before + 1, "two ways of 20 ms each");
}
