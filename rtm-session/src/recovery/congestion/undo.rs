//! Takes back what was done about losses that turn out to have been late packets only.

use rtm_wire::Time;

/// The state before the last reduction, and for how many lost packets it was made.
#[derive(Debug)]
pub(super) struct Undo<S> {
    before: Option<S>,
    lost: u64,
    /// When the reduction was made: packets sent up to then are its cause.
    start: Time,
}

impl<S> Undo<S> {
    pub(super) const fn new() -> Self {
        Self { before: None, lost: 0, start: Time::ZERO }
    }

    /// A reduction is about to be made for so many lost packets.
    pub(super) fn on_reduction(&mut self, now: Time, before: S, lost: u64) {
        *self = Self { before: Some(before), lost, start: now };
    }

    /// More packets of the same round trip are lost.
    pub(super) fn on_lost(&mut self, lost: u64) {
        self.lost += lost;
    }

    /// A packet that was sent at `sent` and counted as lost has arrived; gives the state to go back
    /// to when that was the last of them.
    pub(super) fn on_spurious(&mut self, sent: Time) -> Option<S> {
        if sent > self.start {
            return None;
        }
        self.lost = self.lost.saturating_sub(1);
        if self.lost == 0 { self.before.take() } else { None }
    }

    /// What was done since leaves nothing to go back to.
    pub(super) fn forget(&mut self) {
        self.before = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(micros: u64) -> Time {
        Time::from_micros(micros)
    }

    #[test]
    fn the_last_late_packet_brings_the_state_back_once() {
        let mut undo = Undo::new();
        undo.on_reduction(at(10), "before", 1);
        undo.on_lost(1);
        assert_eq!(undo.on_spurious(at(11)), None, "sent afterwards");
        assert_eq!(undo.on_spurious(at(8)), None);
        assert_eq!(undo.on_spurious(at(9)), Some("before"));
        assert_eq!(undo.on_spurious(at(9)), None);
    }

    #[test]
    fn what_is_forgotten_does_not_come_back() {
        let mut undo = Undo::new();
        undo.on_reduction(at(10), "before", 1);
        undo.forget();
        assert_eq!(undo.on_spurious(at(8)), None);
    }
}
