//! The sending end.

use bytes::{Bytes, BytesMut};
use rtm_session::driver::{Engine, Flow, Moment};
use rtm_session::{
    Endpoint, Event, PublicKey, Remote, SendError, SessionId, StreamAction, StreamEvent,
};
use rtm_wire::{CloseCode, LaneId, Time};
use std::collections::{BTreeMap, VecDeque};

use super::Options;
use super::settings::{Sessions, Settings};
use crate::work::{Outgoing, Work};

/// What the schedule asks for.
pub(super) enum Command {
    Begin,
    Send(Outgoing),
}

/// Opens sessions and sends messages when told to.
pub(super) struct Client {
    endpoint: Endpoint,
    settings: Settings,
    work: Work,
    server_key: PublicKey,
    tracks: Vec<Track>,
    /// Sessions with one message each, which has been sent or waits for the session.
    cold: BTreeMap<SessionId, Option<Bytes>>,
    bulk_piece: Option<Bytes>,
}

/// Where a flow's messages go.
#[derive(Default)]
struct Track {
    session: Option<SessionId>,
    lane: Option<LaneId>,
    waiting: VecDeque<Bytes>,
}

impl Client {
    pub(super) fn new(endpoint: Endpoint, options: &Options, key: PublicKey, start: u64) -> Self {
        let Options { settings, work } = options;
        Self {
            endpoint,
            settings: settings.clone(),
            work: work.clone(),
            server_key: key,
            tracks: (0..work.flow_count()).map(|_| Track::default()).collect(),
            cold: BTreeMap::new(),
            bulk_piece: work.bulk.then(|| work.bulk_piece(start)),
        }
    }

    /// Opens the sessions that flows lack: at the beginning, and again after a loss.
    fn connect(&mut self, now: Time) {
        let mut shared = None;
        for index in 0..self.tracks.len() {
            if self.tracks[index].session.is_some() {
                continue;
            }
            let session = match (shared, self.settings.sessions) {
                (Some(session), Sessions::One) => session,
                _ => self.open(now),
            };
            shared = Some(session);
            self.tracks[index].session = Some(session);
        }
    }

    fn open(&mut self, now: Time) -> SessionId {
        let session = self.endpoint.connect(now, self.work.address, &self.server_key, b"login");
        session.expect("the configuration allows as many sessions as a run has")
    }

    fn connected(&mut self, now: Time, session: SessionId) {
        if let Some(message) = self.cold.get_mut(&session).and_then(Option::take) {
            let lane = self.endpoint.open_lane(session, self.settings.small());
            if let Ok(lane) = lane {
                // The session has room for its first message.
                let _ = self.endpoint.send(now, session, lane, message);
            }
        }
        let flows = usize::from(self.work.flows);
        for (index, track) in self.tracks.iter_mut().enumerate() {
            if track.session == Some(session) {
                let is_big = index >= flows;
                let spec = if is_big { self.settings.big() } else { self.settings.small() };
                track.lane = self.endpoint.open_lane(session, spec).ok();
            }
        }
    }

    fn closed(&mut self, now: Time, session: SessionId) {
        if let Some(message) = self.cold.remove(&session) {
            if let Some(message) = message {
                // It never got through; the next try is part of the same start.
                let session = self.open(now);
                self.cold.insert(session, Some(message));
            }
            return;
        }
        for track in self.tracks.iter_mut().filter(|track| track.session == Some(session)) {
            (track.session, track.lane) = (None, None);
        }
        self.connect(now);
    }

    /// Hands over what waits, as far as queues have room.
    fn send(&mut self, now: Time) {
        for track in &mut self.tracks {
            let (Some(session), Some(lane)) = (track.session, track.lane) else { continue };
            if let Some(piece) = &self.bulk_piece {
                let is_short = |endpoint: &Endpoint| {
                    let stats = endpoint.stats(session);
                    stats.is_some_and(|stats| stats.send_bytes < BULK_QUEUE)
                };
                while is_short(&self.endpoint)
                    && self.endpoint.send(now, session, lane, piece.clone()).is_ok()
                {
                }
                return;
            }
            while let Some(message) = track.waiting.front() {
                match self.endpoint.send(now, session, lane, message.clone()) {
                    Ok(_) => drop(track.waiting.pop_front()),
                    Err(SendError::QueueFull { .. }) => break,
                    Err(_) => break,
                }
            }
        }
    }

    /// Ends the sessions of a cold run whose message has arrived.
    fn end_cold(&mut self, now: Time) {
        let done: Vec<SessionId> = self
            .cold
            .iter()
            .filter(|(session, message)| {
                let stats = self.endpoint.stats(**session);
                message.is_none() && stats.is_some_and(|stats| stats.send_messages == 0)
            })
            .map(|(session, _)| *session)
            .collect();
        for session in done {
            self.cold.remove(&session);
            self.endpoint.close(now, session, CloseCode::DONE, "");
        }
    }
}

impl Engine for Client {
    type Command = Command;

    fn handle_command(&mut self, moment: Moment, command: Command) {
        match command {
            Command::Begin if self.work.cold => self.tracks.clear(),
            Command::Begin => self.connect(moment.now),
            Command::Send(outgoing) if self.work.cold => {
                let session = self.open(moment.now);
                self.cold.insert(session, Some(outgoing.bytes));
            }
            Command::Send(outgoing) => {
                self.tracks[usize::from(outgoing.flow)].waiting.push_back(outgoing.bytes);
            }
        }
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
                Event::Connected { session, .. } => self.connected(moment.now, session),
                Event::Closed { session, .. } => self.closed(moment.now, session),
                _ => {}
            }
        }
        self.send(moment.now);
        self.end_cold(moment.now);
        Flow::Continue
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        self.endpoint.poll_transmit(now, datagram)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.endpoint.poll_timeout()
    }
}

/// Bytes that a bulk transfer keeps queued: more than any window that is measured.
const BULK_QUEUE: usize = 2 << 20;
