//! Credit frames that the peer may not have.

use std::collections::BTreeMap;
use std::time::Duration;

use rtm_wire::{LaneId, Time};

/// Pause between repetitions: about what an answer to each packet of a dense flow would take.
const PAUSE: Duration = Duration::from_millis(10);

/// Remembers them, so that they go out with other packets when their answer is overdue.
///
/// A sender that waits for credit has nothing else on its way: each frame that is lost holds it up
/// for a probe timeout, and a path that loses most packets loses most probes, too.
#[derive(Debug, Default)]
pub(crate) struct OpenGrants {
    lanes: BTreeMap<LaneId, Sent>,
}

#[derive(Debug)]
struct Sent {
    first: Time,
    last: Time,
}

impl OpenGrants {
    pub(crate) fn on_sent(&mut self, now: Time, lane: LaneId) {
        self.lanes.entry(lane).or_insert(Sent { first: now, last: now }).last = now;
    }

    /// The peer has it, or the lane is over. An answer to an older frame of the lane counts as
    /// well: the newer one is then as any frame, sent again when it is lost.
    pub(crate) fn forget(&mut self, lane: LaneId) {
        self.lanes.remove(&lane);
    }

    /// A lane whose credit is to be told once more, with a packet that goes out anyway: it has been
    /// unanswered for longer than `patience`. Another one each time.
    pub(crate) fn next_overdue(&mut self, now: Time, patience: Duration) -> Option<LaneId> {
        let is_due = |sent: &Sent| now >= sent.first + patience && now >= sent.last + PAUSE;
        let (&lane, sent) = self.lanes.iter_mut().find(|(_, sent)| is_due(sent))?;
        sent.last = now;
        Some(lane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_overdue_goes_out_now_and_then_until_it_is_answered() {
        let at = |millis: u64| Time::from_micros(millis * 1_000);
        let mut grants = OpenGrants::default();
        let patience = Duration::from_millis(100);
        let mut told = Vec::new();
        grants.on_sent(at(0), LaneId(1));
        grants.on_sent(at(50), LaneId(2));
        for millis in 0..165 {
            while let Some(lane) = grants.next_overdue(at(millis), patience) {
                told.push((millis, lane.0));
            }
            if millis == 115 {
                grants.forget(LaneId(1));
            }
        }
        assert_eq!(told, [(100, 1), (110, 1), (150, 2), (160, 2)]);
    }
}
