//! From a scenario that fails to a smaller one that fails, too.

use super::{Change, Conditions, Event, Place, Quantity, Scenario, Way};

/// Looks for the smallest scenario for which `fails` still holds: without some events, shorter,
/// milder, with less to do. Asks at most `runs_max` times.
///
/// Every step takes something away, so that it comes to an end by itself.
pub fn shrink(
    scenario: &Scenario,
    runs_max: u32,
    fails: &mut dyn FnMut(&Scenario) -> bool,
) -> Scenario {
    let mut smallest = scenario.clone();
    let (mut runs, mut index, mut misses) = (0, 0, 0);
    let mut simpler = simplifications(&smallest);
    // Goes round until nothing of a whole round has helped.
    while misses < simpler.len() && runs < runs_max {
        index %= simpler.len();
        runs += 1;
        if fails(&simpler[index]) {
            smallest = simpler.swap_remove(index);
            simpler = simplifications(&smallest);
            misses = 0;
        } else {
            (index, misses) = (index + 1, misses + 1);
        }
    }
    smallest
}

/// Everything that is one step simpler, the greatest steps first.
fn simplifications(of: &Scenario) -> Vec<Scenario> {
    let mut all = Vec::new();
    let count = of.events.len();
    for size in [count, count / 2, count / 4, 1] {
        for start in (0..count).step_by(size.max(1)).filter(|_| size > 0) {
            let mut events = of.events.clone();
            events.drain(start..(start + size).min(count));
            all.push(Scenario { events, ..of.clone() });
        }
    }
    for (name, &value) in &of.loads {
        for less in less_than(value) {
            let mut simpler = of.clone();
            match less {
                0 => simpler.loads.remove(name),
                _ => simpler.loads.insert(name.clone(), less),
            };
            all.push(simpler);
        }
    }
    let last = of.events.iter().map(|event| event.at_ms + event.lasts_ms).max().unwrap_or(0);
    all.extend(
        [last + 1]
            .into_iter()
            .filter(|run_ms| *run_ms < of.run_ms)
            .chain(less_than(of.run_ms))
            .map(|run_ms| Scenario { run_ms, ..of.clone() }),
    );
    all.extend(milder(of.up).into_iter().map(|up| Scenario { up, ..of.clone() }));
    all.extend(milder(of.down).into_iter().map(|down| Scenario { down, ..of.clone() }));
    for (index, event) in of.events.iter().enumerate() {
        for simpler in simpler_events(event, of) {
            let mut events = of.events.clone();
            events[index] = simpler;
            all.push(Scenario { events, ..of.clone() });
        }
    }
    all.retain(|simpler| simpler != of);
    all
}

/// Nothing, half, a tenth less, one less.
fn less_than(value: u64) -> impl Iterator<Item = u64> {
    let steps = [0, value / 2, value - value / 10, value.saturating_sub(1)];
    steps.into_iter().filter(move |less| *less < value)
}

fn milder(conditions: Conditions) -> Vec<Conditions> {
    let mut all = Vec::new();
    for quantity in Quantity::ALL {
        let value = conditions.of(quantity);
        let values = less_than(value.into()).filter(|v| *v == 0 || quantity.is_milder_halved());
        all.extend(values.map(|value| conditions.with(quantity, value as u32)));
    }
    all
}

fn simpler_events(event: &Event, of: &Scenario) -> Vec<Event> {
    let mut all = Vec::new();
    all.extend(less_than(event.at_ms).map(|at_ms| Event { at_ms, ..*event }));
    let shorter = less_than(event.lasts_ms).filter(|lasts_ms| *lasts_ms > 0);
    all.extend(shorter.map(|lasts_ms| Event { lasts_ms, ..*event }));
    all.extend((event.client > 0).then_some(Event { client: 0, ..*event }));
    let changes: Vec<Change> = match event.change {
        Change::Cut(Way::Both) => vec![Change::Cut(Way::Up), Change::Cut(Way::Down)],
        Change::Link(way, conditions) => {
            let ways = if way == Way::Both { vec![Way::Up, Way::Down] } else { Vec::new() };
            let ways = ways.into_iter().map(|way| Change::Link(way, conditions));
            let base = if way.has_up() { of.up } else { of.down };
            // As the link is anyway; else milder.
            let as_before = Quantity::ALL.into_iter().filter_map(|quantity| {
                let value = base.of(quantity).min(conditions.of(quantity));
                (value < conditions.of(quantity)).then(|| conditions.with(quantity, value))
            });
            let milder = milder(conditions);
            let links = as_before.chain(milder).map(|conditions| Change::Link(way, conditions));
            ways.chain(links).collect()
        }
        Change::Move(Place::Address(number)) => vec![Change::Move(Place::Port(number))],
        Change::Move(Place::Port(number)) if number > 1 => vec![Change::Move(Place::Port(1))],
        Change::Clock { side, drift_ppm, jump_ms } => {
            let drifts = [0, drift_ppm / 2].map(|drift_ppm| (drift_ppm, jump_ms));
            let jumps = less_than(jump_ms.into()).map(|jump_ms| (drift_ppm, jump_ms as u32));
            let both = drifts.into_iter().chain(jumps);
            both.map(|(drift_ppm, jump_ms)| Change::Clock { side, drift_ppm, jump_ms }).collect()
        }
        _ => Vec::new(),
    };
    all.extend(changes.into_iter().map(|change| Event { change, ..*event }));
    all
}
