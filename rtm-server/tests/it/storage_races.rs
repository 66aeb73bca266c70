//! Several who write at the same time, over bad networks.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::ChaCha12Rng;
use rand::{RngExt, SeedableRng};
use rtm_client::core::{Answer, Command, MetadataTarget, WriteKind};
use rtm_client::{Error, ErrorKind, MetadataItem, MetadataOptions};
use rtm_server::AppLimits;
use rtm_session::Config;

use super::linear::{Ask, CALLS_MAX, Call, Said, State, is_linearizable};
use super::storage::{follow, get, lobby, major, set, write};
use super::world::{Lab, link};

const USERS: [&str; 4] = ["alice", "bob", "carol", "dave"];
/// The item that is always there, so that the set is.
const ANCHOR: u8 = 0;
const STEP: Duration = Duration::from_millis(5);

fn lab(seed: u64, users: &[&str]) -> Lab {
    let link = link().loss(0.2).jitter(Duration::from_millis(10));
    let mut lab = Lab::build(seed, link, AppLimits::open(), Config::server());
    lab.add_users(users);
    lab
}

#[test]
fn of_two_who_expect_one_revision_exactly_one_wins_and_nothing_is_lost() {
    let mut lab = lab(11, &["alice", "bob"]);
    let mut now = major(&mut lab, "alice", set(lobby(), &["n=0"]));
    let mut wins = BTreeMap::from([("alice", 0), ("bob", 0)]);
    for round in 1..=40 {
        // By the item's revision and by the set's, in turns.
        let command = |user: &str| {
            let item = MetadataItem::new("n", format!("{user} {round}"));
            let (item, options) = match round % 2 {
                0 => (item.revision(now), MetadataOptions::new()),
                _ => (item, MetadataOptions::new().major_revision(now)),
            };
            write(lobby(), WriteKind::Set, &[item], options)
        };
        let waiters = ["alice", "bob"].map(|user| (user, lab.command(user, command(user))));
        let answers = waiters.map(|(user, waiter)| (user, lab.answer(user, waiter)));
        let winners: Vec<_> =
            answers.iter().filter(|(_, answer)| answer.is_ok()).map(|(user, _)| *user).collect();
        assert_eq!(winners.len(), 1, "round {round}: {answers:?}");
        for (_, answer) in answers {
            match answer {
                Ok(Answer::Stored(stored)) => assert_eq!(stored.major_revision, now + 1),
                Ok(other) => panic!("{other:?}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::OutdatedRevision),
            }
        }
        now += 1;
        *wins.get_mut(winners[0]).unwrap() += 1;
        let metadata = get(&mut lab, "bob", lobby());
        assert_eq!(metadata.major_revision, now);
        let value = format!("{} {round}", winners[0]);
        assert_eq!(metadata.get("n").unwrap().value, value.as_bytes());
    }
    assert!(wins.values().all(|wins| *wins > 0), "each has its turn: {wins:?}");
}

#[test]
fn a_counter_that_all_raise_counts_each_once() {
    let mut lab = lab(12, &USERS);
    lab.call("alice", set(lobby(), &["count=0"])).unwrap();
    let mut raised = 0;
    // Read by all at once, then written by all at once, again and again.
    for _ in 0..20 {
        let reads =
            USERS.map(|user| (user, lab.command(user, Command::ReadMetadata { target: lobby() })));
        let writes = reads.map(|(user, waiter)| {
            let Answer::Metadata(metadata) = lab.answer(user, waiter).unwrap() else { panic!() };
            let item = metadata.get("count").unwrap();
            let count: u32 = std::str::from_utf8(&item.value).unwrap().parse().unwrap();
            let next = MetadataItem::new("count", (count + 1).to_string()).revision(item.revision);
            let command = write(lobby(), WriteKind::Update, &[next], MetadataOptions::new());
            (user, lab.command(user, command))
        });
        for (user, waiter) in writes {
            raised += u32::from(lab.answer(user, waiter).is_ok());
        }
    }
    let metadata = get(&mut lab, "alice", lobby());
    assert_eq!(metadata.get("count").unwrap().value, raised.to_string());
    assert!(raised >= 20, "each time at least one: {raised}");
}

/// What one client is doing.
struct Doing {
    waiter: u64,
    began: u64,
    ask: Ask,
}

/// Clients that do random things to the set of the lobby, and what they were told.
struct History {
    lab: Lab,
    chance: ChaCha12Rng,
    calls: Vec<Call>,
    doing: BTreeMap<&'static str, Doing>,
    /// The last revision that each has seen, of the set and of each item.
    seen: BTreeMap<&'static str, State>,
    values: u32,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut lab = lab(seed, &USERS);
        for (handle, user) in USERS.iter().enumerate() {
            lab.call(user, follow("lobby", handle as u64)).unwrap();
        }
        lab.call("alice", set(lobby(), &["0=0"])).unwrap();
        Self {
            lab,
            chance: ChaCha12Rng::seed_from_u64(seed),
            calls: Vec::new(),
            doing: BTreeMap::new(),
            seen: BTreeMap::new(),
            values: 0,
        }
    }

    fn now(&self) -> u64 {
        self.lab.world.now().as_micros()
    }

    /// Lets each client that has nothing to do begin something, perhaps.
    fn begin(&mut self) {
        for user in USERS {
            let is_full = self.calls.len() + self.doing.len() >= CALLS_MAX;
            if is_full || self.doing.contains_key(user) || !self.chance.random_bool(0.3) {
                continue;
            }
            let ask = self.ask(user);
            let began = self.now();
            let waiter = self.lab.command(user, command(&ask));
            self.doing.insert(user, Doing { waiter, began, ask });
        }
    }

    fn ask(&mut self, user: &str) -> Ask {
        let seen = self.seen.get(user).cloned().unwrap_or_default();
        let key = self.chance.random_range(1..4_u8);
        let known = seen.items.get(&key).map_or(0, |(_, revision)| *revision);
        let item = [-1, 0, known, known][self.chance.random_range(0..4)];
        let major = [-1, -1, -1, seen.major][self.chance.random_range(0..4)];
        self.values += 1;
        match self.chance.random_range(0..10) {
            0..5 => Ask::Set { key, value: self.values, item, major },
            // To remove what must not exist is another error.
            5 | 6 if item != 0 && major != 0 => Ask::Remove { key, item, major },
            _ => Ask::Get,
        }
    }

    /// Takes the answers that have come.
    fn take(&mut self) {
        let now = self.now();
        let answered = self.doing.iter().filter_map(|(user, doing)| {
            let answers = &self.lab.client(user).answers;
            answers.get(&doing.waiter).map(|answer| (*user, answer.clone()))
        });
        for (user, answer) in answered.collect::<Vec<_>>() {
            let Doing { began, ask, .. } = self.doing.remove(user).expect("it was there");
            let said = said(answer);
            if let Said::All(state) = &said {
                self.seen.insert(user, state.clone());
            }
            let answered = (said != Said::Unknown).then_some(now);
            self.calls.push(Call { began, answered, ask, said });
        }
    }

    fn run(&mut self, span: Duration) {
        for _ in 0..span.as_micros() / STEP.as_micros() {
            self.begin();
            self.lab.run(STEP);
            self.take();
        }
    }

    /// Waits for all that is under way, and checks all that was told.
    fn check(mut self, seed: u64) {
        self.lab.run(Duration::from_secs(60));
        self.take();
        assert!(self.doing.is_empty(), "seed {seed}: everything is answered");
        let start = State { major: 1, items: BTreeMap::from([(ANCHOR, (0, 1))]) };
        assert!(is_linearizable(&start, &self.calls), "seed {seed}: {:#?}", self.calls);
        let truth = get(&mut self.lab, "alice", lobby());
        for (handle, user) in USERS.iter().enumerate() {
            let told = self.lab.client(user).storage.iter();
            let told = told.filter(|(to, _)| to.0 == handle as u64).map(|(_, event)| event);
            let last = told.clone().next_back().expect("a snapshot");
            assert_eq!(last.major_revision, truth.major_revision, "seed {seed}: {user}");
            assert!(last.items.iter().eq(truth.items.iter()), "seed {seed}: {user}");
            let majors: Vec<_> = told.map(|event| event.major_revision).collect();
            let has_holes = majors.windows(2).any(|pair| pair[1] != pair[0] + 1);
            assert!(!has_holes || *user == "dave", "seed {seed}: {user}: {majors:?}");
        }
    }
}

fn command(ask: &Ask) -> Command {
    let target: MetadataTarget = lobby();
    let options = |major: &i64| MetadataOptions::new().major_revision(*major);
    match ask {
        Ask::Get => Command::ReadMetadata { target },
        Ask::Set { key, value, item, major } => {
            let item = MetadataItem::new(key.to_string(), value.to_string()).revision(*item);
            write(target, WriteKind::Set, &[item], options(major))
        }
        Ask::Remove { key, item, major } => {
            let item = MetadataItem::named(key.to_string()).revision(*item);
            write(target, WriteKind::Remove, &[item], options(major))
        }
    }
}

fn said(answer: Result<Answer, Error>) -> Said {
    match answer {
        Ok(Answer::Stored(stored)) => Said::Stored(stored.major_revision),
        Ok(Answer::Metadata(metadata)) => {
            let items = metadata.items.iter().map(|item| {
                let number = |text: &[u8]| std::str::from_utf8(text).unwrap().parse().unwrap();
                let key = item.key.parse().unwrap();
                (key, (number(&item.value), item.revision))
            });
            Said::All(State { major: metadata.major_revision, items: items.collect() })
        }
        Ok(other) => panic!("{other:?}"),
        Err(error) => match error.kind() {
            ErrorKind::OutdatedRevision => Said::Outdated,
            // A read that failed tells nothing either.
            ErrorKind::OutcomeUnknown | ErrorKind::NotConnected => Said::Unknown,
            _ => panic!("{error}"),
        },
    }
}

#[test]
fn random_histories_of_several_clients_are_linearizable() {
    for seed in 0..12 {
        let mut history = History::new(seed);
        history.run(Duration::from_millis(2_500));
        assert!(history.calls.len() >= 50, "seed {seed}: {}", history.calls.len());
        history.check(seed);
    }
}

#[test]
fn histories_in_which_a_session_is_lost_are_linearizable() {
    for seed in 100..106 {
        let mut history = History::new(seed);
        history.run(Duration::from_millis(800));
        history.lab.set_blackout("dave", true);
        history.run(Duration::from_millis(800));
        // Its session dies, and it comes back.
        history.lab.run(Duration::from_secs(45));
        history.take();
        history.lab.set_blackout("dave", false);
        history.lab.run(Duration::from_secs(60));
        history.run(Duration::from_millis(500));
        history.check(seed);
    }
}
