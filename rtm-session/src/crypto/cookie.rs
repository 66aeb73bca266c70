//! Cookies that prove an address without memory (protocol §3.3).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rtm_wire::{ConnectionId, Time};

use super::secret::Secret;
use super::seed::{Generator, Seed};
use super::{is_equal, keyed_hash};

/// Length of a cookie in bytes.
const LEN: usize = 24;
/// How long a secret makes cookies; they count for as long again.
const ROTATE: Duration = Duration::from_secs(120);

/// Makes and checks cookies.
#[derive(Debug)]
pub(crate) struct CookieMaker {
    generator: Generator,
    secret: Secret,
    former: Secret,
    rotate_at: Time,
}

impl CookieMaker {
    pub(crate) fn new(seed: Seed) -> Self {
        let mut generator = Generator::new(seed);
        let (secret, former) = (Secret::draw(&mut generator), Secret::draw(&mut generator));
        Self { generator, secret, former, rotate_at: Time::ZERO + ROTATE }
    }

    pub(crate) fn make(&mut self, now: Time, from: SocketAddr, cid: ConnectionId) -> [u8; LEN] {
        self.rotate(now);
        cookie(&self.secret, from, cid)
    }

    pub(crate) fn check(
        &mut self,
        now: Time,
        from: SocketAddr,
        cid: ConnectionId,
        bytes: &[u8],
    ) -> bool {
        self.rotate(now);
        [&self.secret, &self.former]
            .iter()
            .any(|secret| is_equal(&cookie(secret, from, cid), bytes))
    }

    fn rotate(&mut self, now: Time) {
        if now < self.rotate_at {
            return;
        }
        // After a long pause the former secret is too old as well.
        let is_stale = now >= self.rotate_at + ROTATE;
        let fresh = Secret::draw(&mut self.generator);
        self.former = std::mem::replace(&mut self.secret, fresh);
        self.rotate_at += ROTATE;
        if is_stale {
            self.former = Secret::draw(&mut self.generator);
            self.rotate_at = now + ROTATE;
        }
    }
}

fn cookie(secret: &Secret, from: SocketAddr, cid: ConnectionId) -> [u8; LEN] {
    let (v4, v6);
    let address: &[u8] = match from.ip() {
        IpAddr::V4(ip) => {
            v4 = ip.octets();
            &v4
        }
        IpAddr::V6(ip) => {
            v6 = ip.octets();
            &v6
        }
    };
    let hash = keyed_hash(secret, &[b"cookie", address, &from.port().to_be_bytes(), &cid.0]);
    let mut cookie = [0; LEN];
    cookie.copy_from_slice(&hash[..LEN]);
    cookie
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_counts_for_its_address_and_id_and_time() {
        let mut maker = CookieMaker::new(Seed::from_bytes([1; 32]));
        let (here, there) =
            (SocketAddr::from(([1, 2, 3, 4], 5)), SocketAddr::from(([1, 2, 3, 4], 6)));
        let (cid, other) = (ConnectionId([1; 8]), ConnectionId([2; 8]));
        let at = |seconds: u64| Time::from_micros(seconds * 1_000_000);
        let cookie = maker.make(at(100), here, cid);

        for (now, from, cid, wanted) in [
            (100, here, cid, true),
            (100, there, cid, false),
            (100, here, other, false),
            (239, here, cid, true),
            (241, here, cid, false),
        ] {
            assert_eq!(maker.check(at(now), from, cid, &cookie), wanted, "{now} {from}");
        }
        assert!(!maker.check(at(241), here, cid, &[]));
    }
}
