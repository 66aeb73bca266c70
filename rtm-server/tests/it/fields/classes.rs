//! Online education, live streaming.

use rtm_client::core::Command;
use rtm_client::{ChannelEvent, ChannelId, Qos, QueuePolicy};

use super::super::world::{
    channel, join, join_topic, open_inbox, publication, subscribe, subscribe_topic, subscribe_with,
    user,
};
use super::{
    EMOJI, a, crowd, each, file, got, got_topic, lab, millis, said, secs, send_file, whole,
};

const CLASS: u64 = 1;
const BOARD: u64 = 2;
const DRAWN: u64 = 3;
const INBOX: u64 = 4;

#[test]
fn in_a_class_all_see_the_board_and_the_teacher_sees_who_raises_a_hand() {
    let students = crowd("student", 30);
    let mut lab = lab(&["teacher"]);
    lab.add_users(&each(&students));
    let all: Vec<&str> = each(&students).into_iter().chain(["teacher"]).collect();
    for one in &all {
        lab.call(one, subscribe("class", CLASS)).unwrap();
        lab.call(one, join("class", BOARD)).unwrap();
    }
    lab.call("teacher", join_topic("class", "board", 9, Qos::Ordered)).unwrap();
    for student in &students {
        lab.call(student, subscribe_topic("class", "board", &["teacher"], DRAWN)).unwrap();
    }
    let slides = file(60_000, 3);
    send_file(&mut lab, "teacher", &channel("class"), &slides);
    for stroke in 0..50 {
        lab.command("teacher", a("stroke", publication(9), stroke.to_string()));
        lab.run(millis(20));
    }
    let hand = Command::SetStates {
        channel: ChannelId::message("class").unwrap(),
        states: vec![("hand".into(), "up".into())],
    };
    lab.call("student7", hand).unwrap();
    lab.call("student7", a("text", channel("class"), "why?")).unwrap();
    lab.call("student8", a("emoji", channel("class"), EMOJI)).unwrap();
    let picture = file(9_000, 4);
    lab.call("student9", a("picture", channel("class"), &picture)).unwrap();
    // Students among each other.
    lab.call("student2", open_inbox(INBOX)).unwrap();
    lab.call("student1", a("text", user("student2"), "psst")).unwrap();
    lab.run(secs(5));

    let strokes: Vec<_> = (0..50).map(|it| it.to_string()).collect();
    for student in &students {
        assert_eq!(said(&got_topic(lab.client(student), DRAWN, "stroke")), strokes);
    }
    for one in &all {
        let client = lab.client(one);
        assert_eq!(said(&got(client, CLASS, "text")), ["why?"]);
        assert_eq!(said(&got(client, CLASS, "emoji")), [EMOJI]);
        assert_eq!(got(client, CLASS, "picture"), [("student9".to_owned(), picture.clone())]);
        assert_eq!(whole(&got(client, CLASS, "file")), slides);
    }
    let seen = lab.client("teacher").present(CLASS);
    assert!(seen.iter().any(|it| it.contains("student7") && it.contains("hand=up")), "{seen:?}");
    assert_eq!(said(&got(lab.client("student2"), INBOX, "text")), ["psst"]);
}

#[test]
fn in_a_live_stream_all_gifts_arrive_and_chat_may_be_thinned() {
    const GIFTS: u64 = 1;
    const CHAT: u64 = 2;
    let viewers = crowd("viewer", 150);
    let mut lab = lab(&["host", "guest"]);
    lab.add_users(&each(&viewers));
    for host in ["host", "guest"] {
        lab.call(host, subscribe("gifts", GIFTS)).unwrap();
        lab.call(host, subscribe("chat", CHAT)).unwrap();
    }
    for viewer in &viewers {
        lab.call(viewer, subscribe_with("chat", CHAT, QueuePolicy::DropOldest)).unwrap();
    }
    // A viewer whose phone is busy with the picture; the others' aren't.
    lab.with_client("viewer0", |it, now| it.set_takes(now, false));
    for (index, viewer) in viewers.iter().enumerate() {
        for gift in 0..3 {
            lab.command(viewer, a("gift", channel("gifts"), format!("{index}/{gift}")));
        }
    }
    lab.run(secs(2));
    let long = "x".repeat(8_000);
    for round in 0..60 {
        for talker in ["viewer1", "viewer2"] {
            lab.command(talker, a("text", channel("chat"), format!("{round} {long}")));
        }
        lab.run(millis(50));
    }
    lab.call("host", a("emoji", channel("chat"), EMOJI)).unwrap();
    lab.call("guest", a("text", channel("chat"), "bye")).unwrap();
    lab.with_client("viewer0", |it, now| it.set_takes(now, true));
    lab.run(secs(20));

    for host in ["host", "guest"] {
        let gifts = got(lab.client(host), GIFTS, "gift");
        assert_eq!(gifts.len(), 450, "each of them, once");
        for viewer in &viewers {
            let by: Vec<_> = gifts.iter().filter(|(by, _)| by == viewer).cloned().collect();
            assert!(said(&by).is_sorted() && by.len() == 3, "in their order");
        }
        assert_eq!(said(&got(lab.client(host), CHAT, "emoji")), [EMOJI]);
    }
    for viewer in &viewers[1..] {
        let chat = said(&got(lab.client(viewer), CHAT, "text"));
        assert_eq!(chat.len(), 121, "nobody waits for the slow one");
    }
    let slow = lab.client("viewer0");
    let is_gap = |event: &ChannelEvent| matches!(event, ChannelEvent::Gap(_));
    assert!(slow.channels.iter().any(|(_, event)| is_gap(event)), "it is told");
    let last = slow.channels.iter().rev().find_map(|(_, event)| match event {
        ChannelEvent::Message(it) => Some(it.payload.clone()),
        _ => None,
    });
    assert_eq!(last.as_deref(), Some(&b"bye"[..]), "the newest is there");
    assert_eq!(slow.links.len(), 2, "and its session, too");
}
