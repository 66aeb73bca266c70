//! The client without IO: link, operations in flight, and the views of all channels.
//!
//! ```text
//!   commands, released credit                          answers, events
//!  ──────────────────────────► Core ─────────────────────────────────────►
//!                               │ Link       states, when to try again
//!                               │ Operations what the server has not answered
//!                               │ views      of rtm-channel and rtm-topic
//!                               │ Endpoint   of rtm-session
//!  ◄── poll_transmit ───────────┴◄──────────── handle_datagram, handle_timeout
//! ```
//!
//! Nothing here reads a clock or the system's randomness: the same seed, inputs and times give the
//! same outputs. The driver's rule is that of [`rtm_session::Endpoint`]: after each call that takes
//! `now`, take all of [`Core::poll_output`] and [`Core::poll_transmit`], then ask
//! [`Core::poll_timeout`].
//!
//! **Unstable**: what is in this module may change with every release.

mod backoff;
mod channel;
mod command;
mod connection;
mod follower;
mod following;
mod history;
mod holding;
mod inbox;
mod lanes;
mod link;
mod lock;
mod loss;
mod operations;
mod pace;
mod presence;
mod publication;
mod reading;
mod reason;
mod repeats;
mod reply;
mod request;
mod restore;
mod seal;
mod skipping;
mod states;
mod storage;
mod stream;
mod stream_link;
mod tell;
mod token;
mod topic;
mod waiting;
mod waiting_numbers;
mod who;

pub use command::{
    Answer, Command, Credit, HandleId, HeldLocks, LockAct, MetadataTarget, Output, Target,
    WriteKind,
};
pub use waiting::WaitingMax;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rand::rngs::ChaCha12Rng;
use rand::{Rng, SeedableRng};
use rtm_channel::{AppId, ChannelName, Holdings, OwnStates, UserId};
use rtm_session::{
    Carriers, Deadlines, Endpoint, Event, PublicKey, Remote, Seed, SessionId, StreamAction, Ticket,
};
use rtm_topic::TopicName;
use rtm_wire::{
    CloseCode, Event as ChannelNews, LaneId, Reply, ServerOperation, SessionInstance, Time,
};

use self::channel::Channel;
use self::connection::Connection;
use self::following::HeardUsers;
use self::inbox::Inbox;
use self::lanes::PublishLanes;
use self::link::Link;
use self::operations::Operations;
use self::pace::Pace;
use self::repeats::Repeats;
use self::request::encode;
use self::restore::Restore;
use self::seal::Sealer;
use self::skipping::Skipping;
use self::stream::Stream;
use self::waiting::Waiting;
use crate::channel_id::ChannelId;
use crate::encryption::Encryption;
use crate::error::Error;
use crate::limits::ServerLimits;
use crate::link::{LinkOperation, LinkReason, LinkState};

/// Silence after which a session dies, unless heartbeats come less often than that.
const SILENCE_MIN: Duration = Duration::from_secs(40);
/// How long the answer to a heartbeat may take, as in RTM 2.x.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What a core is made with.
#[derive(Clone, Debug)]
pub struct CoreConfig {
    /// The app.
    pub app_id: AppId,
    /// The user.
    pub user_id: UserId,
    /// The server's key.
    pub server_key: PublicKey,
    /// How long to try to come back after a loss; for ever if `None`.
    pub reconnect_timeout: Option<Duration>,
    /// How long one attempt to log in may take.
    pub login_timeout: Duration,
    /// Pause after which the server is pinged; whole seconds.
    pub heartbeat_interval: Duration,
    /// How long the others aren't told of a loss; whole seconds.
    pub presence_timeout: Duration,
    /// What payloads are sealed with from end to end, if they are.
    pub encryption: Option<Encryption>,
    /// What carries packets.
    pub carriers: Carriers,
    /// Whether the system may cut datagrams into fragments: then none are longer than pass
    /// everywhere.
    pub may_fragment: bool,
    /// What may wait for a connection.
    pub waiting_max: WaitingMax,
}

/// Where a handle belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Channel(ChannelName),
    Inbox,
    Stream(ChannelName),
    Publication(ChannelName, TopicName),
    Topic(ChannelName, TopicName),
    UserMetadata(UserId),
}

/// One client. `W` is what the driver wants back with the answer to a command.
#[derive(Debug)]
pub struct Core<W> {
    config: CoreConfig,
    chance: ChaCha12Rng,
    endpoint: Endpoint,
    link: Link,
    connection: Connection<W>,
    /// Who waits for the login, if anybody.
    login_waiter: Option<W>,
    instance: SessionInstance,
    token: String,
    /// The newest that this login has brought.
    ticket: Option<Ticket>,
    /// What has led to the link's present state, and why.
    link_why: (LinkOperation, LinkReason),
    /// How many tickets have come.
    tickets: u64,
    /// Whether the session is, or will be, there with another token than the present one.
    is_token_unshown: bool,
    /// Whether the attempt that is under way has its login in the handshake.
    is_login_ahead: bool,
    /// Whether the next attempt goes by the ticket. An attempt that nobody answers is followed by
    /// one of the other kind: what doesn't come through may be the ticket.
    is_ticket_next: bool,
    servers: Vec<SocketAddr>,
    /// Those of the present attempt.
    tried: Vec<SocketAddr>,
    /// Those that this round of a login has not tried yet.
    untried: Vec<SocketAddr>,
    /// Why the last attempt to log in, or to come back, was in vain.
    last_failure: Option<Error>,
    sealer: Option<Sealer>,
    operations: Operations<W>,
    repeats: Repeats<W>,
    waiting: Waiting<W>,
    pace: Pace,
    lanes: PublishLanes,
    skipping: Skipping,
    own_states: OwnStates,
    /// Channels in which states are to be shown again, at a time.
    states_due: Deadlines<ChannelId>,
    /// Sets of metadata that are to be read again for who follows them, at a time.
    reads_due: Deadlines<MetadataTarget>,
    holdings: Holdings,
    /// What was told of them last.
    held: HeldLocks,
    /// What the server has told that it allows.
    limits: ServerLimits,
    restore: Option<Restore>,
    channels: BTreeMap<ChannelName, Channel<W>>,
    inbox: Inbox,
    streams: BTreeMap<ChannelName, Stream<W>>,
    heard_users: HeardUsers,
    /// Sets of metadata that were followed in this session.
    followed: BTreeSet<MetadataTarget>,
    places: BTreeMap<HandleId, Place>,
    outputs: VecDeque<Output<W>>,
}

impl<W> Core<W> {
    /// A core that draws all chance from `seed`: nobody else may know it, or use it again.
    #[must_use]
    pub fn new(mut config: CoreConfig, seed: [u8; 32]) -> Self {
        let mut chance = ChaCha12Rng::from_seed(seed);
        let mut endpoint_seed = [0; 32];
        chance.fill_bytes(&mut endpoint_seed);
        let mut endpoint_config = rtm_session::Config::default()
            .keep_alive(Some(config.heartbeat_interval))
            .idle_timeout(SILENCE_MIN.max(config.heartbeat_interval + ANSWER_WITHIN))
            .handshake_timeout(config.login_timeout)
            .carriers(config.carriers)
            .send_queue(4 * 1_024 * 1_024, 32_768);
        if config.may_fragment {
            endpoint_config = endpoint_config.datagram_len_max(0);
        }
        let sealing = config.encryption.take();
        let sealer = sealing.map(|it| Sealer::new(config.app_id.clone(), &it, &mut chance));
        let limits = ServerLimits::default();
        Self {
            link: Link::new(config.reconnect_timeout),
            config,
            chance,
            endpoint: Endpoint::client(endpoint_config, Seed::from_bytes(endpoint_seed)),
            connection: Connection::Down,
            login_waiter: None,
            instance: SessionInstance(0),
            token: String::new(),
            ticket: None,
            link_why: (LinkOperation::Logout, LinkReason::Logout),
            tickets: 0,
            is_token_unshown: false,
            is_login_ahead: false,
            is_ticket_next: false,
            servers: Vec::new(),
            tried: Vec::new(),
            untried: Vec::new(),
            last_failure: None,
            own_states: states::none(&limits, sealer.is_some()),
            sealer,
            operations: Operations::new(),
            repeats: Repeats::new(),
            waiting: Waiting::new(),
            pace: Pace::default(),
            lanes: PublishLanes::default(),
            skipping: Skipping::default(),
            states_due: Deadlines::new(),
            reads_due: Deadlines::new(),
            holdings: Holdings::new(),
            held: HeldLocks::new(),
            limits,
            restore: None,
            channels: BTreeMap::new(),
            inbox: Inbox::default(),
            streams: BTreeMap::new(),
            heard_users: HeardUsers::new(),
            followed: BTreeSet::new(),
            places: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes a command. Its answer comes with `waiter`; without one nobody hears of it.
    ///
    /// What needs the server waits while there is no connection, but a login was asked for.
    pub fn handle_command(&mut self, now: Time, command: Command, waiter: Option<W>) {
        if let Some((command, waiter)) = self.let_wait(now, command, waiter) {
            self.carry_out(now, command, waiter);
        }
        self.settle(now);
    }

    fn carry_out(&mut self, now: Time, command: Command, waiter: Option<W>) {
        match command {
            Command::Publish { target, payload, options } => {
                self.publish(now, &target, &payload, &options, waiter);
            }
            Command::Login { token, servers } => self.login(now, token, servers, waiter),
            Command::Servers(servers) => self.merge_servers(servers),
            Command::Logout => self.logout(now, waiter),
            Command::RenewToken(token) => self.renew_token(now, token, waiter),
            Command::RenewChannelToken { channel, token } => {
                self.renew_channel_token(now, channel, token, waiter);
            }
            Command::Subscribe { channel, options, handle } => {
                self.subscribe(now, channel, options, handle, waiter);
            }
            Command::Unsubscribe { channel } => self.unsubscribe(now, &channel, waiter),
            Command::OpenInbox { handle } => self.open_inbox(now, handle, waiter),
            Command::Join { channel, options, handle } => {
                self.join(now, channel, options, handle, waiter);
            }
            Command::Leave { channel } => self.leave(now, &channel, waiter),
            Command::Topics { channel } => {
                let answer = self.topics(&channel);
                self.answer(waiter, answer);
            }
            Command::JoinTopic { channel, topic, options, handle } => {
                self.join_topic(now, channel, topic, options, handle, waiter);
            }
            Command::LeaveTopic { handle } => self.leave_topic(now, handle, waiter),
            Command::SubscribeTopic { channel, topic, users, queue, handle } => {
                self.subscribe_topic(now, channel, topic, (users, queue), handle, waiter);
            }
            Command::AddPublishers { handle, users } => {
                self.add_publishers(now, handle, users, waiter);
            }
            Command::RemovePublishers { handle, users } => {
                self.remove_publishers(now, handle, &users, waiter);
            }
            Command::UnsubscribeTopic { handle } => self.unsubscribe_topic(now, handle, waiter),
            Command::SubscribedUsers { channel, topic } => {
                let answer = self.subscribed_users(&channel, &topic);
                self.answer(waiter, answer);
            }
            command => self.handle_module_command(now, command, waiter),
        }
    }

    /// What concerns presence, metadata, locks or histories.
    fn handle_module_command(&mut self, now: Time, command: Command, waiter: Option<W>) {
        match command {
            Command::SetStates { channel, states } => {
                self.set_states(now, channel, &states, waiter);
            }
            Command::RemoveStates { channel, keys } => {
                self.remove_states(now, channel, &keys, waiter);
            }
            Command::GetStates { channel, user } => self.get_states(now, channel, &user, waiter),
            Command::OnlineUsers { channel, options } => {
                self.online_users(now, channel, &options, waiter);
            }
            Command::UserChannels { user } => self.user_channels(now, &user, waiter),
            Command::WriteMetadata { target, kind, items, options } => {
                self.write_metadata(now, &target, kind, (&items, &options), waiter);
            }
            Command::ReadMetadata { target } => self.read_metadata(now, target, waiter),
            Command::ReadMetadataPage { target, limit, after } => {
                self.read_page(now, &target, (limit, &after), waiter);
            }
            Command::GetMessages { channel, options } => {
                self.get_messages(now, channel, options, waiter);
            }
            Command::SubscribeUserMetadata { user, handle } => {
                self.subscribe_user_metadata(now, user, handle, waiter);
            }
            Command::UnsubscribeUserMetadata { user } => {
                self.unsubscribe_user_metadata(now, user, waiter);
            }
            Command::Lock { channel, name, act } => {
                self.act_on_lock(now, &channel, (&name, act), waiter);
            }
            Command::GetLocks { channel } => self.get_locks(now, &channel, waiter),
            other => debug_assert!(false, "{other:?} is carried out above"),
        }
    }

    /// Nobody holds this handle any more: ends what it stands for.
    pub fn handle_drop(&mut self, now: Time, handle: HandleId) {
        if !self.let_drop_wait(handle) {
            self.carry_out_drop(now, handle);
        }
        self.settle(now);
    }

    fn carry_out_drop(&mut self, now: Time, handle: HandleId) {
        match self.places.get(&handle).cloned() {
            Some(Place::Channel(channel)) => self.unsubscribe(now, &channel, None),
            Some(Place::Inbox) => self.close_inbox(now),
            Some(Place::Stream(channel)) => self.drop_stream_events(&channel),
            Some(Place::Publication(..)) => self.drop_publication(now, handle),
            Some(Place::Topic(..)) => self.unsubscribe_topic(now, handle, None),
            Some(Place::UserMetadata(user)) => self.unsubscribe_user_metadata(now, user, None),
            None => {}
        }
    }

    /// This end's network has changed, or may have: the session says so to the server at once, and
    /// a client that waits to come back tries now.
    pub fn network_changed(&mut self, now: Time) {
        self.endpoint.local_address_changed(now);
        if self.link.hurry(now) {
            self.on_tick(now);
        }
        self.settle(now);
    }

    /// The application has taken messages.
    pub fn release(&mut self, now: Time, credit: Credit) {
        self.endpoint.release(now, credit.session, credit.lane, credit.bytes);
    }

    /// Takes a datagram. Anything may be in it.
    pub fn handle_datagram(&mut self, now: Time, from: impl Into<Remote>, datagram: BytesMut) {
        self.endpoint.handle_datagram(now, from, datagram);
        self.settle(now);
    }

    /// Takes news of a stream.
    pub fn handle_stream(&mut self, now: Time, event: rtm_session::StreamEvent) {
        self.endpoint.handle_stream(now, event);
        self.settle(now);
    }

    /// What is to be done about streams next.
    pub fn poll_stream_action(&mut self) -> Option<StreamAction> {
        self.endpoint.poll_stream_action()
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Time) {
        self.endpoint.handle_timeout(now);
        self.settle(now);
        self.on_tick(now);
        self.settle(now);
    }

    /// The next answer or event.
    pub fn poll_output(&mut self) -> Option<Output<W>> {
        self.outputs.pop_front()
    }

    /// Writes the next datagram over `datagram` and says where it goes.
    pub fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        self.endpoint.poll_transmit(now, datagram)
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let deadlines = [
            self.endpoint.poll_timeout(),
            self.link_deadline(),
            self.connection.deadline(),
            self.skipping.poll_timeout(),
            self.states_due.next(),
            self.reads_due.next(),
            self.holdings.poll_timeout(),
            self.waiting_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// The link's state.
    #[must_use]
    pub const fn link_state(&self) -> LinkState {
        self.link.state()
    }

    /// Requests that the server has not answered.
    #[must_use]
    pub fn operations_in_flight(&self) -> usize {
        self.operations.len()
    }

    /// What this user shows, or wants to show, in a channel; by key.
    #[must_use]
    pub fn own_states(&self, channel: &ChannelId) -> Vec<(String, String)> {
        let states = self.own_states.states(channel.kind(), channel.channel_name());
        let text = |value| String::from_utf8_lossy(value).into_owned();
        states.map(|state| (state.key.to_owned(), text(state.value))).collect()
    }

    /// What the session layer sees of the present session.
    #[must_use]
    pub fn session_stats(&self) -> Option<rtm_session::SessionStats> {
        self.connection.session().and_then(|session| self.endpoint.stats(session))
    }

    /// Takes what the endpoint has to tell.
    fn settle(&mut self, now: Time) {
        loop {
            self.settle_endpoint(now);
            if !self.advance_waiting(now) {
                break;
            }
        }
        self.send_receipt(now);
        self.advance_skipping(now);
        self.advance_states(now);
        self.advance_reads(now);
        self.advance_holdings(now);
    }

    fn settle_endpoint(&mut self, now: Time) {
        self.advance_farewell(now);
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Message { session, lane, payload, .. } => {
                    self.on_message(now, session, lane, &payload);
                }
                Event::Connected { session, answer } => {
                    // Empty when the login comes in a message.
                    if let Ok(reply) = Reply::decode(&answer) {
                        self.on_limits(reply.result);
                    }
                    self.on_connected(now, session);
                }
                Event::Resumed { session, answer, .. } => {
                    if let Ok(reply) = Reply::decode(&answer) {
                        self.on_limits(reply.result);
                    }
                    self.on_resumed(now, session);
                }
                Event::Ticket { session, ticket } if self.connection.session() == Some(session) => {
                    self.ticket = Some(ticket);
                    self.tickets += 1;
                    self.is_ticket_next = true;
                }
                Event::Refused { session, code, answer } => {
                    self.on_refused(now, session, code, &answer);
                }
                Event::Closed { session, cause } => self.on_closed(now, session, cause),
                // Nothing waits for room in a queue, and events say themselves where they belong.
                _ => {}
            }
            self.advance_farewell(now);
        }
    }

    fn on_message(&mut self, now: Time, session: SessionId, lane: LaneId, message: &Bytes) {
        let credit = Credit { session, lane, bytes: message.len() };
        if self.connection.session() != Some(session) {
            return self.release(now, credit);
        }
        let is_held = match ServerOperation::decode(message) {
            Ok(ServerOperation::Event(ChannelNews::Message(event))) => {
                self.on_channel_message(message, &event, credit)
            }
            Ok(ServerOperation::Event(ChannelNews::TopicMessage(event))) => {
                self.on_topic_message(message, &event, credit)
            }
            Ok(ServerOperation::Event(ChannelNews::Presence(event))) => {
                self.on_presence_event(now, &event, credit)
            }
            Ok(ServerOperation::Event(ChannelNews::Topic(event))) => {
                self.on_topic_event(now, &event);
                false
            }
            Ok(ServerOperation::Event(ChannelNews::Storage(event))) => {
                self.on_storage_event(now, &event, credit)
            }
            Ok(ServerOperation::Event(ChannelNews::Lock(event))) => {
                self.on_lock_event(&event, credit)
            }
            Ok(ServerOperation::Event(ChannelNews::Token(event))) => {
                self.on_token_event(now, &event);
                false
            }
            Ok(ServerOperation::Event(ChannelNews::Position(event))) => {
                self.on_position(&event);
                false
            }
            // A later server may know more.
            Ok(ServerOperation::Event(_)) => false,
            Ok(ServerOperation::Reply(reply)) => {
                self.on_reply(now, &reply);
                false
            }
            Err(error) => {
                // An operation whose answer can't be read would never end, so the session does.
                let error = Error::from(error);
                tracing::warn!(%error, "session closed");
                self.endpoint.close(now, session, CloseCode::PROTOCOL, "unreadable operation");
                false
            }
        };
        if !is_held {
            self.release(now, credit);
        }
    }
}
