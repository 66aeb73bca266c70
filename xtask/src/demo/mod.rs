//! `cargo xtask demo`: runs a chat, presence, an inbox and the file test with release builds, and
//! writes what the commands print to `docs/demo.md`.

mod page;
mod slow;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use self::page::Page;
use crate::failure::Failure;
use crate::process::{cargo, program_in_root, read, root, run as run_process, target_folder};
use crate::scene::{Programs, Scene};

const PAGE: &str = "docs/demo.md";
/// Lines of the text that is streamed.
const LINES: usize = 20_000;
const SUBSCRIBERS: [&str; 3] = ["bob", "carol", "dave"];

pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    crate::refuse_words(words)?;
    run_process(&mut cargo(&[
        "build",
        "--release",
        "--locked",
        "-p",
        "rtm",
        "-p",
        "rtm-server",
        "-p",
        "netlab",
    ]))?;
    let folder = target_folder().join("demo");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let text = text(&folder)?;

    let mut page = Page::new(&machine()?);
    let mut scene = Scene::new(&folder, Programs::released())?;
    page.server(&scene.greeting, &scene.folder.to_string_lossy());
    chat(&mut page, &scene)?;
    presence(&mut page, &scene)?;
    states(&mut page, &scene)?;
    inbox(&mut page, &scene)?;
    positions(&mut page, &scene)?;
    metadata(&mut page, &scene)?;
    locks(&mut page, &scene)?;
    history(&mut page, &scene)?;
    outlives(&mut page, &mut scene)?;
    slow::slow(&mut page, &scene)?;
    for (loss, delay_ms) in [(0, 0), (20, 0), (20, 5)] {
        file(&mut page, &mut scene, &text, loss, delay_ms)?;
    }
    fs::write(root().join(PAGE), page.finish())?;
    println!("demo: wrote {PAGE}");
    Ok(())
}

/// Alice and Bob talk; what each sees.
fn chat(page: &mut Page, scene: &Scene) -> Result<(), Failure> {
    let mut alice = scene.start(&["chat", "lobby", "--as", "alice"])?;
    alice.wait_for("You are alice")?;
    let mut bob = scene.start(&["chat", "lobby", "--as", "bob"])?;
    bob.wait_for("You are bob")?;
    for (from_alice, text) in [
        (true, "Hi Bob, can you hear me?"),
        (false, "Loud and clear, Alice."),
        (true, "Through the tunnel, too!"),
    ] {
        let (speaker, listener) =
            if from_alice { (&mut alice, &mut bob) } else { (&mut bob, &mut alice) };
        speaker.say(text)?;
        listener.wait_for(text)?;
    }
    page.chat(&alice.end()?, &bob.end()?);
    Ok(())
}

/// Dave listens to a channel and hears who comes and goes.
fn presence(page: &mut Page, scene: &Scene) -> Result<(), Failure> {
    let mut carol = scene.start(&["chat", "lobby", "--as", "carol"])?;
    carol.wait_for("You are carol")?;
    let listen = ["sub", "lobby", "--as", "dave", "--presence", "--count", "1"];
    let mut dave = scene.start(&listen)?;
    dave.wait_for("here: ")?;
    let mut erin = scene.start(&["chat", "lobby", "--as", "erin"])?;
    dave.wait_for("erin came")?;
    erin.wait_for("You are erin")?;
    erin.end()?;
    dave.wait_for("erin went")?;
    carol.say("She'll be back.")?;
    page.title("Who is there");
    page.commands(&[(&listen[..], dave.end()?)]);
    carol.end()?;
    Ok(())
}

/// Bob shows something, Alice sees it, and Carol asks from outside.
fn states(page: &mut Page, scene: &Scene) -> Result<(), Failure> {
    let watch = ["presence", "show", "lesson", "--as", "alice", "--count", "5"];
    let mut alice = scene.start(&watch)?;
    alice.wait_for("here: alice")?;
    let show = ["presence", "show", "lesson", "--as", "bob", "--state", "hand=up", "--count", "2"];
    let bob = scene.start(&show)?;
    alice.wait_for("bob shows hand=up")?;
    let who = ["presence", "who", "lesson", "--states", "--as", "carol"];
    let listed = scene.start(&who)?.end()?;
    let find = ["presence", "where", "bob", "--as", "carol"];
    let found = scene.start(&find)?.end()?;
    // Whom Bob waits for.
    scene.start(&["presence", "show", "lesson", "--as", "dave", "--count", "1"])?.end()?;
    let bob = bob.end()?;
    page.title("What they show");
    page.commands(&[(&watch[..], alice.end()?)]);
    page.commands(&[(&show[..], bob), (&who[..], listed), (&find[..], found)]);
    Ok(())
}

/// Positions of a car: who comes later has the last one at once.
fn positions(page: &mut Page, scene: &Scene) -> Result<(), Failure> {
    let publish = ["pub", "map", "--topic", "cars", "--as", "car7", "--latest-only"];
    let mut car = scene.start(&publish)?;
    for position in 1..=5 {
        car.say(&format!("at {position}"))?;
    }
    let sub = ["sub", "map", "--topic", "cars", "--as", "dispatcher", "--count", "1"];
    // Whenever the dispatcher looks, there is a position, and in the end it is the last one.
    let last = loop {
        let seen = scene.start(&sub)?.end()?;
        if seen.iter().any(|line| line.contains("at 5")) {
            break seen;
        }
    };
    page.title("Positions: a newer one takes the place of those before");
    page.commands(&[(&publish[..], car.end()?), (&sub[..], last)]);
    Ok(())
}

/// Two people write the same item, with compare-and-set.
fn metadata(page: &mut Page, scene: &Scene) -> Result<(), Failure> {
    let watch = ["storage", "watch", "board", "--as", "dave", "--count", "3"];
    let mut dave = scene.start(&watch)?;
    dave.wait_for("snapshot")?;
    let first = ["storage", "set", "board", "title=Plan", "round=1", "--as", "alice"];
    let written = scene.start(&first)?.end()?;
    let get = ["storage", "get", "board", "--as", "bob"];
    let read = scene.start(&get)?.end()?;
    let second = ["storage", "set", "board", "round=2", "--major", "1", "--as", "bob"];
    let taken = scene.start(&second)?.end()?;
    let third = ["storage", "set", "board", "round=2", "--major", "1", "--as", "alice"];
    let refused = scene.start(&third)?.end_badly()?;
    page.title("Metadata that two people write");
    page.commands(&[(&first[..], written), (&get[..], read), (&second[..], taken)]);
    page.commands(&[(&third[..], refused), (&watch[..], dave.end()?)]);
    Ok(())
}

/// Bob takes a lock from Alice; what Alice writes under her token then is refused.
fn locks(page: &mut Page, scene: &Scene) -> Result<(), Failure> {
    let make = ["lock", "set", "board", "editor", "--ttl", "60", "--as", "alice"];
    let made = scene.start(&make)?.end()?;
    let acquire = ["lock", "acquire", "board", "editor", "--keep", "--as", "alice"];
    let acquired = scene.start(&acquire)?.end()?;
    let write = ["storage", "set", "board", "title=Map", "--lock", "editor", "--lock-token", "1"];
    let write = [&write[..], &["--as", "alice"]].concat();
    let written = scene.start(&write)?.end()?;
    let taken = ["lock", "acquire", "board", "editor", "--as", "bob"];
    let refused = scene.start(&taken)?.end_badly()?;
    let revoke = ["lock", "revoke", "board", "editor", "--owner", "alice", "--as", "bob"];
    let revoked = scene.start(&revoke)?.end()?;
    let next = ["lock", "acquire", "board", "editor", "--keep", "--as", "bob"];
    let owned = scene.start(&next)?.end()?;
    let outdated = scene.start(&write)?.end_badly()?;
    page.title("A lock, and what its former owner writes");
    page.commands(&[(&make[..], made), (&acquire[..], acquired), (&write[..], written)]);
    page.commands(&[(&taken[..], refused), (&revoke[..], revoked), (&next[..], owned)]);
    page.commands(&[(&write[..], outdated)]);
    Ok(())
}

/// Grace reads what was said before she came.
fn history(page: &mut Page, scene: &Scene) -> Result<(), Failure> {
    let store = ["pub", "board", "--as", "alice", "--store", "--message"];
    let said = ["We meet at nine.", "Make it ten."].map(|text| [&store[..], &[text]].concat());
    let first = scene.start(&said[0])?.end()?;
    let second = scene.start(&said[1])?.end()?;
    let read = ["history", "get", "board", "--as", "grace"];
    let found = scene.start(&read)?.end()?;
    let oldest = ["history", "get", "board", "--oldest-first", "--count", "1", "--as", "grace"];
    let found_first = scene.start(&oldest)?.end()?;
    page.title("What was said before");
    page.commands(&[(&said[0][..], first), (&said[1][..], second)]);
    page.commands(&[(&read[..], found), (&oldest[..], found_first)]);
    Ok(())
}

/// The server is killed, and all that was answered is there.
fn outlives(page: &mut Page, scene: &mut Scene) -> Result<(), Failure> {
    let send = ["user", "send", "heidi", "--as", "alice", "--store", "--message", "See you."];
    let sent = scene.start(&send)?.end()?;
    scene.kill_server()?;
    let get = ["storage", "get", "board", "--as", "bob"];
    let items = scene.start(&get)?.end()?;
    let locks = ["lock", "get", "board", "--as", "bob"];
    let listed = scene.start(&locks)?.end()?;
    let read = ["history", "get", "board", "--as", "bob"];
    let found = scene.start(&read)?.end()?;
    let open = ["user", "inbox", "--as", "heidi", "--count", "1"];
    let received = scene.start(&open)?.end()?;
    page.title("`kill -9` of the server, and another start");
    page.commands(&[(&send[..], sent)]);
    page.text("Here the server is killed, and started again in the same folder.");
    page.commands(&[(&get[..], items), (&locks[..], listed)]);
    page.commands(&[(&read[..], found), (&open[..], received)]);
    Ok(())
}

/// Frank gets what Alice sent while he was away.
fn inbox(page: &mut Page, scene: &Scene) -> Result<(), Failure> {
    page.title("A message for somebody who is away");
    let message = ["--message", "The meeting is at nine."];
    let words = [&["user", "send", "frank", "--as", "alice", "--store"], &message[..]].concat();
    let sent = scene.start(&words)?.end()?;
    let open = ["user", "inbox", "--as", "frank", "--count", "2"];
    let mut frank = scene.start(&open)?;
    frank.wait_for("The meeting")?;
    let message = ["--message", "There you are."];
    let later = [&["user", "send", "frank", "--as", "alice"], &message[..]].concat();
    let sent_later = scene.start(&later)?.end()?;
    page.commands(&[(&words[..], sent), (&later[..], sent_later)]);
    page.commands(&[(&open[..], frank.end()?)]);
    Ok(())
}

/// One publishes the text, three receive it; all four have the same digest.
fn file(
    page: &mut Page,
    scene: &mut Scene,
    text: &Path,
    loss: u32,
    delay_ms: u32,
) -> Result<(), Failure> {
    let (count, loss_text, delay) = (LINES.to_string(), loss.to_string(), delay_ms.to_string());
    let server = match (loss, delay_ms) {
        (0, 0) => None,
        _ => Some(scene.proxy(&["--loss", &loss_text, "--delay-ms", &delay])?),
    };
    let with_server = |words: &[&str]| -> Vec<String> {
        let more = server.iter().flat_map(|server| ["--server".to_owned(), server.clone()]);
        words.iter().map(|&word| word.to_owned()).chain(more).collect()
    };
    let mut subscribers = Vec::new();
    let mut files = vec![text.to_path_buf()];
    for user in SUBSCRIBERS {
        let words =
            with_server(&["sub", "town", "--topic", "file", "--as", user, "--count", &count]);
        let file = scene.folder.join(format!("{user}.txt"));
        let mut subscriber = scene.start_into(&words, &file)?;
        subscriber.wait_for("subscribed to town/file")?;
        subscribers.push(subscriber);
        files.push(file);
    }
    let started = std::time::Instant::now();
    let words = with_server(&["pub", "town", "--topic", "file", "--as", "alice"]);
    let published = scene.start_from(&words, text)?.end()?;
    let mut arrived = Duration::ZERO;
    for subscriber in subscribers {
        subscriber.end()?;
        arrived = arrived.max(started.elapsed());
    }
    let digests = digests(&files)?;
    let counts = scene.stop_proxy()?;
    let same = digests.iter().all(|digest| *digest == digests[0]);
    if !same {
        return Err(Failure::new(format!("{loss} % loss: the digests differ: {digests:?}")));
    }
    page.file(loss, delay_ms, LINES, arrived, &published, &files, &digests, counts.as_deref());
    Ok(())
}

/// The project's own sources, cut to so many lines.
fn text(folder: &Path) -> Result<PathBuf, Failure> {
    let list = read(program_in_root(Path::new("git")).args(["ls-files", "*.rs", "*.md"]))?;
    let mut text = String::new();
    for path in list.lines() {
        text += &fs::read_to_string(root().join(path))?;
    }
    let lines: String = text.split_inclusive('\n').take(LINES).collect();
    if lines.lines().count() < LINES {
        return Err(Failure::new(format!("the sources have fewer than {LINES} lines")));
    }
    let path = folder.join("file.txt");
    fs::write(&path, lines)?;
    Ok(path)
}

fn digests(files: &[PathBuf]) -> Result<Vec<String>, Failure> {
    let printed = read(Command::new("sha256sum").args(files))?;
    Ok(printed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect())
}

/// Processor, cores, kernel and day.
fn machine() -> Result<String, Failure> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernel = read(Command::new("uname").arg("-sr"))?;
    let day = read(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    Ok(format!("{model}, {cores} cores, {}, {}", kernel.trim(), day.trim()))
}
