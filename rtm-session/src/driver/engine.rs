//! What a driver drives.

use std::net::SocketAddr;

use bytes::BytesMut;
use rtm_wire::Time;

use super::Moment;

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

    /// Takes one datagram.
    fn handle_datagram(&mut self, moment: Moment, from: SocketAddr, datagram: BytesMut);

    /// Does what is due.
    fn handle_timeout(&mut self, moment: Moment);

    /// Hands results and events to the application. Called after each batch of inputs; never
    /// blocks.
    fn flush(&mut self, moment: Moment) -> Flow;

    /// Writes the next datagram over `datagram` and says where it goes.
    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<SocketAddr>;

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    fn poll_timeout(&self) -> Option<Time>;
}
