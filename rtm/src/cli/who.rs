//! Who somebody is, where the server is, and how the client behaves.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Who somebody is, and where.
#[derive(Args)]
pub(crate) struct Who {
    /// The user id
    #[arg(long = "as", value_name = "USER")]
    pub(crate) user: String,
    /// The connection string that rtm-server prints
    #[arg(long, env = "RTM_SERVER", value_name = "rtm://HOST:PORT?key=HEX[&tcp=PORT]")]
    pub(crate) server: Option<String>,
    /// A token for the user [default: made with the certificate]
    #[arg(long, env = "RTM_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    #[command(flatten)]
    pub(crate) app: App,
    #[command(flatten)]
    pub(crate) network: Network,
    #[command(flatten)]
    pub(crate) client: Client,
}

#[derive(Args)]
pub(crate) struct App {
    /// The app
    #[arg(long, env = "RTM_APP_ID", value_name = "HEX")]
    pub(crate) app_id: Option<String>,
    /// File with the app's certificate, to make tokens with, or a server's app.json; or set
    /// RTM_CERTIFICATE to the certificate
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate_file: Option<PathBuf>,
}

/// How the server is reached.
#[derive(Args)]
pub(crate) struct Network {
    /// What carries packets [default: tcp-udp]
    #[arg(long, env = "RTM_PROTOCOL", value_enum)]
    pub(crate) protocol: Option<Protocol>,
    /// An HTTP proxy that everything goes through, in TCP
    #[arg(
        long,
        env = "RTM_PROXY",
        hide_env_values = true,
        value_name = "http://[USER:PASSWORD@]HOST:PORT"
    )]
    pub(crate) proxy: Option<String>,
    /// A further host of the server, HOST or HOST:PORT, with the same key; may be repeated
    #[arg(long = "host", value_name = "HOST[:PORT]")]
    pub(crate) hosts: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Protocol {
    /// UDP, and TCP where UDP doesn't pass
    TcpUdp,
    /// TCP, or WebSockets on it; no UDP
    Tcp,
    /// UDP only
    Udp,
}

/// How the client behaves.
#[derive(Args)]
pub(crate) struct Client {
    /// Pause after which the server is pinged, in seconds [default: 5]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) heartbeat: Option<u64>,
    /// How long others aren't told that this client is lost, in seconds [default: 300]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) presence_timeout: Option<u64>,
    /// How long to try to log in, and to come back, in seconds [default: one try; for ever]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) reconnect_timeout: Option<u64>,
    /// Seal messages from end to end, key and salt in hexadecimal digits
    #[arg(
        long,
        env = "RTM_ENCRYPTION",
        hide_env_values = true,
        value_name = "aes-128-gcm|aes-256-gcm:KEY:SALT"
    )]
    pub(crate) encryption: Option<String>,
    /// A log of the client in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) log_file: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Token {
    /// The user that it is for
    #[arg(long = "as", value_name = "USER")]
    pub(crate) user: String,
    /// Also let the user join this stream channel, and publish in its topics; may be repeated
    #[arg(long)]
    pub(crate) channel: Vec<String>,
    /// Also let the user join this stream channel, and listen; may be repeated
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) listen: Vec<String>,
    /// How long it is good for, in seconds, up to a day
    #[arg(long, default_value_t = 3_600, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) expires: u32,
    #[command(flatten)]
    pub(crate) app: App,
    #[command(flatten)]
    pub(crate) rights: Rights,
}

/// Rights to single channels and users. With any of these the user has no others.
#[derive(Args)]
#[command(next_help_heading = "Rights (any of these, and the user has no others)")]
pub(crate) struct Rights {
    /// Read this message channel; `room-*` is all that begin so; may be repeated, as all of these
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) read: Vec<String>,
    /// Publish to this message channel, and change its metadata and locks
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) write: Vec<String>,
    /// Join this stream channel
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) read_stream: Vec<String>,
    /// Publish in this stream channel's topics, and change its metadata and locks
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) write_stream: Vec<String>,
    /// Read this user's metadata, and where it is
    #[arg(long, value_name = "USER")]
    pub(crate) read_user: Vec<String>,
    /// Send messages to this user, and change its metadata
    #[arg(long, value_name = "USER")]
    pub(crate) write_user: Vec<String>,
    /// No rights but those that are listed, though none is
    #[arg(long)]
    pub(crate) no_rights: bool,
}

pub(super) const TOKEN: &str = "Examples:
  rtm token --as alice --channel town
  rtm token --as alice --read 'room-*' --write room-7
  rtm token --as alice --certificate-file ~/.local/share/rtm-server/app.json
  RTM_CERTIFICATE=… rtm token --as alice --app-id … --expires 86400";
