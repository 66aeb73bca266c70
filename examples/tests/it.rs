//! The examples, as processes, at a real server.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rtm_server::{Access, DataDir, OwnApp, Server, ServerHandle, Settings, own_app};
use rtm_token::{Service, Token};

/// Longer than anything takes; only a program that hangs gets there.
const PATIENCE: Duration = Duration::from_secs(60);

struct Lab {
    _folder: tempfile::TempDir,
    app: OwnApp,
    server: String,
    handle: ServerHandle,
    serving: Option<std::thread::JoinHandle<()>>,
}

impl Lab {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataDir::open(folder.path()).expect("opened");
        let app = own_app(&data).expect("made");
        let mut access = Access::new();
        app.add_to(&mut access);
        let file = folder.path().join("rtm-server.toml");
        std::fs::write(&file, "").expect("written");
        let mut settings = Settings::read(&file).expect("good settings");
        settings.listen = Some("127.0.0.1:0".parse().expect("an address"));
        let (teller, told) = mpsc::channel();
        let serving = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let server = Server::bind(&settings, false, access, &data).expect("bound");
                let told = (server.connection_string(), server.handle());
                teller.send(told).expect("somebody waits");
                server.run(std::future::pending()).await.expect("it ends in order");
            });
        });
        let (server, handle) = told.recv().expect("it serves");
        Self { _folder: folder, app, server, handle, serving: Some(serving) }
    }

    fn token(&self, user: &str) -> String {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let token = Token {
            app_id: self.app.id.clone(),
            issued_at: u32::try_from(now.expect("after 1970").as_secs()).expect("before 2106"),
            expires_in: 600,
            salt: 1,
            services: vec![Service::rtm(user, 600), Service::rtc("town", user, 600)],
        };
        token.sign(&self.app.certificate)
    }

    /// Starts an example, and waits until it says this.
    fn start(&self, program: &str, user: &str, until: &str) -> Running {
        let mut child = Command::new(program)
            .args([&self.server, self.app.id.as_str(), user, &self.token(user)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let input = child.stdin.take();
        let out = lines(child.stdout.take().expect("piped"));
        let err = lines(child.stderr.take().expect("piped"));
        let running = Running { child, input, out, err };
        wait(&running.err, until);
        running
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(self.handle.shut_down());
        if let Some(serving) = self.serving.take() {
            serving.join().expect("it has not panicked");
        }
    }
}

struct Running {
    child: Child,
    input: Option<ChildStdin>,
    out: mpsc::Receiver<String>,
    err: mpsc::Receiver<String>,
}

impl Running {
    fn type_in(&mut self, line: &str) {
        let input = self.input.as_mut().expect("not closed");
        writeln!(input, "{line}").expect("it reads");
    }

    fn prints(&self, line: &str) {
        wait(&self.out, line);
    }

    /// The input ends, and so does the program; what it still printed.
    fn end(mut self) -> Vec<String> {
        self.input = None;
        let printed = self.out.iter().collect();
        let said: Vec<_> = self.err.iter().collect();
        assert!(self.child.wait().expect("it ends").success(), "{said:?}");
        printed
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
    }
}

fn lines(from: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (teller, told) = mpsc::channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(from).lines().map_while(Result::ok);
        lines.map_while(|line| teller.send(line).ok()).for_each(drop);
    });
    told
}

#[track_caller]
fn wait(lines: &mpsc::Receiver<String>, wanted: &str) {
    let mut seen = Vec::new();
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) if line == wanted => return,
            Ok(line) => seen.push(line),
            Err(error) => panic!("{wanted:?} was not said, but {seen:?} ({error})"),
        }
    }
}

#[test]
fn chat() {
    let lab = Lab::new();
    let program = env!("CARGO_BIN_EXE_chat");
    let mut alice = lab.start(program, "alice", "you are alice in the lobby");
    let mut bob = lab.start(program, "bob", "you are bob in the lobby");
    alice.type_in("hello");
    bob.prints("alice: hello");
    bob.type_in("hello yourself");
    alice.prints("alice: hello");
    alice.prints("bob: hello yourself");
    assert_eq!(alice.end(), [""; 0]);
    assert_eq!(bob.end(), ["bob: hello yourself"]);
}

#[test]
fn positions() {
    let lab = Lab::new();
    let program = env!("CARGO_BIN_EXE_positions");
    let alice = lab.start(program, "alice", "you are alice in the town");
    let bob = lab.start(program, "bob", "you are bob in the town");
    alice.prints("bob is at 100 50");
    bob.prints("alice is at 100 50");
    // Who comes later sees at once where those stand who don't move any more.
    let carol = lab.start(program, "carol", "you are carol in the town");
    let seen = (0..2).map(|_| carol.out.recv_timeout(PATIENCE).expect("a position"));
    let mut seen: Vec<_> = seen.collect();
    seen.sort();
    assert_eq!(seen, ["alice is at 100 50", "bob is at 100 50"]);
    for running in [alice, bob, carol] {
        running.end();
    }
}

#[test]
fn whiteboard() {
    let lab = Lab::new();
    let program = env!("CARGO_BIN_EXE_whiteboard");
    let mut alice = lab.start(program, "alice", "you are alice at the board");
    let mut bob = lab.start(program, "bob", "you are bob at the board");
    alice.type_in("line a house");
    for running in [&alice, &bob] {
        running.prints("alice drew a house");
    }
    bob.type_in("pen 3 4");
    alice.prints("the pen of bob is at 3 4");
    bob.type_in("line a tree");
    alice.prints("bob drew a tree");
    // Who comes later sees all of it.
    let carol = lab.start(program, "carol", "you are carol at the board");
    let seen = (0..3).map(|_| carol.out.recv_timeout(PATIENCE).expect("something is there"));
    let mut seen: Vec<_> = seen.collect();
    seen.sort();
    assert_eq!(seen, ["alice drew a house", "bob drew a tree", "the pen of bob is at 3 4"]);
    bob.type_in("wipe");
    for running in [&alice, &bob, &carol] {
        running.prints("the board is empty");
    }
    alice.type_in("draw");
    wait(&alice.err, "pen X Y, line TEXT, or wipe");
    for running in [alice, bob, carol] {
        running.end();
    }
}
