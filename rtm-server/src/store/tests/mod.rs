//! What every store has to do, and what only the one on the disk can.

mod power;

use proptest::prelude::*;
use rtm_channel::{
    AppId, ChannelKey, ChannelName, KeptInbox, KeptLetter, KeptLock, LockName, UserId,
};
use rtm_wire::{ChannelKind, Epoch, LockToken, Position, Published, Revision, Sequence, UnixTime};

use super::*;

/// What fails becomes a test by hand.
fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { cases: count, failure_persistence: None, ..ProptestConfig::default() }
}

fn app(name: &str) -> AppId {
    AppId::new(name).expect("a name")
}

/// Names of which one is another's beginning, and ends where ranges do.
fn key() -> impl Strategy<Value = ChannelKey> {
    let kinds = [ChannelKind::Message, ChannelKind::Stream, ChannelKind::User];
    let names = ["a", "a ", "a~", "b"];
    (prop::sample::select(vec!["p", "pp"]), prop::sample::select(kinds.to_vec()), 0..4_usize)
        .prop_map(move |(id, kind, name)| {
            let name = ChannelName::new(names[name]).expect("a name");
            ChannelKey { app: app(id), kind, name }
        })
}

fn name() -> impl Strategy<Value = Box<str>> {
    prop::sample::select(vec!["k", "k!", "~", "zzz"]).prop_map(Box::from)
}

fn position() -> impl Strategy<Value = Position> {
    (1..3_u64, 0..6_u64)
        .prop_map(|(epoch, at)| Position { epoch: Epoch(epoch), sequence: Sequence(at) })
}

fn item() -> impl Strategy<Value = KeptItem> {
    let value = prop::collection::vec(any::<u8>(), 0..20).prop_map(Box::from);
    (name(), value, any::<u64>(), any::<u64>(), prop::sample::select(vec!["", "alice"])).prop_map(
        |(key, value, revision, time, author)| {
            let (revision, time) = (Revision(revision), UnixTime::from_millis(time));
            KeptItem { key, value, revision, time, author: author.into() }
        },
    )
}

fn lock() -> impl Strategy<Value = KeptLock> {
    let owner = prop::option::of(Just(UserId::new("bob").expect("a name")));
    (name(), 1..300_u64, any::<u64>(), owner).prop_map(|(name, ttl_secs, token, owner)| {
        let name = LockName::new(&name).expect("a name");
        KeptLock { name, ttl_secs, token: LockToken(token), owner }
    })
}

fn letter() -> impl Strategy<Value = KeptLetter> {
    let event = prop::collection::vec(any::<u8>(), 0..20);
    (position(), any::<u64>(), event).prop_map(|(position, time, event)| {
        let published = Published { position, time: UnixTime::from_millis(time) };
        KeptLetter { published, event: event.into() }
    })
}

fn kept_inbox() -> impl Strategy<Value = KeptInbox> {
    (position(), prop::option::of(position()))
        .prop_map(|(received, last)| KeptInbox { received, last })
}

/// Changes that a server makes: what belongs to something comes after it.
fn change() -> impl Strategy<Value = Vec<Change>> {
    let floors = prop::sample::select(vec!["p", "pp"]);
    prop_oneof![
        1 => (floors.clone(), any::<u64>()).prop_map(|(id, floor)| {
            vec![Change::RevisionFloor { app: app(id), floor: Revision(floor) }]
        }),
        1 => (floors, any::<u64>()).prop_map(|(id, floor)| {
            vec![Change::TokenFloor { app: app(id), floor: LockToken(floor) }]
        }),
        4 => (key(), any::<u64>(), prop::collection::vec(item(), 0..3)).prop_map(
            |(key, major, items)| {
                let set = Change::Set { key: key.clone(), major: Revision(major) };
                let items = items.into_iter();
                let items = items.map(|item| Change::Item { key: key.clone(), item });
                std::iter::once(set).chain(items).collect()
            }
        ),
        2 => (key(), name()).prop_map(|(key, name)| vec![Change::ItemGone { key, name }]),
        1 => key().prop_map(|key| vec![Change::SetGone { key }]),
        4 => (key(), lock()).prop_map(|(key, lock)| vec![Change::Lock { key, lock }]),
        2 => (key(), name()).prop_map(|(key, name)| {
            vec![Change::LockGone { key, name: LockName::new(&name).expect("a name") }]
        }),
        4 => (key(), kept_inbox(), prop::collection::vec(letter(), 0..4)).prop_map(
            |(key, kept, letters)| {
                let inbox = Change::Inbox { key: key.clone(), kept };
                let letters = letters.into_iter();
                let letters = letters.map(|letter| Change::Letter { key: key.clone(), letter });
                std::iter::once(inbox).chain(letters).collect()
            }
        ),
        1 => key().prop_map(|key| vec![Change::InboxGone { key }]),
    ]
}

/// What belongs to something is given after it, and all in the order that is promised.
fn is_in_order(all: &[Change]) -> bool {
    let rank = |change: &Change| match change {
        Change::RevisionFloor { .. } => 0,
        Change::TokenFloor { .. } => 1,
        Change::Set { .. } => 2,
        Change::Item { .. } => 3,
        Change::Lock { .. } => 4,
        Change::Inbox { .. } => 5,
        Change::Letter { .. } => 6,
        _ => usize::MAX,
    };
    all.iter().map(rank).is_sorted() && all.iter().all(|change| rank(change) < 7)
}

proptest! {
    #![proptest_config(cases(64))]

    /// Two implementations that share no code hold the same after each commit, also when the one
    /// on the disk is opened anew, and what one gives makes another one like it.
    #[test]
    fn stores_hold_what_was_committed(
        commits in prop::collection::vec(prop::collection::vec(change(), 0..6), 1..12),
        reopened in prop::collection::vec(any::<bool>(), 12),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.redb");
        let mut disk = DiskStore::open(&path).expect("opened");
        let mut memory = MemoryStore::default();
        for (commit, is_reopened) in commits.iter().zip(reopened) {
            let commit = commit.concat();
            disk.commit(&commit).expect("committed");
            memory.commit(&commit).expect("committed");
            if is_reopened {
                drop(disk);
                disk = DiskStore::open(&path).expect("opened again");
            }
            let held = memory.load().expect("loaded");
            prop_assert!(is_in_order(&held), "{held:?}");
            prop_assert_eq!(&disk.load().expect("loaded"), &held);
            let mut copy = MemoryStore::default();
            copy.commit(&held).expect("committed");
            prop_assert_eq!(&copy, &memory);
        }
    }
}

fn floor(number: u64) -> Change {
    Change::RevisionFloor { app: app("p"), floor: Revision(number) }
}

#[test]
fn a_second_server_does_not_get_the_store_of_the_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.redb");
    let first = DiskStore::open(&path).expect("opened");
    assert!(matches!(DiskStore::open(&path), Err(StoreError::InUse)));
    drop(first);
    assert!(DiskStore::open(&path).is_ok());
}

#[test]
fn what_is_no_store_or_a_later_one_is_told_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.redb");
    let rubbish = "rubbish".repeat(1_000);
    std::fs::write(&path, &rubbish).expect("written");
    let error = DiskStore::open(&path).expect_err("no store");
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    assert_eq!(std::fs::read_to_string(&path).expect("there"), rubbish);

    std::fs::remove_file(&path).expect("removed");
    let mut store = DiskStore::open(&path).expect("opened");
    store.commit(&[floor(7)]).expect("committed");
    store.set_format(2);
    drop(store);
    let error = DiskStore::open(&path).expect_err("a later one");
    assert!(matches!(error, StoreError::TooNew { found: 2, known: 1 }), "{error}");
}

#[test]
fn names_that_are_none_are_damage() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = DiskStore::open(&folder.path().join("store.redb")).expect("opened");
    store.insert_set("p", "a/b");
    let error = store.load().expect_err("damaged");
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
}

#[cfg(unix)]
#[test]
fn what_users_write_is_their_servers_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.redb");
    let _store = DiskStore::open(&path).expect("opened");
    let file = std::fs::metadata(&path).expect("there");
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

/// Fails at its third commit.
#[derive(Debug, Default)]
struct Failing {
    commits: usize,
}

impl Store for Failing {
    fn load(&mut self) -> Result<Vec<Change>, StoreError> {
        Ok(Vec::new())
    }

    fn commit(&mut self, _: &[Change]) -> Result<(), StoreError> {
        self.commits += 1;
        match self.commits {
            3 => Err(io::Error::from(io::ErrorKind::StorageFull).into()),
            _ => Ok(()),
        }
    }
}

#[test]
fn the_writer_tells_of_each_commit_until_one_fails() {
    let (kept, news) = std::sync::mpsc::channel();
    let failed = kept.clone();
    let store = Box::new(Failing::default());
    let writer = Writer::start(
        store,
        move || kept.send(true).expect("heard"),
        move || failed.send(false).expect("heard"),
    );
    let writer = writer.expect("started");
    for number in 0..5 {
        writer.commit(vec![floor(number)]);
    }
    let error = writer.finish().expect_err("it has failed");
    assert!(matches!(error, StoreError::Io(_)), "{error}");
    assert_eq!(news.iter().collect::<Vec<_>>(), [true, true, false]);
}
