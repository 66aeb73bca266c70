//! One clock for all threads, and times in payloads.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::PAYLOAD_LEN;

/// Nanoseconds since the first call, the same in all threads.
pub(crate) fn now() -> u64 {
    nanos(origin().elapsed())
}

/// The point of time that is `nanos` of [`now`].
pub(crate) fn instant(nanos: u64) -> Instant {
    origin() + Duration::from_nanos(nanos)
}

pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).expect("584 years")
}

fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

/// What a payload says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    /// When it was to be sent.
    pub(crate) sent: u64,
    /// Its number, from 0.
    pub(crate) index: u64,
    /// Whether no other follows.
    pub(crate) is_last: bool,
}

impl Stamp {
    pub(crate) fn payload(self) -> [u8; PAYLOAD_LEN] {
        let mut payload = [0; PAYLOAD_LEN];
        payload[..8].copy_from_slice(&self.sent.to_be_bytes());
        payload[8..16].copy_from_slice(&self.index.to_be_bytes());
        payload[16] = self.is_last.into();
        payload
    }

    /// `None` if it is none of ours.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let number = |at: usize| payload.get(at..at + 8)?.try_into().ok().map(u64::from_be_bytes);
        Some(Self { sent: number(0)?, index: number(8)?, is_last: *payload.get(16)? != 0 })
    }
}

/// Delays, as cells of a Markdown table in microseconds.
pub(crate) struct Latency {
    pub(crate) delays: Histogram<u64>,
    /// How late sending began, after the time that was meant.
    pub(crate) late: Histogram<u64>,
}

/// Nanoseconds with three digits, up to a minute.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(60_000_000_000, 3).expect("constant bounds")
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = |nanos: u64| nanos as f64 / 1_000.0;
        for quantile in [0.5, 0.99, 0.999] {
            write!(f, "{:.0} | ", micros(self.delays.value_at_quantile(quantile)))?;
        }
        write!(f, "{:.0} | ", micros(self.delays.max()))?;
        match self.late.is_empty() {
            true => f.write_str("–"),
            false => write!(f, "{:.0}", micros(self.late.value_at_quantile(0.99))),
        }
    }
}
