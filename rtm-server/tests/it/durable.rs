//! What outlives the server, and that nobody is told of anything that doesn't; both real ends, and
//! a disk that takes its time.

use std::time::Duration;

use rtm_client::core::{Answer, Command, LockAct, WriteKind};
use rtm_client::{
    ChannelId, LinkState, LockOptions, MetadataItem, MetadataOptions, PublishOptions, Qos, Reached,
};
use rtm_server::AppLimits;
use rtm_session::Config;

use super::locks::{At, is_answered, lab, secs, token};
use super::storage::{
    follow, follow_user, get, items, lobby, major, of_user, remove, set, short, town, update, write,
};
use super::world::{
    Lab, channel, join, join_topic, link, open_inbox, publication, subscribe, subscribe_topic, user,
};

/// How long a commit takes where it matters; a message takes 20 ms each way.
const COMMIT: Duration = Duration::from_millis(500);
/// Longer than there and back, shorter than a commit.
const SOON: Duration = Duration::from_millis(100);

fn slow_disk(users: &[&str]) -> Lab {
    let mut lab = lab(11, 0.0, users);
    lab.with_server(|server, _| server.set_disk_delay(COMMIT));
    lab
}

/// Kills the server, which comes back at once; and so do these users.
fn kill(lab: &mut Lab, users: &[&str]) {
    let sessions = |lab: &Lab, user| {
        let links = &lab.client(user).links;
        links.iter().filter(|event| event.current == LinkState::Connected).count()
    };
    let before: Vec<_> = users.iter().map(|user| sessions(lab, user)).collect();
    lab.restart_server();
    while users.iter().zip(&before).any(|(user, before)| sessions(lab, user) == *before) {
        lab.run(Duration::from_millis(100));
    }
    // Until what was subscribed is so again.
    lab.run(secs(1));
}

/// Who was away is there again.
fn come_back(lab: &mut Lab, user: &str) {
    lab.set_blackout(user, false);
    lab.run(secs(20));
    lab.run_until_link(user, LinkState::Connected);
    lab.run(secs(1));
}

fn store(lab: &mut Lab, from: &str, to: &str, text: &str) -> u64 {
    let options = PublishOptions::text().store_in_history(true);
    let payload = text.to_owned().into();
    lab.command(from, Command::Publish { target: user(to), payload, options })
}

fn reached(lab: &mut Lab, from: &str, waiter: u64) -> (u64, Reached) {
    let published = lab.published(from, waiter).unwrap();
    (published.sequence, published.reached)
}

#[test]
fn nobody_is_told_of_a_write_before_it_is_on_the_disk() {
    let mut lab = slow_disk(&["alice", "bob", "carol"]);
    lab.call("bob", follow("lobby", 1)).unwrap();
    lab.call("bob", follow_user("alice", 2)).unwrap();
    lab.run(SOON);
    let written = lab.command("alice", set(lobby(), &["a=1"]));
    lab.command("alice", set(of_user("alice"), &["a=1"]));
    let refused = lab.command(
        "carol",
        write(
            lobby(),
            WriteKind::Set,
            &[MetadataItem::new("a", "2").revision(0)],
            MetadataOptions::new(),
        ),
    );
    let read = lab.command("bob", Command::ReadMetadata { target: lobby() });
    lab.run(SOON);
    // Not even that somebody else was quicker.
    for (user, waiter) in [("alice", written), ("carol", refused), ("bob", read)] {
        assert!(!is_answered(&lab, user, waiter), "{user}");
    }
    for handle in [1, 2] {
        assert_eq!(lab.client("bob").stored(handle), ["snapshot 0"]);
    }
    lab.run(2 * COMMIT);
    for (user, waiter) in [("alice", written), ("carol", refused), ("bob", read)] {
        assert!(is_answered(&lab, user, waiter), "{user}");
    }
    assert_eq!(lab.answer("carol", refused).unwrap_err().code(), -12_014);
    for handle in [1, 2] {
        assert_eq!(lab.client("bob").stored(handle), ["snapshot 0", "set 1 by alice a=1"]);
    }
}

#[test]
fn each_answer_that_tells_of_what_is_kept_waits_and_no_other() {
    let at = At::Lobby;
    let mut lab = lab(11, 0.0, &["alice", "bob"]);
    lab.call("alice", at.watch()).unwrap();
    for target in [lobby(), of_user("alice")] {
        lab.call("alice", set(target, &["a=1", "b=1"])).unwrap();
    }
    for name in ["l", "m"] {
        lab.call("alice", at.set(name)).unwrap();
    }
    lab.call("alice", at.acquire("m")).unwrap();
    lab.with_server(|server, _| server.set_disk_delay(COMMIT));
    let changes = [
        set(lobby(), &["a=2"]),
        update(lobby(), &["a=3"]),
        remove(lobby(), &["b"]),
        at.acquire("l"),
        at.release("l"),
        at.revoke("m", "alice"),
        at.remove("m"),
        at.set("n"),
    ];
    let tell = [
        (Command::ReadMetadata { target: lobby() }, true),
        (Command::GetLocks { channel: at.id() }, true),
        (Command::ReadMetadata { target: of_user("alice") }, false),
        (Command::UserChannels { user: "bob".to_owned() }, false),
    ];
    for (change, (tell, tells)) in changes.into_iter().zip(tell.into_iter().cycle()) {
        let changed = lab.command("alice", change.clone());
        lab.run(Duration::from_millis(25));
        let asked = lab.command("bob", tell.clone());
        lab.run(SOON);
        assert!(!is_answered(&lab, "alice", changed), "{change:?}");
        assert_eq!(is_answered(&lab, "bob", asked), !tells, "{tell:?} after {change:?}");
        lab.run(COMMIT);
        assert!(lab.answer("alice", changed).is_ok(), "{change:?}");
        assert!(is_answered(&lab, "bob", asked), "{tell:?} after {change:?}");
    }
}

#[test]
fn a_set_that_is_not_there_tells_no_floor_that_is_not_kept() {
    let mut lab = lab(11, 0.0, &["alice", "bob"]);
    lab.call("alice", set(lobby(), &["a=1"])).unwrap();
    lab.with_server(|server, _| server.set_disk_delay(COMMIT));
    lab.command("alice", remove(lobby(), &[]));
    lab.run(Duration::from_millis(25));
    let read = lab.command("bob", Command::ReadMetadata { target: town() });
    lab.command("bob", follow_user("bob", 7));
    lab.run(SOON);
    assert!(!is_answered(&lab, "bob", read));
    assert!(lab.client("bob").stored(7).is_empty());
    // It waits in the next commit.
    lab.run(2 * COMMIT);
    assert!(is_answered(&lab, "bob", read));
    assert_eq!(lab.client("bob").stored(7), ["snapshot 2"]);
    let other = lab.command("bob", Command::ReadMetadata { target: town() });
    lab.run(SOON);
    assert!(is_answered(&lab, "bob", other), "all is kept");
}

#[test]
fn what_came_too_late_for_a_commit_waits_for_the_next() {
    let mut lab = slow_disk(&["alice", "bob"]);
    let first = lab.command("alice", set(lobby(), &["a=1"]));
    lab.run(SOON);
    let others: Vec<_> =
        (0..5).map(|n| lab.command("bob", set(lobby(), &[&format!("b={n}")]))).collect();
    lab.run(COMMIT);
    assert!(is_answered(&lab, "alice", first));
    let read = lab.command("alice", Command::ReadMetadata { target: lobby() });
    lab.run(SOON);
    assert!(others.iter().all(|&waiter| !is_answered(&lab, "bob", waiter)));
    assert!(!is_answered(&lab, "alice", read), "nor what tells of it");
    lab.run(COMMIT);
    assert!(others.iter().all(|&waiter| is_answered(&lab, "bob", waiter)), "in one commit");
    assert!(is_answered(&lab, "alice", read));
}

#[test]
fn topics_other_channels_and_what_is_not_kept_wait_for_no_disk() {
    let mut lab = slow_disk(&["alice", "bob"]);
    lab.call("bob", join("town", 1)).unwrap();
    lab.call("alice", join("town", 1)).unwrap();
    lab.call("alice", join_topic("town", "cars", 2, Qos::Ordered)).unwrap();
    lab.call("bob", subscribe_topic("town", "cars", &[], 2)).unwrap();
    lab.call("bob", subscribe("garden", 3)).unwrap();
    lab.call("bob", subscribe("lobby", 4)).unwrap();
    for target in [town(), lobby()] {
        lab.command("alice", set(target, &["a=1"]));
    }
    lab.run(SOON);
    for target in [publication(2), channel("garden"), channel("lobby")] {
        lab.publish("alice", target, "hi");
    }
    let other = lab.command("bob", Command::ReadMetadata { target: of_user("bob") });
    lab.run(SOON);
    assert_eq!(lab.client("bob").heard_topic(2), ["alice 1: hi"]);
    assert_eq!(lab.client("bob").heard(3), ["alice 1: hi"]);
    assert!(is_answered(&lab, "bob", other));
    // On the lane of what is being kept, order stays.
    assert!(lab.client("bob").heard(4).is_empty());
    // The first set has begun a commit of its own.
    lab.run(2 * COMMIT);
    assert_eq!(lab.client("bob").heard(4), ["alice 1: hi"]);
}

#[test]
fn what_was_not_on_the_disk_when_the_server_died_never_was_and_nobody_was_told() {
    // The write arrives after 20 ms and is committed 500 ms later, the others 500 ms after that.
    for moment in [25, 250, 500, 530, 1_000, 1_030, 1_300] {
        let mut lab = slow_disk(&["alice", "bob"]);
        lab.call("bob", follow("lobby", 1)).unwrap();
        lab.run(SOON);
        let set = lab.command("alice", set(lobby(), &["a=1"]));
        let lock = lab.command("bob", At::Lobby.set("l"));
        let letter = store(&mut lab, "alice", "bob", "hi");
        lab.run(Duration::from_millis(moment));
        lab.restart_server();
        // What was sent before arrives.
        lab.run(SOON);
        let events = lab.client("bob").stored(1).len();
        for user in ["alice", "bob"] {
            come_back(&mut lab, user);
        }
        let (first, second) = (moment > 520, moment > 1_020);
        assert_eq!(lab.answer("alice", set).is_ok(), first, "{moment}");
        assert_eq!(events == 2, first, "{moment}");
        let now = short(&get(&mut lab, "bob", lobby()));
        assert_eq!(now, if first { "1 a=1@1" } else { "0" }, "{moment}");
        assert_eq!(lab.answer("bob", lock).is_ok(), second, "{moment}");
        let locks = At::Lobby.locks(&mut lab, "bob");
        assert_eq!(locks, if second { "l=/0" } else { "" }, "{moment}");
        // Its client has sent it again, if it wasn't there.
        lab.run(secs(2));
        assert!(lab.answer("alice", letter).is_ok(), "{moment}");
        lab.call("bob", open_inbox(2)).unwrap();
        lab.run(secs(2));
        assert_eq!(lab.client("bob").heard(2).len(), 1, "{moment}");
    }
}

#[test]
fn revisions_authors_and_times_go_on_after_a_restart_and_none_comes_twice() {
    let mut lab = lab(11, 0.0, &["alice"]);
    let both = MetadataOptions::new().record_author(true).record_time(true);
    lab.call("alice", write(lobby(), WriteKind::Set, &items(&["a=1", "b=2"]), both)).unwrap();
    lab.call("alice", remove(lobby(), &["b"])).unwrap();
    lab.call("alice", set(town(), &["x=1"])).unwrap();
    let before = get(&mut lab, "alice", lobby());
    assert_eq!(short(&before), "2 a=1@1");
    assert_eq!(before.items[0].author.as_deref(), Some("alice"));
    for _ in 0..2 {
        kill(&mut lab, &["alice"]);
        assert_eq!(get(&mut lab, "alice", lobby()), before);
    }
    // Who has read it before the restart may write.
    let item = [MetadataItem::new("a", "3").revision(1)];
    let write_if =
        write(lobby(), WriteKind::Update, &item, MetadataOptions::new().major_revision(2));
    assert_eq!(major(&mut lab, "alice", write_if), 3);
    // What was removed stays so, and its revisions are not given again.
    lab.call("alice", remove(lobby(), &[])).unwrap();
    kill(&mut lab, &["alice"]);
    assert_eq!(major(&mut lab, "alice", set(lobby(), &["a=1"])), 5);
    assert_eq!(short(&get(&mut lab, "alice", town())), "1 x=1@1");
}

#[test]
fn what_an_app_holds_counts_after_a_restart_too() {
    let mut limits = AppLimits::hosted();
    (limits.channel.storage_sets, limits.channel.locks_of_app) = (2, 2);
    let mut lab = Lab::build(11, link(), limits, Config::server());
    lab.add_users(&["alice"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    for target in [lobby(), town()] {
        lab.call("alice", set(target, &["a=1"])).unwrap();
    }
    for lock in ["k", "l"] {
        lab.call("alice", At::Lobby.set(lock)).unwrap();
    }
    kill(&mut lab, &["alice"]);
    assert_eq!(lab.code("alice", set(of_user("alice"), &["a=1"])), -12_002);
    assert_eq!(lab.code("alice", At::Lobby.set("m")), -14_001);
    lab.call("alice", remove(town(), &[])).unwrap();
    lab.call("alice", At::Lobby.remove("k")).unwrap();
    lab.call("alice", set(of_user("alice"), &["a=1"])).unwrap();
    lab.call("alice", At::Lobby.set("m")).unwrap();
}

#[test]
fn an_owner_has_its_ttl_from_the_restart_on_to_come_back() {
    for at in [At::Lobby, At::Town] {
        let mut lab = lab(11, 0.0, &["alice", "bob"]);
        for user in ["alice", "bob"] {
            lab.call(user, at.watch()).unwrap();
        }
        for name in ["l", "m", "gone"] {
            lab.call("alice", at.set_for(name, 60)).unwrap();
        }
        assert_eq!(token(lab.call("alice", at.acquire("l"))), 1);
        assert_eq!(token(lab.call("bob", at.acquire("m"))), 2);
        assert_eq!(token(lab.call("bob", at.acquire("gone"))), 3);
        lab.call("bob", at.remove("gone")).unwrap();
        // Where nobody comes back to, it ends as well.
        let other = ChannelId::message("other").unwrap();
        let act = |act| Command::Lock { channel: other.clone(), name: "l".to_owned(), act };
        lab.call("bob", subscribe("other", 2)).unwrap();
        let ttl = LockOptions::new().ttl(secs(60));
        lab.call("bob", act(LockAct::Set(ttl))).unwrap();
        lab.call("bob", act(LockAct::Acquire { retry: false })).unwrap();
        // Bob is away for longer than the TTL.
        lab.set_blackout("bob", true);
        kill(&mut lab, &["alice"]);
        assert_eq!(at.locks(&mut lab, "alice"), "l=alice/1 m=bob/2");
        let waiter = lab.command("alice", at.wait("m"));
        lab.run(secs(40));
        assert!(!is_answered(&lab, "alice", waiter), "bob has his time");
        lab.run(secs(30));
        assert_eq!(token(lab.answer("alice", waiter)), 4, "over that of what was removed");
        let locks = lab.call("alice", Command::GetLocks { channel: other.clone() }).unwrap();
        let Answer::Locks(locks) = locks else { panic!("{locks:?}") };
        assert_eq!(locks[0].owner, None);
        come_back(&mut lab, "bob");
        // Alice was there all along, and her session stands for her.
        let guarded = MetadataOptions::new().lock_with_token("l", 1);
        let target = match at {
            At::Lobby => lobby(),
            At::Town => town(),
        };
        lab.call("alice", write(target, WriteKind::Set, &items(&["a=1"]), guarded)).unwrap();
        lab.call("alice", at.release("l")).unwrap();
        assert_eq!(at.locks(&mut lab, "bob"), "l=/1 m=alice/4");
        kill(&mut lab, &["alice", "bob"]);
        assert_eq!(at.locks(&mut lab, "bob"), "l=/1 m=alice/4");
        assert_eq!(token(lab.call("bob", at.acquire("l"))), 5);
    }
}

#[test]
fn what_waits_for_a_user_comes_after_a_restart_as_if_nothing_had_been() {
    let mut lab = lab(11, 0.0, &["alice", "bob"]);
    let mut expected = Vec::new();
    for index in 1..=30 {
        let waiter = store(&mut lab, "alice", "bob", &index.to_string());
        assert_eq!(reached(&mut lab, "alice", waiter), (index, Reached::Stored));
        expected.push(format!("alice {index}: {index}"));
        if index % 10 == 0 {
            kill(&mut lab, &["alice"]);
        }
    }
    come_back(&mut lab, "bob");
    lab.call("bob", open_inbox(1)).unwrap();
    lab.run(secs(3));
    // In one sequence, without a gap: nobody can have missed anything.
    assert_eq!(lab.client("bob").heard(1), expected);
    // What was received doesn't come again, to nobody.
    lab.call("bob", Command::Logout).unwrap();
    kill(&mut lab, &["alice"]);
    lab.add("bob's other", super::server::OPEN_APP, "bob");
    lab.log_in("bob's other");
    lab.call("bob's other", open_inbox(1)).unwrap();
    lab.run(secs(3));
    assert!(lab.client("bob's other").heard(1).is_empty());
}

#[test]
fn who_reads_when_the_server_dies_is_told_that_something_may_be_missing_and_gets_what_was_kept() {
    let mut lab = lab(11, 0.0, &["alice", "bob"]);
    lab.call("bob", open_inbox(1)).unwrap();
    lab.run(SOON);
    let waiter = lab.publish("alice", user("bob"), "a");
    lab.published("alice", waiter).unwrap();
    // On their way when the server dies; one is stored.
    lab.set_blackout("bob", true);
    store(&mut lab, "alice", "bob", "kept");
    lab.publish("alice", user("bob"), "not kept");
    lab.run(SOON);
    kill(&mut lab, &["alice"]);
    let waiter = store(&mut lab, "alice", "bob", "later");
    assert_eq!(reached(&mut lab, "alice", waiter), (1, Reached::Stored));
    come_back(&mut lab, "bob");
    let expected = ["alice 1: a", "alice 2: kept", "gap of unknown size", "alice 1: later"];
    assert_eq!(lab.client("bob").heard(1), expected);
    // All of it is received now, which the next life knows.
    kill(&mut lab, &["alice", "bob"]);
    let waiter = store(&mut lab, "alice", "bob", "last");
    assert_eq!(reached(&mut lab, "alice", waiter), (1, Reached::Received));
    assert_eq!(lab.client("bob").heard(1)[4..], ["gap of unknown size", "alice 1: last"]);
}

#[test]
fn what_waits_for_too_long_ends_also_while_the_server_is_away() {
    let mut lab = lab(11, 0.0, &["alice", "bob"]);
    let days = |days: u64| secs(days * 86_400);
    let days_max = AppLimits::open().channel.inbox_days as u64;
    let waiter = store(&mut lab, "alice", "bob", "early");
    lab.answer("alice", waiter).unwrap();
    lab.run(days(days_max - 1));
    let waiter = store(&mut lab, "alice", "bob", "late");
    lab.answer("alice", waiter).unwrap();
    kill(&mut lab, &["alice"]);
    lab.run(days(1) + secs(10));
    come_back(&mut lab, "bob");
    lab.call("bob", open_inbox(1)).unwrap();
    lab.run(secs(2));
    assert_eq!(lab.client("bob").heard(1), ["alice 2: late"]);
}

#[test]
fn an_orderly_end_waits_for_the_disk() {
    let mut lab = slow_disk(&["alice", "bob"]);
    let waiter = lab.command("alice", set(lobby(), &["a=1"]));
    lab.run(Duration::from_millis(25));
    lab.shut_down();
    lab.run(secs(4));
    assert!(lab.server().core.is_finished());
    assert!(lab.answer("alice", waiter).is_ok());
}

#[test]
fn what_would_wait_is_refused_when_enough_waits_and_everything_else_goes_on() {
    let mut limits = AppLimits::open();
    limits.channel.inbox_bytes = 1 << 30;
    limits.channel.inbox_messages = 1 << 20;
    let mut lab = Lab::build(11, link(), limits, Config::server());
    lab.add_users(&["alice", "bob"]);
    lab.call("alice", subscribe("lobby", 1)).unwrap();
    lab.call("bob", subscribe("garden", 1)).unwrap();
    lab.with_server(|server, _| server.set_disk_delay(secs(3_600)));
    lab.command("alice", set(lobby(), &["a=1"]));
    // The disk stands still, and messages pile up: 64 MiB of them, each a change.
    let text = "x".repeat(60_000);
    let mut waiters = Vec::new();
    for _ in 0..1_300 {
        waiters.push(store(&mut lab, "alice", "bob", &text));
        lab.run(Duration::from_millis(100));
    }
    let refused = waiters.iter().filter(|&&waiter| is_answered(&lab, "alice", waiter)).count();
    assert!((50..400).contains(&refused), "{refused}");
    let last = *waiters.last().unwrap();
    assert_eq!(lab.answer("alice", last).unwrap_err().code(), -11_024);
    let commands = [
        (set(town(), &["a=1"]), -12_001),
        (Command::ReadMetadata { target: lobby() }, -12_001),
        (At::Lobby.set("l"), -14_001),
        (super::world::publish(channel("lobby"), b"hi"), -11_024),
        (subscribe("garden", 2), 0),
        (super::world::publish(channel("garden"), b"hi"), 0),
    ];
    for (command, code) in commands {
        assert_eq!(lab.code("alice", command), code);
    }
    lab.run(SOON);
    assert_eq!(lab.client("bob").heard(1), ["alice 1: hi"]);
}

#[test]
fn a_wait_for_a_lock_ends_with_the_server_and_the_lock_stays_its_owners() {
    let at = At::Lobby;
    let mut lab = super::locks::lab_at(at, 0.0, &["alice", "bob"]);
    lab.call("alice", at.set("l")).unwrap();
    assert_eq!(token(lab.call("alice", at.acquire("l"))), 1);
    let waiter = lab.command("bob", at.wait("l"));
    lab.run(SOON);
    kill(&mut lab, &["alice", "bob"]);
    assert!(lab.answer("bob", waiter).is_err());
    lab.call("alice", at.release("l")).unwrap();
    assert_eq!(at.locks(&mut lab, "bob"), "l=/1");
    assert!(matches!(lab.call("bob", at.acquire("l")), Ok(Answer::Acquired(_))));
}
