//! What one direction of a link does to datagrams.

use core::time::Duration;

/// One direction of a link: delay, loss and everything else that a network does to datagrams.
///
/// The default is a perfect wire: no delay, no loss, no limit. Every impairment is independent of
/// the others, and with the same seed switching one on leaves the decisions of the others alone.
///
/// ```
/// use core::time::Duration;
/// use rtm_sim::{Bandwidth, LinkConfig};
///
/// let mobile = LinkConfig::new()
///     .delay(Duration::from_millis(50))
///     .jitter(Duration::from_millis(30))
///     .loss(0.1)
///     .bandwidth(Bandwidth { bits_per_second: 5_000_000, queue_bytes: 62_500 });
/// # let _ = mobile;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[must_use = "a configuration does nothing until a network or a link gets it"]
pub struct LinkConfig {
    pub(crate) delay: Duration,
    pub(crate) jitter: Duration,
    pub(crate) loss: f64,
    pub(crate) burst: Option<Burst>,
    pub(crate) duplicate: f64,
    pub(crate) reorder: Option<Reorder>,
    pub(crate) corrupt: f64,
    pub(crate) mtu: Option<usize>,
    pub(crate) bandwidth: Option<Bandwidth>,
    pub(crate) codel: Option<CoDel>,
}

/// Bursts of loss after Gilbert and Elliott, with states that last in time.
///
/// The link is good and bad in turn, each for an exponentially distributed time; while it is bad,
/// every datagram is lost. Bursts are counted in time and not in datagrams, so a peer that sends
/// more of them doesn't see shorter bursts. The share of lost time is
/// `mean_bad / (mean_good + mean_bad)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// Mean time between two bursts.
    pub mean_good: Duration,
    /// Mean length of a burst.
    pub mean_bad: Duration,
}

impl Burst {
    /// Bursts of `mean_bad` on average that together take the share `loss` of the time.
    ///
    /// # Panics
    ///
    /// When `loss` isn't above 0 and below 1.
    pub fn with_loss(loss: f64, mean_bad: Duration) -> Self {
        assert!(loss > 0.0 && loss < 1.0, "a share of time between 0 and 1, not {loss}");
        Self { mean_good: mean_bad.mul_f64((1.0 - loss) / loss), mean_bad }
    }
}

/// Datagrams that take a longer way, so that later ones overtake them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reorder {
    /// Share of datagrams that take the longer way, 0 to 1.
    pub probability: f64,
    /// How much longer that way is.
    pub extra_delay: Duration,
}

/// A bottleneck: a line of fixed rate with a queue before it, drop-tail unless a [`CoDel`] is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bandwidth {
    /// Rate of the line in bits per second, counting what [`Link::pass`](crate::Link::pass) is
    /// told as the length.
    pub bits_per_second: u64,
    /// Bytes that may wait for the line or be on it. A datagram that would exceed this is dropped,
    /// unless the line is idle.
    pub queue_bytes: usize,
}

/// Active management of the queue before a bottleneck, after RFC 8289: once datagrams have waited
/// for more than `target` throughout an `interval`, some are dropped as they leave, more and more
/// often, until the wait is shorter.
///
/// Decided when a datagram enters, with all that is known of its leaving. What has come in behind
/// it by then is not: the last datagrams of a burst may be dropped though less than a full datagram
/// waits behind them, unless that little was waiting when they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoDel {
    /// How long datagrams may wait for good.
    pub target: Duration,
    /// How long they may wait longer: about the longest round trip of the flows.
    pub interval: Duration,
}

impl Default for CoDel {
    /// 5 ms and 100 ms, as the RFC recommends.
    fn default() -> Self {
        Self { target: Duration::from_millis(5), interval: Duration::from_millis(100) }
    }
}

impl LinkConfig {
    /// A perfect wire, as [`Default`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Every datagram takes at least this long. Default: 0.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Adds up to `jitter`, most often little (the cube of a uniform draw: a quarter of it on
    /// average), never letting a datagram overtake an earlier one. Default: 0.
    ///
    /// Since a late datagram holds up its successors, the average grows with the packet rate.
    pub fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }

    /// Loses each datagram with this probability, whatever happens to others. Default: 0.
    ///
    /// # Panics
    ///
    /// When `probability` lies outside 0 to 1.
    pub fn loss(mut self, probability: f64) -> Self {
        self.loss = checked(probability);
        self
    }

    /// Loses all datagrams while a burst lasts, besides [`LinkConfig::loss`]. Default: no bursts.
    ///
    /// # Panics
    ///
    /// When a mean duration is below a microsecond.
    pub fn burst(mut self, burst: Burst) -> Self {
        let shortest = burst.mean_good.min(burst.mean_bad);
        assert!(shortest >= Duration::from_micros(1), "a burst state lasts at least 1 µs");
        self.burst = Some(burst);
        self
    }

    /// Delivers a datagram a second time with this probability; the copy has its own jitter.
    /// Default: 0.
    ///
    /// # Panics
    ///
    /// When `probability` lies outside 0 to 1.
    pub fn duplicate(mut self, probability: f64) -> Self {
        self.duplicate = checked(probability);
        self
    }

    /// Sends some datagrams the longer way. Default: none.
    ///
    /// # Panics
    ///
    /// When the probability lies outside 0 to 1.
    pub fn reorder(mut self, reorder: Reorder) -> Self {
        checked(reorder.probability);
        self.reorder = Some(reorder);
        self
    }

    /// Flips one bit of a datagram with this probability; a duplicate stays intact. Default: 0.
    ///
    /// # Panics
    ///
    /// When `probability` lies outside 0 to 1.
    pub fn corrupt(mut self, probability: f64) -> Self {
        self.corrupt = checked(probability);
        self
    }

    /// Drops datagrams of more than `bytes` bytes. Default: no limit.
    pub fn mtu(mut self, bytes: usize) -> Self {
        self.mtu = Some(bytes);
        self
    }

    /// Puts a bottleneck before the delay. Default: none.
    ///
    /// Loss happens behind the bottleneck, as on a radio link: a lost datagram has used its time.
    ///
    /// # Panics
    ///
    /// When the rate is 0; use a partition to cut a link.
    pub fn bandwidth(mut self, bandwidth: Bandwidth) -> Self {
        assert!(bandwidth.bits_per_second > 0, "a line without a rate is a partition");
        self.bandwidth = Some(bandwidth);
        self
    }

    /// Manages the queue of [`LinkConfig::bandwidth`]; without a bandwidth it does nothing.
    /// `queue_bytes` stays the limit. Default: drop-tail.
    pub fn codel(mut self, codel: CoDel) -> Self {
        self.codel = Some(codel);
        self
    }
}

/// A probability that is one; NaN isn't.
fn checked(probability: f64) -> f64 {
    assert!((0.0..=1.0).contains(&probability), "a probability is 0 to 1, not {probability}");
    probability
}
