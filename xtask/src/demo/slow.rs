//! Subscribers that stand still while much is published.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::page::Page;
use crate::failure::Failure;
use crate::scene::Scene;

const LINES: usize = 6_000;
const LINE: usize = 1_000;
const SLOW: [(&str, &str); 3] =
    [("bob", "catch-up"), ("carol", "drop-oldest"), ("dave", "latest-only")];
/// Longer than any of them takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Three are stopped while alice publishes; what each has at the end is its own choice.
pub(super) fn slow(page: &mut Page, scene: &Scene) -> Result<(), Failure> {
    let text: String =
        (1..=LINES).map(|number| format!("{number:05} {}\n", "x".repeat(LINE - 7))).collect();
    let lines = scene.folder.join("lines.txt");
    fs::write(&lines, text)?;
    let mut subscribers = Vec::new();
    let mut shown = Vec::new();
    for (user, policy) in SLOW {
        let words = ["sub", "shelf", "--as", user, "--queue", policy].map(str::to_owned);
        let file = scene.folder.join(format!("{user}.txt"));
        let mut subscriber = scene.start_into(&words, &file)?;
        subscriber.wait_for("subscribed to shelf")?;
        shown.push(format!("$ rtm {} > {user}.txt &", words.join(" ")));
        subscribers.push((subscriber, file));
    }
    for (subscriber, _) in &subscribers {
        subscriber.signal("STOP")?;
    }
    let publish = ["pub", "shelf", "--as", "alice", "--store"].map(str::to_owned);
    let published = scene.start_from(&publish, &lines)?.end()?;
    for (subscriber, _) in &subscribers {
        subscriber.signal("CONT")?;
    }
    let end = ["pub", "shelf", "--as", "alice", "--store", "--message", "end"];
    let ended = scene.start(&end)?.end()?;
    shown.push("$ kill -STOP %1 %2 %3".to_owned());
    shown.push(format!("$ rtm {} < lines.txt", publish.join(" ")));
    shown.extend(published);
    shown.push("$ kill -CONT %1 %2 %3".to_owned());
    shown.push(format!("$ rtm {}", end.join(" ")));
    shown.extend(ended);
    let mut said = Vec::new();
    let mut counts = Vec::new();
    for ((subscriber, file), (user, _)) in subscribers.into_iter().zip(SLOW) {
        let count = wait_for_end(&file)?;
        counts.push(format!("{count:6} {user}.txt"));
        subscriber.signal("INT")?;
        // Who misses something says so by its exit code, too.
        let lines = subscriber.end_anyhow()?;
        let missing = lines.into_iter().filter(|line| line.contains("missing"));
        said.extend(missing.map(|line| format!("{user}: {line}")));
    }
    shown.push("$ wc -l bob.txt carol.txt dave.txt".to_owned());
    shown.extend(counts);
    page.title("Subscribers that stand still");
    page.lines(&shown);
    page.text(&format!(
        "{LINES} lines of {LINE} bytes, and the last one. Bob has them all, as they were stored; \
         Carol has the newest, and is told how many are missing; Dave wanted the latest only. What \
         they said of it on their standard error:"
    ));
    page.lines(&said);
    Ok(())
}

/// How many lines a file has, once the last one is there.
#[expect(clippy::disallowed_methods, reason = "no runtime is here that it might block")]
fn wait_for_end(file: &Path) -> Result<usize, Failure> {
    let begun = Instant::now();
    loop {
        let text = fs::read_to_string(file)?;
        if text.ends_with("\nend\n") {
            return Ok(text.lines().count());
        }
        if begun.elapsed() > PATIENCE {
            let wrong = format!("{}: {} lines, without the last", file.display(), text.len());
            return Err(Failure::new(wrong));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
