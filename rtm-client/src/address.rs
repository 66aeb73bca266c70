//! Where a server is, and the key by which it is known.

use std::fmt;
use std::str::FromStr;

use rtm_session::PublicKey;

use crate::error::{Error, ErrorKind};

/// A server's host, port and public key: the connection string `rtm://HOST:PORT?key=HEX` that
/// `rtm-server` prints. TCP is at the port number of UDP, unless `&tcp=PORT` follows.
///
/// The host is a name, an IPv4 address, or an IPv6 address in brackets. Whoever has no matching
/// secret key can't pretend to be the server.
///
/// ```
/// use rtm_client::ServerAddress;
///
/// let text = format!("rtm://[::1]:7700?key={}", "a0".repeat(32));
/// let address: ServerAddress = text.parse()?;
/// assert_eq!((address.host(), address.port(), address.key()), ("::1", 7700, [0xa0; 32]));
/// assert_eq!(address.to_string(), text);
/// # Ok::<(), rtm_client::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    host: String,
    port: u16,
    /// Of TCP, if that is another one.
    tcp_port: Option<u16>,
    key: PublicKey,
}

impl ServerAddress {
    /// An address from its parts. An IPv6 address stands without brackets here.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidAddress`]: an empty host or one with spaces or `/?#[]@`, or port 0.
    pub fn new(host: impl Into<String>, port: u16, key: [u8; 32]) -> Result<Self, Error> {
        let host = host.into();
        if host.is_empty() {
            return Err(invalid("the server address has no host"));
        }
        if let Some(bad) = host.chars().find(|c| c.is_whitespace() || "/?#[]@".contains(*c)) {
            return Err(invalid(format!("the server's host contains {bad:?}")));
        }
        if port == 0 {
            return Err(invalid("the server's port is 0"));
        }
        Ok(Self { host, port, tcp_port: None, key: PublicKey::from_bytes(key) })
    }

    /// The same server, with TCP at another port than UDP.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidAddress`]: port 0.
    pub fn with_tcp_port(mut self, port: u16) -> Result<Self, Error> {
        if port == 0 {
            return Err(invalid("the server's TCP port is 0"));
        }
        self.tcp_port = Some(port).filter(|port| *port != self.port);
        Ok(self)
    }

    /// The TCP port.
    #[must_use]
    pub fn tcp_port(&self) -> u16 {
        self.tcp_port.unwrap_or(self.port)
    }

    /// The host, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The UDP port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The server's public key.
    #[must_use]
    pub const fn key(&self) -> [u8; 32] {
        *self.key.as_bytes()
    }

    pub(crate) const fn public_key(&self) -> PublicKey {
        self.key
    }

    /// The same server at another place: `HOST` or `HOST:PORT`, with IPv6 addresses in brackets.
    pub(crate) fn with_host(&self, place: &str) -> Result<Self, Error> {
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, Some(port_number(port)?))
            }
            _ => (place, None),
        };
        let host = match host.strip_prefix('[').map(|host| host.strip_suffix(']')) {
            Some(Some(host)) => host,
            Some(None) => return Err(invalid(format!("the host {place:?} has [ without ]"))),
            None if host.contains(':') => {
                return Err(invalid(format!("{place:?}: IPv6 addresses stand in brackets")));
            }
            None => host,
        };
        let mut address = Self::new(host, port.unwrap_or(self.port), self.key())?;
        // A port of its own is that of TCP, too.
        address.tcp_port = self.tcp_port.filter(|_| port.is_none());
        Ok(address)
    }

    /// Host and port, for error texts.
    pub(crate) fn place(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rtm://{}?key={}", self.place(), self.key)?;
        self.tcp_port.map_or(Ok(()), |port| write!(f, "&tcp={port}"))
    }
}

impl FromStr for ServerAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let rest = text
            .strip_prefix("rtm://")
            .ok_or_else(|| invalid("the server address doesn't begin with rtm://"))?;
        let (place, query) =
            rest.split_once('?').ok_or_else(|| invalid("the server address has no ?key=…"))?;
        let key = query.strip_prefix("key=").ok_or_else(|| {
            invalid("the server address has something else than key= after the ?")
        })?;
        let (key, tcp_port) = match key.split_once('&') {
            Some((key, more)) => {
                let port = more.strip_prefix("tcp=").ok_or_else(|| {
                    invalid("the server address has something else than tcp= after the &")
                })?;
                (key, Some(port_number(port)?))
            }
            None => (key, None),
        };
        let key: PublicKey = key.parse().map_err(|error| {
            let wrong = format!("the key in the server address is unusable: {error}");
            Error::with_source(ErrorKind::InvalidAddress, wrong, error)
        })?;
        let (host, port) = place
            .trim_end_matches('/')
            .rsplit_once(':')
            .ok_or_else(|| invalid("the server address has no port"))?;
        let host = match host.strip_prefix('[').map(|host| host.strip_suffix(']')) {
            Some(Some(host)) => host,
            Some(None) => return Err(invalid("the server's host has [ without ]")),
            None if host.contains(':') => {
                return Err(invalid("an IPv6 address must stand in brackets, as in [::1]:7700"));
            }
            None => host,
        };
        let address = Self::new(host, port_number(port)?, *key.as_bytes())?;
        match tcp_port {
            Some(port) => address.with_tcp_port(port),
            None => Ok(address),
        }
    }
}

fn port_number(text: &str) -> Result<u16, Error> {
    text.parse()
        .map_err(|_| invalid(format!("the server's port {text:?} is no number up to 65535")))
}

fn invalid(wrong: impl Into<String>) -> Error {
    Error::of(ErrorKind::InvalidAddress, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn connection_strings_survive_a_round_trip() {
        for place in ["localhost:7700", "10.0.0.1:1", "[::1]:65535", "[fe80::1%eth0]:7", "a-b.c:9"]
        {
            let text = format!("rtm://{place}?key={KEY}");
            let address: ServerAddress = text.parse().expect(place);
            assert_eq!(address.to_string(), text);
            assert_eq!(address.tcp_port(), address.port());
        }
        let text = format!("rtm://a.b:7700?key={KEY}&tcp=443");
        let address: ServerAddress = text.parse().expect("two ports");
        assert_eq!((address.port(), address.tcp_port()), (7_700, 443));
        assert_eq!(address.to_string(), text);
        assert_eq!(
            address.with_tcp_port(7_700).expect("a port").to_string(),
            text[..text.len() - 8]
        );
    }

    #[test]
    fn further_hosts_are_read_with_and_without_a_port() {
        let text = format!("rtm://a.b:7700?key={KEY}&tcp=443");
        let first: ServerAddress = text.parse().expect("an address");
        for (place, expected) in [
            ("c.d", Some(("c.d", 7_700, 443))),
            ("c.d:1", Some(("c.d", 1, 1))),
            ("10.0.0.1", Some(("10.0.0.1", 7_700, 443))),
            ("[::1]", Some(("::1", 7_700, 443))),
            ("[::1]:9", Some(("::1", 9, 9))),
            ("", None),
            (":9", None),
            ("c.d:0", None),
            ("c.d:65536", None),
            ("c d", None),
            ("::1", None),
            ("[::1", None),
        ] {
            let found = first.with_host(place);
            let parts = found.as_ref().ok().map(|it| (it.host(), it.port(), it.tcp_port()));
            assert_eq!(parts, expected, "{place}: {found:?}");
            if let Err(error) = found {
                assert_eq!(error.code(), -10_024, "{place}");
            }
        }
    }

    #[test]
    fn bad_connection_strings_say_what_is_wrong() {
        let cases = [
            ("", "rtm://"),
            ("http://a:1?key=00", "rtm://"),
            ("rtm://a:1", "no ?key="),
            ("rtm://a:1?name=x", "something else"),
            ("rtm://a:1?key=00", "64 hexadecimal digits"),
            ("rtm://a?key=KEY", "no port"),
            ("rtm://:7700?key=KEY", "no host"),
            ("rtm://a:0?key=KEY", "port is 0"),
            ("rtm://a:70000?key=KEY", "70000"),
            ("rtm://::1:7700?key=KEY", "brackets"),
            ("rtm://[::1:7700?key=KEY", "[ without ]"),
            ("rtm://a b:7700?key=KEY", "' '"),
            ("rtm://a:1?key=KEY&udp=2", "tcp="),
            ("rtm://a:1?key=KEY&tcp=", "\"\""),
            ("rtm://a:1?key=KEY&tcp=0", "TCP port is 0"),
            ("rtm://a:1?key=KEY&tcp=2&tcp=3", "2&tcp=3"),
        ];
        for (text, wrong) in cases {
            let error = text.replace("KEY", KEY).parse::<ServerAddress>().expect_err(text);
            assert_eq!(error.kind(), ErrorKind::InvalidAddress, "{text}");
            assert!(error.to_string().contains(wrong), "{text}: {error}");
        }
    }
}
