//! From a seed to a scenario.

use core::ops::RangeInclusive;

use super::{Change, Conditions, Event, Place, Quantity, Scenario, Side, Way};
use crate::dice::Dice;

/// What scenarios are drawn from. The defaults are networks from good to hardly usable, over a few
/// seconds, without loads.
#[derive(Clone, Debug)]
pub struct Ranges {
    /// Length of the run.
    pub run_ms: RangeInclusive<u64>,
    /// How many events there are.
    pub events: RangeInclusive<u64>,
    /// How many clients the events are for.
    pub clients: u64,
    /// Conditions of the links. Delay and [`Quantity::Rate`] are drawn for each direction; what
    /// isn't listed is 0, and what is listed is 0 half of the time, but the delay.
    pub conditions: Vec<(Quantity, RangeInclusive<u32>)>,
    /// Conditions that an event may bring, one or two of them at a time, beside those of the link.
    pub changes: Vec<(Quantity, RangeInclusive<u32>)>,
    /// Longest time that an event lasts. One of four lasts ten times as long as others.
    pub lasts_ms_max: u64,
    /// Longest stall of a node.
    pub stall_ms_max: u64,
    /// Highest drift of a clock, either way.
    pub drift_ppm_max: u32,
    /// Farthest jump of a clock.
    pub jump_ms_max: u32,
    /// Numbers for the system under test.
    pub loads: Vec<LoadRange>,
}

/// A number for the system under test.
#[derive(Clone, Debug)]
pub struct LoadRange {
    /// Its name in [`Scenario::loads`].
    pub name: &'static str,
    /// Its values; small ones are drawn more often.
    pub values: RangeInclusive<u64>,
}

impl Default for Ranges {
    fn default() -> Self {
        use Quantity as Q;
        Self {
            run_ms: 500..=8_000,
            events: 0..=6,
            clients: 1,
            conditions: vec![
                (Q::Delay, 0..=150),
                (Q::Jitter, 1..=40),
                (Q::Loss, 1..=300),
                (Q::Burst, 1..=200),
                (Q::BurstLength, 5..=200),
                (Q::Duplicate, 1..=100),
                (Q::Reorder, 1..=100),
                (Q::ReorderDelay, 1..=60),
                (Q::Corrupt, 1..=20),
                (Q::Rate, 200..=20_000),
                (Q::Queue, 20..=500),
                (Q::Codel, 1..=1),
            ],
            changes: vec![
                (Q::Delay, 0..=400),
                (Q::Jitter, 1..=100),
                (Q::Loss, 100..=800),
                (Q::Duplicate, 100..=1_000),
                (Q::Reorder, 100..=500),
                (Q::ReorderDelay, 10..=200),
                (Q::Corrupt, 50..=500),
                (Q::Mtu, 100..=1_300),
                (Q::Rate, 64..=1_000),
            ],
            lasts_ms_max: 4_000,
            stall_ms_max: 1_000,
            drift_ppm_max: 500,
            jump_ms_max: 10_000,
            loads: Vec::new(),
        }
    }
}

impl Ranges {
    /// The scenario of a seed. The same ranges and seed give the same one.
    pub fn draw(&self, seed: u64) -> Scenario {
        // Any constant does: it keeps these draws apart from those of the run.
        let mut dice = Dice::new(seed ^ 0x5ce2_a210);
        let run_ms = between(&mut dice, &self.run_ms);
        let (up, down) = self.links(&mut dice);
        let loads = self
            .loads
            .iter()
            .map(|load| (load.name.to_owned(), often_small(&mut dice, &load.values)))
            .filter(|(_, value)| *value > 0)
            .collect();
        let count = between(&mut dice, &self.events);
        let events = (0..count).map(|_| self.event(&mut dice, run_ms, (up, down))).collect();
        Scenario { seed, run_ms, up, down, loads, events }
    }

    fn links(&self, dice: &mut Dice) -> (Conditions, Conditions) {
        let (mut up, mut down) = (Conditions::default(), Conditions::default());
        // A third of all networks is not the same in both directions.
        let is_lopsided = below(dice, 3) == 0;
        for (quantity, values) in &self.conditions {
            for link in [&mut up, &mut down] {
                let is_off = below(dice, 2) == 0 && *quantity != Quantity::Delay;
                let value = often_small(dice, &wide(values)) as u32;
                *link = link.with(*quantity, if is_off { 0 } else { value });
            }
        }
        (up, if is_lopsided { down } else { up })
    }

    fn event(&self, dice: &mut Dice, run_ms: u64, links: (Conditions, Conditions)) -> Event {
        let way = [Way::Up, Way::Down, Way::Both][below(dice, 3) as usize];
        let side = [Side::Client, Side::Server][below(dice, 2) as usize];
        let at_ms = below(dice, run_ms.max(1));
        let longest = if below(dice, 4) == 0 { self.lasts_ms_max } else { self.lasts_ms_max / 10 };
        let mut lasts_ms = often_small(dice, &(1..=longest.max(1)));
        let change = match below(dice, 10) {
            0..=2 => {
                // Now and then to the end, so that nothing else wakes anybody before it.
                if below(dice, 4) == 0 {
                    lasts_ms = 0;
                }
                Change::Cut(way)
            }
            3..=5 => {
                Change::Link(way, self.change(dice, if way == Way::Up { links.0 } else { links.1 }))
            }
            6 | 7 => {
                if below(dice, 2) == 0 {
                    lasts_ms = 0;
                }
                let number = 1 + below(dice, 200) as u8;
                let is_near = below(dice, 2) == 0;
                Change::Move(if is_near { Place::Port(number) } else { Place::Address(number) })
            }
            8 => {
                lasts_ms = 0;
                let drift = below(dice, 2 * u64::from(self.drift_ppm_max) + 1) as i32;
                let drift_ppm = drift - self.drift_ppm_max as i32;
                let is_steady = below(dice, 2) == 0;
                let jump = often_small(dice, &(0..=u64::from(self.jump_ms_max))) as u32;
                Change::Clock { side, drift_ppm, jump_ms: if is_steady { 0 } else { jump } }
            }
            _ => {
                lasts_ms = often_small(dice, &(1..=self.stall_ms_max.max(1)));
                Change::Stall(side)
            }
        };
        Event { at_ms, lasts_ms, client: below(dice, self.clients.max(1)) as usize, change }
    }

    fn change(&self, dice: &mut Dice, link: Conditions) -> Conditions {
        let count = if self.changes.is_empty() { 0 } else { 1 + below(dice, 2) };
        (0..count).fold(link, |link, _| {
            let (quantity, values) = &self.changes[below(dice, self.changes.len() as u64) as usize];
            link.with(*quantity, between(dice, &wide(values)) as u32)
        })
    }
}

fn wide(values: &RangeInclusive<u32>) -> RangeInclusive<u64> {
    u64::from(*values.start())..=u64::from(*values.end())
}

fn below(dice: &mut Dice, limit: u64) -> u64 {
    (dice.unit() * limit as f64) as u64
}

fn between(dice: &mut Dice, values: &RangeInclusive<u64>) -> u64 {
    values.start() + below(dice, values.end() - values.start() + 1)
}

/// More often near the beginning: the square of a uniform draw, a third of the range on average.
fn often_small(dice: &mut Dice, values: &RangeInclusive<u64>) -> u64 {
    let (unit, span) = (dice.unit(), values.end() - values.start() + 1);
    values.start() + (unit * unit * span as f64) as u64
}
