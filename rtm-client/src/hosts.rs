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
        let (mut answers, mut wrong) = (Vec::new(), None);
        // All at a time, so that a name whose servers are silent delays no other.
        let lookups: Vec<_> = self.servers.iter().enumerate().map(|it| self.begin(it)).collect();
        for (index, lookup) in lookups.into_iter().enumerate() {
            match lookup.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::HostNotFound))) {
                Ok(found) => answers.push((index, found)),
                Err(error) => wrong = wrong.or(Some(error)),
            }
        }
        self.remember(&answers);
        let addresses: Vec<_> = answers.into_iter().flat_map(|(_, found)| found).collect();
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

    /// Each host's new addresses, in place of its old ones.
    fn remember(&self, answers: &[(usize, Vec<SocketAddr>)]) {
        let mut known = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, server| answers.iter().all(|(index, _)| index != server));
        for (index, found) in answers {
            for &address in found {
                // An address that several names have is the first one's.
                known.entry(address).or_insert(*index);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_first_host_s_that_has_it_and_old_ones_are_forgotten() {
        let server = |host: &str| ServerAddress::new(host, 7_700, [1; 32]).expect("an address");
        let hosts = Hosts::new(["a", "b"].map(server).to_vec(), false);
        let at = |number| SocketAddr::from(([10, 0, 0, number], 7_700));
        hosts.remember(&[(0, vec![at(1)]), (1, vec![at(1), at(2)])]);
        assert_eq!([1, 2].map(|number| hosts.of(at(number))), [0, 1]);
        // The first host has had no answer this time.
        hosts.remember(&[(1, vec![at(3)])]);
        assert_eq!([1, 3].map(|number| hosts.of(at(number))), [0, 1]);
        assert_eq!(hosts.found.lock().expect("nobody has panicked").len(), 2);
        hosts.remember(&[(0, vec![at(4)]), (1, vec![at(1)])]);
        assert_eq!([1, 4].map(|number| hosts.of(at(number))), [1, 0]);
    }
}
