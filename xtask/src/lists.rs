//! Our own lists: text, a line each, with comments that begin with `#`.

use std::fs;

use crate::failure::Failure;
use crate::process::root;

/// The lines of `file`, each as `parse` understands it; a failure names the first that it doesn't.
pub(crate) fn read<T>(file: &str, parse: fn(&str) -> Option<T>) -> Result<Vec<T>, Failure> {
    let text = fs::read_to_string(root().join(file))?;
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(index, line)| {
            let advice = "is not understood; the top of the file tells how a line is made";
            let refused = || Failure::new(format!("{file}:{}: `{line}` {advice}", index + 1));
            parse(line).ok_or_else(refused)
        })
        .collect()
}
