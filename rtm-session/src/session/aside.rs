//! Packets that go to where the peer isn't yet: they ask whether it could be reached there, and
//! answer such questions. They don't move a session (RFC 9000 section 9.1).

use std::collections::VecDeque;

use rtm_wire::{Encode, Frame, Frames, PathChallenge, PathResponse, Time};

use super::{Contents, Session};
use crate::remote::Remote;

/// Answers that wait to be sent; of questions this end asks few.
pub(super) const RESPONSES_MAX: usize = 4;

/// Questions and answers that wait to be sent, each with where it goes.
#[derive(Debug, Default)]
pub(super) struct Asides {
    queue: VecDeque<(Remote, Aside)>,
}

#[derive(Clone, Copy, Debug)]
enum Aside {
    Challenge([u8; 8]),
    Response([u8; 8]),
}

impl Asides {
    /// Asks whether the peer can be reached there.
    pub(super) fn ask(&mut self, at: Remote, challenge: [u8; 8]) {
        self.queue.push_back((at, Aside::Challenge(challenge)));
    }

    fn answer(&mut self, to: Remote, token: [u8; 8]) {
        if self.responses() < RESPONSES_MAX {
            self.queue.push_back((to, Aside::Response(token)));
        }
    }

    pub(super) fn responses(&self) -> usize {
        self.queue.iter().filter(|(_, aside)| matches!(aside, Aside::Response(_))).count()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Answers that are due on this path, where other frames can go with them.
    pub(super) fn take_responses(&mut self, path: Remote) -> Vec<PathResponse> {
        let mut responses = Vec::new();
        self.queue.retain(|&(to, aside)| match aside {
            Aside::Response(token) if to == path => {
                responses.push(PathResponse(token));
                false
            }
            _ => true,
        });
        responses
    }

    pub(super) fn has_response(&self, path: Remote) -> bool {
        self.queue.iter().any(|(to, aside)| *to == path && matches!(aside, Aside::Response(_)))
    }

    /// What goes elsewhere than to `path`.
    fn pop_elsewhere(&mut self, path: Remote) -> Option<(Remote, Aside)> {
        let index = self.queue.iter().position(|&(to, _)| to != path)?;
        self.queue.remove(index)
    }

    /// Questions about a path that is the present one by now need no answer.
    pub(super) fn forget_challenges(&mut self, path: Remote) {
        self.queue.retain(|(to, aside)| *to != path || matches!(aside, Aside::Response(_)));
    }
}

/// Whether a packet only asks or answers, so that it tells nothing of where its sender is.
pub(super) fn is_asking(packet: &[u8]) -> bool {
    let mut has_any = false;
    let only = Frames::new(packet).all(|frame| {
        has_any = true;
        matches!(frame, Ok(Frame::PathChallenge(_) | Frame::PathResponse(_) | Frame::Padding(_)))
    });
    has_any && only
}

impl Session {
    /// The peer asks whether we hear it there.
    pub(super) fn answer_challenge(&mut self, from: Remote, challenge: PathChallenge) {
        // A server has one address for datagrams, whoever sends its own on from elsewhere.
        let to = match &self.fallback {
            Some(fallback) if !from.is_stream() => fallback.home(),
            None if !self.follows_peer => self.path.remote(),
            _ => from,
        };
        self.asides.answer(to, challenge.0);
    }

    /// Writes a packet that goes aside, and says where to.
    pub(super) fn transmit_aside(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<Remote> {
        if self.asides.is_empty() || self.keys.is_exhausted() {
            return None;
        }
        let (to, aside) = self.asides.pop_elsewhere(self.path.remote())?;
        self.begin(datagram);
        let header_len = datagram.len();
        match aside {
            Aside::Challenge(token) => PathChallenge(token).encode(datagram),
            Aside::Response(token) => PathResponse(token).encode(datagram),
        }
        self.seal(header_len, datagram);
        // Not remembered: should it be lost, that says nothing of the present path, and nobody
        // repeats it.
        let (number, contents) = (self.next_number, Contents::default());
        self.recovery.on_packet_sent(now, number, datagram.len(), false, contents);
        self.advance_number();
        Some(to)
    }
}
