//! Which lane a published message takes.

use std::collections::BTreeMap;

use rtm_channel::ChannelName;
use rtm_session::{Endpoint, LaneSpec, SessionId};
use rtm_wire::{Delivery, LaneId, Time};

/// Lanes of message channels that are open at a time.
const CHANNEL_LANES_MAX: usize = 64;

#[derive(Debug)]
struct ChannelLane {
    /// Lane 0 when there was no room for a lane of its own.
    lane: LaneId,
    unanswered: u64,
    /// When it was last used, counted in messages.
    used: u64,
}

/// Lanes of one session towards the server: one for each message channel, one for all users.
/// Publications have theirs with them.
///
/// A channel changes its lane only while nothing of it is unanswered, so order holds.
#[derive(Debug, Default)]
pub(super) struct PublishLanes {
    users: Option<LaneId>,
    channels: BTreeMap<ChannelName, ChannelLane>,
    uses: u64,
}

impl PublishLanes {
    /// The session is gone, and its lanes with it.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The lane for the next message to users.
    pub(super) fn users(&mut self, endpoint: &mut Endpoint, session: SessionId) -> LaneId {
        *self.users.get_or_insert_with(|| open(endpoint, session, LaneSpec::ORDERED))
    }

    /// The lane for the next message to a channel, which counts as unanswered from now on.
    pub(super) fn channel(
        &mut self,
        now: Time,
        endpoint: &mut Endpoint,
        session: SessionId,
        name: &ChannelName,
    ) -> LaneId {
        self.uses += 1;
        let used = self.uses;
        if let Some(entry) = self.channels.get_mut(name) {
            entry.unanswered += 1;
            entry.used = used;
            return entry.lane;
        }
        let has_room = self.make_room(now, endpoint, session);
        let lane = match has_room {
            true => open(endpoint, session, LaneSpec::ORDERED),
            false => LaneId::CONTROL,
        };
        self.channels.insert(name.clone(), ChannelLane { lane, unanswered: 1, used });
        lane
    }

    /// A message to the channel was answered.
    pub(super) fn on_answered(&mut self, name: &ChannelName) {
        let Some(entry) = self.channels.get_mut(name) else { return };
        entry.unanswered = entry.unanswered.saturating_sub(1);
        if entry.unanswered == 0 && entry.lane == LaneId::CONTROL {
            self.channels.remove(name);
        }
    }

    /// Closes the lane that was not used for the longest time, if another one would be too many.
    fn make_room(&mut self, now: Time, endpoint: &mut Endpoint, session: SessionId) -> bool {
        let own = self.channels.iter().filter(|(_, entry)| entry.lane != LaneId::CONTROL);
        if own.clone().count() < CHANNEL_LANES_MAX {
            return true;
        }
        let idle = own.filter(|(_, entry)| entry.unanswered == 0);
        let Some(oldest) = idle.min_by_key(|(_, entry)| entry.used).map(|(name, _)| name.clone())
        else {
            return false;
        };
        if let Some(entry) = self.channels.remove(&oldest) {
            endpoint.close_lane(now, session, entry.lane);
        }
        true
    }
}

/// The lane for a publication.
pub(super) fn for_publication(
    endpoint: &mut Endpoint,
    session: SessionId,
    delivery: Delivery,
) -> LaneId {
    let spec = LaneSpec {
        mode: delivery.lane_mode(),
        priority: delivery.priority,
        deadline: delivery.deadline(),
        ..LaneSpec::ORDERED
    };
    open(endpoint, session, spec)
}

/// A new lane, or lane 0 when the server allows no other: slower under loss, and as correct.
fn open(endpoint: &mut Endpoint, session: SessionId, spec: LaneSpec) -> LaneId {
    endpoint.open_lane(session, spec).unwrap_or(LaneId::CONTROL)
}
