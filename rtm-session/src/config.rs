//! What can be chosen about an endpoint and its sessions.

use std::time::Duration;

use rtm_wire::{Cipher, TransportParams};

use crate::lane::{CREDIT_PER_MESSAGE, SendLimits};
use crate::recovery::CongestionControl;
use crate::ticket::TicketConfig;

/// Settings of an endpoint; the defaults suit a client on a phone.
///
/// # Memory
///
/// Each lane has credit of its own and no session-wide credit stands above it, so that no lane can
/// stop another. What bounds a session is therefore the sum:
///
/// - received and incomplete, or waiting for its turn: at most `lane_credit` for each of
///   `lanes_max + 1` lanes; [`SessionStats::receive_bytes`](crate::SessionStats) says how much it
///   is, and it never exceeds [`Config::receive_bytes_max`]. Buffers grow with what has arrived,
///   to twice as much at most: a message that was only begun takes little. Small messages that
///   wait are copied out of their packets. Besides, a lane remembers which of the last 16,384
///   messages have arrived, as ranges: 128 KiB at worst.
/// - received and not released: the same credit and the same bound. A lane that has ended gives
///   its place to another one, so a peer could go on opening lanes; while all that is held comes
///   to more than [`Config::receive_bytes_max`], packets with further messages count as lost,
///   until the application has [released](crate::Endpoint::release) some. Messages share their
///   packets' buffers, unless they are less than a sixteenth of them.
/// - to be sent, until acknowledged: `send_queue` bytes for each lane, and `send_bytes_max` for all
///   of them, each message counting 32 bytes more.
///
/// All of it grows only as far as the peer, or the application, goes. An end that talks to
/// strangers chooses `lanes_max` and `lane_credit` so that it can afford their product.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) sessions_max: usize,
    pub(crate) handshakes_max: usize,
    pub(crate) handshake_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) ack_delay: Duration,
    pub(crate) lanes_max: u64,
    pub(crate) lane_credit: u64,
    pub(crate) message_len_max: u64,
    pub(crate) send_queue_bytes: usize,
    pub(crate) send_queue_messages: usize,
    pub(crate) send_bytes_max: usize,
    pub(crate) datagram_len: usize,
    pub(crate) datagram_len_max: usize,
    pub(crate) ciphers: Vec<Cipher>,
    pub(crate) congestion: CongestionControl,
    pub(crate) redundancy_rate: u64,
    pub(crate) redundancy_ratio: u64,
    pub(crate) key_packets: u64,
    pub(crate) tickets: TicketConfig,
    pub(crate) carriers: Carriers,
    pub(crate) streams_max: usize,
}

/// What carries packets, as far as a client has the choice. A server takes what comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Carriers {
    /// Datagrams only; the driver needs no streams.
    #[default]
    Datagrams,
    /// Datagrams, and streams where they don't pass: raced at the connect, changed under way.
    Both,
    /// Streams only: not a datagram is sent.
    Streams,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sessions_max: 16,
            handshakes_max: 1_024,
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(40),
            keep_alive: Some(Duration::from_secs(5)),
            ack_delay: Duration::from_millis(5),
            lanes_max: 4_096,
            lane_credit: 256 * 1_024,
            message_len_max: 64 * 1_024 + 1_024,
            send_queue_bytes: 1_024 * 1_024,
            send_queue_messages: 8_192,
            send_bytes_max: 16 * 1_024 * 1_024,
            datagram_len: 1_200,
            datagram_len_max: 1_452,
            ciphers: default_ciphers(),
            congestion: CongestionControl::default(),
            redundancy_rate: 312_500,
            redundancy_ratio: 600,
            key_packets: crate::crypto::UPDATE_AFTER,
            tickets: TicketConfig::default(),
            carriers: Carriers::Datagrams,
            streams_max: 16,
        }
    }
}

impl Config {
    /// For a server with many clients: 100,000 sessions, 128 lanes from each, no keep-alive of its
    /// own, larger send queues; each client says how much silence it means (up to 1,810 s).
    #[must_use]
    pub fn server() -> Self {
        Self {
            sessions_max: 100_000,
            idle_timeout: Duration::from_secs(1_810),
            keep_alive: None,
            lanes_max: 128,
            lane_credit: 128 * 1_024,
            send_queue_bytes: 4 * 1_024 * 1_024,
            send_queue_messages: 32_768,
            send_bytes_max: 64 * 1_024 * 1_024,
            streams_max: 100_000,
            ..Self::default()
        }
    }

    /// Sessions at a time; further logins are refused. Default 16, server 100,000.
    #[must_use]
    pub const fn sessions_max(mut self, sessions: usize) -> Self {
        self.sessions_max = sessions;
        self
    }

    /// Handshakes that a server has under way at a time, about 2 KiB each: asked for, and the
    /// client has not yet sent its first data packet. From half of it on, clients have to prove
    /// their address first, and one address (one /64 network) has a sixteenth at most, but four. Of
    /// clients that are in, 64 times as many are remembered for the handshake timeout, about 150
    /// bytes each, so that a late copy of a first flight is no new one. Default 1,024.
    #[must_use]
    pub const fn handshakes_max(mut self, handshakes: usize) -> Self {
        self.handshakes_max = handshakes;
        self
    }

    /// How long a client tries to connect, and a server remembers a handshake. Default 10 s.
    #[must_use]
    pub const fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// Silence after which the session is given up. The shorter of both ends' holds.
    /// Default 40 s: an outage of half a minute is survived. Server 1,810 s: what clients ask for.
    #[must_use]
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Pause after which a ping is sent, or none. Default 5 s, server none.
    #[must_use]
    pub const fn keep_alive(mut self, pause: Option<Duration>) -> Self {
        self.keep_alive = pause;
        self
    }

    /// Longest time that an acknowledgement waits for company. Default 5 ms.
    #[must_use]
    pub const fn ack_delay(mut self, delay: Duration) -> Self {
        self.ack_delay = delay;
        self
    }

    /// Lanes that the peer may have open, lane 0 not counted. Default 4,096, server 128.
    #[must_use]
    pub const fn lanes_max(mut self, lanes: u64) -> Self {
        self.lanes_max = lanes;
        self
    }

    /// Bytes that the peer may have on its way, or unread, on one lane, each message counting 32
    /// bytes more. At least 4/3 of the longest message and 32 bytes. Default 256 KiB, server
    /// 128 KiB.
    #[must_use]
    pub const fn lane_credit(mut self, bytes: u64) -> Self {
        self.lane_credit = bytes;
        self
    }

    /// Longest message in bytes that is taken from the peer. Default 65 KiB.
    #[must_use]
    pub const fn message_len_max(mut self, bytes: u64) -> Self {
        self.message_len_max = bytes;
        self
    }

    /// Bytes, and messages, that one lane queues until they are acknowledged, or known to be
    /// dropped. Default 1 MiB and 8,192, server 4 MiB and 32,768.
    #[must_use]
    pub const fn send_queue(mut self, bytes: usize, messages: usize) -> Self {
        self.send_queue_bytes = bytes;
        self.send_queue_messages = messages;
        self
    }

    /// What [`send_queue`](Self::send_queue) says: bytes and messages.
    #[must_use]
    pub const fn send_queue_max(&self) -> (usize, usize) {
        (self.send_queue_bytes, self.send_queue_messages)
    }

    /// Bytes that all lanes of a session queue until they are acknowledged, each message counting
    /// 32 more. Default 16 MiB, server 64 MiB.
    #[must_use]
    pub const fn send_bytes_max(mut self, bytes: usize) -> Self {
        self.send_bytes_max = bytes;
        self
    }

    /// Longest datagram in bytes that is sent before it is known that more passes, between 512 and
    /// 65,000. Default 1,200, which passes everywhere.
    ///
    /// With streams, 16,384 at most: a longer packet ends the stream (protocol §3.12).
    #[must_use]
    pub const fn datagram_len(mut self, bytes: usize) -> Self {
        assert!(bytes >= 512 && bytes <= 65_000, "a datagram has 512 to 65,000 bytes");
        self.datagram_len = bytes;
        self
    }

    /// Longest datagram in bytes that is sent once it is known to pass, at most 65,000; not above
    /// [`datagram_len`](Self::datagram_len), 0 for example, means that nothing longer is tried.
    /// Default 1,452: Ethernet carries it over IPv4 and IPv6.
    ///
    /// A session learns it by probes: one on most paths, up to fifteen elsewhere, after each eighth
    /// packet at most, and again every ten minutes while less than this passes. The socket has to
    /// forbid fragments, or the answer is worth nothing: `UdpTransport` does, and where the system
    /// can't, its `may_fragment()` says that 0 is better here.
    #[must_use]
    pub const fn datagram_len_max(mut self, bytes: usize) -> Self {
        assert!(bytes <= 65_000, "a datagram has 65,000 bytes at most");
        self.datagram_len_max = bytes;
        self
    }

    /// Ciphers that are offered or accepted, best first. Default: AES-256-GCM first where the
    /// processor has instructions for it, else ChaCha20-Poly1305 first.
    #[must_use]
    pub fn ciphers(mut self, ciphers: &[Cipher]) -> Self {
        self.ciphers = ciphers.to_vec();
        self
    }

    /// How loss is taken. Default: [`CongestionControl::LossTolerant`].
    #[must_use]
    pub const fn congestion(mut self, control: CongestionControl) -> Self {
        self.congestion = control;
        self
    }

    /// Most bytes a second that a session spends on copies and parity. Default 312,500, which is
    /// 2.5 Mbit/s; 0 switches redundancy off.
    ///
    /// Within it, lanes decide: [`LaneSpec::redundancy`](crate::LaneSpec::redundancy).
    #[must_use]
    pub const fn redundancy_rate(mut self, bytes_per_second: u64) -> Self {
        self.redundancy_rate = bytes_per_second;
        self
    }

    /// Most bytes that are sent for a hundred bytes of small messages, copies included; above a
    /// random loss of 35 % it grows, to 5/2 of this at 70 %. Default 600: on a path that loses less
    /// than 30 %, no message needs as much.
    #[must_use]
    pub const fn redundancy_ratio(mut self, hundredths: u64) -> Self {
        self.redundancy_ratio = hundredths;
        self
    }

    /// Packets after which this end changes its key, between 128 and 2²²; a session that has not
    /// managed to by twice as many is closed. Default 2²²: small values are for tests.
    #[must_use]
    pub const fn key_packets(mut self, packets: u64) -> Self {
        assert!(packets >= 128 && packets <= 1 << 22, "a key is for 128 to 2^22 packets");
        self.key_packets = packets;
        self
    }

    /// Server: how tickets are made, and early data taken. Default: [`TicketConfig::default`].
    #[must_use]
    pub fn tickets(mut self, tickets: TicketConfig) -> Self {
        self.tickets = tickets;
        self
    }

    /// Client: what carries packets. Default: datagrams only.
    ///
    /// With [`Carriers::Both`], a stream is asked for when datagrams have brought no reply for 300
    /// ms, or under way nothing for a second; the session moves there if that answers, and back
    /// when datagrams do, which is asked after 5 s and ever less often up to a minute. No message
    /// is lost or repeated by it. The cost where datagrams pass: none while replies come within 300
    /// ms; else one stream at the connect, closed within 10 s.
    #[must_use]
    pub const fn carriers(mut self, carriers: Carriers) -> Self {
        self.carriers = carriers;
        self
    }

    /// Server: streams at a time, those that aren't any session's included; further ones are
    /// closed. Default 16, [`Config::server`] 100,000; `StreamListener::bind` wants the same
    /// number. One that no session uses is closed within 10 s.
    #[must_use]
    pub const fn streams_max(mut self, streams: usize) -> Self {
        self.streams_max = streams;
        self
    }

    /// Most bytes that one session holds of messages, each counting 32 bytes more, that are
    /// incomplete, wait for their turn or wait for the application: lanes times credit.
    #[must_use]
    pub fn receive_bytes_max(&self) -> u64 {
        (self.lanes_max + 1).saturating_mul(self.window())
    }

    /// What the peer is told.
    pub(crate) fn params(&self) -> TransportParams {
        TransportParams {
            lanes: self.lanes_max,
            lane_credit: self.window(),
            message_len: self.message_len_max,
            idle_timeout_ms: millis(self.idle_timeout),
            ack_delay_us: u64::try_from(self.ack_delay.as_micros()).unwrap_or(u64::MAX >> 2),
        }
    }

    /// What bounds this end, towards a peer with these limits.
    pub(crate) fn send_limits(&self, peer: &TransportParams) -> SendLimits {
        SendLimits {
            lanes: peer.lanes,
            lane_credit: peer.lane_credit,
            message_len: peer.message_len,
            queue_bytes: self.send_queue_bytes,
            queue_messages: self.send_queue_messages,
            session_bytes: self.send_bytes_max,
            datagram_len: self.datagram_len,
        }
    }

    /// Credit of a lane: never less than the longest message needs, and a third more, because
    /// credit is given back in quarters: a short message before a long one would stop the lane
    /// for ever (protocol §4.7).
    pub(crate) fn window(&self) -> u64 {
        let longest = self.message_len_max + CREDIT_PER_MESSAGE;
        self.lane_credit.max(longest + longest.div_ceil(3))
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX >> 2)
}

fn default_ciphers() -> Vec<Cipher> {
    if crate::crypto::has_fast_aes() {
        vec![Cipher::Aes256Gcm, Cipher::ChaCha20Poly1305]
    } else {
        vec![Cipher::ChaCha20Poly1305, Cipher::Aes256Gcm]
    }
}
