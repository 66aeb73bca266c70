//! The page that the demo writes.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Markdown under construction.
pub(super) struct Page {
    text: String,
    /// Where the server listens.
    place: String,
    has_loss: bool,
}

impl Page {
    pub(super) fn new(machine: &str) -> Self {
        let text = format!(
            "# Demo\n\nWritten by `cargo xtask demo`, which runs the commands below and pastes \
             what they print, on\n{machine}.\n`cargo test -p rtm` runs the same scenes, \
             shorter.\n\n"
        );
        Self { text, place: String::new(), has_loss: false }
    }

    pub(super) fn server(&mut self, greeting: &[String], folder: &str) {
        let connect = greeting.iter().find_map(|line| line.split_once("rtm://")?.1.split_once('?'));
        self.place = connect.map_or_else(String::new, |(place, _)| place.to_owned());
        self.text += "## A server\n\n```text\n$ rtm-server --dev\n";
        for line in greeting.iter().filter(|line| !line.contains(" INFO ")) {
            let line = shortened(line, folder);
            self.line(&line);
        }
        self.text += "```\n\n";
    }

    pub(super) fn chat(&mut self, alice: &[String], bob: &[String]) {
        self.text += "## Two people on two terminals\n\n";
        for (user, lines) in [("alice", alice), ("bob", bob)] {
            let _ = writeln!(self.text, "```text\n$ rtm chat lobby --as {user}");
            lines.iter().for_each(|line| self.line(line));
            self.text += "```\n\n";
        }
    }

    pub(super) fn title(&mut self, title: &str) {
        let _ = writeln!(self.text, "## {title}\n");
    }

    /// Something that is said between two terminals.
    pub(super) fn text(&mut self, text: &str) {
        let _ = writeln!(self.text, "{text}\n");
    }

    /// What a terminal shows, as it is.
    pub(super) fn lines(&mut self, lines: &[String]) {
        self.text += "```text\n";
        lines.iter().for_each(|line| self.line(line));
        self.text += "```\n\n";
    }

    /// What one terminal shows: commands of `rtm`, and what each printed.
    pub(super) fn commands(&mut self, commands: &[(&[&str], Vec<String>)]) {
        self.text += "```text\n";
        for (words, lines) in commands {
            let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
            let _ = writeln!(self.text, "$ rtm {}", words.join(" "));
            lines.iter().for_each(|line| self.line(line));
        }
        self.text += "```\n\n";
    }

    #[expect(clippy::too_many_arguments, reason = "what one scene has to tell")]
    pub(super) fn file(
        &mut self,
        loss: u32,
        delay_ms: u32,
        lines: usize,
        arrived: Duration,
        published: &[String],
        files: &[PathBuf],
        digests: &[String],
        counts: Option<&[String]>,
    ) {
        let title = match (loss, delay_ms) {
            (0, _) => "A file, line by line, to three subscribers".to_owned(),
            (_, 0) => format!("The same with {loss} % of all packets lost, each way"),
            _ => format!("The same with {loss} % lost and {delay_ms} ms more, each way"),
        };
        let _ = writeln!(self.text, "## {title}\n\n```text");
        let server = if counts.is_some() { " --server $SERVER" } else { "" };
        if counts.is_some() {
            let place = &self.place;
            let delay =
                if delay_ms > 0 { format!(" --delay-ms {delay_ms}") } else { String::new() };
            let _ = writeln!(self.text, "$ netlab proxy --to {place} --loss {loss}{delay} &");
        }
        for user in super::SUBSCRIBERS {
            let _ = writeln!(
                self.text,
                "$ rtm sub town --topic file --as {user} --count {lines}{server} > {user}.txt &"
            );
        }
        let _ = writeln!(self.text, "$ rtm pub town --topic file --as alice{server} < file.txt");
        published.iter().for_each(|line| self.line(line));
        let name =
            |file: &PathBuf| file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let names: Vec<_> = files.iter().map(name).collect();
        let _ = writeln!(self.text, "$ sha256sum {}", names.join(" "));
        for (digest, name) in digests.iter().zip(&names) {
            let _ = writeln!(self.text, "{digest}  {name}");
        }
        if let Some(counts) = counts {
            self.text += "$ kill %1  # the proxy says\n";
            counts.iter().for_each(|line| self.line(line));
            self.has_loss = true;
        }
        let seconds = arrived.as_secs_f64();
        let rate = lines as f64 / seconds;
        let _ = writeln!(
            self.text,
            "```\n\n{lines} lines were complete, in order and identical at all three after \
             {seconds:.2} s: {rate:.0} lines a second.\n"
        );
    }

    pub(super) fn finish(self) -> String {
        let mut text = self.text;
        if self.has_loss {
            text += "`$SERVER` is the connection string with the proxy's address in place of the \
                     server's. The file is the project's own sources.\n";
        }
        text
    }

    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{line}");
    }
}

/// Without what differs from machine to machine, and with the end of the key left out.
fn shortened(line: &str, folder: &str) -> String {
    let line = line.replace(folder, "~/.config/rtm");
    match line.split_once("?key=") {
        Some((start, key)) => format!("{start}?key={}…", key.get(..8).unwrap_or(key)),
        None => line,
    }
}

/// As it has to be typed.
fn quoted(word: &str) -> String {
    match word.contains(' ') {
        true => format!("\"{word}\""),
        false => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, shortened};

    #[test]
    fn commands_stand_as_they_are_typed() {
        let mut page = Page::new("a machine");
        page.commands(&[(&["say", "two words"], vec!["done".into()])]);
        assert!(page.finish().ends_with("```text\n$ rtm say \"two words\"\ndone\n```\n\n"));
    }

    #[test]
    fn secrets_and_folders_are_shortened() {
        let cases = [
            ("connect  rtm://a:1?key=0011223344", "connect  rtm://a:1?key=00112233…"),
            ("context  /x/demo/context.json", "context  ~/.config/rtm/context.json"),
            ("ready", "ready"),
        ];
        for (line, expected) in cases {
            assert_eq!(shortened(line, "/x/demo"), expected);
        }
    }
}
