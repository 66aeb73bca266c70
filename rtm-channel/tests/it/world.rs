//! One channel, its owner, and clients with sessions that get lost. Messages and answers wait in
//! lanes until the schedule delivers them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rtm_channel::{
    AppId, ChannelKey, ChannelName, Gap, Identity, LastSequences, Limits, MessageAuthority,
    MessageView, PublishLog, SubscriberId, UserId, Verdict, ViewState,
};
use rtm_wire::{
    ChannelKind, Epoch, ErrorCode, Event, MessageType, OperationId, Position, PublishFlags,
    SessionInstance, SubscribeOptions, Time, UnixTime,
};

use crate::model::{self, At, Message, Phase, Say};

#[derive(Clone, Copy, Debug)]
enum Asked {
    Subscribe(SubscribeOptions),
    Unsubscribe,
    Publish(u64),
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    Subscribed(Option<Position>),
    Unsubscribed,
    Published(u64),
}

/// What one session of a client has under way.
#[derive(Debug, Default)]
struct Session {
    id: u64,
    up: VecDeque<Asked>,
    control: VecDeque<Answer>,
    lanes: BTreeMap<u64, VecDeque<(Position, Message)>>,
    /// The lane of the present subscription, if there was a message.
    lane: Option<u64>,
}

#[derive(Debug)]
struct Client {
    view: MessageView,
    model: model::Client,
    session: Option<Session>,
    operations: u64,
    /// Publishes without an answer.
    open: BTreeSet<u64>,
    /// A session whose loss the owner has not noticed yet.
    ghost: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct World {
    limits: Limits,
    key: ChannelKey,
    authority: Option<MessageAuthority>,
    last: LastSequences,
    log: PublishLog<rtm_wire::Published>,
    owner: model::Owner,
    clients: Vec<Client>,
    sessions: u64,
    lanes: u64,
    now: Time,
}

fn at(position: Position) -> At {
    (position.epoch.0, position.sequence.0)
}

fn pair(gap: Gap) -> (At, At) {
    (at(gap.after), at(gap.before))
}

fn user(client: usize) -> UserId {
    UserId::new(&format!("user {client}")).expect("a name")
}

fn identity(client: usize) -> Identity {
    Identity { user: user(client), instance: SessionInstance(client as u64) }
}

impl World {
    /// A message channel.
    pub(crate) fn new(clients: usize) -> Self {
        let mut limits = Limits::hosted();
        limits.message_members = clients - 1;
        let kind = ChannelKind::Message;
        let name = ChannelName::from(&user(0));
        let key = ChannelKey { app: AppId::new("app").expect("a name"), kind, name };
        let members_max = limits.message_members;
        let client = |_| {
            let view = MessageView::default();
            let (model, open) = (model::Client::new(Phase::Idle), BTreeSet::new());
            Client { view, model, session: None, operations: 0, open, ghost: None }
        };
        Self {
            limits,
            key,
            authority: None,
            last: LastSequences::new(10),
            log: PublishLog::new(),
            owner: model::Owner::new(members_max),
            clients: (0..clients).map(client).collect(),
            sessions: 0,
            lanes: 0,
            now: Time::ZERO,
        }
    }

    pub(crate) fn subscribe(&mut self, client: usize, hears: bool) {
        let Client { view, model, session: Some(session), .. } = &mut self.clients[client] else {
            return;
        };
        let options = SubscribeOptions { messages: hears, ..SubscribeOptions::default() };
        let before = view.clone();
        let is_ok = view.subscribe(options).is_ok();
        assert_eq!(is_ok, model.subscribe(hears));
        if is_ok {
            session.up.push_back(Asked::Subscribe(options));
        } else {
            assert_eq!(*view, before, "a refusal changes nothing");
        }
    }

    pub(crate) fn unsubscribe(&mut self, client: usize) {
        let Client { view, model, session, .. } = &mut self.clients[client];
        let before = view.clone();
        let is_ok = view.unsubscribe().is_ok();
        assert_eq!(is_ok, model.unsubscribe());
        match session {
            Some(session) if is_ok => session.up.push_back(Asked::Unsubscribe),
            _ if is_ok => {}
            _ => assert_eq!(*view, before, "a refusal changes nothing"),
        }
    }

    pub(crate) fn publish(&mut self, client: usize) {
        let client = &mut self.clients[client];
        if let Some(session) = &mut client.session {
            client.operations += 1;
            client.open.insert(client.operations);
            session.up.push_back(Asked::Publish(client.operations));
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

    /// A new session; the owner hears of it before it notices the old one's end.
    pub(crate) fn connect(&mut self, number: usize) {
        if self.clients[number].session.is_some() {
            return;
        }
        self.log.on_session_began(&identity(number));
        self.notice_loss(number);
        self.sessions += 1;
        let client = &mut self.clients[number];
        let mut session = Session { id: self.sessions, ..Session::default() };
        let was_lost = client.model.reconnect();
        let again = client.view.resubscribe();
        assert_eq!(again.is_some(), was_lost);
        session.up.extend(again.map(|(options, _)| Asked::Subscribe(options)));
        // What was not answered is asked again, under the same numbers.
        session.up.extend(client.open.iter().copied().map(Asked::Publish));
        client.session = Some(session);
    }

    /// The owner notices that a session is gone.
    pub(crate) fn notice_loss(&mut self, number: usize) {
        let Some(ghost) = self.clients[number].ghost.take() else { return };
        if let Some(authority) = &mut self.authority {
            authority.remove(SubscriberId(ghost));
        }
        self.owner.remove(ghost);
        self.log.on_session_ended(self.now, &identity(number));
        self.drop_if_empty();
    }

    /// All sessions end, the owner forgets everything but its epoch.
    pub(crate) fn restart(&mut self) {
        for number in 0..self.clients.len() {
            self.disconnect(number);
            self.clients[number].ghost = None;
            // Their outcome can't be known.
            self.clients[number].open.clear();
        }
        self.owner.restart();
        self.authority = None;
        self.last = LastSequences::new(10);
        self.log = PublishLog::new();
    }

    /// The owner carries out the client's next request.
    pub(crate) fn carry_out(&mut self, number: usize) -> bool {
        self.now += std::time::Duration::from_millis(1);
        let Some(session) = &mut self.clients[number].session else { return false };
        let Some(asked) = session.up.pop_front() else { return false };
        let id = session.id;
        let answer = match asked {
            Asked::Subscribe(options) => Answer::Subscribed(self.let_in(number, id, options)),
            Asked::Unsubscribe => {
                self.let_out(number, id);
                Answer::Unsubscribed
            }
            Asked::Publish(operation) => {
                self.sequence(number, operation);
                Answer::Published(operation)
            }
        };
        self.drop_if_empty();
        let session = self.clients[number].session.as_mut().expect("it asked just now");
        session.control.push_back(answer);
        true
    }

    fn let_in(&mut self, number: usize, id: u64, options: SubscribeOptions) -> Option<Position> {
        let authority = self.authority();
        let before = authority.clone();
        let result = authority.subscribe(SubscriberId(id), identity(number), options);
        if let Err(refusal) = &result {
            assert_eq!(refusal.code, ErrorCode::CHANNEL_SUBSCRIBE_FAILED);
            assert_eq!(*authority, before, "a refusal changes nothing");
        }
        let expected = self.owner.subscribe(id, options.messages);
        assert_eq!(result.as_ref().ok().copied().map(at), expected);
        if let Some(granted) = expected {
            self.clients[number].model.granted = granted;
        }
        result.ok()
    }

    fn let_out(&mut self, number: usize, id: u64) {
        let authority = self.authority();
        let before = authority.clone();
        let result = authority.unsubscribe(SubscriberId(id));
        if let Err(refusal) = &result {
            assert_eq!(refusal.code, ErrorCode::CHANNEL_NOT_SUBSCRIBED);
            assert_eq!(*authority, before, "a refusal changes nothing");
        }
        assert_eq!(result.is_ok(), self.owner.remove(id));
        // The lane ends with what is on it; another subscription gets another one.
        let session = self.clients[number].session.as_mut().expect("it asked just now");
        session.lane = None;
    }

    fn sequence(&mut self, number: usize, operation: u64) {
        let expected = self.owner.publish((number, operation));
        let repeated = self.log.find(&identity(number), OperationId(operation));
        let repeated = repeated.map(|published| at(published.position));
        let key = self.key.clone();
        let payload = operation.to_be_bytes();
        let publish = rtm_wire::Publish {
            channel: key.as_ref(),
            flags: PublishFlags::default(),
            message_type: MessageType::Binary,
            custom_type: "",
            payload: &payload,
        };
        if let model::Publish::Repeated(position) = expected {
            assert_eq!(repeated, Some(position), "a repeated publish gets its first answer");
            return;
        }
        assert_eq!(repeated, None);
        let authority = self.authority();
        let before = authority.clone();
        let (published, fanout) =
            authority.publish(UnixTime::from_millis(0), &user(number), &publish);
        let model::Publish::New(position, to) = expected else {
            unreachable!("a repeat has been answered")
        };
        assert!(before.position() < authority.position(), "positions only grow");
        assert_eq!(at(published.position), position);
        assert_eq!(fanout.to, to.into_iter().map(SubscriberId).collect::<Vec<_>>());
        self.log.insert(&identity(number), OperationId(operation), published, false);
        self.fan_out(&fanout.event, &fanout.to);
    }

    fn fan_out(&mut self, event: &[u8], to: &[SubscriberId]) {
        let Ok(Event::Message(event)) = Event::decode(event) else { panic!("not a message") };
        assert_eq!(event.channel, self.key.as_ref());
        let publisher = (0..self.clients.len()).find(|&n| user(n).as_str() == event.publisher);
        let operation = u64::from_be_bytes(event.payload.try_into().expect("8 bytes"));
        let message = (publisher.expect("one of us"), operation);
        for session in self.clients.iter_mut().filter_map(|client| client.session.as_mut()) {
            if to.contains(&SubscriberId(session.id)) {
                let lane = *session.lane.get_or_insert_with(|| {
                    self.lanes += 1;
                    self.lanes
                });
                session.lanes.entry(lane).or_default().push_back((event.position, message));
            }
        }
    }

    /// Something arrives at the client: the next answer, or the next message of one of its lanes.
    pub(crate) fn arrive(&mut self, number: usize, choice: usize) -> bool {
        let client = &mut self.clients[number];
        let Some(session) = &mut client.session else { return false };
        session.lanes.retain(|_, lane| !lane.is_empty());
        let has_answer = usize::from(!session.control.is_empty());
        let choices = has_answer + session.lanes.len();
        let Some(choice) = choice.checked_rem(choices) else { return false };
        if choice < has_answer {
            let answer = session.control.pop_front().expect("there is one");
            client.on_answer(answer);
        } else {
            let lane = session.lanes.values_mut().nth(choice - has_answer).expect("counted");
            let (position, message) = lane.pop_front().expect("empty ones are gone");
            let said = match client.view.on_message(position) {
                Verdict::Deliver => Say::Deliver,
                Verdict::DeliverAfter(gap) => Say::DeliverAfter(at(gap.after), at(gap.before)),
                Verdict::Repeat => Say::Repeat,
                Verdict::Unwanted => Say::Unwanted,
            };
            let expected = client.model.message(&self.owner, at(position), message);
            assert_eq!(said, expected, "{message:?} at {position:?}: {client:?}");
        }
        true
    }

    /// Everybody connects and everything arrives; then views equal the truth.
    pub(crate) fn settle(&mut self) {
        for number in 0..self.clients.len() {
            self.connect(number);
        }
        self.run_dry();
        self.publish(self.clients.len() - 1);
        self.run_dry();
        for client in &self.clients {
            let id = client.session.as_ref().map(|session| session.id).expect("connected");
            let authority = self.authority.as_ref();
            let is_member = authority.is_some_and(|it| it.is_subscribed(SubscriberId(id)));
            assert_eq!(is_member, self.owner.members.contains_key(&id));
            let sees_itself = matches!(client.view.state(), ViewState::Subscribed { .. });
            assert_eq!(sees_itself, is_member, "{client:?}");
            assert_eq!(sees_itself, client.model.phase == Phase::On);
            assert_eq!(client.view.state() == ViewState::Idle, client.model.phase == Phase::Idle);
            client.model.check_settled(&self.owner);
        }
    }

    fn run_dry(&mut self) {
        let everybody = 0..self.clients.len();
        while everybody.clone().any(|number| self.carry_out(number) || self.arrive(number, 0)) {}
    }

    /// The authority, as an owner keeps it: made when it is needed.
    fn authority(&mut self) -> &mut MessageAuthority {
        let (key, epoch) = (&self.key, Epoch(self.owner.epoch));
        self.authority.get_or_insert_with(|| {
            MessageAuthority::new(key.clone(), epoch, self.last.take(key), &self.limits)
        })
    }

    /// And dropped when nobody is in the channel.
    fn drop_if_empty(&mut self) {
        if let Some(authority) = self.authority.take_if(|authority| authority.is_empty()) {
            assert!(self.owner.members.is_empty());
            assert_eq!(at(authority.position()), self.owner.at());
            self.last.insert(self.key.clone(), authority.position().sequence);
        }
    }
}

impl Client {
    fn on_answer(&mut self, answer: Answer) {
        match answer {
            Answer::Subscribed(Some(position)) => {
                let gaps = self.view.on_subscribed(position);
                let expected = self.model.subscribed(Some(at(position)));
                let gaps: Vec<_> = gaps.into_iter().map(pair).collect();
                assert_eq!(gaps, Vec::from_iter(expected), "{self:?}");
            }
            Answer::Subscribed(None) => {
                self.view.on_refused();
                self.model.subscribed(None);
            }
            Answer::Unsubscribed => {
                self.view.on_unsubscribed();
                self.model.unsubscribed();
            }
            Answer::Published(operation) => _ = self.open.remove(&operation),
        }
    }
}
