//! Streams beside datagrams: TCP, and WebSockets on it (protocol §3.12).
//!
//! ```text
//!  listener ─► a task for each ─┐
//!                               ├─ packets, news ─► WithStreams ─► drive
//!  connector ─► a task for each ┘◄───── packets ───     ▲
//!                                                   datagrams
//! ```

mod accept;
mod connect;
mod connection;
mod packets;
mod proxy;

pub use accept::StreamListener;
pub use connect::{Connect, StreamKind, TcpConnector};
pub use packets::Duplex;
pub use proxy::HttpProxy;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::{Arrivals, Departures, Transport};
use crate::endpoint::{StreamAction, StreamEvent};
use crate::remote::{Remote, StreamId};

/// Packets and news of all streams that wait for the driver; then streams are read no further.
const INPUTS_MAX: usize = 1_024;
/// The same that the driver takes at a time.
const BATCH: usize = 64;
/// How long opening a stream may take, its handshakes included: less than a login, so that its
/// error can say why.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// What a stream's task tells the driver.
#[derive(Debug)]
enum Input {
    /// A stream is there: accepted if it brings the way to its task along.
    Opened(StreamId, SocketAddr, Option<Way>),
    Packet(StreamId, SocketAddr, BytesMut),
    Written(StreamId, usize),
    Closed(StreamId),
}

/// The way to a stream's task. Dropping it closes the stream: what was handed over may be written
/// for a moment.
#[derive(Debug)]
struct Way {
    packets: mpsc::UnboundedSender<Bytes>,
    _closing: DropGuard,
}

/// The task's end of it.
struct Orders {
    packets: mpsc::UnboundedReceiver<Bytes>,
    closing: CancellationToken,
}

fn way() -> (Way, Orders) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let closing = CancellationToken::new();
    let way = Way { packets: sender, _closing: closing.clone().drop_guard() };
    (way, Orders { packets: receiver, closing })
}

/// Why the last attempt to open a stream has failed, for error texts. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct StreamFailure(Arc<Mutex<Option<String>>>);

impl StreamFailure {
    /// What went wrong; nothing if the last attempt has succeeded, or there was none.
    #[must_use]
    pub fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, failure: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }
}

/// A transport of datagrams with streams beside it: those that a client has opened, or those that
/// a listener accepts.
///
/// What waits to be written is bounded by the endpoint, which counts what streams have not written
/// yet. Dropping it ends all streams.
pub struct WithStreams<T> {
    /// None where no datagrams are wanted.
    datagrams: Option<T>,
    connector: Option<Arc<dyn Connect>>,
    failure: StreamFailure,
    inputs: mpsc::Receiver<Input>,
    sender: mpsc::Sender<Input>,
    taken: Vec<Input>,
    streams: BTreeMap<StreamId, Way>,
    local: SocketAddr,
    /// Those that serve streams.
    tasks: TaskTracker,
    end: CancellationToken,
    _guard: DropGuard,
}

impl<T: std::fmt::Debug> std::fmt::Debug for WithStreams<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WithStreams")
            .field("datagrams", &self.datagrams)
            .field("streams", &self.streams.len())
            .finish_non_exhaustive()
    }
}

impl<T: Transport> WithStreams<T> {
    /// For a client: `connector` opens streams. Without `datagrams`, only streams are used
    /// ([`Carriers::Streams`](crate::Carriers::Streams)).
    #[must_use]
    pub fn client(datagrams: Option<T>, connector: Arc<dyn Connect>) -> Self {
        let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
        let local = datagrams.as_ref().and_then(|it| it.local_addr().ok()).unwrap_or(unspecified);
        Self::new(datagrams, Some(connector), local)
    }

    /// Tells why streams could not be opened.
    #[must_use]
    pub fn failure(&self) -> StreamFailure {
        self.failure.clone()
    }

    /// For a server, with the streams that come to `listener`. Needs a tokio runtime.
    ///
    /// # Errors
    /// The address of the datagrams can't be told.
    pub fn server(datagrams: T, listener: StreamListener) -> io::Result<Self> {
        let local = datagrams.local_addr()?;
        let this = Self::new(Some(datagrams), None, local);
        let (inputs, end, tasks) = (this.sender.clone(), this.end.clone(), this.tasks.clone());
        tokio::spawn(listener.run(inputs, end, tasks));
        Ok(this)
    }

    fn new(datagrams: Option<T>, connector: Option<Arc<dyn Connect>>, local: SocketAddr) -> Self {
        let (sender, inputs) = mpsc::channel(INPUTS_MAX);
        let end = CancellationToken::new();
        Self {
            datagrams,
            connector,
            failure: StreamFailure::default(),
            inputs,
            sender,
            taken: Vec::with_capacity(BATCH),
            streams: BTreeMap::new(),
            local,
            tasks: TaskTracker::new(),
            _guard: end.clone().drop_guard(),
            end,
        }
    }

    fn take(&mut self, arrivals: &mut Arrivals) {
        for input in self.taken.drain(..) {
            let before = arrivals.datagrams.len();
            match input {
                Input::Packet(stream, peer, packet) => {
                    arrivals.datagrams.push((Remote::Stream(stream, peer), packet));
                }
                Input::Opened(stream, peer, way) => {
                    if let Some(way) = way {
                        self.streams.insert(stream, way);
                    }
                    arrivals.streams.push((before, StreamEvent::Opened { stream, peer }));
                }
                Input::Written(stream, bytes) => {
                    arrivals.streams.push((before, StreamEvent::Written { stream, bytes }));
                }
                Input::Closed(stream) => {
                    self.streams.remove(&stream);
                    arrivals.streams.push((before, StreamEvent::Closed { stream }));
                }
            }
        }
    }

    /// Has a task open a stream and serve it.
    fn open(&mut self, stream: StreamId, server: SocketAddr, attempt: u32) -> bool {
        let Some(connector) = self.connector.clone() else { return false };
        let (way, orders) = way();
        self.streams.insert(stream, way);
        let (sender, end, failure) = (self.sender.clone(), self.end.clone(), self.failure());
        let tasks = self.tasks.clone();
        tokio::spawn(async move {
            let opening = connect::open(&*connector, server, attempt);
            let opened = tokio::select! {
                opened = tokio::time::timeout(OPEN_TIMEOUT, opening) => opened,
                () = end.cancelled() => return,
            };
            let packets = match opened.unwrap_or_else(|_| {
                let wrong = format!("no connection to {server} in {OPEN_TIMEOUT:?}");
                Err(io::Error::new(io::ErrorKind::TimedOut, wrong))
            }) {
                Ok(packets) => packets,
                Err(error) => {
                    tracing::debug!(%server, attempt, %error, "stream not opened");
                    failure.set(Some(error.to_string()));
                    // A driver that is gone needs no news.
                    let _ = sender.send(Input::Closed(stream)).await;
                    return;
                }
            };
            failure.set(None);
            if sender.send(Input::Opened(stream, server, None)).await.is_ok() {
                let serving = connection::serve((stream, server), packets, orders, sender, end);
                tasks.track_future(serving).await;
            }
        });
        true
    }
}

#[async_trait]
impl<T: Transport> Transport for WithStreams<T> {
    async fn receive(&mut self, arrivals: &mut Arrivals) -> io::Result<()> {
        let Self { datagrams, inputs, taken, .. } = self;
        match datagrams {
            Some(datagrams) => tokio::select! {
                received = datagrams.receive(arrivals) => return received,
                _ = inputs.recv_many(taken, BATCH) => {}
            },
            None => {
                inputs.recv_many(taken, BATCH).await;
            }
        }
        self.take(arrivals);
        Ok(())
    }

    async fn send(&mut self, departures: &mut Departures) -> io::Result<()> {
        let mut has_datagrams = false;
        for (to, length, bytes) in departures.runs(usize::MAX) {
            let Some(stream) = to.stream() else {
                has_datagrams = true;
                continue;
            };
            if let Some(way) = self.streams.get(&stream) {
                for packet in bytes.chunks(length) {
                    // Its task has ended, and says so.
                    let _ = way.packets.send(Bytes::copy_from_slice(packet));
                }
            }
        }
        match &mut self.datagrams {
            Some(datagrams) if has_datagrams => {
                departures.retain_datagrams();
                datagrams.send(departures).await
            }
            _ => {
                departures.clear();
                Ok(())
            }
        }
    }

    fn act(&mut self, action: StreamAction) -> bool {
        match action {
            StreamAction::Open { stream, server, attempt } => self.open(stream, server, attempt),
            StreamAction::Close { stream } => {
                self.streams.remove(&stream);
                true
            }
        }
    }

    async fn finish(&mut self) {
        self.streams.clear();
        self.tasks.close();
        let Self { tasks, inputs, .. } = self;
        // Tasks tell how it went, and wait until somebody listens.
        let listening = async { while inputs.recv().await.is_some() {} };
        let ended = async {
            tokio::select! {
                () = tasks.wait() => {}
                () = listening => {}
            }
        };
        let _ = tokio::time::timeout(connection::LINGER, ended).await;
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }
}
