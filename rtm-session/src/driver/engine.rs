//! What a driver drives.

use bytes::BytesMut;
use rtm_wire::Time;

use super::Moment;
use crate::endpoint::{StreamAction, StreamEvent};
use crate::remote::Remote;

/// Whether there is anything left to drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Send what is left, then end.
    Stop,
}

/// A sans-IO engine: an [`Endpoint`](crate::Endpoint) with the application's own state machines
/// around it.
pub trait Engine: Send + 'static {
    /// What the application asks for.
    type Command: Send + 'static;

    /// Takes one command.
    fn handle_command(&mut self, moment: Moment, command: Self::Command);

    /// Takes one datagram, or one packet of a stream.
    fn handle_datagram(&mut self, moment: Moment, from: Remote, datagram: BytesMut);

    /// Takes news of a stream. An engine whose driver has no streams has nothing to do here.
    fn handle_stream(&mut self, moment: Moment, event: StreamEvent) {
        let _ = (moment, event);
    }

    /// Does what is due.
    fn handle_timeout(&mut self, moment: Moment);

    /// Hands results and events to the application. Called after each batch of inputs; never
    /// blocks.
    fn flush(&mut self, moment: Moment) -> Flow;

    /// Writes the next datagram over `datagram` and says where it goes.
    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote>;

    /// What is to be done about streams next.
    fn poll_stream_action(&mut self) -> Option<StreamAction> {
        None
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    fn poll_timeout(&self) -> Option<Time>;
}
