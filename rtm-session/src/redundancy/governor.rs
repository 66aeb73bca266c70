//! Decides which message is sent once more, and when.

use std::time::Duration;

use rtm_wire::Time;

use super::budget::Budget;
use super::riders::{COPIES_MAX, Choice, Order, Riders};
use super::trust::Trust;
use super::{ParityPolicy, Plan, Redundancy, Rider};

/// Copies are as many that all of them are lost so rarely.
const RISK: f64 = 1e-3;
/// The same for eager lanes.
const RISK_EAGER: f64 = 1e-4;
/// A long message needs a second round trip this rarely.
const RISK_PARITY: f64 = 0.01;
/// What a packet and a fragment's frame take besides a symbol: headers, tag, an acknowledgement.
const PACKET_HEAD: usize = 100;
/// Below this loss, copies are not worth their bytes.
const LOSS_MIN: f64 = 0.002;
/// The same for eager lanes.
const LOSS_MIN_EAGER: f64 = 0.000_5;
/// What an eager lane takes the loss for, at least.
const LOSS_EAGER: f64 = 0.01;
/// Above this loss, copies in other messages' packets are too few: bytes and packets for them grow
/// with the loss, up to twice this.
const LOSS_HEAVY: f64 = 0.35;
/// Time after which a message that no packet has taken along gets one for copies; a twelfth of the
/// round trip within these bounds.
const ECHO_MIN: Duration = Duration::from_millis(4);
const ECHO_MAX: Duration = Duration::from_millis(25);
/// Time without a packet after which one of copies goes out even if none was earned.
const TAIL: Duration = Duration::from_millis(50);
/// A message with no more copies gets a packet when the last one had no room for it.
const COPIES_FEW: usize = 2;
/// Packets in a burst from which on copies wait for the answer to the first one: there will be
/// packets enough to take them along then.
const DENSE: u32 = 6;
/// Copies in one burst of packets would be lost together.
const SPACING_MIN: Duration = Duration::from_millis(2);

/// What decides about copies, as recovery knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    pub(crate) rtt: Duration,
    /// Random loss towards the peer, 0 to 1.
    pub(crate) loss: f64,
    /// Probability that a packet is lost which follows a lost one at the usual distance.
    pub(crate) loss_after_loss: f64,
    /// Mean length of a burst of losses; zero when losses are independent.
    pub(crate) burst: Duration,
    pub(crate) queue_stands: bool,
    /// Random loss without regard to sudden changes.
    pub(crate) steady_loss: f64,
    /// Packets that this is known from, those that its first value is worth included.
    pub(crate) measured: f64,
    /// Packets acknowledged and lost so far, in queues too.
    pub(crate) acked: u64,
    pub(crate) lost: u64,
}

/// One session's redundancy.
#[derive(Debug)]
pub(crate) struct Governor {
    riders: Riders,
    budget: Budget,
    /// Most bytes sent for a fresh one, in hundredths, at ordinary loss.
    ratio: u64,
    circumstances: Circumstances,
    wanted: Wanted,
    trust: Trust,
    last_packet: Time,
    /// Usual time between packets with fresh messages.
    pace: Option<Duration>,
    last_fresh: Option<Time>,
}

/// Copies under way with which a message is safe.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    auto: usize,
    eager: usize,
}

impl Governor {
    /// Bytes a second, and for each hundred of fresh ones, for copies. The handshake has shown
    /// `shown` of loss, 0 to 1.
    pub(crate) fn new(
        now: Time,
        (rate, ratio): (u64, u64),
        circumstances: Circumstances,
        shown: f64,
    ) -> Self {
        let wanted = Wanted::new(&circumstances);
        let (riders, budget) = (Riders::new(), Budget::new(now, rate));
        let (pace, last_fresh) = (None, None);
        let trust = Trust::new(now, shown);
        Self {
            riders,
            budget,
            ratio,
            circumstances,
            wanted,
            trust,
            last_packet: now,
            pace,
            last_fresh,
        }
    }

    /// Takes what is known now.
    pub(crate) fn update(&mut self, now: Time, mut circumstances: Circumstances) {
        self.budget.on_queue(now, circumstances.queue_stands);
        // Without trust it is as if a queue stood.
        circumstances.queue_stands |= !self.trust.update(now, &circumstances);
        if circumstances.queue_stands {
            self.riders.clear();
        }
        self.circumstances = circumstances;
        self.wanted = Wanted::new(&circumstances);
    }

    /// What fresh messages get.
    pub(crate) fn plan(&self, datagram_len: usize) -> Plan {
        let Circumstances { loss, queue_stands, .. } = self.circumstances;
        let parity = ParityPolicy {
            loss: loss.min(LOSS_HEAVY),
            risk: RISK_PARITY,
            symbol_max: datagram_len - PACKET_HEAD,
        };
        Plan {
            keep_whole: self.wanted.eager > 1 && !queue_stands,
            parity: (loss >= LOSS_MIN && !queue_stands && self.budget.has_rate()).then_some(parity),
            below: None,
        }
    }

    /// A message of `len` bytes went out for the first time.
    pub(crate) fn on_fresh(&mut self, now: Time, len: usize, policy: Redundancy) {
        let packets = match policy {
            Redundancy::Off => 1_000,
            Redundancy::Auto => 1_080 + self.heavy(2_000),
            Redundancy::Eager => 2_000 + self.heavy(1_000),
            Redundancy::Fixed(copies) => u64::from(copies) * 1_000,
        };
        if let Some(gap) = self.last_fresh.map(|last| now.saturating_since(last)) {
            self.pace = Some(self.pace.map_or(gap, |pace| (pace * 7 + gap) / 8));
        }
        self.last_fresh = Some(now);
        self.budget.on_fresh(now, len, self.ratio().saturating_sub(100), packets);
    }

    /// A copy of a message, the first or another one, went out, or one turned out to be lost and
    /// others are still under way.
    pub(crate) fn on_copy(&mut self, rider: Rider, is_current: impl Fn(&Rider) -> bool) {
        if !self.circumstances.queue_stands && rider.copies < self.wanted.of(rider.policy) {
            self.riders.push(rider, is_current);
        }
    }

    /// A packet with messages went out.
    pub(crate) fn on_packet(&mut self, now: Time) {
        self.last_packet = now;
        self.budget.on_packet();
    }

    /// Whether there may be a copy of this message now, whether it is listed or not.
    pub(crate) fn may_copy(&self, now: Time, rider: &Rider) -> bool {
        self.has_bytes(now) && now >= self.pause().until(rider)
    }

    /// The message that is to be copied next into a packet that goes out now.
    pub(crate) fn next(&mut self, now: Time, is_current: impl Fn(&Rider) -> bool) -> Option<Rider> {
        if !self.has_bytes(now) {
            return None;
        }
        let (wanted, pause) = (self.wanted, self.pause());
        let order = if self.is_bursty() { Order::Time } else { Order::Copies };
        self.riders.next(order, |rider| {
            if !is_current(rider) || rider.copies >= wanted.of(rider.policy) {
                Choice::Drop
            } else if now < pause.until(rider) {
                Choice::Wait
            } else {
                Choice::Take
            }
        })
    }

    /// The chosen message had no room: it keeps its turn.
    pub(crate) fn put_back(&mut self, rider: Rider) {
        self.riders.put_back(rider);
    }

    /// A copy of `len` bytes was written.
    pub(crate) fn pay(&mut self, now: Time, len: usize) {
        self.budget.pay(now, len);
    }

    /// When a packet only of copies is to go out.
    pub(crate) fn deadline(&self, is_current: impl Fn(&Rider) -> bool) -> Option<Time> {
        if self.circumstances.queue_stands {
            return None;
        }
        let wanted = self.wanted;
        let due = self.riders.due(|rider| {
            let is_wanted = is_current(rider) && rider.copies < wanted.of(rider.policy);
            is_wanted.then(|| self.due(rider))
        })?;
        let echo = due.max(self.budget.bytes_ready()?);
        Some(if self.budget.has_packet() { echo } else { echo.max(self.last_packet + TAIL) })
    }

    /// Whether such a packet is due.
    pub(crate) fn is_due(&self, now: Time, is_current: impl Fn(&Rider) -> bool) -> bool {
        self.deadline(is_current).is_some_and(|due| now >= due)
    }

    fn has_bytes(&self, now: Time) -> bool {
        let is_ready = self.budget.bytes_ready().is_some_and(|at| now >= at);
        is_ready && !self.circumstances.queue_stands
    }

    /// When a message gets a packet of its own if none takes it along before.
    fn due(&self, rider: &Rider) -> Time {
        let pause = self.pause();
        let soon = self.echo().max(pause.short);
        let is_thrifty = rider.policy == Redundancy::Auto && self.circumstances.loss < LOSS_HEAVY;
        // One that the last packet had no room for has waited already.
        let has_missed = rider.last_copy < self.last_packet
            && (rider.copies <= COPIES_FEW || self.budget.is_rich());
        let due = match self.pace.map(|pace| pace * 3 / 2) {
            Some(next) if is_thrifty && !has_missed && next < self.circumstances.rtt => {
                rider.last_copy + next.max(soon)
            }
            _ if is_thrifty => rider.last_copy.max(self.last_packet) + soon,
            _ => rider.last_copy + soon,
        };
        due.max(pause.until(rider))
    }

    fn echo(&self) -> Duration {
        (self.circumstances.rtt / 12).clamp(ECHO_MIN, ECHO_MAX)
    }

    /// Whether losses come in bursts, as far as that matters.
    fn is_bursty(&self) -> bool {
        self.circumstances.burst > Duration::ZERO && self.circumstances.loss < LOSS_HEAVY
    }

    fn pause(&self) -> Pause {
        let Circumstances { burst, rtt, .. } = self.circumstances;
        let is_dense = self.is_bursty() && self.pace.is_some_and(|pace| pace * DENSE < burst);
        let short = (burst / 3).max(SPACING_MIN);
        let long = if is_dense { burst } else { short };
        Pause { short, long, answer: rtt + rtt / 8 }
    }

    /// Bytes that may be sent for a fresh one, in hundredths.
    fn ratio(&self) -> u64 {
        self.ratio + self.heavy(self.ratio * 3 / 2)
    }

    /// The part of `most` by which the loss is heavy: nothing up to 35 %, all at 70 %.
    fn heavy(&self, most: u64) -> u64 {
        let excess = (self.circumstances.loss - LOSS_HEAVY) / LOSS_HEAVY;
        (most as f64 * excess.clamp(0.0, 1.0)) as u64
    }
}

/// Time between two copies of a message.
#[derive(Clone, Copy, Debug)]
struct Pause {
    /// Shorter, and one burst would take both.
    short: Duration,
    /// The same while nothing can be known of the first copy: most messages need no more than two.
    long: Duration,
    /// After so long, the answer to the first copy is due.
    answer: Duration,
}

impl Pause {
    /// When there may be another copy.
    fn until(&self, rider: &Rider) -> Time {
        let soon = rider.last_copy + self.short;
        soon.max((rider.last_copy + self.long).min(rider.first_copy + self.answer))
    }
}

impl Wanted {
    fn new(circumstances: &Circumstances) -> Self {
        let Circumstances { loss, loss_after_loss, .. } = *circumstances;
        let auto = if loss < LOSS_MIN { 1 } else { copies(loss, loss_after_loss, RISK) };
        let eager = if loss < LOSS_MIN_EAGER {
            1
        } else {
            let (first, next) = (loss.max(LOSS_EAGER), loss_after_loss.max(LOSS_EAGER));
            copies(first, next, RISK_EAGER)
        };
        Self { auto, eager: eager.max(auto) }
    }

    fn of(self, policy: Redundancy) -> usize {
        match policy {
            Redundancy::Off => 0,
            Redundancy::Auto => self.auto,
            Redundancy::Eager => self.eager,
            Redundancy::Fixed(copies) => usize::from(copies).min(COPIES_MAX),
        }
    }
}

/// Copies of which all are lost with at most the probability `risk`.
fn copies(first: f64, next: f64, risk: f64) -> usize {
    let (mut copies, mut all_lost) = (1, first);
    // A little more is as good: the loss is only estimated.
    while all_lost > risk * 1.25 && copies < COPIES_MAX {
        all_lost *= next.max(first);
        copies += 1;
    }
    copies
}
