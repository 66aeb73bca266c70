//! Histories: what is stored, read, kept for how long, and refused; both real ends.

use std::time::Duration;

use rtm_client::core::{Answer, Command};
use rtm_client::{
    ChannelEvent, Error, HistoryMessages, HistoryOptions, LinkState, PublishOptions, Reached,
};
use rtm_server::{AppLimits, HistoryRule, HistoryRules, Retention};
use rtm_session::Config;
use rtm_wire::{ChannelKind, MessageType};

use super::locks::{lab, secs};
use super::world::{Lab, channel, link, name, open_inbox, subscribe, user};

/// Publishes to the lobby, to be stored, and waits for the answer.
fn say(lab: &mut Lab, who: &str, text: &str) -> Result<u64, Error> {
    let waiter = begin(lab, who, text, true);
    lab.published(who, waiter).map(|it| it.time_ms)
}

fn begin(lab: &mut Lab, who: &str, text: &str, store: bool) -> u64 {
    let options = PublishOptions::text().store_in_history(store);
    let (target, payload) = (channel("lobby"), text.to_owned().into());
    lab.command(who, Command::Publish { target, payload, options })
}

fn send(lab: &mut Lab, who: &str, to: &str, text: &str) -> Reached {
    let options = PublishOptions::text().store_in_history(true);
    let (target, payload) = (user(to), text.to_owned().into());
    let waiter = lab.command(who, Command::Publish { target, payload, options });
    lab.published(who, waiter).unwrap().reached
}

fn get(lab: &mut Lab, who: &str, options: HistoryOptions) -> Result<HistoryMessages, Error> {
    read(lab, who, Some("lobby"), options)
}

fn read(
    lab: &mut Lab,
    who: &str,
    channel: Option<&str>,
    options: HistoryOptions,
) -> Result<HistoryMessages, Error> {
    match lab.call(who, Command::GetMessages { channel: channel.map(name), options })? {
        Answer::History(found) => Ok(found),
        other => panic!("{other:?}"),
    }
}

/// The texts of what was found.
fn texts(found: &HistoryMessages) -> Vec<String> {
    let text =
        |it: &rtm_client::HistoryMessage| String::from_utf8_lossy(&it.message.payload).into_owned();
    found.messages.iter().map(text).collect()
}

fn options() -> HistoryOptions {
    HistoryOptions::new()
}

fn with_rules(rules: HistoryRules, users: &[&str]) -> Lab {
    let mut lab = Lab::build(11, link(), AppLimits::open(), Config::server());
    lab.set_history(rules);
    lab.add_users(users);
    lab
}

#[test]
fn what_was_stored_is_read_by_pages_in_both_directions() {
    let mut lab = lab(11, 0.1, &["alice", "bob"]);
    for number in 1..=25 {
        say(&mut lab, "alice", &number.to_string()).unwrap();
        // What isn't to be stored isn't.
        let waiter = begin(&mut lab, "alice", "not stored", false);
        lab.answer("alice", waiter).unwrap();
    }
    let numbers = |range: std::ops::RangeInclusive<u32>| {
        range.map(|number| number.to_string()).collect::<Vec<_>>()
    };
    for oldest_first in [false, true] {
        let mut wanted = numbers(1..=25);
        if !oldest_first {
            wanted.reverse();
        }
        for count in [1, 7, 24, 25, 26, 100] {
            let mut options = options().message_count(count).oldest_first(oldest_first);
            let (mut all, mut pages) = (Vec::new(), 0);
            loop {
                let page = get(&mut lab, "bob", options.clone()).unwrap();
                pages += 1;
                all.extend(texts(&page));
                assert!(page.messages.len() <= count as usize);
                match page.next {
                    Some(next) => options = options.page(next),
                    None => break,
                }
            }
            assert_eq!(all, wanted, "{count}");
            assert_eq!(pages, 25_u32.div_ceil(count), "{count}");
        }
    }
    let found = get(&mut lab, "bob", options().message_count(1)).unwrap();
    let last = &found.messages[0].message;
    assert_eq!((&*last.publisher, last.sequence), ("alice", 49));
    // It outlives its server.
    lab.restart_server();
    lab.run(secs(60));
    let found = get(&mut lab, "bob", options().message_count(2)).unwrap();
    assert_eq!(texts(&found), ["25", "24"]);
    // Another epoch comes after it.
    say(&mut lab, "alice", "26").unwrap();
    let found = get(&mut lab, "bob", options().message_count(2)).unwrap();
    assert_eq!(texts(&found), ["26", "25"]);
}

#[test]
fn the_later_time_lies_outside_and_the_earlier_one_inside() {
    let mut lab = lab(11, 0.0, &["alice"]);
    let mut times = Vec::new();
    for number in 0..4 {
        times.push(say(&mut lab, "alice", &number.to_string()).unwrap());
        lab.run(Duration::from_millis(500));
    }
    let mut found = |options| texts(&get(&mut lab, "alice", options).unwrap()).join(" ");
    assert_eq!(found(options().start(times[2])), "1 0");
    assert_eq!(found(options().start(times[2] + 1)), "2 1 0");
    assert_eq!(found(options().end(times[2])), "3 2");
    assert_eq!(found(options().end(times[2] + 1)), "3");
    assert_eq!(found(options().start(times[3]).end(times[1])), "2 1");
    assert_eq!(found(options().start(times[3]).end(times[1]).oldest_first(true)), "1 2");
    assert_eq!(found(options().start(times[0])), "");
    assert_eq!(found(options().end(times[3] + 1)), "");
    let error = |lab: &mut Lab, options| get(lab, "alice", options).unwrap_err().code();
    assert_eq!(error(&mut lab, options().start(times[1]).end(times[1])), -15_002);
    assert_eq!(error(&mut lab, options().start(times[0]).end(times[1])), -15_002);
    assert_eq!(error(&mut lab, options().message_count(0)), -15_004);
    assert_eq!(error(&mut lab, options().message_count(101)), -15_004);
    assert!(get(&mut lab, "alice", options().message_count(100)).is_ok());
    // The largest number that travels, and one beyond.
    let most = rtm_wire::varint::MAX;
    assert!(get(&mut lab, "alice", options().start(most)).is_ok());
    assert_eq!(error(&mut lab, options().start(most + 1)), -15_002);
    assert_eq!(error(&mut lab, options().end(u64::MAX)), -15_002);
}

#[test]
fn large_messages_come_in_one_page_of_many_answers() {
    let mut lab = lab(11, 0.0, &["alice"]);
    for number in 0..10 {
        say(&mut lab, "alice", &format!("{number}{}", "x".repeat(60_000))).unwrap();
    }
    let found = get(&mut lab, "alice", options().oldest_first(true)).unwrap();
    let first: Vec<_> = texts(&found).iter().map(|text| text[..1].to_owned()).collect();
    assert_eq!(first.concat(), "0123456789");
    assert_eq!(found.next, None);
}

#[test]
fn users_have_histories_of_their_own_also_of_what_they_have_received() {
    let mut lab = lab(11, 0.0, &["alice", "bob"]);
    assert_eq!(send(&mut lab, "alice", "bob", "a"), Reached::Stored);
    lab.call("bob", open_inbox(1)).unwrap();
    lab.run(secs(1));
    assert_eq!(send(&mut lab, "alice", "bob", "b"), Reached::Received);
    for _ in 0..2 {
        let found = read(&mut lab, "bob", None, options()).unwrap();
        assert_eq!(texts(&found), ["b", "a"]);
        assert_eq!(texts(&read(&mut lab, "alice", None, options()).unwrap()), [""; 0]);
        // Read or not, what was received doesn't come again.
        let heard = lab.client("bob").heard(1);
        assert_eq!(heard[..2], ["alice 1: a", "alice 2: b"]);
        assert!(heard[2..].iter().all(|text| text == "gap of unknown size"), "{heard:?}");
        lab.restart_server();
        lab.run(secs(60));
    }
    // Nobody else's, whatever a client asks for.
    lab.add_raw_user("carol", Config::default());
    lab.with_raw("carol", |raw, now| {
        for (operation, kind) in [(7, ChannelKind::User), (8, ChannelKind::Stream)] {
            let get = rtm_wire::GetMessages {
                channel: rtm_wire::ChannelRef { kind, name: "bob" },
                oldest_first: false,
                limit: 0,
                from: rtm_wire::Bound::Open,
                to: rtm_wire::Bound::Open,
            };
            raw.request(now, operation, get);
        }
    });
    lab.run(secs(1));
    let code = |operation| {
        let reply = lab.raw("carol").replies(operation).remove(0);
        rtm_wire::Reply::decode(&reply).unwrap().code.0
    };
    assert_eq!((code(7), code(8)), (15_006, 10_019));
}

#[test]
fn a_history_keeps_so_many_messages_and_days_as_the_rules_say() {
    let rules = HistoryRules {
        rules: vec![HistoryRule {
            pattern: "lob*".to_owned(),
            kind: None,
            retention: Retention { days: 2, messages: 5 },
        }],
        ..HistoryRules::default()
    };
    let mut lab = with_rules(rules, &["alice"]);
    for number in 0..8 {
        say(&mut lab, "alice", &number.to_string()).unwrap();
    }
    let all = |lab: &mut Lab| texts(&get(lab, "alice", options()).unwrap()).join(" ");
    assert_eq!(all(&mut lab), "7 6 5 4 3");
    lab.run(secs(86_400));
    say(&mut lab, "alice", "8").unwrap();
    assert_eq!(all(&mut lab), "8 7 6 5 4");
    lab.run(secs(86_400));
    // What is too old is not read, and not on the disk an hour later, though nobody asks.
    assert_eq!(all(&mut lab), "8");
    lab.run(secs(3_700));
    let one = lab.server().disk().history_bytes();
    assert!((1..60).contains(&one), "one message: {one}");
    lab.run(secs(86_400));
    assert_eq!(lab.server().disk().history_bytes(), 0);
}

#[test]
fn where_there_is_no_history_nothing_is_stored_or_read() {
    let none = Retention { days: 1, messages: 0 };
    let rules = HistoryRules { otherwise: none, ..HistoryRules::default() };
    let mut lab = with_rules(rules, &["alice", "bob"]);
    assert_eq!(say(&mut lab, "alice", "hi").unwrap_err().code(), -10_022);
    assert_eq!(get(&mut lab, "alice", options()).unwrap_err().code(), -15_005);
    // An inbox keeps all the same.
    assert_eq!(send(&mut lab, "alice", "bob", "hi"), Reached::Stored);
    lab.call("bob", open_inbox(1)).unwrap();
    lab.run(secs(1));
    assert_eq!(lab.client("bob").heard(1), ["alice 1: hi"]);
    assert_eq!(read(&mut lab, "bob", None, options()).unwrap_err().code(), -15_005);
}

#[test]
fn all_histories_have_a_bound_in_bytes() {
    let rules = HistoryRules { bytes_max: 300, ..HistoryRules::default() };
    let mut lab = with_rules(rules, &["alice", "bob"]);
    let text = "x".repeat(100);
    for _ in 0..2 {
        say(&mut lab, "alice", &text).unwrap();
    }
    let error = say(&mut lab, "alice", &text).unwrap_err();
    assert_eq!(error.code(), -11_024, "{error}");
    assert!(error.to_string().contains("300 bytes"), "{error}");
    // For users, too; and what isn't to be stored goes on.
    let options = PublishOptions::text().store_in_history(true);
    let (target, payload) = (user("bob"), text.clone().into());
    let waiter = lab.command("alice", Command::Publish { target, payload, options });
    assert_eq!(lab.published("alice", waiter).unwrap_err().code(), -11_036);
    let waiter = begin(&mut lab, "alice", &text, false);
    lab.answer("alice", waiter).unwrap();
    // Also for the next life.
    lab.restart_server();
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.run_until_link("alice", LinkState::Connected);
    assert_eq!(say(&mut lab, "alice", &text).unwrap_err().code(), -11_024);
}

#[test]
fn a_stored_message_is_heard_when_it_is_on_the_disk_and_in_order() {
    let mut lab = lab(11, 0.0, &["alice", "bob"]);
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    lab.with_server(|server, _| server.set_disk_delay(Duration::from_millis(500)));
    let stored = begin(&mut lab, "alice", "stored", true);
    let other = begin(&mut lab, "alice", "not stored", false);
    lab.run(Duration::from_millis(100));
    let is_answered = |lab: &Lab, waiter| lab.client("alice").answers.contains_key(&waiter);
    assert!(!is_answered(&lab, stored) && is_answered(&lab, other));
    assert!(lab.client("bob").heard(1).is_empty());
    lab.run(Duration::from_millis(500));
    assert!(is_answered(&lab, stored));
    assert_eq!(lab.client("bob").heard(1), ["alice 1: stored", "alice 2: not stored"]);
}

/// Bob, who is subscribed to the lobby as 1, is away while this happens, and back again.
fn without_bob(lab: &mut Lab, act: impl FnOnce(&mut Lab)) {
    lab.set_blackout("bob", true);
    lab.run(secs(45));
    act(lab);
    lab.set_blackout("bob", false);
    lab.run_until_link("bob", LinkState::Connected);
    lab.run(secs(2));
}

#[test]
fn who_comes_back_gets_what_was_stored_meanwhile_in_its_place() {
    for loss in [0.0, 0.2] {
        let mut lab = lab(11, loss, &["alice", "bob"]);
        lab.call("bob", subscribe("lobby", 1)).unwrap();
        say(&mut lab, "alice", "before").unwrap();
        without_bob(&mut lab, |lab| {
            for (text, store) in [("a", true), ("b", true), ("-", false), ("c", true), ("-", false)]
            {
                let waiter = begin(lab, "alice", text, store);
                lab.answer("alice", waiter).unwrap();
            }
        });
        say(&mut lab, "alice", "after").unwrap();
        lab.run(secs(2));
        let heard = [
            "alice 1: before",
            "alice 2: a",
            "alice 3: b",
            "gap of 1",
            "alice 5: c",
            "gap of 1",
            "alice 7: after",
        ];
        assert_eq!(lab.client("bob").heard(1), heard, "loss {loss}");
        lab.end(&["alice", "bob"]);
    }
}

#[test]
fn a_restart_of_the_server_loses_nothing_that_was_stored() {
    let mut lab = lab(11, 0.0, &["alice", "bob"]);
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    say(&mut lab, "alice", "a").unwrap();
    lab.run(secs(1));
    // Bob hears nothing of what is stored just before the server dies.
    lab.set_blackout("bob", true);
    say(&mut lab, "alice", "b").unwrap();
    lab.restart_server();
    lab.run_until_link("alice", LinkState::Disconnected);
    lab.run_until_link("alice", LinkState::Connected);
    say(&mut lab, "alice", "c").unwrap();
    lab.set_blackout("bob", false);
    lab.run(secs(60));
    let heard = lab.client("bob").heard(1);
    // Whether something else is missing at the end of the former life, nobody knows.
    assert_eq!(heard, ["alice 1: a", "alice 2: b", "gap of unknown size", "alice 1: c"]);
}

#[test]
fn what_is_published_while_somebody_catches_up_comes_behind_it() {
    for millis in [0, 100, 300, 450, 600] {
        let mut lab = lab(11, 0.0, &["alice", "bob"]);
        lab.call("bob", subscribe("lobby", 1)).unwrap();
        say(&mut lab, "alice", "a").unwrap();
        without_bob(&mut lab, |lab| {
            say(lab, "alice", "b").unwrap();
            lab.with_server(|server, _| server.set_disk_delay(Duration::from_millis(500)));
        });
        // Some time later the session is replaced again, and now something is under way.
        lab.with_server(|server, _| server.set_disk_delay(Duration::ZERO));
        lab.set_blackout("bob", true);
        lab.run(secs(45));
        lab.with_server(|server, _| server.set_disk_delay(Duration::from_millis(500)));
        lab.set_blackout("bob", false);
        let mut texts = vec!["a".to_owned(), "b".to_owned()];
        // One every 10 ms, stored or not, all the time while bob comes back.
        lab.run(Duration::from_millis(millis));
        for number in 0..300 {
            begin(&mut lab, "alice", &number.to_string(), number % 3 != 1);
            texts.push(number.to_string());
            lab.run(Duration::from_millis(10));
        }
        lab.run_until_link("bob", LinkState::Connected);
        lab.run(secs(5));
        // In order, each once; what is missing is named and wasn't stored.
        let heard = lab.client("bob").heard(1);
        let mut at = 0;
        for text in &heard {
            match text.strip_prefix("gap of ") {
                Some(count) => {
                    let missing = at..at + count.parse::<usize>().unwrap();
                    for number in missing.clone() {
                        let is_stored = number < 2 || (number - 2) % 3 != 1;
                        assert!(!is_stored, "{millis}: {} is missing: {heard:?}", texts[number]);
                    }
                    at = missing.end;
                }
                None => {
                    assert_eq!(*text, format!("alice {}: {}", at + 1, texts[at]), "{millis}");
                    at += 1;
                }
            }
        }
        assert_eq!(at, texts.len(), "{millis}");
    }
}

#[test]
fn of_very_much_the_newest_is_replayed() {
    let mut lab = lab(11, 0.0, &["alice", "bob"]);
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    without_bob(&mut lab, |lab| {
        for number in 1..=130 {
            say(lab, "alice", &number.to_string()).unwrap();
        }
    });
    let heard = lab.client("bob").heard(1);
    assert_eq!(heard[..2], ["gap of 30", "alice 31: 31"]);
    assert_eq!((heard.len(), &*heard[100]), (101, "alice 130: 130"));
}

#[test]
fn who_leaves_while_it_catches_up_is_answered_and_gone() {
    let mut lab = lab(11, 0.0, &["alice"]);
    say(&mut lab, "alice", "a").unwrap();
    say(&mut lab, "alice", "b").unwrap();
    lab.add_raw_user("bob", Config::default());
    lab.with_server(|server, _| server.set_disk_delay(Duration::from_millis(500)));
    begin(&mut lab, "alice", "c", true);
    lab.run(Duration::from_millis(30));
    let lobby = rtm_wire::ChannelRef { kind: ChannelKind::Message, name: "lobby" };
    lab.with_raw("bob", |raw, now| {
        let (epoch, sequence) = (rtm_wire::Epoch(1), rtm_wire::Sequence(1));
        let resume = Some(rtm_wire::Position { epoch, sequence });
        let options = rtm_wire::SubscribeOptions::default();
        raw.request(now, 1, rtm_wire::Subscribe { channel: lobby, options, resume });
        raw.request(now, 2, rtm_wire::Unsubscribe { channel: lobby });
    });
    lab.run(secs(2));
    assert_eq!((lab.raw("bob").codes(1).len(), lab.raw("bob").codes(2).len()), (1, 1));
    say(&mut lab, "alice", "d").unwrap();
    lab.run(secs(1));
    let messages = lab.raw("bob").got.iter().filter(|(_, it)| it[0] == 0x90).count();
    assert_eq!(messages, 0, "it has left");
}

#[test]
fn a_snapshot_that_comes_with_a_subscription_does_not_keep_it_from_catching_up() {
    let mut limits = AppLimits::open();
    limits.channel.storage_set_len = 1 << 20;
    let session = Config::server().send_queue(1 << 20, 1_000);
    let mut lab = Lab::build(11, link(), limits, session);
    lab.add_users(&["alice", "bob"]);
    let options = rtm_client::SubscribeOptions::new().metadata(true);
    let (channel, handle) = (name("lobby"), rtm_client::core::HandleId(1));
    lab.call("bob", Command::Subscribe { channel, options, handle }).unwrap();
    without_bob(&mut lab, |lab| {
        let value = "x".repeat(60_000);
        for number in 0..6 {
            let item = format!("{number}={value}");
            lab.call("alice", super::storage::set(super::storage::lobby(), &[&item])).unwrap();
        }
        say(lab, "alice", "hi").unwrap();
        lab.with_server(|server, _| server.set_disk_delay(Duration::from_millis(50)));
        begin(lab, "alice", "ho", true);
    });
    assert_eq!(lab.client("bob").heard(1), ["alice 1: hi", "alice 2: ho"]);
}

#[test]
fn who_is_subscribed_already_is_replayed_nothing_and_reads_have_a_rate() {
    let mut lab = Lab::new(0.0);
    lab.add_users(&["alice"]);
    for text in ["a", "b"] {
        say(&mut lab, "alice", text).unwrap();
    }
    lab.add_raw_user("bob", Config::default());
    let lobby = rtm_wire::ChannelRef { kind: ChannelKind::Message, name: "lobby" };
    let (epoch, sequence) = (rtm_wire::Epoch(1), rtm_wire::Sequence(1));
    lab.with_raw("bob", |raw, now| {
        let options = rtm_wire::SubscribeOptions::default();
        for (operation, resume) in [(1, None), (2, Some(rtm_wire::Position { epoch, sequence }))] {
            raw.request(now, operation, rtm_wire::Subscribe { channel: lobby, options, resume });
        }
    });
    lab.run(secs(1));
    assert_eq!(lab.raw("bob").codes(2).len(), 1);
    assert_eq!(lab.raw("bob").got.iter().filter(|(_, it)| it[0] == 0x90).count(), 0);
    lab.with_raw("bob", |raw, now| {
        for operation in 10..=210 {
            let (from, to) = (rtm_wire::Bound::Open, rtm_wire::Bound::Open);
            let get =
                rtm_wire::GetMessages { channel: lobby, oldest_first: false, limit: 1, from, to };
            raw.request(now, operation, get);
        }
    });
    lab.run(secs(2));
    let codes: Vec<_> = (10..=210).map(|operation| lab.raw("bob").codes(operation)[0].0).collect();
    assert_eq!(codes.iter().filter(|&&code| code == 0).count(), 200);
    assert_eq!(codes[200], 10_021);
}

#[test]
fn a_message_of_a_history_says_all_that_it_said_when_it_came() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    lab.call("bob", subscribe("lobby", 1)).unwrap();
    let stored = |options: PublishOptions, payload: &'static [u8]| Command::Publish {
        target: channel("lobby"),
        payload: payload.into(),
        options: options.store_in_history(true),
    };
    lab.call("alice", stored(PublishOptions::text().custom_type("note"), b"hi")).unwrap();
    lab.call("alice", stored(PublishOptions::new(), b"\x00\xff")).unwrap();
    lab.run(secs(1));
    let came = lab.client("bob").channels.iter().filter_map(|(_, event)| match event {
        ChannelEvent::Message(message) => Some(message.clone()),
        _ => None,
    });
    let came: Vec<_> = came.collect();
    let found = read(&mut lab, "bob", Some("lobby"), HistoryOptions::new().oldest_first(true));
    let found: Vec<_> = found.unwrap().messages.into_iter().map(|it| it.message).collect();
    assert_eq!(found, came);
    let [text, bytes] = &found[..] else { panic!("{found:?}") };
    assert_eq!((&*text.publisher, &*text.custom_type), ("alice", "note"));
    assert_eq!((text.message_type, &text.payload[..]), (MessageType::String, &b"hi"[..]));
    assert_eq!((bytes.message_type, &bytes.payload[..]), (MessageType::Binary, &b"\x00\xff"[..]));
    assert_eq!((&*bytes.custom_type, text.sequence, bytes.sequence), ("", 1, 2));
    assert!(text.time_ms > 0 && text.time_ms <= bytes.time_ms);
}
