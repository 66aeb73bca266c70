//! Questions: what a user shows, who is in a channel, where a user is.

use rtm_wire::{
    GetOnlineUsers, GetStates, GetUserChannels, LaneId, OnlineFlags, ReplyResult, Time,
};

use super::Core;
use super::command::Answer;
use super::operations::{Operation, Purpose};
use super::states::check_names;
use crate::channel_id::ChannelId;
use crate::presence::{OnlineUsers, OnlineUsersOptions, UserChannels};

impl<W> Core<W> {
    pub(super) fn get_states(
        &mut self,
        now: Time,
        channel: ChannelId,
        user: &str,
        waiter: Option<W>,
    ) {
        let get = GetStates { channel: channel.wire(), user };
        let purpose = Purpose::GetStates(channel.clone());
        self.ask(now, get, purpose, waiter);
    }

    pub(super) fn online_users(
        &mut self,
        now: Time,
        channel: ChannelId,
        options: &OnlineUsersOptions,
        waiter: Option<W>,
    ) {
        if let Err(error) = check_names([options.page.as_str()].into_iter()) {
            return self.answer(waiter, Err(error));
        }
        let flags = OnlineFlags { user_ids: options.user_ids, states: options.states };
        let (limit, after) = (options.limit, options.page.as_str());
        let get = GetOnlineUsers { channel: channel.wire(), flags, limit, after };
        let purpose = Purpose::OnlineUsers(channel.clone());
        self.ask(now, get, purpose, waiter);
    }

    pub(super) fn user_channels(&mut self, now: Time, user: &str, waiter: Option<W>) {
        let own = self.config.user_id.clone();
        let user = if user.is_empty() { own.as_str() } else { user };
        self.ask(now, GetUserChannels { user }, Purpose::UserChannels, waiter);
    }

    /// What was asked for has been found.
    pub(super) fn on_found(&mut self, now: Time, operation: Operation<W>, result: ReplyResult<'_>) {
        let Operation { purpose, waiter, .. } = operation;
        match (purpose, result) {
            (Purpose::GetStates(channel), ReplyResult::PresentUser(user)) => {
                let states = self.user_state(&channel, &user);
                self.answer(waiter, Ok(Answer::States(states)));
            }
            (Purpose::OnlineUsers(channel), ReplyResult::OnlineUsers(page)) => {
                let page = self.page_of_users(&channel, &page);
                self.answer(waiter, Ok(Answer::OnlineUsers(page)));
            }
            (Purpose::UserChannels, ReplyResult::UserChannels(found)) => {
                self.answer(waiter, Ok(Answer::UserChannels(channels_of_user(&found))));
            }
            (purpose, _) => self.on_other_answer(now, Operation::new(purpose, waiter)),
        }
    }

    fn page_of_users(
        &mut self,
        channel: &ChannelId,
        page: &rtm_wire::OnlineUsers<'_>,
    ) -> OnlineUsers {
        let users = page.users.iter().map(|user| self.user_state(channel, &user)).collect();
        let next_page = (!page.next.is_empty()).then(|| page.next.to_owned());
        OnlineUsers { total: page.total, users, next_page }
    }

    fn ask<'a>(
        &mut self,
        now: Time,
        question: impl Into<rtm_wire::Request<'a>>,
        purpose: Purpose,
        waiter: Option<W>,
    ) {
        match self.check_connected() {
            Ok(_) => self.request(now, LaneId::CONTROL, question, purpose, waiter),
            Err(error) => self.answer(waiter, Err(error)),
        }
    }
}

/// The channels that a user is in, as far as this version knows their kinds.
fn channels_of_user(found: &rtm_wire::UserChannels<'_>) -> UserChannels {
    let channels = found.channels.iter().filter_map(|channel| ChannelId::from_wire(&channel));
    UserChannels { total: found.total, channels: channels.collect() }
}
