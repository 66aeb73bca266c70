//! What all handles of a client share: the ways to its task.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rtm_channel::UserId;
use rtm_session::Carriers;
use rtm_session::driver::{Clock, WithStreams, drive};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc, oneshot, watch};
use tracing::instrument::WithSubscriber;

use super::engine::{ClientEngine, Wiring};
use super::events::{ClientEvent, Handler, Handlers};
use super::log_file::LogFile;
use super::publish::Window;
use super::queue::Sink;
use super::sockets::Sockets;
use crate::core::{Answer, Command, Core, CoreConfig, Credit, HandleId, HeldLocks};
use crate::error::{Error, ErrorKind};
use crate::hosts::Hosts;
use crate::limits::ServerLimits;
use crate::link::{LinkEvent, LinkOperation, LinkReason, LinkState};
use crate::log::{FATAL, LogConfig};
use crate::network::NetworkConfig;
use crate::private_config::ServiceType;

/// Commands that wait for the client's task; who sends more waits.
const COMMANDS_MAX: usize = 1_024;
/// Link events that wait for a slow listener before the oldest are dropped.
const EVENTS_MAX: usize = 256;

/// What the client's task is asked for.
pub(super) enum Wish {
    /// A command for the core.
    Command {
        command: Command,
        waiter: Waiter,
        /// Where messages go, for commands that begin a subscription.
        sink: Option<(HandleId, Sink)>,
    },
    /// The server's name was looked up again.
    Servers(Vec<SocketAddr>),
    /// This end may be elsewhere.
    NetworkChanged,
    /// Look at the notices.
    Wake,
}

/// Who waits for an answer.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) answer: oneshot::Sender<Result<Answer, Error>>,
    /// Given back with the answer.
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

/// What the client's task is told. Never many: each message of a subscription, and each handle,
/// gives one at most.
pub(super) enum Notice {
    /// The application has taken messages.
    Taken(Credit),
    /// A handle was dropped after so many commands.
    Dropped { handle: HandleId, after: u64 },
    /// All handles were dropped after so many commands.
    NoHandles { after: u64 },
}

pub(super) struct Shared {
    hosts: Arc<Hosts>,
    token: String,
    services: ServiceType,
    user_id: UserId,
    is_patient: bool,
    log_config: Option<LogConfig>,
    pub(super) handlers: Handlers,
    commands: mpsc::Sender<Wish>,
    notices: mpsc::UnboundedSender<Notice>,
    link: watch::Receiver<LinkState>,
    limits: watch::Sender<Option<ServerLimits>>,
    held: watch::Sender<HeldLocks>,
    events: broadcast::Sender<ClientEvent>,
    counters: Arc<Counters>,
    next_handle: AtomicU64,
    is_started: AtomicBool,
    /// What the task begins with. Only looked at until it has begun.
    start: Mutex<Option<Start>>,
    pub(super) users_window: Window,
}

/// What handles and task count together.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Commands that were sent.
    pub(super) commands: AtomicU64,
    /// Whether a wake is on its way.
    pub(super) is_woken: AtomicBool,
}

/// What a client is made of.
pub(super) struct Setup {
    pub(super) config: CoreConfig,
    pub(super) network: NetworkConfig,
    pub(super) hosts: Hosts,
    pub(super) token: String,
    pub(super) services: ServiceType,
    pub(super) log_config: Option<LogConfig>,
    pub(super) handler: Option<Handler>,
}

struct Start {
    config: CoreConfig,
    network: NetworkConfig,
    commands: mpsc::Receiver<Wish>,
    notices: mpsc::UnboundedReceiver<Notice>,
    link: watch::Sender<LinkState>,
}

impl Shared {
    pub(super) fn new(setup: Setup) -> Self {
        let handlers = Handlers::default();
        let user_id = setup.config.user_id.clone();
        let is_patient = setup.config.reconnect_timeout.is_some();
        let Setup { config, network, hosts, token, services, log_config, handler } = setup;
        handler.map(|handler| handlers.add(handler));
        let (commands, commands_out) = mpsc::channel(COMMANDS_MAX);
        let (notices, notices_out) = mpsc::unbounded_channel();
        let (link, link_out) = watch::channel(LinkState::Idle);
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let start = Start { config, network, commands: commands_out, notices: notices_out, link };
        Self {
            hosts: Arc::new(hosts),
            token,
            services,
            user_id,
            is_patient,
            log_config,
            handlers,
            commands,
            notices,
            link: link_out,
            limits: watch::Sender::new(None),
            held: watch::Sender::new(HeldLocks::new()),
            events,
            counters: Arc::default(),
            next_handle: AtomicU64::new(1),
            is_started: AtomicBool::new(false),
            start: Mutex::new(Some(start)),
            users_window: Window::new(),
        }
    }

    /// Whether the deployment has this service.
    pub(super) fn check_service(&self, service: ServiceType, name: &str) -> Result<(), Error> {
        if self.services.has(service) {
            return Ok(());
        }
        let wrong = format!("private_config says that there are no {name} at this server");
        Err(Error::of(ErrorKind::Unsupported, wrong))
    }

    /// Whether a login is tried for the reconnect timeout.
    pub(super) const fn is_patient(&self) -> bool {
        self.is_patient
    }

    /// This client's user.
    pub(super) const fn user_id(&self) -> &UserId {
        &self.user_id
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn link_state(&self) -> LinkState {
        *self.link.borrow()
    }

    /// Locks that may be relied on.
    pub(super) fn held(&self) -> watch::Receiver<HeldLocks> {
        self.held.subscribe()
    }

    pub(super) fn limits(&self) -> Option<ServerLimits> {
        *self.limits.borrow()
    }

    pub(super) fn events(&self) -> broadcast::Receiver<ClientEvent> {
        self.events.subscribe()
    }

    pub(super) fn next_handle(&self) -> HandleId {
        HandleId(self.next_handle.fetch_add(1, Ordering::Relaxed))
    }

    /// The server's addresses.
    pub(super) async fn look_up(&self) -> Result<Vec<SocketAddr>, Error> {
        self.hosts.look_up().await
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Cancel safety
    /// The command may be carried out or not. What it begins ends with its [`Guard`].
    pub(super) async fn call(
        &self,
        command: Command,
        sink: Option<(HandleId, Sink)>,
    ) -> Result<Answer, Error> {
        let answer = self.send(command, sink, None).await?;
        answer.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Closed)))
    }

    /// Sends a command; the answer comes later.
    ///
    /// # Cancel safety
    /// Nothing is sent when the future is dropped.
    pub(super) async fn send(
        &self,
        command: Command,
        sink: Option<(HandleId, Sink)>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<oneshot::Receiver<Result<Answer, Error>>, Error> {
        self.start()?;
        let room = self.commands.reserve().await.map_err(|_| Error::new(ErrorKind::Closed))?;
        let (answer, answer_out) = oneshot::channel();
        self.counters.commands.fetch_add(1, Ordering::Release);
        room.send(Wish::Command { command, waiter: Waiter { answer, permit }, sink });
        Ok(answer_out)
    }

    /// This end may be elsewhere. Without a task there is no session that would have to know.
    pub(super) fn network_changed(&self) {
        if self.is_started.load(Ordering::Acquire) {
            // A full queue is the task's who will find out by itself.
            let _ = self.commands.try_send(Wish::NetworkChanged);
        }
    }

    /// How many commands were sent so far.
    fn commands_sent(&self) -> u64 {
        self.counters.commands.load(Ordering::Acquire)
    }

    /// Tells the client's task something. Never waits.
    pub(super) fn notify(&self, notice: Notice) {
        // Without a task there is nobody to be told.
        let _ = self.notices.send(notice);
        if !self.counters.is_woken.swap(true, Ordering::AcqRel) {
            // If there is no room, the task has commands to take, and looks at notices after them.
            let _ = self.commands.try_send(Wish::Wake);
        }
    }

    /// Begins the client's task, if that was not done before.
    fn start(&self) -> Result<(), Error> {
        if self.is_started.load(Ordering::Acquire) {
            return Ok(());
        }
        let runtime = Handle::try_current().map_err(|error| {
            Error::with_source(ErrorKind::NoRuntime, ErrorKind::NoRuntime.wrong(), error)
        })?;
        let mut slot = self.start.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(start) = slot.as_ref() else { return Ok(()) };
        let datagrams = match start.config.carriers {
            Carriers::Streams => None,
            Carriers::Both | Carriers::Datagrams => Some(Sockets::bind()?),
        };
        let may_fragment = datagrams.as_ref().is_some_and(Sockets::may_fragment);
        let sockets = WithStreams::client(datagrams, start.network.connector(&self.hosts));
        let seed = seed_from_system()?;
        let log = self.log_config.as_ref().map(LogFile::open).transpose()?;
        let Some(Start { mut config, commands, notices, link, .. }) = slot.take() else {
            return Ok(());
        };
        config.may_fragment = may_fragment;
        self.is_started.store(true, Ordering::Release);
        drop(slot);
        // What the application does in its handlers is logged where it logs.
        self.handlers.log_here();
        let link = Arc::new(link);
        let wiring = Wiring {
            notices,
            link: Arc::clone(&link),
            events: self.events.clone(),
            counters: Arc::clone(&self.counters),
            commands: self.commands.downgrade(),
            hosts: Arc::clone(&self.hosts),
            handlers: self.handlers.clone(),
            stream_failure: sockets.failure(),
            limits: self.limits.clone(),
            held: self.held.clone(),
        };
        let engine = ClientEngine::new(Core::new(config, seed), wiring);
        let events = self.events.clone();
        let handlers = self.handlers.clone();
        let task = async move {
            if let Err(error) = drive(engine, sockets, commands, Clock::start()).await {
                tracing::error!(target: FATAL, %error, "sockets are unusable; client closed");
                let previous = link.send_replace(LinkState::Failed);
                let wrong = format!("the sockets are unusable: {error}");
                let error = Some(Error::with_source(ErrorKind::Socket, wrong, error));
                let event = ClientEvent::LinkState(LinkEvent {
                    previous,
                    current: LinkState::Failed,
                    operation: LinkOperation::ServerTimeout,
                    reason: LinkReason::ConnectionError,
                    error,
                    time_ms: Clock::start().moment().wall.as_millis(),
                    affected_channels: Vec::new(),
                    is_resumed: false,
                    is_restored: false,
                    unrestored: Vec::new(),
                });
                handlers.call(&event);
                let _ = events.send(event);
            }
        };
        match log {
            Some(log) => runtime.spawn(task.with_subscriber(log)),
            None => runtime.spawn(task),
        };
        Ok(())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.notify(Notice::NoHandles { after: self.commands_sent() });
    }
}

/// Ends what a handle stands for when it is dropped.
pub(super) struct Guard {
    pub(super) shared: Arc<Shared>,
    pub(super) handle: HandleId,
}

impl Guard {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), handle: shared.next_handle() }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let after = self.shared.commands_sent();
        self.shared.notify(Notice::Dropped { handle: self.handle, after });
    }
}

#[expect(clippy::disallowed_methods, reason = "the shell turns the system's chance into a seed")]
fn seed_from_system() -> Result<[u8; 32], Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| {
        let wrong = format!("the system has no randomness to give: {error}");
        Error::with_source(ErrorKind::Socket, wrong, error)
    })?;
    Ok(seed)
}
