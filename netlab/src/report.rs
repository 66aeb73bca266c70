//! What a tool prints when it ends.

use std::fmt;

use hdrhistogram::Histogram;
use rtm_sim::Counters;

/// Counts per direction and the tool's own lateness. [`fmt::Display`] gives one line each, of
/// `name=value` pairs.
#[derive(Clone, Debug)]
pub struct Report {
    /// From clients to the server, or from the first interface to the second. `delivered` is what
    /// was handed to the socket or interface.
    pub up: Counters,
    /// Back.
    pub down: Counters,
    /// Datagrams dropped because too many were waiting in the tool.
    pub overflowed: u64,
    /// Datagrams that the system didn't take.
    pub send_failed: u64,
    /// Datagrams of clients beyond the limit.
    pub refused: u64,
    /// Datagrams lost in the blackout; the counts of `up` and `down` don't know of it.
    pub blacked_out: u64,
    /// When the tool started, in microseconds of the system's monotonic clock; a blackout counts
    /// from then.
    pub origin_micros: u64,
    /// By how much datagrams left after their due time, in microseconds.
    pub lateness_micros: Histogram<u64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, c) in [("up", &self.up), ("down", &self.down)] {
            writeln!(
                f,
                "{name} sent={} bytes={} delivered={} lost={} duplicated={} reordered={} \
                 corrupted={} queue_dropped={} mtu_dropped={}",
                c.sent,
                c.sent_bytes,
                c.delivered,
                c.lost,
                c.duplicated,
                c.reordered,
                c.corrupted,
                c.queue_dropped,
                c.mtu_dropped,
            )?;
        }
        let Self { overflowed, send_failed, refused, lateness_micros: late, .. } = self;
        let Self { blacked_out, origin_micros, .. } = self;
        writeln!(
            f,
            "tool overflowed={overflowed} send_failed={send_failed} refused={refused} \
             blacked_out={blacked_out} origin_us={origin_micros}"
        )?;
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|q| late.value_at_quantile(q));
        let max = late.max();
        write!(f, "lateness p50_us={p50} p99_us={p99} p99.9_us={p999} max_us={max}")
    }
}
