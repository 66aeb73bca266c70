//! Who may do what: apps, their certificates, and the tokens that these sign.

use std::collections::{BTreeMap, BTreeSet};

use rtm_channel::{AppId, Identity, Refusal, UserId};
use rtm_token::{Certificate, UnverifiedToken, VerifiedToken, privilege};
use rtm_wire::{ErrorCode, Liveness, Login, TicketState, UnixTime};

use crate::rights::{Pass, Rights};

/// The apps that a server serves.
///
/// An app with a certificate wants a token for each login and each stream channel; one without
/// takes everybody's word.
#[derive(Clone, Debug, Default)]
pub struct Access {
    apps: BTreeMap<AppId, App>,
    banned: BTreeSet<(AppId, UserId)>,
}

#[derive(Clone, Debug, Default)]
struct App {
    certificate: Option<Certificate>,
    join_may_publish: bool,
}

/// What a banned user is told.
pub(crate) const BANNED: &str = "the user is banned; ask whoever runs the server";

/// Somebody who may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The app.
    pub app: AppId,
    /// The user, and which life of which client.
    pub identity: Identity,
    /// When the token ends, and the session with it; `None` without a token.
    pub expires: Option<UnixTime>,
    /// When the client counts as lost, and as gone; within what is allowed.
    pub liveness: Liveness,
    /// What it may do.
    pub rights: Rights,
}

impl Access {
    /// Nobody may do anything yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves an app, too; `None` is an app without tokens.
    pub fn insert(&mut self, app: AppId, certificate: Option<Certificate>) {
        self.apps.insert(app, App { certificate, join_may_publish: false });
    }

    /// Whether the privilege to join a stream channel of an app that is served brings the one to
    /// publish in its topics, as in hosted RTM unless its owner says otherwise. Without this call
    /// it doesn't.
    pub fn set_join_may_publish(&mut self, app: &AppId, may: bool) {
        if let Some(app) = self.apps.get_mut(app) {
            app.join_may_publish = may;
        }
    }

    /// Keeps a user out, or lets it in again. Says nothing to a session that is there:
    /// [`ServerCore::set_banned`](crate::ServerCore::set_banned) ends it, too.
    pub fn set_banned(&mut self, app: AppId, user: UserId, is_banned: bool) {
        match is_banned {
            true => self.banned.insert((app, user)),
            false => self.banned.remove(&(app, user)),
        };
    }

    /// The apps that want no tokens.
    pub fn open_apps(&self) -> impl Iterator<Item = &AppId> {
        self.apps.iter().filter(|(_, app)| app.certificate.is_none()).map(|(id, _)| id)
    }

    /// The apps, by id.
    pub fn apps(&self) -> impl Iterator<Item = &AppId> {
        self.apps.keys()
    }

    /// Whether a login is good, and for whom.
    ///
    /// # Errors
    /// Unknown app, bad user id, or a token that is missing, damaged, expired, signed by another
    /// app's certificate, another user's, or without the privilege to log in; a user who is banned.
    pub fn login(&self, login: &Login<'_>, time: UnixTime) -> Result<Admission, Refusal> {
        let (app, App { certificate, .. }) = self.app(login.app_id)?;
        let user = UserId::new(login.user_id).map_err(|error| error.refusal(UserId::ERROR))?;
        let (expires, rights) = match certificate {
            Some(certificate) => {
                let token = verify(login.token, login.app_id, certificate, time)?;
                let end = token.login_end(login.user_id, seconds(time));
                let end = end.ok_or_else(|| not_let_in(&token, &user))?;
                (Some(wall(end)), rights(&token, &user, time))
            }
            None => (None, Rights::Open),
        };
        self.check_ban(app, &user)?;
        let identity = Identity { user, instance: login.instance };
        let liveness = bounded(login.liveness);
        Ok(Admission { app: app.clone(), identity, expires, liveness, rights })
    }

    /// Whether what a ticket says is still good, and for whom. `None` if it isn't, or can't be told
    /// any more: the client has to log in, and hears what is wrong, if anything.
    ///
    /// # Errors
    /// A user who is banned.
    pub fn resume(
        &self,
        ticket: &TicketState<'_>,
        time: UnixTime,
    ) -> Result<Option<Admission>, Refusal> {
        let (Ok((app, App { certificate, .. })), Ok(user)) =
            (self.app(ticket.app_id), UserId::new(ticket.user_id))
        else {
            return Ok(None);
        };
        self.check_ban(app, &user)?;
        let is_over = ticket.token_end.is_some_and(|end| end <= time);
        // The app may want tokens since, or none any more.
        if is_over || ticket.token_end.is_some() != certificate.is_some() {
            return Ok(None);
        }
        let identity = Identity { user, instance: ticket.instance };
        let (expires, liveness) = (ticket.token_end, bounded(ticket.liveness));
        let rights = match (ticket.rights, certificate) {
            (Some(listed), _) => Rights::of_list(listed.iter()),
            (None, Some(_)) => Rights::All,
            (None, None) => Rights::Open,
        };
        Ok(Some(Admission { app: app.clone(), identity, expires, liveness, rights }))
    }

    /// Whether the user may be there.
    ///
    /// # Errors
    /// The user is banned.
    pub(crate) fn check_ban(&self, app: &AppId, user: &UserId) -> Result<(), Refusal> {
        match self.banned.contains(&(app.clone(), user.clone())) {
            true => Err(Refusal::new(ErrorCode::LOGIN_REJECTED, BANNED)),
            false => Ok(()),
        }
    }

    /// What a token gives for joining a stream channel; `None` where none is looked at.
    ///
    /// # Errors
    /// As [`login`](Self::login), about this token, or no right to join.
    pub fn join(
        &self,
        (app, user, rights): (&AppId, &UserId, &Rights),
        (channel, token): (&str, &str),
        time: UnixTime,
    ) -> Result<Option<Pass>, Refusal> {
        let (_, App { certificate: Some(certificate), join_may_publish }) =
            self.app(app.as_str())?
        else {
            return Ok(None);
        };
        if let (true, Rights::Listed(_)) = (token.is_empty(), rights) {
            return match rights.may_join(channel) {
                true => Ok(None),
                false => {
                    let reason = format!(
                        "the token of user {user} gives no right to read this stream channel; \
                         list it, or join with an RTC token for channel and user"
                    );
                    Err(Refusal::new(ErrorCode::CHANNEL_SUBSCRIBE_PERMISSION_DENIED, reason))
                }
            };
        }
        let token = verify(token, app.as_str(), certificate, time)?;
        let end = |wanted| token.end_of(wanted, channel, user.as_str());
        let end_of_join = end(privilege::JOIN_CHANNEL);
        let Some(end_of_join) = end_of_join.filter(|end| seconds(time) < *end) else {
            // A client may show the token of its login, which says so in its own way.
            if rights.may_join(channel) {
                return Ok(None);
            }
            if end_of_join.is_some() {
                let reason = "the token's privilege to join has ended; make a new one";
                return Err(Refusal::new(ErrorCode::TOKEN_EXPIRED, reason));
            }
            let reason = format!(
                "the token does not let user {user} join this stream channel; make an RTC token \
                 for this channel and user"
            );
            return Err(Refusal::new(ErrorCode::INVALID_TOKEN, reason));
        };
        let publishes =
            if *join_may_publish { Some(end_of_join) } else { end(privilege::PUBLISH_DATA) };
        let (joins_until, publishes_until) = (wall(end_of_join), publishes.map(wall));
        Ok(Some(Pass { joins_until, publishes_until }))
    }

    fn app(&self, id: &str) -> Result<(&AppId, &App), Refusal> {
        let found = AppId::new(id).ok().and_then(|id| self.apps.get_key_value(&id));
        found.ok_or_else(|| {
            let reason = "this server does not serve the app; compare the app id with its \
                          configuration";
            Refusal::new(ErrorCode::INVALID_APP_ID, reason)
        })
    }
}

fn verify(
    token: &str,
    app: &str,
    certificate: &Certificate,
    time: UnixTime,
) -> Result<VerifiedToken, Refusal> {
    if token.is_empty() {
        let reason = "a token is needed; make one with the app's certificate";
        return Err(Refusal::new(ErrorCode::INVALID_TOKEN, reason));
    }
    let unverified = UnverifiedToken::parse(token)
        .map_err(|error| Refusal::new(ErrorCode(error.code()), error.to_string()))?;
    if unverified.app_id().as_str() != app {
        let reason = "the token is for another app; make one for this app";
        return Err(Refusal::new(ErrorCode::INCONSISTENT_APPID, reason));
    }
    unverified
        .verify(certificate, seconds(time))
        .map_err(|error| Refusal::new(ErrorCode(error.code()), error.to_string()))
}

/// Why a good token doesn't let a user in.
fn not_let_in(token: &VerifiedToken, user: &UserId) -> Refusal {
    if token.is_for_user(user.as_str()) {
        let reason = format!(
            "the token gives user {user} no privilege to log in, or it has ended; make one with it"
        );
        return Refusal::new(ErrorCode::LOGIN_NOT_AUTHORIZED, reason);
    }
    let reason = format!("the token is not for messages of user {user}; make one for this user");
    Refusal::new(ErrorCode::INVALID_TOKEN, reason)
}

/// What RTM 2.x allows: heartbeats of 5 to 1,800 s, presence timeouts of 5 to 300 s.
fn bounded(asked: Liveness) -> Liveness {
    Liveness {
        heartbeat: asked.heartbeat.clamp(5, 1_800),
        presence_timeout: asked.presence_timeout.clamp(5, 300),
    }
}

/// What a good token lets its user do.
fn rights(token: &VerifiedToken, user: &UserId, time: UnixTime) -> Rights {
    let now = seconds(time);
    match token.has_all_rights(user.as_str(), now) {
        true => Rights::All,
        false => Rights::of_token(token.permissions(user.as_str(), now)),
    }
}

const fn seconds(time: UnixTime) -> u64 {
    time.as_millis() / 1_000
}

const fn wall(seconds: u64) -> UnixTime {
    UnixTime::from_millis(seconds.saturating_mul(1_000))
}

#[cfg(test)]
mod tests;
