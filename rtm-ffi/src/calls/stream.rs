//! Stream channels and their topics.

use std::sync::Arc;

use bytes::Bytes;
use rtm_client::{JoinOptions, Priority, Publishers, Qos, SubscribeOptions, TopicOptions};
use tokio::sync::mpsc::UnboundedSender;

use crate::abi::{self, RTM_OK, RtmBytes, RtmClient, RtmPublishOptions};
use crate::arguments::{self, PAYLOAD_MAX, text};
use crate::calls::ask;
use crate::calls::message::publish_options;
use crate::clients;
use crate::event::{Event, Place};
use crate::failure::{Failure, guard};
use crate::instance::Request;
use crate::publisher::{self, Publish, Publisher};
use crate::pumps::{self, Unsubscribe};

/// Publishers that one call may name.
const USERS_MAX: usize = 1_024;

/// Joins a stream channel, with this token or, if it is empty, with the login's.
///
/// # Safety
/// `channel` and `token` are readable; `request` is null, or a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_channel_join(
    client: RtmClient,
    channel: RtmBytes,
    token: RtmBytes,
    request: *mut u64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promises, here and below.
        let place = Place::stream(unsafe { text("channel", channel) }?);
        let token = unsafe { text("token", token) }?.to_owned();
        let instance = clients::get(client)?;
        let channel = instance.client.stream_channel(&place.channel)?;
        let operation = abi::RTM_OPERATION_CHANNEL_JOIN;
        let request = unsafe { ask(&instance, request, operation, Some(&place)) }?;
        // Programs in C have no events of presence yet.
        let quiet = SubscribeOptions::new().presence(false);
        let options = JoinOptions::new().token(token).options(quiet);
        let wish = async move { channel.join(options).await };
        request.run(wish, |owner, news| pumps::pump_stream(owner, place, news));
        Ok(RTM_OK)
    })
}

/// Leaves a stream channel, with all its topics.
///
/// # Safety
/// `channel` is readable; `request` is null, or a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_channel_leave(
    client: RtmClient,
    channel: RtmBytes,
    request: *mut u64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promises, here and below.
        let place = Place::stream(unsafe { text("channel", channel) }?);
        let instance = clients::get(client)?;
        let channel = instance.client.stream_channel(&place.channel)?;
        let operation = abi::RTM_OPERATION_CHANNEL_LEAVE;
        let request = unsafe { ask(&instance, request, operation, Some(&place)) }?;
        request.run(async move { channel.leave().await }, |_, ()| {});
        Ok(RTM_OK)
    })
}

/// Joins a topic, so as to publish in it: `RTM_QOS_…`, `RTM_PRIORITY_…`.
///
/// # Safety
/// `channel` and `topic` are readable; `request` is null, or a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_topic_join(
    client: RtmClient,
    channel: RtmBytes,
    topic: RtmBytes,
    qos: u32,
    priority: u32,
    request: *mut u64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promises, here and below.
        let place = unsafe { topic_place(channel, topic) }?;
        let qos = match qos {
            abi::RTM_QOS_UNORDERED => Qos::Unordered,
            abi::RTM_QOS_ORDERED => Qos::Ordered,
            other => {
                return Err(Failure::argument("qos", format!("is {other}, not one of RTM_QOS_…")));
            }
        };
        let priority = match priority {
            abi::RTM_PRIORITY_HIGHEST => Priority::Highest,
            abi::RTM_PRIORITY_HIGH => Priority::High,
            abi::RTM_PRIORITY_NORMAL => Priority::Normal,
            abi::RTM_PRIORITY_LOW => Priority::Low,
            other => {
                let wrong = format!("is {other}, not one of RTM_PRIORITY_…");
                return Err(Failure::argument("priority", wrong));
            }
        };
        let instance = clients::get(client)?;
        let channel = instance.client.stream_channel(&place.channel)?;
        let operation = abi::RTM_OPERATION_TOPIC_JOIN;
        let request = unsafe { ask(&instance, request, operation, Some(&place)) }?;
        let (name, options) =
            (place.topic.clone(), TopicOptions::new().qos(qos).priority(priority));
        let wish = async move { channel.join_topic(&name, options).await };
        request.run(wish, |owner, publisher| {
            let way = publisher::start(owner, &place, Publisher::Topic(publisher));
            owner.ways().publishers.insert(place, way);
        });
        Ok(RTM_OK)
    })
}

/// Leaves a topic, after what was published before this call. Nothing more can be published, even
/// if the result is an error.
///
/// # Safety
/// `channel` and `topic` are readable; `request` is null, or a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_topic_leave(
    client: RtmClient,
    channel: RtmBytes,
    topic: RtmBytes,
    request: *mut u64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promises, here and below.
        let place = unsafe { topic_place(channel, topic) }?;
        let instance = clients::get(client)?;
        let operation = abi::RTM_OPERATION_TOPIC_LEAVE;
        let request = unsafe { ask(&instance, request, operation, Some(&place)) }?;
        let way = instance.ways().publishers.remove(&place);
        hand_over(way.as_ref(), Publish::Leave(request), NOT_JOINED);
        Ok(RTM_OK)
    })
}

/// Publishes in a topic that was joined: the result of `rtm_topic_join` has come. Messages to one
/// topic leave in the order of these calls.
///
/// # Safety
/// `channel`, `topic` and `payload` are readable; `options` is null, or as long as its size says;
/// `request` is null, or a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_topic_publish(
    client: RtmClient,
    channel: RtmBytes,
    topic: RtmBytes,
    payload: RtmBytes,
    options: *const RtmPublishOptions,
    request: *mut u64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promises, here and below.
        let place = unsafe { topic_place(channel, topic) }?;
        let payload = unsafe { arguments::bytes("payload", payload, PAYLOAD_MAX) }?;
        let options = unsafe { publish_options(options) }?;
        let payload = Bytes::copy_from_slice(payload);
        let instance = clients::get(client)?;
        let room = instance.payload_room(payload.len())?;
        let operation = abi::RTM_OPERATION_TOPIC_PUBLISH;
        let request = unsafe { ask(&instance, request, operation, Some(&place)) }?;
        let ways = instance.ways();
        let wish = Publish::Message { payload, options, request, room };
        hand_over(ways.publishers.get(&place), wish, NOT_JOINED);
        Ok(RTM_OK)
    })
}

/// Subscribes to publishers of a topic: to all of them, now and later, if `count` is 0, else to
/// those that `users` names. Each that can't be subscribed to is an event `RTM_EVENT_USER_FAILED`
/// before the result.
///
/// # Safety
/// `channel` and `topic` are readable; `users` has `count` readable names; `request` is null, or a
/// place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_topic_subscribe(
    client: RtmClient,
    channel: RtmBytes,
    topic: RtmBytes,
    users: *const RtmBytes,
    count: usize,
    request: *mut u64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promises, here and below.
        let place = unsafe { topic_place(channel, topic) }?;
        let publishers = unsafe { publishers(users, count) }?;
        let instance = clients::get(client)?;
        let channel = instance.client.stream_channel(&place.channel)?;
        let operation = abi::RTM_OPERATION_TOPIC_SUBSCRIBE;
        let mut request = unsafe { ask(&instance, request, operation, Some(&place)) }?;
        let owner = Arc::clone(&instance);
        instance.spawn(async move {
            match channel.subscribe_topic(&place.topic, publishers).await {
                Ok(messages) => {
                    for failed in &messages.subscribed().failed {
                        let event = Event::new(abi::RTM_EVENT_USER_FAILED).about(&failed.user);
                        request.tell(event.failed(failed.error.clone().into())).await;
                    }
                    pumps::pump_topic(&owner, place, messages);
                    request.end(Ok(()));
                }
                Err(error) => request.end(Err(error.into())),
            }
        });
        Ok(RTM_OK)
    })
}

/// Ends a topic's subscription. Messages that are waiting to be polled may still come.
///
/// # Safety
/// `channel` and `topic` are readable; `request` is null, or a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_topic_unsubscribe(
    client: RtmClient,
    channel: RtmBytes,
    topic: RtmBytes,
    request: *mut u64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promises, here and below.
        let place = unsafe { topic_place(channel, topic) }?;
        let instance = clients::get(client)?;
        let operation = abi::RTM_OPERATION_TOPIC_UNSUBSCRIBE;
        let request = unsafe { ask(&instance, request, operation, Some(&place)) }?;
        let way = instance.ways().topics.remove(&place);
        hand_over(way.as_ref(), Unsubscribe(request), NOT_SUBSCRIBED);
        Ok(RTM_OK)
    })
}

/// # Safety
/// Both are readable.
unsafe fn topic_place(channel: RtmBytes, topic: RtmBytes) -> Result<Place, Failure> {
    // SAFETY: the caller's promise.
    let (channel, topic) = unsafe { (text("channel", channel)?, text("topic", topic)?) };
    if topic.is_empty() {
        return Err(Failure::argument("topic", "is empty"));
    }
    Ok(Place::topic(channel, topic))
}

/// # Safety
/// `users` has `count` readable names.
unsafe fn publishers(users: *const RtmBytes, count: usize) -> Result<Publishers, Failure> {
    if count == 0 {
        return Ok(Publishers::All);
    }
    if count > USERS_MAX {
        let wrong = format!("is {count}, more than {USERS_MAX}");
        return Err(Failure::argument("count", wrong));
    }
    if users.is_null() || !users.is_aligned() {
        return Err(Failure::argument("users", "is null, or not aligned"));
    }
    // SAFETY: the caller's promises, here and below.
    let users = unsafe { std::slice::from_raw_parts(users, count) };
    let users = users.iter().map(|user| unsafe { text("users", *user) }.map(str::to_owned));
    users.collect::<Result<Vec<_>, _>>().map(Publishers::Users)
}

/// What the call about a topic gets that isn't there: number, name, what to do.
type NotThere = (i32, &'static str, &'static str);

const NOT_JOINED: NotThere = (
    -11_016,
    "the topic is not joined [-11016 CHANNEL_TOPIC_NOT_JOINED]",
    "wait for the result of rtm_topic_join",
);
const NOT_SUBSCRIBED: NotThere = (
    -11_013,
    "the topic is not subscribed [-11013 CHANNEL_TOPIC_NOT_SUBSCRIBED]",
    "wait for the result of rtm_topic_subscribe",
);

/// Hands a wish to the task that holds the topic; whose request fails if there is none.
fn hand_over<W: Into<Request>>(
    way: Option<&UnboundedSender<W>>,
    wish: W,
    (code, wrong, advice): NotThere,
) {
    let unsent = match way {
        Some(way) => way.send(wish).err().map(|unsent| unsent.0),
        None => Some(wish),
    };
    if let Some(wish) = unsent {
        let request: Request = wish.into();
        request.end(Err(Failure::new(code, format!("{wrong}: {advice}"))));
    }
}
