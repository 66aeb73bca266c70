//! Clients and one server, all real but for the network between them.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtm_channel::{ChannelName, UserId};
use rtm_client::core::{Answer, Command, CoreConfig, HandleId, Target};
use rtm_client::{
    Error, JoinOptions, LinkState, PublishOptions, Published, Qos, QueuePolicy, SubscribeOptions,
    TopicOptions,
};
use rtm_server::{AppLimits, HistoryRules, Status};
use rtm_session::Config;
use rtm_sim::{LinkConfig, Network, Node, World};
use rtm_topic::TopicName;
use rtm_wire::Time;

use super::client::Client;
use super::raw::{self, Raw};
use super::server::{Disk, OPEN_APP, Server};

pub(crate) const SERVER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 7_700);

pub(crate) enum Peer {
    Client(Box<Client>),
    Raw(Box<Raw>),
    Server(Box<Server>),
}

/// A world with one server and clients that are known by names, most often their users'.
pub(crate) struct Lab {
    pub(crate) world: World<Peer>,
    pub(crate) limits: AppLimits,
    pub(crate) session: Config,
    names: Vec<String>,
    epoch: u64,
}

impl Lab {
    /// Hosted limits, 20 ms from end to end, and this loss in both directions.
    pub(crate) fn new(loss: f64) -> Self {
        Self::build(11, link().loss(loss), AppLimits::hosted(), Config::server())
    }

    pub(crate) fn build(seed: u64, link: LinkConfig, limits: AppLimits, session: Config) -> Self {
        let mut network = Network::new(seed);
        network.set_default(link);
        let mut world = World::new(network);
        let server = Server::new(Time::ZERO, 1, limits, session.clone(), Disk::default());
        world.insert(SERVER, Peer::Server(Box::new(server))).unwrap();
        Self { world, limits, session, names: Vec::new(), epoch: 1 }
    }

    /// A world in which these users are logged in, in the app without tokens.
    pub(crate) fn with_users(loss: f64, users: &[&str]) -> Self {
        let mut lab = Self::new(loss);
        lab.add_users(users);
        lab
    }

    pub(crate) fn add_users(&mut self, users: &[&str]) {
        for user in users {
            self.add(user, OPEN_APP, user);
            self.log_in(user);
        }
        // The login counts at the server when the first packet after it is there.
        self.run(Duration::from_secs(2));
        assert!(self.status().sessions >= users.len());
    }

    pub(crate) fn add(&mut self, name: &str, app: &str, user: &str) {
        self.add_with(name, app, user, |_| {});
    }

    /// Adds a client that `adjust` has configured.
    pub(crate) fn add_with(
        &mut self,
        name: &str,
        app: &str,
        user: &str,
        adjust: impl FnOnce(&mut CoreConfig),
    ) {
        let mut config = Client::config(app, user);
        adjust(&mut config);
        let client = Client::new(config, self.next_seed());
        self.insert(name, Peer::Client(Box::new(client)));
    }

    /// Adds a client without rules whose login is this request, if any.
    pub(crate) fn add_raw(&mut self, name: &str, config: Config, login: &[u8]) {
        self.add_raw_unconnected(name, config, login);
        self.run(Duration::from_millis(500));
    }

    /// As [`add_raw`](Self::add_raw), and its first flight is under way.
    pub(crate) fn add_raw_unconnected(&mut self, name: &str, config: Config, login: &[u8]) {
        let seed = self.next_seed();
        self.insert(name, Peer::Raw(Box::new(Raw::new(config, seed))));
        self.with_raw(name, |raw, now| raw.connect(now, login));
    }

    /// Adds a client without rules that is logged in.
    pub(crate) fn add_raw_user(&mut self, user: &str, config: Config) {
        self.add_raw(user, config, &raw::encode(0, raw::login(user, 1)));
        assert!(self.raw(user).session.is_some(), "{user} is logged in");
    }

    fn next_seed(&self) -> [u8; 32] {
        let number = u16::try_from(self.names.len() + 1).unwrap();
        let [high, low] = number.to_be_bytes();
        let mut seed = [low; 32];
        seed[0] ^= high;
        seed
    }

    fn insert(&mut self, name: &str, peer: Peer) {
        assert!(!self.names.iter().any(|other| other == name), "{name} is there already");
        self.names.push(name.to_owned());
        self.world.insert(self.address(name), peer).unwrap();
    }

    pub(crate) fn log_in(&mut self, name: &str) {
        self.call(name, login("")).unwrap();
    }

    pub(crate) fn address(&self, name: &str) -> SocketAddr {
        let index = self.names.iter().position(|other| other == name).expect("it was added");
        let [high, low] = u16::try_from(index).unwrap().to_be_bytes();
        SocketAddr::from(([10, 0, 1 + high, low], 4_000))
    }

    pub(crate) fn client(&self, name: &str) -> &Client {
        let Peer::Client(client) = self.world.node(self.address(name)) else { panic!("{name}") };
        client
    }

    pub(crate) fn with_client<R>(
        &mut self,
        name: &str,
        act: impl FnOnce(&mut Client, Time) -> R,
    ) -> R {
        let address = self.address(name);
        let act = |peer: &mut Peer, now| match peer {
            Peer::Client(client) => act(client, now),
            _ => panic!("no client"),
        };
        self.world.with_node(address, act).unwrap()
    }

    pub(crate) fn raw(&self, name: &str) -> &Raw {
        let Peer::Raw(raw) = self.world.node(self.address(name)) else { panic!("{name}") };
        raw
    }

    pub(crate) fn with_raw<R>(&mut self, name: &str, act: impl FnOnce(&mut Raw, Time) -> R) -> R {
        let address = self.address(name);
        let act = |peer: &mut Peer, now| match peer {
            Peer::Raw(raw) => act(raw, now),
            _ => panic!("a client with rules"),
        };
        self.world.with_node(address, act).unwrap()
    }

    pub(crate) fn server(&self) -> &Server {
        let Peer::Server(server) = self.world.node(SERVER) else { panic!("a client") };
        server
    }

    pub(crate) fn status(&self) -> Status {
        self.server().status()
    }

    pub(crate) fn with_server<R>(&mut self, act: impl FnOnce(&mut Server, Time) -> R) -> R {
        let act = |peer: &mut Peer, now| match peer {
            Peer::Server(server) => act(server, now),
            _ => panic!("a client"),
        };
        self.world.with_node(SERVER, act).unwrap()
    }

    pub(crate) fn shut_down(&mut self) {
        let act = |peer: &mut Peer, now| match peer {
            Peer::Server(server) => server.shut_down(now),
            _ => panic!("a client"),
        };
        self.world.with_node(SERVER, act).unwrap();
    }

    /// Kills the server, and starts it again with what its disk has.
    pub(crate) fn restart_server(&mut self) {
        self.crash_server(false);
    }

    /// The same; what was on its way to the disk is there, or not.
    pub(crate) fn crash_server(&mut self, is_there: bool) {
        let disk = self.server().disk();
        self.start_server(disk.after_crash(is_there));
    }

    /// Kills the server, and starts it again after so long.
    pub(crate) fn stop_server_for(&mut self, span: Duration) {
        let disk = self.server().disk().after_crash(false);
        // What is left of it is heard by nobody.
        self.world.network_mut().set_blackout(SERVER, true);
        self.run(span);
        self.world.network_mut().set_blackout(SERVER, false);
        self.start_server(disk);
    }

    /// What is kept of histories from now on, by a server that begins anew.
    pub(crate) fn set_history(&mut self, rules: HistoryRules) {
        let mut disk = self.server().disk();
        disk.rules = rules;
        self.start_server(disk);
    }

    /// Replaces the server by another one, which remembers nothing.
    pub(crate) fn replace_server(&mut self) {
        self.start_server(Disk::default());
    }

    fn start_server(&mut self, disk: Disk) {
        self.epoch += 1;
        let (now, limits, session) = (self.world.now(), self.limits, self.session.clone());
        let server = Server::new(now, self.epoch, limits, session, disk);
        self.world.insert(SERVER, Peer::Server(Box::new(server))).unwrap();
    }

    pub(crate) fn set_blackout(&mut self, name: &str, cut: bool) {
        let address = self.address(name);
        self.world.network_mut().set_blackout(address, cut);
    }

    /// Cuts a client off for as long as it takes that its session dies at both ends.
    pub(crate) fn outage(&mut self, name: &str) {
        self.set_blackout(name, true);
        self.run(Duration::from_secs(40));
        self.set_blackout(name, false);
    }

    pub(crate) fn command(&mut self, name: &str, command: Command) -> u64 {
        self.with_client(name, |client, now| client.command(now, command))
    }

    /// The answer to a command, which comes within a minute.
    pub(crate) fn answer(&mut self, name: &str, waiter: u64) -> Result<Answer, Error> {
        let address = self.address(name);
        let has_answer = |world: &World<Peer>| match world.node(address) {
            Peer::Client(client) => client.answers.contains_key(&waiter),
            _ => false,
        };
        let deadline = self.world.now() + Duration::from_secs(60);
        assert!(self.world.run_until_true(deadline, has_answer).unwrap(), "no answer");
        self.client(name).answers[&waiter].clone()
    }

    /// A command and its answer.
    pub(crate) fn call(&mut self, name: &str, command: Command) -> Result<Answer, Error> {
        let waiter = self.command(name, command);
        self.answer(name, waiter)
    }

    /// The number of the error that a command meets, 0 if it succeeds.
    pub(crate) fn code(&mut self, name: &str, command: Command) -> i32 {
        self.call(name, command).map_or_else(|error| error.code(), |_| 0)
    }

    pub(crate) fn publish(&mut self, name: &str, target: Target, text: &str) -> u64 {
        self.command(name, publish(target, text.as_bytes()))
    }

    pub(crate) fn published(&mut self, name: &str, waiter: u64) -> Result<Published, Error> {
        match self.answer(name, waiter)? {
            Answer::Published(published) => Ok(published),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn run(&mut self, span: Duration) {
        let deadline = self.world.now() + span;
        self.world.run_until(deadline).unwrap();
    }

    /// Runs until the client's link is in this state, for ten minutes at most.
    pub(crate) fn run_until_link(&mut self, name: &str, state: LinkState) {
        let address = self.address(name);
        let is_there = |world: &World<Peer>| match world.node(address) {
            Peer::Client(client) => client.core.link_state() == state,
            _ => false,
        };
        let deadline = self.world.now() + Duration::from_secs(600);
        assert!(self.world.run_until_true(deadline, is_there).unwrap(), "never {state:?}");
    }

    /// Runs until a client has its session of this number, in which nothing is restored yet.
    pub(crate) fn run_until_session(&mut self, name: &str, number: usize) {
        let address = self.address(name);
        let is_there = |world: &World<Peer>| match world.node(address) {
            Peer::Client(client) => client.limits_seen >= number,
            _ => false,
        };
        let deadline = self.world.now() + Duration::from_secs(600);
        assert!(self.world.run_until_true(deadline, is_there).unwrap(), "never");
        assert_eq!(self.client(name).core.link_state(), LinkState::Connecting);
    }

    /// All log out, and nothing is left of them.
    pub(crate) fn end(&mut self, names: &[&str]) {
        for name in names {
            self.call(name, Command::Logout).unwrap();
        }
        self.run(Duration::from_secs(60));
        let Status { sessions, channels, .. } = self.status();
        assert_eq!((sessions, channels), (0, 0));
    }
}

impl Node for Peer {
    fn handle_datagram(&mut self, now: Time, from: SocketAddr, datagram: BytesMut) {
        match self {
            Self::Client(client) => client.handle_datagram(now, from, datagram),
            Self::Raw(raw) => raw.handle_datagram(now, from, datagram),
            Self::Server(server) => server.handle_datagram(now, from, datagram),
        }
    }

    fn handle_timeout(&mut self, now: Time) {
        match self {
            Self::Client(client) => client.handle_timeout(now),
            Self::Raw(raw) => raw.handle_timeout(now),
            Self::Server(server) => server.handle_timeout(now),
        }
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<SocketAddr> {
        match self {
            Self::Client(client) => client.poll_transmit(now, datagram),
            Self::Raw(raw) => raw.poll_transmit(now, datagram),
            Self::Server(server) => server.poll_transmit(now, datagram),
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        match self {
            Self::Client(client) => client.poll_timeout(),
            Self::Raw(raw) => raw.poll_timeout(),
            Self::Server(server) => server.poll_timeout(),
        }
    }
}

/// 20 ms from end to end.
/// A world in which nobody but alice is.
pub(crate) fn alice() -> Lab {
    Lab::with_users(0.0, &["alice"])
}

pub(crate) fn link() -> LinkConfig {
    LinkConfig::new().delay(Duration::from_millis(20))
}

pub(crate) fn login(token: &str) -> Command {
    Command::Login { token: token.to_owned(), servers: vec![SERVER] }
}

pub(crate) fn name(name: &str) -> ChannelName {
    ChannelName::new(name).unwrap()
}

pub(crate) fn topic(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}

pub(crate) fn channel(channel: &str) -> Target {
    Target::Channel(name(channel))
}

pub(crate) fn user(user: &str) -> Target {
    Target::User(UserId::new(user).unwrap())
}

/// The topic of this publication.
pub(crate) fn publication(handle: u64) -> Target {
    Target::Topic(HandleId(handle))
}

pub(crate) fn publish(target: Target, payload: &[u8]) -> Command {
    let (payload, options) = (Bytes::copy_from_slice(payload), PublishOptions::text());
    Command::Publish { target, payload, options }
}

pub(crate) fn subscribe(channel: &str, handle: u64) -> Command {
    let options = SubscribeOptions::new();
    Command::Subscribe { channel: name(channel), options, handle: HandleId(handle) }
}

pub(crate) fn subscribe_with(channel: &str, handle: u64, queue: QueuePolicy) -> Command {
    let options = SubscribeOptions::new().queue(queue);
    Command::Subscribe { channel: name(channel), options, handle: HandleId(handle) }
}

pub(crate) fn unsubscribe(channel: &str) -> Command {
    Command::Unsubscribe { channel: name(channel) }
}

pub(crate) fn join(channel: &str, handle: u64) -> Command {
    join_with(channel, handle, "")
}

pub(crate) fn join_with(channel: &str, handle: u64, token: &str) -> Command {
    let options = JoinOptions::new().token(token);
    Command::Join { channel: name(channel), options, handle: HandleId(handle) }
}

pub(crate) fn leave(channel: &str) -> Command {
    Command::Leave { channel: name(channel) }
}

pub(crate) fn join_topic(channel: &str, name: &str, handle: u64, qos: Qos) -> Command {
    join_topic_with(channel, name, handle, TopicOptions::new().qos(qos))
}

pub(crate) fn join_topic_with(
    channel: &str,
    name_: &str,
    handle: u64,
    options: TopicOptions,
) -> Command {
    let (channel, topic) = (name(channel), topic(name_));
    Command::JoinTopic { channel, topic, options, handle: HandleId(handle) }
}

pub(crate) fn leave_topic(handle: u64) -> Command {
    Command::LeaveTopic { handle: HandleId(handle) }
}

/// Without users: everybody.
pub(crate) fn subscribe_topic(channel: &str, name_: &str, users: &[&str], handle: u64) -> Command {
    let (channel, topic, handle) = (name(channel), topic(name_), HandleId(handle));
    let users = (!users.is_empty()).then(|| user_ids(users));
    let queue = rtm_wire::QueuePolicy::Default;
    Command::SubscribeTopic { channel, topic, users, queue, handle }
}

pub(crate) fn unsubscribe_topic(handle: u64) -> Command {
    Command::UnsubscribeTopic { handle: HandleId(handle) }
}

pub(crate) fn open_inbox(handle: u64) -> Command {
    Command::OpenInbox { handle: HandleId(handle) }
}

pub(crate) fn user_ids(users: &[&str]) -> Vec<UserId> {
    users.iter().map(|user| UserId::new(user).unwrap()).collect()
}
