//! Runs cells, several at a time, and writes what they leave.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::conditions::{BLACKOUT_AT_MS, Cell, Kind};
use super::machine::now;
use super::options::Options;
use super::outcome::{NOTE, Note, Outcome, ROUTER, RouterReport};
use crate::failure::Failure;

/// The two programs.
pub(super) struct Programs {
    pub(super) netlab: PathBuf,
    pub(super) peer: PathBuf,
}

/// Runs those of `cells` that have no valid result yet, and says how many have none now.
pub(super) fn run(
    cells: &[Cell],
    folder: &Path,
    programs: &Programs,
    options: &Options,
) -> Result<usize, Failure> {
    let is_open = |cell: &&Cell| {
        let outcome = Outcome::read(&folder.join(cell.name()));
        options.again || !outcome.is_some_and(|outcome| outcome.is_valid())
    };
    let open: Vec<&Cell> = cells.iter().filter(is_open).collect();
    println!("netlab: {} of {} cells to run, {} at a time", open.len(), cells.len(), options.jobs);
    let (next, done, failed) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.min(open.len()) {
            scope.spawn(|| {
                while let Some(cell) = open.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let line = match run_in_time(cell, folder, programs, options) {
                        Ok(line) => line,
                        Err(failure) => {
                            let mut failed = failed.lock().expect("nobody panics with it");
                            failed.push(cell.name());
                            format!("FAILED: {failure}")
                        }
                    };
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    let (name, count) = (cell.name(), open.len());
                    let seconds = started.elapsed().as_secs();
                    println!("netlab: {done}/{count} after {seconds} s: {name}: {line}");
                }
            });
        }
    });
    let failed = failed.into_inner().expect("nobody panics with it");
    Ok(failed.len())
}

/// Runs a cell until its router was in time; gives a line about the result.
fn run_in_time(
    cell: &Cell,
    folder: &Path,
    programs: &Programs,
    options: &Options,
) -> Result<String, Failure> {
    let folder = folder.join(cell.name());
    for attempts in 1..=ATTEMPTS_MAX {
        run_once(cell, &folder, programs, options)?;
        let report = RouterReport::parse(&fs::read_to_string(folder.join(ROUTER))?);
        let lateness = report.value("lateness p99_us");
        let note = Note {
            date: now()?,
            attempts,
            jobs: options.jobs,
            seconds: options.seconds,
            lateness_p99_us: lateness.ok_or_else(|| Failure::new("the router reported nothing"))?,
        };
        let text = serde_json::to_string(&note).map_err(|error| Failure::new(error.to_string()))?;
        fs::write(folder.join(NOTE), text)?;
        let Some(outcome) = Outcome::read(&folder) else {
            return Err(Failure::new("a peer wrote no result"));
        };
        if outcome.is_valid() || attempts == ATTEMPTS_MAX {
            let (got, wanted) = (outcome.delivered(), outcome.server.expected);
            let late = outcome.note.lateness_p99_us;
            return Ok(format!("{got} of {wanted}, router late by {late} µs, try {attempts}"));
        }
    }
    unreachable!("the last attempt returns")
}

fn run_once(
    cell: &Cell,
    folder: &Path,
    programs: &Programs,
    options: &Options,
) -> Result<(), Failure> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder.join("beside"))?;
    let mut command = lab(cell, folder, programs, options);
    let report = fs::File::create(folder.join(ROUTER))?;
    let peers = fs::File::create(folder.join("peers.txt"))?;
    let status = command.stdin(Stdio::null()).stdout(peers).stderr(report).status()?;
    if status.success() {
        return Ok(());
    }
    let said = fs::read_to_string(folder.join(ROUTER))?;
    let last = said.lines().find(|line| line.contains(':')).unwrap_or_default().to_owned();
    Err(Failure::new(format!("netlab ended with {status}: {last}")))
}

/// The command that runs a cell in a lab of its own.
fn lab(cell: &Cell, folder: &Path, programs: &Programs, options: &Options) -> Command {
    let Cell { condition, peer, seed } = cell;
    let mut common = vec![
        format!("--flows={}", condition.flows),
        format!("--address=$NETLAB_SERVER:{PORT}"),
        format!("--out='{}'", folder.display()),
    ];
    common.extend(condition.work.iter().cloned());
    let seconds = seconds(&condition.work).unwrap_or(options.seconds);
    if !common.iter().any(|word| word.starts_with("--seconds=")) {
        common.push(format!("--seconds={seconds}"));
    }
    let end = |role: &str, peer: &[&str], common: &[String]| {
        let program = programs.peer.display();
        let (peer, common) = (peer.join(" "), common.join(" "));
        format!("exec chrt --fifo {PEER_PRIORITY} '{program}' {role} {peer} {common} 2>&1")
    };
    let mut command = Command::new(&programs.netlab);
    command.args(["run", "--with-parent", "--spin-us=0", &format!("--seed={seed}")]);
    // Nothing takes this long, unless it hangs.
    command.arg(format!("--seconds={}", seconds + BEYOND_SENDING));
    command.args(condition.link.flags());
    if let Kind::Blackout(seconds) = condition.kind {
        command.arg(format!("--blackout-at-ms={BLACKOUT_AT_MS}"));
        command.arg(format!("--blackout-ms={}", seconds * 1_000));
    }
    command.args(["--server", &end("server", peer.words, &common)]);
    command.args(["--client", &end("client", peer.words, &common)]);
    if matches!(condition.kind, Kind::Beside | Kind::Share) {
        let beside = [
            format!("--address=$NETLAB_SERVER:{}", PORT + 1),
            format!("--out='{}'", folder.join("beside").display()),
            format!("--seconds={seconds} --bulk"),
        ];
        let tcp = ["tcp", "--cc=cubic"];
        command.args(["--server", &end("server", &tcp, &beside)]);
        command.args(["--client", &end("client", &tcp, &beside)]);
    }
    command
}

/// What a condition says about the length of its runs.
fn seconds(work: &[String]) -> Option<u64> {
    work.iter().find_map(|word| word.strip_prefix("--seconds=")?.parse().ok())
}

const PORT: u16 = 7_700;
/// Above all ordinary processes, below the router.
const PEER_PRIORITY: u32 = 10;
/// Seconds that a lab may last longer than sending does: waiting for what is missing, and ending.
const BEYOND_SENDING: u64 = 60;
const ATTEMPTS_MAX: u32 = 3;

#[cfg(test)]
mod tests {
    use super::super::conditions::cells;
    use super::super::pattern::Pattern;
    use super::*;

    fn words(name: &str) -> String {
        let mut options = Options::parse(&[]).expect("no flags");
        options.only = Pattern::new(name);
        let cells = cells(&options);
        let programs = Programs { netlab: "netlab".into(), peer: "netlab-peer".into() };
        let command = lab(&cells[0], Path::new("out"), &programs, &options);
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    #[test]
    fn a_cell_becomes_one_command() {
        let words = words("^loss-10/quinn-bbr/2");
        for part in ["--seed=2", "--loss=10", "--delay-ms=50", "client quinn", "--seconds=40 2>&1"]
        {
            assert!(words.contains(part), "{part} in {words}");
        }
        assert!(!words.contains("blackout") && !words.contains("tcp"), "{words}");
    }

    #[test]
    fn blackouts_and_transfers_beside_get_their_words() {
        let blackout = words("^blackout-5/kcp/1");
        assert!(blackout.contains("--blackout-at-ms=10000 --blackout-ms=5000"), "{blackout}");
        assert_eq!(blackout.matches("--seconds=25 ").count(), 2, "{blackout}");
        let beside = words("^beside-256/kcp/1");
        assert_eq!(beside.matches("tcp --cc=cubic").count(), 2, "{beside}");
    }
}
