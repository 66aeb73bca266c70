//! What became of the packets that were sent: acknowledged, lost, or to be asked after (RFC 9002).
//!
//! ```text
//!  on_packet_sent ─► SentPackets ─┬─ on_ack (acknowledge) ► contents acknowledged, or lost (loss)
//!                    Flight       └─ on_timeout (timers) ─► contents lost, or: send probes
//!        Rtt, Congestion, Pacer ──► may_send, pacing_deadline (allowance)
//! ```

mod acknowledge;
mod allowance;
mod app_rate;
mod congestion;
mod flight;
mod loss;
mod loss_meter;
mod pacer;
mod resume;
mod rtt;
mod sent;
mod skipped;
#[cfg(test)]
mod tests;
mod timers;

use std::time::Duration;

use rtm_wire::{PacketNumber, Time};

use self::app_rate::AppRate;
pub use self::congestion::CongestionControl;
use self::congestion::{Congestion, QueueWatch};
use self::flight::Flight;
use self::loss_meter::LossMeter;
use self::pacer::Pacer;
pub(crate) use self::resume::Remembered;
use self::resume::Resume;
use self::rtt::Rtt;
use self::sent::{SentPacket, SentPackets};
use self::skipped::SkippedNumbers;
use crate::redundancy::Circumstances;

/// Later packets that have to arrive before one is lost (RFC 9002 section 6.1.1), to begin with;
/// grows when packets turn out to have been late only.
const PACKET_THRESHOLD: u64 = 3;
/// Eighths of a round trip by which a packet may be later than one sent after it, to begin with
/// (section 6.1.2); grows likewise.
const TIME_THRESHOLD: u32 = 1;
/// Packets on their way over a stream, whose peer doesn't acknowledge them, after which nothing
/// more goes: a window of 19 MB in flight at full length.
const STREAM_FLIGHT_MAX: u64 = 16_384;
/// Packets on their way up to which others without messages may exceed the window: many, as the
/// window may have become much smaller just now.
const CONTROL_MAX: u64 = 2_048;

/// What recovery has to know from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecoveryConfig {
    /// Longest time that the peer holds acknowledgements back.
    pub(crate) max_ack_delay: Duration,
    pub(crate) datagram_len: usize,
    /// Round-trip time before the first sample (section 6.2.2).
    pub(crate) initial_rtt: Duration,
    pub(crate) congestion: CongestionControl,
    /// What an earlier session with the same peer has learnt.
    pub(crate) remembered: Option<Remembered>,
}

impl Default for RecoveryConfig {
    fn default() -> Self {
        Self {
            max_ack_delay: Duration::from_millis(25),
            datagram_len: 1_200,
            initial_rtt: Duration::from_millis(333),
            congestion: CongestionControl::default(),
            remembered: None,
        }
    }
}

/// Contents of packets that were declared lost.
pub(crate) type Lost<T> = Vec<T>;

/// What an acknowledgement has brought.
#[derive(Debug)]
pub(crate) struct AckOutcome<T> {
    pub(crate) acked: Vec<T>,
    pub(crate) lost: Lost<T>,
}

/// What a timeout has brought.
#[derive(Debug)]
pub(crate) enum TimeoutOutcome<T> {
    /// Packets are lost.
    Lost(Lost<T>),
    /// Nothing was heard: so many packets have to go out, whatever the window says.
    Probe { count: u8 },
}

/// The peer acknowledged a packet that was never sent, or a number that was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NeverSent;

/// Loss recovery and congestion control of one session, over packets with contents `T`.
#[derive(Debug)]
pub(crate) struct Recovery<T> {
    config: RecoveryConfig,
    rtt: Rtt,
    sent: SentPackets<T>,
    skipped: SkippedNumbers,
    congestion: Box<dyn Congestion>,
    pacer: Pacer,
    resume: Resume,
    flight: Flight,
    largest_acked: Option<PacketNumber>,
    /// When the oldest packet that isn't the newest counts as lost.
    loss_time: Option<Time>,
    last_eliciting: Time,
    probe_count: u32,
    last_acked: Time,
    /// When the newest packet was sent that is known to have arrived.
    heard_until: Option<Time>,
    /// Whether messages were missing when the last probe timeout passed.
    has_data: bool,
    /// Since when the peer has been silent, from the first probe timeout on.
    silent_since: Option<Time>,
    packet_threshold: u64,
    /// Eighths of a round trip by which a packet may be late.
    time_threshold: u32,
    /// Packets below are acknowledged, lost or known to be overdue.
    overdue_below: u64,
    queue: QueueWatch,
    meter: LossMeter,
    app: AppRate,
    spurious: u64,
    /// What was in flight when the last packet had gone out: how much of the window is used.
    flight_peak: u64,
    /// When the present path was first used.
    path_since: Time,
    /// The window when it was last used, and the round trip.
    known: Option<Remembered>,
    /// The path is a stream: what it takes arrives, or the stream ends.
    is_stream: bool,
    /// The largest acknowledged number of packets that went over the present path.
    largest_on_path: Option<PacketNumber>,
}

impl<T: Clone + Default> Recovery<T> {
    pub(crate) fn new(now: Time, config: RecoveryConfig, first_rtt: Option<Duration>) -> Self {
        let mut rtt = Rtt::new(config.initial_rtt);
        if let Some(sample) = first_rtt {
            rtt.on_sample(sample, Duration::ZERO);
        }
        Self {
            rtt,
            sent: SentPackets::new(),
            skipped: SkippedNumbers::new(),
            congestion: config.congestion.controller(config.datagram_len),
            pacer: Pacer::new(now, config.datagram_len),
            resume: Resume::new(config.remembered),
            flight: Flight::default(),
            largest_acked: None,
            loss_time: None,
            last_eliciting: now,
            probe_count: 0,
            last_acked: now,
            heard_until: None,
            has_data: false,
            silent_since: None,
            packet_threshold: PACKET_THRESHOLD,
            time_threshold: TIME_THRESHOLD,
            overdue_below: 0,
            queue: QueueWatch::new(),
            meter: LossMeter::new(),
            app: AppRate::new(now),
            spurious: 0,
            flight_peak: 0,
            path_since: now,
            known: None,
            is_stream: false,
            largest_on_path: None,
            config,
        }
    }

    /// So much is lost, to go by the handshake.
    pub(crate) fn expect_loss(&mut self, loss: f64) {
        self.meter.expect(loss);
    }

    /// A packet has gone out.
    pub(crate) fn on_packet_sent(
        &mut self,
        now: Time,
        number: PacketNumber,
        bytes: usize,
        eliciting: bool,
        contents: T,
    ) {
        if !eliciting {
            return self.sent.push(number, None);
        }
        let bytes = bytes as u64;
        let gap = now.saturating_since(self.last_eliciting);
        self.last_eliciting = now;
        self.pacer.on_sent(now, bytes, self.pacing_rate());
        let packet = SentPacket {
            sent: now,
            gap,
            bytes,
            is_length_probe: false,
            is_overdue: false,
            lost: None,
            contents,
        };
        self.flight.add(&packet);
        self.flight_peak = self.flight.bytes;
        self.sent.push(number, Some(packet));
    }

    /// A packet has gone out that only asks whether its length passes. Should it be lost, that says
    /// nothing of other packets (RFC 9000 section 14.4), and no timer waits for it.
    pub(crate) fn on_length_probe_sent(
        &mut self,
        now: Time,
        number: PacketNumber,
        bytes: usize,
        contents: T,
    ) {
        self.pacer.on_sent(now, bytes as u64, self.pacing_rate());
        let packet = SentPacket {
            sent: now,
            gap: Duration::ZERO,
            bytes: 0,
            is_length_probe: true,
            is_overdue: false,
            lost: None,
            contents,
        };
        self.sent.push(number, Some(packet));
    }

    /// Datagrams may be this long from now on.
    pub(crate) fn set_datagram_len(&mut self, datagram_len: usize) {
        self.config.datagram_len = datagram_len;
        self.pacer.set_datagram_len(datagram_len);
    }

    /// Whether the packet number `next` has to be left out; to be asked once for each packet.
    pub(crate) fn skips(&mut self, next: PacketNumber, chance: impl FnOnce() -> u64) -> bool {
        self.skipped.skips(next, chance)
    }

    /// The peer, or this end, is elsewhere: what was learnt about the way is void (RFC 9000 section
    /// 9.4). The round-trip time is kept as a guess for the first one, and a timer that is a little
    /// off does no harm. What is on its way says nothing about the new path.
    pub(crate) fn on_new_path(&mut self, now: Time) {
        self.congestion = self.config.congestion.controller(self.config.datagram_len);
        self.queue = QueueWatch::new();
        self.meter.reset();
        self.resume = Resume::Done;
        self.known = None;
        self.largest_on_path = None;
        self.rtt.restart();
        self.path_since = now;
        self.sent.iter_mut().filter_map(|(_, packet)| packet).for_each(|packet| packet.bytes = 0);
        self.flight.forget_bytes();
        self.flight_peak = 0;
    }

    /// Whether anything that went over the present path has been acknowledged.
    pub(crate) fn has_path_answered(&self) -> bool {
        self.largest_on_path.is_some()
    }

    /// Whether the present path is a stream, which loses nothing and has a window and a pace of its
    /// own.
    pub(crate) fn set_stream(&mut self, is_stream: bool) {
        self.is_stream = is_stream;
    }

    /// Contents of all that is under way, to be sent again: the path has ended, and nothing tells
    /// what of it has arrived. Acknowledgements that come all the same count.
    pub(crate) fn abandon(&mut self, now: Time) -> Lost<T> {
        let mut abandoned = Vec::new();
        self.loss_time = None;
        self.probe_count = 0;
        self.silent_since = None;
        for (_, packet) in self.sent.iter_mut() {
            let Some(packet) = packet.filter(|packet| packet.lost.is_none()) else { continue };
            packet.lost = Some(now);
            self.flight.remove(packet);
            abandoned.push(packet.contents.clone());
        }
        // A peer that goes to and fro and acknowledges nothing is not remembered for it.
        self.sent.forget_lost_above(CONTROL_MAX as usize);
        abandoned
    }

    /// What a later session with the same peer may begin with; nothing when too little was sent to
    /// know it.
    pub(crate) fn to_remember(&self) -> Option<Remembered> {
        self.known
    }

    pub(crate) fn rtt(&self) -> Duration {
        self.rtt.smoothed()
    }

    /// What decides about redundancy.
    pub(crate) fn circumstances(&self) -> Circumstances {
        Circumstances {
            rtt: self.rtt.smoothed(),
            loss: self.meter.loss(),
            loss_after_loss: self.meter.loss_after_loss(),
            burst: self.meter.burst(),
            queue_stands: self.queue.stood_lately(),
            steady_loss: self.meter.steady_loss(),
            measured: self.meter.weight(),
            acked: self.meter.totals().0,
            lost: self.meter.totals().1,
        }
    }

    /// When the newest packet was sent that is known to have arrived.
    pub(crate) const fn heard_until(&self) -> Option<Time> {
        self.heard_until
    }

    /// Packets that counted as lost and were late only.
    pub(crate) fn spurious(&self) -> u64 {
        self.spurious
    }

    /// Packets lost while a queue stood.
    pub(crate) fn queue_lost(&self) -> u64 {
        self.meter.queue_lost()
    }

    pub(crate) fn window(&self) -> u64 {
        self.congestion.window()
    }

    /// Packets that are remembered, and acknowledged ones between them.
    pub(crate) fn remembered(&self) -> usize {
        self.sent.len()
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.flight.bytes
    }
}
