//! Runs the real program in folders of its own.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Longer than anything takes; only a server that hangs gets there.
const PATIENCE: Duration = Duration::from_secs(60);

/// Folders for one test's server.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn context(&self) -> PathBuf {
        self.path("context.json")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rtm-server"));
        command
            .args(arguments)
            .arg("--data-dir")
            .arg(self.data())
            .env("RTM_CONTEXT", self.context())
            .env_remove("RTM_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// A server that is ready, on any free port.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut all = vec!["--listen", "127.0.0.1:0"];
        all.extend(arguments);
        let child = self.command(&all).spawn().expect("the program starts");
        let mut running = Running { child, greeting: Vec::new() };
        let lines = lines_of(running.child.stdout.take().expect("piped"));
        while let Ok(line) = lines.recv_timeout(PATIENCE) {
            if line == "ready" {
                return running;
            }
            running.greeting.push(line);
        }
        let _ = running.child.kill();
        let log = rest(running.child.stderr.take());
        panic!("the server did not get ready: {:?} {log}", running.greeting);
    }

    /// What a server says that does not start: its exit code and standard error.
    pub(crate) fn fail(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let child = self.command(arguments).spawn().expect("the program starts");
        let mut running = Running { child, greeting: Vec::new() };
        let stdout = lines_of(running.child.stdout.take().expect("piped"));
        // Its end, or a line that it should not print.
        if let Ok(line) = stdout.recv_timeout(PATIENCE) {
            panic!("{arguments:?} should fail, and the server says {line:?}");
        }
        let log = rest(running.child.stderr.take());
        let status = running.child.wait().expect("it was ours");
        (status.code(), log)
    }
}

/// A server that serves.
pub(crate) struct Running {
    child: Child,
    greeting: Vec<String>,
}

impl Running {
    /// The value behind a word of the greeting.
    pub(crate) fn said(&self, word: &str) -> String {
        let line = self.greeting.iter().find(|line| line.starts_with(word));
        let line = line.unwrap_or_else(|| panic!("no {word} in {:?}", self.greeting));
        line[word.len()..].trim().to_owned()
    }

    /// Ends it by a signal; how it ended, and all that it logged.
    #[cfg(unix)]
    pub(crate) fn end(mut self, signal: &str) -> (ExitStatus, String) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status().expect("kill runs");
        assert!(sent.success());
        let log = rest(self.child.stderr.take());
        let status = self.child.wait().expect("it was ours");
        (status, log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that has failed leaves nothing behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines that a program prints, as they come.
fn lines_of(stdout: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn rest(pipe: Option<impl Read>) -> String {
    let mut text = String::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_string(&mut text).expect("text");
    }
    text
}

pub(crate) fn mode(path: &Path) -> u32 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).expect("there").permissions().mode() & 0o777
    }
    #[cfg(not(unix))]
    0o600
}
