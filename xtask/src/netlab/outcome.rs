//! What one run has left, read back.

#[path = "../../../bench/peers/src/outcome.rs"]
mod files;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

pub(super) use self::files::{Arrivals, ClientOutcome, ServerOutcome};

/// What the runner notes about a run, which makes it a result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Note {
    /// Day and time of the run's end.
    pub(super) date: String,
    /// How often it was tried until the router was in time.
    pub(super) attempts: u32,
    /// Runs at the same time.
    pub(super) jobs: usize,
    pub(super) seconds: u64,
    /// The router's lateness, 99th percentile in microseconds.
    pub(super) lateness_p99_us: u64,
}

/// Everything about one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Outcome {
    pub(super) note: Note,
    pub(super) server: ServerOutcome,
    pub(super) client: ClientOutcome,
    pub(super) router: RouterReport,
    /// Of the transfer by TCP beside the flows, if there was one.
    pub(super) beside: Option<ServerOutcome>,
}

impl Outcome {
    /// Reads a run's folder; `None` when there is no whole result.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        Some(Self {
            note: json(&folder.join(NOTE)).ok()?,
            server: json(&folder.join("server.json")).ok()?,
            client: json(&folder.join("client.json")).ok()?,
            router: RouterReport::parse(&fs::read_to_string(folder.join(ROUTER)).ok()?),
            beside: json(&folder.join("beside/server.json")).ok(),
        })
    }

    /// Whether the router was in time, so that delays are the peer's.
    pub(super) fn is_valid(&self) -> bool {
        self.note.lateness_p99_us <= LATENESS_MAX_US
    }

    pub(super) fn delivered(&self) -> u64 {
        (self.server.small.latency_us.len() + self.server.big.latency_us.len()) as u64
    }
}

/// What the router prints: lines of a name and `name=value` pairs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RouterReport(BTreeMap<String, u64>);

impl RouterReport {
    pub(super) fn parse(text: &str) -> Self {
        let mut values = BTreeMap::new();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let Some(name) = words.next() else { continue };
            for (key, value) in words.filter_map(|word| word.split_once('=')) {
                if let Ok(value) = value.parse() {
                    values.insert(format!("{name} {key}"), value);
                }
            }
        }
        Self(values)
    }

    /// `up sent`, `lateness p99_us` and so on.
    pub(super) fn value(&self, name: &str) -> Option<u64> {
        self.0.get(name).copied()
    }
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = fs::read_to_string(path)?;
    let read = serde_json::from_str(&text);
    read.map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

pub(super) const NOTE: &str = "note.json";
pub(super) const ROUTER: &str = "router.txt";
/// Above this, delays are the router's fault.
pub(super) const LATENESS_MAX_US: u64 = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_routers_report_is_read() {
        let text = "up sent=3 bytes=900 delivered=2\ndown sent=1 bytes=4\n\
                    tool overflowed=0 origin_us=77\nlateness p50_us=1 p99_us=98 p99.9_us=784\n";
        let report = RouterReport::parse(text);
        assert_eq!(report.value("up bytes"), Some(900));
        assert_eq!(report.value("tool origin_us"), Some(77));
        assert_eq!(report.value("lateness p99_us"), Some(98));
        assert_eq!(report.value("lateness p98_us"), None);
    }

    #[test]
    fn a_result_is_whole_or_none() {
        let folder = std::env::temp_dir().join(format!("netlab-outcome-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let server = ServerOutcome { expected: 2, ..ServerOutcome::default() };
        let write = |name: &str, text: String| fs::write(folder.join(name), text).expect("written");
        write("server.json", serde_json::to_string(&server).expect("plain"));
        write("client.json", serde_json::to_string(&ClientOutcome::default()).expect("plain"));
        write(ROUTER, String::new());
        assert_eq!(Outcome::read(&folder), None);

        let note = Note { lateness_p99_us: 501, ..Note::default() };
        write(NOTE, serde_json::to_string(&note).expect("plain"));
        let outcome = Outcome::read(&folder).expect("whole");
        assert!(outcome.delivered() == 0 && !outcome.is_valid());
        fs::remove_dir_all(&folder).expect("removed");
    }
}
