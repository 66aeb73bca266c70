//! IPv4 and IPv6 side by side, so that a server's name may have addresses of both.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use async_trait::async_trait;
use rtm_session::driver::{Arrivals, Departures, Transport, UdpTransport};

use crate::error::{Error, ErrorKind};

/// One UDP socket for each family that the system has.
pub(super) struct Sockets {
    ipv4: Option<UdpTransport>,
    ipv6: Option<UdpTransport>,
    /// What the IPv6 socket receives, since both wait at a time.
    arrivals: Arrivals,
    /// Departures by family, when both are among them.
    split: [Departures; 2],
}

impl Sockets {
    pub(super) fn bind() -> Result<Self, Error> {
        let ipv4 = UdpTransport::bind_for_one_peer((Ipv4Addr::UNSPECIFIED, 0).into());
        let ipv6 = UdpTransport::bind_for_one_peer((Ipv6Addr::UNSPECIFIED, 0).into());
        let (ipv4, ipv6) = match (ipv4, ipv6) {
            (Err(error), Err(_)) => {
                let wrong = format!("the system refused a UDP socket: {error}");
                return Err(Error::with_source(ErrorKind::Socket, wrong, error));
            }
            (ipv4, ipv6) => (ipv4.ok(), ipv6.ok()),
        };
        Ok(Self { ipv4, ipv6, arrivals: Arrivals::default(), split: Default::default() })
    }

    /// Whether the system may cut datagrams of either socket into fragments.
    pub(super) fn may_fragment(&self) -> bool {
        [&self.ipv4, &self.ipv6].into_iter().flatten().any(UdpTransport::may_fragment)
    }
}

#[async_trait]
impl Transport for Sockets {
    async fn receive(&mut self, arrivals: &mut Arrivals) -> io::Result<()> {
        let Self { ipv4, ipv6, arrivals: other, .. } = self;
        match (ipv4, ipv6) {
            (Some(ipv4), Some(ipv6)) => tokio::select! {
                received = ipv4.receive(arrivals) => received,
                received = ipv6.receive(other) => {
                    arrivals.datagrams.append(&mut other.datagrams);
                    received
                }
            },
            (Some(only), None) | (None, Some(only)) => only.receive(arrivals).await,
            (None, None) => std::future::pending().await,
        }
    }

    async fn send(&mut self, departures: &mut Departures) -> io::Result<()> {
        let Self { ipv4, ipv6, split, .. } = self;
        let (mut to_ipv4, mut to_ipv6) = (false, false);
        for (to, ..) in departures.runs(usize::MAX) {
            to_ipv4 |= to.addr().is_ipv4();
            to_ipv6 |= to.addr().is_ipv6();
        }
        if to_ipv4 && to_ipv6 {
            // Only while handshakes race.
            let [four, six] = split;
            for (to, _, datagram) in departures.runs(1) {
                if to.addr().is_ipv4() { &mut *four } else { &mut *six }.push(to, datagram);
            }
            departures.clear();
            send(ipv4, four).await?;
            return send(ipv6, six).await;
        }
        send(if to_ipv6 { ipv6 } else { ipv4 }, departures).await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        match self.ipv4.as_ref().or(self.ipv6.as_ref()) {
            Some(socket) => socket.local_addr(),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

/// Datagrams for a family that the system doesn't have are lost, as on any other way.
async fn send(socket: &mut Option<UdpTransport>, departures: &mut Departures) -> io::Result<()> {
    match socket {
        Some(socket) => socket.send(departures).await,
        None => {
            departures.clear();
            Ok(())
        }
    }
}
