//! Requests on their way out, and what is answered to who asked.

use bytes::{Bytes, BytesMut};
use rtm_session::SessionId;
use rtm_wire::{LaneId, OperationId, Request, Time};

use super::Core;
use super::command::{Answer, Output};
use super::connection::Connection;
use super::link::Phase;
use super::operations::{Operation, Purpose};
use super::repeats::Sent;
use crate::error::{Error, ErrorKind};

impl<W> Core<W> {
    /// Sends a request; the server's answer, or the reason why it can't be sent, ends it.
    pub(super) fn request<'a>(
        &mut self,
        now: Time,
        lane: LaneId,
        request: impl Into<Request<'a>>,
        purpose: Purpose,
        waiter: Option<W>,
    ) {
        let operation = self.operations.next_id();
        let message = encode(request, operation);
        let is_publish = matches!(purpose, Purpose::Publish { .. });
        let sent = is_publish.then(|| Sent {
            message: message.clone(),
            at: now,
            number: self.operations.next_publish(),
            is_repeated: false,
        });
        self.operations.insert(operation, Operation { purpose, waiter, sent });
        let sent = match self.connection.session() {
            Some(session) => self.endpoint.send(now, session, lane, message).map_err(Error::from),
            None => Err(Error::new(ErrorKind::NotConnected)),
        };
        if let Err(error) = sent {
            let operation = self.operations.take(operation).expect("inserted above");
            self.on_failure(now, operation, error);
        }
    }

    pub(super) fn answer(&mut self, waiter: Option<W>, result: Result<Answer, Error>) {
        if let Some(waiter) = waiter {
            self.outputs.push_back(Output::Answer { waiter, result });
        }
    }

    /// Whether requests can be made.
    pub(super) fn check_connected(&self) -> Result<SessionId, Error> {
        match &self.connection {
            Connection::Up { session, farewell: None } => Ok(*session),
            Connection::Up { session, farewell: Some(it) }
                if self.waiting.is_next && !it.is_sent =>
            {
                Ok(*session)
            }
            Connection::Up { .. } => Err(Error::of(ErrorKind::NotLoggedIn, "logging out")),
            _ => Err(Error::new(self.not_connected())),
        }
    }

    /// Nobody is logged in, or only the connection is missing.
    pub(super) fn not_connected(&self) -> ErrorKind {
        match self.link.phase() {
            Phase::Idle | Phase::LoggingIn { .. } | Phase::LoggingPause { .. } | Phase::Failed => {
                ErrorKind::NotLoggedIn
            }
            _ => ErrorKind::NotConnected,
        }
    }
}

pub(super) fn encode<'a>(request: impl Into<Request<'a>>, operation: OperationId) -> Bytes {
    let request = request.into();
    let mut message = BytesMut::with_capacity(request.encoded_len(operation));
    request.encode(operation, &mut message);
    message.freeze()
}
