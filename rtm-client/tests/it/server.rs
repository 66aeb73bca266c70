//! A server in a few lines: one session layer, and answers that are right enough for a client.

mod topics;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtm_session::driver::{Engine, Flow, Moment};
use rtm_session::{
    Config, Endpoint, Event as SessionEvent, LaneSpec, LoginAnswer, LoginId, PublicKey, Remote,
    Seed, SessionId, StaticKey,
};
use rtm_sim::Node;
use rtm_wire::{
    ChannelKind, ChannelRef, CloseCode, Delivery, Encode, Epoch, ErrorCode, Event, FailedUser,
    HeardUser, JoinTopic, LaneId, Limit, LimitKind, List, MessageEvent, OperationId, Position,
    PublishTopic, Published, Publisher, Reply, ReplyResult, Request, Sequence, SubscribeTopic,
    Time, TopicChange, TopicEvent, TopicMessageEvent, TopicUsers, UnixTime,
};

/// What every scripted server says that it allows.
const fn limits(known_ms: u64) -> [Limit; 2] {
    [
        Limit { kind: LimitKind::MessagesPerSecond, value: 60_000 },
        Limit { kind: LimitKind::PublishesKnown, value: known_ms },
    ]
}

/// The key of every scripted server.
pub(crate) fn key() -> StaticKey {
    StaticKey::from_bytes([9; 32])
}

pub(crate) fn public_key() -> PublicKey {
    key().public()
}

/// Channel, topic, publisher.
type PublicationName = (String, String, String);

struct Publication {
    number: u64,
    last: u64,
    delivery: Delivery,
    meta: Vec<u8>,
}

/// A server for tests.
pub(crate) struct Server {
    endpoint: Endpoint,
    epoch: u64,
    logins: BTreeMap<LoginId, Option<String>>,
    users: BTreeMap<SessionId, String>,
    /// Last sequence of each channel, by kind and name.
    sequences: BTreeMap<(u8, String), u64>,
    subscribers: BTreeSet<(String, SessionId)>,
    members: BTreeSet<(String, SessionId)>,
    publications: BTreeMap<PublicationName, Publication>,
    /// Session, channel and topic: everybody, or users.
    topic_subscriptions: BTreeMap<(SessionId, String, String), Option<BTreeSet<String>>>,
    /// Lane of a session for what this names.
    lanes: BTreeMap<(SessionId, String), LaneId>,
    /// What to answer to logins; accept if `None`.
    pub(crate) refuse_login: Option<ErrorCode>,
    /// What to answer to requests of a name; as asked if absent.
    pub(crate) refuse: BTreeMap<&'static str, ErrorCode>,
    /// Requests that are never answered, though carried out.
    pub(crate) silent: BTreeSet<&'static str>,
    /// Names of all requests so far, with the user's.
    pub(crate) requests: Vec<String>,
    /// Operation ids of all publishes so far.
    pub(crate) operations: Vec<u64>,
    /// For how long it says that it knows publishes. (It knows none.)
    pub(crate) known_ms: u64,
    /// Whether clients get tickets, which nobody answers when they come back with them.
    pub(crate) gives_tickets: bool,
    /// Resumptions that were asked for.
    pub(crate) resumptions: usize,
    /// The instances of all logins so far.
    pub(crate) instances: Vec<u64>,
    /// All lanes that publishes came on.
    pub(crate) publish_lanes: BTreeSet<u64>,
    pub(crate) closed: usize,
    /// For drivers: when to stop.
    pub(crate) stops_after_sessions: usize,
}

impl Server {
    pub(crate) fn new(epoch: u64) -> Self {
        let seed = Seed::from_bytes([u8::try_from(epoch).unwrap(); 32]);
        Self {
            endpoint: Endpoint::server(Config::server(), key(), seed),
            epoch,
            logins: BTreeMap::new(),
            users: BTreeMap::new(),
            sequences: BTreeMap::new(),
            subscribers: BTreeSet::new(),
            members: BTreeSet::new(),
            publications: BTreeMap::new(),
            topic_subscriptions: BTreeMap::new(),
            lanes: BTreeMap::new(),
            refuse_login: None,
            refuse: BTreeMap::new(),
            silent: BTreeSet::new(),
            requests: Vec::new(),
            operations: Vec::new(),
            known_ms: 0,
            gives_tickets: false,
            resumptions: 0,
            instances: Vec::new(),
            publish_lanes: BTreeSet::new(),
            closed: 0,
            stops_after_sessions: usize::MAX,
        }
    }

    /// Ends the sessions of a user.
    pub(crate) fn close(&mut self, now: Time, user: &str, code: CloseCode, reason: &str) {
        let sessions: Vec<_> =
            self.users.iter().filter(|(_, name)| *name == user).map(|(id, _)| *id).collect();
        for session in sessions {
            self.endpoint.close(now, session, code, reason);
        }
        self.settle(now);
    }

    /// Publishes to a message channel as somebody who isn't logged in.
    pub(crate) fn publish(&mut self, now: Time, channel: &str, payload: &[u8]) {
        let channel = ChannelRef { kind: ChannelKind::Message, name: channel };
        self.fan_out(now, channel, "server", payload);
        self.settle(now);
    }

    /// Loses messages of a message channel.
    pub(crate) fn skip(&mut self, channel: &str, count: u64) {
        *self.sequences.entry((ChannelKind::Message.number(), channel.to_owned())).or_default() +=
            count;
    }

    /// Sends something on lane 0.
    pub(crate) fn send_raw(&mut self, now: Time, user: &str, bytes: &'static [u8]) {
        let found = self.users.iter().find(|(_, name)| *name == user);
        let session = *found.expect("the user is there").0;
        self.endpoint.send(now, session, LaneId::CONTROL, Bytes::from_static(bytes)).unwrap();
    }

    /// Who is logged in.
    pub(crate) fn users(&self) -> Vec<&str> {
        self.users.values().map(String::as_str).collect()
    }

    /// How many bytes of messages wait for credit, or for acknowledgement.
    pub(crate) fn queued(&self) -> usize {
        let sessions = self.users.keys().filter_map(|&session| self.endpoint.stats(session));
        sessions.map(|stats| stats.send_bytes).sum()
    }

    fn settle(&mut self, now: Time) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                SessionEvent::LoginRequested { login, payload, .. } => {
                    self.on_login_requested(now, login, &payload);
                }
                SessionEvent::Accepted { session, login } => {
                    if let Some(Some(user)) = self.logins.remove(&login) {
                        self.users.insert(session, user);
                    }
                    if self.gives_tickets {
                        let life = Duration::from_secs(3_600);
                        self.endpoint.issue_ticket(now, session, b"", life).unwrap();
                    }
                }
                SessionEvent::ResumptionRequested { .. } => self.resumptions += 1,
                SessionEvent::Message { session, lane, payload, .. } => {
                    self.endpoint.release(now, session, lane, payload.len());
                    let (operation, request) = Request::decode(&payload).expect("a request");
                    if let Request::Publish(_) = request {
                        self.publish_lanes.insert(lane.0);
                    }
                    self.on_request(now, session, operation, request);
                }
                SessionEvent::Closed { session, .. } => self.forget(now, session),
                _ => {}
            }
        }
    }

    fn on_login_requested(&mut self, now: Time, login: LoginId, payload: &[u8]) {
        if let Some(code) = self.refuse_login {
            let mut answer = Vec::new();
            let operation = OperationId(0);
            Reply { operation, code, reason: "not today", result: ReplyResult::None }
                .encode(&mut answer);
            return self.endpoint.answer_login(now, login, LoginAnswer::Reject(code, &answer));
        }
        let mut answer = Vec::new();
        let mut user = None;
        if !payload.is_empty() {
            let Ok((_, Request::Login(request))) = Request::decode(payload) else { panic!() };
            self.instances.push(request.instance.0);
            user = Some(request.user_id.to_owned());
            let time = UnixTime::from_millis(77);
            let limits = limits(self.known_ms);
            let limits = List::Slice(&limits);
            let result = ReplyResult::LoggedIn { time, limits };
            Reply { operation: OperationId(0), code: ErrorCode::OK, reason: "", result }
                .encode(&mut answer);
        }
        self.logins.insert(login, user);
        self.endpoint.answer_login(now, login, LoginAnswer::Accept(&answer));
    }

    fn on_request(&mut self, now: Time, session: SessionId, id: OperationId, request: Request<'_>) {
        if let Request::Login(login) = request {
            self.instances.push(login.instance.0);
            self.users.insert(session, login.user_id.to_owned());
        }
        let user = self.users.get(&session).cloned().unwrap_or_default();
        self.requests.push(format!("{user}: {}", request.name()));
        if let Some(&code) = self.refuse.get(request.name()) {
            return self.reply(now, session, id, code, ReplyResult::None);
        }
        let is_silent = self.silent.contains(request.name());
        let mut answer = |server: &mut Self, result: ReplyResult<'_>| {
            if !is_silent {
                server.reply(now, session, id, ErrorCode::OK, result);
            }
        };
        match request {
            Request::Login(_) => {
                let time = UnixTime::from_millis(78);
                let limits = limits(self.known_ms);
                let limits = List::Slice(&limits);
                answer(self, ReplyResult::LoggedIn { time, limits });
            }
            Request::Subscribe(subscribe) => {
                let name = subscribe.channel.name.to_owned();
                let position = self.position(subscribe.channel);
                self.subscribers.insert((name, session));
                answer(self, ReplyResult::Subscribed(position));
            }
            Request::Unsubscribe(unsubscribe) => {
                self.subscribers.remove(&(unsubscribe.channel.name.to_owned(), session));
                answer(self, ReplyResult::None);
            }
            Request::Publish(publish) => {
                self.operations.push(id.0);
                let position = self.fan_out(now, publish.channel, &user, publish.payload);
                let time = UnixTime::from_millis(1_000);
                answer(self, ReplyResult::Published(Published { position, time }));
            }
            other => self.on_stream_request(now, session, &user, other, &mut answer),
        }
    }

    fn position(&self, channel: ChannelRef<'_>) -> Position {
        let key = (channel.kind.number(), channel.name.to_owned());
        let sequence = Sequence(self.sequences.get(&key).copied().unwrap_or_default());
        Position { epoch: Epoch(self.epoch), sequence }
    }

    fn next_position(&mut self, channel: ChannelRef<'_>) -> Position {
        let key = (channel.kind.number(), channel.name.to_owned());
        *self.sequences.entry(key).or_default() += 1;
        self.position(channel)
    }

    fn fan_out(
        &mut self,
        now: Time,
        channel: ChannelRef<'_>,
        user: &str,
        payload: &[u8],
    ) -> Position {
        let position = self.next_position(channel);
        let event = MessageEvent {
            channel,
            publisher: user,
            position,
            time: UnixTime::from_millis(1_000),
            message_type: rtm_wire::MessageType::String,
            custom_type: "mark",
            payload,
        };
        let to: Vec<_> = match channel.kind {
            ChannelKind::User => {
                let found = self.users.iter().filter(|(_, name)| *name == channel.name);
                found.map(|(session, _)| *session).collect()
            }
            _ => {
                let found = self.subscribers.iter().filter(|(name, _)| name == channel.name);
                found.map(|(_, session)| *session).collect()
            }
        };
        let lane = format!("{:?}", channel);
        self.send_event(now, &to, &lane, LaneSpec::ORDERED, event.into());
        position
    }

    fn send_event(
        &mut self,
        now: Time,
        to: &[SessionId],
        lane: &str,
        spec: LaneSpec,
        event: Event<'_>,
    ) {
        let mut message = BytesMut::new();
        event.encode(&mut message);
        let message = message.freeze();
        for &session in to {
            let key = (session, lane.to_owned());
            let lane = match (lane, self.lanes.get(&key)) {
                ("", _) => LaneId::CONTROL,
                (_, Some(&lane)) => lane,
                (_, None) => {
                    let lane = self.endpoint.open_lane(session, spec).unwrap();
                    self.lanes.insert(key, lane);
                    lane
                }
            };
            self.endpoint.send(now, session, lane, message.clone()).unwrap();
        }
    }

    fn reply(
        &mut self,
        now: Time,
        session: SessionId,
        operation: OperationId,
        code: ErrorCode,
        result: ReplyResult<'_>,
    ) {
        let reason = if code.is_ok() { "" } else { "the script says no" };
        let mut message = BytesMut::new();
        Reply { operation, code, reason, result }.encode(&mut message);
        // The session may be gone.
        let _ = self.endpoint.send(now, session, LaneId::CONTROL, message.freeze());
    }

    fn forget(&mut self, now: Time, session: SessionId) {
        self.closed += 1;
        self.subscribers.retain(|(_, other)| *other != session);
        self.members.retain(|(_, other)| *other != session);
        self.topic_subscriptions.retain(|(other, ..), _| *other != session);
        self.lanes.retain(|(other, _), _| *other != session);
        let user = self.users.remove(&session).unwrap_or_default();
        let left: Vec<_> =
            self.publications.keys().filter(|name| name.2 == user).cloned().collect();
        for (channel, topic, user) in left {
            self.leave_topic(now, &channel, &topic, &user);
        }
    }
}

impl Node for Server {
    fn handle_datagram(&mut self, now: Time, from: SocketAddr, datagram: BytesMut) {
        self.endpoint.handle_datagram(now, from, datagram);
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.endpoint.handle_timeout(now);
        self.settle(now);
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<SocketAddr> {
        self.endpoint.poll_transmit(now, datagram).map(Remote::addr)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.endpoint.poll_timeout()
    }
}

impl Engine for Server {
    type Command = Box<dyn FnOnce(&mut Self, Time) + Send>;

    fn handle_command(&mut self, moment: Moment, command: Self::Command) {
        command(self, moment.now);
    }

    fn handle_datagram(&mut self, moment: Moment, from: Remote, datagram: BytesMut) {
        Node::handle_datagram(self, moment.now, from.addr(), datagram);
    }

    fn handle_timeout(&mut self, moment: Moment) {
        Node::handle_timeout(self, moment.now);
    }

    fn flush(&mut self, _: Moment) -> Flow {
        if self.closed >= self.stops_after_sessions { Flow::Stop } else { Flow::Continue }
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        self.endpoint.poll_transmit(now, datagram)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.endpoint.poll_timeout()
    }
}
