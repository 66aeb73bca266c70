//! Tasks that wait for room in a lane's queue, over two real sockets.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use rtm_session::driver::{
    Clock, Engine, Flow, LaneGone, Moment, Room, RoomGate, Transport, drive, room,
};
use rtm_session::{
    Config, Endpoint, Event, LaneSpec, LoginAnswer, PublicKey, Remote, SendError, SessionId,
};
use rtm_wire::{CloseCode, LaneId, Time};
use tokio::sync::{mpsc, oneshot};

use crate::pair::{seed, server_key};
use crate::talker::run;
use crate::udp::bind;

enum Command {
    Connect(SocketAddr, PublicKey),
    /// A message, and where it goes back to if there is no room.
    Send(Bytes, oneshot::Sender<Option<Bytes>>),
    Close,
}

/// One session with one lane.
struct Station {
    endpoint: Endpoint,
    lane: Option<(SessionId, LaneId)>,
    gate: Option<RoomGate>,
    refused: u32,
    got: Vec<Bytes>,
    was_open: bool,
}

impl Station {
    fn new(endpoint: Endpoint, gate: Option<RoomGate>) -> Self {
        Self { endpoint, lane: None, gate, refused: 0, got: Vec::new(), was_open: false }
    }

    fn send(&mut self, now: Time, message: Bytes) -> Option<Bytes> {
        let Some((session, lane)) = self.lane else { return Some(message) };
        match self.endpoint.send(now, session, lane, message.clone()) {
            Ok(_) => None,
            Err(SendError::QueueFull { .. }) => {
                self.refused += 1;
                self.gate.as_ref().expect("not closed").shut();
                Some(message)
            }
            Err(error) => panic!("{error}"),
        }
    }
}

impl Engine for Station {
    type Command = Command;

    fn handle_command(&mut self, moment: Moment, command: Command) {
        match command {
            Command::Connect(server, key) => {
                self.endpoint.connect(moment.now, server, &key, b"").expect("may connect");
            }
            Command::Send(message, reply) => {
                let back = self.send(moment.now, message);
                let _ = reply.send(back);
            }
            Command::Close => {
                let (session, _) = self.lane.expect("connected");
                self.endpoint.close(moment.now, session, CloseCode::DONE, "");
            }
        }
    }

    fn handle_datagram(&mut self, moment: Moment, from: Remote, datagram: BytesMut) {
        self.endpoint.handle_datagram(moment.now, from, datagram);
    }

    fn handle_timeout(&mut self, moment: Moment) {
        self.endpoint.handle_timeout(moment.now);
    }

    fn flush(&mut self, moment: Moment) -> Flow {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::LoginRequested { login, .. } => {
                    self.endpoint.answer_login(moment.now, login, LoginAnswer::Accept(b""));
                }
                Event::Connected { session, .. } | Event::Accepted { session, .. } => {
                    let lane = self.endpoint.open_lane(session, LaneSpec::ORDERED).expect("first");
                    (self.lane, self.was_open) = (Some((session, lane)), true);
                    self.gate.iter().for_each(RoomGate::open);
                }
                Event::Message { session, lane, payload, .. } => {
                    self.endpoint.release(moment.now, session, lane, payload.len());
                    self.got.push(payload);
                }
                Event::Writable { .. } => self.gate.iter().for_each(RoomGate::open),
                Event::Closed { .. } => self.gate = None,
                _ => {}
            }
        }
        if self.was_open && self.endpoint.is_idle() { Flow::Stop } else { Flow::Continue }
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        self.endpoint.poll_transmit(now, datagram)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.endpoint.poll_timeout()
    }
}

/// Sends a message, and waits for room as often as it takes.
async fn send(commands: &mpsc::Sender<Command>, room: &mut Room, mut message: Bytes) {
    loop {
        room.wait().await.expect("the lane is there");
        let (reply, answer) = oneshot::channel();
        commands.send(Command::Send(message, reply)).await.expect("the driver runs");
        match answer.await.expect("answered") {
            None => return,
            Some(back) => message = back,
        }
    }
}

#[test]
fn tasks_that_wait_for_room_send_everything() {
    run(async {
        let (near, far) = (bind(), bind());
        let to = far.local_addr().expect("bound");
        let endpoint = Endpoint::server(Config::server(), server_key(), seed(1));
        let (_to_server, from_none) = mpsc::channel(1);
        let server = Station::new(endpoint, None);
        let server = tokio::spawn(drive(server, far, from_none, Clock::start()));
        let (gate, mut room) = room();
        // Until the lane is open.
        gate.shut();
        let endpoint = Endpoint::client(Config::default().send_queue(20_000, 50), seed(2));
        let (commands, received) = mpsc::channel(8);
        let client = Station::new(endpoint, Some(gate));
        let client = tokio::spawn(drive(client, near, received, Clock::start()));
        let connect = Command::Connect(to, server_key().public());
        commands.send(connect).await.expect("the driver runs");

        let senders = [1_u8, 2, 3].map(|sender| {
            let (commands, mut room) = (commands.clone(), room.clone());
            tokio::spawn(async move {
                for index in 0..500_u16 {
                    let mut message = vec![sender; 300];
                    message[1..3].copy_from_slice(&index.to_be_bytes());
                    // A wait that is given up costs nothing.
                    drop(room.wait());
                    send(&commands, &mut room, message.into()).await;
                }
            })
        });
        for sender in senders {
            sender.await.expect("no panic");
        }
        // What is queued still is dropped with the session.
        commands.send(Command::Close).await.expect("the driver runs");
        while room.wait().await != Err(LaneGone) {
            tokio::task::yield_now().await;
        }
        let client = client.await.expect("no panic").expect("loopback works");
        let server = server.await.expect("no panic").expect("loopback works");
        assert!(client.refused > 0, "the queue was full at times");
        for sender in [1_u8, 2, 3] {
            let of_sender = server.got.iter().filter(|message| message[0] == sender);
            let numbers: Vec<_> =
                of_sender.map(|got| u16::from_be_bytes([got[1], got[2]])).collect();
            assert!(numbers.is_sorted() && numbers.len() > 400, "{} of {sender}", numbers.len());
        }
    });
}
