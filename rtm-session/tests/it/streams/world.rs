//! A client and a server with datagrams and streams between them, in virtual time.
//!
//! Streams here are what TCP is to an endpoint: packets come whole, in order, late while the line
//! is down, and not at all once the stream has ended.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use rtm_session::{
    Carriers, Config, Endpoint, LaneSpec, Remote, SessionId, StreamAction, StreamEvent, StreamId,
};
use rtm_sim::Node;
use rtm_wire::{LaneId, LaneMode, Qos, Reliability, Time};

use crate::pair::{CLIENT, Host, SERVER, ms, seed, server_key};

/// Reliable, in no order.
pub(crate) const UNORDERED: LaneSpec = LaneSpec {
    mode: LaneMode { order: Qos::Unordered, reliability: Reliability::Reliable },
    ..LaneSpec::ORDERED
};

/// One end of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Client,
    Server,
}

impl End {
    fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

#[derive(Debug)]
enum Item {
    Datagram(BytesMut),
    Packet(StreamId, BytesMut),
    News(StreamEvent),
}

/// What the network is like.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    pub(crate) delay: Duration,
    /// Datagrams in a thousand that are lost.
    pub(crate) loss: u64,
    /// When datagrams don't pass, from and until.
    pub(crate) blocked: Vec<(Duration, Duration)>,
    /// When nothing passes in streams; what is sent waits.
    pub(crate) stalled: Vec<(Duration, Duration)>,
    /// When all streams break, with what is in them.
    pub(crate) cuts: Vec<Duration>,
    /// Attempts to open a stream that fail, of the first ones.
    pub(crate) refusals: u32,
    /// Streams that open and bring nothing across, of the first ones.
    pub(crate) swallowed: u32,
    /// How long a stream takes for each packet until it counts as written.
    pub(crate) write_time: Duration,
}

impl Default for Weather {
    fn default() -> Self {
        Self {
            delay: ms(25),
            loss: 0,
            blocked: Vec::new(),
            stalled: Vec::new(),
            cuts: Vec::new(),
            refusals: 0,
            swallowed: 0,
            write_time: Duration::ZERO,
        }
    }
}

/// For ever, as far as tests go.
pub(crate) const ALWAYS: (Duration, Duration) = (Duration::ZERO, Duration::from_secs(100_000));

#[derive(Debug)]
struct Stream {
    is_open: bool,
    swallows: bool,
    /// When the last packet to each end arrives: none overtakes it.
    arrivals: [Time; 2],
    /// When the last packet of each end is written.
    written: [Time; 2],
}

pub(crate) struct StreamWorld {
    pub(crate) now: Time,
    pub(crate) client: Host,
    pub(crate) server: Host,
    weather: Weather,
    chance: ChaCha8Rng,
    queue: BTreeMap<(Time, u64), (End, Item)>,
    next: u64,
    streams: BTreeMap<StreamId, Stream>,
    cuts: Vec<Time>,
    /// An end to which no datagram comes.
    deaf: Option<End>,
    /// Streams that were opened.
    pub(crate) opened: u32,
    /// What the client said about each attempt.
    pub(crate) attempts: Vec<u32>,
    pub(crate) datagrams_sent: u64,
    /// Messages that a test has taken off.
    pub(crate) taken: usize,
    pub(crate) packets_sent: u64,
}

impl StreamWorld {
    pub(crate) fn new(number: u8, carriers: Carriers, weather: Weather) -> Self {
        Self::with(number, Config::default().carriers(carriers), Config::server(), weather)
    }

    pub(crate) fn with(number: u8, client: Config, server: Config, weather: Weather) -> Self {
        let client = Endpoint::client(client, seed(number));
        let server = Endpoint::server(server, server_key(), seed(99));
        let mut cuts: Vec<Time> = weather.cuts.iter().map(|&cut| Time::ZERO + cut).collect();
        cuts.sort_unstable_by(|a, b| b.cmp(a));
        Self {
            now: Time::ZERO,
            client: Host::new(client),
            server: Host::new(server),
            weather,
            chance: ChaCha8Rng::seed_from_u64(number.into()),
            queue: BTreeMap::new(),
            next: 0,
            streams: BTreeMap::new(),
            cuts,
            deaf: None,
            opened: 0,
            attempts: Vec::new(),
            datagrams_sent: 0,
            taken: 0,
            packets_sent: 0,
        }
    }

    /// As [`new`](Self::new), and connected, within so long.
    pub(crate) fn connected(
        number: u8,
        carriers: Carriers,
        weather: Weather,
        within: Duration,
    ) -> Self {
        let mut world = Self::new(number, carriers, weather);
        world.connect();
        world.run_until(within, |world| {
            !world.client.sessions.is_empty() && !world.server.sessions.is_empty()
        });
        assert!(!world.client.sessions.is_empty(), "not connected at {:?}", world.now);
        assert!(!world.server.sessions.is_empty(), "not accepted at {:?}", world.now);
        world
    }

    pub(crate) fn connect(&mut self) {
        let key = server_key().public();
        let session = self.client.endpoint.connect(self.now, SERVER, &key, b"login");
        session.expect("a client may connect");
        self.drain();
    }

    pub(crate) fn host(&mut self, end: End) -> &mut Host {
        match end {
            End::Client => &mut self.client,
            End::Server => &mut self.server,
        }
    }

    pub(crate) fn session(&mut self, end: End) -> SessionId {
        *self.host(end).sessions.last().expect("connected")
    }

    pub(crate) fn open_lane(&mut self, end: End, spec: LaneSpec) -> LaneId {
        let session = self.session(end);
        self.host(end).endpoint.open_lane(session, spec).expect("lane opens")
    }

    pub(crate) fn send(&mut self, end: End, lane: LaneId, message: impl Into<Bytes>) {
        let (now, session) = (self.now, self.session(end));
        let sent = self.host(end).endpoint.send(now, session, lane, message.into());
        sent.expect("message is taken");
        self.drain();
    }

    /// Where an end's session is at present.
    pub(crate) fn remote(&mut self, end: End) -> Remote {
        let session = self.session(end);
        self.host(end).endpoint.remote(session).expect("the session lives")
    }

    pub(crate) fn is_on_stream(&mut self) -> bool {
        self.remote(End::Client).stream().is_some()
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.now.saturating_since(Time::ZERO)
    }

    /// From now on an end gets no datagrams.
    pub(crate) fn drop_datagrams_to(&mut self, end: End) {
        self.deaf = Some(end);
    }

    /// From now on both get them again, so many in a thousand lost.
    pub(crate) fn let_datagrams_pass(&mut self, loss: u64) {
        self.deaf = None;
        self.weather.loss = loss;
    }

    /// Hands an end a packet as if it had come from there.
    pub(crate) fn inject(&mut self, end: End, from: Remote, packet: &[u8]) {
        let now = self.now;
        self.host(end).endpoint.handle_datagram(now, from, packet.into());
        self.drain();
    }

    /// Takes the next packet of an end off, instead of sending it.
    pub(crate) fn take_packet(&mut self, end: End) -> Option<(Remote, Vec<u8>)> {
        let (now, mut packet) = (self.now, Vec::new());
        let to = self.host(end).endpoint.poll_transmit(now, &mut packet)?;
        Some((to, packet))
    }

    /// An end hears of a stream.
    pub(crate) fn tell(&mut self, end: End, event: StreamEvent) {
        let now = self.now;
        self.host(end).endpoint.handle_stream(now, event);
        self.drain();
    }

    pub(crate) fn run(&mut self, span: Duration) {
        self.run_until(span, |_| false);
    }

    pub(crate) fn run_until(&mut self, span: Duration, mut done: impl FnMut(&Self) -> bool) {
        let end = self.now + span;
        let mut steps = 0_u32;
        while !done(self) {
            let Some(next) = self.next_time().filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            steps = if next > self.now { 0 } else { steps + 1 };
            assert!(steps < 20_000, "livelock at {:?}", self.now);
            self.now = self.now.max(next);
            self.step();
        }
    }

    fn next_time(&self) -> Option<Time> {
        let queued = self.queue.first_key_value().map(|((at, _), _)| *at);
        let timeouts = [self.client.poll_timeout(), self.server.poll_timeout()];
        [queued, self.cuts.last().copied()].into_iter().chain(timeouts).flatten().min()
    }

    fn step(&mut self) {
        let now = self.now;
        if self.cuts.last().is_some_and(|cut| *cut <= now) {
            self.cuts.pop();
            let all: Vec<StreamId> = self.streams.keys().copied().collect();
            all.into_iter().for_each(|stream| self.cut(stream));
        } else if self.queue.first_key_value().is_some_and(|((at, _), _)| *at <= now) {
            let (_, (end, item)) = self.queue.pop_first().expect("there is one");
            self.arrive(end, item);
        } else {
            for end in [End::Client, End::Server] {
                if self.host(end).poll_timeout().is_some_and(|due| due <= now) {
                    self.host(end).handle_timeout(now);
                }
            }
        }
        self.drain();
    }

    fn arrive(&mut self, end: End, item: Item) {
        let (now, peer) = (self.now, if end == End::Client { SERVER } else { CLIENT });
        match item {
            Item::Datagram(datagram) => self.host(end).handle_datagram(now, peer, datagram),
            Item::Packet(stream, packet) => {
                if self.streams.get(&stream).is_some_and(|it| it.is_open) {
                    let from = Remote::Stream(stream, peer);
                    self.host(end).endpoint.handle_datagram(now, from, packet);
                }
            }
            Item::News(event) => self.host(end).endpoint.handle_stream(now, event),
        }
    }

    /// All that the ends have to send goes on its way.
    fn drain(&mut self) {
        for end in [End::Client, End::Server] {
            loop {
                let (now, mut packet) = (self.now, Vec::new());
                let Some(to) = self.host(end).transmit(now, &mut packet) else { break };
                self.sent(end, to, &packet);
            }
            while let Some(action) = self.host(end).endpoint.poll_stream_action() {
                self.act(action);
            }
        }
    }

    fn sent(&mut self, end: End, to: Remote, packet: &[u8]) {
        let packet = BytesMut::from(packet);
        match to.stream() {
            None => {
                self.datagrams_sent += 1;
                let is_lost = self.chance.next_u64() % 1_000 < self.weather.loss;
                let is_deaf = self.deaf == Some(end.other());
                if !is_lost && !is_deaf && !is_within(self.elapsed(), &self.weather.blocked) {
                    let at = self.now + self.weather.delay;
                    self.push(at, end.other(), Item::Datagram(packet));
                }
            }
            Some(stream) => {
                self.packets_sent += 1;
                let (now, delay) = (self.now, self.weather.delay);
                let write_time = self.weather.write_time;
                let clear = Time::ZERO + end_of(self.elapsed(), &self.weather.stalled);
                let Some(entry) = self.streams.get_mut(&stream).filter(|it| it.is_open) else {
                    return;
                };
                let written = &mut entry.written[end as usize];
                *written = (*written).max(now).max(clear) + write_time;
                let (written, arrival) = (*written, &mut entry.arrivals[end.other() as usize]);
                *arrival = (*arrival).max(written + delay);
                let (arrival, bytes, swallows) = (*arrival, packet.len(), entry.swallows);
                self.push(written, end, Item::News(StreamEvent::Written { stream, bytes }));
                if !swallows {
                    self.push(arrival, end.other(), Item::Packet(stream, packet));
                }
            }
        }
    }

    fn act(&mut self, action: StreamAction) {
        let delay = self.weather.delay;
        match action {
            StreamAction::Open { stream, attempt, .. } => {
                self.attempts.push(attempt);
                if self.weather.refusals > 0 {
                    self.weather.refusals -= 1;
                    let closed = Item::News(StreamEvent::Closed { stream });
                    return self.push(self.now + delay * 2, End::Client, closed);
                }
                self.opened += 1;
                let times = [self.now; 2];
                let swallows = self.opened <= self.weather.swallowed;
                let entry = Stream { is_open: true, swallows, arrivals: times, written: times };
                self.streams.insert(stream, entry);
                let clear = Time::ZERO + end_of(self.elapsed(), &self.weather.stalled);
                for (end, peer, ways) in [(End::Server, CLIENT, 1), (End::Client, SERVER, 2)] {
                    let event = StreamEvent::Opened { stream, peer };
                    self.push(clear.max(self.now) + delay * ways, end, Item::News(event));
                }
            }
            StreamAction::Close { stream } => {
                // What was sent arrives, then the end.
                let Some(entry) = self.streams.get(&stream).filter(|it| it.is_open) else { return };
                let [client, server] = entry.arrivals;
                let closed = || Item::News(StreamEvent::Closed { stream });
                self.push(client.max(self.now + delay), End::Client, closed());
                self.push(server.max(self.now + delay), End::Server, closed());
            }
            _ => {}
        }
    }

    /// A stream breaks; what is in it is lost.
    pub(crate) fn cut(&mut self, stream: StreamId) {
        let Some(entry) = self.streams.get_mut(&stream).filter(|it| it.is_open) else { return };
        entry.is_open = false;
        for end in [End::Client, End::Server] {
            self.push(self.now, end, Item::News(StreamEvent::Closed { stream }));
        }
    }

    fn push(&mut self, at: Time, end: End, item: Item) {
        self.queue.insert((at, self.next), (end, item));
        self.next += 1;
    }
}

fn is_within(now: Duration, spans: &[(Duration, Duration)]) -> bool {
    spans.iter().any(|&(from, until)| from <= now && now < until)
}

/// When the span that holds `now` is over; `now` if none does.
fn end_of(now: Duration, spans: &[(Duration, Duration)]) -> Duration {
    let held = spans.iter().filter(|&&(from, until)| from <= now && now < until);
    held.map(|&(_, until)| until).max().unwrap_or(now)
}
