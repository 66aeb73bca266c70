//! rtm-session alone, over its UDP driver.

mod client;
mod server;
mod settings;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use rtm_session::driver::{
    Clock, StreamListener, TcpConnector, Transport as _, UdpTransport, WithStreams, drive,
    seed_from_system,
};
use rtm_session::{Endpoint, StaticKey};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use self::client::{Client, Command};
use self::server::Server;
use self::settings::Settings;
use crate::Failure;
use crate::pacer::Pacer;
use crate::recorder::Recorder;
use crate::work::Work;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    work: Work,
}

pub(crate) fn serve(options: &Options) -> Result<(), Failure> {
    let recorder = Recorder::new(&options.work, true);
    recorder.watch()?;
    let runtime = runtime()?;
    runtime.block_on(serve_at(options, recorder, |_| {}))
}

/// Serves for as long as the future lives; tells where, once it does.
async fn serve_at(
    options: &Options,
    recorder: Recorder,
    tell: impl FnOnce(SocketAddr),
) -> Result<(), Failure> {
    let datagrams = UdpTransport::bind(options.work.address)?;
    let address = datagrams.local_addr()?;
    let listener = StreamListener::bind(address, STREAMS_MAX)?;
    let transport = WithStreams::server(datagrams, listener)?;
    tell(address);
    let config = options.settings.server();
    let endpoint = Endpoint::server(config, key(), seed_from_system()?);
    let (_commands, none) = mpsc::channel(1);
    drive(Server::new(endpoint, recorder), transport, none, Clock::start()).await?;
    Ok(())
}

pub(crate) fn send(options: &Options) -> Result<(), Failure> {
    let work = &options.work;
    let runtime = runtime()?;
    let pacer = Pacer::start(work, options.settings.describe(work));
    let transport = {
        let _guard = runtime.enter();
        let datagrams = UdpTransport::bind_for_one_peer(SocketAddr::from(([0; 4], 0)))?;
        WithStreams::client(Some(datagrams), Arc::new(TcpConnector::new()))
    };
    let endpoint = Endpoint::client(options.settings.client(), seed_from_system()?);
    let client = Client::new(endpoint, options, key().public(), pacer.start_time());
    let (to_client, commands) = mpsc::channel(COMMANDS_MAX);
    to_client.blocking_send(Command::Begin)?;
    std::thread::spawn(move || {
        runtime.block_on(drive(client, transport, commands, Clock::start()))
    });
    pacer.run(|outgoing| {
        // Fails when the driver has ended; the message is missing then.
        let _ = to_client.blocking_send(Command::Send(outgoing));
    })
}

fn runtime() -> Result<Runtime, Failure> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// The server's; the client knows it as well.
fn key() -> StaticKey {
    StaticKey::from_bytes([7; 32])
}

/// More than any run has on the way between two threads.
const COMMANDS_MAX: usize = 65_536;
const STREAMS_MAX: usize = 10_000;
