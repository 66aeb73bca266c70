//! Address rewriting: where a node lives and where others see it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Outside addresses of the nodes that have one other than their own.
///
/// The two maps are inverse to each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nat {
    outside_of: BTreeMap<SocketAddr, SocketAddr>,
    inside_of: BTreeMap<SocketAddr, SocketAddr>,
}

impl Nat {
    /// From now on the world sees node `inside` as `outside`; its former outside address is dead.
    pub(crate) fn rebind(&mut self, inside: SocketAddr, outside: SocketAddr) {
        if let Some(former) = self.outside_of.remove(&inside) {
            self.inside_of.remove(&former);
        }
        if let Some(robbed) = self.inside_of.remove(&outside) {
            self.outside_of.remove(&robbed);
        }
        if inside != outside {
            self.outside_of.insert(inside, outside);
            self.inside_of.insert(outside, inside);
        }
    }

    /// Who is seen as `address`: itself, unless a rebinding says otherwise.
    pub(crate) fn owner(&self, address: SocketAddr) -> SocketAddr {
        self.inside_of.get(&address).copied().unwrap_or(address)
    }

    /// The address as which others see `inside`.
    pub(crate) fn outside(&self, inside: SocketAddr) -> SocketAddr {
        self.outside_of.get(&inside).copied().unwrap_or(inside)
    }

    /// The node that a datagram to `address` reaches, if any.
    pub(crate) fn reached(&self, address: SocketAddr) -> Option<SocketAddr> {
        match self.inside_of.get(&address) {
            Some(inside) => Some(*inside),
            None if self.outside_of.contains_key(&address) => None,
            None => Some(address),
        }
    }
}
