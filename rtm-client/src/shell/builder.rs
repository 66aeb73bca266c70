//! Settings of a client.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use rtm_channel::{AppId, UserId};

use super::client::RtmClient;
use super::shared::Shared;
use crate::address::ServerAddress;
use crate::core::CoreConfig;
use crate::error::{Error, ErrorKind};
use crate::network::{Connect, NetworkConfig, ProtocolType, Proxy};

const KEEP_ALIVE: RangeInclusive<u64> = 5..=1_800;
const RECONNECT_TIMEOUT: RangeInclusive<u64> = 15..=3_600;
const LOGIN_TIMEOUT: RangeInclusive<u64> = 1..=60;

/// Settings of a client: [`RtmClient::builder`]. Everything is checked by [`build`](Self::build).
///
/// A setting that is given twice is an error, since one of the two would be ignored.
#[derive(Clone)]
#[must_use = "settings do nothing until `build` is called"]
pub struct ClientBuilder {
    app_id: String,
    user_id: String,
    server: Option<ServerAddress>,
    token: Option<String>,
    reconnect_timeout: Option<Option<Duration>>,
    login_timeout: Option<Duration>,
    keep_alive: Option<Duration>,
    protocol: Option<ProtocolType>,
    proxy: Option<Proxy>,
    connector: Option<Arc<dyn Connect>>,
    given_twice: Option<&'static str>,
}

impl fmt::Debug for ClientBuilder {
    /// Hides the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("app_id", &self.app_id)
            .field("user_id", &self.user_id)
            .field("server", &self.server)
            .field("reconnect_timeout", &self.reconnect_timeout)
            .field("login_timeout", &self.login_timeout)
            .field("keep_alive", &self.keep_alive)
            .field("protocol", &self.protocol)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

impl ClientBuilder {
    pub(super) const fn new(app_id: String, user_id: String) -> Self {
        Self {
            app_id,
            user_id,
            server: None,
            token: None,
            reconnect_timeout: None,
            login_timeout: None,
            keep_alive: None,
            protocol: None,
            proxy: None,
            connector: None,
            given_twice: None,
        }
    }

    /// Where the server is. Has to be given.
    pub fn server(mut self, server: ServerAddress) -> Self {
        let former = self.server.replace(server);
        self.check_once(former.is_some(), "server")
    }

    /// The token for [`RtmClient::login`]. Default: empty, for servers that want none.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        let former = self.token.replace(token.into());
        self.check_once(former.is_some(), "token")
    }

    /// How long the client tries to come back after a loss of the session: 15 s to 3,600 s, or
    /// `None` for ever. Default: for ever.
    pub fn reconnect_timeout(mut self, timeout: Option<Duration>) -> Self {
        let former = self.reconnect_timeout.replace(timeout);
        self.check_once(former.is_some(), "reconnect_timeout")
    }

    /// How long one attempt to log in may take: 1 s to 60 s. Default: 10 s.
    pub fn login_timeout(mut self, timeout: Duration) -> Self {
        let former = self.login_timeout.replace(timeout);
        self.check_once(former.is_some(), "login_timeout")
    }

    /// Pause after which the server is pinged: 5 s to 1,800 s, as in RTM 2.x. Default: 5 s.
    ///
    /// A session dies after 40 s of silence, so more than 15 s are taken for 15 s.
    pub fn keep_alive(mut self, pause: Duration) -> Self {
        let former = self.keep_alive.replace(pause);
        self.check_once(former.is_some(), "keep_alive")
    }

    /// What carries packets. Default: [`ProtocolType::TcpUdp`].
    pub fn protocol_type(mut self, protocol: ProtocolType) -> Self {
        let former = self.protocol.replace(protocol);
        self.check_once(former.is_some(), "protocol_type")
    }

    /// An HTTP proxy, which everything goes through, in TCP: no UDP is sent, whatever
    /// [`protocol_type`](Self::protocol_type) says ([`ProtocolType::UdpOnly`] is an error). The
    /// proxy looks up the server's name; this machine doesn't. Default: none; the system's proxy
    /// settings aren't read.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        let former = self.proxy.replace(proxy);
        self.check_once(former.is_some(), "proxy")
    }

    /// Opens TCP connections in a way of your own, where they don't pass as they are: with the
    /// platform's TLS to a proxy before the server that ends it, through a tunnel. Default: TCP at
    /// the server's address and TCP port, with bare packets or a WebSocket, which take turns as
    /// attempts fail.
    ///
    /// It gets the UDP address that was looked up; everything else is up to it. UDP is tried first
    /// unless [`protocol_type`](Self::protocol_type) is [`ProtocolType::TcpOnly`]; with
    /// [`ProtocolType::UdpOnly`] it is never called. Not together with [`proxy`](Self::proxy). What
    /// it implements is [`Connect`], with async-trait.
    pub fn stream_connector(mut self, connector: Arc<dyn Connect>) -> Self {
        let former = self.connector.replace(connector);
        self.check_once(former.is_some(), "stream_connector")
    }

    /// Checks all settings and makes the client. Does no IO: the client's task and sockets begin
    /// with the first call that needs them.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownApp`], [`ErrorKind::InvalidUserId`]: an id with forbidden characters or
    /// of a forbidden length. [`ErrorKind::InvalidConfig`]: no server, a setting given twice,
    /// out of its range, or one that excludes another.
    pub fn build(self) -> Result<RtmClient, Error> {
        if let Some(name) = self.given_twice {
            return Err(invalid(format!("the setting {name} is given twice")));
        }
        let app_id = AppId::new(&self.app_id).map_err(|wrong| wrong.refusal(AppId::ERROR))?;
        let user_id = UserId::new(&self.user_id).map_err(|wrong| wrong.refusal(UserId::ERROR))?;
        let server = self.server.ok_or_else(|| invalid("the setting server is missing".into()))?;
        let reconnect_timeout = self.reconnect_timeout.unwrap_or_default();
        let login_timeout = self.login_timeout.unwrap_or(Duration::from_secs(10));
        let keep_alive = self.keep_alive.unwrap_or(Duration::from_secs(5));
        check_range("login_timeout", login_timeout, LOGIN_TIMEOUT)?;
        check_range("keep_alive", keep_alive, KEEP_ALIVE)?;
        if let Some(timeout) = reconnect_timeout {
            check_range("reconnect_timeout", timeout, RECONNECT_TIMEOUT)?;
        }
        if self.proxy.is_some() && self.protocol == Some(ProtocolType::UdpOnly) {
            return Err(invalid(
                "protocol_type is UdpOnly, and an HTTP proxy takes TCP only".into(),
            ));
        }
        if self.proxy.is_some() && self.connector.is_some() {
            let wrong =
                "a proxy and a stream_connector are given, and one of them would be ignored";
            return Err(invalid(wrong.into()));
        }
        let protocol = self.protocol.unwrap_or_default();
        let network = NetworkConfig { protocol, proxy: self.proxy, connector: self.connector };
        let config = CoreConfig {
            app_id,
            user_id,
            server_key: server.public_key(),
            reconnect_timeout,
            login_timeout,
            keep_alive,
            carriers: network.carriers(),
            may_fragment: false,
        };
        let token = self.token.unwrap_or_default();
        Ok(RtmClient::new(Shared::new(config, network, server, token)))
    }

    fn check_once(mut self, was_given: bool, name: &'static str) -> Self {
        if was_given {
            self.given_twice = Some(name);
        }
        self
    }
}

fn check_range(name: &str, span: Duration, range: RangeInclusive<u64>) -> Result<(), Error> {
    let (least, most) = (Duration::from_secs(*range.start()), Duration::from_secs(*range.end()));
    if (least..=most).contains(&span) {
        return Ok(());
    }
    Err(invalid(format!("the setting {name} is {span:?}, out of {least:?} to {most:?}")))
}

fn invalid(wrong: String) -> Error {
    Error::of(ErrorKind::InvalidConfig, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder() -> ClientBuilder {
        let server = ServerAddress::new("localhost", 7_700, [1; 32]).unwrap();
        RtmClient::builder("demo", "alice").server(server)
    }

    #[test]
    fn settings_are_taken_at_their_limits_and_refused_beyond() {
        let secs = Duration::from_secs;
        let ok: [ClientBuilder; 5] = [
            builder(),
            builder().keep_alive(secs(5)).login_timeout(secs(1)),
            builder().keep_alive(secs(1_800)).login_timeout(secs(60)),
            builder().reconnect_timeout(Some(secs(15))),
            builder().reconnect_timeout(Some(secs(3_600))).token("t"),
        ];
        for builder in ok {
            assert!(builder.clone().build().is_ok(), "{builder:?}");
        }
        let server = ServerAddress::new("localhost", 7_700, [1; 32]).unwrap();
        let refused = [
            (builder().keep_alive(Duration::from_millis(4_999)), "keep_alive is 4.999s"),
            (builder().keep_alive(secs(1_801)), "keep_alive is 1801s"),
            (builder().login_timeout(secs(61)), "login_timeout is 61s"),
            (builder().reconnect_timeout(Some(secs(14))), "reconnect_timeout is 14s"),
            (builder().reconnect_timeout(Some(Duration::ZERO)), "reconnect_timeout is 0ns"),
            (builder().token("a").token("b"), "token is given twice"),
            (builder().server(server.clone()), "server is given twice"),
            (builder().reconnect_timeout(None).reconnect_timeout(None), "is given twice"),
            (RtmClient::builder("demo", "alice"), "server is missing"),
        ];
        for (builder, wrong) in refused {
            let error = builder.build().map(drop).expect_err(wrong);
            assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{wrong}");
            assert!(error.to_string().contains(wrong), "{wrong}: {error}");
        }
        let ids = [("", "alice", -10_003), ("demo", "a.b", -10_006)];
        for (app_id, user_id, code) in ids {
            let built = RtmClient::builder(app_id, user_id).server(server.clone()).build();
            assert_eq!(built.map(drop).expect_err(user_id).code(), code);
        }
    }
}
