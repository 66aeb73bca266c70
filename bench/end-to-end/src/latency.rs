//! Delay from the time at which a message was to be sent until a subscriber has it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::Failure;
use crate::clock::{Latency, histogram, now};
use crate::pace::{counts, send_at};
use crate::path::{Kind, Subscriber};
use crate::world::World;

pub(crate) fn measure(
    kind: Kind,
    count: u32,
    rate: u32,
    span: Duration,
) -> Result<Latency, Failure> {
    let (world, subscribers) = World::new(kind, count)?;
    let delays = Arc::new(Mutex::new(histogram()));
    let receiving = world.subscribing.begin(receive_all(subscribers, Arc::clone(&delays), rate));
    let runtime = world.publishing.runtime();
    let mut pending = Vec::new();
    let late = send_at(rate, span, |stamp| {
        pending.push(runtime.block_on(world.publisher.send(stamp))?);
        Ok(())
    })?;
    receiving.wait()?;
    for answer in pending {
        runtime.block_on(answer)?;
    }
    let delays = delays.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Latency { delays, late })
}

async fn receive_all(
    subscribers: Vec<Subscriber>,
    delays: Arc<Mutex<Histogram<u64>>>,
    rate: u32,
) -> Result<(), Failure> {
    let mut tasks = JoinSet::new();
    for subscriber in subscribers {
        tasks.spawn(receive(subscriber, Arc::clone(&delays), rate));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

/// All subscribers are in one thread, so nobody waits for the lock.
async fn receive(
    mut subscriber: Subscriber,
    delays: Arc<Mutex<Histogram<u64>>>,
    rate: u32,
) -> Result<(), Failure> {
    loop {
        let stamp = subscriber.recv().await?;
        let delay = now() - stamp.sent;
        if counts(stamp.index, rate) {
            delays.lock().unwrap_or_else(PoisonError::into_inner).record(delay)?;
        }
        if stamp.is_last {
            return Ok(());
        }
    }
}
