//! Clients that come back with a ticket, and the tickets (protocol §5.4).

use std::time::Duration;

use bytes::Bytes;
use rtm_channel::{AppId, Refusal, SubscriberId, UserId};
use rtm_session::{LoginAnswer, LoginId, SendError, SessionId};
use rtm_wire::{CloseCode, Encode, ErrorCode, List, OperationId, Request, TicketState};

use super::login::{Accepted, closing};
use super::{Gateway, Work, subscriber_of};
use crate::access::BANNED;
use crate::owner::refused;

/// Of a ticket without a token's end; its keys bound it further.
const TICKET_LIFE_MAX: Duration = Duration::from_secs(24 * 3_600);
/// How often a client gets a newer one, if half of a ticket's time isn't less: well before the end
/// of the one that it has.
const RENEW_MAX: Duration = Duration::from_secs(3_600);
/// Of one whose token ends soon, so that nothing newer would live longer.
const RENEW_MIN: Duration = Duration::from_secs(30);

impl Gateway {
    /// As a login, but that the ticket says who it is. Nothing takes effect yet.
    pub(super) fn on_resumption_requested(
        &mut self,
        work: &mut Work<'_>,
        login: LoginId,
        state: &[u8],
        early: Vec<Bytes>,
    ) {
        let (now, wall) = (work.moment.now, work.moment.wall);
        let admission = match TicketState::decode(state) {
            _ if self.is_closing => Err(closing()),
            Ok(state) => match self.access.resume(&state, wall) {
                Ok(Some(admission)) => self.check_rate(work, admission).map(Some),
                declined => declined,
            },
            Err(_) => Ok(None),
        };
        match admission {
            Ok(Some(admission)) => {
                let answer = self.logged_in(work, OperationId(0), &admission);
                self.logins.accept(now, login, Accepted::Resumed(admission, early));
                work.endpoint.answer_login(now, login, LoginAnswer::Accept(&answer));
            }
            Ok(None) => work.endpoint.decline_ticket(now, login),
            Err(refusal) => {
                self.note_refused(&refusal);
                let answer = refused(OperationId(0), &refusal);
                let answer = LoginAnswer::Reject(refusal.code, &answer);
                work.endpoint.answer_login(now, login, answer);
            }
        }
    }

    /// What came ahead of everything, now that the login counts: the same as first messages, but
    /// that only replay-safe requests may be among them (protocol §6).
    pub(super) fn on_early(&mut self, work: &mut Work<'_>, session: SessionId, early: Vec<Bytes>) {
        for message in early {
            match Request::decode(&message) {
                // Never answered.
                Ok((_, Request::Receipt(_))) => {}
                Ok((operation, request)) if !is_replay_safe(&request) => {
                    let reason = "the request isn't replay-safe, so it can't be early data; send \
                                  it in the session";
                    let refusal = Refusal::new(ErrorCode::SERVICE_NOT_SUPPORTED, reason);
                    let answer = refused(operation, &refusal);
                    self.send_reply(work, subscriber_of(session), answer);
                }
                _ => self.on_message(work, session, message, None),
            }
        }
    }

    /// Gives a client what it may come back with, until its token ends, and does it again in time.
    pub(super) fn give_ticket(&mut self, work: &mut Work<'_>, subscriber: SubscriberId) {
        let (now, wall) = (work.moment.now, work.moment.wall);
        let Some(client) = self.clients.get_mut(&subscriber) else { return };
        let listed = client.rights.list();
        let state = TicketState {
            app_id: client.app.as_str(),
            user_id: client.identity.user.as_str(),
            instance: client.identity.instance,
            token_end: client.token_end,
            liveness: client.liveness,
            rights: listed.as_deref().map(List::Slice),
        };
        let mut bytes = Vec::with_capacity(state.encoded_len());
        state.encode(&mut bytes);
        let life = client.token_end.map_or(TICKET_LIFE_MAX, |end| {
            Duration::from_millis(end.as_millis().saturating_sub(wall.as_millis()))
        });
        let issued = work.endpoint.issue_ticket(now, client.session, &bytes, life);
        let renew = match issued {
            Ok(lifetime) => (lifetime / 2).clamp(RENEW_MIN, RENEW_MAX),
            // More rights than a ticket holds. Those of a former one may be others, so that the
            // client is to forget it: nothing but a newer one says so.
            Err(SendError::TooLong { .. }) => {
                let session = client.session;
                if let Err(error) = work.endpoint.issue_ticket(now, session, &[], Duration::ZERO) {
                    tracing::debug!(session = session.number(), %error, "no ticket");
                }
                RENEW_MAX
            }
            Err(error) => {
                tracing::debug!(session = client.session.number(), %error, "no ticket");
                RENEW_MAX
            }
        };
        self.renewals.remove(&(client.next_ticket, subscriber));
        client.next_ticket = now + renew;
        self.renewals.insert((client.next_ticket, subscriber));
    }

    pub(crate) fn set_banned(
        &mut self,
        work: &mut Work<'_>,
        app: AppId,
        user: UserId,
        is_banned: bool,
    ) {
        let session = self.users.get(&(app.clone(), user.clone())).copied();
        self.access.set_banned(app, user, is_banned);
        if let (Some(subscriber), true) = (session, is_banned) {
            let code = CloseCode::from(ErrorCode::LOGIN_REJECTED);
            self.end(work, subscriber, code, BANNED);
        }
    }
}

/// Done twice is done once, and nobody else notices (protocol §6).
const fn is_replay_safe(request: &Request<'_>) -> bool {
    matches!(request, Request::Subscribe(_))
}
