//! Settings: what the configuration file and the command line say, checked.

mod file;
mod limits;

pub use file::{
    AppSettings, HistoryKind, HistoryRuleSettings, HistorySettings, LogFormat, Preset,
    SessionSettings, Settings, StoreKind, TEMPLATE, TicketSettings,
};
pub use limits::LimitSettings;

use std::net::SocketAddr;
use std::time::Duration;

use rtm_channel::AppId;
use rtm_session::{Config, StaticKey, TicketConfig};
use rtm_token::Certificate;
use rtm_wire::ChannelKind;

use crate::access::Access;
use crate::error::ServerError;
use crate::limits::AppLimits;
use crate::retention::{HistoryRule, HistoryRules, Retention};

/// Where a server listens when nothing is said.
pub const DEFAULT_LISTEN: &str = "0.0.0.0:7700";
/// Where a development server listens when nothing is said: on this machine only.
pub const DEFAULT_LISTEN_DEV: &str = "127.0.0.1:7700";

/// TCP connections besides those of sessions: of clients that change from one to another, and of
/// strangers.
pub(crate) const STREAMS_SPARE: usize = 1_024;

/// Longest message that an operator may allow, in bytes: what clients take.
pub(crate) const MESSAGE_BYTES_MAX: usize = 64 * 1_024;

impl Settings {
    /// The limits: the preset's, with what the file changes.
    ///
    /// # Errors
    /// A limit out of range.
    pub fn limits(&self, is_dev: bool) -> Result<AppLimits, ServerError> {
        let preset = self.preset.unwrap_or(if is_dev { Preset::Open } else { Preset::Hosted });
        let base = match preset {
            Preset::Hosted => AppLimits::hosted(),
            Preset::Open => AppLimits::open(),
        };
        let limits = AppLimits { services: self.services, ..self.limits.over(base)? };
        let (least, most) = (limits.channel.lock_ttl_min, limits.channel.lock_ttl_max);
        let advice = "it may not be longer than limits.lock-ttl-max-seconds";
        check("limits.lock-ttl-min-seconds", least, 1..=most, advice)?;
        Ok(limits)
    }

    /// How long messages are kept that are published to be stored.
    ///
    /// # Errors
    /// A setting out of range.
    pub fn history(&self) -> Result<HistoryRules, ServerError> {
        let HistorySettings { days, messages, bytes, rule } = &self.history;
        let check_one = |days, messages| {
            check("history.days", days, 1..=36_500, "between 1 and 36500 days")?;
            let advice = "at most 1000000000 messages, 0 for none";
            check("history.messages", messages, 0..=1_000_000_000, advice)?;
            Ok::<_, ServerError>(Retention { days, messages })
        };
        let bytes_max = bytes.unwrap_or(match self.store {
            StoreKind::Disk => HistoryRules::default().bytes_max,
            StoreKind::Memory => 256 * 1_024 * 1_024,
        });
        check("history.bytes", bytes_max, 0..=1 << 50, "at most 1125899906842624 bytes")?;
        let rules = rule.iter().map(|rule| {
            let retention = check_one(rule.days, rule.messages)?;
            let kind = rule.kind.map(|kind| match kind {
                HistoryKind::Message => ChannelKind::Message,
                HistoryKind::User => ChannelKind::User,
            });
            Ok::<_, ServerError>(HistoryRule { pattern: rule.pattern.clone(), kind, retention })
        });
        let rules = rules.collect::<Result<_, _>>()?;
        Ok(HistoryRules { rules, otherwise: check_one(*days, *messages)?, bytes_max })
    }

    /// Settings of sessions.
    ///
    /// # Errors
    /// A setting out of range.
    pub fn session(&self) -> Result<Config, ServerError> {
        let SessionSettings { sessions_max, idle_timeout_seconds, queue_bytes, queue_messages } =
            self.session;
        check("session.sessions-max", sessions_max, 1..=10_000_000, "between 1 and 10000000")?;
        let advice = "between 5 and 3600 seconds";
        check("session.idle-timeout-seconds", idle_timeout_seconds, 5..=3_600, advice)?;
        let advice = "between 131072 and 1073741824 bytes";
        check("session.queue-bytes", queue_bytes, 131_072..=1 << 30, advice)?;
        check("session.queue-messages", queue_messages, 64..=1_000_000, "between 64 and 1000000")?;
        Ok(Config::server()
            .sessions_max(sessions_max)
            .streams_max(sessions_max.saturating_add(STREAMS_SPARE))
            .idle_timeout(Duration::from_secs(idle_timeout_seconds))
            .send_queue(queue_bytes, queue_messages)
            // 50 channels, and 8 topics in each of 10 stream channels, with room to spare.
            .lanes_max(256))
    }

    /// How tickets are made: with keys that come from the server's own, so that clients can come
    /// back with theirs after a restart.
    ///
    /// # Errors
    /// A setting out of range.
    pub fn tickets(&self, key: &StaticKey) -> Result<TicketConfig, ServerError> {
        let TicketSettings { rotation_seconds, overlap_seconds, generation } = self.tickets;
        let advice = "between 60 and 86400 seconds";
        check("tickets.rotation-seconds", rotation_seconds, 60..=86_400, advice)?;
        let advice = "between 60 and 604800 seconds";
        check("tickets.overlap-seconds", overlap_seconds, 60..=604_800, advice)?;
        Ok(TicketConfig::default()
            .secret(key.ticket_secret(generation))
            .rotation(Duration::from_secs(rotation_seconds))
            .overlap(Duration::from_secs(overlap_seconds)))
    }

    /// The configured apps.
    ///
    /// # Errors
    /// An id or a certificate that is none.
    pub fn access(&self) -> Result<Access, ServerError> {
        let mut access = Access::new();
        for app in &self.app {
            let wrong = |setting, found: &str, advice| {
                Err(ServerError::Setting { setting, found: found.to_owned(), advice })
            };
            let Ok(id) = AppId::new(&app.id) else {
                return wrong("app.id", &app.id, "an app id has 32 hexadecimal digits");
            };
            if app.open == app.certificate.is_some() {
                let advice = "give the app a certificate; or `open = true` instead, which lets \
                              everybody log in as anybody";
                return wrong("app.certificate", "missing, or beside `open`", advice);
            }
            let certificate = match &app.certificate {
                Some(text) => match (Certificate::new(text), rtm_token::AppId::new(&app.id)) {
                    (Ok(certificate), Ok(_)) => Some(certificate),
                    (_, Err(_)) => {
                        let advice = "an app with a certificate has an id of 32 hexadecimal digits";
                        return wrong("app.id", &app.id, advice);
                    }
                    (Err(_), _) => {
                        let advice = "a certificate has 32 hexadecimal digits";
                        return wrong("app.certificate", "something else", advice);
                    }
                },
                None => None,
            };
            access.insert(id.clone(), certificate);
            access.set_join_may_publish(&id, app.join_may_publish);
        }
        Ok(access)
    }

    /// Where to listen.
    #[must_use]
    pub fn listen(&self, is_dev: bool) -> SocketAddr {
        let default = if is_dev { DEFAULT_LISTEN_DEV } else { DEFAULT_LISTEN };
        self.listen.unwrap_or_else(|| default.parse().expect("a constant address"))
    }
}

fn check<T: PartialOrd + ToString>(
    setting: &'static str,
    value: T,
    range: std::ops::RangeInclusive<T>,
    advice: &'static str,
) -> Result<(), ServerError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(ServerError::Setting { setting, found: value.to_string(), advice })
}

#[cfg(test)]
mod tests;
