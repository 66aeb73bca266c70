//! A short run over loopback.

use clap::Parser;
use rtm_session::Endpoint;
use rtm_session::driver::{Clock, UdpTransport, drive, seed_from_system};
use tokio::sync::{mpsc, oneshot};

use super::client::{Client, Command};
use super::{Options, key, runtime, serve_at};
use crate::clock::now;
use crate::recorder::Recorder;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    options: Options,
}

fn options(flags: &str) -> Options {
    let line = format!("x --address 127.0.0.1:0 --out . {flags}");
    Flags::try_parse_from(line.split_whitespace()).expect("valid flags").options
}

#[test]
fn every_message_comes_once_over_loopback() {
    for flags in [
        "--lanes ordered",
        "--lanes unordered --big 32768",
        "--sessions per-flow",
        "--flows 1 --cold",
    ] {
        check(flags);
    }
}

/// Sends all messages at once and waits until all have come.
fn check(flags: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = options(&format!("--seconds 2 --rate 10 {flags}"));
    options.work.out = folder.path().to_owned();
    let recorder = Recorder::new(&options.work, true);
    let expected = options.work.plan().len();
    let run = async {
        let (tell, told) = oneshot::channel();
        let mut here = options.work.clone();
        let serving = serve_at(&options, recorder.clone(), |address| {
            tell.send(address).expect("somebody waits for it");
        });
        let sending = async {
            here.address = told.await.expect("bound");
            let options = Options { settings: options.settings.clone(), work: here.clone() };
            let seed = seed_from_system().expect("randomness");
            let endpoint = Endpoint::client(options.settings.client(), seed);
            let client = Client::new(endpoint, &options, key().public(), 0);
            let (to_client, commands) = mpsc::channel(1_000);
            to_client.send(Command::Begin).await.expect("room");
            for planned in here.plan() {
                let outgoing = here.outgoing(planned, now());
                to_client.send(Command::Send(outgoing)).await.expect("room");
            }
            let any = "127.0.0.1:0".parse().expect("address");
            let transport = UdpTransport::bind_for_one_peer(any).expect("loopback");
            let driving = drive(client, transport, commands, Clock::start());
            tokio::select! {
                _ = driving => panic!("the client never stops"),
                () = written(folder.path().join("server.json")) => {}
            }
        };
        tokio::select! {
            _ = serving => panic!("the server never stops"),
            () = sending => {}
        }
    };
    let patience = std::time::Duration::from_secs(60);
    let ended =
        runtime().expect("a runtime").block_on(async { tokio::time::timeout(patience, run).await });
    ended.expect("all comes soon");
    let outcome = recorder.outcome();
    let arrived = outcome.small.latency_us.len() + outcome.big.latency_us.len();
    assert_eq!((arrived, outcome.duplicates), (expected, 0), "{flags}");
}

async fn written(path: std::path::PathBuf) {
    while !path.exists() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
