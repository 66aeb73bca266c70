//! Logs, to standard error.

use std::io::{self, IsTerminal};

use rtm_server::{LogFormat, ServerError};
use tracing_subscriber::EnvFilter;

/// Logs from now on what `RTM_LOG`, else `filter`, else "info" says.
///
/// # Errors
/// A filter that is none.
pub(crate) fn begin(filter: Option<&str>, format: LogFormat) -> Result<(), ServerError> {
    let from_environment = std::env::var("RTM_LOG").ok();
    let text = from_environment.as_deref().or(filter).unwrap_or("info");
    let filter = EnvFilter::try_new(text).map_err(|_| ServerError::Setting {
        setting: "log",
        found: format!("{text:?}"),
        advice: "use error, warn, info, debug or trace, or a filter such as info,rtm_server=debug",
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    Ok(())
}
