//! What the server doesn't offer.

use rtm_channel::{ChannelKey, Refusal};
use rtm_wire::{
    ChannelKind, Encode, ErrorCode, Event, List, Position, PresenceChange, PresenceEvent, Request,
    SubscribeOptions,
};

use super::channels::AppChannels;
use super::command::{LaneKey, Output};
use super::context::Context;
use crate::services::Services;

impl AppChannels {
    /// Refuses what belongs to a service that is switched off.
    pub(super) fn check_service(&self, request: &Request<'_>) -> Result<(), Refusal> {
        let services = &self.limits.services;
        let (is_on, code, what) = match request {
            Request::Subscribe(it) if it.channel.kind != ChannelKind::User => {
                return check_options(services, it.options);
            }
            Request::Join(_) if !services.stream => {
                (false, ErrorCode::CHANNEL_NOT_AVAILABLE, "stream channels")
            }
            Request::Join(join) => return check_options(services, join.options),
            Request::SetStates(_)
            | Request::RemoveStates(_)
            | Request::GetStates(_)
            | Request::GetOnlineUsers(_)
            | Request::GetUserChannels(_) => {
                (services.presence, ErrorCode::PRESENCE_INACTIVE, "presence")
            }
            Request::SetMetadata(_)
            | Request::UpdateMetadata(_)
            | Request::RemoveMetadata(_)
            | Request::GetMetadata(_) => {
                (services.storage, ErrorCode::STORAGE_NOT_AVAILABLE, "metadata")
            }
            Request::SubscribeUserMetadata(_) => {
                let is_on = services.storage && services.user_metadata_events;
                (is_on, ErrorCode::STORAGE_NOT_AVAILABLE, "events of users' metadata")
            }
            Request::SetLock(_)
            | Request::RemoveLock(_)
            | Request::AcquireLock(_)
            | Request::ReleaseLock(_)
            | Request::RevokeLock(_)
            | Request::GetLocks(_) => (services.locks, ErrorCode::LOCK_NOT_AVAILABLE, "locks"),
            _ => return Ok(()),
        };
        check(is_on, code, what)
    }

    /// Tells a session that wants to hear who is in a channel that nobody can say.
    pub(super) fn tell_out_of_service(&self, context: &mut Context<'_>, key: &ChannelKey) {
        let event = Event::Presence(PresenceEvent {
            channel: key.as_ref(),
            change: PresenceChange::OutOfService,
            position: Position::default(),
            time: context.time,
            total: 0,
            has_more: false,
            joined: List::default(),
            left: List::default(),
            timed_out: List::default(),
            users: List::default(),
        });
        let mut message = Vec::with_capacity(event.encoded_len());
        event.encode(&mut message);
        let (lane, to) = (LaneKey::of(key), vec![context.from]);
        context.out.push(Output::in_order(lane, to, message.into()));
    }
}

/// What is to be heard of a channel besides its messages.
fn check_options(services: &Services, options: SubscribeOptions) -> Result<(), Refusal> {
    let tells_metadata = services.storage && services.channel_metadata_events;
    let code = ErrorCode::STORAGE_NOT_AVAILABLE;
    check(!options.metadata || tells_metadata, code, "events of channels' metadata")?;
    check(!options.locks || services.locks, ErrorCode::LOCK_NOT_AVAILABLE, "locks")
}

fn check(is_on: bool, code: ErrorCode, what: &str) -> Result<(), Refusal> {
    match is_on {
        true => Ok(()),
        false => {
            let reason = format!(
                "this server has no {what}; ask whoever runs it, who may switch it on \
                 ([services])"
            );
            Err(Refusal::new(code, reason))
        }
    }
}
