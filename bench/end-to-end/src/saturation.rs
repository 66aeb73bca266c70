//! As many messages a second as everybody takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rtm_client::PendingPublish;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::Failure;
use crate::busy::Busy;
use crate::clock::{Stamp, nanos, now};
use crate::path::{Kind, Publisher, Subscriber};
use crate::world::{THREADS, World};

/// Messages that the slowest subscriber may be behind: enough to keep everybody busy, and a
/// quarter of what the server queues for one before it ends the session as too slow.
const BEHIND_MAX: u64 = 8_192;
/// Messages after which the publisher looks who is behind.
const LOOK_EVERY: u64 = 256;

/// What was measured.
pub(crate) struct Rate {
    /// Messages a second, from the first `send` until the last subscriber has the last message.
    pub(crate) messages: f64,
    /// Microseconds of computing for each message, by thread.
    pub(crate) busy: [f64; THREADS.len()],
}

pub(crate) fn rate(kind: Kind, count: u32, span: Duration) -> Result<Rate, Failure> {
    let (world, subscribers) = World::new(kind, count)?;
    let received: Arc<[AtomicU64]> = subscribers.iter().map(|_| AtomicU64::new(0)).collect();
    let before = Busy::now();
    let receiving = world.subscribing.begin(receive_all(subscribers, Arc::clone(&received)));
    let (publisher, start) = (Arc::clone(&world.publisher), now());
    let sent = world.publishing.run(send_all(publisher, received, start + nanos(span)))?;
    let end = receiving.wait()?;
    let messages = sent as f64 * 1e9 / (end - start) as f64;
    Ok(Rate { messages, busy: Busy::now().since(before, sent) })
}

/// Sends until `end`, then one more that says so; gives how many were sent.
async fn send_all(
    publisher: Arc<Publisher>,
    received: Arc<[AtomicU64]>,
    end: u64,
) -> Result<u64, Failure> {
    let (pending, mut unanswered) = mpsc::unbounded_channel::<PendingPublish>();
    let answers = tokio::spawn(async move {
        while let Some(answer) = unanswered.recv().await {
            answer.await?;
        }
        Ok::<_, rtm_client::Error>(())
    });
    let mut index = 0;
    loop {
        let sent = now();
        let is_last = sent >= end;
        pending.send(publisher.send(Stamp { sent, index, is_last }).await?)?;
        index += 1;
        if is_last {
            break;
        }
        if index % LOOK_EVERY == 0 {
            while index > BEHIND_MAX + slowest(&received) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
    drop(pending);
    answers.await??;
    Ok(index)
}

fn slowest(received: &[AtomicU64]) -> u64 {
    received.iter().map(|count| count.load(Ordering::Relaxed)).min().unwrap_or_default()
}

/// Receives everything; gives when the last subscriber had the last message.
async fn receive_all(
    subscribers: Vec<Subscriber>,
    received: Arc<[AtomicU64]>,
) -> Result<u64, Failure> {
    let mut tasks = JoinSet::new();
    for (number, subscriber) in subscribers.into_iter().enumerate() {
        tasks.spawn(receive(subscriber, Arc::clone(&received), number));
    }
    let mut end = 0;
    while let Some(ended) = tasks.join_next().await {
        end = end.max(ended??);
    }
    Ok(end)
}

async fn receive(
    mut subscriber: Subscriber,
    received: Arc<[AtomicU64]>,
    number: usize,
) -> Result<u64, Failure> {
    for expected in 0.. {
        let stamp = subscriber.recv().await?;
        if stamp.index != expected {
            return Err(format!("message {} instead of {expected}", stamp.index).into());
        }
        received[number].store(expected + 1, Ordering::Relaxed);
        if stamp.is_last {
            break;
        }
    }
    Ok(now())
}
