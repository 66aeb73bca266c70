//! A client's way to a stream.

use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::http::Uri;

use super::packets::{Duplex, PREFACE, Packets, to_io, web_socket_config};
use super::proxy::HttpProxy;

/// What is spoken on a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// Packets, each after its length.
    Packets,
    /// WebSocket messages, asked for at this URI: `ws://HOST[:PORT]/PATH`. Only host and path
    /// are told to the server; whether the connection is encrypted is up to who opened it.
    WebSocket(String),
}

/// Opens streams to servers. To be implemented by who has a way of his own: TLS with the platform's
/// roots, a SOCKS proxy, a tunnel.
#[async_trait]
pub trait Connect: Send + Sync + 'static {
    /// Connects to `server`, which is where it takes datagrams. `attempt` counts those that have
    /// failed in a row, so that what doesn't pass one way can be tried another way.
    ///
    /// # Errors
    /// Whatever went wrong; another attempt follows after a pause, if a stream is still wanted
    /// then.
    ///
    /// # Cancel safety
    /// The future is dropped after five seconds.
    async fn connect(
        &self,
        server: SocketAddr,
        attempt: u32,
    ) -> io::Result<(Box<dyn Duplex>, StreamKind)>;
}

/// TCP: bare packets first, a WebSocket when they don't pass, in turn; through an HTTP proxy if
/// there is one.
#[derive(Clone, Debug, Default)]
pub struct TcpConnector {
    host: Option<String>,
    port: Option<u16>,
    proxy: Option<HttpProxy>,
    web_socket_only: bool,
}

impl TcpConnector {
    /// To the address and port number where the server takes datagrams.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The server's name, for proxies, which look it up themselves, and for WebSockets. Default:
    /// its address.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Another port than that of datagrams.
    #[must_use]
    pub const fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Goes through a proxy.
    #[must_use]
    pub fn proxy(mut self, proxy: HttpProxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// WebSockets only: nothing else passes here. Default: bare packets at even attempts.
    #[must_use]
    pub const fn web_socket_only(mut self) -> Self {
        self.web_socket_only = true;
        self
    }

    fn place(&self, server: SocketAddr) -> String {
        match &self.host {
            Some(host) if host.contains(':') => format!("[{host}]:{}", server.port()),
            Some(host) => format!("{host}:{}", server.port()),
            None => server.to_string(),
        }
    }
}

#[async_trait]
impl Connect for TcpConnector {
    async fn connect(
        &self,
        mut server: SocketAddr,
        attempt: u32,
    ) -> io::Result<(Box<dyn Duplex>, StreamKind)> {
        if let Some(port) = self.port {
            server.set_port(port);
        }
        let place = self.place(server);
        let socket = match &self.proxy {
            Some(proxy) => proxy.connect(&place).await?,
            None => TcpStream::connect(server).await?,
        };
        tune(&socket);
        let kind = match self.web_socket_only || attempt % 2 == 1 {
            true => StreamKind::WebSocket(format!("ws://{place}/rtm")),
            false => StreamKind::Packets,
        };
        Ok((Box::new(socket), kind))
    }
}

/// Opens a stream of packets.
pub(super) async fn open(
    connector: &dyn Connect,
    server: SocketAddr,
    attempt: u32,
) -> io::Result<Packets> {
    let (mut io, kind) = connector.connect(server, attempt).await?;
    match kind {
        StreamKind::Packets => {
            io.write_all(&PREFACE).await?;
            io.flush().await?;
            Ok(Packets::bare(io))
        }
        StreamKind::WebSocket(uri) => {
            let wrong = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
            let request = ClientRequestBuilder::new(uri.parse::<Uri>().map_err(wrong)?);
            let config = Some(web_socket_config());
            let opening = tokio_tungstenite::client_async_with_config(request, io, config);
            let (socket, _) = opening.await.map_err(to_io)?;
            Ok(Packets::web_socket(socket))
        }
    }
}

/// Small messages leave at once, and little of what was handed over waits in the system. What a
/// system can't do, it does without.
pub(super) fn tune(socket: &TcpStream) {
    let _ = socket.set_nodelay(true);
    #[cfg(any(target_os = "android", target_os = "linux"))]
    {
        use std::time::Duration;

        /// Bytes that the system keeps without sending them: what is handed over can't be dropped
        /// any more, nor overtaken.
        const UNSENT_MAX: u32 = 16 * 1_024;
        /// A connection on which nothing that was sent is acknowledged for so long has ended.
        const DEAD_AFTER: Duration = Duration::from_secs(30);

        let socket = socket2::SockRef::from(socket);
        let _ = socket.set_tcp_notsent_lowat(UNSENT_MAX);
        let _ = socket.set_tcp_thin_linear_timeouts(true);
        let _ = socket.set_tcp_user_timeout(Some(DEAD_AFTER));
    }
}
