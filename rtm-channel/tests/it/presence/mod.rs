//! Long histories of one channel's presence against a plain model, and views that follow.

mod model;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use rtm_channel::{
    AppId, Arrival, ChannelKey, ChannelName, Fanout, Identity, Limits, PresenceAuthority,
    PresenceView, Refusal, SubscriberId, UserId,
};
use rtm_wire::{
    ChannelKind, Epoch, ErrorCode, Event, List, OnlineFlags, SessionInstance, State, Time, UnixTime,
};

use self::model::{Model, Shown};

const TIME: UnixTime = UnixTime::from_millis(1);
/// Users, each with this number of sessions that may take turns.
const USERS: u64 = 6;
const SESSIONS: u64 = 3;
const TIMEOUT: u64 = 5_000;
const INTERVAL: u64 = 30_000;

#[derive(Clone, Debug)]
enum Step {
    Join { user: u64, session: u64, hears: bool, is_quiet: bool },
    Leave { user: u64, session: u64 },
    Lose { user: u64, session: u64 },
    Silent { user: u64, session: u64 },
    Heard { user: u64, session: u64 },
    Set { user: u64, session: u64, pairs: BTreeMap<String, String> },
    Remove { user: u64, session: u64, keys: Vec<String> },
    Pass { millis: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let (user, session) = (0..USERS, 0..SESSIONS);
    let who = (user, session);
    let pairs = prop::collection::btree_map("[a-c]", "[0-2]", 0..3);
    let keys = prop::collection::vec("[a-d]", 0..3);
    prop_oneof![
        4 => (who.clone(), prop::bool::weighted(0.8), prop::bool::weighted(0.2)).prop_map(
            |((user, session), hears, is_quiet)| Step::Join { user, session, hears, is_quiet }
        ),
        2 => who.clone().prop_map(|(user, session)| Step::Leave { user, session }),
        2 => who.clone().prop_map(|(user, session)| Step::Lose { user, session }),
        2 => who.clone().prop_map(|(user, session)| Step::Silent { user, session }),
        2 => who.clone().prop_map(|(user, session)| Step::Heard { user, session }),
        8 => (who.clone(), pairs)
            .prop_map(|((user, session), pairs)| Step::Set { user, session, pairs }),
        3 => (who, keys).prop_map(|((user, session), keys)| Step::Remove { user, session, keys }),
        3 => prop_oneof![3 => 1..TIMEOUT, 1 => TIMEOUT..2 * INTERVAL]
            .prop_map(|millis| Step::Pass { millis }),
    ]
}

fn name(user: u64) -> String {
    format!("user {user}")
}

fn id(user: u64) -> UserId {
    UserId::new(&name(user)).expect("a name")
}

fn subscriber(user: u64, session: u64) -> SubscriberId {
    SubscriberId(user * SESSIONS + session + 1)
}

struct World {
    authority: PresenceAuthority,
    views: BTreeMap<SubscriberId, PresenceView>,
    now: u64,
}

impl World {
    fn now(&self) -> Time {
        Time::from_micros(self.now * 1_000)
    }

    fn deliver(&mut self, fanouts: Vec<Fanout>) {
        for Fanout { event, to } in fanouts {
            let Ok(Event::Presence(event)) = Event::decode(&event) else { panic!("no presence") };
            for subscriber in to {
                let view = self.views.get_mut(&subscriber).expect("only listeners are told");
                view.on_event(&event);
            }
        }
    }

    /// Does a step; false if it is refused.
    fn take(&mut self, step: &Step) -> bool {
        let now = self.now();
        let told = match *step {
            Step::Join { user, session, hears, is_quiet } => {
                let subscriber = subscriber(user, session);
                let identity = Identity { user: id(user), instance: SessionInstance(1) };
                let timeout = Duration::from_millis(TIMEOUT);
                let arrival = Arrival { subscriber, identity, hears, is_quiet, timeout };
                let told = self.authority.join(now, TIME, arrival);
                self.deliver(told);
                match hears {
                    true => self.views.insert(subscriber, PresenceView::new()),
                    false => self.views.remove(&subscriber),
                };
                self.authority.snapshot(now, TIME, subscriber)
            }
            Step::Leave { user, session } => {
                self.views.remove(&subscriber(user, session));
                self.authority.leave(now, TIME, subscriber(user, session), &id(user))
            }
            Step::Lose { user, session } => {
                self.views.remove(&subscriber(user, session));
                self.authority.lose(subscriber(user, session), &id(user), now);
                Vec::new()
            }
            Step::Silent { user, session } => {
                self.authority.silent(subscriber(user, session), &id(user), now);
                Vec::new()
            }
            Step::Heard { user, session } => {
                self.authority.heard(now, TIME, subscriber(user, session), &id(user))
            }
            Step::Set { user, session, ref pairs } => {
                let result = self.set(user, session, pairs);
                return self.settle(result);
            }
            Step::Remove { user, session, ref keys } => {
                let result = self.remove(user, session, keys);
                return self.settle(result);
            }
            Step::Pass { millis } => {
                self.pass(self.now + millis);
                Vec::new()
            }
        };
        self.deliver(told);
        true
    }

    fn set(&mut self, user: u64, session: u64, pairs: &Shown) -> Result<Vec<Fanout>, Refusal> {
        let pairs = pairs.iter().map(|(key, value)| State { key, value: value.as_bytes() });
        let pairs = Vec::from_iter(pairs);
        let (from, pairs) = (subscriber(user, session), List::Slice(&pairs));
        self.authority.set_states(self.now(), TIME, from, &id(user), pairs)
    }

    fn remove(&mut self, user: u64, session: u64, keys: &[String]) -> Result<Vec<Fanout>, Refusal> {
        let keys = Vec::from_iter(keys.iter().map(String::as_str));
        let (from, keys) = (subscriber(user, session), List::Slice(&keys));
        self.authority.remove_states(self.now(), TIME, from, &id(user), keys)
    }

    fn settle(&mut self, result: Result<Vec<Fanout>, Refusal>) -> bool {
        match result {
            Ok(told) => {
                self.deliver(told);
                true
            }
            Err(refusal) => {
                assert_eq!(refusal.code, ErrorCode::PRESENCE_NOT_WRITABLE);
                false
            }
        }
    }

    /// Time passes; what is due is done when it is due.
    fn pass(&mut self, until: u64) {
        while let Some(due) = self.authority.poll_timeout().map(|due| due.as_micros() / 1_000) {
            if due > until {
                break;
            }
            self.now = self.now.max(due);
            let told = self.authority.handle_timeout(self.now(), TIME);
            self.deliver(told);
        }
        self.now = until;
    }

    /// Who is there and what they show, page by page.
    fn truth(&self, limit: u64) -> BTreeMap<String, Shown> {
        let flags = OnlineFlags { user_ids: true, states: true };
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.authority.online_users(flags, limit, &after).expect("good flags");
            let users = page.users();
            all.extend(users.iter().map(|it| (it.user.to_owned(), shown(it.states.iter()))));
            if page.next().is_empty() {
                assert_eq!(page.total(), all.len() as u64);
                break;
            }
            assert!(page.next() > after.as_str(), "pages go on");
            after = page.next().to_owned();
        }
        assert!(all.is_sorted(), "by name");
        all.into_iter().collect()
    }
}

fn shown<'a>(states: impl Iterator<Item = State<'a>>) -> Shown {
    let text = |value| String::from_utf8_lossy(value).into_owned();
    states.map(|State { key, value }| (key.to_owned(), text(value))).collect()
}

fn play(announced: usize, debounce: u32, steps: &[Step]) {
    let (app, channel) = (AppId::new("app"), ChannelName::new("lobby"));
    let kind = ChannelKind::Message;
    let key = ChannelKey { app: app.expect("name"), kind, name: channel.expect("name") };
    let mut limits = Limits::hosted();
    (limits.presence_announced, limits.presence_debounce) = (announced, debounce);
    let authority = PresenceAuthority::new(key, Epoch(1), &limits);
    let mut world = World { authority, views: BTreeMap::new(), now: 0 };
    let mut model = Model::new(u64::from(debounce) * 1_000);
    for (at, step) in steps.iter().enumerate() {
        assert_eq!(world.take(step), model.take(step), "whether {step:?} is refused");
        assert_eq!(world.truth(1 + at as u64 % 4), model.truth(), "after {step:?}");
        if announced >= USERS as usize {
            converged(&world, &model);
        }
    }
    // What is gathered is told within an interval, and who has left within less.
    let end = Step::Pass { millis: 2 * INTERVAL };
    model.take(&end);
    world.take(&end);
    assert_eq!(world.truth(0), model.truth());
    assert_eq!(model.leaving(), BTreeSet::new());
    converged(&world, &model);
}

/// Every view equals the truth; what they see of those who are leaving may be older, and nobody is
/// told what it shows itself.
fn converged(world: &World, model: &Model) {
    let leaving = model.leaving();
    for (subscriber, view) in &world.views {
        let own = name((subscriber.0 - 1) / SESSIONS);
        let visible = |mut users: BTreeMap<String, Shown>| {
            for (user, shown) in &mut users {
                if *user == own || leaving.contains(user) {
                    shown.clear();
                }
            }
            users
        };
        let seen = view.users_with_states().map(|(user, states)| (user.to_owned(), shown(states)));
        assert_eq!(visible(seen.collect()), visible(model.truth()), "{subscriber:?}");
        let total = view.total();
        assert_eq!(total, view.users().count() as u64);
    }
}

proptest! {
    #![proptest_config(crate::a_thousand_cases())]

    #[test]
    fn all_is_as_the_model_says_and_all_views_agree_at_once(
        steps in prop::collection::vec(step(), 0..120),
        debounce in prop::sample::select(&[0, 2]),
    ) {
        play(USERS as usize, debounce, &steps);
    }

    #[test]
    fn views_of_a_crowd_agree_after_the_interval(
        steps in prop::collection::vec(step(), 0..120),
        debounce in prop::sample::select(&[0, 2]),
    ) {
        play(2, debounce, &steps);
    }
}
