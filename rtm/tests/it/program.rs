//! Runs the real program.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::lab::Lab;

/// Longer than anything takes; only a program that hangs gets there.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a program has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Ended {
    /// What was printed, if all went well.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.err);
        String::from_utf8(self.out).expect("text")
    }
}

/// `rtm` with this lab's context and nothing else from the environment.
pub(crate) fn rtm(lab: &Lab, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rtm"));
    let names = [
        "RTM_SERVER",
        "RTM_APP_ID",
        "RTM_TOKEN",
        "RTM_CERTIFICATE",
        "RTM_PROTOCOL",
        "RTM_PROXY",
        "RTM_ENCRYPTION",
    ];
    for name in names {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .env("RTM_CONTEXT", lab.context_file())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs it to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    Running::start(command).end()
}

/// Runs it to its end, with this on its standard input.
pub(crate) fn run_with(command: &mut Command, input: &[u8]) -> Ended {
    let mut running = Running::start(command.stdin(Stdio::piped()));
    let mut stdin = running.child.stdin.take().expect("piped");
    let input = input.to_vec();
    let writing = std::thread::spawn(move || {
        // A program that ends early does not read all.
        let _ = stdin.write_all(&input);
    });
    let ended = running.end();
    writing.join().expect("writing does not panic");
    ended
}

/// A program that runs. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    out: mpsc::Receiver<Vec<u8>>,
    err: mpsc::Receiver<Vec<u8>>,
    seen_err: String,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let out = lines(child.stdout.take().expect("piped"));
        let err = lines(child.stderr.take().expect("piped"));
        Self { child, out, err, seen_err: String::new() }
    }

    /// Its standard input, to talk to it.
    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("piped")
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output.
    pub(crate) fn line(&mut self) -> String {
        match self.out.recv_timeout(PATIENCE) {
            Ok(line) => String::from_utf8(line).expect("text").trim_end().to_owned(),
            Err(_) => panic!("nothing was printed; standard error: {}", self.drain_err()),
        }
    }

    /// Waits for a line of standard error that contains this.
    pub(crate) fn wait_for(&mut self, text: &str) {
        assert!(self.waits_for(text), "{text:?} was not said: {}", self.seen_err);
    }

    /// Whether such a line comes before the end.
    pub(crate) fn waits_for(&mut self, text: &str) -> bool {
        while let Ok(line) = self.err.recv_timeout(PATIENCE) {
            let line = String::from_utf8_lossy(&line).into_owned();
            self.seen_err += &line;
            if line.contains(text) {
                return true;
            }
        }
        false
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        let mut out = Vec::new();
        loop {
            match self.out.recv_timeout(PATIENCE) {
                Ok(line) => out.extend(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    panic!("hangs after {} bytes: {}", out.len(), self.drain_err());
                }
            }
        }
        while let Ok(line) = self.err.recv_timeout(PATIENCE) {
            self.seen_err += &String::from_utf8_lossy(&line);
        }
        let status = self.child.wait().expect("it was ours");
        Ended { code: status.code(), out, err: std::mem::take(&mut self.seen_err) }
    }

    fn drain_err(&mut self) -> &str {
        while let Ok(line) = self.err.try_recv() {
            self.seen_err += &String::from_utf8_lossy(&line);
        }
        &self.seen_err
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a pipe gives, line by line with the newlines, as it comes.
fn lines(pipe: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            if sender.send(std::mem::take(&mut line)).is_err() {
                return;
            }
        }
    });
    lines
}
