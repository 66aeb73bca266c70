//! Topics that skip messages: deadline and latest-only (decision 0021).

use std::time::Duration;

use rtm_client::core::{Answer, Command};
use rtm_client::{LinkState, Qos, Reached, StreamEvent, TopicEvent, TopicOptions};
use rtm_server::AppLimits;
use rtm_session::Config;
use rtm_wire::{
    Delivery, ErrorCode, Join, JoinTopic, MessageType, PublishTopic, Reliability, SubscribeOptions,
};

use super::client::Client;
use super::world::{
    Lab, join, join_topic_with, leave_topic, link, publication, publish, subscribe_topic,
    unsubscribe_topic,
};

const HEARERS: [&str; 2] = ["bob", "carol"];
const TICK: Duration = Duration::from_millis(10);

/// Alice publishes, the others hear all of it.
fn lab(loss: f64, limits: AppLimits, options: TopicOptions) -> Lab {
    let mut lab = Lab::build(11, link().loss(loss), limits, Config::server());
    lab.add_users(&["alice", "bob", "carol"]);
    for user in ["alice", "bob", "carol"] {
        lab.call(user, join("map", 1)).unwrap();
    }
    lab.call("alice", join_topic_with("map", "cars", 2, options)).unwrap();
    lab.run(Duration::from_millis(100));
    for user in HEARERS {
        lab.call(user, subscribe_topic("map", "cars", &[], 3)).unwrap();
    }
    lab
}

fn latest_only(loss: f64) -> Lab {
    lab(loss, AppLimits::hosted(), TopicOptions::new().latest_only())
}

/// A message that is admitted at once, without a word of the server.
fn say(lab: &mut Lab, text: &str) {
    let waiter = lab.publish("alice", publication(2), text);
    let answer = &lab.client("alice").answers[&waiter];
    let Ok(Answer::Published(published)) = answer else { panic!("{answer:?}") };
    assert_eq!((published.reached, published.sequence), (Reached::Admitted, 0));
}

/// Sequence and text of what a subscription got, and nothing but messages.
fn heard(client: &Client, handle: u64) -> Vec<(u64, String)> {
    let events = client.topics.iter().filter(|(to, _)| to.0 == handle);
    let message = |event: &TopicEvent| match event {
        TopicEvent::Message(it) => (it.sequence, String::from_utf8_lossy(&it.payload).into_owned()),
        other => panic!("{other:?} in a topic that skips"),
    };
    events.map(|(_, event)| message(event)).collect()
}

fn last(lab: &Lab, user: &str, handle: u64) -> Option<String> {
    heard(lab.client(user), handle).pop().map(|(_, text)| text)
}

fn assert_ascending(heard: &[(u64, String)]) {
    assert!(heard.windows(2).all(|pair| pair[0].0 < pair[1].0), "{heard:?}");
}

#[test]
fn what_is_shown_of_a_publisher_says_how_its_messages_travel() {
    let mut lab = latest_only(0.0);
    let options = TopicOptions::new().qos(Qos::Ordered).deadline(Duration::from_millis(250));
    lab.call("carol", join_topic_with("map", "horns", 4, options)).unwrap();
    lab.run(Duration::from_millis(100));
    let publications = |client: &Client| {
        let shown = client.streams.iter().flat_map(|(_, event)| match event {
            StreamEvent::Snapshot(all) => all.clone(),
            StreamEvent::PublisherJoined(one) => vec![one.clone()],
            _ => Vec::new(),
        });
        Vec::from_iter(shown.map(|it| (it.topic, it.qos, it.reliability, it.deadline_ms)))
    };
    let cars = ("cars".to_owned(), Qos::Unordered, Reliability::LatestOnly, None);
    let horns = ("horns".to_owned(), Qos::Ordered, Reliability::Deadline, Some(250));
    assert_eq!(publications(lab.client("bob")), [cars.clone(), horns.clone()], "as they come");
    lab.add_users(&["dave"]);
    lab.call("dave", join("map", 1)).unwrap();
    assert_eq!(publications(lab.client("dave")), [cars, horns], "all at once");
}

#[test]
fn under_loss_values_only_go_forward_and_the_last_one_comes() {
    let mut lab = latest_only(0.3);
    for round in 0..5 {
        for index in 0..40 {
            say(&mut lab, &format!("{round}.{index}"));
            lab.run(TICK);
        }
        lab.run(Duration::from_secs(5));
        for user in HEARERS {
            assert_eq!(last(&lab, user, 3), Some(format!("{round}.39")), "{user}");
        }
    }
    for user in HEARERS {
        let heard = heard(lab.client(user), 3);
        assert_ascending(&heard);
        assert!(heard.len() > 100 && heard.len() < 200, "{} of 200: some skipped", heard.len());
    }
    lab.end(&["alice", "bob", "carol"]);
}

#[test]
fn who_comes_later_sees_the_present_value_at_once() {
    let mut lab = latest_only(0.0);
    for text in ["left", "right"] {
        say(&mut lab, text);
        lab.run(TICK);
    }
    lab.add_users(&["dave"]);
    lab.call("dave", join("map", 1)).unwrap();
    lab.call("dave", subscribe_topic("map", "cars", &["alice"], 3)).unwrap();
    lab.run(Duration::from_millis(100));
    assert_eq!(heard(lab.client("dave"), 3), [(2, "right".to_owned())]);
    // Also who has left off and begins again.
    lab.call("bob", unsubscribe_topic(3)).unwrap();
    lab.call("bob", subscribe_topic("map", "cars", &[], 4)).unwrap();
    lab.run(Duration::from_millis(100));
    assert_eq!(heard(lab.client("bob"), 4), [(2, "right".to_owned())]);
    say(&mut lab, "on");
    lab.run(Duration::from_millis(100));
    for (user, handle) in [("dave", 3), ("bob", 4), ("carol", 3)] {
        assert_eq!(last(&lab, user, handle).as_deref(), Some("on"), "{user}");
    }
    // A value ends with its publication.
    lab.call("alice", leave_topic(2)).unwrap();
    lab.call("alice", join_topic_with("map", "cars", 5, TopicOptions::new().latest_only()))
        .unwrap();
    lab.add_users(&["eve"]);
    lab.call("eve", join("map", 1)).unwrap();
    lab.call("eve", subscribe_topic("map", "cars", &[], 3)).unwrap();
    lab.run(Duration::from_secs(1));
    assert_eq!(heard(lab.client("eve"), 3), []);
}

#[test]
fn a_publisher_that_is_lost_comes_back_with_its_newest_value() {
    let mut lab = latest_only(0.0);
    say(&mut lab, "before");
    lab.set_blackout("alice", true);
    say(&mut lab, "unseen");
    lab.run(Duration::from_secs(60));
    assert_ne!(lab.client("alice").core.link_state(), LinkState::Connected);
    for text in ["during", "newest"] {
        say(&mut lab, text);
    }
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", LinkState::Connected);
    lab.run(Duration::from_secs(1));
    for user in HEARERS {
        let texts: Vec<_> = heard(lab.client(user), 3).into_iter().map(|it| it.1).collect();
        assert_eq!(texts, ["before", "newest"], "{user}");
    }
    lab.end(&["alice", "bob", "carol"]);
}

#[test]
fn a_value_that_was_said_before_the_loss_and_not_after_it_comes_too() {
    let mut lab = latest_only(0.0);
    lab.set_blackout("alice", true);
    say(&mut lab, "once");
    lab.run(Duration::from_secs(60));
    lab.set_blackout("alice", false);
    lab.run_until_link("alice", LinkState::Connected);
    lab.run(Duration::from_secs(1));
    assert_eq!(last(&lab, "bob", 3).as_deref(), Some("once"));
}

#[test]
fn a_subscriber_that_is_lost_comes_back_to_the_present_value_and_no_gap() {
    let mut lab = latest_only(0.0);
    say(&mut lab, "seen");
    lab.run(Duration::from_millis(100));
    lab.set_blackout("bob", true);
    for index in 0..50 {
        say(&mut lab, &format!("missed {index}"));
        lab.run(Duration::from_secs(1));
    }
    lab.set_blackout("bob", false);
    lab.run_until_link("bob", LinkState::Connected);
    lab.run(Duration::from_secs(1));
    let texts: Vec<_> = heard(lab.client("bob"), 3).into_iter().map(|it| it.1).collect();
    assert_eq!(texts, ["seen", "missed 49"]);
    lab.outage("bob");
    lab.run_until_link("bob", LinkState::Connected);
    lab.run(Duration::from_secs(1));
    assert_eq!(heard(lab.client("bob"), 3).len(), 2, "nothing new, nothing twice");
}

#[test]
fn a_burst_beyond_the_rate_ends_with_its_last_value() {
    let mut lab = latest_only(0.0);
    for index in 0..1_000 {
        say(&mut lab, &format!("{index}"));
    }
    lab.run(Duration::from_secs(1));
    for user in HEARERS {
        assert_eq!(last(&lab, user, 3).as_deref(), Some("999"), "{user}");
    }
}

#[test]
fn leaving_waits_until_the_last_value_is_with_the_owner() {
    let mut lab = latest_only(0.5);
    for round in 0..20 {
        let text = format!("last of {round}");
        say(&mut lab, &text);
        lab.call("alice", leave_topic(2)).unwrap();
        lab.run(Duration::from_secs(3));
        for user in HEARERS {
            assert_eq!(last(&lab, user, 3).as_ref(), Some(&text), "{user}");
        }
        let options = TopicOptions::new().latest_only();
        lab.call("alice", join_topic_with("map", "cars", 2, options)).unwrap();
    }
    let refused = lab.call("alice", publish(publication(9), b"x")).unwrap_err();
    assert_eq!(refused.code(), -11_016, "a publication that there is not");
}

#[test]
fn with_a_deadline_nothing_comes_late_and_what_is_in_time_comes() {
    let deadline = Duration::from_millis(150);
    for qos in [Qos::Ordered, Qos::Unordered] {
        let options = TopicOptions::new().qos(qos).deadline(deadline);
        let mut lab = lab(0.3, AppLimits::hosted(), options);
        for index in 0..200 {
            say(&mut lab, &format!("{index}"));
            let before = heard(lab.client("bob"), 3).len();
            lab.run(TICK);
            // One message in 10 ms: the number tells when it was said.
            for (_, text) in &heard(lab.client("bob"), 3)[before..] {
                let age = TICK * (index + 1 - text.parse::<u32>().unwrap());
                // What the frame itself takes on both ways isn't counted.
                assert!(age <= deadline + 2 * Duration::from_millis(20), "{qos:?} {text} {age:?}");
            }
        }
        lab.run(Duration::from_secs(5));
        for user in HEARERS {
            let heard = heard(lab.client(user), 3);
            assert!(heard.len() > 120, "{user} got {} of 200", heard.len());
            assert!(qos == Qos::Unordered || heard.is_sorted(), "{heard:?}");
            let once: std::collections::BTreeSet<_> = heard.iter().collect();
            assert_eq!(once.len(), heard.len(), "none twice");
        }
        lab.end(&["alice", "bob", "carol"]);
    }
}

#[test]
fn a_deadline_runs_on_at_the_owner() {
    let options = TopicOptions::new().qos(Qos::Ordered).deadline(Duration::from_secs(2));
    let mut lab = lab(0.0, AppLimits::hosted(), options);
    // 1.5 s of it pass on the way to the owner; bob can be reached 1 s later.
    lab.set_blackout("alice", true);
    lab.set_blackout("bob", true);
    say(&mut lab, "late for bob");
    lab.run(Duration::from_millis(1_500));
    lab.set_blackout("alice", false);
    lab.run(Duration::from_millis(1_000));
    lab.set_blackout("bob", false);
    lab.run(Duration::from_secs(5));
    say(&mut lab, "in time");
    lab.run(Duration::from_secs(1));
    let texts = |user| Vec::from_iter(heard(lab.client(user), 3).into_iter().map(|it| it.1));
    assert_eq!(texts("carol"), ["late for bob", "in time"]);
    assert_eq!(texts("bob"), ["in time"]);
}

#[test]
fn with_a_deadline_nothing_is_taken_without_a_connection_or_beyond_the_rate() {
    let options = TopicOptions::new().deadline(Duration::from_secs(1));
    let mut lab = lab(0.0, AppLimits::hosted(), options);
    for _ in 0..200 {
        say(&mut lab, "x");
    }
    let too_frequent = lab.call("alice", publish(publication(2), b"x")).unwrap_err();
    assert_eq!(too_frequent.code(), -11_025);
    lab.set_blackout("alice", true);
    lab.run(Duration::from_secs(60));
    let lost = lab.call("alice", publish(publication(2), b"x")).unwrap_err();
    assert_eq!(lost.code(), -10_025);
}

#[test]
fn a_slow_subscriber_of_a_topic_with_deadlines_loses_messages_and_not_its_session() {
    let options = TopicOptions::new().qos(Qos::Ordered).deadline(Duration::from_secs(60));
    let session = Config::server().send_queue(1_024 * 1_024, 100);
    let mut lab = Lab::build(11, link(), AppLimits::open(), session);
    lab.add_users(&["alice", "bob"]);
    for user in ["alice", "bob"] {
        lab.call(user, join("map", 1)).unwrap();
    }
    lab.call("alice", join_topic_with("map", "cars", 2, options)).unwrap();
    lab.call("bob", subscribe_topic("map", "cars", &[], 3)).unwrap();
    lab.with_client("bob", |client, _| client.takes = false);
    for _ in 0..400 {
        lab.call("alice", publish(publication(2), &[b'x'; 30_000])).unwrap();
        lab.run(TICK);
    }
    let gateway = lab.status().gateway;
    assert!(gateway.dropped > 100 && gateway.too_slow == 0, "{gateway:?}");
    assert_eq!(lab.client("bob").core.link_state(), LinkState::Connected);
}

#[test]
fn messages_are_as_long_as_the_app_allows_and_one_byte_beyond_is_refused() {
    for (limits, length) in [(AppLimits::hosted(), 1_024), (AppLimits::open(), 65_536)] {
        for options in [
            TopicOptions::new(),
            TopicOptions::new().latest_only(),
            TopicOptions::new().deadline(Duration::from_secs(5)),
        ] {
            let mut lab = lab(0.0, limits, options);
            let message = vec![b'x'; length + 1];
            let refused = lab.call("alice", publish(publication(2), &message)).unwrap_err();
            assert_eq!(refused.code(), -11_010);
            lab.call("alice", publish(publication(2), &message[1..])).unwrap();
            lab.run(Duration::from_secs(2));
            let heard = heard(lab.client("bob"), 3);
            assert_eq!(heard.iter().map(|it| it.1.len()).collect::<Vec<_>>(), [length]);
        }
    }
}

#[test]
fn a_deadline_out_of_its_range_is_refused() {
    let mut lab = latest_only(0.0);
    for (deadline, code) in [(0, -10_014), (1, 0), (60_000, 0), (60_001, -10_014)] {
        let options = TopicOptions::new().deadline(Duration::from_millis(deadline));
        assert_eq!(lab.code("bob", join_topic_with("map", "cars", 8, options)), code, "{deadline}");
        if code == 0 {
            lab.call("bob", Command::LeaveTopic { handle: rtm_client::core::HandleId(8) }).unwrap();
        }
    }
}

#[test]
fn only_refusals_are_answered() {
    let mut lab = latest_only(0.0);
    lab.add_raw_user("dave", Config::default());
    let (channel, topic, meta) = ("map", "cars", &b""[..]);
    let publish = PublishTopic {
        channel,
        topic,
        message_type: MessageType::Binary,
        custom_type: "",
        payload: b"here",
    };
    let latest = Delivery { reliability: Reliability::LatestOnly, ..Delivery::default() };
    lab.with_raw("dave", |raw, now| {
        let options = SubscribeOptions::default();
        raw.request(now, 1, Join { channel, options, token: "" });
        raw.request(now, 2, JoinTopic { channel, topic, delivery: latest, meta });
        raw.request(now, 3, publish);
        raw.request(now, 4, PublishTopic { payload: &[0; 1_025], ..publish });
        raw.request(now, 5, PublishTopic { topic: "none", ..publish });
    });
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.raw("dave").codes(3), []);
    let too_long = ErrorCode::CHANNEL_MESSAGE_LENGTH_EXCEED_LIMITATION;
    assert_eq!(lab.raw("dave").codes(4), [too_long]);
    assert_eq!(lab.raw("dave").codes(5), [ErrorCode::CHANNEL_TOPIC_NOT_JOINED]);
    assert_eq!(last(&lab, "bob", 3).as_deref(), Some("here"));
}

#[test]
fn a_logout_sends_what_was_admitted_and_admits_no_more() {
    let mut lab = latest_only(0.0);
    lab.run(Duration::from_millis(100));
    // Out of reach, they wait; the logout waits with them.
    lab.set_blackout("alice", true);
    say(&mut lab, "before");
    let waiter = lab.command("alice", Command::Logout);
    let late = lab.publish("alice", publication(2), "after");
    let answer = &lab.client("alice").answers[&late];
    assert!(answer.is_err(), "{answer:?}");
    lab.run(Duration::from_secs(1));
    lab.set_blackout("alice", false);
    lab.answer("alice", waiter).unwrap();
    lab.run(Duration::from_secs(1));
    for user in HEARERS {
        assert_eq!(heard(lab.client(user), 3), [(1, "before".to_owned())], "{user}");
    }
}
