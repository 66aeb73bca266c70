//! Under which conditions peers are measured.

use super::options::Options;
use super::peers::{PEERS, Part, Peer};

/// A link and what is sent over it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    /// For cells and files.
    pub(super) name: String,
    /// For headings.
    pub(super) title: String,
    pub(super) kind: Kind,
    pub(super) link: Link,
    /// Flows of small messages.
    pub(super) flows: u32,
    /// Words for `netlab-peer` besides those every run has.
    pub(super) work: Vec<String>,
}

/// What is asked of a condition, which decides about its table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Delays at random loss, the main table.
    Loss,
    /// The same, other round trips, jitter and phases.
    Path,
    /// A slow link alone.
    Narrow,
    /// The same beside one transfer by TCP CUBIC.
    Beside,
    /// Large messages beside the flows.
    Large,
    /// From connecting to the first message.
    Cold,
    /// Everything is lost for so many seconds.
    Blackout(u64),
    /// A transfer alone.
    Bulk,
    /// A transfer beside one by TCP CUBIC.
    Share,
}

/// The impaired link, alike both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Link {
    pub(super) rtt_ms: u32,
    pub(super) loss_percent: u32,
    /// Mean length of bursts; 0 for independent loss.
    pub(super) burst_ms: u32,
    pub(super) jitter_ms: u32,
    /// 0 for no bottleneck.
    pub(super) kbit: u32,
}

impl Link {
    /// Flags of the router.
    pub(super) fn flags(&self) -> Vec<String> {
        let Self { rtt_ms, loss_percent, burst_ms, jitter_ms, kbit } = self;
        let mut flags = vec![format!("--delay-ms={}", f64::from(*rtt_ms) / 2.0)];
        flags.push(format!("--loss={loss_percent}"));
        let some = [("burst-ms", burst_ms), ("jitter-ms", jitter_ms), ("bandwidth-kbit", kbit)];
        let some = some.into_iter().filter(|(_, value)| **value > 0);
        flags.extend(some.map(|(name, value)| format!("--{name}={value}")));
        if *kbit > 0 {
            flags.push(format!("--queue-ms={QUEUE_MS}"));
        }
        flags
    }
}

impl Condition {
    fn new(name: String, title: String, kind: Kind, link: Link) -> Self {
        Self { name, title, kind, link, flows: FLOWS, work: Vec::new() }
    }

    fn with(mut self, words: &[&str]) -> Self {
        self.work.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    /// Whether the matrix has this peer here.
    pub(super) fn has(&self, peer: &Peer, options: &Options) -> bool {
        const SURVIVORS: &[&str] = &["quinn-bbr", "quinn-none", "kcp"];
        let is_wanted = match self.kind {
            Kind::Loss if self.link.loss_percent >= 70 => {
                peer.is_rtm() || SURVIVORS.contains(&peer.name)
            }
            Kind::Loss => true,
            Kind::Bulk | Kind::Share => peer.part == Part::All && !NO_BULK.contains(&peer.name),
            Kind::Cold => peer.part == Part::All && !SAME_WHEN_COLD.contains(&peer.name),
            _ => peer.part == Part::All,
        };
        is_wanted && (!options.quick || (peer.part == Part::All && QUICK.contains(&&*self.name)))
    }
}

/// All conditions, in the order in which they are reported.
pub(super) fn conditions() -> Vec<Condition> {
    let mut all = Vec::new();
    let base = Link { rtt_ms: 100, ..Link::default() };
    for (loss_percent, burst_ms) in LOSSES {
        let link = Link { loss_percent, burst_ms, ..base };
        let (name, title) = match burst_ms {
            0 => (format!("loss-{loss_percent}"), format!("{loss_percent} % loss")),
            _ => (
                format!("burst-{loss_percent}"),
                format!("{loss_percent} % loss in bursts of mean {burst_ms} ms"),
            ),
        };
        all.push(Condition::new(name, title, Kind::Loss, link));
    }
    all.extend(paths(base));
    for seconds in [1, 5, 30] {
        let name = format!("blackout-{seconds}");
        let title = format!("everything lost for {seconds} s");
        let condition = Condition::new(name, title, Kind::Blackout(seconds), base);
        all.push(condition.with(&[&format!("--seconds={}", 20 + seconds)]));
    }
    let link = Link { loss_percent: 5, ..base };
    let title = "one message of 32 KiB a second beside the flows, 5 % loss".to_owned();
    let large = Condition::new("large-5".to_owned(), title, Kind::Large, link);
    all.push(large.with(&["--big=32768"]));
    let link = Link { loss_percent: 30, ..base };
    let title = "cold start, 30 % loss".to_owned();
    let mut cold = Condition::new("cold-30".to_owned(), title, Kind::Cold, link);
    cold.flows = 1;
    all.push(cold.with(&["--cold", "--rate=20", "--seconds=50"]));
    all.extend(bottlenecks(base));
    all
}

fn paths(base: Link) -> Vec<Condition> {
    let mut all = Vec::new();
    for loss_percent in [10, 30] {
        let losing = Link { loss_percent, ..base };
        for rtt_ms in [50, 200] {
            let name = format!("rtt-{rtt_ms}-loss-{loss_percent}");
            let title = format!("round trip of {rtt_ms} ms, {loss_percent} % loss");
            all.push(Condition::new(name, title, Kind::Path, Link { rtt_ms, ..losing }));
        }
        let name = format!("jitter-30-loss-{loss_percent}");
        let title = format!("jitter of up to 30 ms in order, {loss_percent} % loss");
        all.push(Condition::new(name, title, Kind::Path, Link { jitter_ms: 30, ..losing }));
        let name = format!("aligned-loss-{loss_percent}");
        let title = format!("all flows send at once, {loss_percent} % loss");
        let aligned = Condition::new(name, title, Kind::Path, losing);
        all.push(aligned.with(&["--phase=aligned"]));
    }
    all
}

fn bottlenecks(base: Link) -> Vec<Condition> {
    let mut all = Vec::new();
    for (kbit, flows) in [(256, 2), (1_000, 8)] {
        let link = Link { kbit, ..base };
        for (kind, word, beside) in [
            (Kind::Narrow, "narrow", "alone"),
            (Kind::Beside, "beside", "beside one TCP CUBIC flow"),
        ] {
            let name = format!("{word}-{kbit}");
            let title = format!("{kbit} kbit/s, {flows} flows, {beside}");
            all.push(Condition { flows, ..Condition::new(name, title, kind, link) });
        }
    }
    let link = Link { kbit: 20_000, loss_percent: 1, ..base };
    let title = "a transfer alone, 20 Mbit/s, 1 % loss".to_owned();
    all.push(Condition::new("bulk-1".to_owned(), title, Kind::Bulk, link).with(&["--bulk"]));
    let link = Link { kbit: 10_000, ..base };
    let title = "a transfer beside one by TCP CUBIC, 10 Mbit/s".to_owned();
    all.push(Condition::new("share".to_owned(), title, Kind::Share, link).with(&["--bulk"]));
    all
}

/// As in all conditions but some with a bottleneck.
pub(super) const FLOWS: u32 = 8;
/// When a blackout begins, after the router's start.
pub(super) const BLACKOUT_AT_MS: u64 = 10_000;
/// Drop-tail room before a bottleneck.
pub(super) const QUEUE_MS: u32 = 100;

/// Share lost and mean length of bursts.
const LOSSES: [(u32, u32); 8] =
    [(0, 0), (1, 0), (5, 0), (10, 0), (30, 0), (10, 60), (30, 60), (70, 0)];

/// Conditions of a quick run.
const QUICK: &[&str] = &["loss-10", "loss-30", "burst-10"];
/// How a connection starts doesn't depend on what flows do later.
const SAME_WHEN_COLD: &[&str] = &["rtm-ordered", "rtm-per-flow", "quinn-none", "tcp-cubic"];
const NO_BULK: &[&str] = &["rtm-e2e", "rtm-per-flow", "enet", "kcp"];

/// All cells that are asked for: condition, peer, seed.
pub(super) fn cells(options: &Options) -> Vec<Cell> {
    let mut cells = Vec::new();
    for condition in conditions() {
        // Seeds first, so that a run that is cut has whole tables for one seed.
        for seed in 1..=options.seeds {
            for peer in PEERS.iter().filter(|peer| condition.has(peer, options)) {
                cells.push(Cell { condition: condition.clone(), peer, seed });
            }
        }
    }
    cells.retain(|cell| options.only.matches(&cell.name()));
    // What is asked for most comes first, should there be no time for all.
    cells.sort_by_key(|cell| !QUICK.contains(&&*cell.condition.name));
    cells
}

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    pub(super) condition: Condition,
    pub(super) peer: &'static Peer,
    pub(super) seed: u64,
}

impl Cell {
    /// Also the folder of its results.
    pub(super) fn name(&self) -> String {
        format!("{}/{}/{}", self.condition.name, self.peer.name, self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::pattern::Pattern;
    use super::*;

    #[test]
    fn each_condition_has_a_name_of_its_own_and_some_peers() {
        let all = conditions();
        let options = Options::parse(&[]).expect("no flags");
        for (index, condition) in all.iter().enumerate() {
            assert!(all[..index].iter().all(|other| other.name != condition.name));
            assert!(PEERS.iter().any(|peer| condition.has(peer, &options)), "{}", condition.name);
        }
    }

    #[test]
    fn cells_can_be_chosen() {
        let mut options = Options::parse(&[]).expect("no flags");
        options.only = Pattern::new("^loss-10/rtm/");
        let names: Vec<String> = cells(&options).iter().map(Cell::name).collect();
        assert_eq!(names, ["loss-10/rtm/1", "loss-10/rtm/2"]);
    }

    #[test]
    fn a_link_becomes_flags_of_the_router() {
        let link = Link { rtt_ms: 50, loss_percent: 10, burst_ms: 60, jitter_ms: 0, kbit: 256 };
        let expected = "--delay-ms=25 --loss=10 --burst-ms=60 --bandwidth-kbit=256 --queue-ms=100";
        assert_eq!(link.flags().join(" "), expected);
    }
}
