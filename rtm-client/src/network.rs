//! How the network is used: datagrams, streams, a proxy.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use rtm_session::Carriers;
pub use rtm_session::driver::{Connect, Duplex, StreamKind};
use rtm_session::driver::{HttpProxy, TcpConnector};

use crate::address::ServerAddress;
use crate::hosts::Hosts;

/// What carries packets to the server (RTM 2.x: `protocolType`).
///
/// ```
/// use rtm_client::{ProtocolType, RtmClient};
///
/// let builder = RtmClient::builder("970CA35de60c44645bbae8a215061b33", "alice")
///     .protocol_type(ProtocolType::TcpOnly);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProtocolType {
    /// UDP, and TCP where UDP doesn't pass: at the login after 300 ms without an answer, later
    /// after a second of silence, and back to UDP when it passes again. No message is lost or
    /// repeated by it. The default.
    #[default]
    TcpUdp,
    /// TCP, or WebSockets on it; no UDP socket is opened.
    TcpOnly,
    /// UDP only.
    UdpOnly,
}

/// An HTTP proxy that everything goes through (RTM 2.x: `proxyConfig`, type HTTP), with CONNECT. It
/// has to let the server's port through.
///
/// ```
/// use rtm_client::Proxy;
///
/// let proxy = Proxy::http("proxy.example", 3128).account("alice", "secret");
/// ```
#[derive(Clone, Debug)]
pub struct Proxy(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Http { proxy: HttpProxy, is_place: bool },
    CloudTcp,
}

impl Proxy {
    /// The proxy at this host, a name or an address, and port.
    #[must_use]
    pub fn http(host: impl Into<String>, port: u16) -> Self {
        let host = host.into();
        let is_place = !host.is_empty() && port > 0;
        Self(Kind::Http { proxy: HttpProxy::new(host, port), is_place })
    }

    /// The vendor's cloud proxy of hosted RTM 2.x: there is none for a server of one's own, so
    /// [`build`](crate::ClientBuilder::build) answers
    /// [`Unsupported`](crate::ErrorKind::Unsupported). One TCP port of the server is enough where
    /// UDP doesn't pass.
    #[must_use]
    pub const fn cloud_tcp() -> Self {
        Self(Kind::CloudTcp)
    }

    /// Whether it can be reached at all.
    pub(crate) const fn is_place(&self) -> bool {
        !matches!(self.0, Kind::Http { is_place: false, .. })
    }

    pub(crate) const fn is_cloud(&self) -> bool {
        matches!(self.0, Kind::CloudTcp)
    }

    /// Who we are to it (Basic). Sent readable for everybody on the way to the proxy.
    #[must_use]
    pub fn account(self, account: impl Into<String>, password: impl Into<String>) -> Self {
        match self.0 {
            Kind::Http { proxy, is_place } => {
                Self(Kind::Http { proxy: proxy.account(account, password), is_place })
            }
            Kind::CloudTcp => self,
        }
    }
}

/// What the client's sockets are made with.
#[derive(Clone, Default)]
pub(crate) struct NetworkConfig {
    pub(crate) protocol: ProtocolType,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) connector: Option<Arc<dyn Connect>>,
}

impl fmt::Debug for NetworkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_connector = self.connector.is_some();
        f.debug_struct("NetworkConfig")
            .field("protocol", &self.protocol)
            .field("proxy", &self.proxy)
            .field("has_connector", &has_connector)
            .finish()
    }
}

impl NetworkConfig {
    /// Nothing goes around a proxy.
    pub(crate) fn carriers(&self) -> Carriers {
        match (self.protocol, &self.proxy) {
            (_, Some(_)) | (ProtocolType::TcpOnly, None) => Carriers::Streams,
            (ProtocolType::TcpUdp, None) => Carriers::Both,
            (ProtocolType::UdpOnly, None) => Carriers::Datagrams,
        }
    }

    /// What opens streams to these hosts.
    pub(crate) fn connector(&self, hosts: &Arc<Hosts>) -> Arc<dyn Connect> {
        if let Some(connector) = &self.connector {
            return Arc::clone(connector);
        }
        let to = |server: &ServerAddress| {
            let connector = TcpConnector::new().host(server.host()).port(server.tcp_port());
            match &self.proxy {
                Some(Proxy(Kind::Http { proxy, .. })) => connector.proxy(proxy.clone()),
                _ => connector,
            }
        };
        let connectors = hosts.servers().iter().map(to).collect();
        Arc::new(ToHosts { hosts: Arc::clone(hosts), connectors })
    }
}

/// Connects to the host that an address belongs to.
struct ToHosts {
    hosts: Arc<Hosts>,
    connectors: Vec<TcpConnector>,
}

#[async_trait]
impl Connect for ToHosts {
    async fn connect(
        &self,
        server: SocketAddr,
        attempt: u32,
    ) -> io::Result<(Box<dyn Duplex>, StreamKind)> {
        self.connectors[self.hosts.of(server)].connect(server, attempt).await
    }
}
