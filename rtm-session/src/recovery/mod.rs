//! What became of the packets that were sent: acknowledged, lost, or to be asked after (RFC 9002).
//!
//! ```text
//!  on_packet_sent ─► SentPackets ─┬─ on_ack ────► contents acknowledged, contents lost
//!                                 └─ on_timeout ► contents lost, or: send probes
//!        Rtt, Congestion, Pacer ──► may_send, timeout
//! ```

mod app_rate;
mod congestion;
mod loss_meter;
mod pacer;
mod resume;
mod rtt;
mod sent;
mod skipped;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;
use std::time::Duration;

use rtm_wire::{PacketNumber, Time};

use self::app_rate::AppRate;
pub use self::congestion::CongestionControl;
use self::congestion::{Acked, Congestion, LostPackets, QueueWatch, initial_window};
use self::loss_meter::{LossMeter, LostPacket};
use self::pacer::{Pacer, Rate};
pub(crate) use self::resume::Remembered;
use self::resume::{Resume, Step};
use self::rtt::{GRANULARITY, Rtt};
use self::sent::{SentPacket, SentPackets};
use self::skipped::SkippedNumbers;
use crate::redundancy::Circumstances;

/// Later packets that have to arrive before one is lost (RFC 9002 section 6.1.1), to begin with;
/// grows when packets turn out to have been late only.
const PACKET_THRESHOLD: u64 = 3;
const PACKET_THRESHOLD_MAX: u64 = 64;
/// Eighths of a round trip by which a packet may be later than one sent after it, to begin with
/// (section 6.1.2); grows likewise.
const TIME_THRESHOLD: u32 = 1;
const TIME_THRESHOLD_MAX: u32 = 8;
/// While the peer has not been silent for [`EAGER_SPAN`], probe timeouts back off no further than
/// a round trip and this: a link that comes back is noticed that soon.
const EAGER_PAUSE: Duration = Duration::from_millis(100);
/// Links come back from tunnels and lifts within this time.
const EAGER_SPAN: Duration = Duration::from_secs(40);
/// Afterwards, they back off no further than this.
const PROBE_TIMEOUT_MAX: Duration = Duration::from_secs(1);
/// Packets sent when a probe timeout passes (RFC 9002 section 6.2.4).
const PROBES: u8 = 2;
/// Timeouts in a row after which it is one packet: the link is down, or so full that it seems so.
const PROBES_FULL: u32 = 3;
/// Packets on their way up to which others without messages may exceed the window: many, as the
/// window may have become much smaller just now.
const CONTROL_MAX: u64 = 2_048;
/// While a queue adds no more than this to the round trip, and loses no more than that, the
/// application's own rate is allowed: others may have made it.
const INFLATION_MAX: Duration = Duration::from_millis(100);
const QUEUE_LOSS_MAX: f64 = 0.05;
/// After so long a silence, only probes go beyond the window.
const SILENCE_MAX: Duration = Duration::from_secs(1);
/// Windows that may be overdue and still be followed by another one: beyond, nobody answers.
const LOOSE_WINDOWS: u64 = 4;
/// Probe timeouts without any acknowledgement that mean persistent congestion (section 7.6.1).
const PERSISTENT: u32 = 3;

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
    in_flight: u64,
    eliciting_in_flight: u64,
    largest_acked: Option<PacketNumber>,
    /// When the oldest packet that isn't the newest counts as lost.
    loss_time: Option<Time>,
    last_eliciting: Time,
    probe_count: u32,
    last_acked: Time,
    /// Whether messages were missing when the last probe timeout passed.
    has_data: bool,
    /// Since when the peer has been silent, from the first probe timeout on.
    silent_since: Option<Time>,
    packet_threshold: u64,
    /// Eighths of a round trip by which a packet may be late.
    time_threshold: u32,
    /// Packets below are acknowledged, lost or known to be overdue.
    overdue_below: u64,
    /// Bytes in flight that are overdue.
    overdue_bytes: u64,
    queue: QueueWatch,
    loss: LossMeter,
    app: AppRate,
    spurious: u64,
    /// What was in flight when the last packet had gone out: how much of the window is used.
    flight_peak: u64,
    /// When the present path was first used.
    path_since: Time,
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
            in_flight: 0,
            eliciting_in_flight: 0,
            largest_acked: None,
            loss_time: None,
            last_eliciting: now,
            probe_count: 0,
            last_acked: now,
            has_data: false,
            silent_since: None,
            packet_threshold: PACKET_THRESHOLD,
            time_threshold: TIME_THRESHOLD,
            overdue_below: 0,
            overdue_bytes: 0,
            queue: QueueWatch::new(),
            loss: LossMeter::new(),
            app: AppRate::new(now),
            spurious: 0,
            flight_peak: 0,
            path_since: now,
            config,
        }
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
        self.in_flight += bytes;
        self.flight_peak = self.in_flight;
        self.eliciting_in_flight += 1;
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

    /// Bytes of fresh messages, or of copies of them, are about to go out.
    pub(crate) fn on_message_bytes(&mut self, now: Time, bytes: usize) {
        self.has_data = true;
        self.app.on_bytes(now, bytes as u64);
    }

    /// Whether acknowledgements have been due for so long that the link may be down. Probe timeouts
    /// don't tell while a flow goes on: each packet puts them off.
    pub(crate) fn is_silent(&self, now: Time) -> bool {
        self.silence(now) > self.pto() * 2
    }

    /// Whether messages had to stay behind when the last packet had gone out.
    pub(crate) fn on_backlog(&mut self, now: Time, backlog: bool) {
        self.app.on_backlog(now, backlog);
    }

    /// Contents of packets that should have been acknowledged by now, each once. They may still be:
    /// acknowledgements are lost, too.
    pub(crate) fn overdue(&mut self, now: Time, mut each: impl FnMut(&mut T)) {
        let until = now - self.pto();
        for (number, packet) in self.sent.sent_until(self.overdue_below, until) {
            self.overdue_below = number.0 + 1;
            if packet.lost.is_none() {
                packet.is_overdue = true;
                self.overdue_bytes += packet.bytes;
                each(&mut packet.contents);
            }
        }
    }

    /// Whether the packet number `next` has to be left out; to be asked once for each packet.
    pub(crate) fn skips(&mut self, next: PacketNumber, chance: impl FnOnce() -> u64) -> bool {
        self.skipped.skips(next, chance)
    }

    /// Takes an acknowledgement, its ranges newest first.
    pub(crate) fn on_ack(
        &mut self,
        now: Time,
        ranges: impl Iterator<Item = RangeInclusive<PacketNumber>>,
        ack_delay: Duration,
    ) -> Result<AckOutcome<T>, NeverSent> {
        let mut outcome = AckOutcome { acked: Vec::new(), lost: Vec::new() };
        let mut newest = None;
        let mut is_largest = true;
        let is_app_limited = self.is_app_limited();
        let queue_stands = self.queue.stands();
        for range in ranges {
            if range.end().0 >= self.sent.next() || self.skipped.meets(&range) {
                return Err(NeverSent);
            }
            let (largest, path_since) = (*range.end(), self.path_since);
            let (sent, congestion) = (&mut self.sent, &mut self.congestion);
            let resume = &mut self.resume;
            let (mut bytes, mut overdue, mut count, mut eliciting) = (0, 0, 0, 0);
            let (mut late, mut spurious) = (None, 0);
            sent.take(range, |number, packet| {
                if packet.lost.is_some() {
                    late = late.max(Some(number));
                    if packet.counts() {
                        spurious += 1;
                        congestion.on_spurious(packet.sent);
                    }
                } else {
                    bytes += packet.bytes;
                    overdue += if packet.is_overdue { packet.bytes } else { 0 };
                    eliciting += u64::from(!packet.is_length_probe);
                    if packet.counts() {
                        count += 1;
                        let SentPacket { sent, bytes, .. } = packet;
                        congestion.on_ack(now, Acked { bytes, sent, is_app_limited });
                        resume.on_acked(sent, bytes);
                    }
                }
                // Only the largest packet gives a sample, and only when it is new (section 5.1).
                if is_largest && number == largest && packet.sent >= path_since {
                    newest = Some(packet.sent);
                }
                outcome.acked.push(packet.contents);
            });
            self.in_flight -= bytes;
            self.overdue_bytes -= overdue;
            self.eliciting_in_flight -= eliciting;
            self.largest_acked = self.largest_acked.max(Some(largest));
            self.loss.on_acked(count, queue_stands);
            self.spurious += spurious;
            (0..spurious).for_each(|_| self.loss.on_spurious());
            self.learn_reordering(late);
            is_largest = false;
        }
        if let Some(sent) = newest {
            let delay = ack_delay.min(self.config.max_ack_delay);
            let sample = now.saturating_since(sent);
            self.rtt.on_sample(sample, delay);
            self.congestion.on_rtt(now, sent, sample.saturating_sub(delay));
            self.queue.set_lossy(self.loss.is_lossy());
            self.queue.on_sample(now, sent, sample.saturating_sub(delay));
            let step = self.resume.on_rtt(now, sample, self.congestion.window());
            self.follow(step);
        }
        if !outcome.acked.is_empty() {
            self.probe_count = 0;
            self.last_acked = now;
            self.silent_since = None;
            outcome.lost = self.detect_loss(now);
        }
        Ok(outcome)
    }

    /// The handshake has taken so long, at most a round trip and a wait; counts unless something
    /// better is known.
    pub(crate) fn on_first_round_trip(&mut self, sample: Duration) {
        if !self.rtt.has_sample() && sample < self.config.initial_rtt {
            self.rtt.on_sample(sample, Duration::ZERO);
        }
    }

    /// The peer, or this end, is elsewhere: what was learnt about the way is void (RFC 9000 section
    /// 9.4). The round-trip time is kept as a guess for the first one, and a timer that is a little
    /// off does no harm. What is on its way says nothing about the new path.
    pub(crate) fn on_new_path(&mut self, now: Time) {
        self.congestion = self.config.congestion.controller(self.config.datagram_len);
        self.queue = QueueWatch::new();
        self.loss.reset();
        self.resume = Resume::Done;
        self.rtt.restart();
        self.path_since = now;
        self.sent.iter_mut().filter_map(|(_, packet)| packet).for_each(|packet| packet.bytes = 0);
        (self.in_flight, self.overdue_bytes, self.flight_peak) = (0, 0, 0);
    }

    /// What a later session with the same peer may begin with; nothing when too little was sent to
    /// know it.
    #[cfg_attr(not(test), expect(dead_code, reason = "resumption tickets are to carry it"))]
    pub(crate) fn to_remember(&self) -> Option<Remembered> {
        let is_known = self.rtt.has_sample() && !self.is_app_limited();
        is_known.then(|| Remembered { window: self.window(), rtt: self.rtt.smoothed() })
    }

    /// When [`on_timeout`](Self::on_timeout) is to be called.
    pub(crate) fn timeout(&self) -> Option<Time> {
        if self.loss_time.is_some() {
            return self.loss_time;
        }
        (self.eliciting_in_flight > 0).then(|| self.last_eliciting + self.backed_off())
    }

    /// `has_data`: whether the peer lacks messages; a ping alone is in no hurry.
    pub(crate) fn on_timeout(&mut self, now: Time, has_data: bool) -> TimeoutOutcome<T> {
        if self.loss_time.is_some() {
            return TimeoutOutcome::Lost(self.detect_loss(now));
        }
        self.probe_count = self.probe_count.saturating_add(1);
        self.has_data = has_data;
        self.silent_since.get_or_insert(now);
        self.loss.on_timeout();
        // The next timeout counts from now even if no probe could be sent.
        self.last_eliciting = now;
        TimeoutOutcome::Probe { count: if self.probe_count > PROBES_FULL { 1 } else { PROBES } }
    }

    /// Contents of the `count` oldest packets that are on their way and still matter, to be sent
    /// once more. When there are very many, the packets themselves are forgotten: who never
    /// acknowledges must not be remembered for all probes that he was sent.
    pub(crate) fn oldest(&mut self, count: u8, matters: impl Fn(&T) -> bool) -> Vec<T> {
        let count = usize::from(count);
        if self.eliciting_in_flight < CONTROL_MAX {
            let unacked = self.sent.iter().filter(|packet| packet.lost.is_none());
            let unacked = unacked.filter(|packet| matters(&packet.contents));
            return unacked.take(count).map(|packet| packet.contents.clone()).collect();
        }
        let mut contents = Vec::with_capacity(count);
        while contents.len() < count {
            let Some(packet) = self.sent.pop() else { break };
            if packet.lost.is_none() {
                self.in_flight -= packet.bytes;
                self.overdue_bytes -= if packet.is_overdue { packet.bytes } else { 0 };
                self.eliciting_in_flight -= u64::from(!packet.is_length_probe);
                contents.push(packet.contents);
            }
        }
        contents
    }

    /// Whether window and pacer let a full datagram go.
    pub(crate) fn may_send(&mut self, now: Time, bytes: usize) -> bool {
        let rate = self.pacing_rate();
        self.fits_window(bytes) && self.pacer.may_send(now, rate)
    }

    /// Whether a packet without messages may go, which the window alone doesn't hold: a peer that
    /// acknowledges nothing must not have us send, and remember, for ever.
    pub(crate) fn may_send_control(&self) -> bool {
        self.eliciting_in_flight < CONTROL_MAX || self.fits_window(self.config.datagram_len)
    }

    /// When the next datagram may go, as far as time alone brings it about: the pacer lets it, or
    /// what fills the window is overdue.
    pub(crate) fn pacing_deadline(&self) -> Option<Time> {
        if self.fits_window(self.config.datagram_len) {
            return Some(self.pacer.ready_at(self.pacing_rate()));
        }
        let may = self.floor().max(self.loose_window()) > self.config.datagram_len as u64;
        let first = self.sent.first_from(self.overdue_below).filter(|_| may)?;
        Some(first + self.pto())
    }

    /// Probe timeout without back-off.
    pub(crate) fn pto(&self) -> Duration {
        self.rtt.probe_timeout(self.config.max_ack_delay)
    }

    pub(crate) fn rtt(&self) -> Duration {
        self.rtt.smoothed()
    }

    /// What decides about redundancy.
    pub(crate) fn circumstances(&self) -> Circumstances {
        Circumstances {
            rtt: self.rtt.smoothed(),
            loss: self.loss.loss(),
            loss_after_loss: self.loss.loss_after_loss(),
            burst: self.loss.burst(),
            queue_stands: self.queue.stood_lately(),
            steady_loss: self.loss.steady_loss(),
            acked: self.loss.totals().0,
            lost: self.loss.totals().1,
        }
    }

    /// Packets that counted as lost and were late only.
    pub(crate) fn spurious(&self) -> u64 {
        self.spurious
    }

    /// Packets lost while a queue stood.
    pub(crate) fn queue_lost(&self) -> u64 {
        self.loss.queue_lost()
    }

    pub(crate) fn window(&self) -> u64 {
        self.congestion.window()
    }

    /// Packets that are remembered, and acknowledged ones between them.
    pub(crate) fn remembered(&self) -> usize {
        self.sent.len()
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Whether most of the window lies idle, so that nothing can be learnt about it (section 7.8).
    fn is_app_limited(&self) -> bool {
        self.flight_peak.max(self.in_flight) * 2 < self.congestion.window()
    }

    fn fits_window(&self, bytes: usize) -> bool {
        // A datagram that is longer than a small window waits until nothing else is in it.
        let bytes = (bytes as u64).min(self.congestion.window());
        // What is overdue is most likely lost, and in nobody's way.
        self.in_flight + bytes <= self.congestion.window()
            || self.in_flight - self.overdue_bytes + bytes <= self.floor().max(self.loose_window())
    }

    /// Bytes that may be in flight besides what is overdue.
    fn loose_window(&self) -> u64 {
        let window = self.congestion.window();
        let may = self.congestion.forgets_overdue()
            && !self.is_cut_off()
            && self.rtt.has_sample()
            && self.in_flight <= window.saturating_mul(LOOSE_WINDOWS);
        if may { window } else { 0 }
    }

    fn is_cut_off(&self) -> bool {
        self.silence(self.last_eliciting) > SILENCE_MAX
    }

    fn follow(&mut self, step: Step) {
        match step {
            Step::Stay => {}
            Step::Jump(window) => self.congestion.jump(window),
            Step::Retreat(window) => self.congestion.retreat(window),
        }
    }

    /// Bytes that may be in flight whatever the window says: what the application asks for, unless
    /// that makes a queue, or nothing gets through. A small flow that slowed down would relieve
    /// nobody.
    fn floor(&self) -> u64 {
        let is_queued = self.queue.stands()
            && (self.queue.inflation() > INFLATION_MAX || self.loss.queue_loss() > QUEUE_LOSS_MAX);
        if self.is_cut_off() || is_queued || self.app.is_bulk() || !self.rtt.has_sample() {
            return 0;
        }
        self.app.floor(self.pto())
    }

    /// How long nothing has been acknowledged although something could have been.
    fn silence(&self, now: Time) -> Duration {
        let awaited = |packet: &&SentPacket<T>| packet.lost.is_none() && !packet.is_length_probe;
        let first = self.sent.iter().find(awaited);
        first.map_or(Duration::ZERO, |first| now.saturating_since(first.sent.max(self.last_acked)))
    }

    fn backed_off(&self) -> Duration {
        let pto = self.pto();
        let doubled = pto.saturating_mul(1 << self.probe_count.min(16));
        let is_long =
            self.silent_since.is_some_and(|since| self.last_eliciting >= since + EAGER_SPAN)
                || !self.has_data;
        let most = if is_long { PROBE_TIMEOUT_MAX } else { self.rtt.smoothed() + EAGER_PAUSE };
        // The first one waits for as long as it takes; a path slower than the bound keeps its own
        // pace.
        if self.probe_count == 0 { pto } else { doubled.min(most.max(self.rtt.smoothed())) }
    }

    /// A little faster than the window, so that pacing alone never starves it (section 7.7).
    fn pacing_rate(&self) -> Rate {
        let window = self.congestion.window().max(self.floor());
        let faster = if self.congestion.is_in_slow_start() { window * 2 } else { window * 5 / 4 };
        Rate { window: faster, span: self.rtt.smoothed().max(GRANULARITY / 10) }
    }

    /// Declares packets lost that are too far, or too long, behind one that has arrived
    /// (section 6.1).
    fn detect_loss(&mut self, now: Time) -> Lost<T> {
        let mut lost = Vec::new();
        self.loss_time = None;
        let Some(largest) = self.largest_acked else { return lost };
        let delay = self.rtt.loss_delay(self.time_threshold);
        let is_app_limited = self.is_app_limited();
        let (mut is_one_run, mut previous) = (true, None);
        let (mut found, mut follows_loss) = (Vec::new(), false);
        for (number, packet) in self.sent.iter_mut() {
            if number >= largest {
                break;
            }
            let Some(packet) = packet else {
                follows_loss = false;
                continue;
            };
            if packet.lost.is_some() {
                follows_loss = true;
                continue;
            }
            let is_behind = largest.0 - number.0 >= self.packet_threshold;
            let due = packet.sent + delay;
            if !is_behind && due > now {
                self.loss_time = Some(self.loss_time.map_or(due, |time| time.min(due)));
                continue;
            }
            packet.lost = Some(now);
            self.in_flight -= packet.bytes;
            self.overdue_bytes -= if packet.is_overdue { packet.bytes } else { 0 };
            self.eliciting_in_flight -= u64::from(!packet.is_length_probe);
            lost.push(packet.contents.clone());
            if !packet.counts() {
                continue;
            }
            is_one_run &= previous.is_none_or(|p: PacketNumber| p.0 + 1 == number.0);
            previous = Some(number);
            found.push(LostPacket { sent: packet.sent, gap: packet.gap, follows_loss });
            follows_loss = true;
        }
        if let (Some(first), Some(last)) = (found.first(), found.last()) {
            let (first, last_sent) = (first.sent, last.sent);
            self.loss.on_lost(&found, self.queue.stands());
            let count = found.len() as u64;
            self.congestion.on_loss(now, LostPackets { count, last_sent, is_app_limited });
            let first_window = initial_window(self.config.datagram_len as u64);
            let stands = self.queue.stands();
            let step = self.resume.on_lost(count, last_sent, stands, first_window);
            self.follow(step);
            let span = last_sent.saturating_since(first);
            if is_one_run && self.rtt.has_sample() && span >= self.pto() * PERSISTENT {
                self.congestion.on_persistent_congestion();
            }
        }
        let keep = self.pto() * 2;
        self.sent.forget_lost(now - keep);
        lost
    }

    /// A packet that was declared lost has arrived after all: allow for more reordering.
    fn learn_reordering(&mut self, late: Option<PacketNumber>) {
        if let (Some(late), Some(largest)) = (late, self.largest_acked) {
            let distance = largest.0.saturating_sub(late.0) + 1;
            self.packet_threshold = self.packet_threshold.max(distance).min(PACKET_THRESHOLD_MAX);
            self.time_threshold = (self.time_threshold + 1).min(TIME_THRESHOLD_MAX);
        }
    }
}
