//! The client's schedule and its end.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;

use crate::Failure;
use crate::clock::{MILLISECOND, cpu_micros, now, sleep_until};
use crate::outcome::ClientOutcome;
use crate::work::{Outgoing, Planned, Work};

/// Hands out messages when they are due, and knows when the run is over.
pub(crate) struct Pacer {
    work: Work,
    peer: String,
    plan: VecDeque<Planned>,
    start: u64,
    late_micros: Vec<u64>,
    done: PathBuf,
    next_look: u64,
}

impl Pacer {
    /// The run of `work` begins now; `peer` says for people what takes the messages.
    pub(crate) fn start(work: &Work, peer: String) -> Self {
        Self {
            work: work.clone(),
            peer,
            plan: work.plan().into(),
            start: now(),
            late_micros: Vec::new(),
            done: work.out.join("server.json"),
            next_look: 0,
        }
    }

    /// When the next message is due, while there is one.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.plan.front().map(|planned| self.start + planned.after)
    }

    /// A message that is due.
    pub(crate) fn take(&mut self) -> Option<Outgoing> {
        let (due, now) = (self.next_due()?, now());
        if due > now {
            return None;
        }
        self.late_micros.push((now - due) / 1_000);
        let planned = self.plan.pop_front()?;
        Some(self.work.outgoing(planned, self.start))
    }

    /// Whether the server has written what it saw, or has been waited for long enough. Looks no
    /// more often than the server does.
    pub(crate) fn is_over(&mut self) -> bool {
        let now = now();
        if !self.plan.is_empty() || now < self.next_look {
            return false;
        }
        self.next_look = now + LOOK_INTERVAL;
        self.done.exists() || now > self.start + self.work.span() + self.work.patience()
    }

    /// For clients with a thread for this: hands each message over when it is due, then waits for
    /// the end and writes what there is to tell.
    ///
    /// # Errors
    /// The file can't be written.
    pub(crate) fn run(mut self, mut send: impl FnMut(Outgoing)) -> Result<(), Failure> {
        while let Some(due) = self.next_due() {
            sleep_until(due);
            while let Some(outgoing) = self.take() {
                send(outgoing);
            }
        }
        while !self.is_over() {
            sleep_until(now() + LOOK_INTERVAL);
        }
        self.finish(0)
    }

    /// Writes `client.json`.
    ///
    /// # Errors
    /// The file can't be written.
    pub(crate) fn finish(mut self, refused: u64) -> Result<(), Failure> {
        self.late_micros.sort_unstable();
        let rank = self.late_micros.len() * 99 / 100;
        let outcome = ClientOutcome {
            peer: self.peer,
            sent: self.late_micros.len() as u64,
            refused,
            late_p99_us: self.late_micros.get(rank).copied().unwrap_or_default(),
            cpu_us: cpu_micros(),
        };
        fs::write(self.work.out.join("client.json"), serde_json::to_string(&outcome)?)?;
        Ok(())
    }

    /// When sending ends, for bulk transfers.
    pub(crate) fn deadline(&self) -> u64 {
        self.start + self.work.span()
    }

    pub(crate) const fn start_time(&self) -> u64 {
        self.start
    }
}

/// In nanoseconds.
const LOOK_INTERVAL: u64 = 20 * MILLISECOND;
