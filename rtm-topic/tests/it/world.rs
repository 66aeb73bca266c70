//! One stream channel, its owner, and clients with sessions that get lost. Messages, answers and
//! news wait in lanes until the schedule delivers them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use rtm_channel::{
    AppId, ChannelKey, ChannelName, Fanout, Identity, Limits, Refusal, SubscriberId, UserId,
};
use rtm_topic::{
    Delivery, Membership, PublisherState, StreamAuthority, StreamView, SubscribeOutcome,
    TopicLimits, TopicName, TopicVerdict, Topics,
};
use rtm_wire::{
    ChannelKind, Epoch, Event, FailedUser, JoinTopic, List, MessageType, Position, Priority,
    PublishTopic, Qos, Reliability, Sequence, SessionInstance, SubscribeOptions, Time, TopicUsers,
    UnixTime,
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
    Subscribed { topic: usize, all: bool, outcome: Option<SubscribeOutcome> },
    Unsubscribed { topic: usize, all: bool, outcome: SubscribeOutcome, ended: BTreeSet<Grant> },
    News(Bytes),
}

#[derive(Debug, Default)]
struct Session {
    id: u64,
    up: VecDeque<Asked>,
    control: VecDeque<Control>,
    /// One lane for each publication that is heard, anew each time that it begins to be heard.
    lanes: BTreeMap<(Publication, Grant), (Arrival0, VecDeque<Bytes>)>,
}

/// What all messages of a lane have in common.
#[derive(Clone, Copy, Debug, Default)]
struct Arrival0 {
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
    let succeeded: Vec<_> = outcome.succeeded.iter().map(UserId::as_str).collect();
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
        let delivery = Delivery { qos, priority: Priority::High };
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
        self.act(client, is_subscribed, ask, |_| Some(Asked::Unsubscribe(number, named.to_vec())));
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

    /// The owner carries out the client's next request.
    pub(crate) fn carry_out(&mut self, client: usize) -> bool {
        let Some(session) = &mut self.clients[client].session else { return false };
        let Some(asked) = session.up.pop_front() else { return false };
        let id = session.id;
        let before = self.authority.clone();
        let mut news = Vec::new();
        let answer = match asked {
            Asked::Join => Some(self.let_in(client, id)),
            Asked::Leave => {
                let result = self.authority.leave(SubscriberId(id));
                let expected = self.owner.leave(id);
                assert_eq!(result.as_ref().map(Vec::len).map_err(|it| it.code), expected);
                news = result.unwrap_or_default();
                Some(Control::Left(self.owner.all_grants(id)))
            }
            Asked::JoinTopic(topic, delivery) => {
                let result = self.let_publish(id, topic, delivery);
                let is_ok = result.is_some();
                news.extend(result);
                Some(Control::TopicJoined(topic, is_ok))
            }
            Asked::LeaveTopic(number) => {
                let result = self.authority.leave_topic(SubscriberId(id), topic(number).as_str());
                let expected = self.owner.leave_topic(id, number);
                assert_eq!(result.as_ref().map(|_| ()).map_err(|it| it.code), expected);
                news.extend(result);
                Some(Control::TopicLeft(number))
            }
            Asked::Publish(topic) => {
                self.sequence(client, id, topic);
                None
            }
            Asked::Subscribe(topic, named) => Some(self.let_hear(id, topic, &named)),
            Asked::Unsubscribe(topic, named) => {
                let answer = self.let_go(id, topic, &named);
                if let Some(Control::Unsubscribed { ended, .. }) = &answer {
                    self.clients[client].model.ending.extend(ended);
                }
                answer
            }
        };
        if self.authority.position() == before.position() {
            assert!(news.is_empty());
        }
        let session = self.clients[client].session.as_mut().expect("it asked just now");
        session.control.extend(answer);
        news.into_iter().for_each(|news| self.spread(client, news));
        self.check_position();
        true
    }

    fn let_in(&mut self, client: usize, id: u64) -> Control {
        let identity = Identity { user: user(client), instance: SessionInstance(1) };
        let before = self.authority.clone();
        let result = self.authority.join(SubscriberId(id), identity, SubscribeOptions::default());
        let expected = self.owner.join(id, client);
        assert_eq!(result.as_ref().map(|_| ()).map_err(|it| it.code), expected);
        self.unchanged_if(result.is_err(), &before);
        if let Ok(topics) = &result {
            let shown = topics.publishers().into_iter();
            let shown =
                shown.map(|it| (number(it.topic), number(it.user), it.publication.0, it.last.0));
            let published = &self.owner.published;
            let published = published.iter().map(|it| (it.topic, it.user, it.number, it.last));
            assert_eq!(shown.collect::<BTreeSet<_>>(), published.collect::<BTreeSet<_>>());
        }
        Control::Joined(result.ok())
    }

    fn let_publish(&mut self, id: u64, number: usize, delivery: Delivery) -> Option<Fanout> {
        let name = topic(number);
        let join = JoinTopic {
            channel: "class",
            topic: name.as_str(),
            qos: delivery.qos,
            priority: delivery.priority,
            reliability: Reliability::Reliable,
            meta: b"",
        };
        let before = self.authority.clone();
        let result = self.authority.join_topic(Time::ZERO, SubscriberId(id), &join);
        let is_ordered = delivery.qos == Qos::Ordered;
        let expected = self.owner.join_topic(id, number, is_ordered);
        let position = result.as_ref().map(|(position, _)| position.sequence.0);
        assert_eq!(position.map_err(|it| it.code), expected);
        self.unchanged_if(result.is_err(), &before);
        result.ok().map(|(_, news)| news)
    }

    fn let_hear(&mut self, id: u64, number: usize, named: &[usize]) -> Control {
        let names: Vec<_> = named.iter().map(|&it| user(it)).collect();
        let names: Vec<_> = names.iter().map(UserId::as_str).collect();
        let before = self.authority.clone();
        let topic_name = topic(number);
        let list = List::Slice(&names);
        let result = self.authority.subscribe_topic(SubscriberId(id), topic_name.as_str(), list);
        let expected = self.owner.subscribe(id, number, named);
        let outcome = result.as_ref().map(plain).map_err(|it| it.code);
        assert_eq!(outcome, expected);
        self.unchanged_if(result.is_err(), &before);
        Control::Subscribed { topic: number, all: named.is_empty(), outcome: result.ok() }
    }

    fn let_go(&mut self, id: u64, number: usize, named: &[usize]) -> Option<Control> {
        let names: Vec<_> = named.iter().map(|&it| user(it)).collect();
        let names: Vec<_> = names.iter().map(UserId::as_str).collect();
        let before = self.authority.clone();
        let topic_name = topic(number);
        let list = List::Slice(&names);
        let result = self.authority.unsubscribe_topic(SubscriberId(id), topic_name.as_str(), list);
        let grants = |owner: &owner_model::Owner, gone: &[usize]| match (named, gone) {
            ([_, ..], []) => BTreeSet::new(),
            ([], _) => owner.grants(id, number, &[]),
            (_, gone) => owner.grants(id, number, gone),
        };
        let expected = self.owner.unsubscribe(id, number, named);
        let outcome = result.as_ref().map(plain).map_err(|it| it.code);
        assert_eq!(outcome, expected);
        self.unchanged_if(result.is_err(), &before);
        let (gone, _) = expected.ok()?;
        let ended = grants(&self.owner, &gone);
        let outcome = result.ok()?;
        Some(Control::Unsubscribed { topic: number, all: named.is_empty(), outcome, ended })
    }

    fn sequence(&mut self, client: usize, id: u64, number: usize) {
        let name = topic(number);
        let publish = PublishTopic {
            channel: "class",
            topic: name.as_str(),
            message_type: MessageType::Binary,
            custom_type: "",
            payload: b"",
        };
        let before = self.authority.clone();
        let time = UnixTime::from_millis(0);
        let result = self.authority.publish_topic(Time::ZERO, time, SubscriberId(id), &publish);
        let expected = self.owner.publish(id, number);
        let sequence = result.as_ref().map(|it| it.0.position.sequence.0);
        assert_eq!(sequence.map_err(|it| it.code), expected);
        self.unchanged_if(result.is_err(), &before);
        let Ok((_, key, fanout)) = result else { return };
        assert_eq!((number_of(&key.topic), &key.user), (number, &user(client)));
        let it = self.owner.find(number, client).expect("it publishes");
        let order = self.authority.delivery(&key).map(|delivery| delivery.qos == Qos::Ordered);
        assert_eq!(order, Some(it.is_ordered));
        let heard: Vec<_> = it.heard.keys().copied().map(SubscriberId).collect();
        assert_eq!(fanout.to, heard);
        let publication = (self.owner.epoch, it.number);
        for session in self.clients.iter_mut().filter_map(|client| client.session.as_mut()) {
            if let Some(&grant) = it.heard.get(&session.id) {
                let about = Arrival0 { topic: number, user: client, is_ordered: it.is_ordered };
                let lane = session.lanes.entry((publication, grant));
                let (_, lane) = lane.or_insert_with(|| (about, VecDeque::new()));
                lane.push_back(fanout.event.clone());
            }
        }
    }

    fn unchanged_if(&self, is_refused: bool, before: &StreamAuthority) {
        if is_refused {
            assert_eq!(self.authority, *before, "a refusal changes nothing");
        }
    }

    /// News of a user go to all others.
    fn spread(&mut self, about: usize, news: Fanout) {
        let others = self.owner.others(about).into_iter().map(SubscriberId);
        assert_eq!(news.to, others.collect::<Vec<_>>());
        for session in self.clients.iter_mut().filter_map(|client| client.session.as_mut()) {
            if news.to.contains(&SubscriberId(session.id)) {
                session.control.push_back(Control::News(news.event.clone()));
            }
        }
    }

    fn check_position(&self) {
        let (epoch, sequence) = (Epoch(self.owner.epoch), Sequence(self.owner.sequence));
        assert_eq!(self.authority.position(), Position { epoch, sequence });
        assert_eq!(self.authority.is_empty(), self.owner.members.is_empty());
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
        let Arrival0 { topic, user, is_ordered } = *about;
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
    let succeeded = outcome.succeeded.iter().map(|user| number(user.as_str()));
    let failed = outcome.failed.iter().map(|(user, code)| (number(user), *code));
    (succeeded.collect(), failed.collect())
}

impl Client {
    fn on_control(&mut self, control: Control) {
        match control {
            Control::Joined(Some(topics)) => self.on_joined(&topics),
            Control::Joined(None) => {
                self.view.on_refused();
                self.model.clear();
            }
            Control::Left(ended) => {
                self.view.on_left();
                self.model.left(ended);
            }
            Control::TopicJoined(number, is_ok) => {
                self.view.on_topic_joined(&topic(number), is_ok);
                let own = self.model.own.get_mut(&number).filter(|own| **own == Own::Joining);
                match own {
                    Some(own) if is_ok => *own = Own::Joined,
                    _ => _ = self.model.own.remove(&number),
                }
            }
            Control::TopicLeft(number) => {
                self.view.on_topic_left(&topic(number));
                self.model.own.remove(&number);
            }
            Control::Subscribed { topic: number, all, outcome: Some(outcome) } => {
                with_users(&outcome, |users| {
                    self.view.on_topic_subscribed(&topic(number), all, users);
                });
                self.model.subscribed(number, all, &plain(&outcome).0);
            }
            Control::Subscribed { topic: number, .. } => {
                self.view.on_topic_refused(&topic(number));
                self.model.refused(number);
            }
            Control::Unsubscribed { topic: number, all, outcome, ended } => {
                with_users(&outcome, |users| {
                    self.view.on_topic_unsubscribed(&topic(number), all, users);
                });
                self.model.unsubscribed(number, all, &plain(&outcome).0, ended);
            }
            Control::News(event) => {
                let Ok(Event::Topic(event)) = Event::decode(&event) else { panic!("no news") };
                let is_joined = self.model.phase == Phase::Joined;
                assert_eq!(self.view.on_topic_event(&event), is_joined, "{event:?}");
                assert!(!self.view.on_topic_event(&event), "known by now");
                for (topic, named) in self.view.take_returned() {
                    let named: Vec<_> = named.iter().map(|user| number(user.as_str())).collect();
                    self.ask(number_of(&topic), &named);
                }
            }
        }
    }

    /// A new membership, or an old one again: then all that came with it is asked for again.
    fn on_joined(&mut self, topics: &Topics) {
        let publishers = topics.publishers();
        let missed = self.view.on_joined(topics.position, List::Slice(&publishers));
        self.model.phase = Phase::Joined;
        for it in missed {
            let publication = (it.publication.epoch.0, it.publication.sequence.0);
            let who = (number_of(&it.topic), number(it.user.as_str()));
            let before = it.before.map(|before| before.0);
            self.model.missed(who, publication, it.after.0, before);
        }
        for it in &publishers {
            self.model.shown((topics.position.epoch.0, it.publication.0), it.last.0);
        }
        let own = self.view.own_publications();
        let own = own.map(|(topic, state)| match state {
            PublisherState::Joining(delivery, _) => Asked::JoinTopic(number_of(topic), *delivery),
            other => panic!("{other:?} in a new session"),
        });
        let own: Vec<_> = own.collect();
        let wishes = self.view.subscriptions();
        let wishes: Vec<_> = wishes
            .map(|(topic, all, users)| {
                let users = users.iter().map(|user| number(user.as_str()));
                (number_of(topic), all, users.collect::<Vec<_>>())
            })
            .collect();
        let session = self.session.as_mut().expect("something arrived in it");
        session.up.extend(own);
        for (topic, all, named) in wishes {
            if !named.is_empty() {
                self.ask(topic, &named);
            }
            if all {
                self.ask(topic, &[]);
            }
        }
    }

    fn ask(&mut self, number: usize, named: &[usize]) {
        self.view.subscribe_topic(&topic(number), &users(named)).expect("it is a member");
        self.model.ask(number, named);
        let session = self.session.as_mut().expect("something arrived in it");
        session.up.push_back(Asked::Subscribe(number, named.to_vec()));
    }

    fn check_settled(&self, owner: &owner_model::Owner) {
        let id = self.session.as_ref().expect("connected").id;
        let is_member = owner.members.contains_key(&id);
        assert_eq!(matches!(self.view.membership(), Membership::Joined(_)), is_member);
        assert_eq!(self.model.phase == Phase::Joined, is_member);
        let all = owner.published.iter().filter(|it| is_member && it.user != self.number);
        let all: BTreeSet<_> =
            all.map(|it| (it.topic, it.user, it.number, it.is_ordered)).collect();
        let shown = self.view.topics().map(|(topic, user, info)| {
            let is_ordered = info.delivery.qos == Qos::Ordered;
            (number_of(topic), number(user.as_str()), info.publication.0, is_ordered)
        });
        assert_eq!(shown.collect::<BTreeSet<_>>(), all, "publishers of {self:?}");
        let own = owner.published.iter().filter(|it| it.session == id).map(|it| it.topic);
        let joined = self.view.own_publications().map(|(topic, state)| {
            assert!(matches!(state, PublisherState::Joined(..)), "{state:?}");
            number_of(topic)
        });
        assert_eq!(joined.collect::<BTreeSet<_>>(), own.collect::<BTreeSet<_>>());
        for number in 0..3 {
            self.check_heard(owner, id, number);
        }
    }

    fn check_heard(&self, owner: &owner_model::Owner, id: u64, topic_number: usize) {
        let wish = owner.wishes.get(&(id, topic_number)).cloned().unwrap_or_default();
        let subscribed = self.view.subscribed_users(&topic(topic_number));
        if wish.all || !wish.users.is_empty() {
            assert!(subscribed.is_ok(), "{self:?}");
        }
        let subscribed = subscribed.unwrap_or_default();
        let subscribed: BTreeSet<_> = subscribed.iter().map(|it| number(it.as_str())).collect();
        assert_eq!(subscribed, wish.users.keys().copied().collect(), "{self:?}");
        for it in owner.published.iter().filter(|it| it.topic == topic_number) {
            if it.heard.contains_key(&id) {
                self.model.check_settled((owner.epoch, it.number), it.last, it.is_ordered);
            }
        }
    }
}
