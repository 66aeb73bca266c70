//! Two network namespaces with a router between them, and commands inside.

use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::impairment::Impairment;
use crate::stop::Stop;

/// What a [`Lab`] runs.
#[derive(Clone, Debug)]
pub struct LabConfig {
    /// What happens to packets between the two sides.
    pub impairment: Impairment,
    /// Shell commands of the server's side, started first and ended last.
    pub servers: Vec<String>,
    /// Shell commands of the client's side, started together.
    pub clients: Vec<String>,
    /// How long the server gets to start before the clients do.
    pub settle: Duration,
}

/// Two network namespaces, the router between them, and the commands in them.
///
/// The server's side is 10.98.0.1, the client's 10.98.0.2; commands find them in the variables
/// `NETLAB_SERVER` and `NETLAB_CLIENT`. Dropping it ends the processes that it started, by their
/// ids, and deletes the namespaces. Names contain the process id, so labs can run side by side.
#[derive(Debug)]
pub struct Lab {
    namespaces: [String; 2],
    router: Child,
    /// Each leads a process group of its own.
    commands: Vec<Child>,
}

impl Lab {
    /// Builds the namespaces and starts the router as a process of its own: `router` is the
    /// program, this crate's binary. `spin` is as in [`RouterConfig`](crate::RouterConfig).
    ///
    /// # Errors
    ///
    /// What the system says; most often that this needs root.
    pub fn build(router: &Path, impairment: &Impairment, spin: Duration) -> io::Result<Self> {
        let id = std::process::id();
        let sides = ["server", "client"];
        let tuns = sides.map(|side| format!("nl{id}{}", &side[..1]));
        let mut router = Command::new(router)
            .arg("router")
            // The router calls the way from its first interface "up": from client to server.
            .args(tuns.iter().rev())
            .args(impairment.to_args())
            .args(["--with-parent", &format!("--spin-us={}", spin.as_micros())])
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let ready = first_line(&mut router);
        let namespaces = sides.map(|side| format!("netlab-{id}-{side}"));
        // Whatever fails from here on, dropping this cleans up.
        let lab = Self { namespaces, router, commands: Vec::new() };
        ready?;
        for (number, (namespace, tun)) in lab.namespaces.iter().zip(&tuns).enumerate() {
            ip(&["netns", "add", namespace])?;
            ip(&["link", "set", tun, "netns", namespace])?;
            let address = format!("10.98.0.{}/24", number + 1);
            ip(&["-n", namespace, "address", "add", &address, "dev", tun])?;
            // Without an IPv6 address the kernel sends nothing of its own, which would use up
            // chance.
            ip(&["-n", namespace, "link", "set", tun, "addrgenmode", "none"])?;
            ip(&["-n", namespace, "link", "set", tun, "mtu", "1500", "txqueuelen", "5000", "up"])?;
            ip(&["-n", namespace, "link", "set", "lo", "up"])?;
        }
        Ok(lab)
    }

    /// Runs the commands of `config` and returns once all clients have ended, or `stop` is due.
    /// Gives the exit status of each client that has ended by itself.
    ///
    /// # Errors
    ///
    /// When a command can't be started.
    pub fn run(&mut self, config: &LabConfig, stop: &Stop) -> io::Result<Vec<ExitStatus>> {
        let started = Instant::now();
        let is_due = || stop.is_due(rtm_wire::Time::ZERO + started.elapsed());
        let [server_side, client_side] = self.namespaces.clone();
        for server in &config.servers {
            self.commands.push(inside(&server_side, server)?);
        }
        if !config.servers.is_empty() {
            pause(config.settle);
        }
        let mut clients = Vec::new();
        for command in &config.clients {
            self.commands.push(inside(&client_side, command)?);
            clients.push(self.commands.len() - 1);
        }
        let mut statuses = Vec::new();
        while !clients.is_empty() && !is_due() {
            let mut running = Vec::new();
            for index in clients {
                match self.commands[index].try_wait()? {
                    Some(status) => statuses.push(status),
                    None => running.push(index),
                }
            }
            clients = running;
            pause(LOOK_INTERVAL);
        }
        Ok(statuses)
    }

    /// Ends the commands and the router, and gives what the router reports.
    ///
    /// # Errors
    ///
    /// When the router's report can't be read.
    pub fn finish(mut self) -> io::Result<String> {
        self.end_commands();
        end(&mut self.router, |pid| kill_process(pid, Signal::TERM));
        match self.router.stdout.take() {
            Some(stdout) => io::read_to_string(stdout),
            None => Ok(String::new()),
        }
    }

    fn end_commands(&mut self) {
        // Clients first: a server that goes away would be news to them.
        for command in self.commands.iter_mut().rev() {
            end(command, |pid| kill_process_group(pid, Signal::TERM));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.end_commands();
        end(&mut self.router, |pid| kill_process(pid, Signal::TERM));
        for namespace in &self.namespaces {
            // It may not have been made.
            let _ = Command::new("ip")
                .args(["netns", "delete", namespace])
                .stderr(Stdio::null())
                .status();
        }
    }
}

/// Asks a process to end; insists after a while. One that has ended is left alone, since its id
/// may be somebody else's by now.
fn end(child: &mut Child, ask: impl Fn(Pid) -> rustix::io::Result<()>) {
    let Ok(None) = child.try_wait() else { return };
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
    let _ = ask(pid);
    let patience = Instant::now() + PATIENCE;
    while Instant::now() < patience {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        pause(LOOK_INTERVAL);
    }
    // Every child here leads its own process group.
    let _ = kill_process_group(pid, Signal::KILL);
    let _ = child.wait();
}

/// Starts a shell command in a namespace. `ip` becomes the shell, so their process id is one.
fn inside(namespace: &str, command: &str) -> io::Result<Child> {
    Command::new("ip")
        .args(["netns", "exec", namespace, "sh", "-c", command])
        .env("NETLAB_SERVER", "10.98.0.1")
        .env("NETLAB_CLIENT", "10.98.0.2")
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
}

fn ip(args: &[&str]) -> io::Result<()> {
    let status = Command::new("ip").args(args).status()?;
    if status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("`ip {}` failed: {status}", args.join(" "))))
}

/// Waits for the router's first line and leaves the rest of its output to be read.
fn first_line(router: &mut Child) -> io::Result<()> {
    let stdout = router.stdout.take().expect("its output is piped");
    // The router writes nothing more until it ends, so no byte of the report gets buffered here.
    let mut reader = BufReader::new(stdout);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    router.stdout = Some(reader.into_inner());
    if line.is_empty() {
        return Err(io::Error::other("the router didn't start"));
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "this tool has nothing else to do, and no tokio")]
fn pause(span: Duration) {
    std::thread::sleep(span);
}

const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// How long a process gets to end before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);
