//! One session after its handshake: packets in, packets out.
//!
//! ```text
//!   open_lane, send ─► SendLanes ─┐                       ┌─► ReceiveLanes ─► events
//!                                 ├─ transmit ─► packet ─►┤ receive
//!   Recovery (RTT, loss, window) ─┘                       └─► Recovery, AckTracker
//! ```

mod aside;
mod contents;
#[cfg(any(test, fuzzing))]
pub(crate) mod duel;
mod express;
mod fallback;
#[cfg(test)]
mod hostile;
mod movement;
mod mtu;
mod path;
mod receive;
mod silence;
mod state;
mod stats;
#[cfg(test)]
mod tests;
mod tickets;
mod timers;
mod transmit;

pub(crate) use contents::Contents;
pub(crate) use fallback::{Fallback, Spare, StreamWish};
pub(crate) use path::AMPLIFICATION;
pub use stats::SessionStats;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use rtm_wire::{
    CloseCode, ConnectionId, LaneId, MessageSeq, PacketNumber, PathId, ResetToken, Time,
    TransportParams,
};

use self::aside::Asides;
use self::express::Express;
use self::mtu::Mtu;
use self::path::Path;
use self::silence::Silence;
use self::state::{CLOSE_COPIES, CLOSE_PAUSE_MAX, State};
use self::tickets::Tickets;
use crate::config::Config;
use crate::crypto::{Generator, PacketKeys, is_equal};
use crate::error::{CloseCause, SendError, Violation};
use crate::event::{Event, SessionId};
use crate::lane::{
    LaneSpec, LaneStats, OpenGrants, ReceiveLanes, Received, SendLanes, SendOptions,
};
use crate::received::ReceivedPackets;
use crate::recovery::{Recovery, RecoveryConfig, Remembered};
use crate::redundancy::Governor;
use crate::remote::Remote;
use crate::ticket::TicketTag;

/// The one path of this version.
const PATH: PathId = PathId(0);

/// What a session begins with, from its handshake.
pub(crate) struct Parts {
    pub(crate) id: SessionId,
    pub(crate) remote: Remote,
    pub(crate) local_cid: ConnectionId,
    pub(crate) remote_cid: ConnectionId,
    pub(crate) keys: PacketKeys,
    pub(crate) peer: TransportParams,
    /// Of the peer, if it is a server.
    pub(crate) reset_token: Option<ResetToken>,
    /// Of the handshake, if it gave a sample.
    pub(crate) rtt: Option<Duration>,
    /// Loss that the handshake has shown, in each direction.
    pub(crate) loss: Option<f64>,
    /// What the session with this ticket had learnt.
    pub(crate) remembered: Option<Remembered>,
    pub(crate) generator: Generator,
    /// Server: until when the client has to prove itself.
    pub(crate) proof_due: Option<Time>,
    /// Client: what there is besides the first path.
    pub(crate) fallback: Option<Fallback>,
}

/// A session and all that it needs; knows neither sockets nor other sessions.
#[derive(Debug)]
pub(crate) struct Session {
    id: SessionId,
    state: State,
    path: Path,
    asides: Asides,
    fallback: Option<Fallback>,
    /// When the path challenge went out last.
    challenged: Time,
    /// Server: the client may move.
    follows_peer: bool,
    local_cid: ConnectionId,
    remote_cid: ConnectionId,
    reset_token: Option<ResetToken>,
    keys: PacketKeys,
    generator: Generator,
    recovery: Recovery<Contents>,
    redundancy: Governor,
    received: ReceivedPackets,
    send: SendLanes,
    express: Express,
    receive: ReceiveLanes,
    grants: OpenGrants,
    next_number: PacketNumber,
    largest_acked: Option<PacketNumber>,
    tickets: Tickets,
    /// Packets that have to go out whatever the window says.
    probes: u8,
    /// An ack-eliciting packet has to go out, with or without data.
    ping: bool,
    ack_due_now: bool,
    mtu: Mtu,
    /// Longest packet that may go out just now.
    packet_max: usize,
    idle_timeout: Duration,
    keep_alive: Option<Duration>,
    silence: Silence,
    /// When the handshake was over at this end.
    began: Time,
    last_received: Time,
    last_eliciting: Time,
    stats: SessionStats,
    scratch: Vec<Received>,
}

impl Session {
    pub(crate) fn new(now: Time, config: &Config, parts: Parts) -> Self {
        let Parts { id, remote, local_cid, remote_cid, keys, peer, reset_token, .. } = parts;
        let idle_timeout = config.idle_timeout.min(Duration::from_millis(peer.idle_timeout_ms));
        let recovery_config = RecoveryConfig {
            max_ack_delay: Duration::from_micros(peer.ack_delay_us.min(1_000_000)),
            datagram_len: config.datagram_len,
            congestion: config.congestion,
            remembered: parts.remembered,
            ..RecoveryConfig::default()
        };
        let mut recovery = Recovery::new(now, recovery_config, parts.rtt);
        recovery.set_stream(remote.is_stream());
        if let Some(loss) = parts.loss {
            recovery.expect_loss(loss);
        }
        let budget = (config.redundancy_rate, config.redundancy_ratio);
        let shown = parts.loss.unwrap_or_default();
        let redundancy = Governor::new(now, budget, recovery.circumstances(), shown);
        Self {
            id,
            state: parts.proof_due.map_or(State::Open, |until| State::Unproved { until }),
            challenged: now,
            path: Path::proved(remote),
            asides: Asides::default(),
            fallback: parts.fallback,
            follows_peer: parts.proof_due.is_some(),
            local_cid,
            remote_cid,
            reset_token,
            keys,
            generator: parts.generator,
            recovery,
            redundancy,
            received: ReceivedPackets::new(config.ack_delay),
            send: SendLanes::new(config.send_limits(&peer)),
            express: Express::new(config.datagram_len),
            receive: ReceiveLanes::new(config.lanes_max, config.window(), config.message_len_max),
            grants: OpenGrants::default(),
            next_number: PacketNumber(0),
            largest_acked: None,
            tickets: Tickets::default(),
            probes: 0,
            // A client shows at once that it has the keys.
            ping: parts.proof_due.is_none(),
            ack_due_now: false,
            mtu: Mtu::new(config.datagram_len, config.datagram_len_max),
            packet_max: config.datagram_len,
            idle_timeout,
            keep_alive: config.keep_alive,
            silence: Silence::default(),
            began: now,
            last_received: now,
            last_eliciting: now,
            stats: SessionStats::default(),
            scratch: Vec::new(),
        }
    }

    pub(crate) fn open_lane(&mut self, spec: LaneSpec) -> Result<LaneId, SendError> {
        if !self.state.is_open() {
            return Err(SendError::UnknownSession);
        }
        self.send.open(spec)
    }

    pub(crate) fn send(
        &mut self,
        now: Time,
        lane: LaneId,
        message: Bytes,
        options: SendOptions,
    ) -> Result<MessageSeq, SendError> {
        if !self.state.is_open() {
            return Err(SendError::UnknownSession);
        }
        self.send.push(now, lane, message, options.deadline)
    }

    pub(crate) fn close_lane(&mut self, lane: LaneId) {
        self.send.close(lane);
    }

    pub(crate) fn release(&mut self, lane: LaneId, bytes: usize) {
        self.receive.release(lane, bytes);
    }

    /// Ends the session from this end; what is queued is dropped.
    pub(crate) fn close(
        &mut self,
        now: Time,
        code: CloseCode,
        reason: &str,
        events: &mut VecDeque<Event>,
    ) {
        self.close_with(now, code, reason, CloseCause::Local(code), events);
    }

    fn violate(&mut self, now: Time, violation: Violation, events: &mut VecDeque<Event>) {
        let reason = violation.to_string();
        self.close_with(now, violation.close_code(), &reason, violation.into(), events);
    }

    fn close_with(
        &mut self,
        now: Time,
        code: CloseCode,
        reason: &str,
        cause: CloseCause,
        events: &mut VecDeque<Event>,
    ) {
        match self.state {
            State::Open => {}
            State::Unproved { .. } => return self.state = State::Ended,
            State::Closing { .. } | State::Ended => return,
        }
        let mut reason = reason.to_owned();
        while reason.len() > rtm_wire::limits::REASON {
            reason.pop();
        }
        self.state = State::Closing {
            code,
            reason,
            copies_left: CLOSE_COPIES,
            next_copy: now,
            until: now + self.close_pause() * u32::from(CLOSE_COPIES),
        };
        events.push_back(Event::Closed { session: self.id, cause });
    }

    fn close_pause(&self) -> Duration {
        self.recovery.pto().min(CLOSE_PAUSE_MAX)
    }

    /// Ends the session at once, without a word to the peer.
    fn end(&mut self, cause: CloseCause, events: &mut VecDeque<Event>) {
        if self.state.is_open() {
            events.push_back(Event::Closed { session: self.id, cause });
        }
        self.state = State::Ended;
    }

    /// Server: the reply of the handshake went there, too.
    pub(crate) fn on_reply_sent(&mut self, to: Remote) {
        if self.is_unproved() {
            self.path.on_reply_sent(to);
        }
    }

    /// The peer says, believably, that it has lost the session.
    pub(crate) fn on_reset(&mut self, token: ResetToken, events: &mut VecDeque<Event>) -> bool {
        // In a time that doesn't tell how much of a guess was right.
        let is_genuine = self.reset_token.is_some_and(|own| is_equal(&own.0, &token.0));
        if is_genuine {
            self.end(CloseCause::Reset, events);
        }
        is_genuine
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    pub(crate) fn is_unproved(&self) -> bool {
        matches!(self.state, State::Unproved { .. })
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state.is_open()
    }

    pub(crate) fn local_cid(&self) -> ConnectionId {
        self.local_cid
    }

    pub(crate) fn remote(&self) -> Remote {
        self.path.remote()
    }

    /// The newest ticket that was given, or has come.
    pub(crate) fn ticket_tag(&self) -> Option<TicketTag> {
        self.tickets.tag()
    }

    /// What the next session may begin with.
    pub(crate) fn to_remember(&self) -> Option<Remembered> {
        self.recovery.to_remember()
    }

    /// Whether the stream that we are on takes nothing more just now.
    pub(crate) fn set_full(&mut self, is_full: bool) {
        self.path.set_full(is_full);
    }

    pub(crate) fn take_back_oldest(
        &mut self,
        lane: LaneId,
        wanted: impl FnMut(&Bytes) -> bool,
    ) -> Option<Bytes> {
        self.send.take_back_oldest(lane, wanted)
    }

    pub(crate) fn want_room(&mut self, lane: LaneId) {
        self.send.want_room(lane);
    }

    pub(crate) fn lane_stats(&self, lane: LaneId) -> Option<LaneStats> {
        self.send.lane_stats(lane)
    }

    pub(crate) fn stats(&self) -> SessionStats {
        let (send_bytes, send_messages) = self.send.queued();
        SessionStats {
            rtt: self.recovery.rtt(),
            heard_until: self.recovery.heard_until(),
            window: self.recovery.window(),
            in_flight: self.recovery.in_flight(),
            send_bytes,
            send_messages,
            datagram_len: self.mtu.len(),
            receive_bytes: self.receive.buffered(),
            unreleased_bytes: self.receive.unreleased(),
            packets_remembered: self.recovery.remembered(),
            packets_spurious: self.recovery.spurious(),
            packets_queue_lost: self.recovery.queue_lost(),
            random_loss: self.recovery.circumstances().loss,
            burst: self.recovery.circumstances().burst,
            messages_dropped: self.send.dropped(),
            messages_late: self.receive.late(),
            ..self.stats
        }
    }
}
