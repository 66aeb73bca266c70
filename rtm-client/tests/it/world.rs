//! Clients and one server in a simulated network.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rtm_channel::{ChannelName, UserId};
use rtm_client::core::{Answer, Command, HandleId, Target};
use rtm_client::{
    Error, JoinOptions, LinkState, PublishOptions, Published, SubscribeOptions, TopicOptions,
};
use rtm_sim::{LinkConfig, Network, Node, World};
use rtm_topic::TopicName;
use rtm_wire::Time;

use super::client::Client;
use super::server::Server;

pub(crate) const SERVER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 7_700);

pub(crate) enum Peer {
    Client(Box<Client>),
    Server(Box<Server>),
}

/// A world with one server and clients that are known by their users' names.
pub(crate) struct Lab {
    pub(crate) world: World<Peer>,
    users: Vec<String>,
}

impl Lab {
    /// With 20 ms from end to end, and this loss in both directions.
    pub(crate) fn new(loss: f64) -> Self {
        let mut network = Network::new(11);
        network.set_default(LinkConfig::new().delay(Duration::from_millis(20)).loss(loss));
        let mut world = World::new(network);
        world.insert(SERVER, Peer::Server(Box::new(Server::new(1)))).unwrap();
        Self { world, users: Vec::new() }
    }

    /// A world in which these users are logged in.
    pub(crate) fn with_users(loss: f64, users: &[&str]) -> Self {
        let mut lab = Self::new(loss);
        for user in users {
            lab.add(user);
            lab.log_in(user);
        }
        // The login counts at the server when the first packet after it is there.
        lab.run(Duration::from_millis(if loss > 0.0 { 2_000 } else { 20 }));
        lab
    }

    pub(crate) fn add(&mut self, user: &str) {
        let seed = u8::try_from(self.users.len() + 1).unwrap();
        self.add_client(user, Client::new(user, seed));
    }

    pub(crate) fn add_client(&mut self, name: &str, client: Client) {
        self.users.push(name.to_owned());
        let address = self.address(name);
        self.world.insert(address, Peer::Client(Box::new(client))).unwrap();
    }

    pub(crate) fn log_in(&mut self, user: &str) {
        let login = self.command(user, login("token"));
        self.answer(user, login).unwrap();
    }

    pub(crate) fn address(&self, user: &str) -> SocketAddr {
        let index = self.users.iter().position(|name| name == user).expect("the user was added");
        SocketAddr::from(([10, 0, 1, u8::try_from(index).unwrap()], 4_000))
    }

    pub(crate) fn client(&self, user: &str) -> &Client {
        let Peer::Client(client) = self.world.node(self.address(user)) else { panic!("a server") };
        client
    }

    pub(crate) fn with_client<R>(
        &mut self,
        user: &str,
        act: impl FnOnce(&mut Client, Time) -> R,
    ) -> R {
        let address = self.address(user);
        let act = |peer: &mut Peer, now| match peer {
            Peer::Client(client) => act(client, now),
            Peer::Server(_) => panic!("a server"),
        };
        self.world.with_node(address, act).unwrap()
    }

    pub(crate) fn server(&self) -> &Server {
        let Peer::Server(server) = self.world.node(SERVER) else { panic!("a client") };
        server
    }

    pub(crate) fn with_server<R>(&mut self, act: impl FnOnce(&mut Server, Time) -> R) -> R {
        let act = |peer: &mut Peer, now| match peer {
            Peer::Server(server) => act(server, now),
            Peer::Client(_) => panic!("a client"),
        };
        self.world.with_node(SERVER, act).unwrap()
    }

    /// Replaces the server by one that remembers nothing.
    pub(crate) fn restart_server(&mut self, epoch: u64) {
        self.world.insert(SERVER, Peer::Server(Box::new(Server::new(epoch)))).unwrap();
    }

    pub(crate) fn command(&mut self, user: &str, command: Command) -> u64 {
        self.with_client(user, |client, now| client.command(now, command))
    }

    /// The answer to a command, which comes within a minute.
    pub(crate) fn answer(&mut self, user: &str, waiter: u64) -> Result<Answer, Error> {
        let address = self.address(user);
        let has_answer = |world: &World<Peer>| match world.node(address) {
            Peer::Client(client) => client.answers.contains_key(&waiter),
            Peer::Server(_) => false,
        };
        let deadline = self.world.now() + Duration::from_secs(60);
        assert!(self.world.run_until_true(deadline, has_answer).unwrap(), "no answer");
        self.client(user).answers[&waiter].clone()
    }

    /// A command and its answer.
    pub(crate) fn call(&mut self, user: &str, command: Command) -> Result<Answer, Error> {
        let waiter = self.command(user, command);
        self.answer(user, waiter)
    }

    pub(crate) fn publish(&mut self, user: &str, target: Target, text: &str) -> u64 {
        let payload = Bytes::copy_from_slice(text.as_bytes());
        let options = PublishOptions::text();
        self.command(user, Command::Publish { target, payload, options })
    }

    pub(crate) fn published(&mut self, user: &str, waiter: u64) -> Result<Published, Error> {
        match self.answer(user, waiter)? {
            Answer::Published(published) => Ok(published),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn run(&mut self, span: Duration) {
        let deadline = self.world.now() + span;
        self.world.run_until(deadline).unwrap();
    }

    /// Runs until the user's link is in this state, for two hours at most.
    pub(crate) fn run_until_link(&mut self, user: &str, state: LinkState) {
        let address = self.address(user);
        let is_there = |world: &World<Peer>| match world.node(address) {
            Peer::Client(client) => client.core.link_state() == state,
            Peer::Server(_) => false,
        };
        let deadline = self.world.now() + Duration::from_secs(7_200);
        assert!(self.world.run_until_true(deadline, is_there).unwrap(), "never {state:?}");
    }
}

impl Node for Peer {
    fn handle_datagram(&mut self, now: Time, from: SocketAddr, datagram: BytesMut) {
        match self {
            Self::Client(client) => client.handle_datagram(now, from, datagram),
            Self::Server(server) => Node::handle_datagram(&mut **server, now, from, datagram),
        }
    }

    fn handle_timeout(&mut self, now: Time) {
        match self {
            Self::Client(client) => client.handle_timeout(now),
            Self::Server(server) => Node::handle_timeout(&mut **server, now),
        }
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<SocketAddr> {
        match self {
            Self::Client(client) => client.poll_transmit(now, datagram),
            Self::Server(server) => Node::poll_transmit(&mut **server, now, datagram),
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        match self {
            Self::Client(client) => client.poll_timeout(),
            Self::Server(server) => Node::poll_timeout(&**server),
        }
    }
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

pub(crate) fn subscribe(channel: &str, handle: u64) -> Command {
    let options = SubscribeOptions::new();
    Command::Subscribe { channel: name(channel), options, handle: HandleId(handle) }
}

pub(crate) fn unsubscribe(channel: &str) -> Command {
    Command::Unsubscribe { channel: name(channel) }
}

pub(crate) fn join(channel: &str, handle: u64) -> Command {
    let options = JoinOptions::new().token("rtc token");
    Command::Join { channel: name(channel), options, handle: HandleId(handle) }
}

pub(crate) fn join_topic(
    channel: &str,
    name_: &str,
    handle: u64,
    options: TopicOptions,
) -> Command {
    let (channel, topic) = (name(channel), topic(name_));
    Command::JoinTopic { channel, topic, options, handle: HandleId(handle) }
}

/// Without users: everybody.
pub(crate) fn subscribe_topic(channel: &str, name_: &str, users: &[&str], handle: u64) -> Command {
    let (channel, topic, handle) = (name(channel), topic(name_), HandleId(handle));
    let users = (!users.is_empty()).then(|| user_ids(users));
    let queue = rtm_wire::QueuePolicy::Default;
    Command::SubscribeTopic { channel, topic, users, queue, handle }
}

pub(crate) fn user_ids(users: &[&str]) -> Vec<UserId> {
    users.iter().map(|user| UserId::new(user).unwrap()).collect()
}
