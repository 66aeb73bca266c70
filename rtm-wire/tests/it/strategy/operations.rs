//! Requests, replies and events.

use proptest::prelude::*;
use rtm_wire::{
    Event, FailedUser, GetOnlineUsers, GetStates, GetUserChannels, HeardUser, Item, Join,
    JoinTopic, Leave, LeaveTopic, Limit, LimitKind, List, Liveness, Login, Logout, MessageEvent,
    OnlineFlags, OnlineUsers, OperationId, PresenceChange, PresenceEvent, PresentUser, Publish,
    PublishFlags, PublishTopic, Published, Publisher, QueuePolicy, Reach, Receipt, RemoveStates,
    RenewToken, Reply, ReplyResult, Request, ServerOperation, SessionInstance, SetStates, State,
    Subscribe, SubscribeOptions, SubscribeTopic, TokenChange, TokenEvent, TopicEvent,
    TopicMessageEvent, TopicUsers, Unsubscribe, UnsubscribeTopic, UserChannels, UserPublished,
    limits,
};

use super::fields::{
    channel, delivery, error_code, message_type, name, operation_id, position, sequence, time,
    topic_change,
};
use super::{bytes, history, locks, number, storage, text};

pub(crate) fn request() -> impl Strategy<Value = (OperationId, Request<'static>)> {
    let unknown = (0x70..=0x7f_u8, bytes(50));
    let request = prop_oneof![
        login().prop_map(Request::from),
        Just(Logout.into()),
        (channel(), options(), proptest::option::of(position()))
            .prop_map(|(channel, options, resume)| Subscribe { channel, options, resume }.into()),
        channel().prop_map(|channel| Unsubscribe { channel }.into()),
        position().prop_map(|position| Receipt { position }.into()),
        publish().prop_map(Request::from),
        (name(), options(), text(100)).prop_map(|(channel, options, token)| Join {
            channel,
            options,
            token
        }
        .into()),
        name().prop_map(|channel| Leave { channel }.into()),
        (text(300), text(64)).prop_map(|(token, channel)| RenewToken { token, channel }.into()),
        join_topic().prop_map(Request::from),
        (name(), name()).prop_map(|(channel, topic)| LeaveTopic { channel, topic }.into()),
        publish_topic().prop_map(Request::from),
        (name(), name(), list(name()), any::<u8>()).prop_map(|(channel, topic, users, queue)| {
            let queue = QueuePolicy::from_number(queue);
            SubscribeTopic { channel, topic, users, queue }.into()
        }),
        (name(), name(), list(name())).prop_map(|(channel, topic, users)| {
            UnsubscribeTopic { channel, topic, users }.into()
        }),
        presence_request(),
        storage::request(),
        locks::request(),
        history::request(),
        unknown.prop_map(|(kind, body)| Request::Unknown { kind, body }),
    ];
    (operation_id(), request)
}

fn presence_request() -> impl Strategy<Value = Request<'static>> {
    let flags = any::<[bool; 2]>().prop_map(|[user_ids, states]| OnlineFlags { user_ids, states });
    prop_oneof![
        (channel(), list(state()))
            .prop_map(|(channel, states)| SetStates { channel, states }.into()),
        (channel(), list(name())).prop_map(|(channel, keys)| RemoveStates { channel, keys }.into()),
        (channel(), name()).prop_map(|(channel, user)| GetStates { channel, user }.into()),
        (channel(), flags, number(), name()).prop_map(|(channel, flags, limit, after)| {
            GetOnlineUsers { channel, flags, limit, after }.into()
        }),
        name().prop_map(|user| GetUserChannels { user }.into()),
    ]
}

pub(crate) fn server_operation() -> impl Strategy<Value = ServerOperation<'static>> {
    prop_oneof![reply().prop_map(ServerOperation::Reply), event().prop_map(ServerOperation::Event),]
}

fn login() -> impl Strategy<Value = Login<'static>> {
    (name(), name(), number(), number(), text(limits::TOKEN / 8), liveness()).prop_map(
        |(app_id, user_id, instance, features, token, liveness)| Login {
            app_id,
            user_id,
            instance: SessionInstance(instance),
            features,
            token,
            liveness,
        },
    )
}

fn liveness() -> impl Strategy<Value = Liveness> {
    (number(), number())
        .prop_map(|(heartbeat, presence_timeout)| Liveness { heartbeat, presence_timeout })
}

fn options() -> impl Strategy<Value = SubscribeOptions> {
    (any::<[bool; 5]>(), 0..8_u8).prop_map(
        |([messages, presence, metadata, locks, quiet], queue)| SubscribeOptions {
            messages,
            presence,
            metadata,
            locks,
            quiet,
            queue: QueuePolicy::from_number(queue),
        },
    )
}

fn publish() -> impl Strategy<Value = Publish<'static>> {
    (channel(), any::<bool>(), message_type(), custom_type(), bytes(300)).prop_map(
        |(channel, store, message_type, custom_type, payload)| Publish {
            channel,
            flags: PublishFlags { store },
            message_type,
            custom_type,
            payload,
        },
    )
}

fn join_topic() -> impl Strategy<Value = JoinTopic<'static>> {
    (name(), name(), delivery(), bytes(100))
        .prop_map(|(channel, topic, delivery, meta)| JoinTopic { channel, topic, delivery, meta })
}

fn publish_topic() -> impl Strategy<Value = PublishTopic<'static>> {
    (name(), name(), message_type(), custom_type(), bytes(300)).prop_map(
        |(channel, topic, message_type, custom_type, payload)| PublishTopic {
            channel,
            topic,
            message_type,
            custom_type,
            payload,
        },
    )
}

fn reply() -> impl Strategy<Value = Reply<'static>> {
    (operation_id(), error_code(), text(limits::REASON), result())
        .prop_map(|(operation, code, reason, result)| Reply { operation, code, reason, result })
}

fn result() -> impl Strategy<Value = ReplyResult<'static>> {
    let heard_user = (name(), sequence(), sequence())
        .prop_map(|(user, publication, last)| HeardUser { user, publication, last });
    let failed_user = (name(), error_code()).prop_map(|(user, code)| FailedUser { user, code });
    prop_oneof![
        Just(ReplyResult::None),
        (time(), list(limit())).prop_map(|(time, limits)| ReplyResult::LoggedIn { time, limits }),
        position().prop_map(ReplyResult::Subscribed),
        (position(), time())
            .prop_map(|(position, time)| ReplyResult::Published(Published { position, time })),
        (position(), list(publisher()))
            .prop_map(|(position, publishers)| ReplyResult::Joined { position, publishers }),
        position().prop_map(ReplyResult::TopicJoined),
        (list(heard_user), list(failed_user)).prop_map(|(succeeded, failed)| {
            ReplyResult::TopicUsers(TopicUsers { succeeded, failed })
        }),
        (any::<u8>(), position(), time()).prop_map(|(reach, position, time)| {
            let published = Published { position, time };
            let reach = Reach::from_number(reach);
            ReplyResult::UserPublished(UserPublished { reach, published })
        }),
        present_user().prop_map(ReplyResult::PresentUser),
        (number(), list(present_user()), name()).prop_map(|(total, users, next)| {
            ReplyResult::OnlineUsers(OnlineUsers { total, users, next })
        }),
        (number(), list(channel())).prop_map(|(total, channels)| {
            ReplyResult::UserChannels(UserChannels { total, channels })
        }),
        storage::result(),
        locks::result(),
        history::result(),
        (0x40..=0xff_u8, bytes(50)).prop_map(|(kind, body)| ReplyResult::Unknown { kind, body }),
    ]
}

fn limit() -> impl Strategy<Value = Limit> {
    (any::<u8>(), 0..=rtm_wire::varint::MAX)
        .prop_map(|(kind, value)| Limit { kind: LimitKind::from_number(kind), value })
}

fn publisher() -> impl Strategy<Value = Publisher<'static>> {
    (name(), name(), sequence(), sequence(), time(), delivery(), bytes(50)).prop_map(
        |(topic, user, publication, last, since, delivery, meta)| Publisher {
            topic,
            user,
            publication,
            last,
            since,
            delivery,
            meta,
        },
    )
}

fn event() -> impl Strategy<Value = Event<'static>> {
    prop_oneof![
        message_event().prop_map(Event::from),
        topic_message_event().prop_map(Event::from),
        topic_event().prop_map(Event::from),
        presence_event().prop_map(Event::from),
        storage::event().prop_map(Event::from),
        locks::event().prop_map(Event::from),
        token_event().prop_map(Event::from),
        (0xa0..=0xff_u8, bytes(50)).prop_map(|(kind, body)| Event::Unknown { kind, body }),
    ]
}

fn message_event() -> impl Strategy<Value = MessageEvent<'static>> {
    (channel(), name(), position(), time(), message_type(), custom_type(), bytes(300)).prop_map(
        |(channel, publisher, position, time, message_type, custom_type, payload)| MessageEvent {
            channel,
            publisher,
            position,
            time,
            message_type,
            custom_type,
            payload,
        },
    )
}

fn topic_message_event() -> impl Strategy<Value = TopicMessageEvent<'static>> {
    let names = (name(), name(), name());
    let place = (position(), sequence(), time());
    (names, place, message_type(), custom_type(), bytes(300)).prop_map(
        |((channel, topic, publisher), (at, publication, time), message_type, mark, payload)| {
            TopicMessageEvent {
                channel,
                topic,
                publisher,
                epoch: at.epoch,
                publication,
                sequence: at.sequence,
                time,
                message_type,
                custom_type: mark,
                payload,
            }
        },
    )
}

fn token_event() -> impl Strategy<Value = TokenEvent<'static>> {
    (any::<u8>(), number(), list(channel())).prop_map(|(change, left_ms, channels)| TokenEvent {
        change: TokenChange::from_number(change),
        left_ms,
        channels,
    })
}

fn topic_event() -> impl Strategy<Value = TopicEvent<'static>> {
    let names = (name(), name(), name());
    let place = (position(), time());
    (names, place, topic_change(), delivery(), sequence(), bytes(100)).prop_map(
        |((channel, topic, publisher), (position, time), change, delivery, last, meta)| {
            TopicEvent { channel, position, time, change, topic, publisher, delivery, last, meta }
        },
    )
}

fn presence_event() -> impl Strategy<Value = PresenceEvent<'static>> {
    let place = (position(), time(), number(), any::<bool>());
    let changes = (list(name()), list(name()), list(name()), list(present_user()));
    (channel(), any::<u8>(), place, changes).prop_map(
        |(channel, change, (position, time, total, has_more), changes)| {
            let (joined, left, timed_out, users) = changes;
            PresenceEvent {
                channel,
                change: PresenceChange::from_number(change),
                position,
                time,
                total,
                has_more,
                joined,
                left,
                timed_out,
                users,
            }
        },
    )
}

fn present_user() -> impl Strategy<Value = PresentUser<'static>> {
    (name(), list(state())).prop_map(|(user, states)| PresentUser { user, states })
}

fn state() -> impl Strategy<Value = State<'static>> {
    (name(), bytes(50)).prop_map(|(key, value)| State { key, value })
}

fn custom_type() -> impl Strategy<Value = &'static str> {
    text(limits::CUSTOM_TYPE)
}

pub(super) fn list<T: Item<'static> + core::fmt::Debug + 'static>(
    item: impl Strategy<Value = T>,
) -> impl Strategy<Value = List<'static, T>> {
    proptest::collection::vec(item, 0..5).prop_map(|items| List::Slice(items.leak()))
}
