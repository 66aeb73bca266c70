//! Locks: what is done with them, and events for subscriptions and memberships.

use rtm_channel::{LockVerdict, LockView};
use rtm_wire::{
    AcquireLock, GetLocks, LaneId, LockEvent as News, ReleaseLock, RemoveLock, ReplyResult,
    RevokeLock, SetLock, Time,
};

use super::Core;
use super::command::{Answer, Credit, LockAct};
use super::operations::{Operation, Purpose};
use crate::channel_id::ChannelId;
use crate::lock::{LockDetail, LockEvent, OwnedLock, check_name, check_owner};
use crate::message::ChannelEvent;
use crate::stream::StreamEvent;

impl<W> Core<W> {
    /// Does something with a lock. Whether the session is in the channel is for the server to say.
    pub(super) fn act_on_lock(
        &mut self,
        now: Time,
        channel: &ChannelId,
        (name, act): (&str, LockAct),
        waiter: Option<W>,
    ) {
        let checked = check_name(name).and_then(|()| match &act {
            LockAct::Revoke { owner } => check_owner(owner),
            _ => Ok(()),
        });
        if let Err(error) = checked.and_then(|()| self.check_connected()) {
            return self.answer(waiter, Err(error));
        }
        let is_given_up = match &act {
            LockAct::Release | LockAct::Remove => true,
            LockAct::Revoke { owner } => *owner == self.config.user_id.as_str(),
            LockAct::Set(_) | LockAct::Acquire { .. } => false,
        };
        if is_given_up {
            self.unhold(channel, name);
        }
        let (lane, id, channel) = (LaneId::CONTROL, channel.clone(), channel.wire());
        let purpose = Purpose::ChangeLock;
        match act {
            LockAct::Set(options) => {
                let set = SetLock { channel, name, ttl_secs: options.ttl_secs() };
                self.request(now, lane, set, purpose, waiter);
            }
            LockAct::Remove => {
                self.request(now, lane, RemoveLock { channel, name }, purpose, waiter);
            }
            LockAct::Acquire { retry } => {
                let acquire = AcquireLock { channel, name, retry };
                let (name, asked) = (name.to_owned(), now);
                let purpose = Purpose::AcquireLock { channel: id, name, asked };
                self.request(now, lane, acquire, purpose, waiter);
            }
            LockAct::Release => {
                self.request(now, lane, ReleaseLock { channel, name }, purpose, waiter);
            }
            LockAct::Revoke { owner } => {
                let revoke = RevokeLock { channel, name, owner: &owner };
                self.request(now, lane, revoke, purpose, waiter);
            }
        }
    }

    /// Asks for all locks of a channel.
    pub(super) fn get_locks(&mut self, now: Time, channel: &ChannelId, waiter: Option<W>) {
        if let Err(error) = self.check_connected() {
            return self.answer(waiter, Err(error));
        }
        let get = GetLocks { channel: channel.wire() };
        self.request(now, LaneId::CONTROL, get, Purpose::GetLocks, waiter);
    }

    /// The answer to what concerns locks.
    pub(super) fn on_lock_success(
        &mut self,
        now: Time,
        operation: Operation<W>,
        result: ReplyResult<'_>,
    ) {
        let Operation { purpose, waiter, .. } = operation;
        match (purpose, result) {
            (Purpose::ChangeLock, _) => self.answer(waiter, Ok(Answer::Done)),
            (Purpose::AcquireLock { channel, name, asked }, ReplyResult::Acquired(acquired)) => {
                self.hold(&channel, &name, acquired, asked);
                self.answer(waiter, Ok(Answer::Acquired(OwnedLock::new(name, acquired))));
            }
            (Purpose::GetLocks, ReplyResult::Locks(locks)) => {
                let locks = locks.iter().map(|lock| LockDetail::from_wire(&lock)).collect();
                self.answer(waiter, Ok(Answer::Locks(locks)));
            }
            (purpose, _) => self.on_other_answer(now, Operation::new(purpose, waiter)),
        }
    }

    /// Whether the event went to a subscription, which takes its credit.
    pub(super) fn on_lock_event(&mut self, news: &News<'_>, credit: Credit) -> bool {
        let Some(channel) = ChannelId::from_wire(&news.channel) else { return false };
        let Some(view) = self.lock_view(&channel) else { return false };
        if view.on_event(news) != LockVerdict::Deliver {
            return false;
        }
        self.note_told(&channel);
        let told = (ChannelEvent::Lock as fn(_) -> _, StreamEvent::Lock as fn(_) -> _);
        self.tell(&channel, LockEvent::new(news), told, Some(credit))
    }

    fn lock_view(&mut self, channel: &ChannelId) -> Option<&mut LockView> {
        if channel.is_stream() {
            return self.streams.get_mut(channel.channel_name()).map(|entry| &mut entry.locks);
        }
        let entry = self.channels.get_mut(channel.channel_name())?;
        entry.handle.map(|_| &mut entry.locks)
    }
}
