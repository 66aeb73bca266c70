//! The programs of demo and trial: a server, perhaps a proxy, and people.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::failure::Failure;
use crate::process::{root, target_folder};

/// Longer than anything of the demo takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// A development server and its context file.
pub(crate) struct Scene {
    pub(crate) folder: PathBuf,
    pub(crate) greeting: Vec<String>,
    programs: Programs,
    server: Actor,
    proxy: Option<Actor>,
}

/// The programs that play: where they are, and what runs them.
#[derive(Clone)]
pub(crate) struct Programs {
    pub(crate) folder: PathBuf,
    /// A program with its words, for those of other machines; empty for this one's.
    pub(crate) runner: Vec<String>,
}

impl Programs {
    /// What `cargo build --release` has built.
    pub(crate) fn released() -> Self {
        Self { folder: root().join(target_folder()).join("release"), runner: Vec::new() }
    }

    fn start(&self, name: &str) -> Command {
        let program = self.folder.join(name);
        match self.runner.split_first() {
            None => Command::new(program),
            Some((runner, words)) => {
                let mut command = Command::new(runner);
                command.args(words).arg(program);
                command
            }
        }
    }
}

impl Scene {
    pub(crate) fn new(folder: &Path, programs: Programs) -> Result<Self, Failure> {
        // Relative to where the target folder is, if that is relative.
        let folder = root().join(folder);
        let mut server = serve(&programs, &folder, "127.0.0.1:0")?;
        // On the standard error, which may be read later than what comes after it.
        let is_warning = |line: &String| line.starts_with("***");
        if !server.seen.iter().any(is_warning) {
            server.wait_for("***")?;
        }
        let mut greeting = server.seen.clone();
        greeting.retain(|line| !line.is_empty());
        greeting.sort_by_key(|line| !is_warning(line));
        Ok(Self { folder, greeting, programs, server, proxy: None })
    }

    /// SIGKILL for the server, which comes back at the same place, in the same folder.
    pub(crate) fn kill_server(&mut self) -> Result<(), Failure> {
        let (place, _) = self.place()?;
        let place = place.to_owned();
        self.server.kill()?;
        self.server = serve(&self.programs, &self.folder, &place)?;
        Ok(())
    }

    /// Address and key of the server.
    fn place(&self) -> Result<(&str, &str), Failure> {
        let connect = self.greeting.iter().find_map(|line| line.strip_prefix("connect"));
        let connect = connect.map(str::trim).and_then(|text| text.strip_prefix("rtm://"));
        connect
            .and_then(|text| text.split_once('?'))
            .ok_or_else(|| Failure::new("the server printed no connection string"))
    }

    /// A lossy proxy before the server; its connection string.
    pub(crate) fn proxy(&mut self, words: &[&str]) -> Result<String, Failure> {
        let (place, key) = self.place()?;
        let key = key.to_owned();
        let mut command = self.programs.start("netlab");
        command.args(["proxy", "--to", place]).args(words);
        let mut proxy = Actor::start(command.stdout(Stdio::piped()))?;
        let listens = proxy.next()?;
        self.proxy = Some(proxy);
        Ok(format!("rtm://{listens}?{key}"))
    }

    /// What the proxy has counted, if there was one.
    pub(crate) fn stop_proxy(&mut self) -> Result<Option<Vec<String>>, Failure> {
        let Some(proxy) = self.proxy.take() else { return Ok(None) };
        proxy.signal("TERM")?;
        let seen = proxy.end()?;
        Ok(Some(seen.into_iter().skip(1).collect()))
    }

    /// Runs `rtm`; all that it prints is kept.
    pub(crate) fn start(&self, words: &[&str]) -> Result<Actor, Failure> {
        Actor::start(self.rtm(words).stdin(Stdio::piped()).stdout(Stdio::piped()))
    }

    /// Runs `rtm` with a file as its input.
    pub(crate) fn start_from(&self, words: &[String], input: &Path) -> Result<Actor, Failure> {
        Actor::start(self.rtm(words).stdin(File::open(input)?).stdout(Stdio::piped()))
    }

    /// Runs `rtm` with its output into a file.
    pub(crate) fn start_into(&self, words: &[String], output: &Path) -> Result<Actor, Failure> {
        Actor::start(self.rtm(words).stdin(Stdio::null()).stdout(File::create(output)?))
    }

    fn rtm<S: AsRef<std::ffi::OsStr>>(&self, words: &[S]) -> Command {
        let mut command = self.programs.start("rtm");
        command.args(words).env("RTM_CONTEXT", self.folder.join("context.json"));
        for name in ["RTM_SERVER", "RTM_APP_ID", "RTM_TOKEN", "RTM_CERTIFICATE"] {
            command.env_remove(name);
        }
        command
    }
}

/// A development server that is ready.
fn serve(programs: &Programs, folder: &Path, listen: &str) -> Result<Actor, Failure> {
    let mut command = programs.start("rtm-server");
    command.args(["--dev", "--listen", listen, "--data-dir"]).arg(folder.join("data"));
    command.env("RTM_CONTEXT", folder.join("context.json"));
    let mut server = Actor::start(command.stdout(Stdio::piped()))?;
    server.wait_for("ready")?;
    Ok(server)
}

/// A program that runs, and what it has printed so far: both streams, in the order of arrival.
/// Killed when dropped.
pub(crate) struct Actor {
    child: Child,
    lines: mpsc::Receiver<String>,
    seen: Vec<String>,
}

impl Actor {
    /// Ends it without a word.
    fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    fn start(command: &mut Command) -> Result<Self, Failure> {
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let (sender, lines) = mpsc::channel();
        let out = child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>);
        let err = child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>);
        for pipe in [out, err].into_iter().flatten() {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { child, lines, seen: Vec::new() })
    }

    /// Types a line.
    pub(crate) fn say(&mut self, text: &str) -> Result<(), Failure> {
        let stdin = self.child.stdin.as_mut().ok_or_else(|| Failure::new("no standard input"))?;
        writeln!(stdin, "{text}")?;
        // As a terminal would show it.
        self.seen.push(text.to_owned());
        Ok(())
    }

    /// Sends it a signal: `STOP`, `CONT`, `INT`.
    pub(crate) fn signal(&self, name: &str) -> Result<(), Failure> {
        let id = self.child.id().to_string();
        match Command::new("kill").args(["-s", name, &id]).status()?.success() {
            true => Ok(()),
            false => Err(Failure::new(format!("process {id} takes no signal {name}"))),
        }
    }

    /// Waits for a line that contains this.
    pub(crate) fn wait_for(&mut self, text: &str) -> Result<(), Failure> {
        while !self.next()?.contains(text) {}
        Ok(())
    }

    /// Waits for the end; all lines.
    pub(crate) fn end(self) -> Result<Vec<String>, Failure> {
        self.end_as(Some(true))
    }

    /// Waits for the end, which is to be a failure; all lines.
    pub(crate) fn end_badly(self) -> Result<Vec<String>, Failure> {
        self.end_as(Some(false))
    }

    /// Waits for the end, whichever it is; all lines.
    pub(crate) fn end_anyhow(self) -> Result<Vec<String>, Failure> {
        self.end_as(None)
    }

    fn end_as(mut self, expected: Option<bool>) -> Result<Vec<String>, Failure> {
        drop(self.child.stdin.take());
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.seen.push(line);
        }
        let status = self.child.wait()?;
        if expected.is_some_and(|expected| status.success() != expected) {
            return Err(Failure::new(format!("ended with {status}: {:?}", self.seen)));
        }
        Ok(std::mem::take(&mut self.seen))
    }

    fn next(&mut self) -> Result<String, Failure> {
        let line = self.lines.recv_timeout(PATIENCE);
        let line = line.map_err(|_| Failure::new(format!("nothing more after {:?}", self.seen)))?;
        self.seen.push(line.clone());
        Ok(line)
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
