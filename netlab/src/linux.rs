//! Commands that need Linux and root.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use netlab::{Impairment, Lab, LabConfig, Router, RouterConfig, Stop};

use crate::{WAITING_MAX, say};

#[derive(Subcommand)]
pub(crate) enum Tool {
    /// Pass IP packets between two TUN interfaces that it creates, impaired both ways (root)
    ///
    /// The first line of output says that the interfaces are there; counts and lateness follow at
    /// the end, that is after --seconds or on SIGINT or SIGTERM.
    Router {
        /// Name of the first interface
        first: String,
        /// Name of the second interface
        second: String,
        /// How long before a due time to spin instead of sleep, given real-time priority
        #[arg(long, default_value_t = 200)]
        spin_us: u64,
        /// End after this time
        #[arg(long)]
        seconds: Option<u64>,
        /// End when the process that has started this one ends
        #[arg(long)]
        with_parent: bool,
        #[command(flatten)]
        impairment: Impairment,
    },
    /// Run commands on two sides of an impaired network (root)
    ///
    /// The sides are network namespaces: the server's is 10.98.0.1, the client's 10.98.0.2, also
    /// in the variables NETLAB_SERVER and NETLAB_CLIENT. Ends when the clients have ended, with
    /// the first failure's exit code, and prints the router's report to standard error.
    Run {
        /// Shell command of the server's side, ended when the clients have ended; may be given
        /// several times
        #[arg(long = "server")]
        servers: Vec<String>,
        /// Shell command of the client's side; may be given several times
        #[arg(long = "client", required = true)]
        clients: Vec<String>,
        /// How long the server gets to start before the clients do
        #[arg(long, default_value_t = 500)]
        settle_ms: u64,
        /// End after this time, also when clients still run
        #[arg(long)]
        seconds: Option<u64>,
        /// As with `router`
        #[arg(long, default_value_t = 200)]
        spin_us: u64,
        /// End, with all that was started, when the process that has started this one ends
        #[arg(long)]
        with_parent: bool,
        #[command(flatten)]
        impairment: Impairment,
    },
}

pub(crate) fn run(tool: Tool) -> io::Result<ExitCode> {
    match tool {
        Tool::Router { first, second, spin_us, seconds, with_parent, impairment } => {
            bind_to_parent(with_parent)?;
            let stop = Stop::on_signal(seconds.map(Duration::from_secs))?;
            let router = Router::open(&RouterConfig {
                interfaces: [first.clone(), second.clone()],
                impairment,
                waiting_max: WAITING_MAX,
                spin: Duration::from_micros(spin_us),
            })?;
            let priority = if router.is_realtime() { "real-time" } else { "ordinary" };
            say(&format_args!("{first} {second} {priority} priority"))?;
            say(&router.run(&stop)?)?;
            Ok(ExitCode::SUCCESS)
        }
        Tool::Run { servers, clients, settle_ms, seconds, spin_us, with_parent, impairment } => {
            bind_to_parent(with_parent)?;
            let stop = Stop::on_signal(seconds.map(Duration::from_secs))?;
            let settle = Duration::from_millis(settle_ms);
            let config = LabConfig { impairment, servers, clients, settle };
            let spin = Duration::from_micros(spin_us);
            let mut lab = Lab::build(&std::env::current_exe()?, &config.impairment, spin)?;
            let statuses = lab.run(&config, &stop)?;
            eprint!("{}", lab.finish()?);
            if statuses.len() < config.clients.len() {
                return Err(io::Error::other("stopped before all clients had ended"));
            }
            let failure = statuses.iter().find(|status| !status.success());
            let code = failure.map_or(0, |status| status.code().unwrap_or(1));
            Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
        }
    }
}

/// Has the system send SIGTERM when the parent ends, however it does.
fn bind_to_parent(wanted: bool) -> io::Result<()> {
    if wanted {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
    }
    Ok(())
}
