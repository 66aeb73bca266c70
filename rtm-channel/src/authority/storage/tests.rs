//! One rule at a time; `tests/it/storage.rs` has the long histories.

use rtm_wire::{
    ChannelKind, Event, Expected, ItemRemoval, ItemWrite, List, LockToken, MetadataOptions,
    UnderLock,
};

use super::*;
use crate::name::{AppId, ChannelName, LockName};

const SET_LEN: usize = super::SET;
const TIME: UnixTime = UnixTime::from_millis(1_000);

fn set_of(kind: ChannelKind, limits: &Limits) -> StorageAuthority {
    let (app, name) = (AppId::new("app"), ChannelName::new("lobby"));
    let key = ChannelKey { app: app.expect("a name"), kind, name: name.expect("a name") };
    StorageAuthority::new(key, Revision(0), limits)
}

fn lobby() -> StorageAuthority {
    set_of(ChannelKind::Message, &Limits::hosted())
}

fn item<'a>(key: &'a str, value: &'a [u8]) -> ItemWrite<'a> {
    ItemWrite { key, value, revision: Expected::ANY }
}

fn at(key: &str, revision: Expected) -> ItemWrite<'_> {
    ItemWrite { key, value: b"", revision }
}

/// A call and what goes with it.
struct Call<'a> {
    kind: Kind,
    major: Expected,
    lock: UnderLock<'a>,
    guard: Option<Guard>,
    options: MetadataOptions,
}

const SET: Call<'_> = Call {
    kind: Kind::Set,
    major: Expected::ANY,
    lock: UnderLock { name: "", token: LockToken(0) },
    guard: None,
    options: MetadataOptions { time: false, author: false },
};
const UPDATE: Call<'_> = Call { kind: Kind::Update, ..SET };
const REMOVE: Call<'_> = Call { kind: Kind::Remove, ..SET };

impl Call<'_> {
    fn make(
        &self,
        set: &mut StorageAuthority,
        items: &[ItemWrite<'_>],
    ) -> Result<(Stored, Vec<Fanout>), Refusal> {
        let user = UserId::new("alice").expect("a name");
        let writer = Writer { user: &user, time: TIME, guard: self.guard.as_ref() };
        let target = set.key.clone();
        let (target, major, lock) = (target.as_ref(), self.major, self.lock);
        if self.kind == Kind::Remove {
            let removal = |item: &ItemWrite<'_>| (item.key.to_owned(), item.revision);
            let owned: Vec<_> = items.iter().map(removal).collect();
            let items: Vec<_> = owned
                .iter()
                .map(|(key, revision)| ItemRemoval { key, revision: *revision })
                .collect();
            let items = List::Slice(&items);
            return set.remove(&writer, &RemoveMetadata { target, major, lock, items });
        }
        let (options, items) = (self.options, List::Slice(items));
        let write = MetadataWrite { target, options, major, lock, items };
        match self.kind {
            Kind::Update => set.update(&writer, &write),
            _ => set.set(&writer, &write),
        }
    }

    #[track_caller]
    fn done(&self, set: &mut StorageAuthority, items: &[ItemWrite<'_>]) -> u64 {
        self.make(set, items).expect("it is allowed").0.major.0
    }

    /// It must be refused with this number and change nothing.
    #[track_caller]
    fn refused(&self, set: &mut StorageAuthority, items: &[ItemWrite<'_>], code: u32) -> String {
        let before = set.clone();
        let refusal = self.make(set, items).expect_err("it is refused");
        assert_eq!(refusal.code.0, code, "{refusal}");
        assert_eq!(*set, before, "a refusal changes nothing");
        refusal.reason.into_owned()
    }
}

fn shown(set: &StorageAuthority) -> Vec<String> {
    let show = |item: MetadataItem<'_>| {
        format!("{}={} @{}", item.key, String::from_utf8_lossy(item.value), item.revision)
    };
    set.items().map(show).collect()
}

#[test]
fn set_writes_what_it_names_and_update_and_remove_what_is_there() {
    let mut set = lobby();
    assert_eq!(SET.done(&mut set, &[item("a", b"1"), item("b", b"")]), 1);
    assert_eq!(SET.done(&mut set, &[item("b", b"2"), item("c", b"3")]), 2);
    assert_eq!(shown(&set), ["a=1 @1", "b=2 @2", "c=3 @2"]);
    UPDATE.refused(&mut set, &[item("a", b"9"), item("d", b"9")], 12_014);
    assert_eq!(UPDATE.done(&mut set, &[item("a", b"9")]), 3);
    REMOVE.refused(&mut set, &[item("a", b""), item("d", b"")], 12_014);
    assert_eq!(REMOVE.done(&mut set, &[item("a", b""), item("b", b"")]), 4);
    assert_eq!(shown(&set), ["c=3 @2"]);
    assert_eq!(REMOVE.done(&mut set, &[]), 5);
    assert_eq!((shown(&set), set.len), (Vec::new(), 0));
    REMOVE.refused(&mut set, &[], 12_014);
    assert!(set.is_empty());
}

#[test]
fn revisions_are_compared_and_never_given_twice() {
    let mut set = lobby();
    let absent = Call { major: Expected::ABSENT, ..SET };
    let major = |revision| Call { major: Expected::at(Revision(revision)), ..SET };
    assert_eq!(absent.done(&mut set, &[at("a", Expected::ABSENT)]), 1);
    absent.refused(&mut set, &[item("b", b"")], 12_014);
    let reason = SET.refused(&mut set, &[at("a", Expected::ABSENT)], 12_014);
    assert_eq!(reason, "item a is at revision 1, not at 0; read it and try again");
    SET.refused(&mut set, &[at("b", Expected::at(Revision(1)))], 12_014);
    assert_eq!(major(1).done(&mut set, &[at("a", Expected::at(Revision(1)))]), 2);
    let reason = major(1).refused(&mut set, &[item("a", b"")], 12_014);
    let wanted = "the metadata of lobby is at revision 2 with 1 items, not at 1; read it and try \
                  again";
    assert_eq!(reason, wanted);
    // A set and an item that are made again are others, but what is read of nothing counts, too.
    assert_eq!(REMOVE.done(&mut set, &[]), 3);
    assert_eq!(set.page(0, "").major, Revision(3));
    major(2).refused(&mut set, &[item("a", b"")], 12_014);
    let mut other = set.clone();
    assert_eq!(major(3).done(&mut other, &[item("a", b"")]), 4);
    assert_eq!(absent.done(&mut set, &[at("a", Expected::ABSENT)]), 4);
    SET.refused(&mut set, &[at("a", Expected::at(Revision(2)))], 12_014);
    // And with what is kept of it when it is dropped.
    let restored =
        StorageAuthority::restored(set.key.clone(), set.floor(), set.items(), &Limits::hosted());
    assert_eq!(restored, set);
}

#[test]
fn what_must_be_there_can_not_be_expected_absent() {
    let mut set = lobby();
    SET.done(&mut set, &[item("a", b"")]);
    for call in [UPDATE, REMOVE] {
        call.refused(&mut set, &[at("a", Expected::ABSENT)], 12_005);
        let call = Call { major: Expected::ABSENT, ..call };
        call.refused(&mut set, &[item("a", b"")], 12_005);
    }
}

#[test]
fn keys_are_checked_at_the_limit_and_one_beyond() {
    let mut set = lobby();
    let longest = "k".repeat(32);
    for call in [SET, UPDATE, REMOVE] {
        assert!(call.make(&mut set, &[item(&longest, b"")]).is_ok());
        call.refused(&mut set, &[item(&"k".repeat(33), b"")], 12_011);
        for bad in ["", "é", "a\n", "\u{7f}"] {
            call.refused(&mut set, &[item(bad, b"")], 12_009);
        }
        SET.done(&mut set, &[item(&longest, b""), item(" ~.*/_", b"")]);
        call.refused(&mut set, &[item(&longest, b""), item(&longest, b"")], 12_013);
    }
    for call in [SET, UPDATE] {
        call.refused(&mut set, &[], 12_003);
    }
}

#[test]
fn values_and_sets_are_checked_at_the_limit_and_one_beyond() {
    let mut limits = Limits::hosted();
    (limits.storage_value_len, limits.storage_set_len, limits.storage_items) = (10, 23, 3);
    let mut set = set_of(ChannelKind::Message, &limits);
    SET.refused(&mut set, &[item("a", &[0; 11])], 12_012);
    SET.done(&mut set, &[item("a", &[0; 10]), item("b", &[0; 10])]);
    assert_eq!(set.len, 22);
    SET.refused(&mut set, &[item("c", b"x")], 12_006);
    SET.done(&mut set, &[item("c", b"")]);
    assert_eq!(set.len, 23);
    SET.refused(&mut set, &[item("d", b""), item("a", b"")], 12_002);
    UPDATE.done(&mut set, &[item("a", b"")]);
    SET.refused(&mut set, &[item("d", b"")], 12_002);
    REMOVE.done(&mut set, &[item("c", b"")]);
    SET.done(&mut set, &[item("d", b"")]);
    assert_eq!(set.len, 13);
}

#[test]
fn what_shrinks_is_allowed_under_limits_that_were_lowered() {
    let mut set = lobby();
    SET.done(&mut set, &[item("a", &[0; 100]), item("b", b""), item("c", b"")]);
    (set.bounds.set_len, set.bounds.items) = (10, 2);
    SET.done(&mut set, &[item("a", &[0; 50])]);
    SET.refused(&mut set, &[item("a", &[0; 51])], 12_006);
    SET.refused(&mut set, &[item("d", b"")], 12_002);
}

#[test]
fn a_lock_that_is_named_must_be_held() {
    let mut set = lobby();
    let guard = Guard::new(LockName::new("l").expect("a name"), LockToken(7));
    let under = |name, token| Call {
        lock: UnderLock { name, token: LockToken(token) },
        guard: Some(guard.clone()),
        ..SET
    };
    let all = [item("a", b"")];
    assert_eq!(under("l", 0).done(&mut set, &all), 1);
    assert_eq!(under("l", 7).done(&mut set, &all), 2);
    under("l", 6).refused(&mut set, &all, 12_008);
    under("m", 0).refused(&mut set, &all, 12_008);
    Call { guard: None, ..under("l", 0) }.refused(&mut set, &all, 12_007);
    Call { guard: None, ..under("", 7) }.refused(&mut set, &all, 12_007);
    // The lock comes before the revision, and that before the items.
    let outdated = Call { major: Expected::at(Revision(9)), ..under("m", 0) };
    outdated.refused(&mut set, &[], 12_008);
    Call { lock: UnderLock::default(), ..outdated }.refused(&mut set, &[], 12_014);
    let mut user = set_of(ChannelKind::User, &Limits::hosted());
    under("l", 0).refused(&mut user, &all, 12_007);
    Call { kind: Kind::Remove, guard: None, ..under("l", 0) }.refused(&mut set, &all, 12_007);
}

#[test]
fn author_and_time_are_kept_if_that_is_asked_for_and_told_always() {
    let mut set = lobby();
    assert_eq!(set.subscribe(TIME, SubscriberId(1)).map(|told| told.len()), Ok(1));
    for (time, author) in [(false, false), (true, false), (false, true), (true, true)] {
        let call = Call { options: MetadataOptions { time, author }, ..SET };
        let (_, told) = call.make(&mut set, &[item("a", b"")]).expect("it is allowed");
        let item = set.items().next().expect("it was set");
        assert_eq!(
            (item.time, item.author),
            match (time, author) {
                (false, false) => (UnixTime::default(), ""),
                (true, false) => (TIME, ""),
                (false, true) => (UnixTime::default(), "alice"),
                (true, true) => (TIME, "alice"),
            }
        );
        let Ok(Event::Storage(event)) = Event::decode(&told[0].event) else { panic!("no event") };
        assert_eq!((event.author, event.time), ("alice", TIME));
        assert_eq!(event.items.iter().next(), Some(item));
        assert_eq!(told[0].to, [SubscriberId(1)]);
    }
}

#[test]
fn as_many_listen_as_are_allowed() {
    for (kind, code) in [(ChannelKind::User, 12_017), (ChannelKind::Message, 11_021)] {
        let mut limits = Limits::hosted();
        limits.message_members = 2;
        let mut set = set_of(kind, &limits);
        for session in [1, 2, 1] {
            assert!(set.subscribe(TIME, SubscriberId(session)).is_ok());
        }
        let refused = set.subscribe(TIME, SubscriberId(3)).expect_err("it is full");
        assert_eq!(refused.code.0, code);
        assert_eq!(set.unsubscribe(SubscriberId(1)), Ok(()));
        let refused = set.unsubscribe(SubscriberId(1)).expect_err("it doesn't listen");
        assert_eq!(refused.code, ErrorCode::STORAGE_NOT_SUBSCRIBE);
        assert!(set.subscribe(TIME, SubscriberId(3)).is_ok() && !set.is_empty());
        set.leave(SubscriberId(2));
        set.leave(SubscriberId(3));
        assert!(set.is_empty());
    }
}

#[test]
fn what_is_long_is_told_and_read_in_parts_that_fit() {
    let mut set = set_of(ChannelKind::Message, &Limits::open());
    set.subscribe(TIME, SubscriberId(1)).expect("it has room");
    let names: Vec<String> = (0..4_000).map(|number| format!("{number:0>200}")).collect();
    for names in names.chunks(4) {
        let items: Vec<_> = names.iter().map(|name| item(name, name.as_bytes())).collect();
        SET.done(&mut set, &items[..2]);
    }
    SET.done(&mut set, &[item("big", &[7; 64 * 1_024]), item("bag", b"")]);
    let parts = |told: &[Fanout]| {
        let (mut count, mut removed) = (0, 0);
        for (at, Fanout { event, .. }) in told.iter().enumerate() {
            assert!(event.len() < 33 * 1_024 || event.len() < 65 * 1_024 && at + 1 == told.len());
            let Ok(Event::Storage(event)) = Event::decode(event) else { panic!("no event") };
            assert_eq!(event.has_more, at + 1 < told.len());
            (count, removed) = (count + event.items.len(), removed + event.removed.len());
        }
        (count, removed)
    };
    let snapshot = set.subscribe(TIME, SubscriberId(1)).expect("it has room");
    assert!(snapshot.len() > 20, "{}", snapshot.len());
    assert_eq!(parts(&snapshot), (2_002, 0));
    let (mut after, mut pages, mut keys) = (String::new(), 0, Vec::new());
    loop {
        let page = set.page(0, &after);
        assert_eq!((page.major, page.total), (set.floor(), 2_002));
        let len = rtm_wire::Encode::encoded_len(&page.as_result());
        assert!(len < 33 * 1_024 || page.items.len() == 1, "{len}");
        keys.extend(page.items.iter().map(|item| item.key.to_owned()));
        (after, pages) = (page.next.to_owned(), pages + 1);
        if after.is_empty() {
            break;
        }
    }
    assert!(pages > 20 && keys.len() == 2_002 && keys.is_sorted());
    let gone = REMOVE.make(&mut set, &[]).expect("it is there").1;
    assert!(gone.len() > 10 && parts(&gone) == (0, 2_002));
}

#[test]
fn pages_are_as_long_as_is_asked_for_and_allowed() {
    let mut limits = Limits::hosted();
    limits.storage_page = 100;
    let mut set = set_of(ChannelKind::Message, &limits);
    let names: Vec<String> = (0..101).map(|number| format!("{number:0>3}")).collect();
    let items: Vec<_> = names.iter().map(|name| item(name, b"")).collect();
    SET.done(&mut set, &items);
    for (limit, after, count, next) in [
        (0, "", 100, "099"),
        (u64::MAX, "", 100, "099"),
        (101, "", 100, "099"),
        (0, "000", 100, ""),
        (7, "010", 7, "017"),
        (0, "0505", 50, ""),
        (0, "100", 0, ""),
    ] {
        let page = set.page(limit, after);
        assert_eq!((page.items.len(), page.next), (count, next), "{limit} after {after}");
    }
}

#[test]
fn what_other_sets_leave_is_taken_to_the_last_byte() {
    let mut set = lobby();
    let code = |result: Result<(Stored, Vec<Fanout>), Refusal>| result.err().map(|it| it.code);
    let too_many = Some(ErrorCode::STORAGE_METADATA_ITEM_EXCEED_LIMITATION);
    let too_long = Some(ErrorCode::STORAGE_METADATA_LENGTH_OVERFLOW);
    set.grant(StorageRoom { may_begin: false, bytes: usize::MAX });
    assert_eq!(code(SET.make(&mut set, &[item("a", b"1")])), too_many);
    let first = SET_LEN + ITEM + 2;
    set.grant(StorageRoom { may_begin: true, bytes: first - 1 });
    assert_eq!(code(SET.make(&mut set, &[item("a", b"1")])), too_long);
    set.grant(StorageRoom { may_begin: true, bytes: first });
    assert_eq!(code(SET.make(&mut set, &[item("a", b"1")])), None);
    assert_eq!(set.footprint(), first);
    // It has begun; and what doesn't grow needs no room.
    set.grant(StorageRoom { may_begin: false, bytes: 0 });
    assert_eq!(code(UPDATE.make(&mut set, &[item("a", b"2")])), None);
    assert_eq!(code(UPDATE.make(&mut set, &[item("a", b"23")])), too_long);
    assert_eq!(code(REMOVE.make(&mut set, &[])), None);
    assert_eq!(set.footprint(), 0);
}
