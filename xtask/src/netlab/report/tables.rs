//! Tables, one for each condition.

use super::super::conditions::{Condition, FLOWS, Kind};
use super::super::peers::Peer;
use super::super::statistics::Sorted;
use super::bursts;
use super::figures::Figures;
use super::format::{millis, percent, ratio, seeds, thousands};
use super::goals::{CUBIC_SHARE, FIRST, Goal, floor, goals, other_goals};

/// A peer's runs under one condition, by seed.
pub(super) struct Row<'a> {
    pub(super) peer: &'static Peer,
    pub(super) runs: Vec<&'a Figures>,
}

/// A column: its heading, and a cell for one run.
type Column<'a> = (&'static str, Box<dyn Fn(&Figures, &Peer) -> String + 'a>);

/// The table of a condition in Markdown.
pub(super) fn table(condition: &Condition, rows: &[Row<'_>]) -> String {
    let columns = columns(condition);
    let headings: Vec<&str> = columns.iter().map(|(heading, _)| *heading).collect();
    let mut text = format!("| peer | {} |\n|---|", headings.join(" | "));
    text += &"---:|".repeat(columns.len());
    text.push('\n');
    for row in rows {
        let mark = if row.runs.iter().all(|run| run.is_valid) { "" } else { " \\*" };
        let cells =
            columns.iter().map(|(_, cell)| seeds(row.runs.iter().map(|run| cell(run, row.peer))));
        let cells: Vec<String> = cells.collect();
        text += &format!("| {}{mark} | {} |\n", row.peer.title, cells.join(" | "));
    }
    let floor = floor(condition).map(|floor| ("floor, one packet per message", floor));
    for (name, goal) in goals(condition).into_iter().chain(floor) {
        let cells: Vec<String> = headings.iter().map(|heading| cell_of(heading, goal)).collect();
        text += &format!("| *{name}* | {} |\n", cells.join(" | "));
    }
    let runs = rows.iter().map(|row| row.runs.len()).max().unwrap_or_default();
    text += &floors_by_seed(condition, &headings, runs);
    let others = other_goals(condition.kind);
    if !others.is_empty() {
        let cell = |heading: &&str| {
            let goal = others.iter().find(|(about, _)| about == heading);
            goal.map_or_else(String::new, |(_, goal)| format!("*{goal}*"))
        };
        let cells: Vec<String> = headings.iter().map(cell).collect();
        text += &format!("| *goal* | {} |\n", cells.join(" | "));
    }
    text
}

/// Floors in the bursts of each run, for what has one flow in a session, and for what has all.
fn floors_by_seed(condition: &Condition, headings: &[&str], runs: usize) -> String {
    let mut text = String::new();
    for (name, flows) in [("one flow", 1), ("all flows", FLOWS)] {
        let floors: Vec<Sorted> =
            (1..=runs as u64).filter_map(|seed| bursts::floor(condition, seed, flows)).collect();
        if floors.is_empty() {
            continue;
        }
        let cell = |heading: &&str| {
            let share = match *heading {
                P99 => 0.99,
                P999 => 0.999,
                _ => return String::new(),
            };
            format!("*{}*", seeds(floors.iter().map(|floor| millis(floor.quantile(share)))))
        };
        let cells: Vec<String> = headings.iter().map(cell).collect();
        text += &format!(
            "| *floor in the bursts of these seeds, packets of {name}* | {} |\n",
            cells.join(" | ")
        );
    }
    text
}

/// What a goal has to say in a column.
fn cell_of(heading: &str, goal: Goal) -> String {
    // As exact as delays are shown.
    let number = |value: f64| match value < 100.0 {
        true => format!("*{value:.1}*"),
        false => format!("*{value:.0}*"),
    };
    match heading {
        P99 => number(goal.p99),
        P999 => number(goal.p999),
        BYTES => goal.bytes.map_or_else(String::new, |bytes| format!("*{bytes}*")),
        _ => String::new(),
    }
}

fn columns<'a>(condition: &Condition) -> Vec<Column<'a>> {
    let kbit = u64::from(condition.link.kbit);
    let mut columns = match condition.kind {
        Kind::Loss | Kind::Path => steady(),
        Kind::Narrow | Kind::Beside => bottleneck(condition.kind, kbit),
        Kind::Large => vec![
            delivered(),
            delay("small p50", |run| run.steady.p50),
            delay("small p99", |run| run.steady.p99),
            delay("small p99.9", |run| run.steady.p999),
            delay("32 KiB p50", |run| run.big.p50),
            delay("32 KiB p90", |run| run.big.p90),
            delay("32 KiB p99", |run| run.big.p99),
            delay("32 KiB max", |run| run.big.max),
            column(BYTES, |run| ratio(run.bytes, run.payload_bytes)),
        ],
        Kind::Cold => vec![
            column("starts", |run| thousands(run.expected)),
            delivered(),
            endless("p50", 0.5),
            endless("p90", 0.9),
            endless("p99", 0.99),
            endless("p99.9", 0.999),
            column("packets per start", |run| ratio(run.packets, run.delivered)),
        ],
        Kind::Blackout(_) => vec![
            delivered(),
            delay(FIRST, |run| run.recovery_us),
            delay("all from before delivered after", |run| run.caught_up_us),
        ],
        Kind::Bulk => transfer(kbit),
        Kind::Share => {
            let mut columns = transfer(kbit);
            columns.insert(2, cubic_share(kbit));
            columns
        }
    };
    columns.push(column("router late, p99, µs", |run| run.lateness_p99_us.to_string()));
    columns
}

fn steady<'a>() -> Vec<Column<'a>> {
    vec![
        delivered(),
        delay("p50", |run| run.steady.p50),
        delay(P99, |run| run.steady.p99),
        delay(P999, |run| run.steady.p999),
        delay("max", |run| run.steady.max),
        delay("start-up p99", |run| run.start_up.p99),
        delay("start-up max", |run| run.start_up.max),
        column("packets per message", |run| ratio(run.packets, run.delivered)),
        column(BYTES, |run| ratio(run.bytes, run.payload_bytes)),
        column("CPU, µs per message", |run| (run.cpu_us / run.delivered.max(1)).to_string()),
    ]
}

fn bottleneck<'a>(kind: Kind, kbit: u64) -> Vec<Column<'a>> {
    let last = match kind {
        Kind::Beside => cubic_share(kbit),
        _ => column(BYTES, |run| ratio(run.bytes, run.payload_bytes)),
    };
    vec![
        delivered(),
        delay("p50", |run| run.steady.p50),
        delay(P99, |run| run.steady.p99),
        delay("max", |run| run.steady.max),
        column("queue drops", |run| percent(run.queue_dropped, run.packets)),
        last,
    ]
}

fn transfer<'a>(kbit: u64) -> Vec<Column<'a>> {
    vec![
        column("Mbit/s of payload", |run| {
            run.transfer_kbit
                .map_or("–".to_owned(), |rate| format!("{:.2}", rate as f64 / 1_000.0))
        }),
        column("share of the link", move |run| {
            run.transfer_kbit.map_or("–".to_owned(), |rate| percent(rate, kbit))
        }),
        column("queue drops", |run| percent(run.queue_dropped, run.packets)),
        column("CPU, s", |run| format!("{:.2}", run.cpu_us as f64 / 1e6)),
    ]
}

fn cubic_share<'a>(kbit: u64) -> Column<'a> {
    column(CUBIC_SHARE, move |run| {
        run.beside_kbit.map_or("–".to_owned(), |rate| percent(wire(rate), kbit))
    })
}

fn delivered<'a>() -> Column<'a> {
    column("delivered", |run| percent(run.delivered, run.expected))
}

fn column<'a>(heading: &'static str, cell: impl Fn(&Figures) -> String + 'a) -> Column<'a> {
    (heading, Box::new(move |run, _| cell(run)))
}

/// No delay is quoted of a run in which something never came, unless the peer promises nothing.
fn delay<'a>(heading: &'static str, value: fn(&Figures) -> Option<u64>) -> Column<'a> {
    let cell = move |run: &Figures, peer: &Peer| {
        let is_quoted = !peer.is_reliable || !run.is_truncated();
        millis(value(run).filter(|_| is_quoted))
    };
    (heading, Box::new(cell))
}

/// Of all that was to come; what is missing took for ever.
fn endless<'a>(heading: &'static str, q: f64) -> Column<'a> {
    column(heading, move |run| {
        let expected = usize::try_from(run.expected).unwrap_or(usize::MAX);
        millis(run.all_values.quantile_of(q, expected))
    })
}

/// What a rate of TCP's payload takes of a link, with headers.
fn wire(kbit: u64) -> u64 {
    kbit * 1_500 / 1_448
}

const P99: &str = "p99";
const P999: &str = "p99.9";
const BYTES: &str = "bytes per payload byte";

#[cfg(test)]
mod tests {
    use super::super::super::conditions::conditions;
    use super::super::super::peers::PEERS;
    use super::super::figures::Spread;
    use super::*;

    fn run(delivered: u64, p99: u64) -> Figures {
        let steady = Spread { p99: Some(p99), ..Spread::default() };
        Figures { expected: 10, delivered, steady, is_valid: true, ..Figures::default() }
    }

    fn rendered(name: &str, peer: &str, runs: &[Figures]) -> String {
        let all = conditions();
        let condition = all.iter().find(|condition| condition.name == name).expect("there");
        let peer = PEERS.iter().find(|known| known.name == peer).expect("there");
        table(condition, &[Row { peer, runs: runs.iter().collect() }])
    }

    #[test]
    fn seeds_share_a_row_and_goals_and_floor_follow() {
        let text = rendered("loss-10", "kcp", &[run(10, 328_000), run(10, 327_000)]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[2].starts_with("| KCP, flushed at once | 100 % | – | 328 · 327 |"), "{text}");
        assert!(lines[3].contains("*84.0* | *117*"), "{text}");
        assert_eq!(lines.len(), 6, "{text}");
        let widths: Vec<usize> = lines.iter().map(|line| line.matches('|').count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
    }

    #[test]
    fn no_delay_is_quoted_of_a_truncated_run_of_a_reliable_peer() {
        let text = rendered("loss-30", "tcp-cubic", &[run(9, 5)]);
        assert!(text.contains("| TCP, CUBIC | 90.0 % | – | – |"), "{text}");
        let text = rendered("loss-30", "quinn-dgram-bbr", &[run(9, 50_000)]);
        assert!(text.contains("| 90.0 % | – | 50.0 |"), "{text}");
    }

    #[test]
    fn a_run_whose_router_was_late_is_marked() {
        let late = Figures { is_valid: false, ..run(10, 1) };
        assert!(rendered("loss-0", "kcp", &[late]).contains("| KCP, flushed at once \\* |"));
    }

    #[test]
    fn each_kind_has_a_table() {
        for condition in conditions() {
            let text = rendered(&condition.name, "kcp", &[run(10, 1)]);
            assert!(text.lines().count() >= 3, "{text}");
        }
    }
}
