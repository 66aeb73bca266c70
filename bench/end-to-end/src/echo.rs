//! The floor: plain datagrams to a thread that sends them back.
//!
//! An echo is two datagrams, as is a message from its publisher by the server to a subscriber.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::clock::{Latency, Stamp, histogram, nanos, now};
use crate::host::Host;
use crate::pace::{counts, send_at};
use crate::{Failure, PAYLOAD_LEN};

/// Datagrams on their way when the rate is measured.
pub(crate) const IN_FLIGHT: usize = 64;
/// Silence after which datagrams on their way are taken for lost.
const LOST_AFTER: Duration = Duration::from_millis(20);

const LOCALHOST: &str = "127.0.0.1:0";

/// Echoes a second with [`IN_FLIGHT`] datagrams on their way.
pub(crate) fn rate(span: Duration) -> Result<f64, Failure> {
    let (_echoing, to) = start()?;
    let host = Host::start("client")?;
    host.run(async move {
        let socket = connect(to).await?;
        let (payload, mut buffer) = ([0; PAYLOAD_LEN], [0; PAYLOAD_LEN]);
        let start = now();
        let (mut count, mut flying, mut end) = (0, 0, start);
        while end - start < nanos(span) {
            while flying < IN_FLIGHT {
                socket.send(&payload).await?;
                flying += 1;
            }
            match timeout(LOST_AFTER, socket.recv(&mut buffer)).await {
                Ok(received) => {
                    received?;
                    (flying, count) = (flying - 1, count + 1);
                    // What has come meanwhile is taken before more is sent.
                    while flying > 0 && socket.try_recv(&mut buffer).is_ok() {
                        (flying, count) = (flying - 1, count + 1);
                    }
                }
                Err(_) => flying = 0,
            }
            end = now();
        }
        Ok(f64::from(count) * 1e9 / (end - start) as f64)
    })
}

/// Round trips, one after the other.
pub(crate) fn latency(span: Duration) -> Result<Latency, Failure> {
    let (_echoing, to) = start()?;
    let host = Host::start("client")?;
    host.run(async move {
        let socket = connect(to).await?;
        let (payload, mut buffer) = ([0; PAYLOAD_LEN], [0; PAYLOAD_LEN]);
        let (mut delays, start) = (histogram(), now());
        let mut sent = start;
        while sent - start < nanos(span) {
            socket.send(&payload).await?;
            socket.recv(&mut buffer).await?;
            let received = now();
            delays.record(received - sent)?;
            sent = received;
        }
        Ok(Latency { delays, late: histogram() })
    })
}

/// Round trips at a fixed rate, so that every thread has gone to sleep in between.
pub(crate) fn latency_at(rate: u32, span: Duration) -> Result<Latency, Failure> {
    let (_echoing, to) = start()?;
    let host = Host::start("client")?;
    let socket = Arc::new(host.run(connect(to))?);
    let receiver = Arc::clone(&socket);
    let receiving = host.begin(async move {
        let (mut delays, mut buffer) = (histogram(), [0; PAYLOAD_LEN]);
        loop {
            receiver.recv(&mut buffer).await?;
            let stamp = Stamp::read(&buffer).ok_or("a datagram of somebody else")?;
            if counts(stamp.index, rate) {
                delays.record(now() - stamp.sent)?;
            }
            if stamp.is_last {
                return Ok(delays);
            }
        }
    });
    let late = send_at(rate, span, |stamp| {
        host.runtime().block_on(socket.send(&stamp.payload()))?;
        Ok(())
    })?;
    Ok(Latency { delays: receiving.wait()?, late })
}

/// A thread that sends everything back.
fn start() -> Result<(Host, SocketAddr), Failure> {
    let host = Host::start("echo")?;
    let to = host.run(async {
        let socket = UdpSocket::bind(LOCALHOST).await?;
        let to = socket.local_addr()?;
        tokio::spawn(async move {
            let mut buffer = [0; PAYLOAD_LEN];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                // A client that is gone needs no answer.
                let _ = socket.send_to(&buffer[..length], from).await;
            }
        });
        Ok(to)
    })?;
    Ok((host, to))
}

async fn connect(to: SocketAddr) -> Result<UdpSocket, Failure> {
    let socket = UdpSocket::bind(LOCALHOST).await?;
    socket.connect(to).await?;
    Ok(socket)
}
