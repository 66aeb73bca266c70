//! One end: endpoint, application, and what is checked all the time.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use rtm_session::{CloseCause, Config, Endpoint, Event, LoginAnswer, SessionId};
use rtm_sim::Node;
use rtm_sim::scenario::{Failure, Scenario};
use rtm_wire::{LaneId, Time};

use super::app::App;
use super::history::History;
use super::limits::{Memory, Reach};
use super::ranges::lane_bytes_max;

#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) endpoint: Endpoint,
    pub(crate) app: App,
    pub(crate) history: History,
    pub(crate) session: Option<SessionId>,
    pub(crate) ending: Option<Ending>,
    /// The first broken promise.
    pub(crate) fault: Option<Failure>,
    /// When something came last; at first, when the session was asked for. By this end's clock.
    pub(crate) heard_at: Time,
    pub(crate) arrived: u64,
    /// How often the session was woken.
    pub(crate) timeouts: u64,
    pub(crate) transmits: u64,
    is_server: bool,
    reach: Reach,
    memory: Memory,
    hold: Duration,
    /// What the application has not finished with, and until when.
    held: VecDeque<(Time, LaneId, usize)>,
    /// Bytes of those on each lane, and 32 for each message.
    held_bytes: BTreeMap<LaneId, u64>,
    lane_bytes_max: u64,
}

/// How the session ended.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) cause: CloseCause,
    /// How long nothing had come.
    pub(crate) silence: Duration,
}

impl Peer {
    pub(crate) fn new(
        scenario: &Scenario,
        endpoint: Endpoint,
        config: &Config,
        is_server: bool,
    ) -> Self {
        Self {
            endpoint,
            app: App::new(scenario, is_server.into()),
            history: History::new(),
            session: None,
            ending: None,
            fault: None,
            heard_at: Time::ZERO,
            arrived: 0,
            timeouts: 0,
            transmits: 0,
            is_server,
            reach: Reach::new(scenario),
            memory: Memory::new(config),
            hold: Duration::from_millis(scenario.load("hold")),
            held: VecDeque::new(),
            held_bytes: BTreeMap::new(),
            lane_bytes_max: lane_bytes_max(scenario, !is_server),
        }
    }

    /// Whether the session is there and goes on.
    pub(crate) fn is_open(&self) -> bool {
        self.session.is_some() && self.ending.is_none()
    }

    /// Whether nothing is queued, incomplete or held.
    pub(crate) fn is_quiet(&self) -> bool {
        let stats = self.session.and_then(|session| self.endpoint.stats(session));
        stats.is_some_and(|stats| {
            (stats.send_messages, stats.receive_bytes, stats.unreleased_bytes) == (0, 0, 0)
        })
    }

    fn settle(&mut self, now: Time) {
        let outcome = self.try_settle(now);
        self.note(outcome);
    }

    fn note(&mut self, outcome: Result<(), Failure>) {
        if let Err(failure) = outcome {
            self.fault.get_or_insert(failure);
        }
    }

    fn try_settle(&mut self, now: Time) -> Result<(), Failure> {
        while let Some(event) = self.endpoint.poll_event() {
            if self.ending.is_some() {
                let detail = format!("{event:?}");
                return Err(Failure::new("news of a session that has ended", detail));
            }
            match event {
                Event::LoginRequested { login, .. } => {
                    self.endpoint.answer_login(now, login, LoginAnswer::Accept(b"welcome"));
                }
                Event::Connected { session, .. } | Event::Accepted { session, .. } => {
                    if self.session.replace(session).is_some() {
                        return Err(Failure::new("two sessions for one login", ""));
                    }
                    self.app.begin(session, now);
                }
                Event::Message { lane, payload, .. } => {
                    self.hold(now, lane, payload.len())?;
                    self.history.hear(lane, payload)?;
                }
                Event::LaneClosed { lane, .. } => self.history.hear_end(lane)?,
                Event::Closed { cause, .. } => {
                    let silence = now.saturating_since(self.heard_at);
                    self.ending = Some(Ending { cause, silence });
                    self.app.end();
                }
                Event::Refused { code, .. } => {
                    return Err(Failure::new("a good login is refused", format!("{code:?}")));
                }
                _ => {}
            }
        }
        self.release(now);
        let Some(session) = self.session else { return Ok(()) };
        self.app.act(now, &mut self.endpoint, &mut self.history)?;
        match self.endpoint.stats(session) {
            Some(stats) => self.memory.check(&stats, &self.history),
            None => Ok(()),
        }
    }

    /// The application keeps a message for a while.
    fn hold(&mut self, now: Time, lane: LaneId, bytes: usize) -> Result<(), Failure> {
        self.held.push_back((now + self.hold, lane, bytes));
        let held = self.held_bytes.entry(lane).or_default();
        *held += bytes as u64 + 32;
        if *held > self.lane_bytes_max {
            let detail = format!("lane {lane}: {held} bytes, bound {}", self.lane_bytes_max);
            return Err(Failure::new("a lane brings more than its credit", detail));
        }
        Ok(())
    }

    /// The application has finished with its oldest messages.
    fn release(&mut self, now: Time) {
        while let Some(&(until, lane, bytes)) = self.held.front() {
            if until > now {
                break;
            }
            self.held.pop_front();
            *self.held_bytes.entry(lane).or_default() -= bytes as u64 + 32;
            if let Some(session) = self.session {
                self.endpoint.release(now, session, lane, bytes);
            }
        }
    }
}

impl Node for Peer {
    fn handle_datagram(&mut self, now: Time, from: SocketAddr, datagram: BytesMut) {
        self.arrived += 1;
        if self.is_server {
            self.reach.received(now, from, &datagram);
        }
        self.endpoint.handle_datagram(now, from, datagram);
        // The news may be that the silence before was too long.
        self.settle(now);
        self.heard_at = now;
    }

    fn handle_timeout(&mut self, now: Time) {
        if self.endpoint.poll_timeout().is_some_and(|due| due <= now) {
            self.timeouts += 1;
            self.endpoint.handle_timeout(now);
        }
        self.settle(now);
    }

    fn poll_transmit(&mut self, now: Time, buf: &mut Vec<u8>) -> Option<SocketAddr> {
        self.settle(now);
        let to = self.endpoint.poll_transmit(now, buf)?.addr();
        self.transmits += 1;
        if self.is_server {
            let outcome = self.reach.sent(now, to, buf.len());
            self.note(outcome);
        }
        Some(to)
    }

    fn poll_timeout(&self) -> Option<Time> {
        let held = self.held.front().map(|(until, ..)| *until);
        [self.endpoint.poll_timeout(), self.app.next_action(), held].into_iter().flatten().min()
    }
}
