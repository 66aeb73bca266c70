//! The streams of an endpoint: which there are, whose they are, how much each has to write.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use rtm_wire::Time;

use super::deadlines::Deadlines;
use super::{Endpoint, Role};
use crate::event::SessionId;
use crate::remote::{Remote, StreamId};
use crate::session::StreamWish;

/// Bytes that a stream has to write above which its session waits. Small, so that priorities and
/// deadlines decide what is written next, and not long ago.
const UNWRITTEN_MAX: usize = 32 * 1_024;
/// A stream that no session uses for so long is closed; this often it is looked after.
const UNUSED_MAX: Duration = Duration::from_secs(10);

/// What the driver tells of streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamEvent {
    /// A stream is there: accepted from `peer`, or opened to it.
    Opened {
        /// Which.
        stream: StreamId,
        /// The address at its other end.
        peer: SocketAddr,
    },
    /// So many bytes of packets have left the process. Without it a session stops after 32 KiB.
    Written {
        /// Of which stream.
        stream: StreamId,
        /// Lengths of packets, without what frames them.
        bytes: usize,
    },
    /// A stream has ended, or could not be opened. Packets that were written may be lost.
    Closed {
        /// Which.
        stream: StreamId,
    },
}

/// What the driver is to do about streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamAction {
    /// Open one to a server; [`StreamEvent::Opened`] or [`StreamEvent::Closed`] follows.
    Open {
        /// Its number.
        stream: StreamId,
        /// The server's address, as it was given for datagrams.
        server: SocketAddr,
        /// Attempts that have failed in a row: another kind of stream may pass.
        attempt: u32,
    },
    /// Close one when what was handed over is written; without an answer.
    Close {
        /// Which.
        stream: StreamId,
    },
}

#[derive(Debug)]
struct Stream {
    /// Only once it is open.
    peer: Option<SocketAddr>,
    unwritten: usize,
    session: Option<SessionId>,
}

#[derive(Debug, Default)]
pub(super) struct Streams {
    streams: BTreeMap<StreamId, Stream>,
    /// Server: when each is looked after.
    deadlines: Deadlines<StreamId>,
    actions: VecDeque<StreamAction>,
    /// Client: number of the next one.
    next: u64,
}

impl Streams {
    pub(super) fn is_full(&self, remote: Remote) -> bool {
        let stream = remote.stream().and_then(|stream| self.streams.get(&stream));
        stream.is_some_and(|stream| stream.unwritten >= UNWRITTEN_MAX)
    }

    /// A packet goes out there.
    pub(super) fn on_sent(&mut self, to: Remote, bytes: usize) {
        let stream = to.stream().and_then(|stream| self.streams.get_mut(&stream));
        if let Some(stream) = stream {
            stream.unwritten += bytes;
        }
    }

    /// Whether a session's packets may come from there: a stream is one session's.
    pub(super) fn may_use(&self, from: Remote, session: SessionId) -> bool {
        let Some(stream) = from.stream() else { return true };
        let owner = self.streams.get(&stream).map(|stream| stream.session);
        owner.is_some_and(|owner| owner.is_none_or(|owner| owner == session))
    }

    /// Whose the stream is.
    pub(super) fn owner(&self, remote: Remote) -> Option<SessionId> {
        self.streams.get(&remote.stream()?)?.session
    }

    /// An authentic packet of the session has come from there.
    pub(super) fn claim(&mut self, from: Remote, session: SessionId) {
        let stream = from.stream().and_then(|stream| self.streams.get_mut(&stream));
        if let Some(stream) = stream {
            stream.session.get_or_insert(session);
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.deadlines.next()
    }

    pub(super) fn close(&mut self, stream: StreamId) {
        if self.streams.remove(&stream).is_some() {
            self.deadlines.set(stream, None);
            self.actions.push_back(StreamAction::Close { stream });
        }
    }

    /// The session that was there has ended.
    pub(super) fn close_at(&mut self, remote: Remote) {
        if let Some(stream) = remote.stream() {
            self.close(stream);
        }
    }

    /// Client: the session has ended, and with it all streams that were opened for it.
    pub(super) fn close_of(&mut self, session: SessionId) {
        let own = self.streams.iter().filter(|(_, stream)| stream.session == Some(session));
        let own: Vec<StreamId> = own.map(|(&stream, _)| stream).collect();
        own.into_iter().for_each(|stream| self.close(stream));
    }

    /// Client: has one opened for a session.
    pub(super) fn open(&mut self, session: SessionId, server: SocketAddr, attempt: u32) {
        let stream = StreamId(self.next);
        self.next += 1;
        let entry = Stream { peer: None, unwritten: 0, session: Some(session) };
        self.streams.insert(stream, entry);
        self.actions.push_back(StreamAction::Open { stream, server, attempt });
    }
}

impl Endpoint {
    /// Takes what the driver tells of a stream.
    pub fn handle_stream(&mut self, now: Time, event: StreamEvent) {
        match event {
            StreamEvent::Opened { stream, peer } => self.on_stream_opened(now, stream, peer),
            StreamEvent::Written { stream, bytes } => {
                let Some(entry) = self.streams.streams.get_mut(&stream) else { return };
                let was_full = entry.unwritten >= UNWRITTEN_MAX;
                entry.unwritten = entry.unwritten.saturating_sub(bytes);
                if let (true, true, Some(session)) =
                    (was_full, entry.unwritten < UNWRITTEN_MAX, entry.session)
                {
                    self.touch(now, session);
                }
            }
            StreamEvent::Closed { stream } => {
                let Some(entry) = self.streams.streams.remove(&stream) else { return };
                self.streams.deadlines.set(stream, None);
                let Some(session) = entry.session else { return };
                if let Some(state) = self.sessions.get_mut(&session) {
                    state.on_stream_closed(now, stream);
                } else if let Role::Client(client) = &mut self.role {
                    client.on_stream_closed(session);
                }
                self.touch(now, session);
            }
        }
    }

    /// What the driver is to do about streams next. To be asked after
    /// [`poll_transmit`](Self::poll_transmit) has returned `None`: what it has given for a stream
    /// that is to be closed is to be written first.
    pub fn poll_stream_action(&mut self) -> Option<StreamAction> {
        self.streams.actions.pop_front()
    }

    fn on_stream_opened(&mut self, now: Time, stream: StreamId, peer: SocketAddr) {
        let remote = Remote::Stream(stream, peer);
        if let Role::Server(_) = self.role {
            if self.streams.streams.len() >= self.config.streams_max {
                self.counters.refused += 1;
                self.streams.actions.push_back(StreamAction::Close { stream });
                return;
            }
            let entry = Stream { peer: Some(peer), unwritten: 0, session: None };
            self.streams.streams.insert(stream, entry);
            self.streams.deadlines.set(stream, Some(now + UNUSED_MAX));
            return;
        }
        let Some(entry) = self.streams.streams.get_mut(&stream) else { return };
        entry.peer = Some(peer);
        let Some(session) = entry.session else { return };
        let Role::Client(client) = &mut self.role else { return };
        if let Some(state) = self.sessions.get_mut(&session) {
            state.on_stream_opened(now, remote);
        } else if !client.on_stream_opened(now, session, remote) {
            return self.streams.close(stream);
        }
        self.touch(now, session);
    }

    /// Closes streams that no session uses.
    pub(super) fn look_after_streams(&mut self, now: Time) {
        while let Some(stream) = self.streams.deadlines.pop_due(now) {
            let Some(entry) = self.streams.streams.get(&stream) else { continue };
            let owner = entry.session;
            let session = owner.and_then(|session| self.sessions.get_mut(&session));
            match (session, owner) {
                (Some(session), _) if session.remote().stream() == Some(stream) => {
                    self.streams.deadlines.set(stream, Some(now + UNUSED_MAX));
                }
                (Some(session), Some(owner)) => {
                    // It must not be gone back to.
                    session.on_stream_closed(now, stream);
                    self.streams.close(stream);
                    self.touch(now, owner);
                }
                _ => self.streams.close(stream),
            }
        }
    }

    /// Carries out what a client's session wishes.
    pub(super) fn grant_stream_wishes(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        while let Some(wish) = session.poll_stream_wish() {
            match wish {
                StreamWish::Open { server, attempt } => self.streams.open(id, server, attempt),
                StreamWish::Close(stream) => self.streams.close(stream),
            }
        }
    }
}
