//! The client's core as a node of a simulated network, with everything that it has told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use rtm_channel::{AppId, UserId};
use rtm_client::core::{Answer, Command, Core, CoreConfig, Credit, HandleId, HeldLocks, Output};
use rtm_client::{
    ChannelEvent, Error, LinkEvent, LinkReason, LinkState, LockEvent, PresenceChange,
    PresenceEvent, ServerLimits, StorageEvent, StreamEvent, StreamLinkEvent, TokenEvent,
    TopicEvent, UserMetadataEvent, UserState,
};
use rtm_session::{Carriers, Remote};
use rtm_sim::Node;
use rtm_wire::Time;

use super::server::public_key;

/// A core and what came of it, in order.
pub(crate) struct Client {
    pub(crate) core: Core<u64>,
    pub(crate) answers: BTreeMap<u64, Result<Answer, Error>>,
    pub(crate) links: Vec<LinkEvent>,
    pub(crate) limits: Option<ServerLimits>,
    /// How often it was told: once a session.
    pub(crate) limits_seen: usize,
    /// What it was told of its token.
    pub(crate) tokens: Vec<TokenEvent>,
    pub(crate) stream_links: Vec<StreamLinkEvent>,
    /// Locks that it may rely on.
    pub(crate) held: HeldLocks,
    pub(crate) channels: Vec<(HandleId, ChannelEvent)>,
    /// How many of them there were when the client was logged out, or gave up.
    pub(crate) lives: Vec<usize>,
    /// How many of them there were when an answer came.
    pub(crate) answered_at: BTreeMap<u64, usize>,
    pub(crate) topics: Vec<(HandleId, TopicEvent)>,
    pub(crate) streams: Vec<(HandleId, StreamEvent)>,
    /// Who is in channels and stream channels, apart from everything else.
    pub(crate) presence: Vec<(HandleId, PresenceEvent)>,
    /// Metadata of channels, stream channels and users, apart from everything else.
    pub(crate) storage: Vec<(HandleId, StorageEvent)>,
    /// Locks of channels and stream channels, apart from everything else.
    pub(crate) locks: Vec<(HandleId, LockEvent)>,
    /// Why subscriptions to users' metadata have ended.
    pub(crate) storage_ended: Vec<(HandleId, Error)>,
    pub(crate) ended: Vec<HandleId>,
    /// Whether messages are taken as soon as they are there.
    pub(crate) takes: bool,
    credits: Vec<Credit>,
    last_waiter: u64,
}

impl Client {
    pub(crate) fn config(app: &str, user: &str) -> CoreConfig {
        CoreConfig {
            app_id: AppId::new(app).unwrap(),
            user_id: UserId::new(user).unwrap(),
            server_key: public_key(),
            reconnect_timeout: None,
            login_timeout: Duration::from_secs(10),
            heartbeat_interval: Duration::from_secs(5),
            presence_timeout: Duration::from_secs(300),
            encryption: None,
            carriers: Carriers::Datagrams,
            may_fragment: false,
            waiting_max: Default::default(),
        }
    }

    pub(crate) fn new(config: CoreConfig, seed: [u8; 32]) -> Self {
        Self {
            core: Core::new(config, seed),
            answers: BTreeMap::new(),
            links: Vec::new(),
            limits: None,
            limits_seen: 0,
            tokens: Vec::new(),
            stream_links: Vec::new(),
            held: HeldLocks::new(),
            channels: Vec::new(),
            lives: Vec::new(),
            answered_at: BTreeMap::new(),
            topics: Vec::new(),
            streams: Vec::new(),
            presence: Vec::new(),
            storage: Vec::new(),
            locks: Vec::new(),
            storage_ended: Vec::new(),
            ended: Vec::new(),
            takes: true,
            credits: Vec::new(),
            last_waiter: 0,
        }
    }

    /// Hands a command to the core; the number of its answer.
    pub(crate) fn command(&mut self, now: Time, command: Command) -> u64 {
        self.last_waiter += 1;
        self.core.handle_command(now, command, Some(self.last_waiter));
        self.settle(now);
        self.last_waiter
    }

    pub(crate) fn drop_handle(&mut self, now: Time, handle: u64) {
        self.core.handle_drop(now, HandleId(handle));
        self.settle(now);
    }

    /// Whether messages are taken from now on; those that are there, too.
    pub(crate) fn set_takes(&mut self, now: Time, takes: bool) {
        self.takes = takes;
        self.settle(now);
    }

    /// The states that the link has gone through, and why.
    pub(crate) fn link_states(&self) -> Vec<(LinkState, LinkReason)> {
        self.links.iter().map(|event| (event.current, event.reason)).collect()
    }

    /// What the subscription of a message channel, or the inbox, got, in short.
    pub(crate) fn heard(&self, handle: u64) -> Vec<String> {
        let events = self.channels.iter().filter(|(to, _)| to.0 == handle);
        let in_short = |event: &ChannelEvent| match event {
            ChannelEvent::Message(it) => {
                format!("{} {}: {}", it.publisher, it.sequence, text(&it.payload))
            }
            ChannelEvent::Gap(gap) => format!("gap of {}", count(gap.count)),
            ChannelEvent::Ended(error) => format!("ended: {}", error.code()),
            other => format!("{other:?}"),
        };
        events.map(|(_, event)| in_short(event)).collect()
    }

    /// What a topic subscription got, in short.
    pub(crate) fn heard_topic(&self, handle: u64) -> Vec<String> {
        let events = self.topics.iter().filter(|(to, _)| to.0 == handle);
        let in_short = |event: &TopicEvent| match event {
            TopicEvent::Message(it) => {
                format!("{} {}: {}", it.publisher, it.sequence, text(&it.payload))
            }
            TopicEvent::Gap(gap) => format!("gap of {}", count(gap.count)),
            TopicEvent::Ended(error) => format!("ended: {}", error.code()),
            other => format!("{other:?}"),
        };
        events.map(|(_, event)| in_short(event)).collect()
    }

    /// What a membership got, in short.
    pub(crate) fn heard_stream(&self, handle: u64) -> Vec<String> {
        let events = self.streams.iter().filter(|(to, _)| to.0 == handle);
        let in_short = |event: &StreamEvent| match event {
            StreamEvent::Snapshot(list) => {
                let names =
                    list.iter().map(|entry| format!(" {}/{}", entry.topic, entry.publisher));
                format!("snapshot{}", names.collect::<String>())
            }
            StreamEvent::PublisherJoined(entry) => format!("+{}/{}", entry.topic, entry.publisher),
            StreamEvent::PublisherLeft { topic, publisher, .. } => format!("-{topic}/{publisher}"),
            StreamEvent::Ended(error) => format!("ended: {}", error.code()),
            other => format!("{other:?}"),
        };
        events.map(|(_, event)| in_short(event)).collect()
    }

    /// What a subscription or membership was told of who is there, in short.
    pub(crate) fn present(&self, handle: u64) -> Vec<String> {
        let events = self.presence.iter().filter(|(to, _)| to.0 == handle);
        let in_short = |event: &PresenceEvent| match &event.change {
            PresenceChange::Snapshot(users) => format!("snapshot {}", shown(users)),
            PresenceChange::StateChanged(user) => shown(std::slice::from_ref(user)),
            PresenceChange::Joined(user) => format!("+{user}"),
            PresenceChange::Left(user) => format!("-{user}"),
            PresenceChange::TimedOut(user) => format!("timeout {user}"),
            PresenceChange::Interval { joined, left, timed_out, changed } => format!(
                "interval +{} -{} timeout {}{}{}",
                joined.join(" "),
                left.join(" "),
                timed_out.join(" "),
                if changed.is_empty() { "" } else { " changed " },
                shown(changed)
            ),
            other => format!("{other:?}"),
        };
        events.map(|(_, event)| in_short(event)).collect()
    }

    /// What a subscription or membership was told of metadata, in short: what was done, the
    /// revision, by whom, what was written, and what was removed.
    pub(crate) fn stored(&self, handle: u64) -> Vec<String> {
        let events = self.storage.iter().filter(|(to, _)| to.0 == handle);
        let in_short = |event: &StorageEvent| {
            let mut words = format!("{:?} {}", event.change, event.major_revision).to_lowercase();
            words.extend(event.author.iter().map(|author| format!(" by {author}")));
            let changed = event.changed.iter().map(|key| {
                let item = event.items.get(key).expect("what was written is there");
                format!(" {key}={}", text(&item.value))
            });
            words.extend(changed);
            words.extend(event.removed.iter().map(|key| format!(" -{key}")));
            words
        };
        events.map(|(_, event)| in_short(event)).collect()
    }

    /// The set that a subscription or membership was told of last, in short.
    pub(crate) fn stored_set(&self, handle: u64) -> String {
        let last = self.storage.iter().rfind(|(to, _)| to.0 == handle);
        let (_, event) = last.expect("it was told of one");
        let items = event.items.iter().map(|item| format!("{}={}", item.key, text(&item.value)));
        items.collect::<Vec<_>>().join(" ")
    }

    /// What a subscription or membership was told of locks, in short: what was done, by whom, and
    /// each lock with its owner and token: `acquired by bob l=bob/2`.
    pub(crate) fn locked(&self, handle: u64) -> Vec<String> {
        let events = self.locks.iter().filter(|(to, _)| to.0 == handle);
        let in_short = |event: &LockEvent| {
            let mut words = format!("{:?}", event.change).to_lowercase();
            words.extend(event.actor.iter().map(|actor| format!(" by {actor}")));
            let locks = event.locks.iter().map(|lock| {
                let owner = lock.owner.as_deref().unwrap_or_default();
                format!(" {}={owner}/{}", lock.name, lock.token)
            });
            words.extend(locks);
            words
        };
        events.map(|(_, event)| in_short(event)).collect()
    }

    fn take_stream(&mut self, handle: HandleId, event: StreamEvent) {
        match event {
            StreamEvent::Presence(event) => self.presence.push((handle, event)),
            StreamEvent::Storage(event) => self.storage.push((handle, event)),
            StreamEvent::Lock(event) => self.locks.push((handle, event)),
            event => self.streams.push((handle, event)),
        }
    }

    fn take_other(&mut self, output: Output<u64>) {
        match output {
            Output::Limits(limits) => {
                self.limits = Some(limits);
                self.limits_seen += 1;
            }
            Output::Held(held) => self.held = held,
            Output::Token(event) => self.tokens.push(event),
            Output::StreamLink(event) => self.stream_links.push(event),
            Output::ServersWanted => {}
            other => panic!("{other:?}"),
        }
    }

    fn settle(&mut self, now: Time) {
        while let Some(output) = self.core.poll_output() {
            let credit = match output {
                Output::Answer { waiter, result } => {
                    self.answered_at.insert(waiter, self.channels.len());
                    let former = self.answers.insert(waiter, result);
                    assert!(former.is_none(), "two answers to one command");
                    None
                }
                Output::Channel { handle, event: ChannelEvent::Presence(event), credit } => {
                    self.presence.push((handle, event));
                    credit
                }
                Output::Channel { handle, event: ChannelEvent::Storage(event), credit } => {
                    self.storage.push((handle, event));
                    credit
                }
                Output::Channel { handle, event: ChannelEvent::Lock(event), credit } => {
                    self.locks.push((handle, event));
                    credit
                }
                Output::UserMetadata { handle, event, credit } => {
                    match event {
                        UserMetadataEvent::Storage(event) => self.storage.push((handle, event)),
                        UserMetadataEvent::Ended(error) => self.storage_ended.push((handle, error)),
                        other => panic!("{other:?}"),
                    }
                    credit
                }
                Output::Channel { handle, event, credit } => {
                    self.channels.push((handle, event));
                    credit
                }
                Output::Topic { handle, event, credit } => {
                    self.topics.push((handle, event));
                    credit
                }
                Output::Stream { handle, event } => {
                    self.take_stream(handle, event);
                    None
                }
                Output::End(handle) => {
                    self.ended.push(handle);
                    None
                }
                Output::Link(event) => {
                    if let LinkState::Idle | LinkState::Failed = event.current {
                        self.lives.push(self.channels.len());
                    }
                    self.links.push(event);
                    None
                }
                other => {
                    self.take_other(other);
                    None
                }
            };
            self.credits.extend(credit);
        }
        if self.takes {
            for credit in std::mem::take(&mut self.credits) {
                self.core.release(now, credit);
            }
        }
    }
}

impl Node for Client {
    fn handle_datagram(&mut self, now: Time, from: SocketAddr, datagram: BytesMut) {
        self.core.handle_datagram(now, from, datagram);
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.core.handle_timeout(now);
        self.settle(now);
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<SocketAddr> {
        self.core.poll_transmit(now, datagram).map(Remote::addr)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.core.poll_timeout()
    }
}

fn text(payload: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(payload)
}

fn count(count: Option<u64>) -> String {
    count.map_or_else(|| "unknown size".to_owned(), |count| count.to_string())
}

/// Users and what they show: `bob(hand=up mood=well) carol`.
pub(crate) fn shown(users: &[UserState]) -> String {
    let one = |user: &UserState| {
        let mut pairs: Vec<_> =
            user.states.iter().map(|(key, value)| format!("{key}={value}")).collect();
        pairs.extend(user.unreadable.iter().map(|key| format!("{key}?")));
        match pairs.is_empty() {
            true => user.user.clone(),
            false => format!("{}({})", user.user, pairs.join(" ")),
        }
    };
    users.iter().map(one).collect::<Vec<_>>().join(" ")
}
