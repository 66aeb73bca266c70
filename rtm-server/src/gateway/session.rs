//! What the gateway keeps of one client's session.

use std::collections::BTreeMap;

use rtm_channel::{AppId, ClientLimits, Identity};
use rtm_session::SessionId;
use rtm_wire::{LaneId, Liveness, Time, UnixTime};

use super::slow::Queues;
use crate::access::Admission;
use crate::owner::LaneKey;
use crate::rights::Rights;

/// A client that is logged in.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) session: SessionId,
    pub(super) app: AppId,
    pub(super) identity: Identity,
    /// When its token ends, and it with it.
    pub(super) expires: Option<Time>,
    /// The same by the wall clock.
    pub(super) token_end: Option<UnixTime>,
    /// When it counts as lost, and as gone.
    pub(super) liveness: Liveness,
    /// What it may do.
    pub(super) rights: Rights,
    /// When it gets a newer ticket.
    pub(super) next_ticket: Time,
    /// How often it may still ask for what.
    pub(super) rates: ClientLimits,
    /// Whether it has said good-bye: for the others it has ended, whatever becomes of its last
    /// packets.
    pub(super) has_left: bool,
    /// Our lanes towards it. The control lane stands in where the client allows no more lanes.
    pub(super) lanes: BTreeMap<LaneKey, LaneId>,
    pub(super) queues: Queues,
}

impl Client {
    pub(super) fn new(
        session: SessionId,
        admission: Admission,
        next_ticket: Time,
        rates: ClientLimits,
    ) -> Self {
        let Admission { app, identity, expires: token_end, liveness, rights } = admission;
        Self {
            session,
            app,
            identity,
            expires: None,
            token_end,
            liveness,
            rights,
            next_ticket,
            rates,
            has_left: false,
            lanes: BTreeMap::new(),
            queues: Queues::default(),
        }
    }
}
