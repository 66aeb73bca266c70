//! Whose turn it is to send.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use rtm_wire::LaneId;

/// Of so many bytes, a class that has something to send gets one at least, if all others belong to
/// more urgent classes.
const SHARE: u64 = 16;
/// Turns in which a lane sends a packet's worth, so that lanes of one class mix within a packet.
const TURNS_PER_PACKET: usize = 4;

/// Lanes that have something to send.
///
/// Between classes: the most urgent goes, unless a less urgent one has been passed over for 15
/// packets' bytes. Within one class: deficit round robin, by bytes. A lane goes on while it has
/// budget left, so that it may overdraw it by a frame, which it makes up for later.
#[derive(Debug)]
pub(super) struct Turns {
    classes: BTreeMap<u8, Class>,
    /// Budget of a turn, in bytes.
    quantum: i64,
    /// Bytes for which a class may be passed over.
    patience: u64,
}

#[derive(Debug, Default)]
struct Class {
    lanes: VecDeque<Turn>,
    /// Bytes that more urgent classes have sent while lanes stood here, less what is made up for.
    passed_over: u64,
}

#[derive(Clone, Copy, Debug)]
struct Turn {
    lane: LaneId,
    budget: i64,
}

impl Turns {
    pub(super) fn new(datagram_len: usize) -> Self {
        let quantum = (datagram_len / TURNS_PER_PACKET) as i64;
        let patience = (SHARE - 1) * datagram_len as u64;
        Self { classes: BTreeMap::new(), quantum, patience }
    }

    /// A lane has something to send; `debt` is what [`next`](Self::next) or [`sent`](Self::sent)
    /// gave for it last, 0 at first.
    pub(super) fn push(&mut self, class: u8, lane: LaneId, debt: i64) {
        let turn = Turn { lane, budget: self.quantum + debt };
        self.classes.entry(class).or_default().lanes.push_back(turn);
    }

    /// The most urgent class that has something to send.
    pub(super) fn most_urgent(&self) -> Option<u8> {
        let mut classes = self.classes.iter().filter(|(_, class)| !class.lanes.is_empty());
        classes.next().map(|(&number, _)| number)
    }

    /// The lane that sends next, of classes more urgent than `below` if there is one.
    ///
    /// Lanes of which `has_work` denies that they have something to send are struck off, and given
    /// to `leave` with their debt.
    pub(super) fn next(
        &mut self,
        below: Option<u8>,
        has_work: impl Fn(LaneId) -> bool,
        mut leave: impl FnMut(LaneId, i64),
    ) -> Option<LaneId> {
        let mut strike_off = |lanes: &mut VecDeque<Turn>| {
            while let Some(&Turn { lane, budget }) = lanes.front() {
                if has_work(lane) {
                    return true;
                }
                lanes.pop_front();
                leave(lane, budget.min(0));
            }
            false
        };
        let (mut most_urgent, mut chosen) = (None, None);
        let end = below.map_or(Bound::Unbounded, Bound::Excluded);
        for (&number, class) in self.classes.range_mut((Bound::Unbounded, end)) {
            if !strike_off(&mut class.lanes) {
                class.passed_over = 0;
            } else if most_urgent.is_none() {
                most_urgent = Some(number);
            } else if class.passed_over >= self.patience {
                chosen = Some(number);
                break;
            }
        }
        let class = self.classes.get_mut(&chosen.or(most_urgent)?)?;
        while strike_off(&mut class.lanes) {
            let turn = class.lanes.front_mut()?;
            if turn.budget > 0 {
                return Some(turn.lane);
            }
            turn.budget += self.quantum;
            class.lanes.rotate_left(1);
        }
        None
    }

    /// The lane that [`next`](Self::next) gave, which is of this class, has sent so many bytes. If
    /// it `goes_on`, it keeps its place; otherwise it leaves, with this debt.
    pub(super) fn sent(&mut self, class: u8, bytes: usize, goes_on: bool) -> i64 {
        for (_, passed) in self.classes.range_mut((Bound::Excluded(class), Bound::Unbounded)) {
            if !passed.lanes.is_empty() {
                passed.passed_over += bytes as u64;
            }
        }
        let Some(class) = self.classes.get_mut(&class) else { return 0 };
        class.passed_over = class.passed_over.saturating_sub((SHARE - 1) * bytes as u64);
        let Some(turn) = class.lanes.front_mut() else { return 0 };
        turn.budget -= bytes as i64;
        let debt = turn.budget.min(0);
        if !goes_on {
            class.lanes.pop_front();
        }
        debt
    }

    pub(super) fn is_empty(&self) -> bool {
        self.classes.values().all(|class| class.lanes.is_empty())
    }
}
