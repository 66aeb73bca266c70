//! How long the rest may take, and which ends have a cause.

use std::time::Duration;

use rtm_session::CloseCause;
use rtm_sim::scenario::{Change, Failure, Quantity, Scenario};
use rtm_wire::CloseCode;

use super::peer::Peer;
use super::ranges::{idle_timeout, keep_alive, lane_bytes_max};

/// How long a client tries.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long everything may take that was asked for, once the network is good for good.
///
/// - A client that has moved, or whose server believes it elsewhere, is found with its next
///   keep-alive; the handshake may begin anew with each attempt until its timeout.
/// - Then probes: they back off to a second, or to one round trip and a little; a lost first probe
///   is not, as nothing is lost any more. Packets that are late count for three. A clock that
///   jumped, or a process that stood still, may have been taken for a long round trip.
/// - Then what is queued: as fast as half the line, or as a window that grows by a packet in each
///   round trip (n round trips carry n²/2 packets) from two packets on, or as a quarter of a lane's
///   credit comes back, each time that its messages are released.
pub(crate) fn patience(scenario: &Scenario, bytes: u64, messages: u64) -> Duration {
    let (up, down) = (scenario.up, scenario.down);
    let one_way = |quantity| u64::from(up.of(quantity)) + u64::from(down.of(quantity));
    let queueing = if up.of(Quantity::Rate) + down.of(Quantity::Rate) > 0 {
        one_way(Quantity::Queue) + 100
    } else {
        0
    };
    let round_trip = one_way(Quantity::Delay) + queueing + 25;
    let packets = bytes / 1_000 + messages;
    let growing = ((2.0 * packets as f64).sqrt() as u64 + 4) * round_trip;
    let slowest = [up, down].map(|way| way.of(Quantity::Rate)).into_iter().filter(|rate| *rate > 0);
    let sending = slowest.min().map_or(0, |kbit| (bytes + 100 * packets) * 8 * 2 / u64::from(kbit));
    let credit = lane_bytes_max(scenario, true).min(lane_bytes_max(scenario, false));
    let holding = (bytes + 32 * messages) * 4 / credit * (scenario.load("hold") + round_trip);
    let jumps = scenario.events.iter().map(|event| match event.change {
        Change::Clock { jump_ms, .. } => u64::from(jump_ms),
        Change::Stall(_) => event.lasts_ms,
        _ => 0,
    });
    let probing = 3 * (1_000 + 3 * round_trip + jumps.max().unwrap_or(0));
    let millis = growing + sending + holding + probing + scenario.load("hold");
    HANDSHAKE_TIMEOUT + keep_alive(scenario) + Duration::from_millis(millis)
}

/// Whether an end that nobody wanted has a cause that is documented and true.
pub(crate) fn check_ending(scenario: &Scenario, own: &Peer, other: &Peer) -> Result<(), Failure> {
    let Some(ending) = &own.ending else { return Ok(()) };
    // A repeated packet is no sign of life for the session, and comes late.
    let late = Duration::from_secs(2);
    let is_true = match &ending.cause {
        CloseCause::IdleTimeout => {
            ending.silence + late >= idle_timeout(scenario) || can_be_deaf(scenario)
        }
        CloseCause::HandshakeTimeout { other_key } => {
            let lasted = ending.silence + Duration::from_millis(1) >= HANDSHAKE_TIMEOUT;
            own.session.is_none() && other_key.is_none() && lasted
                || own.arrived > 0 && can_be_deaf(scenario)
        }
        CloseCause::Reset => !other.is_open(),
        CloseCause::Peer { code, .. } => {
            let said = other.ending.as_ref().map(|ending| &ending.cause);
            matches!(said, Some(CloseCause::Local(said)) if said == code)
        }
        CloseCause::Local(code) => *code == CloseCode::DONE,
        _ => false,
    };
    if is_true {
        return Ok(());
    }
    let detail = format!("{} after {:?} of silence", ending.cause, ending.silence);
    Err(Failure::new("a session ends without cause", detail))
}

/// What has arrived may all have been damaged.
fn can_be_deaf(scenario: &Scenario) -> bool {
    let links = scenario.events.iter().filter_map(|event| match event.change {
        Change::Link(_, link) => Some(link),
        _ => None,
    });
    links.chain([scenario.up, scenario.down]).any(|link| link.of(Quantity::Corrupt) > 0)
}
