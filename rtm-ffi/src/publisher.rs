//! Publishing to one channel or topic, in the order of the calls.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rtm_client::{Error, MessageChannel, PendingPublish, PublishOptions, TopicPublisher};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::event::Place;
use crate::failure::Failure;
use crate::instance::{Instance, Request};
use crate::queue::Permit;

/// A channel in which nothing was published for so long needs no task.
const IDLE: Duration = Duration::from_secs(60);

/// What is asked of a publisher's task.
#[derive(Debug)]
pub(crate) enum Publish {
    Message {
        payload: Bytes,
        options: PublishOptions,
        request: Request,
        room: Permit,
    },
    /// Of a topic: after all that were asked for before.
    Leave(Request),
}

impl From<Publish> for Request {
    fn from(wish: Publish) -> Self {
        match wish {
            Publish::Message { request, .. } | Publish::Leave(request) => request,
        }
    }
}

/// Where messages go.
#[derive(Debug)]
pub(crate) enum Publisher {
    Channel(MessageChannel),
    Topic(TopicPublisher),
}

impl Publisher {
    async fn send(&self, payload: Bytes, options: PublishOptions) -> Result<PendingPublish, Error> {
        match self {
            Self::Channel(channel) => channel.send(payload, options).await,
            Self::Topic(topic) => topic.send(payload, options).await,
        }
    }
}

/// Begins the task of a publisher, and gives the way to it.
pub(crate) fn start(
    instance: &Arc<Instance>,
    place: &Place,
    publisher: Publisher,
) -> mpsc::UnboundedSender<Publish> {
    let (way, wishes) = mpsc::unbounded_channel();
    instance.spawn(run(Arc::clone(instance), place.clone(), publisher, wishes));
    way
}

async fn run(
    instance: Arc<Instance>,
    place: Place,
    publisher: Publisher,
    mut wishes: mpsc::UnboundedReceiver<Publish>,
) {
    loop {
        let wish = match &publisher {
            Publisher::Topic(_) => wishes.recv().await,
            Publisher::Channel(_) => match timeout(IDLE, wishes.recv()).await {
                Ok(wish) => wish,
                Err(_) => {
                    // Whoever asks for something does so under this lock.
                    let mut ways = instance.ways();
                    if !wishes.is_empty() {
                        continue;
                    }
                    ways.publishers.remove(&place);
                    return;
                }
            },
        };
        let Some(wish) = wish else { return };
        match wish {
            Publish::Message { payload, options, request, room } => {
                let sent = publisher.send(payload, options).await;
                instance.spawn(answer(sent, request, room));
            }
            Publish::Leave(request) => {
                let Publisher::Topic(topic) = &publisher else { continue };
                let left = topic.leave().await;
                request.end(left.map_err(Failure::from));
                return;
            }
        }
    }
}

async fn answer(sent: Result<PendingPublish, Error>, mut request: Request, room: Permit) {
    let published = match sent {
        Ok(pending) => pending.await,
        Err(error) => Err(error),
    };
    drop(room);
    request.end_with(|event| match published {
        Ok(published) => event.published(published),
        Err(error) => event.failed(error.into()),
    });
}
