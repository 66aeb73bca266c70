//! A client that keeps no rules: it sends any bytes in a session, and keeps all that it gets.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use rtm_session::{CloseCause, Config, Endpoint, Event, Remote, Seed, SessionId, Ticket};
use rtm_sim::Node;
use rtm_wire::{
    CloseCode, ErrorCode, LaneId, Liveness, Login, OperationId, Reply, Request, ServerOperation,
    SessionInstance, Time,
};

use super::server::{OPEN_APP, public_key};
use super::world::SERVER;

pub(crate) struct Raw {
    pub(crate) endpoint: Endpoint,
    pub(crate) session: Option<SessionId>,
    /// All messages, in the order in which they came.
    pub(crate) got: Vec<(LaneId, Bytes)>,
    /// The answer to a login that was refused in the handshake.
    pub(crate) refused: Option<ErrorCode>,
    pub(crate) closed: Option<CloseCause>,
    /// Whether messages are taken as soon as they are there.
    pub(crate) takes: bool,
    pub(crate) ticket: Option<Ticket>,
}

impl Raw {
    pub(crate) fn new(config: Config, seed: [u8; 32]) -> Self {
        Self {
            endpoint: Endpoint::client(config, Seed::from_bytes(seed)),
            session: None,
            got: Vec::new(),
            refused: None,
            closed: None,
            takes: true,
            ticket: None,
        }
    }

    /// Begins a session; `login` goes into the handshake.
    pub(crate) fn connect(&mut self, now: Time, login: &[u8]) {
        self.endpoint.connect(now, SERVER, &public_key(), login).unwrap();
    }

    /// Begins a session by ticket, with early requests.
    pub(crate) fn resume(&mut self, now: Time, early: &[BytesMut], login: &[u8]) {
        let early: Vec<_> = early.iter().map(|message| message.clone().freeze()).collect();
        let ticket = self.ticket.as_ref().expect("it was logged in");
        self.endpoint.resume(now, SERVER, ticket, &early, &public_key(), login).unwrap();
    }

    pub(crate) fn send(&mut self, now: Time, message: &[u8]) {
        let session = self.session.expect("it is connected");
        let message = Bytes::copy_from_slice(message);
        self.endpoint.send(now, session, LaneId::CONTROL, message).unwrap();
    }

    pub(crate) fn request<'a>(&mut self, now: Time, id: u64, request: impl Into<Request<'a>>) {
        self.send(now, &encode(id, request));
    }

    /// The replies to one operation, in short: their codes.
    pub(crate) fn codes(&self, id: u64) -> Vec<ErrorCode> {
        self.replies(id).iter().map(|message| Reply::decode(message).unwrap().code).collect()
    }

    /// The replies to one operation.
    pub(crate) fn replies(&self, id: u64) -> Vec<Bytes> {
        let is_reply = |message: &Bytes| {
            matches!(
                ServerOperation::decode(message),
                Ok(ServerOperation::Reply(reply)) if reply.operation == OperationId(id)
            )
        };
        self.got.iter().map(|(_, message)| message.clone()).filter(is_reply).collect()
    }

    /// The code with which the server has ended the session.
    pub(crate) fn close_code(&self) -> Option<CloseCode> {
        match self.closed.as_ref()? {
            CloseCause::Peer { code, .. } => Some(*code),
            other => panic!("{other:?}"),
        }
    }

    fn settle(&mut self, now: Time) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Connected { session, .. } | Event::Resumed { session, .. } => {
                    self.session = Some(session);
                }
                Event::Ticket { ticket, .. } => self.ticket = Some(ticket),
                Event::Refused { code, .. } => self.refused = Some(code),
                Event::Closed { cause, .. } => self.closed = Some(cause),
                Event::Message { session, lane, payload, .. } => {
                    if self.takes {
                        self.endpoint.release(now, session, lane, payload.len());
                    }
                    self.got.push((lane, payload));
                }
                _ => {}
            }
        }
    }
}

impl Node for Raw {
    fn handle_datagram(&mut self, now: Time, from: SocketAddr, datagram: BytesMut) {
        self.endpoint.handle_datagram(now, from, datagram);
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.endpoint.handle_timeout(now);
        self.settle(now);
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<SocketAddr> {
        self.settle(now);
        self.endpoint.poll_transmit(now, datagram).map(Remote::addr)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.endpoint.poll_timeout()
    }
}

pub(crate) fn encode<'a>(id: u64, request: impl Into<Request<'a>>) -> BytesMut {
    let (request, mut message) = (request.into(), BytesMut::new());
    request.encode(OperationId(id), &mut message);
    message
}

/// The login of a user in the app without tokens.
pub(crate) fn login(user_id: &str, instance: u64) -> Login<'_> {
    let instance = SessionInstance(instance);
    Login {
        app_id: OPEN_APP,
        user_id,
        instance,
        features: 0,
        token: "",
        liveness: Liveness::default(),
    }
}
