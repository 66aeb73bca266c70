//! The receiving end.

use bytes::BytesMut;
use rtm_session::driver::{Engine, Flow, Moment};
use rtm_session::{Endpoint, Event, LoginAnswer, Remote, StreamAction, StreamEvent};
use rtm_wire::Time;

use crate::recorder::Recorder;

/// Lets everybody in and records all messages.
pub(super) struct Server {
    endpoint: Endpoint,
    recorder: Recorder,
}

impl Server {
    pub(super) const fn new(endpoint: Endpoint, recorder: Recorder) -> Self {
        Self { endpoint, recorder }
    }
}

impl Engine for Server {
    type Command = ();

    fn handle_command(&mut self, _: Moment, (): ()) {}

    fn handle_datagram(&mut self, moment: Moment, from: Remote, datagram: BytesMut) {
        self.endpoint.handle_datagram(moment.now, from, datagram);
    }

    fn handle_stream(&mut self, moment: Moment, event: StreamEvent) {
        self.endpoint.handle_stream(moment.now, event);
    }

    fn poll_stream_action(&mut self) -> Option<StreamAction> {
        self.endpoint.poll_stream_action()
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
                Event::Message { session, lane, payload, .. } => {
                    self.recorder.record(&payload);
                    self.endpoint.release(moment.now, session, lane, payload.len());
                }
                _ => {}
            }
        }
        Flow::Continue
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        self.endpoint.poll_transmit(now, datagram)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.endpoint.poll_timeout()
    }
}
