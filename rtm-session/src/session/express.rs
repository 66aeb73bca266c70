//! Urgent messages don't wait for the window that less urgent ones have filled.

/// Of so many bytes sent, one may be urgent and beyond the window.
const SHARE: u64 = 16;
/// Packets for which it is saved up.
const SAVED: u64 = 4;

/// Lets a few packets go beyond window and pace, when the classes of lanes that are held back are
/// less urgent than a message that has come since: a sixteenth of the traffic at most, which is
/// what a congestion controller's own probing adds. A class never overtakes itself.
#[derive(Debug)]
pub(super) struct Express {
    /// The least urgent class that has to wait.
    held_back: Option<u8>,
    allowance: u64,
    datagram_len: u64,
}

impl Express {
    pub(super) fn new(datagram_len: usize) -> Self {
        let datagram_len = datagram_len as u64;
        Self { held_back: None, allowance: SAVED * datagram_len, datagram_len }
    }

    /// The class of which all more urgent ones may send now; `may_send` says whether everybody may.
    pub(super) fn below(&mut self, may_send: bool, urgency: Option<u8>) -> Option<u8> {
        if may_send {
            self.held_back = None;
            return None;
        }
        let urgency = urgency?;
        let held_back = *self.held_back.get_or_insert(urgency);
        if urgency < held_back && self.allowance >= self.datagram_len {
            return Some(held_back);
        }
        self.held_back = Some(held_back.max(urgency));
        None
    }

    /// A packet went out, beyond the window or not.
    pub(super) fn on_sent(&mut self, bytes: usize, is_beyond: bool) {
        let bytes = bytes as u64;
        self.allowance = if is_beyond {
            self.allowance.saturating_sub(bytes)
        } else {
            (self.allowance + bytes / SHARE).min(SAVED * self.datagram_len)
        };
    }
}
