//! Numbers as tables show them.

/// Microseconds as milliseconds, with as many digits as mean something; a dash for none.
pub(super) fn millis(micros: Option<u64>) -> String {
    match micros {
        None => "–".to_owned(),
        Some(micros) if micros < 100_000 => format!("{:.1}", micros as f64 / 1_000.0),
        Some(micros) => thousands((micros + 500) / 1_000),
    }
}

/// With commas.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A ratio; a dash when there is nothing to divide by.
pub(super) fn ratio(number: u64, of: u64) -> String {
    if of == 0 { "–".to_owned() } else { format!("{:.2}", number as f64 / of as f64) }
}

/// A share, as exact as it has to be to tell all from nearly all.
pub(super) fn percent(number: u64, of: u64) -> String {
    if number == of {
        return "100 %".to_owned();
    }
    let share = if of == 0 { 0.0 } else { number as f64 * 100.0 / of as f64 };
    // Rounding up would claim what isn't so.
    format!("{:.1} %", (share * 10.0).floor() / 10.0)
}

/// The values of several seeds; one when they are the same.
pub(super) fn seeds(values: impl Iterator<Item = String>) -> String {
    let values: Vec<String> = values.collect();
    match values.first() {
        Some(first) if values.iter().all(|value| value == first) => first.clone(),
        Some(_) => values.join(" · "),
        None => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_mean_something() {
        for (micros, expected) in
            [(50_312, "50.3"), (100_499, "100"), (1_234_567, "1,235"), (42_942_000, "42,942")]
        {
            assert_eq!(millis(Some(micros)), expected);
        }
        assert_eq!(millis(None), "–");
        assert_eq!((ratio(5, 2), ratio(5, 0)), ("2.50".to_owned(), "–".to_owned()));
        assert_eq!(percent(9_999, 10_000), "99.9 %");
        assert_eq!(percent(3, 3), "100 %");
    }

    #[test]
    fn seeds_stand_side_by_side_unless_they_agree() {
        let text = |values: &[&str]| seeds(values.iter().map(|value| (*value).to_owned()));
        assert_eq!(text(&["1", "2"]), "1 · 2");
        assert_eq!(text(&["1", "1"]), "1");
        assert_eq!(text(&[]), "–");
    }
}
