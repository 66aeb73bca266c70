//! Pages and plots from results: `docs/benchmarks/netlab.md`, and pictures and all numbers beside
//! it.

mod bursts;
mod figures;
mod format;
mod goals;
mod plot;
mod tables;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use self::figures::Figures;
use self::plot::Curve;
use self::tables::Row;
use super::conditions::{BLACKOUT_AT_MS, Condition, FLOWS, Kind, QUEUE_MS, conditions};
use super::machine;
use super::outcome::{LATENESS_MAX_US, Outcome};
use super::peers::PEERS;
use super::statistics::Sorted;
use crate::failure::Failure;
use crate::process::root;

/// All numbers by condition and peer, in the order of seeds.
type Results = BTreeMap<(String, &'static str), Vec<Figures>>;

/// Writes the pages from the results in `folder`.
pub(super) fn write(folder: &Path) -> Result<(), Failure> {
    let results = read(folder)?;
    if results.is_empty() {
        return Err(Failure::new(format!("{} has no whole result", folder.display())));
    }
    let pictures = root().join(PICTURES);
    fs::create_dir_all(&pictures)?;
    for condition in conditions() {
        let curves = curves(&condition, &results);
        if !curves.is_empty() {
            let path = pictures.join(format!("{}.svg", condition.name));
            fs::write(path, plot::draw(&condition.title, &curves))?;
        }
    }
    fs::write(pictures.join("summary.json"), summary(&results)?)?;
    let text = page(&results, &machine::describe()?);
    fs::write(root().join(PAGE), text)?;
    println!("netlab: wrote {PAGE} from {} runs", results.values().map(Vec::len).sum::<usize>());
    Ok(())
}

fn read(folder: &Path) -> Result<Results, Failure> {
    let mut results = Results::new();
    for condition in conditions() {
        for peer in PEERS {
            let seeds = folder.join(&condition.name).join(peer.name);
            let mut runs = Vec::new();
            for entry in fs::read_dir(&seeds).into_iter().flatten() {
                let entry = entry?;
                let Ok(seed) = entry.file_name().to_string_lossy().parse() else { continue };
                let Some(outcome) = Outcome::read(&entry.path()) else { continue };
                let blackout = match condition.kind {
                    Kind::Blackout(seconds) => {
                        Some((BLACKOUT_AT_MS, BLACKOUT_AT_MS + seconds * 1_000))
                    }
                    _ => None,
                };
                let figures = Figures::of(&outcome, MESSAGE_LEN, blackout);
                let (condition, peer) = (condition.name.clone(), peer.name.to_owned());
                runs.push(Figures { condition, peer, seed, ..figures });
            }
            runs.sort_by_key(|run| run.seed);
            if !runs.is_empty() {
                results.insert((condition.name.clone(), peer.name), runs);
            }
        }
    }
    Ok(results)
}

fn page(results: &Results, machine: &str) -> String {
    let runs = || results.values().flatten();
    let days = || runs().map(|run| run.date.split(' ').next().unwrap_or_default());
    let (first, last) = (days().min().unwrap_or_default(), days().max().unwrap_or_default());
    let days = if first == last { first.to_owned() } else { format!("{first} to {last}") };
    let mut text = format!(
        "# Impaired links\n\nWritten by `cargo xtask netlab --report`; change nothing here by \
         hand. {} runs of `cargo xtask netlab`, {days}, {machine}. Router's lateness: 99th \
         percentile {} µs in the median run, {} µs in the worst.\n\n{}\n",
        runs().count(),
        Sorted::new(runs().map(|run| run.lateness_p99_us).collect()).quantile(0.5).unwrap_or(0),
        runs().map(|run| run.lateness_p99_us).max().unwrap_or(0),
        preface(),
    );
    for condition in conditions() {
        text += &section(&condition, results);
    }
    text += "## How the peers are set up\n\nAs they say themselves.\n\n";
    for peer in PEERS {
        let mut own = runs().filter(|run| run.peer == peer.name && run.start_up.count > 0);
        if let Some(run) = own.next() {
            let _ = writeln!(text, "- **{}**: {}", peer.title, run.setup);
        }
    }
    text
}

fn preface() -> String {
    format!(
        "Two network namespaces with a router between them that delays, loses and queues packets, \
         alike in both directions, each by its own chance. {FLOWS} flows of 30 messages a second \
         of {MESSAGE_LEN} bytes each, one after the other within the interval, unless said \
         otherwise. Delays are one-way, in milliseconds, from the time at which a message was \
         *meant* to be sent until the receiving application has it. Start-up is the first 10 s \
         from the moment in which the client begins to connect; the other columns are about what \
         was to be sent later. Two values in a cell are two seeds. If a message never came, within \
         20 s after the last was sent, no delay is quoted for a peer that promises all of them. \
         Packets and bytes are those sent towards the receiver, headers and retransmissions \
         included. CPU is that of both ends. \\* marks rows with a run whose router was late by \
         more than {LATENESS_MAX_US} µs in the 99th percentile, three times over. Floors are what \
         a sender reaches whose each packet carries all that has not arrived, by a model; bursts \
         go by the time alone, so for them there is also the floor in those of these very seeds. \
         [bench/README.md](../../bench/README.md#impaired-links) says more, and how to run it.\n"
    )
}

fn section(condition: &Condition, results: &Results) -> String {
    let rows: Vec<Row<'_>> = PEERS
        .iter()
        .filter_map(|peer| {
            let runs = results.get(&(condition.name.clone(), peer.name))?;
            Some(Row { peer, runs: runs.iter().collect() })
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut title = condition.title.clone();
    title[..1].make_ascii_uppercase();
    let mut text = format!("## {title}\n\n");
    let rtt = condition.link.rtt_ms;
    let queue = match condition.link.kbit {
        0 => String::new(),
        _ => format!(", drop-tail queue of {QUEUE_MS} ms"),
    };
    let few = match condition.link.kbit {
        1..1_000 => " So short a queue has room for two packets of full size.",
        _ => "",
    };
    let _ = writeln!(text, "Round trip {rtt} ms{queue}.{few}{}\n", note(condition.kind));
    text += &tables::table(condition, &rows);
    text.push('\n');
    if !curves(condition, results).is_empty() {
        let name = &condition.name;
        let _ = writeln!(text, "![delays at {title}](netlab/{name}.svg)\n");
    }
    text
}

/// What a reader has to know about one kind of table.
fn note(kind: Kind) -> &'static str {
    match kind {
        Kind::Cold => {
            " Each message has a connection of its own, 20 begin in a second; delays count from \
             the beginning of connecting to the message's arrival. A message that never came \
             counts as endless. KCP has no handshake."
        }
        Kind::Blackout(_) => " No loss before and after.",
        Kind::Bulk => " From the sixth second on.",
        Kind::Beside | Kind::Share => {
            " Shares from the sixth second on; the CUBIC flow's with headers."
        }
        _ => "",
    }
}

/// Steady state, all seeds in one.
fn curves(condition: &Condition, results: &Results) -> Vec<Curve> {
    if !matches!(condition.kind, Kind::Loss | Kind::Path) {
        return Vec::new();
    }
    let mut curves = Vec::new();
    for peer in PEERS {
        let Some(runs) = results.get(&(condition.name.clone(), peer.name)) else {
            continue;
        };
        let values: Vec<u64> = runs.iter().flat_map(|run| run.steady_values.iter()).collect();
        let missing: u64 = runs.iter().map(|run| run.expected - run.delivered).sum();
        let expected = values.len() + usize::try_from(missing).unwrap_or(0);
        let name = peer.name.to_owned();
        let values = Sorted::new(values);
        curves.push(Curve { name, is_ours: peer.is_rtm(), values, expected });
    }
    curves
}

/// A line for each run.
fn summary(results: &Results) -> Result<String, Failure> {
    let mut lines = Vec::new();
    for run in results.values().flatten() {
        let line = serde_json::to_string(run).map_err(|error| Failure::new(error.to_string()))?;
        lines.push(line);
    }
    Ok(format!("[\n{}\n]\n", lines.join(",\n")))
}

const PAGE: &str = "docs/benchmarks/netlab.md";
const PICTURES: &str = "docs/benchmarks/netlab";
/// Of each small message.
const MESSAGE_LEN: u64 = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_section_for_each_condition_with_results_and_the_set_ups() {
        let run = |peer: &str| Figures {
            condition: "loss-10".to_owned(),
            peer: peer.to_owned(),
            date: "2026-01-02 03:04".to_owned(),
            setup: format!("set-up of {peer}"),
            start_up: figures::Spread { count: 1, ..figures::Spread::default() },
            steady_values: Sorted::new(vec![50_000]),
            is_valid: true,
            ..Figures::default()
        };
        let mut results = Results::new();
        for peer in ["kcp", "rtm"] {
            results.insert(("loss-10".to_owned(), peer), vec![run(peer)]);
        }
        let text = page(&results, "a machine");
        assert_eq!(text.matches("\n## ").count(), 2, "{text}");
        assert!(text.contains("2 runs") && text.contains("2026-01-02, a machine"), "{text}");
        assert!(text.contains("](netlab/loss-10.svg)"), "{text}");
        assert!(text.contains("set-up of rtm"), "{text}");
    }

    #[test]
    fn the_summary_is_readable() {
        let mut results = Results::new();
        results.insert(("loss-10".to_owned(), "kcp"), vec![Figures::default(); 2]);
        let text = summary(&results).expect("plain numbers");
        let read: serde_json::Value = serde_json::from_str(&text).expect("our own");
        assert_eq!(read.as_array().map(Vec::len), Some(2));
    }
}
