//! RTM and what it is compared with, as programs for the two ends of an impaired link.
//!
//! ```text
//!  client: Pacer ──► peer ──► impaired link ──► peer ──► Recorder :server
//!     ▲                                                     │
//!     └────────────── server.json: all has come ◄───────────┘
//! ```
//!
//! Messages carry the time at which they were to be sent, by the clock that all namespaces of a
//! machine share. The server writes `server.json` as soon as all messages have come; the client
//! waits for that file, but not for ever, and writes `client.json`.

mod bulk;
mod clock;
mod end_to_end;
mod enet;
mod framing;
mod kcp;
mod message;
mod outcome;
mod pacer;
mod quinn;
mod recorder;
mod rtm;
mod tcp;
mod work;
#[cfg(test)]
mod wss;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use rustix::process::{Signal, set_parent_process_death_signal};

/// What ends the program.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// One end of a measurement over an impaired link
#[derive(Parser)]
struct Cli {
    role: Role,
    #[command(subcommand)]
    peer: Peer,
}

/// Which end this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    Server,
    Client,
}

#[derive(Subcommand)]
enum Peer {
    /// TCP, a connection for each flow
    Tcp(tcp::Options),
    /// QUIC by quinn, one connection
    Quinn(quinn::Options),
    /// KCP, a conversation for each flow
    Kcp(kcp::Options),
    /// ENet by rusty_enet, one connection, a channel for each flow
    Enet(enet::Options),
    /// rtm-session alone
    Rtm(rtm::Options),
    /// rtm-client and rtm-server
    RtmE2e(end_to_end::Options),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Whoever has started us may be killed; nothing of a lab may stay behind.
    let bound = set_parent_process_death_signal(Some(Signal::TERM)).map_err(Failure::from);
    match bound.and_then(|()| run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("netlab-peer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    match (cli.peer, cli.role) {
        (Peer::Tcp(options), Role::Server) => tcp::serve(&options),
        (Peer::Tcp(options), Role::Client) => tcp::send(&options),
        (Peer::Quinn(options), Role::Server) => quinn::serve(&options),
        (Peer::Quinn(options), Role::Client) => quinn::send(&options),
        (Peer::Kcp(options), Role::Server) => kcp::serve(&options),
        (Peer::Kcp(options), Role::Client) => kcp::send(&options),
        (Peer::Enet(options), Role::Server) => enet::serve(&options),
        (Peer::Enet(options), Role::Client) => enet::send(&options),
        (Peer::Rtm(options), Role::Server) => rtm::serve(&options),
        (Peer::Rtm(options), Role::Client) => rtm::send(&options),
        (Peer::RtmE2e(options), Role::Server) => end_to_end::serve(&options),
        (Peer::RtmE2e(options), Role::Client) => end_to_end::send(&options),
    }
}
