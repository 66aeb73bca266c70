//! Packets on a stream of bytes.

use std::io;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

/// What a stream of bare packets begins with, so that a listener can tell it from a WebSocket.
pub(super) const PREFACE: [u8; 4] = *b"RTM1";
/// Longest packet on a stream in bytes: a peer that announces more is none.
pub(super) const PACKET_MAX: usize = 16 * 1_024;
/// Room for reading, to begin with: most streams bring little at a time.
const READ_BUFFER: usize = 4 * 1_024;

/// A stream of bytes, both ways: a TCP connection, or what somebody has put around one.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Duplex for T {}

pub(super) type Incoming = Pin<Box<dyn Stream<Item = io::Result<BytesMut>> + Send>>;
pub(super) type Outgoing = Pin<Box<dyn Sink<Bytes, Error = io::Error> + Send>>;

/// Both directions of a stream of packets.
pub(super) struct Packets {
    pub(super) incoming: Incoming,
    pub(super) outgoing: Outgoing,
}

impl Packets {
    /// Bare packets, each after its length in two bytes.
    pub(super) fn bare(io: impl Duplex) -> Self {
        let (reader, writer) = tokio::io::split(io);
        let mut codec = LengthDelimitedCodec::builder();
        codec.length_field_type::<u16>().max_frame_length(PACKET_MAX);
        let reader = FramedRead::with_capacity(reader, codec.new_codec(), READ_BUFFER);
        let writer = FramedWrite::new(writer, codec.new_codec());
        Self { incoming: Box::pin(reader), outgoing: Box::pin(writer) }
    }

    /// A packet in each binary message.
    pub(super) fn web_socket(io: WebSocketStream<impl Duplex>) -> Self {
        let (sink, stream) = io.split();
        // Text and pings are none of ours; the library answers pings by itself.
        let incoming = stream.filter_map(|message| async {
            match message {
                Ok(Message::Binary(packet)) => Some(Ok(BytesMut::from(packet))),
                Ok(_) => None,
                Err(error) => Some(Err(to_io(error))),
            }
        });
        let outgoing = sink
            .sink_map_err(to_io)
            .with(|packet: Bytes| std::future::ready(Ok::<_, io::Error>(Message::Binary(packet))));
        Self { incoming: Box::pin(incoming), outgoing: Box::pin(outgoing) }
    }
}

/// Small buffers, bounded messages.
pub(super) fn web_socket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(READ_BUFFER)
        .max_message_size(Some(PACKET_MAX))
        .max_frame_size(Some(PACKET_MAX))
}

pub(super) fn to_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}
