//! Server, app and token: from flags and environment, else from the context file of a development
//! server.

use std::path::Path;
use std::time::Duration;

use rtm_client::{
    ClientBuilder, Encryption, EncryptionMode, LogConfig, PrivateConfig, ProtocolType, Proxy,
    RtmClient, ServerAddress,
};
use rtm_context::{Context, ContextError};
use rtm_token::{AppId, Certificate, Service, Token};
use serde::Deserialize;

use crate::cli::{App, Client, Protocol, Who};
use crate::failure::{Exit, Failure};

/// How long tokens are good for that a command makes for itself: as long as there can be.
const OWN_TOKEN_SECONDS: u32 = 86_400;

/// What makes tokens of an app.
pub(crate) struct Mint {
    app_id: AppId,
    certificate: Certificate,
}

impl Mint {
    /// The app and its certificate.
    pub(crate) fn find(app: &App) -> Result<Self, Failure> {
        let context = context()?;
        let app_id = app_id(app, context.as_ref())?;
        let certificate = certificate(app, &app_id, context.as_ref())?.ok_or_else(|| {
            let text = "there is no certificate to make a token with: name its file with \
                        --certificate-file, or set RTM_CERTIFICATE";
            Failure::new(Exit::Usage, text)
        })?;
        Self::new(&app_id, &certificate)
    }

    fn new(app_id: &str, certificate: &str) -> Result<Self, Failure> {
        let app_id = AppId::new(app_id).map_err(usage)?;
        let certificate = Certificate::new(certificate.trim()).map_err(usage)?;
        Ok(Self { app_id, certificate })
    }

    /// A token with these services.
    pub(crate) fn token(&self, services: Vec<Service>, seconds: u32) -> Result<String, Failure> {
        let token = Token {
            app_id: self.app_id.clone(),
            issued_at: now_seconds(),
            expires_in: seconds,
            salt: salt()?,
            services,
        };
        Ok(token.sign(&self.certificate))
    }
}

/// A client that is not logged in yet, and the token that it has.
pub(crate) struct Connection {
    pub(crate) client: RtmClient,
    /// Also for joining stream channels.
    pub(crate) token: String,
}

impl Connection {
    /// Who and where, for a command that joins these stream channels.
    pub(crate) fn find(who: &Who, channels: &[String]) -> Result<Self, Failure> {
        let context = context()?.filter(|context| is_of(context, who.server.as_deref()));
        let server = match (&who.server, &context) {
            (Some(server), _) => server.clone(),
            (None, Some(context)) => context.server.clone(),
            (None, None) => {
                let text = "no server is named, and there is no context file of a development \
                            server: start `rtm-server --dev`, or name one with --server";
                return Err(Failure::new(Exit::Usage, text));
            }
        };
        let server: ServerAddress = server.parse()?;
        let app_id = app_id(&who.app, context.as_ref())?;
        let certificate = certificate(&who.app, &app_id, context.as_ref())?;
        let token = match (&who.token, certificate) {
            (Some(token), _) => token.clone(),
            (None, Some(certificate)) => {
                let (user, seconds) = (&who.user, OWN_TOKEN_SECONDS);
                let mut services = vec![Service::rtm(user, seconds)];
                services.extend(channels.iter().map(|it| Service::rtc(it, user, seconds)));
                Mint::new(&app_id, &certificate)?.token(services, seconds)?
            }
            // For apps that want none; others say that they do.
            (None, None) => String::new(),
        };
        let mut builder = RtmClient::builder(app_id, who.user.clone()).server(server).token(&token);
        if let Some(protocol) = who.network.protocol {
            builder = builder.protocol_type(match protocol {
                Protocol::TcpUdp => ProtocolType::TcpUdp,
                Protocol::Tcp => ProtocolType::TcpOnly,
                Protocol::Udp => ProtocolType::UdpOnly,
            });
        }
        if let Some(proxy_text) = &who.network.proxy {
            builder = builder.proxy(proxy(proxy_text)?);
        }
        if !who.network.hosts.is_empty() {
            let hosts = who.network.hosts.clone();
            builder = builder.private_config(PrivateConfig::new().access_point_hosts(hosts));
        }
        builder = configured(builder, &who.client)?;
        Ok(Self { client: builder.build()?, token })
    }
}

/// What was asked for; the rest keeps its defaults.
fn configured(mut builder: ClientBuilder, asked: &Client) -> Result<ClientBuilder, Failure> {
    if let Some(seconds) = asked.heartbeat {
        builder = builder.heartbeat_interval(Duration::from_secs(seconds));
    }
    if let Some(seconds) = asked.presence_timeout {
        builder = builder.presence_timeout(Duration::from_secs(seconds));
    }
    if let Some(seconds) = asked.reconnect_timeout {
        builder = builder.reconnect_timeout(Some(Duration::from_secs(seconds)));
    }
    if let Some(text) = &asked.encryption {
        builder = builder.encryption(encryption(text)?);
    }
    if let Some(path) = &asked.log_file {
        builder = builder.log_config(LogConfig::new(path));
    }
    Ok(builder)
}

/// `aes-128-gcm:KEY:SALT` or `aes-256-gcm:KEY:SALT`. What is wrong is told without the key.
fn encryption(text: &str) -> Result<Encryption, Failure> {
    let wrong = || {
        usage(
            "the encryption is to be named as aes-128-gcm:KEY:SALT or aes-256-gcm:KEY:SALT, with \
             key and salt in hexadecimal digits",
        )
    };
    let mut parts = text.split(':');
    let (mode, key, salt) = (parts.next(), parts.next(), parts.next());
    let mode = match mode {
        Some("aes-128-gcm") => EncryptionMode::Aes128Gcm,
        Some("aes-256-gcm") => EncryptionMode::Aes256Gcm,
        _ => return Err(wrong()),
    };
    let bytes = |digits: Option<&str>| {
        let digits = digits.filter(|it| it.is_ascii() && it.len() % 2 == 0).ok_or_else(wrong)?;
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| wrong());
        (0..digits.len()).step_by(2).map(byte).collect::<Result<Vec<u8>, Failure>>()
    };
    let (key, salt) = (bytes(key)?, bytes(salt)?);
    match parts.next() {
        Some(_) => Err(wrong()),
        None => Ok(Encryption::new(mode, key, salt)),
    }
}

/// `http://[USER:PASSWORD@]HOST:PORT`. What is wrong is told without the password.
fn proxy(text: &str) -> Result<Proxy, Failure> {
    let wrong = || usage("the proxy is to be named as http://[USER:PASSWORD@]HOST:PORT");
    let rest = text.strip_prefix("http://").ok_or_else(wrong)?;
    let rest = rest.trim_end_matches('/');
    let (account, place) = match rest.rsplit_once('@') {
        Some((account, place)) => (Some(account.split_once(':').ok_or_else(wrong)?), place),
        None => (None, rest),
    };
    let (host, port) = place.rsplit_once(':').ok_or_else(wrong)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port: u16 = port.parse().map_err(|_| wrong())?;
    if host.is_empty() || port == 0 {
        return Err(wrong());
    }
    let proxy = Proxy::http(host, port);
    Ok(match account {
        Some((account, password)) => proxy.account(account, password),
        None => proxy,
    })
}

fn context() -> Result<Option<Context>, Failure> {
    let path = match Context::path() {
        Ok(path) => path,
        Err(ContextError::NoPlace) => return Ok(None),
        Err(error) => return Err(usage(error)),
    };
    match Context::read(&path) {
        Ok(context) => Ok(Some(context)),
        Err(ContextError::Missing { .. }) => Ok(None),
        Err(error) => Err(usage(error)),
    }
}

/// Whether a context is about this server: it has the same key, or none is named.
fn is_of(context: &Context, server: Option<&str>) -> bool {
    let key = |text: &str| {
        let (_, rest) = text.split_once("?key=")?;
        rest.split('&').next().map(str::to_owned)
    };
    server.is_none_or(|server| key(server) == key(&context.server))
}

/// From the flag or the environment, the certificate file, or the context.
fn app_id(app: &App, context: Option<&Context>) -> Result<String, Failure> {
    if let Some(app_id) = &app.app_id {
        return Ok(app_id.clone());
    }
    if let Some(path) = &app.certificate_file {
        if let Some(app_id) = CertificateFile::read(path)?.app_id {
            return Ok(app_id);
        }
    }
    context.map(|context| context.app_id.clone()).ok_or_else(|| {
        let text = "no app is named: use --app-id, or set RTM_APP_ID";
        Failure::new(Exit::Usage, text)
    })
}

/// From the file, the environment, or the context if that is about the same app.
fn certificate(
    app: &App,
    app_id: &str,
    context: Option<&Context>,
) -> Result<Option<String>, Failure> {
    if let Some(path) = &app.certificate_file {
        return CertificateFile::read(path).map(|file| Some(file.certificate));
    }
    if let Ok(certificate) = std::env::var("RTM_CERTIFICATE") {
        return Ok(Some(certificate));
    }
    let context = context.filter(|context| context.app_id == app_id);
    Ok(context.map(|context| context.certificate.clone()))
}

/// What `--certificate-file` names: the certificate alone, or the app file of a server, which
/// says the app, too.
#[derive(Deserialize)]
struct CertificateFile {
    app_id: Option<String>,
    certificate: String,
}

impl CertificateFile {
    fn read(path: &Path) -> Result<Self, Failure> {
        let wrong = |error: &dyn std::fmt::Display| {
            let text = format!("the certificate file {} cannot be read: {error}", path.display());
            Failure::new(Exit::Usage, text)
        };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(&text).map_err(|error| wrong(&error));
        }
        Ok(Self { app_id: None, certificate: text.trim().to_owned() })
    }
}

fn usage(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Usage, error.to_string())
}

fn now_seconds() -> u32 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| u32::try_from(since.as_secs()).unwrap_or(u32::MAX))
}

/// From 1 to 99,999,999.
fn salt() -> Result<u32, Failure> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::new(Exit::Failed, format!("the system gives no randomness: {error}"))
    })?;
    Ok(u32::from_le_bytes(bytes) % 99_999_999 + 1)
}

#[cfg(test)]
mod tests {
    use super::salt;

    #[test]
    fn a_salt_lies_between_1_and_99_999_999() {
        let drawn: Vec<_> = (0..1_000).map(|_| salt().expect("randomness")).collect();
        assert!(drawn.iter().all(|it| (1..=99_999_999).contains(it)));
        assert!(drawn.iter().any(|it| *it > 50_000_000) && drawn[0] != drawn[1]);
    }
}
