//! The configuration file, TOML; `rtm-server.toml` beside the sources documents every option.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::limits::LimitSettings;
use crate::error::ServerError;
use crate::retention::{HistoryRules, Retention};
use crate::services::Services;

/// The configuration file with all options documented, as `--print-config` prints it. It sets
/// nothing: every value in it is the default, commented out.
pub const TEMPLATE: &str = include_str!("../../rtm-server.toml");

/// What a configuration file may say; all of it is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Settings {
    /// Address and port, of UDP and of TCP.
    pub listen: Option<SocketAddr>,
    /// Address and port of TCP, if that is another one.
    pub tcp_listen: Option<SocketAddr>,
    /// Host that clients reach the server by, for the connection string.
    pub public_host: Option<String>,
    /// Folder of key, epoch, own app and store.
    pub data_dir: Option<PathBuf>,
    /// What outlives the server.
    pub store: StoreKind,
    /// How long messages are kept that are published to be stored.
    pub history: HistorySettings,
    /// Which limits to begin with.
    pub preset: Option<Preset>,
    /// Single limits, over those of the preset.
    pub limits: LimitSettings,
    /// Services that there are.
    pub services: Services,
    /// Sessions.
    pub session: SessionSettings,
    /// What clients come back with.
    pub tickets: TicketSettings,
    /// The apps; without any, the server makes one.
    pub app: Vec<AppSettings>,
    /// What is logged: a level, or a filter such as `rtm_server=debug`.
    pub log: Option<String>,
    /// How it is logged.
    pub log_format: Option<LogFormat>,
}

/// Which limits to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Those of hosted RTM 2.x.
    Hosted,
    /// As much as the machine bears.
    Open,
}

/// What outlives the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreKind {
    /// Metadata, locks and messages that wait for users, in the data folder.
    #[default]
    Disk,
    /// Nothing: less to wait for, in tests and measurements.
    Memory,
}

/// How long messages are kept that are published to be stored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct HistorySettings {
    /// Days, where no rule says otherwise.
    pub days: u32,
    /// Messages of each channel and user, where no rule says otherwise; 0 for none.
    pub messages: u64,
    /// Bytes of all of them together; if nothing is said 8 GiB, or 256 MiB in a store in memory.
    pub bytes: Option<u64>,
    /// The first one that fits a channel counts.
    pub rule: Vec<HistoryRuleSettings>,
}

impl Default for HistorySettings {
    fn default() -> Self {
        let HistoryRules { otherwise, .. } = HistoryRules::default();
        let Retention { days, messages } = otherwise;
        Self { days, messages, bytes: None, rule: Vec::new() }
    }
}

/// A rule for the channels whose names fit a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HistoryRuleSettings {
    /// The names; `*` stands for any characters.
    pub pattern: String,
    /// Which kind of channel; both if nothing is said.
    pub kind: Option<HistoryKind>,
    /// Days.
    pub days: u32,
    /// Messages of each channel; 0 for none.
    pub messages: u64,
}

/// What has a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HistoryKind {
    /// Message channels.
    Message,
    /// Users.
    User,
}

/// How logs look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// An object a line.
    Json,
}

/// Settings of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SessionSettings {
    /// Sessions at a time.
    pub sessions_max: usize,
    /// Silence after which a session ends, if its client doesn't ask for less (it does: 40 s, or
    /// its heartbeat and 10 s where that is more).
    pub idle_timeout_seconds: u64,
    /// Bytes that wait for one client on one lane before its session ends.
    pub queue_bytes: usize,
    /// Messages that do.
    pub queue_messages: usize,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            sessions_max: 100_000,
            idle_timeout_seconds: 1_810,
            queue_bytes: 4 * 1_024 * 1_024,
            queue_messages: 32_768,
        }
    }
}

/// Settings of the tickets that clients come back with after an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TicketSettings {
    /// How long a key makes tickets.
    pub rotation_seconds: u64,
    /// How much longer it opens them.
    pub overlap_seconds: u64,
    /// Which secret the keys come from; another number ends all tickets.
    pub generation: u64,
}

impl Default for TicketSettings {
    fn default() -> Self {
        Self { rotation_seconds: 3_600, overlap_seconds: 7_200, generation: 0 }
    }
}

/// An app.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AppSettings {
    /// Its id.
    pub id: String,
    /// What signs its tokens.
    pub certificate: Option<String>,
    /// Whether everybody may log in as anybody, without a token: instead of a certificate.
    #[serde(default)]
    pub open: bool,
    /// Whether the privilege to join a stream channel brings the one to publish in its topics.
    #[serde(default)]
    pub join_may_publish: bool,
}

impl AppSettings {
    /// An app in which everybody may log in as anybody.
    #[must_use]
    pub fn open(id: impl Into<String>) -> Self {
        Self { id: id.into(), certificate: None, open: true, join_may_publish: false }
    }
}

impl std::fmt::Debug for AppSettings {
    /// Hides the certificate.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppSettings").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Settings {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// Unreadable, no TOML, or options that don't exist.
    pub fn read(path: &Path) -> Result<Self, ServerError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ServerError::ConfigFile { path: path.to_owned(), error })?;
        Self::parse(&text).map_err(|error| {
            let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
            let (line, wrong) = (before.matches('\n').count() + 1, error.message().to_owned());
            ServerError::ConfigText { path: path.to_owned(), line, wrong }
        })
    }

    pub(crate) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}
