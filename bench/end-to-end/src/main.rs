//! Rates and latencies of RTM from publisher to subscriber over loopback, beside plain UDP.
//!
//! ```text
//!   publisher's thread ──► server's thread ──► subscribers' thread
//!   (a client)             (rtm-server)        (clients, one or a hundred)
//! ```
//!
//! Each thread has a tokio runtime of its own. Every row has a server of its own.

mod busy;
mod clock;
mod echo;
mod host;
mod latency;
mod machine;
mod pace;
mod path;
mod saturation;
mod world;
mod writes;

use std::error::Error;
use std::time::Duration;

use clap::Parser;
use rtm_server::StoreKind;

use crate::path::Kind;
use crate::saturation::Rate;
use crate::world::THREADS;
use crate::writes::Writes;

/// Bytes of each message and of each datagram of the echo.
pub(crate) const PAYLOAD_LEN: usize = 64;
/// Fixed rate with one subscriber, in messages a second.
const RATE_ONE: u32 = 1_000;
/// Fixed rate with many, in messages a second.
const RATE_MANY: u32 = 100;

/// What ends the program.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

#[derive(Debug, Parser)]
#[command(about = "Rates and latencies of RTM over loopback, beside plain UDP, as Markdown")]
struct Options {
    /// Length of each measurement.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Subscribers of the rows with many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    subscribers: u32,
    /// Only the rows whose names contain this, for profiling: "rate, message channel, many".
    #[arg(long, default_value = "")]
    only: String,
}

fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let span = Duration::from_secs(options.seconds);
    let is_wanted = |name: &str| name.contains(&options.only);
    machine::print();
    let [publisher, server, subscribers] = THREADS;
    print!(
        "| rate | messages/s | deliveries/s | µs of computing a message: {publisher} | {server} "
    );
    println!("| {subscribers} |\n|---|---:|---:|---:|---:|---:|");
    if is_wanted("rate, echo") {
        let rate = echo::rate(span)?;
        println!("| UDP echo, {} in flight | {rate:.0} | {rate:.0} | – | – | – |", echo::IN_FLIGHT);
    }
    let rows = [Kind::MessageChannel, Kind::OrderedTopic]
        .into_iter()
        .flat_map(|kind| [1, options.subscribers].map(|subscribers| (kind, subscribers)));
    for (kind, subscribers) in rows.clone() {
        let (name, few) = (format!("{kind}, 1 → {subscribers}"), few(subscribers));
        if is_wanted(&format!("rate, {kind}, {few}")) {
            let Rate { messages, busy } = saturation::rate(kind, subscribers, span)?;
            let deliveries = messages * f64::from(subscribers);
            let busy = busy.map(|micros| format!("{micros:.1}")).join(" | ");
            println!("| {name} | {messages:.0} | {deliveries:.0} | {busy} |");
        }
    }
    println!("\n| latency, µs | p50 | p99 | p99.9 | largest | late sends, p99 |");
    println!("|---|---:|---:|---:|---:|---:|");
    if is_wanted("latency, echo, 1 in flight") {
        println!("| UDP echo, 1 in flight | {} |", echo::latency(span)?);
    }
    if is_wanted("latency, echo, fixed rate") {
        println!("| UDP echo, {RATE_ONE}/s | {} |", echo::latency_at(RATE_ONE, span)?);
    }
    for (kind, subscribers) in rows {
        let rate = if subscribers == 1 { RATE_ONE } else { RATE_MANY };
        let (name, few) = (format!("{kind}, 1 → {subscribers}"), few(subscribers));
        if is_wanted(&format!("latency, {kind}, {few}")) {
            let latency = latency::measure(kind, subscribers, rate, span)?;
            println!("| {name}, {rate}/s | {latency} |");
        }
    }
    println!("\n| metadata, 64 bytes | writes/s | p50 | p99 | p99.9 | largest | |");
    println!("|---|---:|---:|---:|---:|---:|---|");
    for (store, name) in [(StoreKind::Memory, "memory"), (StoreKind::Disk, "disk")] {
        for writers in [1, 16, 128] {
            if is_wanted(&format!("writes, {name}, {writers}")) {
                let Writes { rate, latency } = writes::measure(store, writers, span)?;
                println!("| store in {name}, {writers} writers | {rate:.0} | {latency} |");
            }
        }
    }
    println!("\nLoad average at the end: {}", machine::load());
    Ok(())
}

/// Names of rows don't depend on the number.
const fn few(subscribers: u32) -> &'static str {
    if subscribers == 1 { "one" } else { "many" }
}
