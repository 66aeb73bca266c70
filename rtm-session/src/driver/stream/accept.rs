//! A server's listener.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt, join};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::packets::{PREFACE, Packets, to_io, web_socket_config};
use super::{Input, connect, connection, way};
use crate::remote::StreamId;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1_024;
/// How long a stranger may take to say what he speaks.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause when the system has no more descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// A TCP port at which clients open streams: bare packets and WebSockets, told apart by their first
/// bytes.
#[derive(Debug)]
pub struct StreamListener {
    listener: TcpListener,
    streams_max: usize,
}

impl StreamListener {
    /// Binds to `addr`; port 0 lets the system choose. At most `streams_max` connections are held
    /// at a time, further ones are closed at once. Needs a tokio runtime.
    ///
    /// # Errors
    /// The system's: port in use, no such address, no permission.
    pub fn bind(addr: SocketAddr, streams_max: usize) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        // A server that restarts must not wait for the connections of the one before. On Windows
        // the option means something else.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG)?;
        let listener = TcpListener::from_std(socket.into())?;
        Ok(Self { listener, streams_max })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Accepts until `end`.
    pub(super) async fn run(
        self,
        inputs: mpsc::Sender<Input>,
        end: CancellationToken,
        tasks: TaskTracker,
    ) {
        let permits = Arc::new(Semaphore::new(self.streams_max.min(Semaphore::MAX_PERMITS)));
        let mut next = 0;
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = end.cancelled() => return,
            };
            let (socket, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::debug!(%error, "not accepted");
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            };
            // Who finds no place is closed at once.
            let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else { continue };
            let stream = StreamId(next);
            next += 1;
            let (inputs, end, tasks) = (inputs.clone(), end.clone(), tasks.clone());
            tokio::spawn(async move {
                let greeted = tokio::select! {
                    greeted = tokio::time::timeout(GREETING_TIMEOUT, greet(socket)) => greeted,
                    () = end.cancelled() => return,
                };
                match greeted {
                    Ok(Ok(packets)) => {
                        let (way, orders) = way();
                        let opened = Input::Opened(stream, peer, Some(way));
                        if inputs.send(opened).await.is_ok() {
                            let serving =
                                connection::serve((stream, peer), packets, orders, inputs, end);
                            tasks.track_future(serving).await;
                        }
                    }
                    Ok(Err(error)) => tracing::debug!(%peer, %error, "not greeted"),
                    Err(_) => tracing::debug!(%peer, "said nothing"),
                }
                drop(permit);
            });
        }
    }
}

/// Finds out what the client speaks.
async fn greet(mut socket: TcpStream) -> io::Result<Packets> {
    connect::tune(&socket);
    let mut first = [0; PREFACE.len()];
    socket.read_exact(&mut first).await?;
    if first == PREFACE {
        return Ok(Packets::bare(socket));
    }
    if first != *b"GET " {
        let wrong = format!("begins with {first:02x?}: no stream of packets, no WebSocket");
        return Err(io::Error::new(io::ErrorKind::InvalidData, wrong));
    }
    let (reader, writer) = socket.into_split();
    let whole = join(io::Cursor::new(first).chain(reader), writer);
    let config = Some(web_socket_config());
    let socket = tokio_tungstenite::accept_async_with_config(whole, config).await.map_err(to_io)?;
    Ok(Packets::web_socket(socket))
}
