//! Who may do what: apps, their certificates, and the tokens that these sign.

use std::collections::{BTreeMap, BTreeSet};

use rtm_channel::{AppId, Identity, Refusal, UserId};
use rtm_token::{Certificate, UnverifiedToken, VerifiedToken};
use rtm_wire::{ErrorCode, Join, Liveness, Login, TicketState, UnixTime};

/// The apps that a server serves.
///
/// An app with a certificate wants a token for each login and each stream channel; one without
/// takes everybody's word.
#[derive(Clone, Debug, Default)]
pub struct Access {
    apps: BTreeMap<AppId, Option<Certificate>>,
    banned: BTreeSet<(AppId, UserId)>,
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
}

impl Access {
    /// Nobody may do anything yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves an app, too; `None` is an app without tokens.
    pub fn insert(&mut self, app: AppId, certificate: Option<Certificate>) {
        self.apps.insert(app, certificate);
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
        self.apps.iter().filter(|(_, certificate)| certificate.is_none()).map(|(id, _)| id)
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
        let (app, certificate) = self.app(login.app_id)?;
        let user = UserId::new(login.user_id).map_err(|error| error.refusal(UserId::ERROR))?;
        let expires = match certificate {
            Some(certificate) => {
                let token = verify(login.token, login.app_id, certificate, time)?;
                if !token.may_login(login.user_id, seconds(time)) {
                    return Err(not_let_in(&token, &user));
                }
                Some(UnixTime::from_millis(token.expires_at().saturating_mul(1_000)))
            }
            None => None,
        };
        self.check_ban(app, &user)?;
        let identity = Identity { user, instance: login.instance };
        let liveness = bounded(login.liveness);
        Ok(Admission { app: app.clone(), identity, expires, liveness })
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
        let (Ok((app, certificate)), Ok(user)) =
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
        Ok(Some(Admission { app: app.clone(), identity, expires, liveness }))
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

    /// Whether a user may join a stream channel.
    ///
    /// # Errors
    /// As [`login`](Self::login), about the join's token.
    pub fn join(
        &self,
        app: &AppId,
        user: &UserId,
        join: &Join<'_>,
        time: UnixTime,
    ) -> Result<(), Refusal> {
        let (_, Some(certificate)) = self.app(app.as_str())? else { return Ok(()) };
        let token = verify(join.token, app.as_str(), certificate, time)?;
        if token.may_join(join.channel, user.as_str(), seconds(time)) {
            return Ok(());
        }
        let reason = format!(
            "the token does not let user {user} join this stream channel; make an RTC token for \
             this channel and user"
        );
        Err(Refusal::new(ErrorCode::INVALID_TOKEN, reason))
    }

    fn app(&self, id: &str) -> Result<(&AppId, Option<&Certificate>), Refusal> {
        let found = AppId::new(id).ok().and_then(|id| self.apps.get_key_value(&id));
        found.map(|(id, certificate)| (id, certificate.as_ref())).ok_or_else(|| {
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

const fn seconds(time: UnixTime) -> u64 {
    time.as_millis() / 1_000
}

#[cfg(test)]
mod tests {
    use rtm_token::{Service, Token};
    use rtm_wire::{SessionInstance, SubscribeOptions};

    use super::*;

    const APP: &str = "970CA35de60c44645bbae8a215061b33";
    const OTHER_APP: &str = "00000000000000000000000000000001";
    const CERTIFICATE: &str = "5CFd2fd1755d40ecb72977518be15d3b";
    const NOW: UnixTime = UnixTime::from_millis(1_000_000_000);

    fn access() -> Access {
        let certificate = Certificate::new(CERTIFICATE).expect("32 digits");
        let mut access = Access::new();
        access.insert(AppId::new(APP).expect("a name"), Some(certificate));
        access.insert(AppId::new("open").expect("a name"), None);
        access
    }

    fn token(app: &str, certificate: &str, issued_at: u32, service: Service) -> String {
        let app_id = rtm_token::AppId::new(app).expect("32 digits");
        let token = Token { app_id, issued_at, expires_in: 600, salt: 1, services: vec![service] };
        token.sign(&Certificate::new(certificate).expect("32 digits"))
    }

    #[test]
    fn a_login_needs_a_good_token_of_its_own() {
        let alice = || Service::rtm("alice", 600);
        let good = token(APP, CERTIFICATE, 999_500, alice());
        let old = token(APP, CERTIFICATE, 999_400, alice());
        let other_app = token(OTHER_APP, CERTIFICATE, 999_500, alice());
        let forged = token(APP, &"0".repeat(32), 999_500, alice());
        let rtc = token(APP, CERTIFICATE, 999_500, Service::rtc("alice", "alice", 600));
        let ok = ErrorCode::OK;
        let cases = [
            (APP, "alice", good.as_str(), ok),
            ("open", "alice", "", ok),
            ("open", "alice", "rubbish", ok),
            (APP, "bob", &good, ErrorCode::INVALID_TOKEN),
            (APP, "alice", "", ErrorCode::INVALID_TOKEN),
            (APP, "alice", "007rubbish", ErrorCode::INVALID_TOKEN),
            (APP, "alice", &forged, ErrorCode::INVALID_TOKEN),
            (APP, "alice", &rtc, ErrorCode::INVALID_TOKEN),
            (APP, "alice", &old, ErrorCode::TOKEN_EXPIRED),
            (APP, "alice", &other_app, ErrorCode::INCONSISTENT_APPID),
            (OTHER_APP, "alice", &other_app, ErrorCode::INVALID_APP_ID),
            ("", "alice", "", ErrorCode::INVALID_APP_ID),
            ("open", "_alice", "", ErrorCode::INVALID_USER_ID),
            ("open", "", "", ErrorCode::INVALID_USER_ID),
        ];
        for (app_id, user_id, token, code) in cases {
            let instance = SessionInstance(1);
            let liveness = Liveness::default();
            let login = Login { app_id, user_id, instance, features: 0, token, liveness };
            let result = access().login(&login, NOW);
            let found = result.as_ref().map_or_else(|refusal| refusal.code, |_| ok);
            assert_eq!(found, code, "{app_id} {user_id} {token}: {result:?}");
        }
    }

    #[test]
    fn a_ticket_is_good_while_app_token_and_user_are() {
        let state = |app_id, user_id, end: Option<u64>| TicketState {
            app_id,
            user_id,
            instance: SessionInstance(7),
            token_end: end.map(UnixTime::from_millis),
            liveness: Liveness::default(),
        };
        let later = Some(NOW.as_millis() + 1);
        let mut access = access();
        for (ticket, is_good) in [
            (state(APP, "alice", later), true),
            (state("open", "alice", None), true),
            (state(APP, "alice", Some(NOW.as_millis())), false),
            // The app has got a certificate since, or has lost it.
            (state(APP, "alice", None), false),
            (state("open", "alice", later), false),
            (state(OTHER_APP, "alice", later), false),
            (state("open", "_alice", None), false),
        ] {
            let admission = access.resume(&ticket, NOW).expect("nobody is banned");
            assert_eq!(admission.is_some(), is_good, "{ticket:?}");
            if let Some(admission) = admission {
                assert_eq!(admission.expires, ticket.token_end);
                assert_eq!(admission.identity.instance, SessionInstance(7));
            }
        }
        let (app, user) = (AppId::new("open").expect("name"), UserId::new("alice").expect("name"));
        let ticket = state("open", "alice", None);
        let login = Login {
            app_id: "open",
            user_id: "alice",
            instance: SessionInstance(7),
            features: 0,
            token: "",
            liveness: Liveness::default(),
        };
        for is_banned in [true, false] {
            access.set_banned(app.clone(), user.clone(), is_banned);
            let code = is_banned.then_some(ErrorCode::LOGIN_REJECTED);
            assert_eq!(access.resume(&ticket, NOW).err().map(|refusal| refusal.code), code);
            assert_eq!(access.login(&login, NOW).err().map(|refusal| refusal.code), code);
        }
    }

    #[test]
    fn a_session_ends_with_its_token() {
        let text = token(APP, CERTIFICATE, 999_500, Service::rtm("alice", 600));
        let instance = SessionInstance(1);
        let mut login = Login {
            app_id: APP,
            user_id: "alice",
            instance,
            features: 0,
            token: &text,
            liveness: Liveness::default(),
        };
        let admission = access().login(&login, NOW).expect("a good token");
        assert_eq!(admission.expires, Some(UnixTime::from_millis(1_000_100_000)));

        for (asked, given) in [
            ((0, 0), (5, 5)),
            ((4, 4), (5, 5)),
            ((5, 5), (5, 5)),
            ((1_800, 300), (1_800, 300)),
            ((1_801, 301), (1_800, 300)),
            ((u64::MAX, u64::MAX), (1_800, 300)),
        ] {
            login.liveness = Liveness { heartbeat: asked.0, presence_timeout: asked.1 };
            let Liveness { heartbeat, presence_timeout } =
                access().login(&login, NOW).expect("a good token").liveness;
            assert_eq!((heartbeat, presence_timeout), given, "{asked:?}");
        }
    }

    #[test]
    fn a_join_needs_a_token_for_channel_and_user() {
        let service = |channel, user| Service::rtc(channel, user, 600);
        let make = |channel, user| token(APP, CERTIFICATE, 999_500, service(channel, user));
        let cases = [
            (make("town", "alice"), true),
            (make("town", ""), true),
            (make("town", "bob"), false),
            (make("village", "alice"), false),
            (token(APP, CERTIFICATE, 999_500, Service::rtm("alice", 600)), false),
            (String::new(), false),
        ];
        let (app, user) = (AppId::new(APP).expect("name"), UserId::new("alice").expect("name"));
        for (token, is_good) in cases {
            let options = SubscribeOptions::default();
            let join = Join { channel: "town", options, token: &token };
            let result = access().join(&app, &user, &join, NOW);
            assert_eq!(result.is_ok(), is_good, "{result:?}");
            if let Err(refusal) = result {
                assert_eq!(refusal.code, ErrorCode::INVALID_TOKEN);
            }
        }
    }
}
