//! From the owner's outputs to lanes of sessions.

use std::time::Duration;

use bytes::Bytes;
use rtm_channel::SubscriberId;
use rtm_session::{LaneSpec, QueueBound, SendError, SendOptions};
use rtm_wire::{CloseCode, LaneId, LaneMode, QueuePolicy, Reliability};

use super::slow::Verdict;
use super::{Gateway, Work};
use crate::owner::{LaneKey, Output};

impl Gateway {
    /// Carries out what the owner wants to be sent.
    pub(crate) fn deliver(&mut self, work: &mut Work<'_>, output: Output) {
        match output {
            Output::Reply { to, message, .. } => self.send_reply(work, to, message),
            Output::Event { to, lane, mode, priority, time_left, message } => {
                let spec = LaneSpec { mode, priority, ..LaneSpec::ORDERED };
                for subscriber in to {
                    self.send_event(work, subscriber, &lane, spec, (&message, time_left));
                }
            }
            Output::Queue { to, of, policy } => {
                if let Some(client) = self.clients.get_mut(&to) {
                    client.queues.set(of, policy);
                }
            }
            Output::Replay { to, channel } => {
                if let Some(client) = self.clients.get_mut(&to) {
                    client.queues.on_replay(&channel);
                }
            }
            Output::ReplayEnds { to, channel, more_after } => {
                self.on_replay_end(work, to, channel, more_after);
            }
            Output::LaneEnds { to, lane } => {
                for subscriber in to {
                    // It may have had no lane yet.
                    if let Some(client) = self.clients.get_mut(&subscriber) {
                        client.queues.end(&lane);
                    }
                    self.end_lanes(work, subscriber, |key| *key == lane);
                }
            }
            Output::TopicsEnd { to, channel } => {
                let is_of = |key: &LaneKey| match key {
                    LaneKey::Publication(name, ..) => *name == channel,
                    _ => false,
                };
                self.end_lanes(work, to, is_of);
                if let Some(client) = self.clients.get_mut(&to) {
                    client.queues.end_topics(&channel);
                }
            }
        }
    }

    pub(super) fn send_reply(&mut self, work: &mut Work<'_>, to: SubscriberId, message: Bytes) {
        self.send(work, to, (None, LaneId::CONTROL), &message, None);
    }

    fn send_event(
        &mut self,
        work: &mut Work<'_>,
        to: SubscriberId,
        key: &LaneKey,
        spec: LaneSpec,
        (message, time_left): (&Bytes, Option<Duration>),
    ) {
        let Some(client) = self.clients.get_mut(&to) else { return };
        let lane = match client.lanes.get(key) {
            Some(&lane) => lane,
            None if *key == LaneKey::Control => LaneId::CONTROL,
            None => {
                let spec =
                    LaneSpec { mode: lane_mode(spec.mode, client.queues.policy(key)), ..spec };
                let lane = match work.endpoint.open_lane(client.session, spec) {
                    Ok(lane) => lane,
                    // Reliable and ordered, so it may stand in for any; only that it couples what
                    // comes on it.
                    Err(SendError::TooManyLanes { .. }) => LaneId::CONTROL,
                    Err(_) => return,
                };
                client.lanes.insert(key.clone(), lane);
                lane
            }
        };
        // The control lane drops nothing: there it is late.
        let time_left = time_left.filter(|_| lane != LaneId::CONTROL);
        if self.make_room(work, to, (key, lane), message) == Verdict::Send {
            self.send(work, to, (Some(key), lane), message, time_left);
        }
    }

    /// A session whose queue is full has lost its connection in all but name: it ends, and comes
    /// back to a gap that says what is missing. Nobody else waits for it.
    ///
    /// But what has a deadline may be dropped, and who catches up gets it later.
    fn send(
        &mut self,
        work: &mut Work<'_>,
        to: SubscriberId,
        (key, lane): (Option<&LaneKey>, LaneId),
        message: &Bytes,
        time_left: Option<Duration>,
    ) {
        let Some(client) = self.clients.get(&to) else { return };
        let (now, session) = (work.moment.now, client.session);
        let options =
            time_left.map_or(SendOptions::new(), |left| SendOptions::new().deadline(left));
        let mut sent = work.endpoint.send_with(now, session, lane, message.clone(), options);
        while let Err(SendError::QueueFull { bound: QueueBound::SessionBytes(_), .. }) = sent {
            if !self.take_back_any(work, to, key) {
                break;
            }
            sent = work.endpoint.send_with(now, session, lane, message.clone(), options);
        }
        let is_full = matches!(sent, Err(SendError::QueueFull { .. }));
        if key.is_some_and(|key| is_full && self.is_made_up_for(to, key, message)) {
            return;
        }
        match sent {
            Ok(_) => {
                self.counters.deliveries += 1;
                if let (Some(key), Some(client)) = (key, self.clients.get_mut(&to)) {
                    client.queues.on_sent(key, message);
                }
            }
            Err(SendError::QueueFull { .. }) if time_left.is_some() => self.counters.dropped += 1,
            Err(SendError::QueueFull { .. }) => {
                self.counters.too_slow += 1;
                let reason = "too slow: the queue towards this client is full; take messages \
                              faster or subscribe to less";
                self.end(work, to, CloseCode::TOO_SLOW, reason);
            }
            Err(SendError::TooLong { .. }) if lane == LaneId::CONTROL => {
                // Without this answer or news, the client would wait, or be wrong, for ever.
                let reason = "an answer is longer than the longest message of this client";
                self.end(work, to, CloseCode::LIMIT, reason);
            }
            Err(error) => {
                let session = session.number();
                tracing::debug!(session, %error, "not delivered");
            }
        }
    }

    fn end_lanes(
        &mut self,
        work: &mut Work<'_>,
        subscriber: SubscriberId,
        ends: impl Fn(&LaneKey) -> bool,
    ) {
        let Some(client) = self.clients.get_mut(&subscriber) else { return };
        let session = client.session;
        client.lanes.retain(|key, lane| {
            let stays = !ends(key);
            if !stays && *lane != LaneId::CONTROL {
                work.endpoint.close_lane(work.moment.now, session, *lane);
            }
            stays
        });
    }
}

/// How a lane is, to who lets messages be dropped: in order, or nobody could tell what is missing,
/// or newer.
fn lane_mode(mode: LaneMode, policy: QueuePolicy) -> LaneMode {
    match policy {
        QueuePolicy::DropOldest | QueuePolicy::LatestOnly
            if mode.reliability == Reliability::Reliable =>
        {
            LaneMode::RELIABLE_ORDERED
        }
        _ => mode,
    }
}
