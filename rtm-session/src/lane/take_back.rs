//! Messages that are taken back before anything of them was sent.
//!
//! The peer has never heard of them, so their numbers go to those behind them, and nothing has to
//! be told: this works on lanes that are reliable for what they do send.

use bytes::Bytes;

use super::pending::Slot;
use super::send::SendLane;

impl SendLane {
    /// Takes the oldest message back that is `wanted`, and not begun; `None` if there is none, on a
    /// closing lane, and on lanes that drop messages by themselves.
    pub(crate) fn take_back_oldest(
        &mut self,
        mut wanted: impl FnMut(&Bytes) -> bool,
    ) -> Option<Bytes> {
        if !self.is_open() || self.spec.is_lossy() {
            return None;
        }
        let first = usize::try_from(self.next_fresh - self.base).ok()?;
        let mut behind = self.queue.iter().enumerate().skip(first);
        let (index, _) = behind.find(|(_, slot)| match slot {
            Slot::Pending(pending) => pending.sent.is_none() && wanted(&pending.payload),
            _ => false,
        })?;
        let Some(Slot::Pending(pending)) = self.queue.remove(index) else { return None };
        self.dropped += 1;
        self.queued_bytes -= pending.payload.len();
        self.live -= 1;
        Some(pending.payload)
    }
}

#[cfg(test)]
mod tests {
    use rtm_wire::Time;

    use super::super::LaneSpec;
    use super::*;

    /// A lane with these messages queued, and credit for two of five bytes.
    fn lane(spec: LaneSpec, texts: &[&'static str]) -> SendLane {
        let mut lane = SendLane::new(spec, 2 * (5 + 32));
        for text in texts {
            lane.push(Bytes::from_static(text.as_bytes()), None);
        }
        lane
    }

    /// What goes out: numbers and texts.
    fn sent(lane: &mut SendLane) -> Vec<(u64, String)> {
        let next = std::iter::from_fn(|| {
            let chunk = lane.next_chunk(Time::ZERO, None, |_, _, _| Some(1_000))?;
            Some((chunk.seq.0, String::from_utf8(chunk.payload.to_vec()).expect("text")))
        });
        next.collect()
    }

    #[test]
    fn what_is_not_begun_leaves_no_hole() {
        let mut lane = lane(LaneSpec::ORDERED, &["one..", "two..", "keep.", "three", "four."]);
        let first = vec![(0, "one..".to_owned()), (1, "two..".to_owned())];
        assert_eq!(sent(&mut lane), first, "there is no more credit");
        let is_no_keep = |payload: &Bytes| !payload.starts_with(b"keep");
        assert_eq!(lane.take_back_oldest(is_no_keep).as_deref(), Some(&b"three"[..]));
        let stats = lane.stats();
        assert_eq!((stats.send_bytes, stats.send_messages, stats.dropped), (20, 4, 1));
        lane.on_credit(1_000);
        let rest = vec![(2, "keep.".to_owned()), (3, "four.".to_owned())];
        assert_eq!(sent(&mut lane), rest);
        assert_eq!(lane.take_back_oldest(|_| true), None, "all is begun");
        for seq in 0..4 {
            lane.on_acked(rtm_wire::MessageSeq(seq), 0..5);
        }
        let stats = lane.stats();
        assert_eq!((lane.queued_messages(), stats.send_bytes, stats.send_messages), (0, 0, 0));
    }

    #[test]
    fn what_is_half_sent_stays() {
        let mut lane = lane(LaneSpec::ORDERED, &["one..", "two.."]);
        let half = lane.next_chunk(Time::ZERO, None, |_, _, _| Some(3)).expect("a chunk");
        assert_eq!(half.range, 0..3);
        assert_eq!(lane.take_back_oldest(|_| true).as_deref(), Some(&b"two.."[..]));
        assert_eq!(lane.take_back_oldest(|_| true), None);
    }

    #[test]
    fn a_lane_that_ends_or_drops_by_itself_gives_nothing_back() {
        let mut ending = lane(LaneSpec::ORDERED, &["one.."]);
        ending.close();
        assert_eq!(ending.take_back_oldest(|_| true), None, "its end has a number");
        let mut latest = lane(LaneSpec::LATEST_ONLY, &["one.."]);
        assert_eq!(latest.take_back_oldest(|_| true), None);
    }
}
