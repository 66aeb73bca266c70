//! What every store has to do, and what only the one on the disk can.

mod power;

use proptest::prelude::*;
use rtm_channel::{
    AppId, ChannelKey, ChannelName, Identity, KeptInbox, KeptLock, KeptMessage, LockName, Reached,
    UserId,
};
use rtm_wire::{
    ChannelKind, Epoch, LockToken, OperationId, Position, Published, Revision, Sequence,
    SessionInstance, UnixTime,
};

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

fn letter() -> impl Strategy<Value = KeptMessage> {
    let event = prop::collection::vec(any::<u8>(), 0..20);
    (position(), time(), event).prop_map(|(position, time, event)| {
        let published = Published { position, time };
        KeptMessage { published, event: event.into() }
    })
}

fn kept_inbox() -> impl Strategy<Value = KeptInbox> {
    (position(), prop::option::of(position()))
        .prop_map(|(received, last)| KeptInbox { received, last })
}

fn messages(key: &ChannelKey, kept: Vec<KeptMessage>) -> impl Iterator<Item = Change> {
    kept.into_iter().map(|message| Change::Message { key: key.clone(), message })
}

/// So few that some are the same.
fn time() -> impl Strategy<Value = UnixTime> {
    (0..5_u64).prop_map(UnixTime::from_millis)
}

fn query() -> impl Strategy<Value = HistoryQuery> {
    let places = (prop::option::of(position()), prop::option::of(position()));
    let times = (time(), prop::option::of(time()));
    (key(), any::<bool>(), places, times, 1..5_usize, 0..60_usize).prop_map(
        |(key, oldest_first, (after, before), (since, until), count, bytes)| HistoryQuery {
            key,
            oldest_first,
            after,
            before,
            since,
            until,
            count,
            bytes,
        },
    )
}

/// One user's name is another's beginning, and instances lie at the ends of their range.
fn identity() -> impl Strategy<Value = Identity> {
    let instances = prop::sample::select(vec![0, 1, u64::MAX]);
    (prop::sample::select(vec!["al", "alice"]), instances).prop_map(|(user, instance)| Identity {
        user: UserId::new(user).expect("a name"),
        instance: SessionInstance(instance),
    })
}

fn answer() -> impl Strategy<Value = KeptAnswer> {
    let reached = prop::sample::select(vec![Reached::Sequenced, Reached::Stored, Reached::Unknown]);
    (position(), time(), reached).prop_map(|(position, time, reached)| {
        let published = Published { position, time };
        KeptAnswer { published, reached }
    })
}

/// Changes that a server makes: what belongs to something comes after it.
fn change() -> impl Strategy<Value = Vec<Change>> {
    let floors = prop::sample::select(vec!["p", "pp"]);
    prop_oneof![
        1 => (floors.clone(), any::<u64>()).prop_map(|(id, floor)| {
            vec![Change::RevisionFloor { app: app(id), floor: Revision(floor) }]
        }),
        1 => (floors.clone(), any::<u64>()).prop_map(|(id, floor)| {
            vec![Change::TokenFloor { app: app(id), floor: LockToken(floor) }]
        }),
        1 => time().prop_map(|since| vec![Change::PublishFloor { since }]),
        4 => (key(), identity(), 0..6_u64, answer()).prop_map(
            |(key, identity, operation, answer)| {
                let operation = OperationId(operation);
                vec![Change::Publish { key, identity, operation, answer }]
            }
        ),
        2 => (floors, identity(), prop_oneof![0..6_u64, Just(u64::MAX)]).prop_map(
            |(id, identity, up_to)| {
                let (app, up_to) = (app(id), OperationId(up_to));
                vec![Change::PublishesGone { app, identity, up_to }]
            }
        ),
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
                std::iter::once(inbox).chain(messages(&key, letters)).collect()
            }
        ),
        3 => (key(), prop::collection::vec(letter(), 1..4))
            .prop_map(|(key, letters)| messages(&key, letters).collect()),
        2 => (key(), 0..4_u64, time()).prop_map(|(key, count, since)| {
            vec![Change::Trim { key, count, since }]
        }),
        1 => key().prop_map(|key| vec![Change::InboxGone { key }]),
    ]
}

/// What belongs to something is given after it, and all in the order that is promised.
fn is_in_order(all: &[Change]) -> bool {
    let rank = |change: &Change| match change {
        Change::RevisionFloor { .. } => 0,
        Change::TokenFloor { .. } => 1,
        Change::PublishFloor { .. } => 2,
        Change::Set { .. } => 3,
        Change::Item { .. } => 4,
        Change::Lock { .. } => 5,
        Change::Inbox { .. } => 6,
        Change::Message { .. } => 7,
        Change::Publish { .. } => 8,
        _ => usize::MAX,
    };
    all.iter().map(rank).is_sorted() && all.iter().all(|change| rank(change) < 9)
}

proptest! {
    #![proptest_config(cases(64))]

    /// Two implementations that share no code hold the same after each commit, also when the one
    /// on the disk is opened anew, and what one gives makes another one like it.
    #[test]
    fn stores_hold_what_was_committed(
        commits in prop::collection::vec(prop::collection::vec(change(), 0..6), 1..12),
        reopened in prop::collection::vec(any::<bool>(), 12),
        queries in prop::collection::vec(query(), 12),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.redb");
        let mut disk = DiskStore::open(&path).expect("opened");
        let mut memory = MemoryStore::default();
        for ((commit, is_reopened), query) in commits.iter().zip(reopened).zip(queries) {
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
            prop_assert_eq!(copy.load().expect("loaded"), held);
            let found = memory.messages(&query).expect("read");
            prop_assert_eq!(&disk.messages(&query).expect("read"), &found);
            check_page(&mut memory, &query, &found);
            let keys = memory.histories(None).expect("read");
            prop_assert_eq!(&disk.histories(None).expect("read"), &keys);
            let behind = disk.histories(keys.first()).expect("read");
            prop_assert_eq!(&behind, &keys[keys.len().min(1)..]);
            prop_assert_eq!(everything(&mut disk), everything(&mut memory));
        }
    }
}

/// All that a store holds: what it loads, and its histories.
fn everything(store: &mut impl Store) -> (Vec<Change>, Vec<(ChannelKey, HistoryPage)>, u64) {
    let keys = store.histories(None).expect("read");
    let read = |key: ChannelKey| {
        let page = store.messages(&all_of(key.clone())).expect("read");
        (key, page)
    };
    let histories = keys.into_iter().map(read).collect();
    (store.load().expect("loaded"), histories, store.history_bytes())
}

fn all_of(key: ChannelKey) -> HistoryQuery {
    HistoryQuery {
        key,
        oldest_first: true,
        after: None,
        before: None,
        since: UnixTime::default(),
        until: None,
        count: usize::MAX,
        bytes: usize::MAX,
    }
}

/// A page has what lies within the bounds, in order; and who goes on gets all of it.
fn check_page(store: &mut MemoryStore, query: &HistoryQuery, page: &HistoryPage) {
    assert!(page.messages.len() <= query.count);
    let bytes: usize = page.messages.iter().map(|it| it.event.len()).sum();
    assert!(bytes <= query.bytes || page.messages.len() == 1);
    let mut all = page.messages.clone();
    let mut has_more = page.has_more;
    let mut next = query.clone();
    while has_more {
        let last = Some(all.last().expect("more than nothing").published.position);
        match next.oldest_first {
            true => next.after = last,
            false => next.before = last,
        }
        let page = store.messages(&next).expect("read");
        assert!(!page.messages.is_empty(), "it said that there are more");
        has_more = page.has_more;
        all.extend(page.messages);
    }
    let mut wanted = store.messages(&all_of(query.key.clone())).expect("read").messages;
    wanted.retain(|KeptMessage { published, .. }| {
        query.after.is_none_or(|after| published.position > after)
            && query.before.is_none_or(|before| published.position < before)
            && published.time >= query.since
            && query.until.is_none_or(|until| published.time < until)
    });
    if !query.oldest_first {
        wanted.reverse();
    }
    assert_eq!(all, wanted, "{query:?}");
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

    fn messages(&mut self, _: &HistoryQuery) -> Result<HistoryPage, StoreError> {
        Ok(HistoryPage::default())
    }

    fn histories(&mut self, _: Option<&ChannelKey>) -> Result<Vec<ChannelKey>, StoreError> {
        Ok(Vec::new())
    }

    fn history_bytes(&self) -> u64 {
        0
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
    let (teller, news) = std::sync::mpsc::channel();
    let store = Box::new(Failing::default());
    let writer = Writer::start(store, move |it| teller.send(it).expect("heard"));
    let writer = writer.expect("started");
    writer.find(QueryId(7), Query::Histories(None));
    for number in 0..5 {
        writer.commit(vec![floor(number)]);
    }
    let error = writer.finish().expect_err("it has failed");
    assert!(matches!(error, StoreError::Io(_)), "{error}");
    let found = News::Found(QueryId(7), Found::Histories(Vec::new()));
    let mut news: Vec<_> = news.iter().collect();
    // A read may be done before commits that were asked for later, or after.
    news.retain(|it| *it != found);
    assert_eq!(news, [News::Kept(0), News::Kept(0), News::Failed]);
}
