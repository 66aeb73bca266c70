//! HTTP proxies (RFC 9110 section 9.3.6).

use std::io;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest answer of a proxy, in bytes.
const ANSWER_MAX: usize = 8 * 1_024;
const HEADERS_MAX: usize = 64;

/// A proxy that connects with CONNECT.
#[derive(Clone)]
pub struct HttpProxy {
    host: String,
    port: u16,
    account: Option<(String, String)>,
}

impl std::fmt::Debug for HttpProxy {
    /// Hides the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let account = self.account.as_ref().map(|(account, _)| account);
        let mut shown = f.debug_struct("HttpProxy");
        shown.field("host", &self.host).field("port", &self.port).field("account", &account);
        shown.finish_non_exhaustive()
    }
}

impl HttpProxy {
    /// The proxy at this host, a name or an address, and port.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port, account: None }
    }

    /// Who we are to it (Basic, RFC 7617). Sent readable for everybody on the way to the proxy.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>, password: impl Into<String>) -> Self {
        self.account = Some((account.into(), password.into()));
        self
    }

    /// A connection through the proxy to `target`, `HOST:PORT`.
    pub(super) async fn connect(&self, target: &str) -> io::Result<TcpStream> {
        self.ask(target).await.map_err(|error| {
            let Self { host, port, .. } = self;
            io::Error::new(error.kind(), format!("the HTTP proxy {host}:{port}: {error}"))
        })
    }

    async fn ask(&self, target: &str) -> io::Result<TcpStream> {
        let mut socket = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some((account, password)) = &self.account {
            let credentials = BASE64_STANDARD.encode(format!("{account}:{password}"));
            request += &format!("Proxy-Authorization: Basic {credentials}\r\n");
        }
        request += "\r\n";
        socket.write_all(request.as_bytes()).await?;
        let mut answer = Vec::with_capacity(256);
        loop {
            // Byte by byte: what follows the answer is the server's, and there may be nothing yet.
            answer.push(socket.read_u8().await?);
            if answer.ends_with(b"\r\n\r\n") {
                return judge(&answer).map(|()| socket);
            }
            if answer.len() >= ANSWER_MAX {
                return Err(refused("an answer without end"));
            }
        }
    }
}

fn judge(answer: &[u8]) -> io::Result<()> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(answer).map_err(|error| refused(&error.to_string()))?;
    match (parsed.is_complete(), response.code) {
        (true, Some(200..=299)) => Ok(()),
        (true, Some(407)) => Err(refused("407: it wants an account, or another one")),
        (_, code) => {
            let reason = response.reason.unwrap_or_default();
            Err(refused(&format!("{} {reason}", code.unwrap_or_default())))
        }
    }
}

fn refused(wrong: &str) -> io::Error {
    io::Error::other(format!("answers {wrong}"))
}
