//! How much may be on its way.

mod copa;
mod cubic;
mod epochs;
mod growth;
mod loss_tolerant;
mod new_reno;
mod overflow;
mod queue;
mod undo;

use std::fmt;
use std::time::Duration;

use rtm_wire::Time;

pub(crate) use self::copa::Copa;
pub(crate) use self::cubic::Cubic;
pub(crate) use self::loss_tolerant::LossTolerant;
pub(crate) use self::new_reno::NewReno;
pub(super) use self::queue::QueueWatch;

/// How a session reacts to loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CongestionControl {
    /// As `Cubic`, but backs off only when a queue stands before the bottleneck, or when loss grows
    /// with what is sent; loss that does neither is the radio's, and slowing down would not help
    /// against it. The default: mobile networks lose at random.
    #[default]
    LossTolerant,
    /// Backs off at every loss, and grows as most TCP flows do (RFC 9438). Takes its part of fast
    /// and long ways, as long as they hardly lose anything at random.
    Cubic,
    /// Goes by round trips alone, as Copa does: keeps the queue short while it is alone with its
    /// like, and hardly heeds loss. Not for ways with much jitter, nor with lines that drop what is
    /// too much without letting it wait.
    Delay,
    /// Backs off at every loss, as RFC 9002 section 7 has it. At a few per cent of random loss
    /// hardly anything gets through.
    NewReno,
}

impl CongestionControl {
    pub(super) fn controller(self, datagram_len: usize) -> Box<dyn Congestion> {
        match self {
            Self::LossTolerant => Box::new(LossTolerant::new(datagram_len)),
            Self::Cubic => Box::new(Cubic::new(datagram_len)),
            Self::Delay => Box::new(Copa::new(datagram_len)),
            Self::NewReno => Box::new(NewReno::new(datagram_len)),
        }
    }
}

/// What a congestion controller learns of acknowledged packets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acked {
    pub(crate) bytes: u64,
    /// When the packet was sent.
    pub(crate) sent: Time,
    /// Most of the window was unused: such a packet shows nothing of the path.
    pub(crate) is_app_limited: bool,
}

/// What a congestion controller learns of lost packets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LostPackets {
    pub(crate) count: u64,
    /// When the last of them was sent.
    pub(crate) last_sent: Time,
    /// Most of the window was unused when they were found lost.
    pub(crate) is_app_limited: bool,
}

/// A congestion controller: decides on a window, nothing else.
pub(crate) trait Congestion: fmt::Debug + Send {
    fn on_ack(&mut self, now: Time, acked: Acked);

    /// A round trip of a packet sent at `sent` was measured.
    fn on_rtt(&mut self, now: Time, sent: Time, sample: Duration);

    /// Packets were lost; told once for all that were found lost together.
    fn on_loss(&mut self, now: Time, lost: LostPackets);

    /// A packet that was sent at `sent` and was told as lost has arrived: it was late only.
    fn on_spurious(&mut self, sent: Time);

    /// Nothing got through for a long time (RFC 9002 section 7.6).
    fn on_persistent_congestion(&mut self);

    /// A window is known from before, larger than the first one.
    fn jump(&mut self, window: u64);

    /// That was too much.
    fn retreat(&mut self, window: u64);

    /// Whether what should have been acknowledged by now, and was not, leaves room for more: only
    /// for who knows that the way loses at random.
    fn forgets_overdue(&self) -> bool {
        false
    }

    /// Bytes that may be in flight.
    fn window(&self) -> u64;

    /// Whether the window still doubles each round trip.
    fn is_in_slow_start(&self) -> bool;
}

/// The window to begin with (RFC 9002 section 7.2).
pub(super) fn initial_window(datagram: u64) -> u64 {
    (10 * datagram).min((2 * datagram).max(14_720))
}
