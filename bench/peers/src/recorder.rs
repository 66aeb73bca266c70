//! The server's book of what has come.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::clock::{MILLISECOND, SECOND, cpu_micros, now, sleep_until};
use crate::message::{Header, Kind};
use crate::outcome::{Arrivals, ServerOutcome};
use crate::work::Work;

/// Notes messages, and writes `server.json` once all have come or none will.
#[derive(Clone)]
pub(crate) struct Recorder(Arc<Mutex<Book>>);

struct Book {
    path: PathBuf,
    outcome: ServerOutcome,
    /// For each flow, which numbers have come, and the highest of them.
    seen: Vec<(Vec<bool>, u32)>,
    /// Nanoseconds that sending takes.
    span: u64,
    start: u64,
    last_arrival: u64,
    is_bulk: bool,
    is_reliable: bool,
    is_written: bool,
}

impl Recorder {
    /// For a run of `work`; what is not `is_reliable` isn't waited for.
    pub(crate) fn new(work: &Work, is_reliable: bool) -> Self {
        let plan = work.plan();
        let mut seen = vec![(Vec::new(), 0); work.flow_count()];
        for planned in &plan {
            seen[usize::from(planned.flow)].0.push(false);
        }
        let outcome = ServerOutcome { expected: plan.len() as u64, ..ServerOutcome::default() };
        Self(Arc::new(Mutex::new(Book {
            path: work.out.join("server.json"),
            outcome,
            seen,
            span: work.span(),
            start: 0,
            last_arrival: 0,
            is_bulk: work.bulk,
            is_reliable,
            is_written: false,
        })))
    }

    /// A message has come; anything else is ignored.
    pub(crate) fn record(&self, message: &[u8]) {
        let at = now();
        let Some(header) = Header::read(message) else { return };
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.record(header, message.len(), at);
    }

    /// Waits in a thread of its own for the end: of the work, or by a signal, which ends the
    /// process.
    ///
    /// # Errors
    /// Signals can't be caught.
    pub(crate) fn watch(&self) -> io::Result<()> {
        let told = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&told))?;
        }
        let recorder = self.clone();
        std::thread::spawn(move || {
            loop {
                sleep_until(now() + 20 * MILLISECOND);
                let is_told = told.load(Ordering::Relaxed);
                let mut book = recorder.0.lock().unwrap_or_else(PoisonError::into_inner);
                if is_told || book.is_over(now()) {
                    book.write();
                }
                if is_told {
                    std::process::exit(0);
                }
            }
        });
        Ok(())
    }

    /// What has been noted so far.
    #[cfg(test)]
    pub(crate) fn outcome(&self) -> ServerOutcome {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).outcome.clone()
    }
}

impl Book {
    fn record(&mut self, header: Header, len: usize, at: u64) {
        let Header { flow, kind, number, intended, start } = header;
        if self.start == 0 {
            self.start = start;
            self.outcome.start_us = start / 1_000;
        }
        self.last_arrival = at;
        let outcome = &mut self.outcome;
        let arrivals = match kind {
            Kind::Bulk => {
                let second = (at.saturating_sub(start) / SECOND) as usize;
                if second >= outcome.bulk_bytes.len() && second < BULK_SECONDS_MAX {
                    outcome.bulk_bytes.resize(second + 1, 0);
                }
                if let Some(bytes) = outcome.bulk_bytes.get_mut(second) {
                    *bytes += len as u64;
                }
                return;
            }
            Kind::Small => &mut outcome.small,
            Kind::Big => &mut outcome.big,
        };
        let Some((seen, highest)) = self.seen.get_mut(usize::from(flow)) else { return };
        let Some(is_seen) = seen.get_mut(number as usize) else { return };
        if std::mem::replace(is_seen, true) {
            outcome.duplicates += 1;
            return;
        }
        outcome.reversed += u64::from(number < *highest);
        *highest = number.max(*highest);
        push(arrivals, intended.saturating_sub(start), at.saturating_sub(intended));
        if outcome.small.latency_us.len() + outcome.big.latency_us.len()
            == outcome.expected as usize
        {
            self.write();
        }
    }

    /// Whether nothing is worth waiting for any more.
    fn is_over(&self, now: u64) -> bool {
        if self.start == 0 || (self.is_reliable && !self.is_bulk) {
            return false;
        }
        let sent = self.start + self.span;
        let quiet = if self.is_bulk { sent } else { sent.max(self.last_arrival) };
        now > quiet + 3 * SECOND
    }

    /// Once only, and whole at once: the client takes the file as a sign.
    fn write(&mut self) {
        if std::mem::replace(&mut self.is_written, true) {
            return;
        }
        self.outcome.cpu_us = cpu_micros();
        let text = serde_json::to_string(&self.outcome).expect("plain numbers");
        let partial = self.path.with_extension("partial");
        let written = fs::write(&partial, text).and_then(|()| fs::rename(&partial, &self.path));
        if let Err(error) = written {
            eprintln!("netlab-peer: {}: {error}", self.path.display());
        }
    }
}

fn push(arrivals: &mut Arrivals, intended: u64, latency: u64) {
    arrivals.intended_us.push(intended / 1_000);
    arrivals.latency_us.push(latency / 1_000);
}

/// A day of seconds is more than any run has.
const BULK_SECONDS_MAX: usize = 86_400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::tests::work;

    #[test]
    fn repeats_and_reversals_are_counted_and_each_message_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut work = work("--flows 1 --rate 1 --seconds 4");
        work.out = folder.path().to_owned();
        let recorder = Recorder::new(&work, true);
        let plan = work.plan();
        let start = now();
        for (index, written) in [(0, false), (2, false), (1, false), (1, false), (3, true)] {
            recorder.record(&work.outgoing(plan[index], start).bytes);
            assert_eq!(folder.path().join("server.json").exists(), written, "{index}");
        }
        recorder.record(b"what is this");

        let outcome = recorder.outcome();
        assert_eq!((outcome.duplicates, outcome.reversed, outcome.expected), (1, 1, 4));
        assert_eq!(outcome.small.intended_us, [0, 2_000_000, 1_000_000, 3_000_000]);
    }

    #[test]
    fn a_result_file_survives_a_round_trip() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut work = work("--flows 1 --rate 1 --seconds 1");
        work.out = folder.path().to_owned();
        let recorder = Recorder::new(&work, true);
        recorder.record(&work.outgoing(work.plan()[0], now()).bytes);

        let text = fs::read_to_string(folder.path().join("server.json")).expect("written");
        let read: ServerOutcome = serde_json::from_str(&text).expect("our own");
        assert_eq!(read, recorder.outcome());
    }
}
