//! Lines of standard input, read by a thread of their own so that nothing else waits.

use std::io::{self, BufRead};

use tokio::sync::mpsc;

/// Lines that are read ahead.
const AHEAD: usize = 256;
/// Longest line that is read; longer than any message.
const LINE_LEN_MAX: usize = 1 << 20;

/// A line without its newline, or what went wrong.
pub(crate) type Line = io::Result<Vec<u8>>;

/// The lines of standard input, until its end. The thread ends with the process.
pub(crate) fn standard_input() -> mpsc::Receiver<Line> {
    let (sender, lines) = mpsc::channel(AHEAD);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        while let Some(line) = next(&mut input).transpose() {
            let is_last = line.is_err();
            if sender.blocking_send(line).is_err() || is_last {
                return;
            }
        }
    });
    lines
}

fn next(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = io::Read::take(&mut *input, LINE_LEN_MAX as u64 + 1).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > LINE_LEN_MAX {
        let text = format!("a line is longer than {LINE_LEN_MAX} bytes; split it");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut input = text;
        std::iter::from_fn(|| next(&mut input).transpose()).map(Result::ok).collect()
    }

    #[test]
    fn lines_are_cut_at_newlines_and_nowhere_else() {
        let some = |text: &[u8]| Some(text.to_vec());
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"\n"), [some(b"")]);
        assert_eq!(
            lines(b"a\r\n\n\xff\nend"),
            [some(b"a\r"), some(b""), some(b"\xff"), some(b"end")]
        );
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let longest = vec![b'x'; LINE_LEN_MAX];
        assert_eq!(lines(&longest), [Some(longest.clone())]);
        let mut input: &[u8] = &vec![b'x'; LINE_LEN_MAX + 1];
        assert!(next(&mut input).is_err());
    }
}
