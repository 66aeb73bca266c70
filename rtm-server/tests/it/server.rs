//! The server's core as a node of a simulated network.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use rtm_channel::{AppId, UserId};
use rtm_server::{
    Access, AppLimits, Change, CoreConfig, HistoryRules, MemoryStore, Query, QueryId, ServerCore,
    Status, Store,
};
use rtm_session::driver::Moment;
use rtm_session::{Config, PublicKey, Remote, Seed, StaticKey};
use rtm_sim::Node;
use rtm_token::{Certificate, Service, Token};
use rtm_wire::{Epoch, Time, UnixTime};

/// An app without tokens.
pub(crate) const OPEN_APP: &str = "open";
/// An app with tokens.
pub(crate) const APP: &str = "970CA35de60c44645bbae8a215061b33";
pub(crate) const CERTIFICATE: &str = "5CFd2fd1755d40ecb72977518be15d3b";

/// The wall clock when the simulation begins, in seconds.
pub(crate) const BEGIN: u32 = 1_795_000_000;

pub(crate) struct Server {
    pub(crate) core: ServerCore,
    disk: Disk,
    /// All bytes that have come and gone, if they are noted.
    pub(crate) wire: Option<Vec<u8>>,
}

/// A disk whose commits take their time, and are lost with the server if it dies meanwhile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    pub(crate) store: MemoryStore,
    /// How long a commit takes.
    pub(crate) delay: Duration,
    /// How long a read takes.
    pub(crate) read_delay: Duration,
    reads: Vec<(Time, QueryId, Query)>,
    /// What the next life keeps.
    pub(crate) rules: HistoryRules,
    under_way: Option<(Time, Vec<Change>)>,
}

impl Disk {
    pub(crate) fn history_bytes(&self) -> u64 {
        self.store.history_bytes()
    }

    /// After a crash: what was under way is there as a whole, or not at all.
    pub(crate) fn after_crash(mut self, is_there: bool) -> Self {
        self.reads.clear();
        if let Some((_, changes)) = self.under_way.take().filter(|_| is_there) {
            self.store.commit(&changes).unwrap();
        }
        self
    }
}

impl Server {
    /// The server's life with this number; what the disk has is left of those before.
    pub(crate) fn new(
        now: Time,
        epoch: u64,
        limits: AppLimits,
        session: Config,
        mut disk: Disk,
    ) -> Self {
        let certificate = Certificate::new(CERTIFICATE).unwrap();
        let mut access = Access::new();
        access.insert(AppId::new(OPEN_APP).unwrap(), None);
        access.insert(AppId::new(APP).unwrap(), Some(certificate));
        let mut seed = [77; 32];
        seed[..8].copy_from_slice(&epoch.to_be_bytes());
        let (key, seed) = (key(), Seed::from_bytes(seed));
        let (epoch, history) = (Epoch(epoch), disk.rules.clone());
        let config = CoreConfig { session, key, seed, epoch, access, limits, history };
        let mut core = ServerCore::new(config);
        let bytes = disk.store.history_bytes();
        core.restore(moment(now), bytes, disk.store.load().unwrap());
        Self { core, disk, wire: None }
    }

    /// What is left of it when it dies.
    pub(crate) fn disk(&self) -> Disk {
        self.disk.clone()
    }

    pub(crate) fn set_read_delay(&mut self, delay: Duration) {
        self.disk.read_delay = delay;
    }

    pub(crate) fn set_disk_delay(&mut self, delay: Duration) {
        self.disk.delay = delay;
    }

    /// Does what a driver does about commits.
    fn drive(&mut self, now: Time) {
        loop {
            while let Some((id, query)) = self.core.poll_query() {
                self.disk.reads.push((now + self.disk.read_delay, id, query));
            }
            while let Some(at) = self.disk.reads.iter().position(|(due, ..)| *due <= now) {
                let (_, id, query) = self.disk.reads.remove(at);
                let found = self.disk.store.find(&query).unwrap();
                self.core.handle_found(moment(now), id, found);
            }
            if let Some((due, _)) = self.disk.under_way {
                if due > now {
                    return;
                }
                let (_, changes) = self.disk.under_way.take().unwrap();
                self.disk.store.commit(&changes).unwrap();
                let bytes = self.disk.store.history_bytes();
                self.core.handle_committed(moment(now), bytes);
            }
            let Some(changes) = self.core.poll_commit() else { return };
            self.disk.under_way = Some((now + self.disk.delay, changes));
        }
    }

    pub(crate) fn status(&self) -> Status {
        self.core.status()
    }

    pub(crate) fn set_banned(&mut self, now: Time, app: AppId, user: UserId, is_banned: bool) {
        self.core.set_banned(moment(now), app, user, is_banned);
        self.drive(now);
    }

    pub(crate) fn shut_down(&mut self, now: Time) {
        self.core.shut_down(moment(now));
        self.drive(now);
    }
}

impl Node for Server {
    fn handle_datagram(&mut self, now: Time, from: SocketAddr, datagram: BytesMut) {
        if let Some(wire) = &mut self.wire {
            wire.extend_from_slice(&datagram);
        }
        self.core.handle_datagram(moment(now), from, datagram);
        self.drive(now);
    }

    fn handle_timeout(&mut self, now: Time) {
        if self.core.poll_timeout().is_some_and(|due| due <= now) {
            self.core.handle_timeout(moment(now));
        }
        self.drive(now);
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<SocketAddr> {
        let to = self.core.poll_transmit(now, datagram).map(Remote::addr);
        if let (Some(wire), Some(_)) = (&mut self.wire, to) {
            wire.extend_from_slice(datagram);
        }
        to
    }

    fn poll_timeout(&self) -> Option<Time> {
        let kept = self.disk.under_way.as_ref().map(|(due, _)| *due);
        let read = self.disk.reads.iter().map(|(due, ..)| *due).min();
        [self.core.poll_timeout(), kept, read].into_iter().flatten().min()
    }
}

pub(crate) fn public_key() -> PublicKey {
    key().public()
}

/// A token of [`APP`], made at [`BEGIN`].
pub(crate) fn token(expires_in: u32, service: Service) -> String {
    sign(APP, CERTIFICATE, BEGIN, expires_in, vec![service])
}

pub(crate) fn sign(
    app: &str,
    certificate: &str,
    issued_at: u32,
    expires_in: u32,
    services: Vec<Service>,
) -> String {
    let app_id = rtm_token::AppId::new(app).unwrap();
    let token = Token { app_id, issued_at, expires_in, salt: 1, services };
    token.sign(&Certificate::new(certificate).unwrap())
}

fn key() -> StaticKey {
    StaticKey::from_bytes([42; 32])
}

fn moment(now: Time) -> Moment {
    let wall = u64::from(BEGIN) * 1_000 + now.as_micros() / 1_000;
    Moment { now, wall: UnixTime::from_millis(wall) }
}
