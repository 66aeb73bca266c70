//! What is received: subscriptions and memberships, for as long as they last.

use std::sync::Arc;

use rtm_client::{MessageSubscription, StreamEvent, StreamEvents, TopicSubscription};
use tokio::sync::mpsc;

use crate::abi;
use crate::event::{Event, Place};
use crate::failure::Failure;
use crate::instance::{Instance, Request};

/// Asks a topic's task to unsubscribe.
#[derive(Debug)]
pub(crate) struct Unsubscribe(pub(crate) Request);

impl From<Unsubscribe> for Request {
    fn from(Unsubscribe(request): Unsubscribe) -> Self {
        request
    }
}

/// Messages of a channel, until it is unsubscribed.
pub(crate) fn pump_channel(
    instance: &Arc<Instance>,
    place: Place,
    mut messages: MessageSubscription,
) {
    let owner = Arc::clone(instance);
    instance.spawn(async move {
        // A place first, so that what nobody polls stays where it is counted.
        while let Some(permit) = owner.queue.place().await {
            let Some(event) = messages.recv().await else { return };
            if let Some(event) = Event::from_channel(&place, event) {
                owner.push(event, permit);
            }
        }
    });
}

/// News of a stream channel, until it is left.
pub(crate) fn pump_stream(instance: &Arc<Instance>, place: Place, mut news: StreamEvents) {
    let owner = Arc::clone(instance);
    instance.spawn(async move {
        while let Some(event) = news.recv().await {
            match event {
                StreamEvent::Snapshot(all) => {
                    for one in &all {
                        let kind = abi::RTM_EVENT_PUBLISHER_JOINED;
                        owner.tell(Event::publication(kind, &place, one)).await;
                    }
                }
                StreamEvent::PublisherJoined(one) => {
                    let kind = abi::RTM_EVENT_PUBLISHER_JOINED;
                    owner.tell(Event::publication(kind, &place, &one)).await;
                }
                StreamEvent::PublisherLeft { topic, publisher, .. } => {
                    let event = Event::of(abi::RTM_EVENT_PUBLISHER_LEFT, &place);
                    let mut event = event.about(&publisher);
                    event.topic = topic;
                    owner.tell(event).await;
                }
                StreamEvent::Lagged(missed) => {
                    let event = Event::of(abi::RTM_EVENT_LAGGED, &place);
                    owner.tell(event.counted(Some(missed))).await;
                }
                StreamEvent::Ended(error) => {
                    let event = Event::of(abi::RTM_EVENT_ENDED, &place);
                    owner.tell(event.failed(error.into())).await;
                }
                _ => {}
            }
        }
    });
}

/// Messages of a topic, until it is unsubscribed.
pub(crate) fn pump_topic(instance: &Arc<Instance>, place: Place, mut messages: TopicSubscription) {
    let (way, mut wishes) = mpsc::unbounded_channel::<Unsubscribe>();
    instance.ways().topics.insert(place.clone(), way);
    let owner = Arc::clone(instance);
    instance.spawn(async move {
        loop {
            let received = tokio::select! {
                received = async {
                    let permit = owner.queue.place().await?;
                    Some((messages.recv().await?, permit))
                } => received,
                wish = wishes.recv() => {
                    let ended = messages.unsubscribe().await;
                    if let Some(Unsubscribe(request)) = wish {
                        request.end(ended.map_err(Failure::from));
                    }
                    return;
                }
            };
            let Some((event, permit)) = received else { return };
            if let Some(event) = Event::from_topic(&place, event) {
                owner.push(event, permit);
            }
        }
    });
}
