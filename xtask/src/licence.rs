//! Licence expressions (SPDX): may we use a package under licences of our list?

/// Whether `expression` can be satisfied with licences that `allowed` accepts.
///
/// Understands `AND`, `OR`, parentheses, `WITH` (the whole `A WITH B` is one licence), and `/` as
/// the `OR` of old manifests. What is not understood is not allowed.
pub(crate) fn is_satisfied(expression: &str, allowed: impl Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, allowed };
    let satisfied = parser.any();
    satisfied == Some(true) && parser.words.is_empty()
}

/// Recursive descent; `None` is a syntax error.
struct Parser<'a, F> {
    words: &'a [&'a str],
    allowed: F,
}

impl<'a, F: Fn(&str) -> bool> Parser<'a, F> {
    fn any(&mut self) -> Option<bool> {
        let mut satisfied = self.all()?;
        while self.skip("OR") {
            satisfied |= self.all()?;
        }
        Some(satisfied)
    }

    fn all(&mut self) -> Option<bool> {
        let mut satisfied = self.one()?;
        while self.skip("AND") {
            satisfied &= self.one()?;
        }
        Some(satisfied)
    }

    fn one(&mut self) -> Option<bool> {
        if self.skip("(") {
            let satisfied = self.any()?;
            return self.skip(")").then_some(satisfied);
        }
        let licence = self.name()?;
        if self.skip("WITH") {
            let exception = self.name()?;
            return Some((self.allowed)(&format!("{licence} WITH {exception}")));
        }
        Some((self.allowed)(licence))
    }

    fn name(&mut self) -> Option<&'a str> {
        let (&first, rest) = self.words.split_first()?;
        let is_name = !matches!(first, "AND" | "OR" | "WITH" | "(" | ")");
        self.words = rest;
        is_name.then_some(first)
    }

    fn skip(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((&first, rest)) if first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_satisfied_by_allowed_licences_only() {
        let cases = [
            ("MIT", true),
            ("MIT/GPL-3.0", true),
            ("GPL-3.0 OR MIT", true),
            ("MIT AND ISC", true),
            ("(MIT OR GPL-3.0) AND ISC", true),
            ("MIT OR GPL-3.0 AND LGPL-2.1", true),
            ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
            ("GPL-3.0", false),
            ("MIT AND GPL-3.0", false),
            ("(MIT OR ISC) AND GPL-3.0", false),
            ("MIT WITH Unheard-exception", false),
            ("", false),
            ("MIT OR", false),
            ("MIT ISC", false),
            ("(MIT", false),
        ];
        let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"];
        for (expression, expected) in cases {
            let satisfied = is_satisfied(expression, |licence| allowed.contains(&licence));
            assert_eq!(satisfied, expected, "{expression}");
        }
    }
}
