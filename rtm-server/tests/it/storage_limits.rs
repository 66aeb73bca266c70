//! What metadata may have, at each limit and one beyond, and what is refused by which number.

use std::time::Duration;

use rtm_client::core::{Answer, Command, MetadataTarget, WriteKind};
use rtm_client::{MetadataItem, MetadataOptions};
use rtm_server::AppLimits;
use rtm_session::Config;

use super::storage::{
    follow, follow_user, items, lobby, major, of_user, remove, set, town, unfollow_user, update,
    write,
};
use super::world::{Lab, link};

/// A world with these limits, and alice in it.
fn lab(adjust: impl FnOnce(&mut AppLimits)) -> Lab {
    let mut limits = AppLimits::open();
    adjust(&mut limits);
    let mut lab = Lab::build(11, link(), limits, Config::server());
    lab.add_users(&["alice", "bob"]);
    lab
}

/// Sends writes one after the other, and compares their numbers.
fn check(lab: &mut Lab, cases: impl IntoIterator<Item = (Command, i32)>) {
    for (index, (command, code)) in cases.into_iter().enumerate() {
        let text = format!("{index}: {command:?}");
        assert_eq!(lab.code("alice", command), code, "{text}");
    }
}

fn at(kind: WriteKind, item: MetadataItem, options: MetadataOptions) -> Command {
    write(lobby(), kind, &[item], options)
}

#[test]
fn keys_values_items_and_bytes_of_one_set() {
    let mut lab = lab(|limits| {
        limits.channel.storage_key_len = 4;
        limits.channel.storage_value_len = 8;
        limits.channel.storage_set_len = 20;
        limits.channel.storage_items = 3;
    });
    for target in [lobby(), town(), of_user("bob")] {
        let set = |text: &[&str]| set(target.clone(), text);
        let cases = [
            (set(&["keyA=1"]), 0),
            (set(&["key_A=1"]), -12_011),
            (set(&["=1"]), -12_009),
            (set(&["\u{e4}=1"]), -12_009),
            (set(&["a\tb=1"]), -12_009),
            (set(&["a b=1"]), 0),
            (set(&["keyA=12345678"]), 0),
            (set(&["keyA=123456789"]), -12_012),
            // 4 + 8, 3 + 1, and 4 more.
            (set(&["c=123"]), 0),
            (set(&["c=1234"]), -12_006),
            (set(&["d=1"]), -12_002),
            (set(&["a=1", "a=2"]), -12_013),
            (set(&[]), -12_003),
            (update(target.clone(), &[]), -12_003),
            (update(target.clone(), &["d=1"]), -12_014),
            (remove(target.clone(), &["c", "c"]), -12_013),
            (remove(target.clone(), &["d"]), -12_014),
            (remove(target.clone(), &["c"]), 0),
            (set(&["d=123"]), 0),
            (remove(target.clone(), &[]), 0),
            (remove(target.clone(), &[]), -12_014),
        ];
        check(&mut lab, cases);
    }
}

#[test]
fn what_the_wire_does_not_carry_is_refused_by_the_same_numbers() {
    let mut lab = lab(|_| {});
    let (long_key, long_value) = ("k".repeat(256), vec![0; 65_537]);
    let set = |item| at(WriteKind::Set, item, MetadataOptions::new());
    let many: Vec<_> = (0..4_097).map(|number| MetadataItem::named(number.to_string())).collect();
    let cases = [
        (set(MetadataItem::named(&long_key[..255])), 0),
        (set(MetadataItem::named(long_key)), -12_011),
        (set(MetadataItem::new("k", long_value)), -12_012),
        (write(lobby(), WriteKind::Set, &many, MetadataOptions::new()), -12_002),
        (set(MetadataItem::named("k").revision(-2)), -12_005),
        (set(MetadataItem::named("k").revision(i64::MAX)), -12_005),
    ];
    check(&mut lab, cases);
}

#[test]
fn revisions_of_set_and_item_are_compared() {
    let mut lab = lab(|_| {});
    let item = || MetadataItem::new("a", "1");
    let major = |number| MetadataOptions::new().major_revision(number);
    let any = MetadataOptions::new;
    let (set, update, remove) = (WriteKind::Set, WriteKind::Update, WriteKind::Remove);
    let cases = [
        (at(set, item(), major(7)), -12_014),
        (at(set, item().revision(7), any()), -12_014),
        (at(set, item().revision(0), major(0)), 0),
        (at(set, item(), major(0)), -12_014),
        (at(set, item().revision(0), any()), -12_014),
        (at(set, item().revision(1), major(1)), 0),
        (at(set, item().revision(1), any()), -12_014),
        (at(set, item(), major(1)), -12_014),
        (at(update, item().revision(0), any()), -12_005),
        (at(update, item(), major(0)), -12_005),
        (at(update, item().revision(2), major(2)), 0),
        (at(remove, item().revision(0), any()), -12_005),
        (at(remove, item().revision(2), any()), -12_014),
        (at(remove, item().revision(3), major(3)), 0),
        // It is away, and at its last revision all the same.
        (at(set, item().revision(3), any()), -12_014),
        (at(set, item().revision(0), major(4)), 0),
    ];
    check(&mut lab, cases);
}

#[test]
fn a_lock_that_is_not_there_guards_nothing() {
    let mut lab = lab(|_| {});
    let item = || MetadataItem::new("a", "1");
    let options = [
        MetadataOptions::new().lock("editor"),
        MetadataOptions::new().lock_with_token("editor", 3),
        // A token without a lock, and a name that is too long for the wire.
        MetadataOptions::new().lock_with_token("", 3),
        MetadataOptions::new().lock("l".repeat(256)),
    ];
    for options in options {
        for target in [lobby(), town(), of_user("alice")] {
            for kind in [WriteKind::Set, WriteKind::Update, WriteKind::Remove] {
                let command = write(target.clone(), kind, &[item()], options.clone());
                assert_eq!(lab.code("alice", command), -12_007, "{options:?} {target:?}");
            }
        }
    }
    assert_eq!(major(&mut lab, "alice", set(lobby(), &["a=1"])), 1, "nothing was written");
}

#[test]
fn twenty_writes_and_two_hundred_reads_a_second() {
    let mut lab = Lab::with_users(0.0, &["alice", "bob"]);
    for _ in 0..2 {
        let write = |lab: &mut Lab, number| match number % 3 {
            0 => lab.command("alice", set(lobby(), &["a=1"])),
            1 => lab.command("alice", update(lobby(), &["a=2"])),
            _ => lab.command("alice", set(of_user("alice"), &["a=1"])),
        };
        let waiters: Vec<_> = (0..21).map(|number| write(&mut lab, number)).collect();
        let codes = waiters
            .into_iter()
            .map(|waiter| lab.answer("alice", waiter).map_or_else(|error| error.code(), |_| 0));
        let refused: Vec<_> = codes.filter(|code| *code != 0).collect();
        assert_eq!(refused, [-10_021]);
        let read = Command::ReadMetadata { target: lobby() };
        let reads: Vec<_> = (0..201).map(|_| lab.command("alice", read.clone())).collect();
        let results = reads.into_iter().map(|waiter| lab.answer("alice", waiter));
        let codes: Vec<_> = results.filter_map(|it| it.err().map(|it| it.code())).collect();
        assert_eq!(codes, [-10_021]);
        assert_eq!(lab.code("bob", set(lobby(), &["b=1"])), 0, "it is for each client");
        lab.run(Duration::from_secs(1));
    }
}

#[test]
fn so_many_users_and_not_one_more() {
    let mut lab = lab(|limits| limits.channel.storage_user_subscriptions = 2);
    // Channels are not counted.
    lab.call("alice", follow("lobby", 10)).unwrap();
    assert_eq!(lab.code("alice", follow_user("a", 1)), 0);
    assert_eq!(lab.code("alice", follow_user("b", 2)), 0);
    assert_eq!(lab.code("alice", follow_user("c", 3)), -12_017);
    assert_eq!(lab.code("bob", follow_user("c", 3)), 0, "it is for each client");
    lab.call("alice", unfollow_user("a")).unwrap();
    assert_eq!(lab.code("alice", follow_user("c", 4)), 0);
    assert_eq!(lab.code("alice", follow_user("a", 5)), -12_017);
}

#[test]
fn so_many_sets_of_one_app_and_not_one_more() {
    let mut lab = lab(|limits| limits.channel.storage_sets = 2);
    // Those that are only listened to, or read, are not counted.
    for handle in 0..5 {
        lab.call("alice", follow_user(&format!("u{handle}"), handle)).unwrap();
        let target = of_user(&format!("v{handle}"));
        lab.call("alice", Command::ReadMetadata { target }).unwrap();
    }
    let cases = [
        (set(lobby(), &["a=1"]), 0),
        (set(of_user("bob"), &["a=1"]), 0),
        (set(town(), &["a=1"]), -12_002),
        (update(town(), &["a=1"]), -12_014),
        (set(lobby(), &["b=1"]), 0),
        (remove(lobby(), &["b"]), 0),
        (set(town(), &["a=1"]), -12_002),
        (remove(lobby(), &["a"]), 0),
        (set(town(), &["a=1"]), 0),
        (set(lobby(), &["a=1"]), -12_002),
    ];
    check(&mut lab, cases);
}

#[test]
fn so_many_bytes_of_one_app_and_not_one_more() {
    // Two sets, of one item each: 512 and 192 bytes, key and value.
    let mut lab = lab(|limits| limits.channel.storage_bytes = 2 * (512 + 192 + 2));
    let cases = [
        (set(lobby(), &["a=1"]), 0),
        (set(town(), &["a=12"]), -12_006),
        (set(town(), &["a=1"]), 0),
        (set(town(), &["a=2"]), 0),
        (set(town(), &["a=23"]), -12_006),
        (set(lobby(), &["b="]), -12_006),
        (set(of_user("bob"), &["a="]), -12_006),
        (update(lobby(), &["a="]), 0),
        (set(town(), &["a=23"]), 0),
        (remove(lobby(), &[]), 0),
        (set(of_user("bob"), &["a="]), 0),
    ];
    check(&mut lab, cases);
}

#[test]
fn pages_are_as_long_as_is_allowed() {
    let mut lab = lab(|limits| limits.channel.storage_page = 3);
    let all = ["a=1", "b=2", "c=3", "d=4", "e=5"];
    lab.call("alice", set(lobby(), &all)).unwrap();
    let page = |lab: &mut Lab, limit, after: &str| {
        let (target, after): (MetadataTarget, _) = (lobby(), after.to_owned());
        let command = Command::ReadMetadataPage { target, limit, after };
        let Answer::MetadataPage(page) = lab.call("bob", command).unwrap() else { panic!() };
        assert_eq!((page.major_revision, page.total), (1, 5));
        let keys: String = page.items.iter().map(|item| item.key.as_str()).collect();
        (keys, page.next.unwrap_or_default())
    };
    let expected = |keys: &str, next: &str| (keys.to_owned(), next.to_owned());
    assert_eq!(page(&mut lab, 0, ""), expected("abc", "c"));
    assert_eq!(page(&mut lab, 0, "c"), expected("de", ""));
    assert_eq!(page(&mut lab, 1, ""), expected("a", "a"));
    assert_eq!(page(&mut lab, 3, "b"), expected("cde", ""));
    assert_eq!(page(&mut lab, 100, ""), expected("abc", "c"));
    assert_eq!(page(&mut lab, 100, "bb"), expected("cde", ""), "a key that isn't there");
    assert_eq!(page(&mut lab, 0, "e"), expected("", ""));
    let (target, after) = (lobby(), "k".repeat(256));
    let beyond = Command::ReadMetadataPage { target, limit: 0, after };
    assert_eq!(lab.code("bob", beyond), -12_011);
    assert_eq!(items(&["a=b=c"])[0].value, "b=c");
}
