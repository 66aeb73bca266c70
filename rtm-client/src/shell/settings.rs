//! Settings, and whether they are good.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use rtm_channel::{AppId, UserId};

use super::events::Handler;
use super::shared::Setup;
use crate::address::ServerAddress;
use crate::area::AreaCode;
use crate::core::{CoreConfig, WaitingMax};
use crate::encryption::Encryption;
use crate::error::{Error, ErrorKind};
use crate::hosts::Hosts;
use crate::log::LogConfig;
use crate::network::{Connect, NetworkConfig, ProtocolType, Proxy};
use crate::private_config::PrivateConfig;

const HEARTBEAT: RangeInclusive<u64> = 5..=1_800;
const PRESENCE_TIMEOUT: RangeInclusive<u64> = 5..=300;
const RECONNECT_TIMEOUT: RangeInclusive<u64> = 15..=3_600;
const LOGIN_TIMEOUT: RangeInclusive<u64> = 1..=60;
const WAITING_CALLS: RangeInclusive<usize> = 0..=65_536;
const WAITING_CALLS_TIMEOUT: RangeInclusive<u64> = 1..=3_600;
const LOG_FILE_KIB: RangeInclusive<u32> = 128..=1_024;

/// What was set; `None` is the default.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) app_id: String,
    pub(super) user_id: String,
    pub(super) server: Option<ServerAddress>,
    pub(super) token: Option<String>,
    pub(super) reconnect_timeout: Option<Option<Duration>>,
    pub(super) login_timeout: Option<Duration>,
    pub(super) waiting_calls: Option<usize>,
    pub(super) waiting_calls_timeout: Option<Duration>,
    pub(super) heartbeat_interval: Option<Duration>,
    pub(super) presence_timeout: Option<Duration>,
    pub(super) protocol_type: Option<ProtocolType>,
    pub(super) proxy: Option<Proxy>,
    pub(super) stream_connector: Option<Arc<dyn Connect>>,
    pub(super) encryption: Option<Encryption>,
    pub(super) log_config: Option<LogConfig>,
    pub(super) private_config: Option<PrivateConfig>,
    pub(super) event_handler: Option<Handler>,
    pub(super) use_string_user_id: Option<bool>,
    pub(super) isp_policy_enabled: Option<bool>,
    pub(super) area_code: Option<AreaCode>,
    pub(super) multipath: Option<bool>,
    pub(super) context: Option<usize>,
    pub(super) log_upload: Option<bool>,
}

impl fmt::Debug for Settings {
    /// Hides the token; the rest hides its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("app_id", &self.app_id)
            .field("user_id", &self.user_id)
            .field("server", &self.server)
            .field("reconnect_timeout", &self.reconnect_timeout)
            .field("login_timeout", &self.login_timeout)
            .field("waiting_calls", &self.waiting_calls)
            .field("waiting_calls_timeout", &self.waiting_calls_timeout)
            .field("heartbeat_interval", &self.heartbeat_interval)
            .field("presence_timeout", &self.presence_timeout)
            .field("protocol_type", &self.protocol_type)
            .field("proxy", &self.proxy)
            .field("encryption", &self.encryption)
            .field("log_config", &self.log_config)
            .field("private_config", &self.private_config)
            .finish_non_exhaustive()
    }
}

impl Settings {
    pub(super) fn new(app_id: String, user_id: String) -> Self {
        Self {
            app_id,
            user_id,
            server: None,
            token: None,
            reconnect_timeout: None,
            login_timeout: None,
            waiting_calls: None,
            waiting_calls_timeout: None,
            heartbeat_interval: None,
            presence_timeout: None,
            protocol_type: None,
            proxy: None,
            stream_connector: None,
            encryption: None,
            log_config: None,
            private_config: None,
            event_handler: None,
            use_string_user_id: None,
            isp_policy_enabled: None,
            area_code: None,
            multipath: None,
            context: None,
            log_upload: None,
        }
    }

    /// What a client is made of, if all of it is good.
    pub(super) fn check(self) -> Result<Setup, Error> {
        let app_id = AppId::new(&self.app_id).map_err(|wrong| wrong.refusal(AppId::ERROR))?;
        let user_id = self.check_user_id()?;
        let reconnect_timeout = self.reconnect_timeout.unwrap_or_default();
        let login_timeout = self.login_timeout.unwrap_or(Duration::from_secs(10));
        let heartbeat_interval = self.heartbeat_interval.unwrap_or(Duration::from_secs(5));
        check_range("login_timeout", login_timeout, LOGIN_TIMEOUT)?;
        check_range("heartbeat_interval", heartbeat_interval, HEARTBEAT)?;
        check_whole("heartbeat_interval", heartbeat_interval)?;
        if let Some(timeout) = reconnect_timeout {
            check_range("reconnect_timeout", timeout, RECONNECT_TIMEOUT)?;
        }
        if let Some(encryption) = &self.encryption {
            encryption.check()?;
        }
        if let Some(log) =
            self.log_config.as_ref().filter(|it| !LOG_FILE_KIB.contains(&it.size_kib))
        {
            let (size, least, most) = (log.size_kib, LOG_FILE_KIB.start(), LOG_FILE_KIB.end());
            let wrong = format!("the log file's size is {size} KiB, out of {least} to {most}");
            return Err(invalid(wrong));
        }
        let waiting_max = self.waiting_max()?;
        let presence_timeout = self.presence_timeout()?;
        self.check_proxy()?;
        let hosts = self.hosts()?;
        let protocol = self.protocol_type.unwrap_or_default();
        let network =
            NetworkConfig { protocol, proxy: self.proxy, connector: self.stream_connector };
        let config = CoreConfig {
            app_id,
            user_id,
            server_key: hosts.servers()[0].public_key(),
            reconnect_timeout,
            login_timeout,
            heartbeat_interval,
            presence_timeout,
            encryption: self.encryption,
            carriers: network.carriers(),
            may_fragment: false,
            waiting_max,
        };
        let services = self.private_config.map(|it| it.services()).unwrap_or_default();
        let token = self.token.unwrap_or_default();
        let (log_config, handler) = (self.log_config, self.event_handler);
        Ok(Setup { config, network, hosts, token, services, log_config, handler })
    }

    fn check_user_id(&self) -> Result<UserId, Error> {
        let text = &self.user_id;
        if self.use_string_user_id == Some(false) {
            let is_number = text.parse::<u32>().is_ok_and(|number| number > 0);
            if !is_number || text.starts_with(['0', '+']) {
                let wrong = format!(
                    "the user id {text:?} is no number from 1 to {}, which it has to be without \
                     string user ids",
                    u32::MAX
                );
                return Err(Error::of(ErrorKind::InvalidUserId, wrong));
            }
        }
        UserId::new(text).map_err(|wrong| wrong.refusal(UserId::ERROR).into())
    }

    fn waiting_max(&self) -> Result<WaitingMax, Error> {
        let default = WaitingMax::default();
        let calls = self.waiting_calls.unwrap_or(default.calls);
        let time = self.waiting_calls_timeout.unwrap_or(default.time);
        if !WAITING_CALLS.contains(&calls) {
            let most = WAITING_CALLS.end();
            let wrong = format!("the setting waiting_calls is {calls}, out of 0 to {most}");
            return Err(invalid(wrong));
        }
        check_range("waiting_calls_timeout", time, WAITING_CALLS_TIMEOUT)?;
        Ok(WaitingMax { calls, time, ..default })
    }

    /// Too short and too long count as the nearest, as in RTM 2.x.
    fn presence_timeout(&self) -> Result<Duration, Error> {
        let (least, most) = (*PRESENCE_TIMEOUT.start(), *PRESENCE_TIMEOUT.end());
        let timeout = self.presence_timeout.unwrap_or(Duration::from_secs(most));
        check_whole("presence_timeout", timeout)?;
        Ok(timeout.clamp(Duration::from_secs(least), Duration::from_secs(most)))
    }

    fn check_proxy(&self) -> Result<(), Error> {
        if self.proxy.as_ref().is_some_and(|proxy| !proxy.is_place()) {
            return Err(invalid("the proxy has no host, or port 0".into()));
        }
        if self.proxy.is_some() && self.protocol_type == Some(ProtocolType::UdpOnly) {
            let wrong = "protocol_type is UdpOnly, and an HTTP proxy takes TCP only";
            return Err(invalid(wrong.into()));
        }
        if self.proxy.is_some() && self.stream_connector.is_some() {
            let wrong =
                "a proxy and a stream_connector are given, and one of them would be ignored";
            return Err(invalid(wrong.into()));
        }
        Ok(())
    }

    /// All places of the server.
    fn hosts(&self) -> Result<Hosts, Error> {
        let missing = || invalid("the setting server is missing".into());
        let first = self.server.as_ref().ok_or_else(missing)?;
        let servers = match &self.private_config {
            Some(config) => config.servers(first)?,
            None => vec![first.clone()],
        };
        if self.isp_policy_enabled == Some(true) {
            if let Some(host) = servers.iter().map(ServerAddress::host).find(|it| is_bare(it)) {
                let wrong = format!(
                    "the server's host is the address {host}, and isp_policy_enabled wants a name"
                );
                return Err(invalid(wrong));
            }
        }
        Ok(Hosts::new(servers, self.proxy.is_some()))
    }
}

/// Settings that mean nothing for a server of one's own.
pub(super) struct Unsupported;

impl Unsupported {
    pub(super) fn check(settings: &Settings) -> Result<(), Error> {
        let area = settings.area_code.is_some_and(|area| area != AreaCode::GLOBAL);
        let cloud = settings.proxy.as_ref().is_some_and(Proxy::is_cloud);
        let table = [
            (area, "area_code", "a server of one's own is in one place"),
            (settings.multipath == Some(true), "multipath", "a session has one path at a time"),
            (settings.context.is_some_and(|it| it != 0), "context", "no platform context is used"),
            (settings.log_upload == Some(true), "log_upload", "nothing is uploaded"),
            (cloud, "proxy", "the vendor's cloud proxy is not there for a server of one's own"),
        ];
        let private = settings.private_config.as_ref().and_then(PrivateConfig::unsupported);
        let first =
            table.into_iter().find(|(is_set, ..)| *is_set).map(|(_, name, why)| (name, why));
        match first.or(private) {
            Some((name, why)) => {
                let wrong = format!("the setting {name} isn't supported: {why}");
                Err(Error::of(ErrorKind::Unsupported, wrong))
            }
            None => Ok(()),
        }
    }
}

/// Whether a host is an address in one of the ways in which systems read them: 10.0.0.1, 127.1,
/// `::1`, `fe80::1%eth0`.
fn is_bare(host: &str) -> bool {
    let is_number = |part: &str| {
        let digits = part.strip_prefix("0x").unwrap_or(part);
        !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit())
    };
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let ends_in_number = last.starts_with(|c: char| c.is_ascii_digit()) && is_number(last);
    host.contains(':') || ends_in_number
}

fn check_range(name: &str, span: Duration, range: RangeInclusive<u64>) -> Result<(), Error> {
    let (least, most) = (Duration::from_secs(*range.start()), Duration::from_secs(*range.end()));
    if (least..=most).contains(&span) {
        return Ok(());
    }
    Err(invalid(format!("the setting {name} is {span:?}, out of {least:?} to {most:?}")))
}

fn check_whole(name: &str, span: Duration) -> Result<(), Error> {
    match span.subsec_nanos() {
        0 => Ok(()),
        _ => Err(invalid(format!("the setting {name} is {span:?}, and not in whole seconds"))),
    }
}

pub(super) fn invalid(wrong: String) -> Error {
    Error::of(ErrorKind::InvalidConfig, wrong)
}

#[cfg(test)]
mod tests;
