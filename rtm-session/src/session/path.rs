//! Where the peer is, and whether it really is there.

use rtm_wire::{PathResponse, Time};

use crate::remote::{Remote, StreamId};

/// How many times the bytes received may be sent to an address that is not proved (RFC 9000
/// section 8.1).
pub(crate) const AMPLIFICATION: u64 = 3;

/// The peer's present address.
#[derive(Debug)]
pub(crate) struct Path {
    remote: Remote,
    proof: Proof,
    /// The stream has more to write than is good for it.
    is_full: bool,
}

#[derive(Debug)]
enum Proof {
    /// The peer has answered from there.
    Done,
    /// Server: the reply went to more than one address, so the one from which the client's first
    /// data packet comes may not be the one where it got the reply.
    Doubtful,
    /// The stream has ended, and nothing is known of where the peer is.
    Gone,
    /// A challenge is out; until it is answered, only a multiple of what came from there is sent.
    Wanted { challenge: [u8; 8], received: u64, sent: u64, unsent: bool, former: Option<Former> },
}

/// The proved address before. Without an answer by `until`, the peer is taken to be there still.
#[derive(Clone, Copy, Debug)]
struct Former {
    remote: Remote,
    until: Time,
}

impl Path {
    /// A path whose address is proved: by the handshake.
    pub(crate) const fn proved(remote: Remote) -> Self {
        Self { remote, proof: Proof::Done, is_full: false }
    }

    pub(crate) const fn remote(&self) -> Remote {
        self.remote
    }

    pub(crate) const fn is_stream(&self) -> bool {
        self.remote.is_stream()
    }

    pub(crate) const fn is_proved(&self) -> bool {
        matches!(self.proof, Proof::Done)
    }

    /// Server: the reply went there, too, before the client's first data packet has come.
    pub(crate) fn on_reply_sent(&mut self, to: Remote) {
        if to != self.remote {
            self.proof = Proof::Doubtful;
        }
    }

    /// Server: the client's first data packet has come from there. It proves the address if that is
    /// the only one at which the client can have got the reply.
    pub(crate) fn begin(&mut self, remote: Remote, challenge: [u8; 8]) {
        if remote != self.remote || !self.is_proved() {
            *self = Self::wanted(remote, challenge, None);
        }
    }

    /// The peer has moved, says an authentic packet newer than all before it, and has to prove it
    /// by `until`. A copy that somebody else sent on says the same: so the address before counts
    /// as proved for as long, if it was, and the peer's next packet from there brings us back.
    pub(crate) fn move_to(&mut self, remote: Remote, challenge: [u8; 8], until: Time) {
        let former = match self.proof {
            Proof::Done => Some(self.remote),
            Proof::Wanted { former, .. } => former.map(|former| former.remote),
            Proof::Doubtful | Proof::Gone => None,
        };
        *self = if former == Some(remote) {
            Self::proved(remote)
        } else {
            let former = former.map(|remote| Former { remote, until });
            Self::wanted(remote, challenge, former)
        };
    }

    const fn wanted(remote: Remote, challenge: [u8; 8], former: Option<Former>) -> Self {
        let proof = Proof::Wanted { challenge, received: 0, sent: 0, unsent: true, former };
        Self { remote, proof, is_full: false }
    }

    /// Until when the address has to be proved, if there is another one to go back to.
    pub(crate) const fn proof_deadline(&self) -> Option<Time> {
        match self.proof {
            Proof::Wanted { former: Some(former), .. } => Some(former.until),
            _ => None,
        }
    }

    /// The proof has not come: back to where the peer was.
    pub(crate) fn go_back(&mut self) {
        if let Proof::Wanted { former: Some(former), .. } = self.proof {
            *self = Self::proved(former.remote);
        }
    }

    /// The stream has ended: back to where the peer was before, if that isn't it, too.
    pub(crate) fn on_stream_closed(&mut self, stream: StreamId) {
        if let Proof::Wanted { former, .. } = &mut self.proof {
            if former.is_some_and(|former| former.remote.stream() == Some(stream)) {
                *former = None;
            }
        }
        if self.remote.stream() == Some(stream) {
            self.proof = match self.proof {
                Proof::Wanted { former: Some(former), .. } => {
                    return *self = Self::proved(former.remote);
                }
                _ => Proof::Gone,
            };
        }
    }

    pub(crate) const fn is_gone(&self) -> bool {
        matches!(self.proof, Proof::Gone)
    }

    /// Whether the stream takes nothing more just now.
    pub(crate) fn set_full(&mut self, is_full: bool) {
        self.is_full = is_full;
    }

    pub(crate) fn on_received(&mut self, bytes: usize) {
        if let Proof::Wanted { received, .. } = &mut self.proof {
            *received += bytes as u64;
        }
    }

    pub(crate) fn on_sent(&mut self, bytes: usize) {
        if let Proof::Wanted { sent, .. } = &mut self.proof {
            *sent += bytes as u64;
        }
    }

    pub(crate) fn on_response(&mut self, response: PathResponse) {
        if let Proof::Wanted { challenge, .. } = self.proof {
            if challenge == response.0 {
                self.proof = Proof::Done;
            }
        }
    }

    /// Bytes that may still be sent there.
    pub(crate) fn allowance(&self) -> usize {
        match self.proof {
            _ if self.is_full => 0,
            Proof::Doubtful | Proof::Gone => 0,
            Proof::Done => usize::MAX,
            // Who has opened a stream is there, whether it is the peer or not.
            Proof::Wanted { .. } if self.is_stream() => usize::MAX,
            Proof::Wanted { received, sent, .. } => {
                let left = (received * AMPLIFICATION).saturating_sub(sent);
                usize::try_from(left).unwrap_or(usize::MAX)
            }
        }
    }

    /// The challenge that still has to be sent.
    pub(crate) fn take_challenge(&mut self) -> Option<[u8; 8]> {
        match &mut self.proof {
            Proof::Wanted { challenge, unsent, .. } if *unsent => {
                *unsent = false;
                Some(*challenge)
            }
            _ => None,
        }
    }

    pub(crate) const fn wants_challenge(&self) -> bool {
        matches!(self.proof, Proof::Wanted { unsent: true, .. })
    }

    /// The challenge may have been lost: ask again.
    pub(crate) fn repeat_challenge(&mut self) {
        if let Proof::Wanted { unsent, .. } = &mut self.proof {
            *unsent = true;
        }
    }
}
