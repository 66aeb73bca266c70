//! What carries datagrams, in batches.

use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;
use bytes::BytesMut;

use crate::endpoint::{StreamAction, StreamEvent};
use crate::remote::Remote;

/// Datagrams, and packets of streams, that have arrived.
#[derive(Debug, Default)]
pub struct Arrivals {
    /// In the order of arrival, each with its source.
    pub datagrams: Vec<(Remote, BytesMut)>,
    /// News of streams, by how many of `datagrams` had arrived before, in that order.
    pub streams: Vec<(usize, StreamEvent)>,
}

/// Datagrams that are to go out, one after the other in one buffer.
#[derive(Debug, Default)]
pub struct Departures {
    buffer: Vec<u8>,
    datagrams: Vec<(Remote, usize)>,
}

impl Departures {
    /// Adds one.
    pub fn push(&mut self, to: impl Into<Remote>, datagram: &[u8]) {
        self.buffer.extend_from_slice(datagram);
        self.datagrams.push((to.into(), datagram.len()));
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.datagrams.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// Drops what goes over streams.
    pub(super) fn retain_datagrams(&mut self) {
        if self.datagrams.iter().all(|(to, _)| to.stream().is_none()) {
            return;
        }
        let (buffer, all) = (std::mem::take(&mut self.buffer), std::mem::take(&mut self.datagrams));
        let mut rest = buffer.as_slice();
        for (to, length) in all {
            let (datagram, after) = rest.split_at(length);
            rest = after;
            if to.stream().is_none() {
                self.push(to, datagram);
            }
        }
    }

    /// Drops all of them.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.datagrams.clear();
    }

    /// Runs of at most `run_max` datagrams that go to one place and have one length (the last
    /// of a run may be shorter): destination, length, bytes.
    pub fn runs(&self, run_max: usize) -> impl Iterator<Item = (Remote, usize, &[u8])> {
        let (mut index, mut offset) = (0, 0);
        std::iter::from_fn(move || {
            let &(to, length) = self.datagrams.get(index)?;
            let start = offset;
            let mut count = 0;
            while let Some(&(next_to, next_length)) = self.datagrams.get(index) {
                // The run so far holds only full lengths.
                let fits = next_to == to
                    && next_length <= length
                    && count < run_max
                    && offset + next_length - start <= usize::from(u16::MAX) - 64;
                if count > 0 && !fits {
                    break;
                }
                index += 1;
                offset += next_length;
                count += 1;
                if next_length < length {
                    break;
                }
            }
            Some((to, length, &self.buffer[start..offset]))
        })
    }
}

/// A socket, or what stands for one.
#[async_trait]
pub trait Transport: Send + 'static {
    /// Waits for datagrams and adds them to `arrivals`.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// Only what makes the transport useless; passing trouble is the transport's own.
    async fn receive(&mut self, arrivals: &mut Arrivals) -> io::Result<()>;

    /// Sends all of `departures` and clears it. Datagrams may be lost on the way, here as anywhere.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    async fn send(&mut self, departures: &mut Departures) -> io::Result<()>;

    /// Does something about streams; whether it can. A transport without streams can't, and the
    /// endpoint is told so.
    fn act(&mut self, action: StreamAction) -> bool {
        let _ = action;
        false
    }

    /// The engine has said its last: what was handed over leaves, and what is open is closed. Takes
    /// two seconds at most.
    async fn finish(&mut self) {}

    /// Where datagrams to this end go.
    ///
    /// # Errors
    /// The system's.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn runs_hold_one_address_and_one_length() {
        let mut departures = Departures::default();
        for (port, length) in [(1, 10), (1, 10), (1, 4), (1, 10), (2, 10), (2, 12), (2, 12)] {
            departures.push(addr(port), &vec![port as u8; length]);
        }
        let runs: Vec<_> = departures
            .runs(8)
            .map(|(to, len, bytes)| (to.addr().port(), len, bytes.len()))
            .collect();
        assert_eq!(runs, [(1, 10, 24), (1, 10, 10), (2, 10, 10), (2, 12, 24)]);
        let single: Vec<_> = departures.runs(1).map(|(_, len, _)| len).collect();
        assert_eq!(single, [10, 10, 4, 10, 10, 12, 12]);
    }
}
