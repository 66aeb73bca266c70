//! Which names are meant.

/// Alternatives by `|`, `.*` for anything, `^` and `$` for the ends: what one needs of regular
/// expressions to choose cells. The empty pattern means all.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern(String);

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        self.0.split('|').any(|alternative| matches(alternative, name))
    }
}

fn matches(alternative: &str, name: &str) -> bool {
    let (at_start, rest) = match alternative.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, alternative),
    };
    let (at_end, rest) = match rest.strip_suffix('$') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let name = match at_start {
        true => format!("\u{2}{name}"),
        false => name.to_owned(),
    } + if at_end { "\u{3}" } else { "" };
    let mut left = name.as_str();
    let mut parts: Vec<String> = rest.split(".*").map(str::to_owned).collect();
    if let (true, Some(first)) = (at_start, parts.first_mut()) {
        first.insert(0, '\u{2}');
    }
    if let (true, Some(last)) = (at_end, parts.last_mut()) {
        last.push('\u{3}');
    }
    parts.iter().all(|part| match left.find(part.as_str()) {
        Some(at) => {
            left = &left[at + part.len()..];
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_choose_as_regular_expressions_do() {
        let cases = [
            ("", "loss-10/rtm/1", true),
            ("rtm", "loss-10/rtm/1", true),
            ("kcp|rtm", "loss-10/rtm/1", true),
            ("kcp|enet", "loss-10/rtm/1", false),
            ("loss-.*/rtm", "loss-10/rtm-eager/1", true),
            ("^rtm", "loss-10/rtm/1", false),
            ("^loss-1/", "loss-10/rtm/1", false),
            ("/2$", "loss-10/rtm/1", false),
            ("^loss.*1$", "loss-10/rtm/1", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(Pattern::new(pattern).matches(name), expected, "{pattern} {name}");
        }
    }
}
