//! Everything at once, from a seed, checked against a model that shares no code with the engines.
//!
//! `RTM_SEEDS` says how many seeds, `RTM_SEED` names a single one.

mod events;
mod kept;
mod model;
mod presence;
mod quiet;

use std::time::Duration;

use rand::rngs::ChaCha12Rng;
use rand::{Rng, SeedableRng};
use rtm_client::core::{Command, HandleId, Target};
use rtm_client::{ChannelId, LinkState, PublishOptions, Qos, TopicOptions};
use rtm_server::AppLimits;
use rtm_session::Config;
use rtm_sim::{LinkConfig, Reorder};

use self::kept::{join, subscribe};
use self::model::{Model, Place};
use super::raw::{encode, login};
use super::server::OPEN_APP;
use super::world::{
    Lab, channel, join_topic_with, leave, leave_topic, link, login as log_in, open_inbox,
    subscribe_topic, unsubscribe, unsubscribe_topic, user, user_ids,
};

const USERS: [&str; 4] = ["alice", "bob", "carol", "dave"];
/// Tens of them.
const CROWD: [&str; 24] = [
    "a1", "a2", "a3", "a4", "a5", "a6", "b1", "b2", "b3", "b4", "b5", "b6", "c1", "c2", "c3", "c4",
    "c5", "c6", "d1", "d2", "d3", "d4", "d5", "d6",
];
const CHANNELS: [&str; 2] = ["lobby", "garden"];
/// Topics, each with its order; what is said in the last one takes the place of what was said
/// before.
const TOPICS: [(&str, Qos); 3] =
    [("news", Qos::Ordered), ("talk", Qos::Unordered), (LATEST, Qos::Unordered)];
const LATEST: &str = "cars";
/// Of states.
const KEYS: [&str; 3] = ["mood", "hand", "seat"];

/// How many steps a run has, and one of a crowd.
const STEPS: usize = 120;
const STEPS_OF_CROWD: usize = 480;

/// What may happen besides what users do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    /// The network loses, repeats and delays, and that is all.
    Calm,
    /// Clients are cut off, move and are driven out, and the server starts anew.
    Rough,
}

struct Chaos {
    users: &'static [&'static str],
    lab: Lab,
    chance: ChaCha12Rng,
    weather: Weather,
    model: Model,
    instances: u64,
    /// The first message that was said when all had come to rest.
    rest: u64,
}

impl Chaos {
    fn new(seed: u64, weather: Weather, users: &'static [&'static str]) -> Self {
        let mut chance = ChaCha12Rng::seed_from_u64(seed);
        let link = bad_link(&mut chance);
        let session = match weather {
            Weather::Calm => Config::server(),
            // So short that some sessions are too slow.
            Weather::Rough => Config::server().send_queue(64 * 1_024, 24),
        };
        let mut limits = AppLimits::open();
        // Good-byes that are told at once, and such that wait.
        limits.channel.presence_debounce = if seed % 2 == 0 { 0 } else { 2 };
        let mut lab = Lab::build(seed, link, limits, session);
        lab.world.network_mut().record_trace();
        let delay = [0, 5, 80][chance.next_u64() as usize % 3];
        lab.with_server(|server, _| server.set_disk_delay(Duration::from_millis(delay)));
        for &name in users {
            lab.add_with(name, OPEN_APP, name, |config| {
                // Some are soon gone for others, whatever becomes of their sessions.
                let patience = if name < "c" { 300 } else { 5 };
                config.presence_timeout = Duration::from_secs(patience);
            });
            lab.log_in(name);
        }
        Self { users, lab, chance, weather, model: Model::default(), instances: 0, rest: 0 }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.chance.next_u64() as usize % limit
    }

    fn some_user(&mut self) -> &'static str {
        self.users[self.below(self.users.len())]
    }

    fn run(&mut self) {
        let steps = if self.users.len() > USERS.len() { STEPS_OF_CROWD } else { STEPS };
        for index in 0..steps {
            self.step();
            if self.weather == Weather::Rough && index % 25 == 24 {
                self.accident();
            }
            // Often at once, so that operations cross each other.
            let pause = [0, 0, 5, 30, 200][self.below(5)];
            self.lab.run(Duration::from_millis(pause));
            self.check_held();
        }
        for &name in self.users {
            self.lab.set_blackout(name, false);
            self.lab.with_client(name, |client, _| client.takes = true);
        }
        // All that is under way comes to its end.
        self.lab.run(Duration::from_secs(200));
        self.rest = self.model.next_message();
    }

    /// Somebody does something.
    fn step(&mut self) {
        let who = self.some_user();
        let (at, to) = (CHANNELS[self.below(2)], self.some_user());
        let (topic, qos) = TOPICS[self.below(3)];
        let options = TopicOptions::new().qos(qos);
        let options = if topic == LATEST { options.latest_only() } else { options };
        let former = HandleId(self.model.some_handle(who, self.chance.next_u64()));
        let named = [to];
        let users = &named[self.below(2)..];
        let next = self.model.next_handle();
        let (place, command) = match self.below(56) {
            44..=48 => return self.write(who),
            49..=55 => return self.lock(who),
            0..=3 => (Some(Place::Channel(at)), subscribe(at, next)),
            4 => (None, unsubscribe(at)),
            5..=7 => (Some(Place::Stream(at)), join(at, next)),
            8 => (None, leave(at)),
            9..=11 => {
                (Some(Place::Publication(at, topic)), join_topic_with(at, topic, next, options))
            }
            12..=15 => (Some(Place::Topic(at, topic)), subscribe_topic(at, topic, users, next)),
            16 => (None, unsubscribe_topic(former.0)),
            17 => (None, leave_topic(former.0)),
            18 => (Some(Place::Inbox), open_inbox(next)),
            19 => return self.lab.with_client(who, |it, now| it.drop_handle(now, former.0)),
            20 => {
                self.model.change_publishers(who, former);
                let users = (!users.is_empty()).then(|| user_ids(users));
                (None, Command::AddPublishers { handle: former, users })
            }
            21 => {
                self.model.change_publishers(who, former);
                (None, Command::RemovePublishers { handle: former, users: user_ids(&[to]) })
            }
            22 => {
                let takes = self.below(2) == 0;
                return self.lab.with_client(who, |it, _| it.takes = takes);
            }
            24 | 25 => {
                let states = vec![(KEYS[self.below(3)].to_owned(), format!("{next}"))];
                (None, Command::SetStates { channel: message_or_stream(at, next), states })
            }
            26 => {
                let keys = KEYS[..self.below(2)].iter().map(|&key| key.to_owned()).collect();
                (None, Command::RemoveStates { channel: message_or_stream(at, next), keys })
            }
            23 if self.weather == Weather::Rough => (None, Command::Logout),
            27 if self.weather == Weather::Rough => (None, log_in("")),
            other => {
                let count = 1 + self.below(4);
                let target = match other % 3 {
                    0 => channel(at),
                    1 => user(to),
                    _ => Target::Topic(former),
                };
                return (0..count).for_each(|_| self.say(who, &target));
            }
        };
        let waiter = self.lab.command(who, command);
        self.model.ask(who, waiter, place);
    }

    /// Somebody publishes something that nobody has said before.
    fn say(&mut self, who: &'static str, target: &Target) {
        let padding = [0, 0, 0, 3_000][self.below(4)];
        let payload = self.model.next_text(padding);
        let store = !matches!(target, Target::Topic(_)) && self.below(2) == 0;
        let options = PublishOptions::text().store_in_history(store);
        let command =
            Command::Publish { target: target.clone(), payload: payload.clone().into(), options };
        let waiter = self.lab.command(who, command);
        self.model.say(who, waiter, target, store);
    }

    /// Something that nobody wants.
    fn accident(&mut self) {
        let who = self.some_user();
        match self.below(6) {
            0 => {
                let is_there = self.below(2) == 0;
                self.lab.crash_server(is_there);
            }
            1 => self.lab.outage(who),
            2 => {
                self.lab.set_blackout(who, true);
                let span = self.below(20_000) as u64;
                self.lab.run(Duration::from_millis(span));
                self.lab.set_blackout(who, false);
            }
            3 => self.lab.set_blackout(who, true),
            4 => {
                let address = format!("172.16.0.{}:5000", 1 + self.below(200));
                let old = self.lab.address(who);
                self.lab.world.network_mut().rebind(old, address.parse().unwrap());
            }
            _ => self.drive_out(who),
        }
    }

    /// The user logs in elsewhere, for a moment.
    fn drive_out(&mut self, who: &str) {
        self.instances += 1;
        let name = format!("elsewhere {}", self.instances);
        let login = encode(0, login(who, self.instances));
        self.lab.add_raw(&name, Config::default(), &login);
        // Longer than the handshake may take.
        self.lab.run(Duration::from_secs(11));
        self.lab.with_raw(&name, |raw, now| {
            if let Some(session) = raw.session {
                raw.endpoint.close(now, session, rtm_wire::CloseCode::DONE, "");
            }
        });
        self.lab.run(Duration::from_secs(1));
    }

    fn is_connected(&self, who: &str) -> bool {
        self.lab.client(who).core.link_state() == LinkState::Connected
    }
}

fn message_or_stream(name: &str, number: u64) -> ChannelId {
    let make = if number % 2 == 0 { ChannelId::message } else { ChannelId::stream };
    make(name).expect("a name")
}

fn bad_link(chance: &mut ChaCha12Rng) -> LinkConfig {
    let mut one_of = |values: [f64; 3]| values[chance.next_u64() as usize % 3];
    let loss = one_of([0.0, 0.05, 0.2]);
    let jitter = Duration::from_secs_f64(one_of([0.0, 0.01, 0.05]));
    let (duplicate, probability) = (one_of([0.0, 0.05, 0.1]), one_of([0.0, 0.05, 0.1]));
    let extra_delay = Duration::from_millis(60);
    let reorder = Reorder { probability, extra_delay };
    link().loss(loss).jitter(jitter).duplicate(duplicate).reorder(reorder)
}

/// The seeds of a test: those that are asked for, or a few hundred.
fn seeds(default: u64) -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match (number("RTM_SEED"), number("RTM_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, seeds) => 0..seeds.unwrap_or(default),
    }
}

/// Names the run when it fails.
struct Named(u64, Weather);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(seed, weather) = self;
            println!("{weather:?} weather, seed {seed}: RTM_SEED={seed} runs it alone");
        }
    }
}

fn check(seed: u64, weather: Weather, users: &'static [&'static str]) {
    let _named = Named(seed, weather);
    let mut chaos = Chaos::new(seed, weather, users);
    chaos.run();
    chaos.settle();
    chaos.check_answers();
    chaos.check_events();
    chaos.end();
}

#[test]
fn whatever_users_do_each_message_is_heard_once_in_order_by_those_who_should() {
    for seed in seeds(100) {
        check(seed, Weather::Calm, &USERS);
    }
}

#[test]
fn whatever_happens_nothing_is_lost_in_silence_and_in_the_end_all_agree() {
    for seed in seeds(200) {
        check(seed, Weather::Rough, &USERS);
    }
}

#[test]
fn tens_of_users_agree_in_the_end_too() {
    for seed in seeds(3) {
        check(seed, Weather::Rough, &CROWD);
    }
}

#[test]
fn one_seed_gives_the_same_datagrams_again() {
    for (seed, weather) in [(3, Weather::Calm), (4, Weather::Rough), (5, Weather::Rough)] {
        let hash = || {
            let mut chaos = Chaos::new(seed, weather, &USERS);
            chaos.run();
            let network = chaos.lab.world.network();
            (network.trace_hash().expect("it is recorded"), chaos.lab.status())
        };
        let first = hash();
        assert_eq!(hash(), first, "{weather:?}, seed {seed}");
    }
}
