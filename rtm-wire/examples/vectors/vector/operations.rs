//! Fields of requests, replies and events.

use rtm_wire::{
    ChannelRef, Delivery, Event, List, OperationId, Position, PresentUser, Reply, ReplyResult,
    Request, ServerOperation, State, SubscribeOptions, UserPublished,
};
use serde_json::{Value, json};

use super::{hex, history, int, storage};

pub(super) fn request(id: OperationId, request: &Request<'_>) -> Value {
    let mut fields = request_body(request);
    fields["operation"] = int(id.0);
    fields["kind"] = match request {
        Request::Unknown { kind, .. } => json!(kind),
        known => json!(known.name()),
    };
    fields
}

fn request_body(request: &Request<'_>) -> Value {
    if let Some(fields) = storage::request(request) {
        return fields;
    }
    match request {
        Request::GetMessages(get) => history::get_messages(get),
        Request::Login(login) => json!({
            "app_id": login.app_id,
            "user_id": login.user_id,
            "instance": int(login.instance.0),
            "features": int(login.features),
            "token": login.token,
            "heartbeat": int(login.liveness.heartbeat),
            "presence_timeout": int(login.liveness.presence_timeout),
        }),
        Request::Logout(_) => json!({}),
        Request::Subscribe(subscribe) => json!({
            "channel": channel(&subscribe.channel),
            "options": options(subscribe.options),
            "resume": subscribe.resume.map(position),
        }),
        Request::Unsubscribe(unsubscribe) => json!({ "channel": channel(&unsubscribe.channel) }),
        Request::Receipt(receipt) => json!({ "position": position(receipt.position) }),
        Request::Publish(publish) => json!({
            "channel": channel(&publish.channel),
            "store": publish.flags.store,
            "message_type": publish.message_type.number(),
            "custom_type": publish.custom_type,
            "payload": hex(publish.payload),
        }),
        Request::Join(join) => json!({
            "channel": join.channel,
            "options": options(join.options),
            "token": join.token,
        }),
        Request::Leave(leave) => json!({ "channel": leave.channel }),
        Request::JoinTopic(join) => json!({
            "channel": join.channel,
            "topic": join.topic,
            "delivery": delivery(join.delivery),
            "meta": hex(join.meta),
        }),
        Request::LeaveTopic(leave) => json!({ "channel": leave.channel, "topic": leave.topic }),
        Request::PublishTopic(publish) => json!({
            "channel": publish.channel,
            "topic": publish.topic,
            "message_type": publish.message_type.number(),
            "custom_type": publish.custom_type,
            "payload": hex(publish.payload),
        }),
        Request::RenewToken(renew) => json!({ "token": renew.token }),
        Request::SubscribeTopic(subscribe) => json!({
            "channel": subscribe.channel,
            "topic": subscribe.topic,
            "users": subscribe.users.iter().collect::<Vec<_>>(),
            "queue": subscribe.queue.number(),
        }),
        Request::UnsubscribeTopic(unsubscribe) => json!({
            "channel": unsubscribe.channel,
            "topic": unsubscribe.topic,
            "users": unsubscribe.users.iter().collect::<Vec<_>>(),
        }),
        Request::Unknown { body, .. } => json!({ "body": hex(body) }),
        other => presence_request(other),
    }
}

fn presence_request(request: &Request<'_>) -> Value {
    match request {
        Request::SetStates(set) => json!({
            "channel": channel(&set.channel),
            "states": states(set.states),
        }),
        Request::RemoveStates(remove) => json!({
            "channel": channel(&remove.channel),
            "keys": remove.keys.iter().collect::<Vec<_>>(),
        }),
        Request::GetStates(get) => json!({ "channel": channel(&get.channel), "user": get.user }),
        Request::GetOnlineUsers(get) => json!({
            "channel": channel(&get.channel),
            "user_ids": get.flags.user_ids,
            "states": get.flags.states,
            "limit": int(get.limit),
            "after": get.after,
        }),
        Request::GetUserChannels(get) => json!({ "user": get.user }),
        other => panic!("{other:?} has no fields in the vectors"),
    }
}

pub(super) fn server(operation: &ServerOperation<'_>) -> Value {
    match operation {
        ServerOperation::Reply(reply) => json!({
            "kind": "reply",
            "operation": int(reply.operation.0),
            "code": reply.code.0,
            "reason": reply.reason,
            "result": result(reply),
        }),
        ServerOperation::Event(event) => self::event(event),
    }
}

fn result(reply: &Reply<'_>) -> Value {
    match reply.result {
        ReplyResult::None => json!({ "kind": "none" }),
        ReplyResult::LoggedIn { time, limits } => {
            let limits = limits.iter();
            let limits =
                limits.map(|it| json!({ "kind": it.kind.number(), "value": int(it.value) }));
            let limits: Vec<Value> = limits.collect();
            json!({ "kind": "logged in", "time_ms": int(time.as_millis()), "limits": limits })
        }
        ReplyResult::Subscribed(at) => json!({ "kind": "subscribed", "position": position(at) }),
        ReplyResult::Published(published) => json!({
            "kind": "published",
            "position": position(published.position),
            "time_ms": int(published.time.as_millis()),
        }),
        ReplyResult::Joined { position: at, publishers } => {
            let publishers = publishers.iter().map(|publisher| {
                json!({
                    "topic": publisher.topic,
                    "user": publisher.user,
                    "publication": int(publisher.publication.0),
                    "last": int(publisher.last.0),
                    "delivery": delivery(publisher.delivery),
                    "meta": hex(publisher.meta),
                })
            });
            let publishers: Vec<Value> = publishers.collect();
            json!({ "kind": "joined", "position": position(at), "publishers": publishers })
        }
        ReplyResult::TopicJoined(at) => json!({ "kind": "topic joined", "position": position(at) }),
        ReplyResult::TopicUsers(users) => {
            let succeeded = users.succeeded.iter().map(|heard| {
                json!({
                    "user": heard.user,
                    "publication": int(heard.publication.0),
                    "last": int(heard.last.0),
                })
            });
            let failed = users.failed.iter();
            let failed = failed.map(|failed| json!({ "user": failed.user, "code": failed.code.0 }));
            json!({
                "kind": "topic users",
                "succeeded": succeeded.collect::<Vec<_>>(),
                "failed": failed.collect::<Vec<_>>(),
            })
        }
        ReplyResult::UserPublished(UserPublished { reach, published }) => json!({
            "kind": "user published",
            "reach": reach.number(),
            "position": position(published.position),
            "time_ms": int(published.time.as_millis()),
        }),
        ReplyResult::Stored(stored) => storage::stored(stored),
        ReplyResult::Metadata(metadata) => storage::metadata(&metadata),
        ReplyResult::Acquired(acquired) => storage::acquired(acquired),
        ReplyResult::Locks(locks) => storage::locks(locks),
        ReplyResult::Messages(page) => history::messages(&page),
        ReplyResult::Unknown { kind, body } => json!({ "kind": kind, "body": hex(body) }),
        other => presence_result(other),
    }
}

fn presence_result(result: ReplyResult<'_>) -> Value {
    match result {
        ReplyResult::PresentUser(user) => {
            let mut fields = present_user(user);
            fields["kind"] = json!("present user");
            fields
        }
        ReplyResult::OnlineUsers(page) => json!({
            "kind": "online users",
            "total": int(page.total),
            "users": page.users.iter().map(present_user).collect::<Vec<_>>(),
            "next": page.next,
        }),
        ReplyResult::UserChannels(found) => {
            let channels: Vec<Value> = found.channels.iter().map(|at| channel(&at)).collect();
            json!({ "kind": "user channels", "total": int(found.total), "channels": channels })
        }
        other => panic!("{other:?} has no fields in the vectors"),
    }
}

pub(super) fn event(event: &Event<'_>) -> Value {
    match event {
        Event::Message(event) => json!({
            "kind": "message event",
            "channel": channel(&event.channel),
            "publisher": event.publisher,
            "position": position(event.position),
            "time_ms": int(event.time.as_millis()),
            "message_type": event.message_type.number(),
            "custom_type": event.custom_type,
            "payload": hex(event.payload),
        }),
        Event::TopicMessage(event) => json!({
            "kind": "topic message event",
            "channel": event.channel,
            "topic": event.topic,
            "publisher": event.publisher,
            "epoch": int(event.epoch.0),
            "publication": int(event.publication.0),
            "sequence": int(event.sequence.0),
            "time_ms": int(event.time.as_millis()),
            "message_type": event.message_type.number(),
            "custom_type": event.custom_type,
            "payload": hex(event.payload),
        }),
        Event::Topic(event) => json!({
            "kind": "topic event",
            "channel": event.channel,
            "position": position(event.position),
            "change": event.change.number(),
            "topic": event.topic,
            "publisher": event.publisher,
            "delivery": delivery(event.delivery),
            "last": int(event.last.0),
            "meta": hex(event.meta),
        }),
        Event::Presence(event) => json!({
            "kind": "presence event",
            "channel": channel(&event.channel),
            "change": event.change.number(),
            "position": position(event.position),
            "time_ms": int(event.time.as_millis()),
            "total": int(event.total),
            "more": event.has_more,
            "joined": event.joined.iter().collect::<Vec<_>>(),
            "left": event.left.iter().collect::<Vec<_>>(),
            "timed_out": event.timed_out.iter().collect::<Vec<_>>(),
            "users": event.users.iter().map(present_user).collect::<Vec<_>>(),
        }),
        Event::Storage(event) => storage::storage_event(event),
        Event::Lock(event) => storage::lock_event(event),
        Event::Token(event) => json!({
            "kind": "token event",
            "change": event.change.number(),
            "left_ms": int(event.left_ms),
        }),
        Event::Position(event) => json!({
            "kind": "position event",
            "channel": channel(&event.channel),
            "position": position(event.position),
        }),
        Event::Unknown { kind, body } => json!({ "kind": kind, "body": hex(body) }),
        other => panic!("{other:?} has no fields in the vectors"),
    }
}

fn present_user(user: PresentUser<'_>) -> Value {
    json!({ "user": user.user, "states": states(user.states) })
}

fn states(states: List<'_, State<'_>>) -> Vec<Value> {
    let states = states.iter();
    states.map(|state| json!({ "key": state.key, "value": hex(state.value) })).collect()
}

pub(super) fn channel(channel: &ChannelRef<'_>) -> Value {
    json!({ "kind": channel.kind.number(), "name": channel.name })
}

pub(super) fn position(position: Position) -> Value {
    json!({ "epoch": int(position.epoch.0), "sequence": int(position.sequence.0) })
}

fn options(options: SubscribeOptions) -> Value {
    json!({
        "messages": options.messages,
        "presence": options.presence,
        "metadata": options.metadata,
        "locks": options.locks,
        "quiet": options.quiet,
        "queue": options.queue.number(),
    })
}

fn delivery(delivery: Delivery) -> Value {
    json!({
        "qos": delivery.qos.number(),
        "priority": delivery.priority.number(),
        "reliability": delivery.reliability.number(),
        "deadline_ms": delivery.deadline_ms,
    })
}
