//! A server with a socket and a clock: binds, runs, ends in order.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use bytes::BytesMut;
use rtm_session::driver::{
    Clock, Engine, Flow, Moment, StreamListener, Transport, UdpTransport, WithStreams, drive,
};
use rtm_session::{PublicKey, Remote, Seed, StreamAction, StreamEvent};
use rtm_wire::Time;
use tokio::sync::{mpsc, oneshot};

use crate::access::Access;
use crate::config::StoreKind;
use crate::config::{STREAMS_SPARE, Settings};
use crate::core::{CoreConfig, ServerCore, Status};
use crate::data::{DataDir, OwnApp};
use crate::error::ServerError;
use crate::store::{DiskStore, MemoryStore, News, Store, Writer};

/// Commands that may wait: there are few, and none in a hurry.
const COMMANDS_MAX: usize = 16;
/// Ports that the system chooses for UDP before one is free for TCP, too.
const BIND_TRIES: u32 = 16;

/// A server that has its socket, and does not serve yet.
#[derive(Debug)]
pub struct Server {
    core: ServerCore,
    transport: WithStreams<UdpTransport>,
    clock: Clock,
    addr: SocketAddr,
    tcp_addr: SocketAddr,
    public_host: Option<String>,
    key: PublicKey,
    commands: (mpsc::Sender<Command>, mpsc::Receiver<Command>),
    store: Box<dyn Store>,
    store_path: PathBuf,
}

/// Asks a running server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    commands: mpsc::Sender<Command>,
}

#[derive(Debug)]
enum Command {
    ShutDown,
    Status(oneshot::Sender<Status>),
    /// The store has done something.
    Store(News),
}

impl Server {
    /// Takes up what a former server has kept in the folder, counts a new epoch, and binds the
    /// sockets: UDP, and TCP at the same port number. Needs a tokio runtime with IO and time.
    ///
    /// # Errors
    /// A setting out of range, a file that can't be used, another server in the same folder, or an
    /// address that is not to be had.
    pub fn bind(
        settings: &Settings,
        is_dev: bool,
        access: Access,
        data: &DataDir,
    ) -> Result<Self, ServerError> {
        let store: Box<dyn Store> = match settings.store {
            StoreKind::Disk => {
                let path = data.store();
                let store = DiskStore::open(&path);
                Box::new(store.map_err(|error| ServerError::of_store(&path, error))?)
            }
            StoreKind::Memory => Box::new(MemoryStore::default()),
        };
        Self::bind_with_store(settings, is_dev, access, data, store)
    }

    /// As [`bind`](Self::bind), with a store of one's own instead of the one in the folder.
    ///
    /// # Errors
    /// As [`bind`](Self::bind), and those of the store.
    pub fn bind_with_store(
        settings: &Settings,
        is_dev: bool,
        access: Access,
        data: &DataDir,
        mut store: Box<dyn Store>,
    ) -> Result<Self, ServerError> {
        let clock = Clock::start();
        let key = data.key(secret()?)?;
        let (session, limits) = (settings.session()?, settings.limits(is_dev)?);
        let history = settings.history()?;
        let session = session.tickets(settings.tickets(&key)?);
        let listen = settings.listen(is_dev);
        let (transport, tcp_addr) =
            bind_sockets(listen, settings.tcp_listen, settings.session.sessions_max)?;
        let addr = transport
            .local_addr()
            .map_err(|error| ServerError::System { what: "the socket's address", error })?;
        let store_path = data.store();
        let kept = store.load().map_err(|error| ServerError::of_store(&store_path, error))?;
        // Last, so that a server that can't start counts nothing.
        let epoch = data.next_epoch(clock.moment().wall)?;
        let public = key.public();
        let seed = Seed::from_bytes(secret()?);
        let config = CoreConfig { session, key, seed, epoch, access, limits, history };
        let mut core = ServerCore::new(config);
        core.restore(clock.moment(), store.history_bytes(), kept);
        Ok(Self {
            core,
            transport,
            clock,
            addr,
            tcp_addr,
            public_host: settings.public_host.clone(),
            key: public,
            commands: mpsc::channel(COMMANDS_MAX),
            store,
            store_path,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where it takes TCP connections.
    #[must_use]
    pub const fn tcp_addr(&self) -> SocketAddr {
        self.tcp_addr
    }

    /// What clients need to reach it: `rtm://HOST:PORT?key=HEX`, and `&tcp=PORT` if that is another
    /// one.
    #[must_use]
    pub fn connection_string(&self) -> String {
        let port = self.addr.port();
        let place = match (&self.public_host, self.addr.ip()) {
            (Some(host), _) if host.contains(':') => format!("[{host}]:{port}"),
            (Some(host), _) => format!("{host}:{port}"),
            (None, ip) if ip.is_unspecified() => {
                SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port).to_string()
            }
            (None, ip) => SocketAddr::new(ip, port).to_string(),
        };
        let key = self.key;
        match self.tcp_addr.port() {
            tcp if tcp == port => format!("rtm://{place}?key={key}"),
            tcp => format!("rtm://{place}?key={key}&tcp={tcp}"),
        }
    }

    /// The short name of its key, which clients with another key are told.
    #[must_use]
    pub fn key_id(&self) -> String {
        self.key.key_id().to_string()
    }

    /// Asks it while it runs.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        ServerHandle { commands: self.commands.0.clone() }
    }

    /// Serves until `shutdown` is there, or the handle says so; then ends in order, within three
    /// seconds or so.
    ///
    /// # Errors
    /// The socket has become useless, or the store: what clients did from then on wasn't answered,
    /// and is not kept.
    ///
    /// # Cancel safety
    /// Dropping the future ends the server without a word to its clients.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<Status, ServerError> {
        let Self {
            core, transport, clock, commands: (sender, receiver), store, store_path, ..
        } = self;
        let news = sender.clone();
        // A server that is gone needs no news.
        let tell = move |it| _ = news.blocking_send(Command::Store(it));
        let writer = Writer::start(store, tell)
            .map_err(|error| ServerError::System { what: "a thread", error })?;
        let serving = drive(Shell { core, writer }, transport, receiver, clock);
        tokio::pin!(serving);
        let ended = tokio::select! {
            ended = &mut serving => ended,
            () = shutdown => {
                // Full only if somebody else is asking, who is answered first.
                let (_, ended) = tokio::join!(sender.send(Command::ShutDown), serving);
                ended
            }
        };
        let Shell { mut core, writer } =
            ended.map_err(|error| ServerError::System { what: "the socket", error })?;
        if let Some(changes) = core.poll_commit() {
            writer.commit(changes);
        }
        writer.finish().map_err(|error| ServerError::StoreFailed { path: store_path, error })?;
        Ok(core.status())
    }
}

impl ServerHandle {
    /// Begins an orderly end.
    ///
    /// # Cancel safety
    /// Nothing has happened if the future is dropped early.
    pub async fn shut_down(&self) {
        // A server that is gone has ended.
        let _ = self.commands.send(Command::ShutDown).await;
    }

    /// What the server is doing; `None` when it is gone.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn status(&self) -> Option<Status> {
        let (answer, status) = oneshot::channel();
        self.commands.send(Command::Status(answer)).await.ok()?;
        status.await.ok()
    }
}

struct Shell {
    core: ServerCore,
    writer: Writer,
}

impl Engine for Shell {
    type Command = Command;

    fn handle_command(&mut self, moment: Moment, command: Command) {
        match command {
            Command::ShutDown => self.core.shut_down(moment),
            Command::Status(answer) => {
                // Whoever asked may be gone.
                let _ = answer.send(self.core.status());
            }
            Command::Store(News::Kept(bytes)) => self.core.handle_committed(moment, bytes),
            Command::Store(News::Found(id, found)) => self.core.handle_found(moment, id, found),
            Command::Store(News::Failed) => {
                tracing::error!("the store has failed; ending");
                self.core.shut_down(moment);
            }
        }
    }

    fn handle_datagram(&mut self, moment: Moment, from: Remote, datagram: BytesMut) {
        self.core.handle_datagram(moment, from, datagram);
    }

    fn handle_stream(&mut self, moment: Moment, event: StreamEvent) {
        self.core.handle_stream(moment, event);
    }

    fn poll_stream_action(&mut self) -> Option<StreamAction> {
        self.core.poll_stream_action()
    }

    fn handle_timeout(&mut self, moment: Moment) {
        self.core.handle_timeout(moment);
    }

    fn flush(&mut self, _: Moment) -> Flow {
        if let Some(changes) = self.core.poll_commit() {
            self.writer.commit(changes);
        }
        while let Some((id, query)) = self.core.poll_query() {
            self.writer.find(id, query);
        }
        if self.core.is_finished() { Flow::Stop } else { Flow::Continue }
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        self.core.poll_transmit(now, datagram)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.core.poll_timeout()
    }
}

/// UDP, and TCP: at the same port number, if nothing else is said. When the system chooses that, it
/// may choose one that is taken for TCP.
fn bind_sockets(
    listen: SocketAddr,
    tcp_listen: Option<SocketAddr>,
    sessions: usize,
) -> Result<(WithStreams<UdpTransport>, SocketAddr), ServerError> {
    let wrong = |protocol, addr| move |error| ServerError::Bind { protocol, addr, error };
    let mut tries = if listen.port() == 0 { BIND_TRIES } else { 1 };
    loop {
        tries -= 1;
        let datagrams = UdpTransport::bind(listen).map_err(wrong("UDP", listen))?;
        let addr =
            tcp_listen.map_or_else(|| datagrams.local_addr(), Ok).map_err(wrong("UDP", listen))?;
        match StreamListener::bind(addr, sessions.saturating_add(STREAMS_SPARE)) {
            Ok(listener) => {
                let tcp_addr = listener.local_addr().map_err(wrong("TCP", addr))?;
                let transport =
                    WithStreams::server(datagrams, listener).map_err(wrong("UDP", listen))?;
                return Ok((transport, tcp_addr));
            }
            Err(error) if tries == 0 || tcp_listen.is_some() => {
                return Err(wrong("TCP", addr)(error));
            }
            Err(_) => {}
        }
    }
}

/// The server's own app, made if there is none yet.
///
/// # Errors
/// The app's file can't be used.
pub fn own_app(data: &DataDir) -> Result<OwnApp, ServerError> {
    data.app(secret()?)
}

/// 32 bytes of the system's randomness.
fn secret() -> Result<[u8; 32], ServerError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| ServerError::System { what: "randomness", error: error.into() })?;
    Ok(bytes)
}
