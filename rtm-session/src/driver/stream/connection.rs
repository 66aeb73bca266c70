//! One stream's task: from the socket to the driver and back.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::packets::{Incoming, Outgoing, Packets};
use super::{Input, Orders};
use crate::remote::StreamId;

/// Bytes that are handed to the system before they count as written.
const FLUSH_AFTER: usize = 16 * 1_024;
/// How long the peer has to close its side after ours, and the last bytes to leave.
pub(super) const LINGER: Duration = Duration::from_secs(2);

/// Serves a stream until either side ends it; tells the driver when it has.
pub(super) async fn serve(
    (stream, peer): (StreamId, SocketAddr),
    packets: Packets,
    orders: Orders,
    inputs: mpsc::Sender<Input>,
    end: CancellationToken,
) {
    let Packets { mut incoming, outgoing: sink } = packets;
    let Orders { packets: outgoing, closing } = orders;
    // A peer that reads next to nothing doesn't keep a stream that nobody wants.
    let patience = async {
        closing.cancelled().await;
        tokio::time::sleep(LINGER * 2).await;
    };
    let reading = read((stream, peer), &mut incoming, &inputs);
    let writing = write(stream, sink, outgoing, &inputs);
    let ended = tokio::select! {
        ended = reading => ended,
        written = writing => match written {
            // Closed from our side: what has arrived at the peer isn't to be torn away by a reset.
            Ok(_sink) => {
                let drained = async { while let Some(Ok(_)) = incoming.next().await {} };
                let _ = tokio::time::timeout(LINGER, drained).await;
                Ok(())
            }
            Err(error) => Err(error),
        },
        () = patience => Ok(()),
        () = end.cancelled() => return,
    };
    if let Err(error) = ended {
        tracing::debug!(%stream, %peer, %error, "stream ended");
    }
    // A driver that is gone needs no news.
    let _ = inputs.send(Input::Closed(stream)).await;
}

/// Until the peer has no more to say.
async fn read(
    (stream, peer): (StreamId, SocketAddr),
    incoming: &mut Incoming,
    inputs: &mpsc::Sender<Input>,
) -> io::Result<()> {
    while let Some(packet) = incoming.next().await {
        if inputs.send(Input::Packet(stream, peer, packet?)).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Until the driver has no more to say; the sink is closed then, and given back so that the
/// connection lives on for a moment.
async fn write(
    stream: StreamId,
    mut sink: Outgoing,
    mut outgoing: mpsc::UnboundedReceiver<Bytes>,
    inputs: &mpsc::Sender<Input>,
) -> io::Result<Outgoing> {
    let mut next = outgoing.recv().await;
    while let Some(mut packet) = next {
        let mut bytes = 0;
        loop {
            bytes += packet.len();
            sink.feed(packet).await?;
            match outgoing.try_recv() {
                Ok(another) if bytes < FLUSH_AFTER => packet = another,
                other => {
                    next = other.ok();
                    break;
                }
            }
        }
        sink.flush().await?;
        if inputs.send(Input::Written(stream, bytes)).await.is_err() {
            break;
        }
        if next.is_none() {
            next = outgoing.recv().await;
        }
    }
    let _ = tokio::time::timeout(LINGER, sink.close()).await;
    Ok(sink)
}
