//! The text form: one line, parts with semicolons between them.

use core::error::Error;
use core::fmt;
use core::str::FromStr;

use super::{Change, Conditions, Event, Place, Quantity, Scenario, Side, Way};

/// Text that is no scenario; names the part that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError(String);

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no part of a scenario", self.0)
    }
}

impl Error for ParseError {}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, run_ms, up, down, loads, events } = self;
        write!(f, "seed={seed} ms={run_ms}; up{up}; down{down}; load")?;
        for (name, value) in loads {
            write!(f, " {name}={value}")?;
        }
        events.iter().try_for_each(|event| write!(f, "; {event}"))
    }
}

impl fmt::Display for Conditions {
    /// What isn't 0, each with a space before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for quantity in Quantity::ALL.into_iter().filter(|quantity| self.of(*quantity) > 0) {
            write!(f, " {}={}", quantity.name(), self.of(quantity))?;
        }
        Ok(())
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at_ms)?;
        if self.lasts_ms > 0 {
            write!(f, "+{}", self.lasts_ms)?;
        }
        if self.client > 0 {
            write!(f, "#{}", self.client)?;
        }
        match self.change {
            Change::Cut(way) => write!(f, " cut {}", way.name()),
            Change::Link(way, conditions) => write!(f, " link {}{conditions}", way.name()),
            Change::Move(Place::Port(port)) => write!(f, " move port={port}"),
            Change::Move(Place::Address(address)) => write!(f, " move address={address}"),
            Change::Clock { side, drift_ppm, jump_ms } => {
                write!(f, " clock {} drift={drift_ppm} jump={jump_ms}", side.name())
            }
            Change::Stall(side) => write!(f, " stall {}", side.name()),
        }
    }
}

impl FromStr for Scenario {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut scenario = Self::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            scenario.read(part).ok_or_else(|| ParseError(part.to_owned()))?;
        }
        Ok(scenario)
    }
}

impl Scenario {
    fn read(&mut self, part: &str) -> Option<()> {
        let mut words = part.split_whitespace();
        let first = words.next()?;
        match first {
            "up" => self.up = conditions(words)?,
            "down" => self.down = conditions(words)?,
            "load" => {
                for (name, value) in words.map(pair::<u64>).collect::<Option<Vec<_>>>()? {
                    self.loads.insert(name.to_owned(), value);
                }
            }
            _ if first.starts_with(|c: char| c.is_ascii_digit()) => {
                self.events.push(event(first, words)?);
            }
            _ => {
                for word in part.split_whitespace() {
                    match pair(word)? {
                        ("seed", value) => self.seed = value,
                        ("ms", value) => self.run_ms = value,
                        _ => return None,
                    }
                }
            }
        }
        Some(())
    }
}

fn pair<T: FromStr>(word: &str) -> Option<(&str, T)> {
    let (name, value) = word.split_once('=')?;
    Some((name, value.parse().ok()?))
}

fn conditions<'a>(words: impl Iterator<Item = &'a str>) -> Option<Conditions> {
    let mut conditions = Conditions::default();
    for word in words {
        let (name, value) = pair(word)?;
        let quantity = Quantity::ALL.into_iter().find(|quantity| quantity.name() == name)?;
        conditions = conditions.with(quantity, value);
    }
    Some(conditions)
}

fn event<'a>(when: &str, mut words: impl Iterator<Item = &'a str>) -> Option<Event> {
    let (when, client) = match when.split_once('#') {
        Some((when, client)) => (when, client.parse().ok()?),
        None => (when, 0),
    };
    let (at_ms, lasts_ms) = match when.split_once('+') {
        Some((at, lasts)) => (at.parse().ok()?, lasts.parse().ok()?),
        None => (when.parse().ok()?, 0),
    };
    let verb = words.next()?;
    let object = words.next()?;
    let change = match verb {
        "cut" => Change::Cut(Way::named(object)?),
        "link" => {
            let conditions = conditions(words.by_ref())?;
            Change::Link(Way::named(object)?, conditions)
        }
        "move" => Change::Move(match pair(object)? {
            ("port", port) => Place::Port(port),
            ("address", address) => Place::Address(address),
            _ => return None,
        }),
        "clock" => {
            let (("drift", drift_ppm), ("jump", jump_ms)) =
                (pair(words.next()?)?, pair(words.next()?)?)
            else {
                return None;
            };
            Change::Clock { side: Side::named(object)?, drift_ppm, jump_ms }
        }
        "stall" => Change::Stall(Side::named(object)?),
        _ => return None,
    };
    words.next().is_none().then_some(Event { at_ms, lasts_ms, client, change })
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Both => "both",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Up, Self::Down, Self::Both].into_iter().find(|way| way.name() == name)
    }
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Client, Self::Server].into_iter().find(|side| side.name() == name)
    }
}
