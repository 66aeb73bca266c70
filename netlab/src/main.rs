//! The command line of netlab.

#[cfg(target_os = "linux")]
mod linux;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use netlab::{Impairment, Proxy, ProxyConfig, Stop};

/// Impairs real networks for tests: loss, bursts, delay, jitter, reordering, bandwidth
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Tool,
}

#[derive(Subcommand)]
enum Tool {
    /// Pass UDP datagrams to a server and back, impaired both ways (no root needed)
    ///
    /// The first line of output is the address to send to; counts follow at the end, that is after
    /// --seconds or on SIGINT or SIGTERM.
    Proxy {
        /// Where clients send to; port 0 takes any
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// The server
        #[arg(long)]
        to: SocketAddr,
        /// End after this time
        #[arg(long)]
        seconds: Option<u64>,
        /// How many clients are served
        #[arg(long, default_value_t = 256)]
        clients_max: usize,
        #[command(flatten)]
        impairment: Impairment,
    },
    #[cfg(target_os = "linux")]
    #[command(flatten)]
    Linux(linux::Tool),
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("netlab: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(tool: Tool) -> io::Result<ExitCode> {
    match tool {
        Tool::Proxy { listen, to, seconds, clients_max, impairment } => {
            let stop = Stop::on_signal(seconds.map(Duration::from_secs))?;
            let proxy = Proxy::bind(ProxyConfig {
                listen,
                to,
                impairment,
                clients_max,
                waiting_max: WAITING_MAX,
            })?;
            say(&proxy.local_addr()?)?;
            say(&proxy.run(&stop)?)?;
            Ok(ExitCode::SUCCESS)
        }
        #[cfg(target_os = "linux")]
        Tool::Linux(tool) => linux::run(tool),
    }
}

/// Prints at once: whoever reads may be waiting for this line.
fn say(line: &dyn std::fmt::Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// 100,000 packets of 1,500 bytes are 150 MB, and a second of delay at 1.2 Gbit/s.
const WAITING_MAX: usize = 100_000;
