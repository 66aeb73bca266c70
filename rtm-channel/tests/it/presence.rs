//! Long histories of one channel's presence against a plain model, and views that follow.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use rtm_channel::{
    AppId, Arrival, ChannelKey, ChannelName, Fanout, Identity, Limits, PresenceAuthority,
    PresenceView, SubscriberId, UserId,
};
use rtm_wire::{ChannelKind, Epoch, Event, SessionInstance, Time, UnixTime};

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
    Pass { millis: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let (user, session) = (0..USERS, 0..SESSIONS);
    let who = (user, session);
    prop_oneof![
        4 => (who.clone(), prop::bool::weighted(0.8), prop::bool::weighted(0.2)).prop_map(
            |((user, session), hears, is_quiet)| Step::Join { user, session, hears, is_quiet }
        ),
        1 => who.clone().prop_map(|(user, session)| Step::Leave { user, session }),
        2 => who.clone().prop_map(|(user, session)| Step::Lose { user, session }),
        2 => who.clone().prop_map(|(user, session)| Step::Silent { user, session }),
        2 => who.prop_map(|(user, session)| Step::Heard { user, session }),
        3 => prop_oneof![1..TIMEOUT, TIMEOUT..2 * INTERVAL]
            .prop_map(|millis| Step::Pass { millis }),
    ]
}

/// What each session is in the channel, by rules that are easy to check by eye.
#[derive(Clone, Debug, Default)]
struct Model {
    now: u64,
    /// Sessions in the channel that aren't quiet, and since when they are silent.
    shown: BTreeMap<(u64, u64), Option<u64>>,
    /// For each user the session that stands for it, and when it was lost, if it was.
    stands: BTreeMap<u64, (u64, Option<u64>)>,
}

impl Model {
    /// Who is there: a session stands for the user, and was not lost for longer than the timeout.
    fn present(&self) -> BTreeSet<String> {
        let is_there = |lost: Option<u64>| lost.is_none_or(|at| self.now < at + TIMEOUT);
        let there = self.stands.iter().filter(|(_, (_, lost))| is_there(*lost));
        there.map(|(user, _)| name(*user)).collect()
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Join { user, session, is_quiet: false, .. } => {
                self.shown.insert((user, session), None);
                self.stands.insert(user, (session, None));
            }
            Step::Join { user, session, is_quiet: true, .. } => {
                self.shown.remove(&(user, session));
                self.stands.remove(&user);
            }
            Step::Leave { user, session } => {
                self.shown.remove(&(user, session));
                self.stands.retain(|other, (by, _)| (*other, *by) != (user, session));
            }
            Step::Lose { user, session } => {
                self.lose(user, session);
                self.shown.remove(&(user, session));
                // Nothing stands for a user who is gone and whose session is.
                let present = self.present();
                self.stands.retain(|other, (by, _)| {
                    (*other, *by) != (user, session) || present.contains(&name(user))
                });
            }
            Step::Silent { user, session } => self.lose(user, session),
            Step::Heard { user, session } => {
                if let Some((by, lost)) = self.stands.get_mut(&user) {
                    if *by == session && self.shown.contains_key(&(user, session)) {
                        *lost = None;
                    }
                }
            }
            Step::Pass { millis } => self.now += millis,
        }
    }

    fn lose(&mut self, user: u64, session: u64) {
        let now = self.now;
        if let Some((by, lost)) = self.stands.get_mut(&user) {
            if *by == session {
                *lost = lost.or(Some(now));
            }
        }
    }
}

fn name(user: u64) -> String {
    format!("user {user}")
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

    fn take(&mut self, step: &Step) {
        let subscriber = |user, session| SubscriberId(user * SESSIONS + session + 1);
        let id = |user| UserId::new(&name(user)).expect("a name");
        let now = self.now();
        let told = match *step {
            Step::Join { user, session, hears, is_quiet } => {
                let subscriber = subscriber(user, session);
                let identity = Identity { user: id(user), instance: SessionInstance(session) };
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
            Step::Pass { millis } => return self.pass(self.now + millis),
        };
        self.deliver(told);
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

    fn present(&self) -> BTreeSet<String> {
        self.authority.users().map(|user| user.as_str().to_owned()).collect()
    }
}

fn play(announced: usize, steps: &[Step]) {
    let (app, channel) = (AppId::new("app"), ChannelName::new("lobby"));
    let kind = ChannelKind::Message;
    let key = ChannelKey { app: app.expect("name"), kind, name: channel.expect("name") };
    let mut limits = Limits::hosted();
    (limits.presence_announced, limits.presence_debounce) = (announced, 0);
    let authority = PresenceAuthority::new(key, Epoch(1), &limits);
    let mut world = World { authority, views: BTreeMap::new(), now: 0 };
    let mut model = Model::default();
    for step in steps {
        model.take(step);
        world.take(step);
        assert_eq!(world.present(), model.present(), "after {step:?}");
        if announced >= USERS as usize {
            converged(&world);
        }
    }
    // What is gathered is told within an interval.
    let end = Step::Pass { millis: 2 * INTERVAL };
    model.take(&end);
    world.take(&end);
    assert_eq!(world.present(), model.present());
    converged(&world);
}

fn converged(world: &World) {
    for (subscriber, view) in &world.views {
        let seen: BTreeSet<String> = view.users().map(str::to_owned).collect();
        assert_eq!(seen, world.present(), "{subscriber:?}");
    }
}

proptest! {
    #![proptest_config(crate::a_thousand_cases())]

    #[test]
    fn who_is_there_is_as_the_model_says_and_all_views_agree_at_once(
        steps in prop::collection::vec(step(), 0..120),
    ) {
        play(USERS as usize, &steps);
    }

    #[test]
    fn views_of_a_crowd_agree_after_the_interval(
        steps in prop::collection::vec(step(), 0..120),
    ) {
        play(2, &steps);
    }
}
