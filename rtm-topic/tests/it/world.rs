//! One stream channel, its owner, and clients with sessions that get lost. Messages, answers and
//! news wait in lanes until the schedule delivers them.

mod client;
mod owner;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use rtm_channel::{AppId, ChannelKey, ChannelName, Limits, Refusal, SubscriberId, UserId};
use rtm_topic::{
    StreamAuthority, StreamView, SubscribeOutcome, TopicLimits, TopicName, TopicVerdict, Topics,
};
use rtm_wire::{
    ChannelKind, Delivery, Epoch, Event, FailedUser, List, Priority, Qos, Sequence,
    SubscribeOptions, TopicUsers,
};

use crate::client_model::{self, Arrival, Own, Phase, Said};
use crate::owner_model::{self, Grant, Publication};

#[derive(Clone, Debug)]
enum Asked {
    Join,
    Leave,
    JoinTopic(usize, Delivery),
    LeaveTopic(usize),
    Publish(usize),
    Subscribe(usize, Vec<usize>),
    Unsubscribe(usize, Vec<usize>),
}

/// What travels on the control lane.
#[derive(Clone, Debug)]
enum Control {
    Joined(Option<Topics>),
    Left(BTreeSet<Grant>),
    TopicJoined(usize, bool),
    TopicLeft(usize),
    Subscribed {
        topic: usize,
        all: bool,
        outcome: Option<SubscribeOutcome>,
    },
    Unsubscribed {
        topic: usize,
        all: bool,
        outcome: SubscribeOutcome,
        ended: BTreeSet<Grant>,
    },
    /// Whether the owner lets this client hear the publication that it tells of.
    News {
        event: Bytes,
        is_heard: bool,
    },
}

#[derive(Debug, Default)]
struct Session {
    id: u64,
    up: VecDeque<Asked>,
    control: VecDeque<Control>,
    /// One lane for each publication that is heard, anew each time that it begins to be heard.
    lanes: BTreeMap<(Publication, Grant), (LaneKind, VecDeque<Bytes>)>,
}

/// What all messages of a lane have in common.
#[derive(Clone, Copy, Debug, Default)]
struct LaneKind {
    topic: usize,
    user: usize,
    is_ordered: bool,
}

#[derive(Debug)]
struct Client {
    number: usize,
    view: StreamView,
    model: client_model::Client,
    session: Option<Session>,
    /// A session whose loss the owner has not noticed yet.
    ghost: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct World {
    authority: StreamAuthority,
    owner: owner_model::Owner,
    clients: Vec<Client>,
    sessions: u64,
}

fn user(number: usize) -> UserId {
    UserId::new(&format!("user{number}")).expect("a name")
}

fn topic(number: usize) -> TopicName {
    TopicName::new(&format!("topic{number}")).expect("a name")
}

/// The number at the end of a name.
fn number(name: &str) -> usize {
    name[name.len() - 1..].parse().expect("our names end with a digit")
}

fn users(numbers: &[usize]) -> Vec<UserId> {
    numbers.iter().map(|&number| user(number)).collect()
}

fn limits() -> TopicLimits {
    let mut limits = TopicLimits::open();
    limits.joined_topics = owner_model::JOINED_TOPICS;
    limits.subscribed_topics = owner_model::SUBSCRIBED_TOPICS;
    limits.publishers_per_subscription = owner_model::USERS_MAX;
    limits
}

fn authority(epoch: u64) -> StreamAuthority {
    let (app, name) = (AppId::new("app"), ChannelName::new("class"));
    let (app, name) = (app.expect("a name"), name.expect("a name"));
    let key = ChannelKey { app, kind: ChannelKind::Stream, name };
    let mut channel = Limits::open();
    channel.stream_members = owner_model::MEMBERS_MAX;
    StreamAuthority::new(key, Epoch(epoch), Sequence(0), &channel, limits())
}

/// As they come back from the wire.
fn with_users<T>(outcome: &SubscribeOutcome, act: impl FnOnce(&TopicUsers<'_>) -> T) -> T {
    let succeeded = outcome.heard_users();
    let failed: Vec<_> =
        outcome.failed.iter().map(|(user, code)| FailedUser { user, code: *code }).collect();
    act(&TopicUsers { succeeded: List::Slice(&succeeded), failed: List::Slice(&failed) })
}

impl World {
    pub(crate) fn new(clients: usize) -> Self {
        let client = |number| Client {
            number,
            view: StreamView::new(&limits()),
            model: client_model::Client::new(),
            session: None,
            ghost: None,
        };
        let owner = owner_model::Owner { epoch: 1, ..owner_model::Owner::default() };
        let clients = (0..clients).map(client).collect();
        Self { authority: authority(1), owner, clients, sessions: 0 }
    }

    pub(crate) fn join(&mut self, client: usize) {
        let is_idle = self.clients[client].model.phase == Phase::Idle;
        self.act(
            client,
            is_idle,
            |view| view.join(SubscribeOptions::default()),
            |model| {
                model.phase = Phase::Joining;
                Some(Asked::Join)
            },
        );
    }

    pub(crate) fn leave(&mut self, client: usize) {
        let phase = self.clients[client].model.phase;
        let is_in = matches!(phase, Phase::Joined | Phase::Lost);
        self.act(client, is_in, StreamView::leave, |model| {
            model.leave();
            (phase == Phase::Joined).then_some(Asked::Leave)
        });
    }

    pub(crate) fn join_topic(&mut self, client: usize, number: usize, is_ordered: bool) {
        let model = &self.clients[client].model;
        let is_ok = model.phase == Phase::Joined && !model.own.contains_key(&number);
        let qos = if is_ordered { Qos::Ordered } else { Qos::Unordered };
        let delivery = Delivery { qos, priority: Priority::High, ..Delivery::default() };
        let join = |view: &mut StreamView| view.join_topic(&topic(number), delivery, Bytes::new());
        self.act(client, is_ok, join, |model| {
            model.own.insert(number, Own::Joining);
            Some(Asked::JoinTopic(number, delivery))
        });
    }

    pub(crate) fn leave_topic(&mut self, client: usize, number: usize) {
        let is_own = self.is_publisher(client, number);
        self.act(
            client,
            is_own,
            |view| view.leave_topic(&topic(number)),
            |model| {
                model.own.insert(number, Own::Leaving);
                Some(Asked::LeaveTopic(number))
            },
        );
    }

    pub(crate) fn publish(&mut self, client: usize, number: usize) {
        let is_own = self.is_publisher(client, number);
        let check = |view: &mut StreamView| view.check_publisher(&topic(number));
        self.act(client, is_own, check, |_| Some(Asked::Publish(number)));
    }

    pub(crate) fn subscribe(&mut self, client: usize, number: usize, named: &[usize]) {
        let is_in = self.clients[client].model.phase == Phase::Joined;
        let ask = |view: &mut StreamView| view.subscribe_topic(&topic(number), &users(named));
        self.act(client, is_in, ask, |model| {
            model.ask(number, named);
            Some(Asked::Subscribe(number, named.to_vec()))
        });
    }

    pub(crate) fn unsubscribe(&mut self, client: usize, number: usize, named: &[usize]) {
        let view = &self.clients[client].view;
        let is_subscribed = view.subscribed_users(&topic(number)).is_ok();
        let ask = |view: &mut StreamView| view.unsubscribe_topic(&topic(number), &users(named));
        self.act(client, is_subscribed, ask, |model| {
            model.unsubscribe(number, named);
            Some(Asked::Unsubscribe(number, named.to_vec()))
        });
    }

    fn is_publisher(&self, client: usize, topic: usize) -> bool {
        let model = &self.clients[client].model;
        model.phase == Phase::Joined && model.own.get(&topic) == Some(&Own::Joined)
    }

    /// A user's action, which must be allowed or refused as `is_ok` says.
    fn act(
        &mut self,
        client: usize,
        is_ok: bool,
        ask: impl FnOnce(&mut StreamView) -> Result<(), Refusal>,
        then: impl FnOnce(&mut client_model::Client) -> Option<Asked>,
    ) {
        let Client { view, model, session, .. } = &mut self.clients[client];
        let before = view.clone();
        let result = ask(view);
        assert_eq!(result.is_ok(), is_ok, "{result:?} of {before:?}");
        if is_ok {
            let asked = then(model);
            if let Some(session) = session {
                session.up.extend(asked);
            }
        } else {
            assert_eq!(*view, before, "a refusal changes nothing");
        }
    }

    pub(crate) fn disconnect(&mut self, number: usize) {
        let client = &mut self.clients[number];
        if let Some(session) = client.session.take() {
            client.view.on_disconnected();
            client.model.disconnect();
            client.ghost = Some(session.id);
        }
    }

    pub(crate) fn connect(&mut self, number: usize) {
        if self.clients[number].session.is_some() {
            return;
        }
        self.notice_loss(number);
        self.sessions += 1;
        let client = &mut self.clients[number];
        let mut session = Session { id: self.sessions, ..Session::default() };
        // Asked for while there was no session.
        if client.model.phase == Phase::Joining {
            session.up.push_back(Asked::Join);
        }
        let again = client.view.rejoin().is_some();
        assert_eq!(again, client.model.phase == Phase::Lost);
        if again {
            client.model.phase = Phase::Joining;
            session.up.push_back(Asked::Join);
        }
        client.session = Some(session);
    }

    pub(crate) fn notice_loss(&mut self, number: usize) {
        let Some(ghost) = self.clients[number].ghost.take() else { return };
        let news = self.authority.remove(SubscriberId(ghost));
        assert_eq!(news.len(), self.owner.leave(ghost).unwrap_or(0));
        news.into_iter().for_each(|news| self.spread(number, news));
        self.check_position();
    }

    pub(crate) fn restart(&mut self) {
        for number in 0..self.clients.len() {
            self.disconnect(number);
            self.clients[number].ghost = None;
        }
        self.owner.restart();
        self.authority = authority(self.owner.epoch);
    }

    /// Something arrives at the client: what is next on the control lane, or on another.
    pub(crate) fn arrive(&mut self, client: usize, choice: usize) -> bool {
        let client = &mut self.clients[client];
        let Some(session) = &mut client.session else { return false };
        session.lanes.retain(|_, (_, lane)| !lane.is_empty());
        let has_control = usize::from(!session.control.is_empty());
        let choices = has_control + session.lanes.len();
        let Some(lane) = choice.checked_rem(choices) else { return false };
        if lane < has_control {
            let control = session.control.pop_front().expect("there is one");
            client.on_control(control);
            return true;
        }
        let (&(publication, grant), (about, lane)) =
            session.lanes.iter_mut().nth(lane - has_control).expect("counted");
        let LaneKind { topic, user, is_ordered } = *about;
        // Without order, any may be next.
        let next = if is_ordered { 0 } else { choice / choices % lane.len() };
        let event = lane.remove(next).expect("empty ones are gone");
        let Ok(Event::TopicMessage(event)) = Event::decode(&event) else { panic!("no message") };
        assert_eq!((event.epoch.0, event.publication.0), publication);
        let said = match client.view.on_topic_message(&event) {
            TopicVerdict::Deliver => Said::Deliver,
            TopicVerdict::DeliverAfter(gap) => {
                assert_eq!(gap.before, event.sequence);
                Said::DeliverAfter(gap.after.0)
            }
            TopicVerdict::Repeat => Said::Repeat,
            TopicVerdict::Unwanted => Said::Unwanted,
        };
        let message = (publication, event.sequence.0);
        client.model.message(Arrival { topic, user, message, is_ordered, grant }, said);
        true
    }

    /// Everybody connects and everything arrives; then views equal the truth.
    pub(crate) fn settle(&mut self) {
        for number in 0..self.clients.len() {
            self.connect(number);
        }
        self.run_dry();
        for (client, topic) in (0..self.clients.len()).flat_map(|c| [(c, 0), (c, 1), (c, 2)]) {
            self.publish(client, topic);
        }
        self.run_dry();
        for client in &self.clients {
            client.check_settled(&self.owner);
        }
    }

    fn run_dry(&mut self) {
        let everybody = 0..self.clients.len();
        while everybody.clone().any(|number| self.carry_out(number) || self.arrive(number, 0)) {}
    }
}

fn number_of(topic: &TopicName) -> usize {
    number(topic.as_str())
}

fn plain(outcome: &SubscribeOutcome) -> owner_model::Outcome {
    let heard = outcome.succeeded.iter();
    let heard = heard.map(|it| (number(it.user.as_str()), it.publication.0, it.last.0));
    let failed = outcome.failed.iter().map(|(user, code)| (number(user), *code));
    (heard.collect(), failed.collect())
}
