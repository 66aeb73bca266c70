//! What a link does, in whole numbers.

use core::time::Duration;

use crate::config::{Bandwidth, Burst, CoDel, LinkConfig, Reorder};

/// One number of a [`Conditions`]; 0 is the simplest value of each: a perfect wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// Delay in ms.
    Delay,
    /// Most that is added to it, in ms.
    Jitter,
    /// Datagrams lost independently, in ‰.
    Loss,
    /// Time lost in bursts, in ‰ (at most 990).
    Burst,
    /// Mean length of a burst in ms; 0 counts as 1.
    BurstLength,
    /// Datagrams that arrive twice, in ‰.
    Duplicate,
    /// Datagrams that go the longer way, in ‰.
    Reorder,
    /// How much longer that is, in ms.
    ReorderDelay,
    /// Datagrams with a flipped bit, in ‰.
    Corrupt,
    /// Longest datagram in bytes; 0 is no limit.
    Mtu,
    /// Rate of a bottleneck in kbit/s; 0 is none.
    Rate,
    /// Room before the bottleneck, as the ms that it takes to drain, and at least 3,000 bytes.
    Queue,
    /// 1 if the queue is managed by [`CoDel`].
    Codel,
}

impl Quantity {
    /// All of them, in the order of the text form.
    pub const ALL: [Self; 13] = [
        Self::Delay,
        Self::Jitter,
        Self::Loss,
        Self::Burst,
        Self::BurstLength,
        Self::Duplicate,
        Self::Reorder,
        Self::ReorderDelay,
        Self::Corrupt,
        Self::Mtu,
        Self::Rate,
        Self::Queue,
        Self::Codel,
    ];

    /// Its name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delay => "delay",
            Self::Jitter => "jitter",
            Self::Loss => "loss",
            Self::Burst => "burst",
            Self::BurstLength => "burst-ms",
            Self::Duplicate => "dup",
            Self::Reorder => "reorder",
            Self::ReorderDelay => "reorder-ms",
            Self::Corrupt => "corrupt",
            Self::Mtu => "mtu",
            Self::Rate => "kbit",
            Self::Queue => "queue",
            Self::Codel => "codel",
        }
    }

    /// Whether half of a value is a milder one.
    pub(super) fn is_milder_halved(self) -> bool {
        !matches!(self, Self::Mtu | Self::Rate | Self::Codel)
    }
}

/// What one direction of a link does: a [`LinkConfig`] in whole numbers, which has an exact text
/// form and can be made milder number by number. The default is a perfect wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions([u32; Quantity::ALL.len()]);

impl Conditions {
    /// The same with another value of one quantity.
    #[must_use]
    pub fn with(mut self, quantity: Quantity, value: u32) -> Self {
        self.0[quantity as usize] = value;
        self
    }

    /// The value of one quantity.
    pub fn of(&self, quantity: Quantity) -> u32 {
        self.0[quantity as usize]
    }

    /// The same link once everything that loses, changes or repeats datagrams is mended: delay, and
    /// rate with its queue, are left.
    #[must_use]
    pub fn healed(&self) -> Self {
        use Quantity::{Codel, Delay, Queue, Rate};
        let kept = [Delay, Rate, Queue, Codel];
        kept.into_iter().fold(Self::default(), |healed, it| healed.with(it, self.of(it)))
    }

    /// The configuration of a link.
    pub fn config(&self) -> LinkConfig {
        let ms = |quantity| Duration::from_millis(self.of(quantity).into());
        let share = |quantity| f64::from(self.of(quantity).min(1_000)) / 1_000.0;
        let mut config = LinkConfig::new()
            .delay(ms(Quantity::Delay))
            .jitter(ms(Quantity::Jitter))
            .loss(share(Quantity::Loss))
            .duplicate(share(Quantity::Duplicate))
            .corrupt(share(Quantity::Corrupt))
            .reorder(Reorder {
                probability: share(Quantity::Reorder),
                extra_delay: ms(Quantity::ReorderDelay),
            });
        if self.of(Quantity::Burst) > 0 {
            let mean_bad = ms(Quantity::BurstLength).max(Duration::from_millis(1));
            config = config.burst(Burst::with_loss(share(Quantity::Burst).min(0.99), mean_bad));
        }
        if self.of(Quantity::Mtu) > 0 {
            config = config.mtu(self.of(Quantity::Mtu) as usize);
        }
        if self.of(Quantity::Rate) > 0 {
            let kbit = u64::from(self.of(Quantity::Rate));
            let queue_bytes = (kbit * u64::from(self.of(Quantity::Queue)) / 8).max(3_000) as usize;
            config = config.bandwidth(Bandwidth { bits_per_second: kbit * 1_000, queue_bytes });
        }
        if self.of(Quantity::Codel) > 0 {
            config = config.codel(CoDel::default());
        }
        config
    }
}
