//! The shell with a real socket, against the scripted server on loopback.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use rtm_client::{
    ChannelEvent, ClientEvent, ErrorKind, JoinOptions, LinkState, PUBLISH_WINDOW_BYTES,
    PublishOptions, Publishers, Qos, RtmClient, ServerAddress, StreamEvent, SubscribeOptions,
    TopicEvent, TopicOptions,
};
use rtm_session::driver::{Clock, Engine, Transport, UdpTransport, drive};
use rtm_wire::CloseCode;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::server::{Server, public_key};

type ServerCommand = <Server as Engine>::Command;

/// A scripted server that runs.
struct Running {
    address: SocketAddr,
    commands: mpsc::Sender<ServerCommand>,
    task: JoinHandle<io::Result<Server>>,
}

impl Running {
    /// A server that stops after so many sessions have ended.
    fn start(sessions: usize) -> Self {
        let transport = UdpTransport::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = transport.local_addr().unwrap();
        let (commands, commands_out) = mpsc::channel(16);
        let mut server = Server::new(1);
        server.stops_after_sessions = sessions;
        let task = tokio::spawn(drive(server, transport, commands_out, Clock::start()));
        Self { address, commands, task }
    }

    fn client(&self, user: &str) -> RtmClient {
        self.client_of_host("127.0.0.1", user)
    }

    fn client_of_host(&self, host: &str, user: &str) -> RtmClient {
        let key = *public_key().as_bytes();
        let server = ServerAddress::new(host, self.address.port(), key).unwrap();
        RtmClient::builder("demo", user).server(server).token("token").build().unwrap()
    }

    /// What `look` finds out about the server.
    async fn ask<R: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Server, rtm_wire::Time) -> R + Send + 'static,
    ) -> R {
        let (answer, answer_out) = oneshot::channel();
        let command: ServerCommand = Box::new(move |server, now| {
            assert!(answer.send(look(server, now)).is_ok());
        });
        assert!(self.commands.send(command).await.is_ok());
        answer_out.await.unwrap()
    }

    async fn stopped(self) -> Server {
        self.task.await.unwrap().unwrap()
    }
}

fn text(event: Option<ChannelEvent>) -> String {
    match event {
        Some(ChannelEvent::Message(message)) => {
            format!("{}: {}", message.publisher, String::from_utf8_lossy(&message.payload))
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_client_logs_in_subscribes_publishes_receives_and_logs_out() {
    let server = Running::start(2);
    let (alice, bob) = (server.client("alice"), server.client("bob"));
    let mut events = alice.events();
    assert_eq!(alice.link_state(), LinkState::Idle);
    alice.login().await.unwrap();
    bob.login_with_token("another").await.unwrap();
    assert_eq!(alice.link_state(), LinkState::Connected);

    let mut lobby =
        bob.message_channel("lobby").unwrap().subscribe(SubscribeOptions::new()).await.unwrap();
    let mut inbox = bob.inbox().await.unwrap();
    let channel = alice.message_channel("lobby").unwrap();
    let published = channel.publish("hi", PublishOptions::text()).await.unwrap();
    assert_eq!((published.epoch, published.sequence, published.time_ms), (1, 1, 1_000));
    assert_eq!(text(lobby.recv().await), "alice: hi");
    let user = alice.user("bob").unwrap();
    user.publish("psst", PublishOptions::text()).await.unwrap();
    assert_eq!(text(inbox.recv().await), "alice: psst");

    alice.logout().await.unwrap();
    assert_eq!(alice.link_state(), LinkState::Idle);
    bob.logout().await.unwrap();
    assert!(lobby.recv().await.is_none());
    let error = channel.publish("late", PublishOptions::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotLoggedIn);

    let states = [LinkState::Connecting, LinkState::Connected, LinkState::Idle];
    for state in states {
        let Some(ClientEvent::LinkState(event)) = events.recv().await else { panic!() };
        assert_eq!(event.current, state);
    }
    drop((alice, channel, user));
    assert!(events.recv().await.is_none(), "the events end with the client");
    let requests = server.stopped().await.requests;
    assert_eq!(requests.iter().filter(|request| request.ends_with("logout")).count(), 2);
}

#[tokio::test]
async fn thousands_of_publishes_travel_without_waiting_for_each_other() {
    let server = Running::start(1);
    let alice = server.client("alice");
    alice.login().await.unwrap();
    let channel = alice.message_channel("lobby").unwrap();
    let mut lobby = channel.subscribe(SubscribeOptions::new()).await.unwrap();
    let publisher = tokio::spawn(async move {
        let mut pending = Vec::new();
        for index in 0..10_000_u32 {
            let payload = index.to_be_bytes().to_vec();
            pending.push(channel.send(payload, PublishOptions::new()).await.unwrap());
        }
        for (index, pending) in pending.into_iter().enumerate() {
            assert_eq!(pending.await.unwrap().sequence, index as u64 + 1);
        }
    });
    for index in 0..10_000_u32 {
        match lobby.recv().await {
            Some(ChannelEvent::Message(message)) => {
                assert_eq!(message.payload, index.to_be_bytes()[..]);
            }
            other => panic!("{other:?}"),
        }
    }
    publisher.await.unwrap();
}

#[tokio::test]
async fn the_window_holds_senders_back_until_messages_are_answered() {
    let server = Running::start(1);
    let alice = server.client("alice");
    alice.login().await.unwrap();
    server.ask(|server, _| server.silent.insert("publish")).await;
    let channel = alice.message_channel("lobby").unwrap();
    let payload = vec![0; 60_000];
    let mut pending = Vec::new();
    let room = PUBLISH_WINDOW_BYTES / (payload.len() + 256);
    for _ in 0..room {
        pending.push(channel.send(payload.clone(), PublishOptions::new()).await.unwrap());
    }
    {
        let mut next = pin!(channel.send(payload.clone(), PublishOptions::new()));
        let mut context = Context::from_waker(Waker::noop());
        assert!(next.as_mut().poll(&mut context).is_pending());
        // Other handles have windows of their own.
        let other = alice.message_channel("other").unwrap();
        pending.push(other.send(payload, PublishOptions::new()).await.unwrap());
    }
    // A logout doesn't wait for ever, and tells what became of them.
    alice.logout().await.unwrap();
    for pending in pending {
        assert_eq!(pending.await.unwrap_err().kind(), ErrorKind::OutcomeUnknown);
    }
}

#[tokio::test]
async fn messages_that_are_taken_late_all_arrive() {
    let server = Running::start(1);
    let alice = server.client("alice");
    alice.login().await.unwrap();
    let channel = alice.message_channel("lobby").unwrap();
    let mut lobby = channel.subscribe(SubscribeOptions::new()).await.unwrap();
    server
        .ask(|server, now| {
            for index in 0..2_000_u32 {
                server.publish(now, "lobby", &[index.to_be_bytes(); 250].concat());
            }
        })
        .await;
    // The first is there only when the lane's credit is used up, or nearly.
    channel.publish("after all of them", PublishOptions::new()).await.unwrap();
    for index in 0..2_000_u32 {
        match lobby.recv().await {
            Some(ChannelEvent::Message(message)) => {
                assert_eq!(message.payload[..4], index.to_be_bytes());
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(text(lobby.recv().await), "alice: after all of them");
    assert!(lobby.try_recv().is_none());
}

#[tokio::test]
async fn a_dropped_subscription_unsubscribes_and_gives_its_credit_back() {
    let server = Running::start(1);
    let alice = server.client("alice");
    alice.login().await.unwrap();
    let channel = alice.message_channel("lobby").unwrap();
    for _ in 0..5 {
        let lobby = channel.subscribe(SubscribeOptions::new()).await.unwrap();
        // More than the lane's credit in all, and nothing of it is taken.
        for _ in 0..4 {
            channel.publish(vec![0; 20_000], PublishOptions::new()).await.unwrap();
        }
        drop(lobby);
    }
    let mut lobby = channel.subscribe(SubscribeOptions::new()).await.unwrap();
    channel.publish("hi", PublishOptions::new()).await.unwrap();
    assert_eq!(text(lobby.recv().await), "alice: hi");
    let requests = server.ask(|server, _| server.requests.clone()).await;
    let count = |name| requests.iter().filter(|request| request.ends_with(name)).count();
    assert_eq!((count(": subscribe"), count(": unsubscribe")), (6, 5));
}

#[tokio::test]
async fn a_canceled_subscribe_leaves_nothing_behind() {
    let server = Running::start(1);
    let alice = server.client("alice");
    alice.login().await.unwrap();
    let channel = alice.message_channel("lobby").unwrap();
    for polls in 1..4 {
        {
            let mut subscribe = pin!(channel.subscribe(SubscribeOptions::new()));
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..polls {
                assert!(subscribe.as_mut().poll(&mut context).is_pending());
                tokio::task::yield_now().await;
            }
        }
        drop(channel.subscribe(SubscribeOptions::new()).await.unwrap());
    }
}

#[tokio::test]
async fn dropping_the_last_handle_logs_out_in_an_orderly_way() {
    let server = Running::start(1);
    let alice = server.client("alice");
    alice.login().await.unwrap();
    let channel = alice.message_channel("lobby").unwrap();
    let subscription = channel.subscribe(SubscribeOptions::new()).await.unwrap();
    for _ in 0..100 {
        let pending = channel.send("hi", PublishOptions::new()).await.unwrap();
        drop(pending);
    }
    drop((alice, channel, subscription));
    let server = server.stopped().await;
    assert_eq!(server.operations.len(), 100, "what was sent was published");
    assert_eq!(server.requests.last().map(String::as_str), Some("alice: logout"));
}

#[tokio::test]
async fn members_of_a_stream_channel_publish_in_topics() {
    let server = Running::start(2);
    let (alice, bob) = (server.client("alice"), server.client("bob"));
    alice.login().await.unwrap();
    bob.login().await.unwrap();
    let (town, bobs_town) =
        (alice.stream_channel("town").unwrap(), bob.stream_channel("town").unwrap());
    let mut members = town.join(JoinOptions::new().token("rtc")).await.unwrap();
    assert!(matches!(members.recv().await, Some(StreamEvent::Snapshot(list)) if list.is_empty()));
    drop(bobs_town.join(JoinOptions::new()).await.unwrap());

    let options = TopicOptions::new().qos(Qos::Ordered).meta("bob's");
    let news = bobs_town.join_topic("news", options).await.unwrap();
    match members.recv().await {
        Some(StreamEvent::PublisherJoined(publication)) => {
            assert_eq!((&*publication.topic, &*publication.publisher), ("news", "bob"));
            assert_eq!((publication.qos, &publication.meta[..]), (Qos::Ordered, &b"bob's"[..]));
        }
        other => panic!("{other:?}"),
    }
    let mut topic = town.subscribe_topic("news", Publishers::All).await.unwrap();
    assert_eq!(topic.subscribed().succeeded, ["bob"]);
    assert_eq!(town.subscribed_users("news").await.unwrap(), ["bob"]);
    let failed = topic.add(Publishers::users(["carol"])).await.unwrap().failed;
    assert_eq!((&*failed[0].user, failed[0].error.code()), ("carol", -5));

    for text in ["one", "two"] {
        news.clone().publish(text, PublishOptions::text()).await.unwrap();
    }
    let last = news.send("three", PublishOptions::text()).await.unwrap();
    news.leave().await.unwrap();
    assert_eq!(last.await.unwrap().sequence, 3, "it was answered before the end");
    for expected in ["one", "two", "three"] {
        let Some(TopicEvent::Message(message)) = topic.recv().await else { panic!() };
        assert_eq!(message.payload, expected);
        assert_eq!(message.publisher, "bob");
    }
    assert!(matches!(members.recv().await, Some(StreamEvent::PublisherLeft { .. })));
    assert!(town.topics().await.unwrap().is_empty());
    let error = news.publish("late", PublishOptions::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TopicNotJoined);
    topic.unsubscribe().await.unwrap();
    town.leave().await.unwrap();
    assert!(members.recv().await.is_none());
}

#[tokio::test]
async fn a_lost_session_comes_back_with_its_subscriptions() {
    let server = Running::start(2);
    let alice = server.client("alice");
    let mut events = alice.events();
    alice.login().await.unwrap();
    let channel = alice.message_channel("lobby").unwrap();
    let mut lobby = channel.subscribe(SubscribeOptions::new()).await.unwrap();
    server.ask(|server, now| server.close(now, "alice", CloseCode::SHUTDOWN, "bye")).await;
    let mut states = Vec::new();
    while states.len() < 5 {
        let Some(ClientEvent::LinkState(event)) = events.recv().await else { panic!() };
        states.push(event.current);
        assert_eq!(event.is_restored, states.len() == 5);
    }
    let (connecting, connected) = (LinkState::Connecting, LinkState::Connected);
    let expected = [connecting, connected, LinkState::Disconnected, connecting, connected];
    assert_eq!(states, expected);
    channel.publish("hi", PublishOptions::text()).await.unwrap();
    assert_eq!(text(lobby.recv().await), "alice: hi");
}

#[tokio::test]
async fn a_name_with_addresses_of_both_families_is_tried_at_both() {
    let server = Running::start(1);
    let alice = server.client_of_host("localhost", "alice");
    alice.login().await.unwrap();
    alice.logout().await.unwrap();
    server.stopped().await;
}

#[test]
fn a_client_lives_in_a_runtime() {
    let server = ServerAddress::new("127.0.0.1", 7_700, *public_key().as_bytes()).unwrap();
    let alice = RtmClient::builder("demo", "alice").server(server).build().unwrap();
    let mut inbox = pin!(alice.inbox());
    let mut context = Context::from_waker(Waker::noop());
    match inbox.as_mut().poll(&mut context) {
        Poll::Ready(Err(error)) => {
            assert_eq!((error.kind(), error.code()), (ErrorKind::NoRuntime, -10_001));
        }
        other => panic!("{other:?}"),
    }
}
