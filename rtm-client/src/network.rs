//! How the network is used: datagrams, streams, a proxy.

use std::fmt;
use std::sync::Arc;

use rtm_session::Carriers;
pub use rtm_session::driver::{Connect, Duplex, StreamKind};
use rtm_session::driver::{HttpProxy, TcpConnector};

use crate::address::ServerAddress;

/// What carries packets to the server (RTM 2.x: `protocolType`).
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
#[derive(Clone, Debug)]
pub struct Proxy(HttpProxy);

impl Proxy {
    /// The proxy at this host, a name or an address, and port.
    #[must_use]
    pub fn http(host: impl Into<String>, port: u16) -> Self {
        Self(HttpProxy::new(host, port))
    }

    /// Who we are to it (Basic). Sent readable for everybody on the way to the proxy.
    #[must_use]
    pub fn account(self, account: impl Into<String>, password: impl Into<String>) -> Self {
        Self(self.0.account(account, password))
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

    pub(crate) fn connector(&self, server: &ServerAddress) -> Arc<dyn Connect> {
        if let Some(connector) = &self.connector {
            return Arc::clone(connector);
        }
        let connector = TcpConnector::new().host(server.host()).port(server.tcp_port());
        match &self.proxy {
            Some(Proxy(proxy)) => Arc::new(connector.proxy(proxy.clone())),
            None => Arc::new(connector),
        }
    }
}
