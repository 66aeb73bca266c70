//! Everything at once, from a seed: whatever happens, each command gets one answer, no message
//! comes twice or out of order, none is missing unless a gap says so, and in the end all is well.

use std::time::Duration;

use rand::rngs::ChaCha12Rng;
use rand::{Rng, SeedableRng};
use rtm_client::core::{Command, HandleId, Target};
use rtm_client::{ChannelEvent, LinkState, Qos, TopicEvent, TopicOptions};
use rtm_wire::CloseCode;

use super::world::{
    Lab, channel, join, join_topic, name, subscribe, subscribe_topic, unsubscribe, user,
};

const USERS: [&str; 3] = ["alice", "bob", "carol"];
const CHANNELS: [&str; 2] = ["lobby", "garden"];

struct Chaos {
    lab: Lab,
    chance: ChaCha12Rng,
    next_handle: u64,
    /// Who asked for what answer.
    asked: Vec<(usize, u64)>,
    epoch: u64,
}

impl Chaos {
    fn new(seed: u64) -> Self {
        let mut chance = ChaCha12Rng::seed_from_u64(seed);
        let loss = [0.0, 0.05, 0.3][chance.next_u64() as usize % 3];
        let lab = Lab::with_users(loss, &USERS);
        Self { lab, chance, next_handle: 1, asked: Vec::new(), epoch: 1 }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.chance.next_u64() as usize % limit
    }

    /// One step of somebody.
    fn step(&mut self) {
        let who = self.below(USERS.len());
        let (at, to) = (CHANNELS[self.below(2)], USERS[self.below(USERS.len())]);
        let former = 1 + self.below(self.next_handle as usize) as u64;
        let handle = self.next_handle;
        self.next_handle += 1;
        let options = TopicOptions::new().qos(Qos::Ordered);
        let command = match self.below(24) {
            0..=2 => subscribe(at, handle),
            3 => unsubscribe(at),
            4 => join(at, handle),
            5 => Command::Leave { channel: name(at) },
            6..=7 => join_topic(at, "news", handle, options),
            8..=9 => subscribe_topic(at, "news", &[], handle),
            10..=11 => subscribe_topic(at, "news", &[to], handle),
            12 => Command::UnsubscribeTopic { handle: HandleId(former) },
            13 => Command::LeaveTopic { handle: HandleId(former) },
            14 => Command::OpenInbox { handle: HandleId(handle) },
            15..=16 => {
                return self.lab.with_client(USERS[who], |it, now| it.drop_handle(now, former));
            }
            17 if self.below(8) == 0 => Command::Logout,
            other => {
                let target = match other % 3 {
                    0 => channel(at),
                    1 => user(to),
                    _ => Target::Topic(HandleId(former)),
                };
                let waiter = self.lab.publish(USERS[who], target, "hi");
                return self.asked.push((who, waiter));
            }
        };
        let waiter = self.lab.command(USERS[who], command);
        self.asked.push((who, waiter));
    }

    /// Something that nobody wants.
    fn accident(&mut self) {
        let who = USERS[self.below(USERS.len())];
        match self.below(4) {
            0 => {
                self.epoch += 1;
                self.lab.restart_server(self.epoch);
            }
            1 => {
                let address = self.lab.address(who);
                self.lab.world.network_mut().set_blackout(address, true);
                self.lab.run(Duration::from_secs(40));
                self.lab.world.network_mut().set_blackout(address, false);
            }
            _ => self.lab.with_server(|it, now| it.close(now, who, CloseCode::SHUTDOWN, "")),
        }
    }

    fn run(mut self) -> (Lab, u64) {
        self.lab.world.network_mut().record_trace();
        for index in 0..300 {
            self.step();
            if index % 40 == 39 {
                self.accident();
            }
            let pause = self.below(200) as u64;
            self.lab.run(Duration::from_millis(pause));
        }
        // All that is under way comes to its end.
        self.lab.run(Duration::from_secs(200));
        for (who, waiter) in &self.asked {
            let answer = self.lab.client(USERS[*who]).answers.get(waiter);
            assert!(answer.is_some(), "{} got no answer to {waiter}", USERS[*who]);
        }
        let hash = self.lab.world.network().trace_hash().unwrap();
        (self.lab, hash)
    }
}

/// Positions only go up, and each hole has a gap in its place.
fn check_order(lab: &Lab, who: &str) {
    let client = lab.client(who);
    for handle in 0..400 {
        let (mut last, mut after_gap) = (None, true);
        for (_, event) in client.channel_events.iter().filter(|(to, _)| to.0 == handle) {
            match event {
                ChannelEvent::Message(message) => {
                    let at = (message.epoch, message.sequence);
                    assert!(last < Some(at), "{who} {handle}: {last:?} then {at:?}");
                    let is_next = last.is_some_and(|(epoch, sequence)| (epoch, sequence + 1) == at);
                    assert!(is_next || after_gap, "{who} {handle}: {last:?} then {at:?}");
                    (last, after_gap) = (Some(at), false);
                }
                ChannelEvent::Gap(_) => after_gap = true,
                _ => {}
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        for (_, event) in client.topic_events.iter().filter(|(to, _)| to.0 == handle) {
            if let TopicEvent::Message(it) = event {
                let at = (it.publisher.to_string(), it.epoch, it.publication, it.sequence);
                assert!(seen.insert(at.clone()), "{who} {handle}: {at:?} twice");
            }
        }
    }
}

/// Whoever is left can do everything anew.
fn check_usable(lab: &mut Lab, who: &str) {
    if lab.client(who).core.link_state() == LinkState::Idle {
        lab.log_in(who);
    }
    assert_eq!(lab.client(who).core.link_state(), LinkState::Connected, "{who}");
    assert_eq!(lab.client(who).core.operations_in_flight(), 0, "{who}");
    lab.call(who, subscribe("last", 500)).unwrap();
    let publish = lab.publish(who, channel("last"), "end");
    lab.published(who, publish).unwrap();
    lab.run(Duration::from_secs(10));
    let heard = lab.client(who).heard(500);
    assert!(heard.last().is_some_and(|text| text.ends_with("end")), "{who}: {heard:?}");
    lab.call(who, join("last", 501)).unwrap();
    lab.call(who, join_topic("last", "news", 502, TopicOptions::new())).unwrap();
    let publish = lab.publish(who, Target::Topic(HandleId(502)), "end");
    lab.published(who, publish).unwrap();
    lab.call(who, Command::LeaveTopic { handle: HandleId(502) }).unwrap();
    lab.call(who, Command::Leave { channel: name("last") }).unwrap();
}

#[test]
fn whatever_happens_all_is_answered_and_in_the_end_all_is_well() {
    for seed in 0..40 {
        println!("seed {seed}");
        let (mut lab, _) = Chaos::new(seed).run();
        for who in USERS {
            check_order(&lab, who);
            check_usable(&mut lab, who);
        }
    }
}

#[test]
fn one_seed_gives_the_same_datagrams_again() {
    for seed in [3, 4] {
        let hashes = [Chaos::new(seed).run().1, Chaos::new(seed).run().1];
        assert_eq!(hashes[0], hashes[1]);
    }
}
