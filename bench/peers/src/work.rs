//! What a client sends, and when.

use std::net::SocketAddr;
use std::path::PathBuf;

use bytes::Bytes;
use clap::{Args, ValueEnum};

use crate::clock::SECOND;
use crate::message::{Header, Kind};

/// Flags that both ends of a run share.
#[derive(Args, Clone, Debug)]
pub(crate) struct Work {
    /// Where the server listens
    #[arg(long)]
    pub(crate) address: SocketAddr,
    /// Existing folder for server.json and client.json, the same for both ends
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Flows of small messages, each with an order of its own
    #[arg(long, default_value_t = 8)]
    pub(crate) flows: u16,
    /// Messages a second of each flow
    #[arg(long, default_value_t = 30.0)]
    pub(crate) rate: f64,
    /// Bytes of each small message
    #[arg(long, default_value_t = 200)]
    pub(crate) size: usize,
    /// How long to send
    #[arg(long, default_value_t = 40.0)]
    pub(crate) seconds: f64,
    /// When flows send: one after the other within the interval, or all at once
    #[arg(long, value_enum, default_value_t = Phase::Spread)]
    pub(crate) phase: Phase,
    /// Also send a message of so many bytes each second, in a flow of its own
    #[arg(long)]
    pub(crate) big: Option<usize>,
    /// Open a connection for each message, when it is to be sent
    #[arg(long)]
    pub(crate) cold: bool,
    /// Instead of paced messages, send as fast as it can be taken
    #[arg(long)]
    pub(crate) bulk: bool,
    /// How long to wait for missing messages after the last one is sent
    #[arg(long, default_value_t = 20.0)]
    pub(crate) linger: f64,
}

/// How the flows lie in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Phase {
    Spread,
    Aligned,
}

/// A message that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Planned {
    /// Nanoseconds after the start.
    pub(crate) after: u64,
    pub(crate) flow: u16,
    pub(crate) number: u32,
    pub(crate) is_big: bool,
}

/// A message that is due.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    /// The large messages' flow comes after the others.
    pub(crate) flow: u16,
    pub(crate) number: u32,
    pub(crate) bytes: Bytes,
}

impl Work {
    /// All messages in the order in which they are due; none of a bulk transfer.
    pub(crate) fn plan(&self) -> Vec<Planned> {
        if self.bulk {
            return Vec::new();
        }
        let interval = SECOND as f64 / self.rate;
        let count = (self.seconds * self.rate).round() as u32;
        let mut plan = Vec::new();
        for flow in 0..self.flows {
            let offset = match self.phase {
                Phase::Spread => interval * f64::from(flow) / f64::from(self.flows),
                Phase::Aligned => 0.0,
            };
            plan.extend((0..count).map(|number| {
                let after = (offset + interval * f64::from(number)) as u64;
                Planned { after, flow, number, is_big: false }
            }));
        }
        if self.big.is_some() {
            // Half a second off, so that none meets the connection's first messages.
            plan.extend((0..self.seconds as u32).map(|number| {
                let after = SECOND / 2 + u64::from(number) * SECOND;
                Planned { after, flow: self.flows, number, is_big: true }
            }));
        }
        plan.sort_unstable();
        plan
    }

    /// Flows, that of the large messages included.
    pub(crate) fn flow_count(&self) -> usize {
        usize::from(self.flows) + usize::from(self.big.is_some())
    }

    pub(crate) fn outgoing(&self, planned: Planned, start: u64) -> Outgoing {
        let Planned { after, flow, number, is_big } = planned;
        let kind = if is_big { Kind::Big } else { Kind::Small };
        let header = Header { flow, kind, number, intended: start + after, start };
        let len = if is_big { self.big.unwrap_or_default() } else { self.size };
        Outgoing { flow, number, bytes: header.message(len) }
    }

    /// A piece of a bulk transfer that began at `start`.
    pub(crate) fn bulk_piece(&self, start: u64) -> Bytes {
        let header = Header { flow: 0, kind: Kind::Bulk, number: 0, intended: start, start };
        header.message(BULK_PIECE)
    }

    /// Nanoseconds that sending takes.
    pub(crate) fn span(&self) -> u64 {
        (self.seconds * SECOND as f64) as u64
    }

    /// Nanoseconds that missing messages are waited for.
    pub(crate) fn patience(&self) -> u64 {
        (self.linger * SECOND as f64) as u64
    }
}

/// Bytes of a piece of a bulk transfer.
const BULK_PIECE: usize = 8_192;

#[cfg(test)]
pub(crate) mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        work: Work,
    }

    pub(crate) fn work(flags: &str) -> Work {
        let line = format!("x --address 127.0.0.1:7700 --out . {flags}");
        Flags::try_parse_from(line.split_whitespace()).expect("valid flags").work
    }

    #[test]
    fn flows_are_spread_over_the_interval_or_aligned() {
        for (flags, second) in [("", 500_000_000), ("--phase aligned", 0)] {
            let plan = work(&format!("--flows 2 --rate 1 --seconds 3 {flags}")).plan();
            assert_eq!(plan.len(), 6);
            assert_eq!((plan[1].flow, plan[1].after), (1, second), "{flags}");
            assert!(plan.is_sorted());
        }
    }

    #[test]
    fn large_messages_come_once_a_second_in_a_flow_of_their_own() {
        let work = work("--flows 2 --rate 1 --seconds 3 --big 32768");
        let plan = work.plan();
        let big: Vec<_> = plan.iter().filter(|planned| planned.is_big).collect();
        assert_eq!((big.len(), big[0].flow, work.flow_count()), (3, 2, 3));
        assert_eq!(work.outgoing(*big[0], 0).bytes.len(), 32_768);
    }

    #[test]
    fn a_bulk_transfer_has_no_plan() {
        assert_eq!(work("--bulk").plan(), []);
    }
}
