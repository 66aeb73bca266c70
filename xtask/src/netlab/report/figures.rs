//! The numbers of one run.

use serde::{Serialize, Serializer};

use super::super::outcome::{Arrivals, Outcome};
use super::super::statistics::Sorted;

/// What tables and plots are made of. Times are in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Figures {
    pub(super) condition: String,
    pub(super) peer: String,
    pub(super) seed: u64,
    pub(super) date: String,
    pub(super) expected: u64,
    pub(super) delivered: u64,
    pub(super) duplicates: u64,
    pub(super) reversed: u64,
    /// Of small messages that were to be sent in the first seconds.
    pub(super) start_up: Spread,
    /// Of all later ones.
    pub(super) steady: Spread,
    /// Of large messages.
    #[serde(skip_serializing_if = "Spread::is_empty")]
    pub(super) big: Spread,
    /// Sent towards the server, and the payload bytes that arrived there.
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) payload_bytes: u64,
    pub(super) queue_dropped: u64,
    /// Of both ends.
    pub(super) cpu_us: u64,
    pub(super) lateness_p99_us: u64,
    pub(super) is_valid: bool,
    /// First delivery, and the last message from before, after the end of a blackout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recovery_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) caught_up_us: Option<u64>,
    /// Rates of the peer's own transfer, and of TCP's beside it, in kbit/s of payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) transfer_kbit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) beside_kbit: Option<u64>,
    #[serde(skip)]
    pub(super) steady_values: Sorted,
    #[serde(skip)]
    pub(super) all_values: Sorted,
    #[serde(skip)]
    pub(super) setup: String,
}

/// A distribution in short; six numbers in files, in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Spread {
    pub(super) count: usize,
    pub(super) p50: Option<u64>,
    pub(super) p90: Option<u64>,
    pub(super) p99: Option<u64>,
    pub(super) p999: Option<u64>,
    pub(super) max: Option<u64>,
}

impl Spread {
    fn of(values: &Sorted) -> Self {
        Self {
            count: values.len(),
            p50: values.quantile(0.5),
            p90: values.quantile(0.9),
            p99: values.quantile(0.99),
            p999: values.quantile(0.999),
            max: values.max(),
        }
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl Serialize for Spread {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { count, p50, p90, p99, p999, max } = *self;
        (count, p50, p90, p99, p999, max).serialize(serializer)
    }
}

impl Figures {
    /// `blackout_ms`: from and until, after the router's start.
    pub(super) fn of(outcome: &Outcome, message_len: u64, blackout_ms: Option<(u64, u64)>) -> Self {
        let Outcome { note, server, client, router, beside } = outcome;
        let count = |name: &str| router.value(name).unwrap_or_default();
        let part = |arrivals: &Arrivals, is_wanted: fn(u64) -> bool| {
            let both = arrivals.intended_us.iter().zip(&arrivals.latency_us);
            Sorted::new(both.filter(|(at, _)| is_wanted(**at)).map(|(_, value)| *value).collect())
        };
        let start_up = part(&server.small, |at| at < START_UP_US);
        let steady = part(&server.small, |at| at >= START_UP_US);
        let big = part(&server.big, |_| true);
        let returned = blackout_ms.map(|(_, until)| count("tool origin_us") + until * 1_000);
        Self {
            date: note.date.clone(),
            expected: server.expected,
            delivered: outcome.delivered(),
            duplicates: server.duplicates,
            reversed: server.reversed,
            start_up: Spread::of(&start_up),
            steady: Spread::of(&steady),
            big: Spread::of(&big),
            packets: count("up sent"),
            bytes: count("up bytes"),
            payload_bytes: server.small.latency_us.len() as u64 * message_len
                + big.len() as u64 * BIG_LEN,
            queue_dropped: count("up queue_dropped"),
            cpu_us: server.cpu_us + client.cpu_us,
            lateness_p99_us: note.lateness_p99_us,
            is_valid: outcome.is_valid(),
            recovery_us: returned.and_then(|at| recovery(outcome, at).0),
            caught_up_us: returned.and_then(|at| recovery(outcome, at).1),
            transfer_kbit: rate(&server.bulk_bytes),
            beside_kbit: beside.as_ref().and_then(|beside| rate(&beside.bulk_bytes)),
            all_values: part(&server.small, |_| true),
            steady_values: steady,
            setup: client.peer.clone(),
            ..Self::default()
        }
    }

    pub(super) fn is_truncated(&self) -> bool {
        self.delivered < self.expected
    }
}

/// How long after `returned`, by the machine's clock, the first message came, and the last of
/// those that were to be sent before.
fn recovery(outcome: &Outcome, returned: u64) -> (Option<u64>, Option<u64>) {
    let small = &outcome.server.small;
    let start = outcome.server.start_us;
    let both = || small.intended_us.iter().zip(&small.latency_us);
    let after =
        |(intended, latency): (&u64, &u64)| (start + intended + latency).checked_sub(returned);
    let first = both().filter_map(after).min();
    let old = both().filter(|(intended, _)| start + **intended < returned);
    (first, old.filter_map(after).max())
}

/// Of a transfer, in kbit/s, when it is under way.
fn rate(bytes: &[u64]) -> Option<u64> {
    // The last second isn't whole.
    let seconds = bytes.get(TRANSFER_START..bytes.len().checked_sub(1)?)?;
    let sum: u64 = seconds.iter().sum();
    let count = u64::try_from(seconds.len()).ok().filter(|count| *count > 0)?;
    Some(sum * 8 / 1_000 / count)
}

/// Where start-up ends.
pub(super) const START_UP_US: u64 = 10_000_000;
/// Seconds until a transfer is under way.
const TRANSFER_START: usize = 5;
const BIG_LEN: u64 = 32_768;

#[cfg(test)]
mod tests {
    use super::super::super::outcome::{RouterReport, ServerOutcome};
    use super::*;

    fn outcome(intended: &[u64], latency: &[u64]) -> Outcome {
        let small = Arrivals { intended_us: intended.to_vec(), latency_us: latency.to_vec() };
        let expected = intended.len() as u64;
        let server = ServerOutcome { expected, small, start_us: 1_000, ..ServerOutcome::default() };
        let router = RouterReport::parse("up sent=9 bytes=990\ntool origin_us=500");
        Outcome { server, router, ..Outcome::default() }
    }

    #[test]
    fn start_up_and_steady_state_are_apart() {
        let outcome = outcome(&[0, 9_999_999, 10_000_000], &[7, 8, 9]);
        let figures = Figures::of(&outcome, 200, None);
        assert_eq!((figures.start_up.max, figures.steady.max), (Some(8), Some(9)));
        assert_eq!((figures.packets, figures.bytes, figures.payload_bytes), (9, 990, 600));
        assert!(!figures.is_truncated());
    }

    #[test]
    fn recovery_counts_from_the_end_of_the_blackout() {
        // The link is back at 500 + 2,000 = 2,500; the start is 1,000.
        let outcome = outcome(&[0, 1_000, 1_400, 1_600], &[100, 1_000, 1_500, 60]);
        let figures = Figures::of(&outcome, 200, Some((1, 2)));
        assert_eq!((figures.recovery_us, figures.caught_up_us), (Some(160), Some(1_400)));
    }

    #[test]
    fn a_transfer_counts_while_it_is_under_way() {
        let mut bytes = vec![0; TRANSFER_START];
        bytes.extend([125_000, 375_000, 1]);
        assert_eq!(rate(&bytes), Some(2_000));
        assert_eq!(rate(&[1, 2, 3]), None);
    }
}
