//! An application that talks at random: mixed sizes, several lanes that come and go, idle pauses,
//! backlogs.

use std::time::Duration;

use bytes::Bytes;
use rand::rngs::ChaCha12Rng;
use rand::{Rng, SeedableRng};
use rtm_session::{Endpoint, LaneSpec, Redundancy, SendError, SessionId};
use rtm_sim::scenario::{Failure, Scenario};
use rtm_wire::{LaneId, LaneMode, Priority, Time};

use super::history::History;
use super::ranges::{lanes_max, size_max};

#[derive(Debug)]
pub(crate) struct App {
    chance: ChaCha12Rng,
    /// What this end's messages begin their bytes from, so that each has its own.
    salt: u64,
    session: Option<SessionId>,
    lanes: Vec<LaneId>,
    lanes_max: u64,
    messages_left: u64,
    sent: u64,
    size_max: u64,
    backlog: u64,
    churn: u64,
    gap: Duration,
    idle: Duration,
    next_action: Option<Time>,
}

impl App {
    pub(crate) fn new(scenario: &Scenario, salt: u64) -> Self {
        let ms = |name| Duration::from_millis(scenario.load(name));
        Self {
            chance: ChaCha12Rng::seed_from_u64(scenario.seed.wrapping_mul(2).wrapping_add(salt)),
            salt,
            session: None,
            lanes: vec![LaneId::CONTROL],
            lanes_max: lanes_max(scenario),
            messages_left: scenario.load("messages"),
            sent: 0,
            size_max: size_max(scenario),
            backlog: scenario.load("backlog").max(1),
            churn: scenario.load("churn"),
            gap: ms("gap").max(Duration::from_millis(1)),
            idle: ms("idle"),
            next_action: None,
        }
    }

    /// The session is there. Something is said at once, however late that is.
    pub(crate) fn begin(&mut self, session: SessionId, now: Time) {
        self.session = Some(session);
        self.next_action = Some(now);
    }

    /// Nothing more is said.
    pub(crate) fn stop(&mut self) {
        self.messages_left = 0;
        if self.sent > 0 {
            self.next_action = None;
        }
    }

    pub(crate) fn next_action(&self) -> Option<Time> {
        self.next_action
    }

    /// The session is over.
    pub(crate) fn end(&mut self) {
        self.next_action = None;
    }

    /// Does what is due.
    pub(crate) fn act(
        &mut self,
        now: Time,
        endpoint: &mut Endpoint,
        history: &mut History,
    ) -> Result<(), Failure> {
        let (Some(session), Some(due)) = (self.session, self.next_action) else { return Ok(()) };
        if due > now {
            return Ok(());
        }
        if self.sent == 0 {
            self.say(now, (session, LaneId::CONTROL), endpoint, history)?;
        }
        let mut pause = self.gap * self.below(200) as u32 / 100;
        if self.messages_left > 0 && self.below(20) < self.churn {
            self.pass_by(now, session, endpoint, history)?;
        }
        match self.below(20) {
            0..=2 => self.open(session, endpoint, history)?,
            3 => self.close(now, session, endpoint, history),
            4 => pause += self.idle * self.below(100) as u32 / 100,
            5 | 6 => {
                let lane = self.some_lane();
                for _ in 0..self.below(self.backlog).min(self.messages_left) {
                    self.say(now, (session, lane), endpoint, history)?;
                }
            }
            _ if self.messages_left > 0 => {
                let lane = self.some_lane();
                self.say(now, (session, lane), endpoint, history)?;
            }
            _ => {}
        }
        self.next_action = (self.messages_left > 0).then(|| now + pause);
        Ok(())
    }

    fn open(
        &mut self,
        session: SessionId,
        endpoint: &mut Endpoint,
        history: &mut History,
    ) -> Result<(), Failure> {
        if self.lanes.len() as u64 > self.lanes_max {
            return Ok(());
        }
        let modes = [LaneMode::RELIABLE_ORDERED, LaneMode::RELIABLE_UNORDERED];
        let urgencies = [Priority::Highest, Priority::Normal, Priority::Low];
        let policies = [Redundancy::Auto, Redundancy::Eager, Redundancy::Off];
        let spec = LaneSpec {
            mode: modes[self.below(2) as usize],
            priority: urgencies[self.below(3) as usize],
            redundancy: policies[self.below(3) as usize],
            ..LaneSpec::ORDERED
        };
        match endpoint.open_lane(session, spec) {
            Ok(lane) => {
                history.open(lane, spec.mode == LaneMode::RELIABLE_ORDERED)?;
                self.lanes.push(lane);
                Ok(())
            }
            // Closed lanes count until the peer has everything of them.
            Err(SendError::TooManyLanes { .. }) => Ok(()),
            Err(error) => Err(Failure::new("a lane is refused without cause", error.to_string())),
        }
    }

    fn close(
        &mut self,
        now: Time,
        session: SessionId,
        endpoint: &mut Endpoint,
        history: &mut History,
    ) {
        if self.lanes.len() > 1 {
            let index = 1 + self.below(self.lanes.len() as u64 - 1) as usize;
            let lane = self.lanes.swap_remove(index);
            endpoint.close_lane(now, session, lane);
            history.close(lane);
        }
    }

    /// A lane for a message or two.
    fn pass_by(
        &mut self,
        now: Time,
        session: SessionId,
        endpoint: &mut Endpoint,
        history: &mut History,
    ) -> Result<(), Failure> {
        let before = self.lanes.len();
        self.open(session, endpoint, history)?;
        if self.lanes.len() > before {
            let lane = self.lanes.pop().expect("just opened");
            for _ in 0..1 + self.below(2) {
                self.say(now, (session, lane), endpoint, history)?;
            }
            endpoint.close_lane(now, session, lane);
            history.close(lane);
        }
        Ok(())
    }

    fn say(
        &mut self,
        now: Time,
        (session, lane): (SessionId, LaneId),
        endpoint: &mut Endpoint,
        history: &mut History,
    ) -> Result<(), Failure> {
        let length = self.length();
        let message = message(self.salt + self.sent * 2, length as usize);
        match endpoint.send(now, session, lane, message.clone()) {
            Ok(_) => {
                history.say(lane, message);
                self.sent += 1;
                self.messages_left = self.messages_left.saturating_sub(1);
                Ok(())
            }
            Err(SendError::QueueFull { .. }) if history.said() > 0 => Ok(()),
            Err(error) => {
                Err(Failure::new("a message is refused without cause", error.to_string()))
            }
        }
    }

    /// Most are short, a few as long as may be.
    fn length(&mut self) -> u64 {
        let longest = match self.below(20) {
            0..=9 => 50,
            10..=15 => 400,
            16..=18 => 2_500,
            _ => self.size_max,
        };
        1 + self.below(longest.min(self.size_max))
    }

    fn some_lane(&mut self) -> LaneId {
        let index = self.below(self.lanes.len() as u64) as usize;
        self.lanes[index]
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.chance.next_u64() % limit.max(1)
    }
}

/// Bytes that no other message has, and that tell their place: nothing of it can be swapped.
fn message(number: u64, length: usize) -> Bytes {
    let mut bytes = Vec::with_capacity(length + 8);
    let mut word = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    while bytes.len() < length {
        bytes.extend_from_slice(&word.to_le_bytes());
        word = (word ^ (word >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9).wrapping_add(1);
    }
    bytes.truncate(length);
    bytes.into()
}
