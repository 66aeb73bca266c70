//! Settings of a client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::client::RtmClient;
use super::events::{ClientEvent, Handler};
use super::settings::{Settings, Unsupported};
use super::shared::{Setup, Shared};
use crate::address::ServerAddress;
use crate::area::AreaCode;
use crate::encryption::Encryption;
use crate::error::Error;
use crate::log::LogConfig;
use crate::network::{Connect, ProtocolType, Proxy};
use crate::private_config::PrivateConfig;

/// Settings of a client: [`RtmClient::builder`]. Everything is checked by [`build`](Self::build).
///
/// They have the names, defaults and ranges of RTM 2.x. Those that mean nothing for a server of
/// one's own are here, too, so that who moves over finds them: they answer
/// [`Unsupported`](crate::ErrorKind::Unsupported), −10022, unless they have their default.
///
/// A setting that is given twice is an error, since one of the two would be ignored.
///
/// ```no_run
/// use std::time::Duration;
///
/// use rtm_client::RtmClient;
///
/// # fn example() -> Result<(), rtm_client::Error> {
/// let client = RtmClient::builder("970CA35de60c44645bbae8a215061b33", "alice")
///     .server("rtm://rtm.example:7700?key=0123…".parse()?)
///     .token("007…")
///     .presence_timeout(Duration::from_secs(30))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "settings do nothing until `build` is called"]
pub struct ClientBuilder {
    settings: Settings,
    given_twice: Option<&'static str>,
}

impl fmt::Debug for ClientBuilder {
    /// Hides token and keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientBuilder").field(&self.settings).finish()
    }
}

/// Declares setters that take a value once.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        $($(#[$doc])*
        pub fn $name(mut self, $name: $type) -> Self {
            if self.settings.$name.replace($name).is_some() {
                self.given_twice = Some(stringify!($name));
            }
            self
        }
        )*
    };
}

impl ClientBuilder {
    pub(super) fn new(app_id: String, user_id: String) -> Self {
        Self { settings: Settings::new(app_id, user_id), given_twice: None }
    }

    setters! {
        /// Where the server is. Has to be given.
        server: ServerAddress;

        /// How long the client tries to come back after a loss of the session, and to log in:
        /// 15 s to 3,600 s, or `None` for ever. Default: for ever; then a login is one attempt (at
        /// each host), so that a program that starts hears what is wrong.
        ///
        /// What a server refuses at a login ends it at once, even
        /// [`ServerFull`](crate::ErrorKind::ServerFull), which the program may retry; on the way
        /// back, a full server is tried again.
        ///
        /// RTM 2.x writes "for ever" as 0.
        reconnect_timeout: Option<Duration>;

        /// How long one attempt to log in may take: 1 s to 60 s. Default: 10 s.
        login_timeout: Duration;

        /// How many calls may wait while there is no connection, but a login was asked for: 0 to
        /// 65,536. Default: 1,024. Together they hold 1 MiB at most. They are carried out in their
        /// order once the client is connected and all that it had is restored; until then, what is
        /// called later waits behind them. Further ones are refused at once, with
        /// [`NotConnected`](crate::ErrorKind::NotConnected); with 0, all are.
        waiting_calls: usize;

        /// How long they wait before they are refused: 1 s to 3,600 s. Default: 120 s.
        waiting_calls_timeout: Duration;

        /// Pause after which the server is pinged: 5 s to 1,800 s, in whole seconds. Default: 5 s.
        ///
        /// Ten seconds after a ping is missing the server takes the client for lost, and its
        /// [`presence_timeout`](Self::presence_timeout) begins. The session itself survives 40 s of
        /// silence, or as long as that where the pause is longer. Longer pauses save power; on UDP,
        /// many networks forget a connection after 30 s.
        heartbeat_interval: Duration;

        /// How long others aren't told that this client is lost, so that a short outage goes
        /// unnoticed: 5 s to 300 s, in whole seconds; what lies outside counts as the nearest.
        /// Default: 300 s. It begins when the server takes the client for lost.
        presence_timeout: Duration;

        /// What carries packets. Default: [`ProtocolType::TcpUdp`].
        protocol_type: ProtocolType;

        /// An HTTP proxy, which everything goes through, in TCP: no UDP is sent, whatever
        /// [`protocol_type`](Self::protocol_type) says ([`ProtocolType::UdpOnly`] is an error). The
        /// proxy looks up the server's name; this machine doesn't. Default: none; the system's
        /// proxy settings aren't read.
        proxy: Proxy;

        /// Opens TCP connections in a way of your own, where they don't pass as they are: with the
        /// platform's TLS to a proxy before the server that ends it, through a tunnel. Default: TCP
        /// at the server's address and TCP port, with bare packets or a WebSocket, which take turns
        /// as attempts fail.
        ///
        /// It gets the UDP address that was looked up; everything else is up to it. UDP is tried
        /// first unless [`protocol_type`](Self::protocol_type) is [`ProtocolType::TcpOnly`]; with
        /// [`ProtocolType::UdpOnly`] it is never called. Not together with [`proxy`](Self::proxy).
        /// What it implements is [`Connect`], with async-trait.
        stream_connector: Arc<dyn Connect>;

        /// Seals messages from end to end. Default: not; between client and server they are
        /// encrypted in any case.
        encryption: Encryption;

        /// A log of this client's own. Default: none.
        log_config: LogConfig;

        /// Which services the server has, and where else it is. Default: all, and nowhere else.
        private_config: PrivateConfig;

        /// Whether the user id is any text (yes), or a number from 1 to 4,294,967,295 without zeros
        /// in front (no), as users of real-time video have. Default: yes.
        use_string_user_id: bool;

        /// Whether the network lets connections to domain names only (yes), as SIM cards of devices
        /// do. Then a server that is named by a bare address is an error. Default: no.
        isp_policy_enabled: bool;

        /// Where servers may be. Default: [`AreaCode::GLOBAL`]; any other is
        /// [`Unsupported`](crate::ErrorKind::Unsupported).
        area_code: AreaCode;

        /// Whether stream channels use several networks at a time. Default: no; yes is
        /// [`Unsupported`](crate::ErrorKind::Unsupported): a session moves from network to network,
        /// and uses one at a time.
        multipath: bool;

        /// The platform's context (Android) or window (Windows). Default: 0, for none; any is
        /// [`Unsupported`](crate::ErrorKind::Unsupported), as this library asks nothing of the
        /// platform that would need it.
        context: usize;

        /// Whether logs are sent to the vendor. Default: no; yes is
        /// [`Unsupported`](crate::ErrorKind::Unsupported): nothing is ever uploaded.
        log_upload: bool;
    }

    /// The token for [`RtmClient::login`]. Default: empty, for servers that want none.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        if self.settings.token.replace(token.into()).is_some() {
            self.given_twice = Some("token");
        }
        self
    }

    /// Is called with each event of the client as a whole: those of [`RtmClient::events`], none of
    /// them dropped. Default: nothing.
    ///
    /// It runs on the client's task, so it must not wait: everything else of the client waits for
    /// it. What panics in it is caught and logged.
    pub fn event_handler(mut self, handler: impl Fn(&ClientEvent) + Send + Sync + 'static) -> Self {
        if self.settings.event_handler.replace(Handler::new(handler)).is_some() {
            self.given_twice = Some("event_handler");
        }
        self
    }

    /// Checks all settings and makes the client. Does no IO: the client's task, sockets and log
    /// begin with the first call that needs them.
    ///
    /// # Errors
    /// [`UnknownApp`](crate::ErrorKind::UnknownApp),
    /// [`InvalidUserId`](crate::ErrorKind::InvalidUserId): an id with forbidden characters or of a
    /// forbidden length. [`InvalidConfig`](crate::ErrorKind::InvalidConfig): no server, a setting
    /// given twice, out of its range, or one that excludes another.
    /// [`InvalidAddress`](crate::ErrorKind::InvalidAddress): further hosts that are none.
    /// [`InvalidEncryption`](crate::ErrorKind::InvalidEncryption): key or salt.
    /// [`Unsupported`](crate::ErrorKind::Unsupported): what means nothing here.
    pub fn build(self) -> Result<RtmClient, Error> {
        self.check().map(|setup| RtmClient::new(Shared::new(setup)))
    }

    pub(super) fn check(self) -> Result<Setup, Error> {
        if let Some(name) = self.given_twice {
            return Err(super::settings::invalid(format!("the setting {name} is given twice")));
        }
        Unsupported::check(&self.settings)?;
        self.settings.check()
    }
}
