//! What a request concerns that is kept, and what is refused while the disk is behind.

use rtm_channel::{ChannelKey, Refusal};
use rtm_wire::{ChannelKind, ErrorCode, Request};

use super::channels::AppChannels;
use super::context::Context;

impl AppChannels {
    /// The channel or user whose metadata, locks or inbox a request's answer tells of.
    pub(super) fn subject(
        &self,
        context: &Context<'_>,
        request: &Request<'_>,
    ) -> Option<ChannelKey> {
        // A name that is none concerns nothing; the request is refused.
        match request {
            Request::SetMetadata(set) => self.set_key(&set.0.target).ok(),
            Request::UpdateMetadata(update) => self.set_key(&update.0.target).ok(),
            Request::RemoveMetadata(remove) => self.set_key(&remove.target).ok(),
            Request::GetMetadata(get) => self.set_key(&get.target).ok(),
            Request::SubscribeUserMetadata(subscribe) => self.user_key(subscribe.user).ok(),
            Request::SetLock(set) => self.channel_key(&set.channel).ok(),
            Request::RemoveLock(remove) => self.channel_key(&remove.channel).ok(),
            Request::AcquireLock(acquire) => self.channel_key(&acquire.channel).ok(),
            Request::ReleaseLock(release) => self.channel_key(&release.channel).ok(),
            Request::RevokeLock(revoke) => self.channel_key(&revoke.channel).ok(),
            Request::GetLocks(get) => self.channel_key(&get.channel).ok(),
            Request::Publish(publish) if publish.channel.kind == ChannelKind::User => {
                self.user_key(publish.channel.name).ok()
            }
            Request::Publish(publish) if publish.flags.store => {
                self.channel_key(&publish.channel).ok()
            }
            Request::Subscribe(subscribe) if subscribe.channel.kind == ChannelKind::User => {
                Some(self.own_inbox(context))
            }
            _ => None,
        }
    }

    /// The channel whose subscription a request ends: its answer waits with the end of its lane, so
    /// that a subscription that comes after the answer is none of what ends.
    pub(super) fn ended(&self, request: &Request<'_>) -> Option<ChannelKey> {
        match request {
            Request::Unsubscribe(it) if it.channel.kind == ChannelKind::Message => {
                self.channel_key(&it.channel).ok()
            }
            _ => None,
        }
    }

    /// Refuses what would wait for the disk when enough waits for it.
    pub(super) fn check_backlog(
        &self,
        context: &Context<'_>,
        request: &Request<'_>,
        of: Option<&ChannelKey>,
    ) -> Result<(), Refusal> {
        // A repeated publish is answered, and nothing else.
        let is_known = matches!(request, Request::Publish(_))
            && self.log.find(context.identity, context.operation).is_some();
        if !context.commits.is_full() || is_known {
            return Ok(());
        }
        // Their events take the lane of a channel, in which something else may wait.
        let told_in = |channel| self.channel_key(channel).ok();
        let (code, waits_in) = match request {
            Request::Publish(publish) => {
                (ErrorCode::CHANNEL_PUBLISH_MESSAGE_FAILED, told_in(&publish.channel))
            }
            Request::Subscribe(it) => (ErrorCode::CHANNEL_SUBSCRIBE_FAILED, told_in(&it.channel)),
            Request::Join(join) => {
                let channel = super::request::channel_name(join.channel).ok();
                let key = channel.map(|name| self.key(ChannelKind::Stream, name));
                (ErrorCode::CHANNEL_JOIN_FAILED, key)
            }
            Request::SetStates(set) => {
                (ErrorCode::PRESENCE_OPERATION_FAILED, told_in(&set.channel))
            }
            Request::RemoveStates(remove) => {
                (ErrorCode::PRESENCE_OPERATION_FAILED, told_in(&remove.channel))
            }
            Request::SetLock(_)
            | Request::RemoveLock(_)
            | Request::AcquireLock(_)
            | Request::ReleaseLock(_)
            | Request::RevokeLock(_)
            | Request::GetLocks(_) => (ErrorCode::LOCK_OPERATION_FAILED, None),
            _ => (ErrorCode::STORAGE_OPERATION_FAILED, None),
        };
        let waits = of.is_some() || waits_in.is_some_and(|key| context.commits.is_dirty(&key));
        if !waits {
            return Ok(());
        }
        let reason = "the server's disk is behind; try again later";
        Err(Refusal::new(code, reason))
    }
}
