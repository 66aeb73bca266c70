//! What a deployment of one's own has (RTM 2.x: `privateConfig`).

use std::ops::BitOr;

use crate::address::ServerAddress;
use crate::error::{Error, ErrorKind};

/// Most further hosts of a server.
const HOSTS_MAX: usize = 16;

/// Services of a deployment (RTM 2.x: `serviceType`), as a set.
///
/// ```
/// use rtm_client::ServiceType;
///
/// let both = ServiceType::MESSAGE | ServiceType::STREAM;
/// assert_eq!(both.number(), 3);
/// assert!(both.has(ServiceType::STREAM) && ServiceType::NONE.has(ServiceType::STREAM));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServiceType(u8);

impl ServiceType {
    /// None is named, which means all. The default.
    pub const NONE: Self = Self(0);
    /// Message and user channels.
    pub const MESSAGE: Self = Self(1);
    /// Stream channels.
    pub const STREAM: Self = Self(2);

    /// The number that RTM 2.x gives it.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Whether `service` is deployed.
    #[must_use]
    pub const fn has(self, service: Self) -> bool {
        self.0 == 0 || self.0 & service.0 == service.0
    }
}

impl BitOr for ServiceType {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Where a domain mode, or hosts for uploads and origins, would go: settings of RTM 2.x for the
/// web, which mean nothing here. To be refused with a good reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WebSetting {
    EventUploadHosts,
    LogUploadHosts,
    OriginDomains,
    DomainMode,
}

/// What a deployment of one's own has. Default: all services, one host.
///
/// ```
/// use rtm_client::{PrivateConfig, ServiceType};
///
/// let config = PrivateConfig::new()
///     .service_type(ServiceType::MESSAGE | ServiceType::STREAM)
///     .access_point_hosts(["rtm-2.example"]);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "settings do nothing until they are handed over"]
pub struct PrivateConfig {
    services: ServiceType,
    hosts: Vec<String>,
    web: Option<WebSetting>,
}

impl PrivateConfig {
    /// All services, one host.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which services are there; calls of others answer
    /// [`Unsupported`](crate::ErrorKind::Unsupported) without asking the server. Default: all.
    pub const fn service_type(mut self, services: ServiceType) -> Self {
        self.services = services;
        self
    }

    /// Further hosts of the server, up to 16, besides that of its address: `HOST` or `HOST:PORT`,
    /// as in connection strings. They are ways to one and the same server, with one key: servers
    /// that know nothing of each other have other users in their channels, and other positions.
    /// Attempts to log in, and to come back, go from one to the next, each for the login timeout; a
    /// port counts for UDP and TCP. Default: none.
    pub fn access_point_hosts<S: Into<String>>(
        mut self,
        hosts: impl IntoIterator<Item = S>,
    ) -> Self {
        self.hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// Nothing is uploaded anywhere: any host is [`Unsupported`](crate::ErrorKind::Unsupported).
    pub fn event_upload_hosts<S>(self, hosts: impl IntoIterator<Item = S>) -> Self {
        self.web(hosts.into_iter().next().is_some(), WebSetting::EventUploadHosts)
    }

    /// Nothing is uploaded anywhere: any host is [`Unsupported`](crate::ErrorKind::Unsupported).
    pub fn log_upload_hosts<S>(self, hosts: impl IntoIterator<Item = S>) -> Self {
        self.web(hosts.into_iter().next().is_some(), WebSetting::LogUploadHosts)
    }

    /// A client that is no web page has no origin: any domain is
    /// [`Unsupported`](crate::ErrorKind::Unsupported).
    pub fn origin_domains<S>(self, domains: impl IntoIterator<Item = S>) -> Self {
        self.web(domains.into_iter().next().is_some(), WebSetting::OriginDomains)
    }

    /// Domains are what the server's address says: any mode is
    /// [`Unsupported`](crate::ErrorKind::Unsupported).
    pub fn domain_mode(self, _: u8) -> Self {
        self.web(true, WebSetting::DomainMode)
    }

    fn web(mut self, is_given: bool, setting: WebSetting) -> Self {
        if is_given {
            self.web = Some(setting);
        }
        self
    }

    pub(crate) const fn services(&self) -> ServiceType {
        self.services
    }

    /// The name of a setting that means nothing here, and why.
    pub(crate) fn unsupported(&self) -> Option<(&'static str, &'static str)> {
        self.web.map(|setting| match setting {
            WebSetting::EventUploadHosts => ("event_upload_hosts", "nothing is uploaded"),
            WebSetting::LogUploadHosts => ("log_upload_hosts", "nothing is uploaded"),
            WebSetting::OriginDomains => ("origin_domains", "only web pages have an origin"),
            WebSetting::DomainMode => ("domain_mode", "the server's address says its domain"),
        })
    }

    /// The server's addresses: `first`, and those of the further hosts.
    pub(crate) fn servers(&self, first: &ServerAddress) -> Result<Vec<ServerAddress>, Error> {
        if self.hosts.len() > HOSTS_MAX {
            let count = self.hosts.len();
            let wrong = format!("access_point_hosts has {count} hosts, above {HOSTS_MAX}");
            return Err(Error::of(ErrorKind::InvalidAddress, wrong));
        }
        let further = self.hosts.iter().map(|host| first.with_host(host));
        std::iter::once(Ok(first.clone())).chain(further).collect()
    }
}
