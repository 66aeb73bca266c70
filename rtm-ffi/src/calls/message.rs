//! Message channels.

use std::ptr;

use bytes::Bytes;
use rtm_client::{MessageType, PublishOptions, SubscribeOptions};

use crate::abi::{self, RTM_OK, RtmBytes, RtmClient, RtmPublishOptions};
use crate::arguments::{self, PAYLOAD_MAX, text};
use crate::calls::ask;
use crate::clients;
use crate::event::Place;
use crate::failure::{Failure, guard};
use crate::publisher::{self, Publish, Publisher};
use crate::pumps;

/// Subscribes to a message channel: its messages become events after the result.
///
/// # Safety
/// `channel` is readable; `request` is null, or a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_subscribe(
    client: RtmClient,
    channel: RtmBytes,
    request: *mut u64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let place = Place::message(unsafe { text("channel", channel) }?);
        let instance = clients::get(client)?;
        let channel = instance.client.message_channel(&place.channel)?;
        let operation = abi::RTM_OPERATION_SUBSCRIBE;
        // SAFETY: the caller's promise.
        let request = unsafe { ask(&instance, request, operation, Some(&place)) }?;
        // Programs in C have no events of presence yet.
        let wish = async move { channel.subscribe(SubscribeOptions::new().presence(false)).await };
        request.run(wish, |owner, messages| pumps::pump_channel(owner, place, messages));
        Ok(RTM_OK)
    })
}

/// Ends a subscription. Messages that are waiting to be polled may still come.
///
/// # Safety
/// `channel` is readable; `request` is null, or a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_unsubscribe(
    client: RtmClient,
    channel: RtmBytes,
    request: *mut u64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let place = Place::message(unsafe { text("channel", channel) }?);
        let instance = clients::get(client)?;
        let channel = instance.client.message_channel(&place.channel)?;
        let operation = abi::RTM_OPERATION_UNSUBSCRIBE;
        // SAFETY: the caller's promise.
        let request = unsafe { ask(&instance, request, operation, Some(&place)) }?;
        request.run(async move { channel.unsubscribe().await }, |_, ()| {});
        Ok(RTM_OK)
    })
}

/// Publishes in a message channel, subscribed or not. Messages to one channel leave in the order of
/// these calls. Up to 65,536 bytes; the server's limit is usually lower.
///
/// # Safety
/// `channel` and `payload` are readable; `options` is null, or as long as its size says;
/// `request` is null, or a place for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtm_publish(
    client: RtmClient,
    channel: RtmBytes,
    payload: RtmBytes,
    options: *const RtmPublishOptions,
    request: *mut u64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promises, here and below.
        let place = Place::message(unsafe { text("channel", channel) }?);
        let payload = unsafe { arguments::bytes("payload", payload, PAYLOAD_MAX) }?;
        let options = unsafe { publish_options(options) }?;
        let payload = Bytes::copy_from_slice(payload);
        let instance = clients::get(client)?;
        let channel = instance.client.message_channel(&place.channel)?;
        let room = instance.payload_room(payload.len())?;
        let operation = abi::RTM_OPERATION_PUBLISH;
        let request = unsafe { ask(&instance, request, operation, Some(&place)) }?;
        let mut ways = instance.ways();
        let way = ways
            .publishers
            .entry(place.clone())
            .or_insert_with(|| publisher::start(&instance, &place, Publisher::Channel(channel)));
        // If the task is gone, so is the client: the request has no result any more.
        let _ = way.send(Publish::Message { payload, options, request, room });
        Ok(RTM_OK)
    })
}

/// Reads what a publish says of its message.
///
/// # Safety
/// `options` is null, or as long as its size says, and what it points to is readable.
pub(super) unsafe fn publish_options(
    options: *const RtmPublishOptions,
) -> Result<PublishOptions, Failure> {
    if ptr::eq(options, ptr::null()) {
        return Ok(PublishOptions::new());
    }
    // SAFETY: the caller's promises, here and below.
    let options = unsafe { arguments::sized("options", options) }?;
    let custom_type = unsafe { text("options.custom_type", options.custom_type) }?;
    let message_type = match options.message_type {
        abi::RTM_MESSAGE_BINARY => MessageType::Binary,
        abi::RTM_MESSAGE_STRING => MessageType::String,
        other => {
            let wrong = format!("is {other}, not one of RTM_MESSAGE_…");
            return Err(Failure::argument("options.message_type", wrong));
        }
    };
    Ok(PublishOptions::new().message_type(message_type).custom_type(custom_type))
}
