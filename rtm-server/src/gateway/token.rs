//! Tokens of sessions: warnings in time, renewals, ends.

use std::time::Duration;

use bytes::Bytes;
use rtm_channel::{Refusal, SubscriberId};
use rtm_wire::{Encode, ErrorCode, Event, List, Login, Time, TokenChange, TokenEvent};

use super::{Gateway, Work};
use crate::clock::monotonic;
use crate::owner::CommandKind;
use crate::rights::Pass;

/// How long before its end a client is told, as in RTM 2.x.
const WARNING: Duration = Duration::from_secs(30);

impl Gateway {
    /// Watches over the token of a session, instead of a former one.
    pub(super) fn watch_token(&mut self, subscriber: SubscriberId, expires: Option<Time>) {
        let Some(client) = self.clients.get_mut(&subscriber) else { return };
        let former = std::mem::replace(&mut client.expires, expires);
        self.forget_token(subscriber, former);
        if let Some(expires) = expires {
            self.expiries.insert((expires, subscriber));
            self.warnings.insert((warning(expires), subscriber));
        }
    }

    pub(super) fn forget_token(&mut self, subscriber: SubscriberId, expires: Option<Time>) {
        if let Some(expires) = expires {
            self.expiries.remove(&(expires, subscriber));
            self.warnings.remove(&(warning(expires), subscriber));
        }
    }

    /// A client shows another token: its session lives as long as that.
    pub(super) fn renew_token(
        &mut self,
        work: &mut Work<'_>,
        from: SubscriberId,
        token: &str,
    ) -> Result<(), Refusal> {
        let (now, wall) = (work.moment.now, work.moment.wall);
        let Some(client) = self.clients.get_mut(&from) else { return Ok(()) };
        client.rates.take_storage_read(now)?;
        let login = Login {
            app_id: client.app.as_str(),
            user_id: client.identity.user.as_str(),
            instance: client.identity.instance,
            features: 0,
            token,
            liveness: client.liveness,
        };
        let admission = self.access.login(&login, wall)?;
        client.token_end = admission.expires;
        let former = std::mem::replace(&mut client.rights, admission.rights);
        let has_changed = former != client.rights;
        let expires = admission.expires.map(|end| monotonic(now, wall, end));
        self.watch_token(from, expires);
        if has_changed {
            self.tell_owner(work, from, CommandKind::RightsChanged);
        }
        // What it comes back with lasts as long.
        self.give_ticket(work, from);
        Ok(())
    }

    /// A client shows another token for a stream channel.
    pub(super) fn renew_pass(
        &mut self,
        work: &Work<'_>,
        from: SubscriberId,
        (channel, token): (&str, &str),
    ) -> Result<Option<Pass>, Refusal> {
        let Some(client) = self.clients.get_mut(&from) else { return Ok(None) };
        client.rates.take_storage_read(work.moment.now)?;
        let whose = (&client.app, &client.identity.user, &client.rights);
        self.access.join(whose, (channel, token), work.moment.wall)
    }

    /// Tells those whose tokens end soon, and ends the sessions of those that have ended.
    pub(super) fn handle_tokens(&mut self, work: &mut Work<'_>) {
        let now = work.moment.now;
        while let Some(&(due, subscriber)) = self.warnings.first().filter(|(due, _)| *due <= now) {
            self.warnings.remove(&(due, subscriber));
            let expires = self.clients.get(&subscriber).and_then(|client| client.expires);
            if let Some(left) = expires.map(|expires| expires.saturating_since(now)) {
                let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
                let (change, channels) = (TokenChange::WillExpire, List::default());
                let event = Event::Token(TokenEvent { change, left_ms, channels });
                let mut message = Vec::with_capacity(event.encoded_len());
                event.encode(&mut message);
                self.send_reply(work, subscriber, Bytes::from(message));
            }
        }
        while let Some(&(_, subscriber)) = self.expiries.first().filter(|(due, _)| *due <= now) {
            let reason = "the token has expired; make a new one and log in again";
            self.end(work, subscriber, ErrorCode::TOKEN_EXPIRED.into(), reason);
        }
    }
}

fn warning(expires: Time) -> Time {
    Time::from_micros(expires.as_micros().saturating_sub(WARNING.as_micros() as u64))
}
