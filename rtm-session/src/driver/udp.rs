//! UDP, with the batches that the system offers.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;

use async_trait::async_trait;
use bytes::BytesMut;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::{Arrivals, Departures, Transport};
use crate::remote::Remote;

/// Wanted size of the system's buffers: a burst of a thousand datagrams.
const SOCKET_BUFFER: usize = 2 * 1024 * 1024;
/// Room for what the system may join to one buffer.
const RECEIVE_LEN: usize = 65_535;
/// Buffers of an end that has one peer: what comes in a burst, the system joins.
const BUFFERS_FOR_ONE_PEER: usize = 2;

/// A bound UDP socket.
pub struct UdpTransport {
    socket: UdpSocket,
    state: UdpSocketState,
    buffers: Vec<Vec<u8>>,
    run_max: usize,
}

impl std::fmt::Debug for UdpTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UdpTransport").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl UdpTransport {
    /// Binds to `addr`; port 0 lets the system choose. Needs a tokio runtime. Reserves 64 KiB for
    /// each datagram of a batch, up to 2 MiB.
    ///
    /// # Errors
    /// The system's: port in use, no such address, no permission.
    pub fn bind(addr: SocketAddr) -> io::Result<Self> {
        Self::bind_with(addr, BATCH_SIZE)
    }

    /// As [`bind`](Self::bind), for an end that has one peer: reserves 128 KiB.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn bind_for_one_peer(addr: SocketAddr) -> io::Result<Self> {
        Self::bind_with(addr, BUFFERS_FOR_ONE_PEER.min(BATCH_SIZE))
    }

    /// Whether the system can't keep datagrams from being cut into fragments. If so, longer
    /// datagrams seem to pass although they don't, and are lost with each of their parts:
    /// [`Config::datagram_len_max`](crate::Config::datagram_len_max) is better 0 there. Linux,
    /// Android, Windows and recent systems of Apple can.
    #[must_use]
    pub fn may_fragment(&self) -> bool {
        self.state.may_fragment()
    }

    async fn send_run(&self, to: Remote, length: usize, contents: &[u8]) -> io::Result<()> {
        let segment_size = (contents.len() > length).then_some(length);
        let destination = to.addr();
        let transmit = Transmit { destination, ecn: None, contents, segment_size, src_ip: None };
        let send = || self.state.try_send((&self.socket).into(), &transmit);
        self.socket.async_io(Interest::WRITABLE, send).await
    }

    fn bind_with(addr: SocketAddr, buffers: usize) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        // More than the system allows is cut by it, which is no error worth failing for.
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
        socket.bind(&addr.into())?;
        let state = UdpSocketState::new((&socket).into())?;
        let socket = UdpSocket::from_std(socket.into())?;
        // Segmentation offload loses datagrams on some Android devices.
        let run_max = if cfg!(target_os = "android") { 1 } else { state.max_gso_segments() };
        let buffers = (0..buffers).map(|_| vec![0; RECEIVE_LEN]).collect();
        Ok(Self { socket, state, buffers, run_max })
    }
}

#[async_trait]
impl Transport for UdpTransport {
    async fn receive(&mut self, arrivals: &mut Arrivals) -> io::Result<()> {
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let count = loop {
            let Self { socket, state, buffers, .. } = self;
            let received = socket
                .async_io(Interest::READABLE, || {
                    let count = buffers.len();
                    let mut buffers = buffers.iter_mut();
                    let mut slices: [IoSliceMut<'_>; BATCH_SIZE] = std::array::from_fn(|_| {
                        IoSliceMut::new(buffers.next().map_or(&mut [], Vec::as_mut_slice))
                    });
                    state.recv((&*socket).into(), &mut slices[..count], &mut metas[..count])
                })
                .await;
            match received {
                Ok(count) => break count,
                // Some system reports an unreachable peer on the next receive.
                Err(error) if is_about_one_peer(&error) => continue,
                Err(error) => return Err(error),
            }
        };
        for (meta, buffer) in metas.iter().zip(&self.buffers).take(count) {
            let stride = meta.stride.max(1);
            // A buffer for each datagram: in a shared one, a message that is kept would keep all of
            // the batch. Measured, one for the batch isn't faster.
            let datagrams = buffer[..meta.len].chunks(stride);
            let from = Remote::Datagrams(meta.addr);
            arrivals.datagrams.extend(datagrams.map(|bytes| (from, BytesMut::from(bytes))));
        }
        Ok(())
    }

    async fn send(&mut self, departures: &mut Departures) -> io::Result<()> {
        for (to, length, contents) in departures.runs(self.run_max) {
            let sent = self.send_run(to, length, contents).await;
            // One that is too long for the interface, a probe perhaps, takes no others with it.
            if sent.is_err() && contents.len() > length {
                for datagram in contents.chunks(length) {
                    note(to, self.send_run(to, length, datagram).await);
                }
            } else {
                note(to, sent);
            }
        }
        departures.clear();
        Ok(())
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

/// To the session it looks like a lost datagram, which is what it is.
fn note(to: Remote, sent: io::Result<()>) {
    if let Err(error) = sent {
        tracing::debug!(%to, %error, "datagram not sent");
    }
}

fn is_about_one_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable};
    matches!(
        error.kind(),
        ConnectionRefused | ConnectionReset | HostUnreachable | NetworkUnreachable
    )
}
