//! The hosts of one server, and the addresses that their names have.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::address::ServerAddress;
use crate::error::{Error, ErrorKind};

/// How long a name is looked up.
const LOOK_UP_MAX: Duration = Duration::from_secs(10);

/// All places of one server, in the order in which they are tried.
#[derive(Debug)]
pub(crate) struct Hosts {
    servers: Vec<ServerAddress>,
    /// Whether a proxy looks names up, and not this machine.
    by_proxy: bool,
    /// Which of the servers an address belongs to.
    found: Mutex<BTreeMap<SocketAddr, usize>>,
}

impl Hosts {
    /// There is one at least.
    pub(crate) fn new(servers: Vec<ServerAddress>, by_proxy: bool) -> Self {
        debug_assert!(!servers.is_empty(), "a client has a server");
        Self { servers, by_proxy, found: Mutex::default() }
    }

    pub(crate) fn servers(&self) -> &[ServerAddress] {
        &self.servers
    }

    /// Whether looking up again could give other addresses.
    pub(crate) fn may_change(&self) -> bool {
        let is_name = |server: &ServerAddress| server.host().parse::<IpAddr>().is_err();
        !self.by_proxy && self.servers.iter().any(is_name)
    }

    /// The addresses of all hosts. A name without any is left out while another has one.
    pub(crate) async fn look_up(&self) -> Result<Vec<SocketAddr>, Error> {
        let (mut addresses, mut wrong) = (Vec::new(), None);
        // All at a time, so that a name whose servers are silent delays no other.
        let lookups: Vec<_> = self.servers.iter().enumerate().map(|it| self.begin(it)).collect();
        for (index, lookup) in lookups.into_iter().enumerate() {
            match lookup.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::HostNotFound))) {
                Ok(found) => {
                    self.remember(&found, index);
                    addresses.extend(found);
                }
                Err(error) => wrong = wrong.or(Some(error)),
            }
        }
        match wrong {
            Some(error) if addresses.is_empty() => Err(error),
            _ => Ok(addresses),
        }
    }

    fn begin(
        &self,
        (index, server): (usize, &ServerAddress),
    ) -> JoinHandle<Result<Vec<SocketAddr>, Error>> {
        let (server, by_proxy) = (server.clone(), self.by_proxy);
        tokio::spawn(async move {
            if by_proxy {
                return Ok(vec![stand_in(&server, index)]);
            }
            let late = |_| {
                let wrong = format!("nobody has told the address of {:?} in time", server.host());
                Error::of(ErrorKind::HostNotFound, wrong)
            };
            timeout(LOOK_UP_MAX, look_up(&server)).await.map_err(late)?
        })
    }

    /// Which server is at this address.
    pub(crate) fn of(&self, address: SocketAddr) -> usize {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.get(&address).copied().unwrap_or_default()
    }

    fn remember(&self, addresses: &[SocketAddr], index: usize) {
        let mut known = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        // An address that several names have is the first one's.
        for &address in addresses {
            known.entry(address).or_insert(index);
        }
    }
}

/// What stands for a name that only the proxy looks up: one for each host.
fn stand_in(server: &ServerAddress, index: usize) -> SocketAddr {
    let number = u8::try_from(index).unwrap_or(u8::MAX);
    let ip = server.host().parse().unwrap_or(Ipv4Addr::new(0, 0, 0, number).into());
    SocketAddr::new(ip, server.port())
}

async fn look_up(server: &ServerAddress) -> Result<Vec<SocketAddr>, Error> {
    let found = tokio::net::lookup_host((server.host(), server.port())).await;
    let addresses: Vec<_> = found
        .map_err(|error| {
            let wrong = format!("the server's host {:?} has no address: {error}", server.host());
            Error::with_source(ErrorKind::HostNotFound, wrong, error)
        })?
        .collect();
    if addresses.is_empty() {
        let wrong = format!("the server's host {:?} has no address", server.host());
        return Err(Error::of(ErrorKind::HostNotFound, wrong));
    }
    Ok(addresses)
}
