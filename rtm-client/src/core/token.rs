//! Renewing tokens.

use std::time::Duration;

use rtm_channel::ChannelName;
use rtm_wire::{LaneId, RenewToken, Time, TokenChange as Change, TokenEvent as News};

use super::Core;
use super::command::{Answer, Output};
use super::operations::Purpose;
use crate::error::{Error, ErrorKind};
use crate::link::{TokenChange, TokenEvent};

impl<W> Core<W> {
    /// Shows the server another token, now or with the next login.
    pub(super) fn renew_token(&mut self, now: Time, token: String, waiter: Option<W>) {
        match self.check_connected() {
            Ok(_) => {
                let purpose = Purpose::RenewToken(token.clone());
                self.request(now, LaneId::CONTROL, RenewToken { token: &token }, purpose, waiter);
            }
            // On the way back the former one may have ended by then.
            Err(error) if error.kind() == ErrorKind::NotConnected => {
                self.take_token(token);
                self.answer(waiter, Ok(Answer::Done));
            }
            Err(error) => self.answer(waiter, Err(error)),
        }
    }

    /// The token for the next login. A ticket stands for the one that it was given for.
    pub(super) fn take_token(&mut self, token: String) {
        self.token = token;
        self.ticket = None;
    }

    /// The token for joining a channel again.
    pub(super) fn renew_channel_token(
        &mut self,
        channel: &ChannelName,
        token: String,
    ) -> Result<Answer, Error> {
        let entry = self.streams.get_mut(channel);
        let entry = entry.ok_or_else(|| Error::new(ErrorKind::NotJoined))?;
        entry.set_token(token);
        Ok(Answer::Done)
    }

    pub(super) fn on_token_event(&mut self, event: &News) {
        let change = match event.change {
            Change::WillExpire => TokenChange::WillExpire,
            // A later server may know more.
            _ => return,
        };
        let time_left = Duration::from_millis(event.left_ms);
        self.outputs.push_back(Output::Token(TokenEvent { change, time_left }));
    }
}
