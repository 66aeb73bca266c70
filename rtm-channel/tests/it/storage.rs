//! Long histories of one set of metadata against a plain model, and views that follow.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rtm_channel::{
    AppId, ChannelKey, ChannelName, Fanout, Guard, Limits, LockName, Refusal, StorageAuthority,
    StorageVerdict, StorageView, SubscriberId, UserId, Writer,
};
use rtm_wire::{
    ChannelKind, Event, Expected, ItemRemoval, ItemWrite, List, LockToken, MetadataItem,
    MetadataOptions, MetadataWrite, RemoveMetadata, Revision, Stored, UnderLock, UnixTime,
};

/// Limits that histories reach.
const ITEMS: usize = 5;
const SET_LEN: usize = 24;
const VALUE_LEN: usize = 6;
const SESSIONS: u64 = 3;
/// The lock that is held, and its token.
const LOCK: (&str, u64) = ("l", 3);
const KEYS: [&str; 9] = ["a", "b", "c", "d", "e", "f", "", "ü", "longer"];
const KEY_LEN: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Set,
    Update,
    Remove,
}

/// Revisions as users write them, and as differences to what is true.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    Any,
    Absent,
    Current,
    Older(u64),
}

#[derive(Clone, Debug)]
enum Step {
    Write {
        kind: Kind,
        major: Wanted,
        lock: Option<(&'static str, u64)>,
        options: (bool, bool),
        items: Vec<(usize, Vec<u8>, Wanted)>,
    },
    Subscribe {
        session: u64,
        loses: bool,
    },
    Leave {
        session: u64,
    },
    /// The owner forgets the set but for what it would keep.
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![3 => Just(Kind::Set), 2 => Just(Kind::Update), 2 => Just(Kind::Remove)];
    let lock = prop_oneof![
        8 => Just(None),
        1 => Just(Some(LOCK)),
        1 => Just(Some((LOCK.0, 0))),
        1 => (prop_oneof![Just("l"), Just("m")], 0..4_u64).prop_map(Some),
    ];
    let value = prop::collection::vec(any::<u8>(), 0..=VALUE_LEN + 1);
    // Mostly keys that are good.
    let key = prop_oneof![30 => 0..6_usize, 1 => 6..KEYS.len()];
    let items = prop::collection::vec((key, value, wanted()), 0..4);
    let write = (kind, wanted(), lock, any::<(bool, bool)>(), items);
    prop_oneof![
        12 => write.prop_map(|(kind, major, lock, options, items)| {
            Step::Write { kind, major, lock, options, items }
        }),
        2 => (0..SESSIONS, prop::bool::weighted(0.2))
            .prop_map(|(session, loses)| Step::Subscribe { session, loses }),
        1 => (0..SESSIONS).prop_map(|session| Step::Leave { session }),
        1 => Just(Step::Restore),
    ]
}

fn wanted() -> impl Strategy<Value = Wanted> {
    prop_oneof![
        6 => Just(Wanted::Any),
        1 => Just(Wanted::Absent),
        3 => Just(Wanted::Current),
        1 => (1..5_u64).prop_map(Wanted::Older),
    ]
}

/// An item, by rules that are easy to check by eye.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fact {
    value: Vec<u8>,
    revision: u64,
    time: u64,
    author: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Model {
    major: u64,
    facts: BTreeMap<String, Fact>,
}

impl Model {
    /// What a step wants a revision to be, in users' numbers.
    fn number(wanted: Wanted, current: u64) -> i64 {
        let current = i64::try_from(current).expect("short histories");
        match wanted {
            Wanted::Any => -1,
            Wanted::Absent => 0,
            Wanted::Current => current,
            Wanted::Older(by) => (current - i64::try_from(by).expect("small")).max(1),
        }
    }

    /// The number of the error, or what the set becomes.
    fn write(&self, step: &Step, author: &str, now: u64) -> Result<Self, u32> {
        let Step::Write { kind, major, lock, options, items } = step else { panic!("no write") };
        match lock {
            Some(("m", _)) => return Err(12_008),
            Some((_, token)) if *token != 0 && *token != LOCK.1 => return Err(12_008),
            _ => {}
        }
        let must_exist = *kind != Kind::Set;
        match Self::number(*major, self.major) {
            -1 => {}
            0 if must_exist => return Err(12_005),
            0 if self.facts.is_empty() => {}
            number if number != 0 && number.unsigned_abs() == self.major => {}
            _ => return Err(12_014),
        }
        let mut next = self.clone();
        next.major += 1;
        if items.is_empty() {
            return match kind {
                Kind::Remove if self.facts.is_empty() => Err(12_014),
                Kind::Remove => {
                    next.facts.clear();
                    Ok(next)
                }
                _ => Err(12_003),
            };
        }
        for (at, (key, value, wanted)) in items.iter().enumerate() {
            let key = KEYS[*key];
            let known = self.facts.get(key).map(|fact| fact.revision);
            let number = Self::number(*wanted, known.unwrap_or(0));
            let fault = match key {
                "" | "ü" => Some(12_009),
                "longer" => Some(12_011),
                _ if items[..at].iter().any(|(other, ..)| KEYS[*other] == key) => Some(12_013),
                _ if *kind != Kind::Remove && value.len() > VALUE_LEN => Some(12_012),
                _ if must_exist && number == 0 => Some(12_005),
                _ if must_exist && known.is_none() => Some(12_014),
                _ if number >= 0 && number.unsigned_abs() != known.unwrap_or(0) => Some(12_014),
                _ => None,
            };
            if let Some(code) = fault {
                return Err(code);
            }
            if *kind == Kind::Remove {
                next.facts.remove(key);
                continue;
            }
            let fact = Fact {
                value: value.clone(),
                revision: next.major,
                time: if options.0 { now } else { 0 },
                author: if options.1 { author.to_owned() } else { String::new() },
            };
            next.facts.insert(key.to_owned(), fact);
        }
        let len: usize = next.facts.iter().map(|(key, fact)| key.len() + fact.value.len()).sum();
        match next.facts.len() > ITEMS {
            true => Err(12_002),
            false if len > SET_LEN => Err(12_006),
            false => Ok(next),
        }
    }
}

struct World {
    set: StorageAuthority,
    limits: Limits,
    key: ChannelKey,
    model: Model,
    views: BTreeMap<SubscriberId, StorageView>,
    /// Who loses the next event.
    loses: Option<SubscriberId>,
    now: u64,
}

impl World {
    fn new() -> Self {
        let (app, name) = (AppId::new("app"), ChannelName::new("lobby"));
        let (app, name) = (app.expect("a name"), name.expect("a name"));
        let key = ChannelKey { app, kind: ChannelKind::Message, name };
        let mut limits = Limits::hosted();
        (limits.storage_items, limits.storage_set_len) = (ITEMS, SET_LEN);
        (limits.storage_value_len, limits.storage_key_len) = (VALUE_LEN, KEY_LEN);
        limits.storage_page = 2;
        Self {
            set: StorageAuthority::new(key.clone(), Revision(0), &limits),
            limits,
            key,
            model: Model::default(),
            views: BTreeMap::new(),
            loses: None,
            now: 0,
        }
    }

    fn take(&mut self, step: &Step) {
        self.now += 1;
        let time = UnixTime::from_millis(self.now);
        match step {
            Step::Write { .. } => self.write(step),
            Step::Subscribe { session, loses } => {
                let subscriber = SubscriberId(*session);
                self.loses = None;
                self.views.insert(subscriber, StorageView::new());
                let told = self.set.subscribe(time, subscriber).expect("there is room");
                self.deliver(told);
                self.loses = loses.then_some(subscriber);
            }
            Step::Leave { session } => {
                let subscriber = SubscriberId(*session);
                let listened = self.views.remove(&subscriber).is_some();
                assert_eq!(self.set.is_subscribed(subscriber), listened);
                self.set.leave(subscriber);
            }
            Step::Restore => self.restore(),
        }
    }

    fn write(&mut self, step: &Step) {
        let author = if self.now % 2 == 0 { "alice" } else { "bob" };
        let expected = self.model.write(step, author, self.now);
        let before = self.set.clone();
        match (self.call(step, author), expected) {
            (Ok((stored, told)), Ok(model)) => {
                let time = UnixTime::from_millis(self.now);
                assert_eq!(stored, Stored { major: Revision(model.major), time });
                assert_eq!(model.major, self.model.major + 1);
                self.model = model;
                assert_eq!(told.is_empty(), self.views.is_empty());
                self.deliver(told);
            }
            (Err(refusal), Err(code)) => {
                assert_eq!(refusal.code.0, code, "{refusal}");
                assert_eq!(self.set, before, "all or nothing");
            }
            (got, wanted) => panic!("{got:?} instead of {wanted:?}"),
        }
    }

    fn call(&mut self, step: &Step, author: &str) -> Result<(Stored, Vec<Fanout>), Refusal> {
        let Step::Write { kind, major, lock, options, items } = step else { panic!("no write") };
        let user = UserId::new(author).expect("a name");
        let guard = Guard::new(LockName::new(LOCK.0).expect("a name"), LockToken(LOCK.1));
        let time = UnixTime::from_millis(self.now);
        let writer = Writer { user: &user, time, guard: lock.is_some().then_some(&guard) };
        let lock = lock.map_or(UnderLock::default(), |(name, token)| UnderLock {
            name,
            token: LockToken(token),
        });
        let coded = |wanted, current| {
            Expected::from_number(Model::number(wanted, current)).expect("it means something")
        };
        let major = coded(*major, self.model.major);
        let item = |(key, value, wanted): &(usize, Vec<u8>, Wanted)| {
            let known = self.model.facts.get(KEYS[*key]).map_or(0, |fact| fact.revision);
            (KEYS[*key], value.clone(), coded(*wanted, known))
        };
        let items: Vec<_> = items.iter().map(item).collect();
        let target = self.key.as_ref();
        if *kind == Kind::Remove {
            let items: Vec<_> = items
                .iter()
                .map(|(key, _, revision)| ItemRemoval { key, revision: *revision })
                .collect();
            let items = List::Slice(&items);
            return self.set.remove(&writer, &RemoveMetadata { target, major, lock, items });
        }
        let items: Vec<_> = items
            .iter()
            .map(|(key, value, revision)| ItemWrite { key, value, revision: *revision })
            .collect();
        let options = MetadataOptions { time: options.0, author: options.1 };
        let items = List::Slice(&items);
        let write = MetadataWrite { target, options, major, lock, items };
        match kind {
            Kind::Set => self.set.set(&writer, &write),
            _ => self.set.update(&writer, &write),
        }
    }

    /// A view that has lost an event says so with the next one, and subscribes again.
    fn deliver(&mut self, fanouts: Vec<Fanout>) {
        let loses = if fanouts.is_empty() { None } else { self.loses.take() };
        let mut lost = Vec::new();
        for Fanout { event, to } in fanouts {
            let Ok(Event::Storage(event)) = Event::decode(&event) else { panic!("no event") };
            assert_eq!(event.target, self.key.as_ref());
            for subscriber in to {
                if loses == Some(subscriber) {
                    continue;
                }
                let view = self.views.get_mut(&subscriber).expect("only listeners are told");
                match view.on_event(&event) {
                    StorageVerdict::Deliver => assert_eq!(&*view.news().author, event.author),
                    StorageVerdict::Lost => lost.push(subscriber),
                    other => panic!("{other:?}"),
                }
            }
        }
        for subscriber in lost {
            assert_eq!(self.views[&subscriber].major(), None);
            let time = UnixTime::from_millis(self.now);
            let told = self.set.subscribe(time, subscriber).expect("it listens");
            self.deliver(told);
        }
    }

    fn restore(&mut self) {
        let (items, floor) = (self.set.items(), self.set.floor());
        let set = StorageAuthority::restored(self.key.clone(), floor, items, &self.limits);
        self.set = set;
        self.views.clear();
        self.loses = None;
    }

    fn check(&self) {
        assert_eq!(facts(self.set.items()), self.model.facts);
        assert_eq!(self.set.floor().0, self.model.major);
        for (subscriber, view) in &self.views {
            // Who has lost the last event doesn't know it yet.
            let Some(major) = view.major() else { panic!("{subscriber:?} waits") };
            if major.0 == self.model.major {
                assert_eq!(facts(view.items()), self.model.facts, "{subscriber:?}");
            }
        }
        let behind = |view: &&StorageView| view.major() != Some(self.set.floor());
        assert!(self.views.values().filter(behind).count() <= 1, "all that have had all events");
        self.check_pages();
    }

    fn check_pages(&self) {
        let (mut after, mut all) = (String::new(), BTreeMap::new());
        loop {
            let page = self.set.page(0, &after);
            assert_eq!((page.major.0, page.total), (self.model.major, self.model.facts.len()));
            assert!(page.items.len() <= 2);
            all.extend(facts(page.items.iter().copied()));
            after = page.next.to_owned();
            if after.is_empty() {
                break;
            }
        }
        assert_eq!(all, self.model.facts);
    }
}

fn facts<'a>(items: impl Iterator<Item = MetadataItem<'a>>) -> BTreeMap<String, Fact> {
    let fact = |item: MetadataItem<'_>| Fact {
        value: item.value.to_vec(),
        revision: item.revision.0,
        time: item.time.as_millis(),
        author: item.author.to_owned(),
    };
    items.map(|item| (item.key.to_owned(), fact(item))).collect()
}

proptest! {
    #![proptest_config(crate::a_thousand_cases())]

    #[test]
    fn a_set_is_as_the_model_says_and_all_views_agree_at_once(
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            world.check();
        }
    }
}
