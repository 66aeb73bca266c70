//! The core with its surroundings, as the session layer's driver drives it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::BytesMut;
use rtm_session::driver::{Engine, Flow, Moment, StreamFailure};
use rtm_session::{Remote, StreamAction, StreamEvent};
use rtm_wire::Time;
use tokio::sync::{broadcast, mpsc, watch};

use super::events::{ClientEvent, Handlers};
use super::queue::Sink;
use super::shared::{Counters, Notice, Waiter, Wish};
use crate::core::{Command, Core, HandleId, HeldLocks, Output};
use crate::error::{Error, ErrorKind};
use crate::hosts::Hosts;
use crate::limits::ServerLimits;
use crate::link::{LinkEvent, LinkState, StreamLinkEvent, TokenEvent};

/// The engine's ends of the ways to the handles.
pub(super) struct Wiring {
    pub(super) notices: mpsc::UnboundedReceiver<Notice>,
    pub(super) link: Arc<watch::Sender<LinkState>>,
    pub(super) events: broadcast::Sender<ClientEvent>,
    pub(super) counters: Arc<Counters>,
    pub(super) commands: mpsc::WeakSender<Wish>,
    pub(super) hosts: Arc<Hosts>,
    pub(super) handlers: Handlers,
    pub(super) stream_failure: StreamFailure,
    pub(super) limits: watch::Sender<Option<ServerLimits>>,
    pub(super) held: watch::Sender<HeldLocks>,
}

pub(super) struct ClientEngine {
    core: Core<Waiter>,
    sinks: BTreeMap<HandleId, Sink>,
    wiring: Wiring,
    /// Commands that were taken.
    commands: u64,
    /// Drops that wait for commands that were sent before them.
    drops: VecDeque<Dropped>,
    /// Whether all handles were dropped, so that the task ends with the logout.
    is_ending: bool,
}

/// Something that ends once so many commands were taken.
struct Dropped {
    after: u64,
    /// All handles if `None`.
    handle: Option<HandleId>,
}

impl ClientEngine {
    pub(super) const fn new(core: Core<Waiter>, wiring: Wiring) -> Self {
        Self {
            core,
            sinks: BTreeMap::new(),
            wiring,
            commands: 0,
            drops: VecDeque::new(),
            is_ending: false,
        }
    }

    fn take_notices(&mut self, now: Time) {
        // Whoever tells something from now on wakes us again.
        if self.wiring.counters.is_woken.swap(false, Ordering::AcqRel) {
            while let Ok(notice) = self.wiring.notices.try_recv() {
                match notice {
                    Notice::Taken(credit) => self.core.release(now, credit),
                    Notice::Dropped { handle, after } => {
                        self.drops.push_back(Dropped { after, handle: Some(handle) });
                    }
                    Notice::NoHandles { after } => {
                        self.drops.push_back(Dropped { after, handle: None });
                    }
                }
            }
        }
        while self.drops.front().is_some_and(|drop| drop.after <= self.commands) {
            match self.drops.pop_front().and_then(|drop| drop.handle) {
                Some(handle) => {
                    self.sinks.remove(&handle);
                    self.core.handle_drop(now, handle);
                }
                None => {
                    self.is_ending = true;
                    self.core.handle_command(now, Command::Logout, None);
                }
            }
        }
    }

    fn hand_out(&mut self, moment: Moment) {
        let now = moment.now;
        while let Some(output) = self.core.poll_output() {
            let (handle, refused) = match output {
                Output::Answer { waiter: Waiter { answer, permit }, result } => {
                    // Room first, so that who hears of it can use it.
                    drop(permit);
                    let result = result.map_err(|error| self.explain(error));
                    // Whoever asked may have lost interest.
                    let _ = answer.send(result);
                    continue;
                }
                Output::Channel { handle, event, credit } => match self.sinks.get(&handle) {
                    Some(Sink::Channel(sink)) => match sink.send((event, credit)) {
                        Ok(()) => continue,
                        Err(refused) => (handle, refused.0.1),
                    },
                    _ => (handle, credit),
                },
                Output::Topic { handle, event, credit } => match self.sinks.get(&handle) {
                    Some(Sink::Topic(sink)) => match sink.send((event, credit)) {
                        Ok(()) => continue,
                        Err(refused) => (handle, refused.0.1),
                    },
                    _ => (handle, credit),
                },
                Output::UserMetadata { handle, event, credit } => match self.sinks.get(&handle) {
                    Some(Sink::UserMetadata(sink)) => match sink.send((event, credit)) {
                        Ok(()) => continue,
                        Err(refused) => (handle, refused.0.1),
                    },
                    _ => (handle, credit),
                },
                Output::Stream { handle, event } => {
                    if let Some(Sink::Stream(sink)) = self.sinks.get(&handle) {
                        // A receiver that is gone is noticed by its drop.
                        let _ = sink.send(event);
                    }
                    continue;
                }
                Output::End(handle) => {
                    self.sinks.remove(&handle);
                    continue;
                }
                other => {
                    self.hand_on(moment, other);
                    continue;
                }
            };
            // Nobody is there to take it.
            if let Some(credit) = refused {
                self.core.release(now, credit);
            }
            self.sinks.remove(&handle);
            self.core.handle_drop(now, handle);
        }
    }

    /// What is about the client as a whole.
    fn hand_on(&mut self, moment: Moment, output: Output<Waiter>) {
        match output {
            Output::Link(event) => {
                let time_ms = moment.wall.as_millis();
                self.tell_link(LinkEvent { time_ms, ..event });
            }
            Output::StreamLink(event) => {
                let error = event.error.map(|error| self.explain(error));
                let time_ms = moment.wall.as_millis();
                self.tell(ClientEvent::StreamLink(StreamLinkEvent { time_ms, error, ..event }));
            }
            Output::Limits(limits) => _ = self.wiring.limits.send_replace(Some(limits)),
            Output::Token(event) => {
                let time_ms = moment.wall.as_millis();
                self.tell(ClientEvent::Token(TokenEvent { time_ms, ..event }));
            }
            Output::Held(held) => _ = self.wiring.held.send_replace(held),
            Output::ServersWanted => self.look_up_again(),
            other => debug_assert!(false, "{other:?} belongs to somebody"),
        }
    }

    fn tell_link(&mut self, mut event: LinkEvent) {
        event.error = event.error.map(|error| self.explain(error));
        let (from, to, reason) = (event.previous, event.current, event.reason);
        match &event.error {
            Some(error) => tracing::warn!(?from, ?to, ?reason, %error, "link"),
            None => tracing::info!(?from, ?to, ?reason, "link"),
        }
        self.wiring.link.send_replace(event.current);
        self.tell(ClientEvent::LinkState(event));
    }

    fn tell(&self, event: ClientEvent) {
        self.wiring.handlers.call(&event);
        // Nobody may be listening.
        let _ = self.wiring.events.send(event);
    }

    /// A server that doesn't answer may have been out of reach of TCP for a reason that is known.
    fn explain(&self, error: Error) -> Error {
        match self.wiring.stream_failure.last() {
            Some(failure) if error.kind() == ErrorKind::ServerUnreachable => {
                error.and(&format!("over TCP: {failure}"))
            }
            _ => error,
        }
    }

    /// The server may have moved.
    fn look_up_again(&self) {
        let hosts = Arc::clone(&self.wiring.hosts);
        if !hosts.may_change() {
            return;
        }
        let commands = self.wiring.commands.clone();
        tokio::spawn(async move {
            // What was known before is still good enough if this fails.
            if let (Ok(servers), Some(commands)) = (hosts.look_up().await, commands.upgrade()) {
                let _ = commands.send(Wish::Servers(servers)).await;
            }
        });
    }
}

impl Engine for ClientEngine {
    type Command = Wish;

    fn handle_command(&mut self, moment: Moment, wish: Wish) {
        // What was dropped before this command was sent has ended before it.
        self.take_notices(moment.now);
        match wish {
            Wish::Command { command, waiter, sink } => {
                self.commands += 1;
                self.sinks.extend(sink);
                self.core.handle_command(moment.now, command, Some(waiter));
            }
            Wish::Servers(servers) => {
                self.core.handle_command(moment.now, Command::Servers(servers), None);
            }
            Wish::NetworkChanged => self.core.network_changed(moment.now),
            Wish::Wake => {}
        }
    }

    fn handle_datagram(&mut self, moment: Moment, from: Remote, datagram: BytesMut) {
        self.core.handle_datagram(moment.now, from, datagram);
    }

    fn handle_stream(&mut self, moment: Moment, event: StreamEvent) {
        self.core.handle_stream(moment.now, event);
    }

    fn poll_stream_action(&mut self) -> Option<StreamAction> {
        self.core.poll_stream_action()
    }

    fn handle_timeout(&mut self, moment: Moment) {
        self.core.handle_timeout(moment.now);
    }

    fn flush(&mut self, moment: Moment) -> Flow {
        self.take_notices(moment.now);
        self.hand_out(moment);
        match self.is_ending && self.core.link_state() == LinkState::Idle {
            true => Flow::Stop,
            false => Flow::Continue,
        }
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        self.core.poll_transmit(now, datagram)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.core.poll_timeout()
    }
}
