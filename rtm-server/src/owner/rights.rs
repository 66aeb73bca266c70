//! What a session may ask for, and what it loses when it may read less (protocol §6.31).

use rtm_channel::{ChannelKey, ChannelName, Refusal, UserId};
use rtm_wire::{
    AcquireLock, ChannelKind, ChannelRef, Encode, ErrorCode, Event, GetLocks, GetMessages,
    GetOnlineUsers, GetStates, List, RemoveLock, Request, RevokeLock, SetLock, Subscribe,
    TokenChange, TokenEvent,
};

use super::channels::AppChannels;
use super::command::{LaneKey, Output};
use super::context::{Context, Who};
use super::outbox::Outbox;
use crate::rights::Rights;

/// What is wanted of a channel or user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Read,
    Write,
}

impl AppChannels {
    /// Refuses what the session has no right to. Publishes are looked at when it is known that
    /// they aren't repeated ones, topics with their channels; releasing a lock needs no right.
    pub(super) fn check_rights(
        &self,
        context: &Context<'_>,
        request: &Request<'_>,
    ) -> Result<(), Refusal> {
        if !can_be(request) {
            return Ok(());
        }
        let user = |name| ChannelRef { kind: ChannelKind::User, name };
        let (code, wanted, of) = match request {
            Request::Subscribe(it) => {
                (ErrorCode::CHANNEL_SUBSCRIBE_PERMISSION_DENIED, Wanted::Read, it.channel)
            }
            Request::GetStates(get) => {
                (ErrorCode::CHANNEL_SUBSCRIBE_PERMISSION_DENIED, Wanted::Read, get.channel)
            }
            Request::GetOnlineUsers(get) => {
                (ErrorCode::CHANNEL_SUBSCRIBE_PERMISSION_DENIED, Wanted::Read, get.channel)
            }
            Request::GetUserChannels(get) => {
                (ErrorCode::CHANNEL_SUBSCRIBE_PERMISSION_DENIED, Wanted::Read, user(get.user))
            }
            Request::GetMetadata(get) => {
                (ErrorCode::STORAGE_PERMISSION_DENIED, Wanted::Read, get.target)
            }
            Request::SubscribeUserMetadata(subscribe) => {
                (ErrorCode::STORAGE_PERMISSION_DENIED, Wanted::Read, user(subscribe.user))
            }
            Request::SetMetadata(set) => {
                (ErrorCode::STORAGE_PERMISSION_DENIED, Wanted::Write, set.0.target)
            }
            Request::UpdateMetadata(update) => {
                (ErrorCode::STORAGE_PERMISSION_DENIED, Wanted::Write, update.0.target)
            }
            Request::RemoveMetadata(remove) => {
                (ErrorCode::STORAGE_PERMISSION_DENIED, Wanted::Write, remove.target)
            }
            Request::GetLocks(get) => {
                (ErrorCode::LOCK_PERMISSION_DENIED, Wanted::Read, get.channel)
            }
            Request::SetLock(set) => {
                (ErrorCode::LOCK_PERMISSION_DENIED, Wanted::Write, set.channel)
            }
            Request::RemoveLock(remove) => {
                (ErrorCode::LOCK_PERMISSION_DENIED, Wanted::Write, remove.channel)
            }
            Request::AcquireLock(acquire) => {
                (ErrorCode::LOCK_PERMISSION_DENIED, Wanted::Write, acquire.channel)
            }
            Request::RevokeLock(revoke) => {
                (ErrorCode::LOCK_PERMISSION_DENIED, Wanted::Write, revoke.channel)
            }
            Request::GetMessages(get) => {
                (ErrorCode::HISTORY_PERMISSION_DENIED, Wanted::Read, get.channel)
            }
            _ => return Ok(()),
        };
        self.check_right(context, code, wanted, of)
    }

    /// Refuses a publish to a channel or user that the session may not write.
    pub(super) fn check_publish_right(
        &self,
        context: &Context<'_>,
        of: ChannelRef<'_>,
    ) -> Result<(), Refusal> {
        self.check_right(context, ErrorCode::CHANNEL_PUBLISH_PERMISSION_DENIED, Wanted::Write, of)
    }

    /// Refuses a member of a stream channel that may not publish in its topics.
    pub(super) fn check_topic_right(
        &self,
        context: &Context<'_>,
        key: &ChannelKey,
    ) -> Result<(), Refusal> {
        if context.rights.may_publish_in_topics(key.name.as_str())
            || self.passes.may_publish(context.now, context.from, key)
        {
            return Ok(());
        }
        let (user, channel) = (&context.identity.user, &key.name);
        let reason = format!(
            "the tokens of user {user} give no right to publish in topics of {channel}; make an \
             RTC token with the privilege to publish data (4), or list the right to write it"
        );
        Err(Refusal::new(ErrorCode::CHANNEL_PUBLISH_PERMISSION_DENIED, reason))
    }

    fn check_right(
        &self,
        context: &Context<'_>,
        code: ErrorCode,
        wanted: Wanted,
        of: ChannelRef<'_>,
    ) -> Result<(), Refusal> {
        let (ChannelRef { kind, name }, user) = (of, context.identity.user.as_str());
        let is_allowed = match wanted {
            Wanted::Read => context.rights.may_read(kind, name),
            Wanted::Write => context.rights.may_write(kind, name),
        };
        if is_allowed {
            return Ok(());
        }
        // What has no name, or a kind that isn't known, is refused by whoever carries it out.
        if ChannelName::new(name).is_err() || matches!(kind, ChannelKind::Unknown(_)) {
            return Ok(());
        }
        let is_own = || kind == ChannelKind::User && name == user;
        // Who was let in hears it anyway.
        let is_member = || {
            kind == ChannelKind::Stream
                && wanted == Wanted::Read
                && self.joined_stream(context.from, name).is_ok()
        };
        if is_own() || is_member() {
            return Ok(());
        }
        Err(denied(&context.identity.user, code, wanted, of))
    }

    /// A session has other rights than before: what it may not read any more ends, and it is told.
    pub(super) fn rights_changed(&mut self, who: &Who<'_>, rights: &Rights, out: &mut Outbox) {
        let may_stay = |key: &ChannelKey| match key.kind {
            ChannelKind::Stream => {
                self.passes.has(who.from, key) || rights.may_join(key.name.as_str())
            }
            kind => rights.may_read(kind, key.name.as_str()),
        };
        let (kept, mut lost): (Vec<_>, Vec<_>) =
            self.joined_by(who.from).cloned().partition(may_stay);
        for key in &lost {
            let parted = self.part(who, key, out);
            debug_assert!(parted.is_ok(), "it is in there: {parted:?}");
        }
        for key in self.storages.users_heard_by(who.from) {
            let name = key.name.as_str();
            if name != who.user.as_str() && !rights.may_read(ChannelKind::User, name) {
                self.storages.unhear_user(who.from, &key, out);
                lost.push(key);
            }
        }
        for key in kept {
            if !rights.may_write(key.kind, key.name.as_str()) {
                let code = ErrorCode::LOCK_PERMISSION_DENIED;
                let refusal = denied(who.user, code, Wanted::Write, key.as_ref());
                self.locks.refuse_waiting(who.from, &key, &refusal, out);
            }
        }
        // As many as every client takes at once.
        for lost in lost.chunks(TOLD_MAX) {
            tell_token(who, TokenChange::ReadPermissionRevoked, 0, lost, out);
        }
    }
}

/// Channels that one event names at most.
const TOLD_MAX: usize = 256;

/// Whether there are such things for the kind of channel; what can't be is refused by whoever
/// carries the request out, with its own number.
const fn can_be(request: &Request<'_>) -> bool {
    match request {
        Request::Subscribe(Subscribe { channel, .. })
        | Request::GetMessages(GetMessages { channel, .. }) => {
            !matches!(channel.kind, ChannelKind::Stream)
        }
        Request::GetStates(GetStates { channel, .. })
        | Request::GetOnlineUsers(GetOnlineUsers { channel, .. })
        | Request::GetLocks(GetLocks { channel })
        | Request::SetLock(SetLock { channel, .. })
        | Request::RemoveLock(RemoveLock { channel, .. })
        | Request::AcquireLock(AcquireLock { channel, .. })
        | Request::RevokeLock(RevokeLock { channel, .. }) => {
            !matches!(channel.kind, ChannelKind::User)
        }
        _ => true,
    }
}

/// Why a session may not read, or write, a channel or user.
fn denied(user: &UserId, code: ErrorCode, wanted: Wanted, of: ChannelRef<'_>) -> Refusal {
    let right = if wanted == Wanted::Read { "read" } else { "write" };
    let (name, what) = match of.kind {
        ChannelKind::Message => (of.name, "message channel"),
        ChannelKind::Stream => (of.name, "stream channel"),
        _ => (of.name, "user"),
    };
    let reason = format!(
        "the token of user {user} gives no right to {right} {what} {name}; make one that lists it"
    );
    Refusal::new(code, reason)
}

/// Tells a session what becomes of a token, and of the channels that it is for.
pub(super) fn tell_token(
    who: &Who<'_>,
    change: TokenChange,
    left_ms: u64,
    channels: &[ChannelKey],
    out: &mut Outbox,
) {
    let channels: Vec<_> = channels.iter().map(ChannelKey::as_ref).collect();
    let channels = List::Slice(&channels);
    let event = Event::Token(TokenEvent { change, left_ms, channels });
    let mut message = Vec::with_capacity(event.encoded_len());
    event.encode(&mut message);
    out.push(Output::in_order(LaneKey::Control, vec![who.from], message.into()));
}
