//! Limits of hosted RTM 2.x at the limit and one beyond, through the client and the server.

use rtm_client::core::{Answer, Command, HandleId, WriteKind};
use rtm_client::{
    ChannelId, HistoryOptions, MetadataItem, MetadataOptions, PublishOptions, Qos, TopicOptions,
};

use super::storage::{lobby, set, write};
use super::world::{
    Lab, alice, channel, join, join_topic, join_topic_with, name, subscribe_topic, user_ids,
};

/// The numbers of a command with so many, at the limit and one beyond.
#[track_caller]
fn at_the_end(lab: &mut Lab, most: usize, code: i32, make: impl Fn(usize) -> Command) {
    assert_eq!(lab.code("alice", make(most)), 0, "{most}");
    assert_eq!(lab.code("alice", make(most + 1)), code, "{}", most + 1);
}

#[test]
fn a_custom_type_has_at_most_32_bytes() {
    at_the_end(&mut alice(), 32, -11_029, |count| {
        let options = PublishOptions::text().custom_type("c".repeat(count));
        Command::Publish { target: channel("lobby"), payload: "hi".into(), options }
    });
}

#[test]
fn a_key_of_metadata_has_at_most_32_bytes() {
    at_the_end(&mut alice(), 32, -12_011, |count| {
        set(lobby(), &[&format!("{}=1", "k".repeat(count))])
    });
}

#[test]
fn what_a_publisher_says_of_itself_has_at_most_256_bytes() {
    let mut lab = alice();
    lab.call("alice", join("town", 1)).unwrap();
    at_the_end(&mut lab, 256, -11_018, |count| {
        let options = TopicOptions::new().meta(vec![b'm'; count]);
        join_topic_with("town", &format!("t{count}"), 2 + count as u64, options)
    });
}

#[test]
fn a_user_shows_at_most_32_states() {
    at_the_end(&mut alice(), 32, -13_005, |count| Command::SetStates {
        channel: ChannelId::message("lobby").unwrap(),
        states: (0..count).map(|index| (format!("key{index}"), "v".to_owned())).collect(),
    });
}

#[test]
fn sixty_four_publishers_of_a_topic_are_heard_and_not_one_more() {
    let publishers: Vec<_> = (0..65).map(|index| format!("p{index}")).collect();
    let mut lab = alice();
    lab.call("alice", join("town", 1)).unwrap();
    for publisher in &publishers {
        lab.add_users(&[publisher]);
        lab.call(publisher, join("town", 1)).unwrap();
        lab.call(publisher, join_topic("town", "news", 2, Qos::Ordered)).unwrap();
    }
    let all: Vec<&str> = publishers.iter().map(String::as_str).collect();
    lab.call("alice", subscribe_topic("town", "news", &all[..64], 3)).unwrap();
    let one = Command::AddPublishers { handle: HandleId(3), users: Some(user_ids(&all[64..])) };
    let answer = lab.call("alice", one);
    let Ok(Answer::Users(users)) = answer else { panic!("{answer:?}") };
    let failed: Vec<_> = users.failed.iter().map(|it| it.error.code()).collect();
    assert_eq!((users.succeeded.len(), failed), (0, vec![-20_003]));
}

#[test]
fn a_page_of_a_history_has_1_to_100_messages() {
    let mut lab = Lab::with_users(0.0, &["alice"]);
    let page = |count| {
        let options = HistoryOptions::new().message_count(count);
        Command::GetMessages { channel: Some(name("lobby")), options }
    };
    for (count, code) in [(0, -15_004), (1, 0), (100, 0), (101, -15_004)] {
        assert_eq!(lab.code("alice", page(count)), code, "{count}");
    }
}

#[test]
fn an_item_of_16_kib_is_stored_and_not_one_byte_more() {
    // The set's 16 KiB count its keys, too.
    let mut lab = alice();
    for (len, is_good) in [(16 * 1_024 - 1, true), (16 * 1_024, false), (16 * 1_024 + 1, false)] {
        let item = [MetadataItem::new("k", vec![b'v'; len])];
        let command = write(lobby(), WriteKind::Set, &item, MetadataOptions::new());
        assert_eq!(lab.call("alice", command).is_ok(), is_good, "{len}");
    }
}
