//! What users show in channels, and questions who is where (protocol §6.25).

use bytes::Bytes;
use rtm_channel::{ChannelKey, OnlinePage, PresenceAuthority, Refusal, UserId};
use rtm_wire::{
    ChannelRef, Encode, GetOnlineUsers, GetStates, GetUserChannels, List, OnlineUsers, PresentUser,
    RemoveStates, ReplyResult, SetStates, UserChannels, limits,
};

use super::answer::granted;
use super::channels::AppChannels;
use super::context::Context;

/// Longest list of channels in an answer, in bytes; every client takes as much.
const CHANNELS_BYTES_MAX: usize = 32 * 1_024;

impl AppChannels {
    pub(super) fn set_states(
        &mut self,
        context: &mut Context<'_>,
        set: &SetStates<'_>,
    ) -> Result<Bytes, Refusal> {
        let key = self.channel_key(&set.channel)?;
        self.presences.set_states(context, &key, set.states)?;
        Ok(granted(context.operation, ReplyResult::None))
    }

    pub(super) fn remove_states(
        &mut self,
        context: &mut Context<'_>,
        remove: &RemoveStates<'_>,
    ) -> Result<Bytes, Refusal> {
        let key = self.channel_key(&remove.channel)?;
        self.presences.remove_states(context, &key, remove.keys)?;
        Ok(granted(context.operation, ReplyResult::None))
    }

    pub(super) fn get_states(
        &self,
        context: &Context<'_>,
        get: &GetStates<'_>,
    ) -> Result<Bytes, Refusal> {
        let key = self.channel_key(&get.channel)?;
        let authority = self.presences.channel(&key);
        let authority = authority.ok_or_else(|| PresenceAuthority::user_not_exist(get.user))?;
        let states = authority.states(get.user)?;
        let user = PresentUser { user: get.user, states: List::Slice(&states) };
        Ok(granted(context.operation, ReplyResult::PresentUser(user)))
    }

    pub(super) fn get_online_users(
        &self,
        context: &Context<'_>,
        get: &GetOnlineUsers<'_>,
    ) -> Result<Bytes, Refusal> {
        let key = self.channel_key(&get.channel)?;
        let page = match self.presences.channel(&key) {
            Some(authority) => authority.online_users(get.flags, get.limit, get.after)?,
            None => OnlinePage::nobody(get.flags)?,
        };
        let users = page.users();
        let (total, users) = (page.total(), List::Slice(&users));
        let result = OnlineUsers { total, users, next: page.next() };
        Ok(granted(context.operation, ReplyResult::OnlineUsers(result)))
    }

    pub(super) fn get_user_channels(
        &self,
        context: &Context<'_>,
        get: &GetUserChannels<'_>,
    ) -> Result<Bytes, Refusal> {
        let user = UserId::new(get.user).map_err(|error| error.refusal(UserId::ERROR))?;
        let found = self.presences.channels_of(&user);
        let channels: Vec<ChannelRef<'_>> = found.map(ChannelKey::as_ref).collect();
        let total = channels.len() as u64;
        let channels = List::Slice(&channels[..that_fit(&channels)]);
        let result = UserChannels { total, channels };
        Ok(granted(context.operation, ReplyResult::UserChannels(result)))
    }
}

/// How many of the channels an answer takes: of those who are in more, `total` tells.
fn that_fit(channels: &[ChannelRef<'_>]) -> usize {
    let mut bytes = 0;
    let fits = channels.iter().take(limits::LIST).take_while(|channel| {
        bytes += channel.encoded_len();
        bytes <= CHANNELS_BYTES_MAX
    });
    fits.count()
}
