//! An engine for real sockets: sends many messages, and takes the peer's.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtm_session::driver::{Engine, Flow, Moment};
use rtm_session::{
    Endpoint, Event, LaneSpec, LoginAnswer, PublicKey, Remote, SendError, SessionId, StreamAction,
    StreamEvent,
};
use rtm_wire::{CloseCode, LaneId, Time};

pub(crate) const COUNT: u32 = 3_000;
/// A test that hangs fails; nothing else depends on this.
const PATIENCE: Duration = Duration::from_secs(120);

/// Message `index`: its number and as many bytes more as it says.
pub(crate) fn message(index: u32) -> Bytes {
    let mut bytes = index.to_be_bytes().to_vec();
    bytes.resize(4 + index as usize % 1_700, index as u8);
    bytes.into()
}

/// Sends all messages on a lane of its own, and takes all of the peer's.
pub(crate) struct Talker {
    pub(crate) endpoint: Endpoint,
    session: Option<SessionId>,
    lane: Option<LaneId>,
    unsent: VecDeque<Bytes>,
    pub(crate) got: Vec<Bytes>,
    /// The end that says good-bye.
    closes: bool,
    was_open: bool,
}

impl Talker {
    pub(crate) fn new(endpoint: Endpoint, closes: bool) -> Self {
        let unsent = (0..COUNT).map(message).collect();
        Self { endpoint, session: None, lane: None, unsent, got: vec![], closes, was_open: false }
    }

    fn begin(&mut self, session: SessionId) {
        self.was_open = true;
        self.session = Some(session);
        self.lane = Some(self.endpoint.open_lane(session, LaneSpec::ORDERED).expect("a lane"));
    }

    fn send(&mut self, now: Time) {
        let (Some(session), Some(lane)) = (self.session, self.lane) else { return };
        while let Some(message) = self.unsent.front() {
            match self.endpoint.send(now, session, lane, message.clone()) {
                Ok(_) => drop(self.unsent.pop_front()),
                Err(SendError::QueueFull { .. }) => return,
                Err(error) => panic!("{error}"),
            }
        }
        let is_done = self.got.len() == COUNT as usize
            && self.endpoint.stats(session).is_some_and(|stats| stats.send_messages == 0);
        if self.closes && is_done {
            self.endpoint.close(now, session, CloseCode::DONE, "");
        }
    }
}

impl Engine for Talker {
    type Command = (SocketAddr, PublicKey);

    fn handle_command(&mut self, moment: Moment, (server, key): Self::Command) {
        self.endpoint.connect(moment.now, server, &key, b"login").expect("may connect");
    }

    fn handle_datagram(&mut self, moment: Moment, from: Remote, datagram: BytesMut) {
        self.endpoint.handle_datagram(moment.now, from, datagram);
    }

    fn handle_stream(&mut self, moment: Moment, event: StreamEvent) {
        self.endpoint.handle_stream(moment.now, event);
    }

    fn poll_stream_action(&mut self) -> Option<StreamAction> {
        self.endpoint.poll_stream_action()
    }

    fn handle_timeout(&mut self, moment: Moment) {
        self.endpoint.handle_timeout(moment.now);
    }

    fn flush(&mut self, moment: Moment) -> Flow {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::LoginRequested { login, .. } => {
                    self.endpoint.answer_login(moment.now, login, LoginAnswer::Accept(b""));
                }
                Event::Connected { session, .. } | Event::Accepted { session, .. } => {
                    self.begin(session);
                }
                Event::Message { session, lane, payload, .. } => {
                    self.endpoint.release(moment.now, session, lane, payload.len());
                    self.got.push(payload);
                }
                Event::Closed { .. } => self.session = None,
                _ => {}
            }
        }
        self.send(moment.now);
        if self.was_open && self.endpoint.is_idle() { Flow::Stop } else { Flow::Continue }
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        self.endpoint.poll_transmit(now, datagram)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.endpoint.poll_timeout()
    }
}

pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await.expect("it ends") });
}
