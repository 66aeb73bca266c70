//! The server without sockets or clocks: endpoint, gateway and owner.

use std::time::Duration;

use bytes::BytesMut;
use rtm_channel::{AppId, UserId};
use rtm_session::driver::Moment;
use rtm_session::{
    Config, Endpoint, EndpointCounters, Remote, Seed, StaticKey, StreamAction, StreamEvent,
};
use rtm_wire::{Epoch, Time};

use crate::access::Access;
use crate::gateway::{Gateway, GatewayCounters, Work};
use crate::limits::AppLimits;
use crate::owner::{Command, Output, Owner};
use crate::retention::HistoryRules;
use crate::store::{Change, Found, Query, QueryId};

/// How long an orderly end waits for messages to arrive.
const DRAIN: Duration = Duration::from_secs(2);
/// How often it looks whether they have.
const DRAIN_STEP: Duration = Duration::from_millis(10);
/// How long it then waits for sessions to end: several times what a good-bye takes. A client that
/// has vanished in its handshake would take longer.
const GOOD_BYE: Duration = Duration::from_secs(1);

/// What a core is made of.
#[derive(Debug)]
pub struct CoreConfig {
    /// Of sessions.
    pub session: Config,
    /// The server's secret key.
    pub key: StaticKey,
    /// All chance comes from it.
    pub seed: Seed,
    /// Greater than all epochs before, and persisted.
    pub epoch: Epoch,
    /// Apps and their certificates.
    pub access: Access,
    /// Of channels and topics.
    pub limits: AppLimits,
    /// What is kept of messages that are to be stored.
    pub history: HistoryRules,
}

/// What a server is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Sessions that are logged in.
    pub sessions: usize,
    /// Channels in use.
    pub channels: usize,
    /// Of the gateway.
    pub gateway: GatewayCounters,
    /// Of the endpoint.
    pub endpoint: EndpointCounters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Serving,
    /// Messages are still delivered until the end, and looked after at the next step.
    Draining {
        until: Time,
        step: Time,
    },
    /// Sessions say good-bye.
    Closing {
        until: Time,
    },
    /// Whoever is left isn't waited for.
    Closed,
}

/// The whole server as a sans-IO state machine.
///
/// The driver's rule is that of [`Endpoint`]: after each input take all of
/// [`poll_transmit`](Self::poll_transmit), then ask [`poll_timeout`](Self::poll_timeout). And it
/// gives the changes of [`poll_commit`](Self::poll_commit) to a store, and tells when they are
/// kept: answers wait for that. The same seed, inputs and times give the same datagrams, to the
/// byte.
#[derive(Debug)]
pub struct ServerCore {
    endpoint: Endpoint,
    gateway: Gateway,
    owner: Owner,
    state: State,
    commands: Vec<Command>,
    outputs: Vec<Output>,
}

impl ServerCore {
    /// A server without sessions.
    #[must_use]
    pub fn new(config: CoreConfig) -> Self {
        let CoreConfig { session, key, seed, epoch, access, limits, history } = config;
        let queue = session.send_queue_max();
        Self {
            endpoint: Endpoint::server(session, key, seed),
            gateway: Gateway::new(access, limits, queue),
            owner: Owner::new(epoch, limits, history, queue),
            state: State::Serving,
            commands: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// Takes up what a former life has kept, as [`Store::load`](crate::Store::load) gives it, and
    /// [`Store::history_bytes`](crate::Store::history_bytes); before anything else.
    pub fn restore(
        &mut self,
        moment: Moment,
        history_bytes: u64,
        kept: impl IntoIterator<Item = Change>,
    ) {
        self.owner.restore((moment.now, moment.wall), history_bytes, kept);
    }

    /// Changes that are to be kept next, all of them or none, in this order. There are no more
    /// until [`handle_committed`](Self::handle_committed): one commit is under way at a time.
    ///
    /// A server that can't keep them must end: what its clients would be told from now on is not
    /// what its successor knows.
    pub fn poll_commit(&mut self) -> Option<Vec<Change>> {
        self.owner.poll_commit()
    }

    /// The changes that were polled last are kept, whatever happens: what tells of them goes out.
    /// The store has so many bytes of histories now.
    pub fn handle_committed(&mut self, moment: Moment, history_bytes: u64) {
        self.owner.committed(history_bytes, &mut self.outputs);
        self.work(moment);
    }

    /// What the store is to be asked next; many may be under way.
    pub fn poll_query(&mut self) -> Option<(QueryId, Query)> {
        self.owner.poll_query()
    }

    /// What the store has found, of what is kept.
    pub fn handle_found(&mut self, moment: Moment, id: QueryId, found: Found) {
        self.owner.found(moment.wall, id, found, &mut self.outputs);
        self.work(moment);
    }

    /// Takes a datagram, or a packet of a stream. Anything may be in it.
    pub fn handle_datagram(&mut self, moment: Moment, from: impl Into<Remote>, datagram: BytesMut) {
        self.endpoint.set_wall_clock(moment.now, moment.wall);
        self.endpoint.handle_datagram(moment.now, from, datagram);
        self.work(moment);
    }

    /// Takes news of a stream.
    pub fn handle_stream(&mut self, moment: Moment, event: StreamEvent) {
        self.endpoint.handle_stream(moment.now, event);
        self.work(moment);
    }

    /// What is to be done about streams next.
    pub fn poll_stream_action(&mut self) -> Option<StreamAction> {
        self.endpoint.poll_stream_action()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, moment: Moment) {
        self.endpoint.set_wall_clock(moment.now, moment.wall);
        self.endpoint.handle_timeout(moment.now);
        let memory = self.owner.memory(moment.now, moment.wall);
        let Self { endpoint, gateway, commands, .. } = self;
        gateway.handle_timeout(&mut Work { moment, endpoint, commands, memory });
        self.owner.handle_timeout(moment.now, moment.wall, &mut self.outputs);
        match self.state {
            State::Draining { until, .. } => self.drain(moment, until),
            State::Closing { until } if until <= moment.now => self.state = State::Closed,
            _ => {}
        }
        self.work(moment);
    }

    /// Keeps a user out from now on, whose session ends, or lets it in again.
    pub fn set_banned(&mut self, moment: Moment, app: AppId, user: UserId, is_banned: bool) {
        let memory = self.owner.memory(moment.now, moment.wall);
        let Self { endpoint, gateway, commands, .. } = self;
        gateway.set_banned(&mut Work { moment, endpoint, commands, memory }, app, user, is_banned);
        self.work(moment);
    }

    /// Begins an orderly end: no more logins and requests, what is on its way is delivered for up
    /// to two seconds, clients are told. It takes three seconds at most.
    pub fn shut_down(&mut self, moment: Moment) {
        if self.state == State::Serving {
            let until = moment.now + DRAIN;
            self.gateway.begin_closing();
            self.drain(moment, until);
            self.work(moment);
        }
    }

    /// Writes the next datagram over `datagram` and says where it goes.
    pub fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        self.endpoint.poll_transmit(now, datagram)
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let step = match self.state {
            State::Draining { step, .. } => Some(step),
            State::Closing { until } => Some(until),
            State::Serving | State::Closed => None,
        };
        let own = [
            self.endpoint.poll_timeout(),
            self.gateway.poll_timeout(),
            self.owner.poll_timeout(),
            step,
        ];
        own.into_iter().flatten().min()
    }

    /// Whether an orderly end has come to its end.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        match self.state {
            State::Serving | State::Draining { .. } => false,
            State::Closing { .. } => self.endpoint.is_idle() && !self.owner.is_committing(),
            State::Closed => true,
        }
    }

    /// What it is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            sessions: self.gateway.sessions(),
            channels: self.owner.channels(),
            gateway: self.gateway.counters(),
            endpoint: self.endpoint.counters(),
        }
    }

    /// From events of the endpoint to commands for the owner, and from its outputs back.
    fn work(&mut self, moment: Moment) {
        let Self { endpoint, gateway, owner, commands, outputs, .. } = self;
        loop {
            let memory = owner.memory(moment.now, moment.wall);
            while let Some(event) = endpoint.poll_event() {
                gateway.handle_event(&mut Work { moment, endpoint, commands, memory }, event);
            }
            if commands.is_empty() && outputs.is_empty() {
                break;
            }
            // What one command causes goes to the sessions' bounded queues before the next one, so
            // that many requests in one packet don't pile their answers up. Delivery may end
            // sessions, which are commands again.
            let mut next = std::mem::take(commands);
            for command in next.drain(..) {
                owner.handle(moment.now, moment.wall, command, outputs);
                for output in outputs.drain(..) {
                    gateway.deliver(&mut Work { moment, endpoint, commands, memory }, output);
                }
            }
            for output in outputs.drain(..) {
                gateway.deliver(&mut Work { moment, endpoint, commands, memory }, output);
            }
        }
    }

    fn drain(&mut self, moment: Moment, until: Time) {
        let is_over = moment.now >= until;
        let memory = self.owner.memory(moment.now, moment.wall);
        let Self { endpoint, gateway, commands, .. } = self;
        // Nobody has all its answers while some wait for the disk.
        if is_over || !self.owner.is_committing() {
            gateway.close_sessions(&mut Work { moment, endpoint, commands, memory }, is_over);
        }
        let is_done = is_over || gateway.sessions() == 0;
        self.state = match is_done {
            true => State::Closing { until: moment.now + GOOD_BYE },
            false => State::Draining { until, step: until.min(moment.now + DRAIN_STEP) },
        };
    }
}
