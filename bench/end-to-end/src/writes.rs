//! Metadata that is written as fast as it is answered: what the disk costs.

use std::time::Duration;

use rtm_client::{MetadataItem, MetadataOptions, RtmClient};
use rtm_server::{DataDir, StoreKind};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::Failure;
use crate::clock::{Latency, histogram, nanos, now};
use crate::host::Host;
use crate::world::{client, serve};

/// What was measured.
pub(crate) struct Writes {
    /// Answers a second, to all writers together.
    pub(crate) rate: f64,
    /// From the call to its answer.
    pub(crate) latency: Latency,
}

/// Each writer writes the metadata of its own user, 64 bytes, again as soon as it is answered.
pub(crate) fn measure(store: StoreKind, writers: u32, span: Duration) -> Result<Writes, Failure> {
    let folder = TempDir::new()?;
    let (serving, writing) = (Host::start("server")?, Host::start("writers")?);
    let data = DataDir::open(folder.path())?;
    let address = serving.run(async move { serve(&data, store) })?;
    writing.run(async move {
        let mut clients = Vec::new();
        for number in 0..writers {
            clients.push(client(&address, &format!("writer-{number}")).await?);
        }
        let (start, mut tasks) = (now(), JoinSet::new());
        let end = start + nanos(span);
        for client in clients {
            tasks.spawn(write(client, end));
        }
        let (mut delays, mut count) = (histogram(), 0);
        while let Some(ended) = tasks.join_next().await {
            for delay in ended?? {
                delays.saturating_record(delay);
                count += 1;
            }
        }
        let rate = f64::from(count) * 1e9 / (now() - start) as f64;
        Ok(Writes { rate, latency: Latency { delays, late: histogram() } })
    })
}

/// Nanoseconds that each answer took.
async fn write(client: RtmClient, end: u64) -> Result<Vec<u64>, Failure> {
    let storage = client.storage();
    let mut delays = Vec::new();
    loop {
        let begin = now();
        if begin >= end {
            return Ok(delays);
        }
        let items = [MetadataItem::new("state", vec![7; crate::PAYLOAD_LEN])];
        storage.set_user_metadata(None, items, MetadataOptions::new()).await?;
        delays.push(now() - begin);
    }
}
