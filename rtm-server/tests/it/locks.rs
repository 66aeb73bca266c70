//! Locks of channels: who gets them, what is told, and what they guard, between both real ends.

use std::time::Duration;

use rtm_client::core::{Answer, Command, HandleId, LockAct, WriteKind};
use rtm_client::{
    ChannelId, ErrorKind, JoinOptions, LockDetail, LockOptions, MetadataOptions, SubscribeOptions,
};
use rtm_server::AppLimits;
use rtm_session::Config;

use super::storage::{items, lobby, of_user, write};
use super::world::{Lab, join, leave, link, name, subscribe, unsubscribe};

/// Which channel's locks a test is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Lobby,
    Town,
}

impl At {
    pub(crate) fn id(self) -> ChannelId {
        match self {
            Self::Lobby => ChannelId::message("lobby").unwrap(),
            Self::Town => ChannelId::stream("town").unwrap(),
        }
    }

    /// Comes to the channel and hears of its locks, with handle 1.
    pub(crate) fn watch(self) -> Command {
        let options = SubscribeOptions::new().messages(false).presence(false).locks(true);
        let handle = HandleId(1);
        match self {
            Self::Lobby => Command::Subscribe { channel: name("lobby"), options, handle },
            Self::Town => {
                let options = JoinOptions::new().options(options);
                Command::Join { channel: name("town"), options, handle }
            }
        }
    }

    /// Comes to the channel, and hears nothing of its locks.
    pub(crate) fn come(self) -> Command {
        match self {
            Self::Lobby => subscribe("lobby", 1),
            Self::Town => join("town", 1),
        }
    }

    pub(crate) fn go(self) -> Command {
        match self {
            Self::Lobby => unsubscribe("lobby"),
            Self::Town => leave("town"),
        }
    }

    pub(crate) fn act(self, name: &str, act: LockAct) -> Command {
        Command::Lock { channel: self.id(), name: name.to_owned(), act }
    }

    pub(crate) fn set(self, name: &str) -> Command {
        self.act(name, LockAct::Set(LockOptions::new()))
    }

    pub(crate) fn set_for(self, name: &str, ttl_secs: u64) -> Command {
        let options = LockOptions::new().ttl(Duration::from_secs(ttl_secs));
        self.act(name, LockAct::Set(options))
    }

    pub(crate) fn remove(self, name: &str) -> Command {
        self.act(name, LockAct::Remove)
    }

    pub(crate) fn acquire(self, name: &str) -> Command {
        self.act(name, LockAct::Acquire { retry: false })
    }

    /// Acquires a lock, and waits for it.
    pub(crate) fn wait(self, name: &str) -> Command {
        self.act(name, LockAct::Acquire { retry: true })
    }

    pub(crate) fn release(self, name: &str) -> Command {
        self.act(name, LockAct::Release)
    }

    pub(crate) fn revoke(self, name: &str, owner: &str) -> Command {
        self.act(name, LockAct::Revoke { owner: owner.to_owned() })
    }

    /// All locks, in short.
    pub(crate) fn locks(self, lab: &mut Lab, user: &str) -> String {
        let locks = match lab.call(user, Command::GetLocks { channel: self.id() }).unwrap() {
            Answer::Locks(locks) => locks,
            other => panic!("{other:?}"),
        };
        let short = |lock: &LockDetail| {
            format!("{}={}/{}", lock.name, lock.owner.as_deref().unwrap_or_default(), lock.token)
        };
        locks.iter().map(short).collect::<Vec<_>>().join(" ")
    }
}

/// A world with open limits, in which these users are logged in.
pub(crate) fn lab(seed: u64, loss: f64, users: &[&str]) -> Lab {
    let mut lab = Lab::build(seed, link().loss(loss), AppLimits::open(), Config::server());
    lab.add_users(users);
    lab
}

/// The same, and all of them are in the channel and hear of its locks.
pub(crate) fn lab_at(at: At, loss: f64, users: &[&str]) -> Lab {
    let mut lab = lab(11, loss, users);
    for user in users {
        lab.call(user, at.watch()).unwrap();
    }
    lab
}

/// The token that an acquisition has given.
pub(crate) fn token(answer: Result<Answer, rtm_client::Error>) -> u64 {
    match answer.unwrap() {
        Answer::Acquired(own) => own.token,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn is_answered(lab: &Lab, user: &str, waiter: u64) -> bool {
    lab.client(user).answers.contains_key(&waiter)
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn each_operation_is_told_to_all_who_asked_in_one_sequence() {
    for at in [At::Lobby, At::Town] {
        let mut lab = lab(11, 0.1, &["alice", "bob", "carol"]);
        for user in ["alice", "bob"] {
            lab.call(user, at.watch()).unwrap();
        }
        lab.call("carol", at.come()).unwrap();
        assert_eq!(at.locks(&mut lab, "carol"), "");
        lab.call("alice", at.set("l")).unwrap();
        assert_eq!(at.locks(&mut lab, "carol"), "l=/0");
        assert_eq!(token(lab.call("alice", at.acquire("l"))), 1);
        assert_eq!(token(lab.call("alice", at.acquire("l"))), 1, "the same answer again");
        assert_eq!(lab.code("bob", at.acquire("l")), -14_007);
        assert_eq!(lab.code("bob", at.release("l")), -14_006);
        assert_eq!(lab.code("bob", at.revoke("l", "carol")), -14_006);
        assert_eq!(at.locks(&mut lab, "carol"), "l=alice/1");
        lab.call("bob", at.revoke("l", "alice")).unwrap();
        assert_eq!(lab.code("alice", at.release("l")), -14_006);
        assert_eq!(token(lab.call("bob", at.acquire("l"))), 2);
        lab.call("bob", at.release("l")).unwrap();
        lab.call("alice", at.remove("l")).unwrap();
        assert_eq!(at.locks(&mut lab, "carol"), "");
        lab.run(secs(2));
        let told = |fourth| {
            [
                "snapshot",
                "set by alice l=/0",
                "acquired by alice l=alice/1",
                fourth,
                "acquired by bob l=bob/2",
                "released by bob l=/2",
                "removed by alice l=/2",
            ]
        };
        assert_eq!(lab.client("alice").locked(1), told("expired by bob l=/1"), "{at:?}");
        assert_eq!(lab.client("bob").locked(1), told("released by bob l=/1"), "{at:?}");
        assert_eq!(lab.client("carol").locked(1), [""; 0], "who hasn't asked");
        // Made again, its tokens go on.
        lab.call("carol", at.set("l")).unwrap();
        assert_eq!(token(lab.call("carol", at.acquire("l"))), 3);
        lab.call("carol", at.remove("l")).unwrap();
        lab.end(&["alice", "bob", "carol"]);
    }
}

#[test]
fn who_comes_late_gets_all_locks_first_and_nothing_after_leaving() {
    for at in [At::Lobby, At::Town] {
        let mut lab = lab(11, 0.1, &["alice", "bob"]);
        lab.call("alice", at.come()).unwrap();
        for name in ["b", "a"] {
            lab.call("alice", at.set(name)).unwrap();
        }
        lab.call("alice", at.acquire("b")).unwrap();
        lab.call("bob", at.watch()).unwrap();
        lab.run(secs(1));
        assert_eq!(lab.client("bob").locked(1), ["snapshot a=/0 b=alice/1"]);
        lab.call("bob", at.go()).unwrap();
        lab.call("alice", at.release("b")).unwrap();
        lab.run(secs(1));
        assert_eq!(lab.client("bob").locked(1).len(), 1);
    }
}

#[test]
fn locks_outlive_everybody_in_the_channel() {
    let at = At::Lobby;
    let mut lab = lab_at(at, 0.0, &["alice", "bob"]);
    lab.call("alice", at.set("l")).unwrap();
    assert_eq!(token(lab.call("alice", at.acquire("l"))), 1);
    lab.call("alice", at.release("l")).unwrap();
    for user in ["alice", "bob"] {
        lab.call(user, at.go()).unwrap();
    }
    lab.run(secs(60));
    assert_eq!(at.locks(&mut lab, "bob"), "l=/1");
    lab.call("bob", at.watch()).unwrap();
    assert_eq!(token(lab.call("bob", at.acquire("l"))), 2);
}

#[test]
fn tokens_grow_though_every_lock_was_removed_and_nobody_heard_of_any() {
    let at = At::Lobby;
    let mut lab = lab(11, 0.0, &["alice"]);
    lab.call("alice", at.come()).unwrap();
    for life in 1..=3 {
        lab.call("alice", at.set("l")).unwrap();
        assert_eq!(token(lab.call("alice", at.acquire("l"))), life);
        lab.call("alice", at.remove("l")).unwrap();
        assert_eq!(at.locks(&mut lab, "alice"), "");
    }
}

#[test]
fn who_waits_longest_is_next() {
    for at in [At::Lobby, At::Town] {
        let mut lab = lab_at(at, 0.1, &["alice", "bob", "carol", "dave"]);
        lab.call("alice", at.set("l")).unwrap();
        assert_eq!(token(lab.call("alice", at.wait("l"))), 1, "at once");
        let mut waiters = Vec::new();
        for user in ["bob", "carol", "dave"] {
            waiters.push((user, lab.command(user, at.wait("l"))));
            lab.run(secs(2));
        }
        assert!(!waiters.iter().any(|(user, waiter)| is_answered(&lab, user, *waiter)));
        for again in [at.wait("l"), at.acquire("l")] {
            let error = lab.call("bob", again).unwrap_err();
            assert_eq!((error.code(), error.kind()), (-14_003, ErrorKind::Duplicate));
        }
        lab.call("alice", at.release("l")).unwrap();
        assert_eq!(token(lab.answer("bob", waiters[0].1)), 2);
        // Who leaves waits no more.
        lab.call("carol", at.go()).unwrap();
        assert_eq!(lab.answer("carol", waiters[1].1).unwrap_err().code(), -14_007);
        assert!(!is_answered(&lab, "dave", waiters[2].1));
        lab.call("alice", at.revoke("l", "bob")).unwrap();
        assert_eq!(token(lab.answer("dave", waiters[2].1)), 3);
        lab.run(secs(2));
        let told = lab.client("alice").locked(1);
        let wanted = ["released by alice l=/2", "acquired by dave l=dave/3"];
        assert_eq!(told[told.len() - 2..], wanted);
    }
}

#[test]
fn who_waits_for_a_lock_that_is_removed_is_refused() {
    let at = At::Lobby;
    let mut lab = lab_at(at, 0.1, &["alice", "bob", "carol"]);
    lab.call("alice", at.set("l")).unwrap();
    lab.call("alice", at.acquire("l")).unwrap();
    let waiter = lab.command("bob", at.wait("l"));
    lab.run(secs(2));
    lab.call("carol", at.remove("l")).unwrap();
    let error = lab.answer("bob", waiter).unwrap_err();
    assert_eq!((error.code(), error.kind()), (-14_008, ErrorKind::UnknownLock));
    assert_eq!(lab.code("alice", at.release("l")), -14_008);
}

#[test]
fn a_guarded_write_needs_the_lock_under_its_token() {
    let at = At::Lobby;
    let mut lab = lab_at(at, 0.1, &["alice", "bob"]);
    let any = || MetadataOptions::new().lock("l");
    let with = |token| MetadataOptions::new().lock_with_token("l", token);
    let put = |options| write(lobby(), WriteKind::Set, &items(&["a=1"]), options);
    assert_eq!(lab.code("alice", put(any())), -12_007, "there is none");
    lab.call("alice", at.set("l")).unwrap();
    assert_eq!(lab.code("alice", put(MetadataOptions::new().lock("m"))), -12_007);
    assert_eq!(lab.code("alice", put(any())), -12_008, "nobody has it");
    assert_eq!(token(lab.call("alice", at.acquire("l"))), 1);
    for (user, options, code) in [
        ("alice", any(), 0),
        ("alice", with(1), 0),
        ("alice", with(2), -12_008),
        ("bob", any(), -12_008),
        ("bob", with(1), -12_008),
        ("bob", MetadataOptions::new(), 0),
    ] {
        assert_eq!(lab.code(user, put(options.clone())), code, "{user} {options:?}");
    }
    for kind in [WriteKind::Update, WriteKind::Remove] {
        let command = |options| write(lobby(), kind, &items(&["a=1"]), options);
        assert_eq!(lab.code("bob", command(any())), -12_008);
        assert_eq!(lab.code("alice", command(any())), 0);
    }
    // Users have none, and a stream channel of any name has others.
    let elsewhere = |target| write(target, WriteKind::Set, &items(&["a=1"]), any());
    assert_eq!(lab.code("alice", elsewhere(of_user("alice"))), -12_007);
    assert_eq!(lab.code("alice", elsewhere(super::storage::town())), -12_007);
    // Who has left may not write under what it keeps.
    lab.call("alice", at.go()).unwrap();
    assert_eq!(lab.code("alice", put(any())), -12_008);
    lab.call("alice", at.watch()).unwrap();
    assert_eq!(lab.code("alice", put(with(1))), 0);
}

#[test]
fn an_old_token_is_refused_after_the_lock_has_gone_to_another() {
    for at in [At::Lobby, At::Town] {
        let target = match at {
            At::Lobby => lobby(),
            At::Town => super::storage::town(),
        };
        let mut lab = lab_at(at, 0.1, &["alice", "bob"]);
        let put = |token| {
            let options = MetadataOptions::new().lock_with_token("l", token);
            write(target.clone(), WriteKind::Set, &items(&["a=1"]), options)
        };
        lab.call("alice", at.set("l")).unwrap();
        assert_eq!(token(lab.call("alice", at.acquire("l"))), 1);
        assert_eq!(lab.code("alice", put(1)), 0);
        lab.call("bob", at.revoke("l", "alice")).unwrap();
        assert_eq!(token(lab.call("bob", at.acquire("l"))), 2);
        assert_eq!(lab.code("alice", put(1)), -12_008);
        assert_eq!(lab.code("alice", put(2)), -12_008, "another's token is of no use");
        assert_eq!(lab.code("bob", put(2)), 0);
        lab.call("bob", at.release("l")).unwrap();
        // Its own again, and yet what comes late under the former ownership is refused.
        assert_eq!(token(lab.call("alice", at.acquire("l"))), 3);
        let late = lab.call("alice", put(1)).unwrap_err();
        assert_eq!((late.code(), late.kind()), (-12_008, ErrorKind::LockNotOwned));
        assert_eq!(lab.code("alice", put(3)), 0);
    }
}

/// What one of several who want a lock does.
enum Doing {
    Nothing,
    Waits(u64),
    /// For so many more steps.
    Has(u32),
    Releases(u64),
}

#[test]
fn of_two_who_contend_at_a_loss_of_a_fifth_never_two_own_and_tokens_only_grow() {
    let at = At::Lobby;
    for seed in 0..4 {
        let users = ["alice", "bob"];
        let mut lab = lab(seed, 0.2, &["alice", "bob", "carol"]);
        for user in ["alice", "bob", "carol"] {
            lab.call(user, at.watch()).unwrap();
        }
        lab.call("carol", at.set("l")).unwrap();
        let mut doing = [Doing::Nothing, Doing::Nothing];
        let (mut last, mut turns) = (0, [0, 0]);
        for _ in 0..3_000 {
            for (index, user) in users.into_iter().enumerate() {
                let is_others = matches!(doing[1 - index], Doing::Has(_));
                doing[index] = match &doing[index] {
                    Doing::Nothing => Doing::Waits(lab.command(user, at.wait("l"))),
                    Doing::Waits(waiter) if is_answered(&lab, user, *waiter) => {
                        let token = token(lab.answer(user, *waiter));
                        assert!(!is_others, "seed {seed}: both own it");
                        assert!(token > last, "seed {seed}: {token} after {last}");
                        last = token;
                        turns[index] += 1;
                        Doing::Has(10)
                    }
                    Doing::Has(more @ 1..) => Doing::Has(more - 1),
                    Doing::Has(0) => Doing::Releases(lab.command(user, at.release("l"))),
                    Doing::Releases(waiter) if is_answered(&lab, user, *waiter) => {
                        lab.answer(user, *waiter).unwrap();
                        Doing::Nothing
                    }
                    _ => continue,
                };
            }
            lab.run(Duration::from_millis(20));
        }
        assert!(turns.iter().all(|turns| *turns >= 20), "seed {seed}: {turns:?}");
        lab.run(secs(5));
        // Who only listens has seen each ownership begin and end before the next one.
        let told = lab.client("carol").locked(1);
        let turns = told[2..].iter().filter(|it| !it.starts_with("set"));
        let mut former = (String::new(), 0);
        for (index, event) in turns.enumerate() {
            let (what, token) = event.rsplit_once('/').expect("a token");
            let token: u64 = token.parse().unwrap();
            let (change, _) = what.split_once(' ').unwrap();
            match index % 2 {
                0 => assert!(change == "acquired" && token > former.1, "{event} after {former:?}"),
                _ => assert!(change == "released" && token == former.1, "{event}, {former:?}"),
            }
            former = (change.to_owned(), token);
        }
        assert!(former.1 >= last);
    }
}
