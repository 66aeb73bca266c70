//! Renewing tokens, and what ends with them.

use std::time::Duration;

use rtm_channel::{ChannelName, UserId};
use rtm_topic::Membership;
use rtm_wire::{
    ChannelKind, ErrorCode, LaneId, RenewToken, Time, TokenChange as Change, TokenEvent as News,
};

use super::Core;
use super::command::{Answer, Output};
use super::connection::Connection;
use super::operations::Purpose;
use super::stream_link::StreamEnd;
use crate::channel_id::ChannelId;
use crate::error::{Error, ErrorKind};
use crate::link::{TokenChange, TokenEvent};

impl<W> Core<W> {
    /// Shows the server another token, now or with the next login.
    pub(super) fn renew_token(&mut self, now: Time, token: String, waiter: Option<W>) {
        match self.check_connected() {
            Ok(_) => {
                let purpose = Purpose::RenewToken(token.clone(), self.tickets);
                let renew = RenewToken { token: &token, channel: "" };
                self.request(now, LaneId::CONTROL, renew, purpose, waiter);
            }
            // On the way back the former one may have ended by then. An attempt that is under way
            // is still made with that, or with what stands for it.
            Err(error) if error.kind() == ErrorKind::NotConnected => {
                self.is_token_unshown = !matches!(self.connection, Connection::Down);
                self.take_token(token);
                self.answer(waiter, Ok(Answer::Done));
            }
            Err(error) => self.answer(waiter, Err(error)),
        }
    }

    /// The server has taken another token.
    pub(super) fn on_renewed(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::RenewToken(token, tickets) => {
                self.token = token;
                if self.tickets == tickets {
                    // A newer one may come. The present one stands for the former token's rights.
                    self.ticket = None;
                }
            }
            Purpose::RenewChannelToken(channel, token) => self.take_channel_token(&channel, token),
            _ => {}
        }
    }

    /// There is a session, perhaps not with the present token.
    pub(super) fn show_token(&mut self, now: Time) {
        if std::mem::take(&mut self.is_token_unshown) {
            self.renew_token(now, self.token.clone(), None);
        }
    }

    /// The token for the next login. A ticket stands for the one that it was given for.
    pub(super) fn take_token(&mut self, token: String) {
        self.token = token;
        self.ticket = None;
    }

    /// Shows the server another token for a stream channel, now or when it is joined again.
    pub(super) fn renew_channel_token(
        &mut self,
        now: Time,
        channel: ChannelName,
        token: String,
        waiter: Option<W>,
    ) {
        let membership = self.streams.get(&channel).map(|entry| entry.view.membership());
        match membership {
            Some(Membership::Joined(_)) => {
                let purpose = Purpose::RenewChannelToken(channel.clone(), token.clone());
                let renew = RenewToken { token: &token, channel: channel.as_str() };
                self.request(now, LaneId::CONTROL, renew, purpose, waiter);
            }
            // With the former one, which may have ended: then it is joined with this one.
            Some(Membership::Joining(_)) => {
                if let Some(entry) = self.streams.get_mut(&channel) {
                    let former = entry.renewal.replace((token, waiter));
                    let waiter = former.and_then(|(_, waiter)| waiter);
                    self.answer(waiter, Err(Error::new(ErrorKind::Duplicate)));
                }
            }
            Some(Membership::Lost(_)) => {
                self.take_channel_token(&channel, token);
                self.answer(waiter, Ok(Answer::Done));
            }
            _ => self.answer(waiter, Err(Error::new(ErrorKind::NotJoined))),
        }
    }

    /// The token for joining a channel again, if it is still to be.
    pub(super) fn take_channel_token(&mut self, channel: &ChannelName, token: String) {
        if let Some(entry) = self.streams.get_mut(channel) {
            entry.token = token;
        }
    }

    pub(super) fn on_token_event(&mut self, now: Time, event: &News<'_>) {
        let (change, error) = match event.change {
            Change::WillExpire => (TokenChange::WillExpire, None),
            Change::ReadPermissionRevoked => {
                let error = revoked(ErrorCode::CHANNEL_SUBSCRIBE_PERMISSION_DENIED);
                (TokenChange::ReadPermissionRevoked, Some(error))
            }
            Change::Expired => (TokenChange::Expired, Some(Error::new(ErrorKind::TokenExpired))),
            // A later server may know more.
            _ => return,
        };
        let (mut channels, mut users) = (Vec::new(), Vec::new());
        for concerned in event.channels.iter() {
            if let Some(channel) = ChannelId::from_wire(&concerned) {
                if let Some(error) = &error {
                    self.on_put_out(now, &channel, error);
                }
                channels.push(channel);
            } else if concerned.kind == ChannelKind::User {
                if let (Some(_), Ok(user)) = (&error, UserId::new(concerned.name)) {
                    self.on_unheard(&user, &revoked(ErrorCode::STORAGE_PERMISSION_DENIED));
                }
                users.push(concerned.name.to_owned());
            }
        }
        let time_left = Duration::from_millis(event.left_ms);
        // What drives the core has a calendar.
        let time_ms = 0;
        let event = TokenEvent { change, time_left, channels, users, error, time_ms };
        self.outputs.push_back(Output::Token(event));
    }

    /// The server has put the session out of a channel.
    fn on_put_out(&mut self, now: Time, channel: &ChannelId, error: &Error) {
        let (kind, name) = (channel.kind(), channel.channel_name());
        if channel.is_stream() {
            let membership = self.streams.get(name).map(|entry| entry.view.membership());
            // Where the end was asked for meanwhile, the answer to that is still to come.
            if matches!(membership, Some(Membership::Joined(_))) {
                self.end_own(kind, name);
                self.own_states.on_left(kind, name);
                self.end_stream(name, StreamEnd::PutOut(error));
            }
        } else {
            self.end_own(kind, name);
            self.drop_subscription(now, name, error);
        }
    }
}

/// Why something ended that may not be read any more.
fn revoked(code: ErrorCode) -> Error {
    let wrong = "the token that the session was renewed with gives no right to read it";
    Error::numbered(ErrorKind::PermissionDenied, code, wrong)
}
