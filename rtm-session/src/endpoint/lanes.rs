//! Messages on lanes: towards the peer, and what the application has taken of the peer's.

use bytes::Bytes;
use rtm_wire::{LaneId, MessageSeq, Time};

use super::Endpoint;
use crate::error::SendError;
use crate::event::SessionId;
use crate::lane::{LaneSpec, LaneStats, SendOptions};

impl Endpoint {
    /// Opens a lane towards the peer.
    ///
    /// # Errors
    /// No such session, as many lanes as the peer allows, or a mode that can't be.
    pub fn open_lane(&mut self, session: SessionId, spec: LaneSpec) -> Result<LaneId, SendError> {
        self.sessions.get_mut(&session).ok_or(SendError::UnknownSession)?.open_lane(spec)
    }

    /// Queues a message on an open lane; the peer gets it as one message, once, unless the lane may
    /// drop messages ([`LaneSpec`]).
    ///
    /// # Errors
    /// No such session or lane, queue full, or message too long; nothing has changed then.
    pub fn send(
        &mut self,
        now: Time,
        session: SessionId,
        lane: LaneId,
        message: Bytes,
    ) -> Result<MessageSeq, SendError> {
        self.send_with(now, session, lane, message, SendOptions::new())
    }

    /// As [`send`](Self::send), with what is special about this message.
    ///
    /// The number that it gives is the message's place in the lane. On a latest-only lane, a
    /// message that has to be sent yet gives its number to the newer one that replaces it.
    ///
    /// # Errors
    /// As [`send`](Self::send); besides, a deadline on a reliable lane.
    pub fn send_with(
        &mut self,
        now: Time,
        session: SessionId,
        lane: LaneId,
        message: Bytes,
        options: SendOptions,
    ) -> Result<MessageSeq, SendError> {
        let state = self.sessions.get_mut(&session).ok_or(SendError::UnknownSession)?;
        let sequence = state.send(now, lane, message, options)?;
        self.touch(now, session);
        Ok(sequence)
    }

    /// Closes a lane once all its messages have arrived. Lane 0 stays.
    pub fn close_lane(&mut self, now: Time, session: SessionId, lane: LaneId) {
        if let Some(state) = self.sessions.get_mut(&session) {
            state.close_lane(lane);
            self.touch(now, session);
        }
    }

    /// Takes a message back that is queued on one of our lanes: the oldest that is `wanted` and of
    /// which nothing was sent. The peer never hears of it, so that reliable lanes stay without
    /// holes. `None` if there is none; on closing lanes, and on those that drop messages by
    /// themselves, there is none.
    pub fn take_back_oldest(
        &mut self,
        session: SessionId,
        lane: LaneId,
        wanted: impl FnMut(&Bytes) -> bool,
    ) -> Option<Bytes> {
        self.sessions.get_mut(&session)?.take_back_oldest(lane, wanted)
    }

    /// Has [`Writable`](crate::Event::Writable) tell when half of a lane's queue is free, as if it
    /// had refused a message: for who stops before it is full.
    pub fn want_room(&mut self, session: SessionId, lane: LaneId) {
        if let Some(state) = self.sessions.get_mut(&session) {
            state.want_room(lane);
        }
    }

    /// Says that the application has taken a message of `bytes` bytes from the peer's lane, so that
    /// the peer may send more. To be called once for each message, also if its lane has closed
    /// meanwhile: what was never released counts for the session's memory.
    pub fn release(&mut self, now: Time, session: SessionId, lane: LaneId, bytes: usize) {
        if let Some(state) = self.sessions.get_mut(&session) {
            state.release(lane, bytes);
            self.touch(now, session);
        }
    }

    /// What can be seen of one of our lanes, until it is closed and all of it has arrived.
    #[must_use]
    pub fn lane_stats(&self, session: SessionId, lane: LaneId) -> Option<LaneStats> {
        self.sessions.get(&session)?.lane_stats(lane)
    }
}
