//! How long a server keeps what is stored.

use std::time::Duration;

use rtm_channel::ChannelKey;
use rtm_wire::{ChannelKind, UnixTime};

/// For how long, and how much, the messages of a channel are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// So many days.
    pub days: u32,
    /// So many messages, the last ones; 0 for no history at all.
    pub messages: u64,
}

/// A rule for some channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRule {
    /// Their names; `*` stands for any characters, or none.
    pub pattern: String,
    /// Their kind; none for all.
    pub kind: Option<ChannelKind>,
    /// What holds for them.
    pub retention: Retention,
}

/// What a server keeps of which channels' messages that are published to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRules {
    /// The first one that fits a channel counts.
    pub rules: Vec<HistoryRule>,
    /// Where none fits.
    pub otherwise: Retention,
    /// Bytes of all that is kept, of all apps; beyond, nothing more is stored.
    pub bytes_max: u64,
}

impl Default for HistoryRules {
    /// 7 days and 10,000 messages for each channel and user, 8 GiB.
    fn default() -> Self {
        let otherwise = Retention { days: 7, messages: 10_000 };
        Self { rules: Vec::new(), otherwise, bytes_max: 8 * 1_024 * 1_024 * 1_024 }
    }
}

impl HistoryRules {
    /// What holds for a channel, or a user.
    #[must_use]
    pub fn of(&self, key: &ChannelKey) -> Retention {
        let fits = |rule: &&HistoryRule| {
            rule.kind.is_none_or(|kind| kind == key.kind)
                && is_like(key.name.as_str(), &rule.pattern)
        };
        self.rules.iter().find(fits).map_or(self.otherwise, |rule| rule.retention)
    }
}

impl Retention {
    /// What is older is not kept.
    #[must_use]
    pub fn since(self, now: UnixTime) -> UnixTime {
        let span = Duration::from_secs(u64::from(self.days) * 86_400).as_millis() as u64;
        UnixTime::from_millis(now.as_millis().saturating_sub(span))
    }
}

/// Whether a name fits a pattern.
fn is_like(name: &str, pattern: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else { return name == pattern };
    let Some(mut name) = name.strip_prefix(begin) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return name.ends_with(part);
        }
        // The first place is as good as any later one.
        match name.find(part) {
            Some(at) => name = &name[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use rtm_channel::{AppId, ChannelName};

    use super::*;

    #[test]
    fn patterns_have_stars() {
        let fits = [
            ("lobby", "lobby"),
            ("lobby", "*"),
            ("lobby", "lob*"),
            ("lobby", "*by"),
            ("lobby", "l*b*y"),
            ("lobby", "lobby*"),
            ("ababab", "a*ab"),
            ("a", "**"),
        ];
        let differ = [
            ("lobby", "lob"),
            ("lobby", "lobby2"),
            ("lobby", "b*"),
            ("lobby", "*b"),
            ("lobby", "l*x*y"),
            ("ab", "ab*b"),
            ("lobby", ""),
        ];
        for (name, pattern) in fits {
            assert!(is_like(name, pattern), "{name} {pattern}");
        }
        for (name, pattern) in differ {
            assert!(!is_like(name, pattern), "{name} {pattern}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_counts() {
        let rule = |pattern: &str, kind, days| HistoryRule {
            pattern: pattern.to_owned(),
            kind,
            retention: Retention { days, messages: 1 },
        };
        let rules = HistoryRules {
            rules: vec![rule("a*", Some(ChannelKind::User), 1), rule("ab", None, 2)],
            ..HistoryRules::default()
        };
        let days = |kind, name| {
            let (app, name) = (AppId::new("app"), ChannelName::new(name));
            let key = ChannelKey { app: app.expect("a name"), kind, name: name.expect("a name") };
            rules.of(&key).days
        };
        assert_eq!(days(ChannelKind::User, "ab"), 1);
        assert_eq!(days(ChannelKind::Message, "ab"), 2);
        assert_eq!(days(ChannelKind::Message, "abc"), 7);
    }

    #[test]
    fn days_are_counted_back() {
        let week = Retention { days: 7, messages: 1 };
        let day = 86_400_000;
        assert_eq!(week.since(UnixTime::from_millis(9 * day)).as_millis(), 2 * day);
        assert_eq!(week.since(UnixTime::from_millis(day)).as_millis(), 0);
    }
}
