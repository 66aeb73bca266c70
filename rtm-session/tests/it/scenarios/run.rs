//! One scenario, from the first datagram to the last timer.

use std::time::Duration;

use rtm_session::{Config, Endpoint, Seed};
use rtm_sim::scenario::{Failure, Play, Scenario};
use rtm_sim::{Livelock, Network, World};
use rtm_wire::{CloseCode, Time};

use super::endings::{check_ending, patience};
use super::limits::check_budget;
use super::peer::Peer;
use super::ranges::{config, idle_timeout, keep_alive};
use crate::pair::{CLIENT, SERVER, server_key};

/// What a run was like that broke no promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Hash over all datagrams.
    pub(crate) trace: u64,
    /// Simulated time.
    pub(crate) millis: u64,
    /// Messages delivered.
    pub(crate) messages: u64,
    /// Whether the session lived until it was closed.
    pub(crate) lived: bool,
}

/// Steps of one node at one instant: a stalled node reads a thousand datagrams at once, and
/// answers.
const STEPS_MAX: u32 = 5_000;
/// What the last messages bring about: late datagrams, probes.
const LATE: Duration = Duration::from_secs(3);
/// What may come after the last word: late datagrams, and what a server remembers of handshakes.
const AFTERMATH: Duration = Duration::from_secs(60);

pub(crate) fn run(scenario: &Scenario) -> Result<Outcome, Failure> {
    let mut network = Network::new(scenario.seed);
    network.record_trace();
    let mut world = World::new(network);
    world.set_steps_max(STEPS_MAX);
    let mut play = Play::new(scenario, &mut world, &[CLIENT], SERVER);
    populate(&mut world, scenario).map_err(spinning)?;

    play.run_until(&mut world, play.end()).map_err(spinning)?;
    faults(&world)?;
    play.finish(&mut world);
    settle(&mut world, scenario)?;
    let lived = both(&world).iter().all(|peer| peer.is_open());
    check_traffic(&world)?;
    if lived {
        rest(&mut world, scenario)?;
    }
    part(&mut world, scenario, lived)?;
    Ok(Outcome {
        trace: world.network().trace_hash().expect("it is recorded"),
        millis: world.now().as_micros() / 1_000,
        messages: both(&world).iter().map(|peer| peer.history.got()).sum(),
        lived,
    })
}

fn populate(world: &mut World<Peer>, scenario: &Scenario) -> Result<(), Livelock> {
    let seed = |salt: u8| {
        let mut bytes = [salt; 32];
        bytes[..8].copy_from_slice(&scenario.seed.to_le_bytes());
        Seed::from_bytes(bytes)
    };
    let near = config(scenario, Config::default(), true);
    let far = config(scenario, Config::server(), false);
    let client = Endpoint::client(near.clone(), seed(1));
    let server = Endpoint::server(far.clone(), server_key(), seed(2));
    world.insert(CLIENT, Peer::new(scenario, client, &near, false))?;
    world.insert(SERVER, Peer::new(scenario, server, &far, true))?;
    let key = server_key().public();
    let connect =
        |peer: &mut Peer, now: Time| peer.endpoint.connect(now, SERVER, &key, b"login").map(drop);
    world.with_node(CLIENT, connect)?.expect("a client may connect");
    Ok(())
}

/// All that was asked for comes about, now that the network is good; or both ends know that it
/// won't.
fn settle(world: &mut World<Peer>, scenario: &Scenario) -> Result<(), Failure> {
    for node in [CLIENT, SERVER] {
        world.with_node(node, |peer, _| peer.app.stop()).map_err(spinning)?;
    }
    let (bytes, messages) = both(world).iter().fold((0, 0), |(bytes, messages), peer| {
        (bytes + peer.history.said_bytes(), messages + peer.history.said())
    });
    let patience = patience(scenario, bytes, messages);
    let is_dead = |world: &World<Peer>| both(world).iter().any(|peer| peer.ending.is_some());
    let deadline = world.now() + patience;
    world.run_until_true(deadline, |world| is_dead(world) || is_done(world)).map_err(spinning)?;
    faults(world)?;
    let [client, server] = both(world);
    let lives = !is_dead(world);
    if lives && !is_done(world) {
        // Something wrong may be why it is never right.
        client.history.check(&server.history, false)?;
        server.history.check(&client.history, false)?;
        let told = |peer: &Peer| (peer.history.said(), peer.history.got(), peer.is_open());
        let (client, server) = (told(client), told(server));
        let detail = format!(
            "{patience:?} after the network is good again; said, heard, open: client {client:?}, \
             server {server:?}"
        );
        return Err(Failure::new("deadlock", detail));
    }
    if !lives {
        // The other end notices, at the latest by the silence.
        world.run_until(world.now() + idle_timeout(scenario) * 2 + AFTERMATH).map_err(spinning)?;
        faults(world)?;
    }
    let [client, server] = both(world);
    check_ending(scenario, client, server)?;
    check_ending(scenario, server, client)?;
    if !lives && (client.is_open() || server.is_open()) {
        let detail = format!("client {:?}, server {:?}", client.ending, server.ending);
        return Err(Failure::new("one end never learns of the other's end", detail));
    }
    client.history.check(&server.history, lives)?;
    server.history.check(&client.history, lives)
}

/// Nobody has anything to say, so little is sent: pings and their answers.
fn rest(world: &mut World<Peer>, scenario: &Scenario) -> Result<(), Failure> {
    world.run_until(world.now() + LATE).map_err(spinning)?;
    let before = world.network().counters().sent;
    let pings = 4;
    world.run_until(world.now() + keep_alive(scenario) * pings).map_err(spinning)?;
    faults(world)?;
    let sent = world.network().counters().sent - before;
    // A ping, its acknowledgement, and both again: the line may still be slow.
    if sent > u64::from(pings + 1) * 4 {
        let detail = format!("{sent} datagrams where {pings} pings are due");
        return Err(Failure::new("an idle session does not rest", detail));
    }
    Ok(())
}

/// Somebody closes what is still there, and nothing is left.
fn part(world: &mut World<Peer>, scenario: &Scenario, lived: bool) -> Result<(), Failure> {
    if lived {
        let first = if scenario.seed % 2 == 0 { CLIENT } else { SERVER };
        let close = |peer: &mut Peer, now: Time| {
            let session = peer.session.expect("it lives");
            peer.endpoint.close(now, session, CloseCode::DONE, "good-bye");
        };
        world.with_node(first, close).map_err(spinning)?;
    }
    world.run_until(world.now() + AFTERMATH).map_err(spinning)?;
    faults(world)?;
    let [client, server] = both(world);
    check_ending(scenario, client, server)?;
    check_ending(scenario, server, client)?;
    let is_over = client.ending.is_some() && (server.ending.is_some() || server.session.is_none());
    if !is_over {
        let detail = format!("client {:?}, server {:?}", client.ending, server.ending);
        return Err(Failure::new("a good-bye is not heard", detail));
    }
    match world.next_event() {
        None if client.endpoint.is_idle() && server.endpoint.is_idle() => Ok(()),
        left => Err(Failure::new("something is left after the end", format!("{left:?}"))),
    }
}

fn is_done(world: &World<Peer>) -> bool {
    let [client, server] = both(world);
    let (there, back) = (&client.history, &server.history);
    let all = there.said() == back.got() && back.said() == there.got();
    all && there.said() > 0
        && back.said() > 0
        && client.is_quiet()
        && server.is_quiet()
        && there.check(back, true).is_ok()
        && back.check(there, true).is_ok()
}

fn check_traffic(world: &World<Peer>) -> Result<(), Failure> {
    let span = world.now().saturating_since(Time::ZERO);
    for (node, other) in [(CLIENT, SERVER), (SERVER, CLIENT)] {
        let peer = world.node(node);
        let sent = world.network().link_counters(node, other);
        check_budget(&peer.history, &sent, peer.arrived, span)?;
        // A timer for each packet, each message and each tick of an idle session.
        let timeouts_max = 4 * (peer.arrived + peer.transmits + peer.history.said() + 100)
            + 50 * span.as_secs()
            + peer.history.got();
        if peer.timeouts > timeouts_max {
            let detail = format!("{node} woke up {} times in {span:?}", peer.timeouts);
            return Err(Failure::new("timers fire for nothing", detail));
        }
    }
    Ok(())
}

fn faults(world: &World<Peer>) -> Result<(), Failure> {
    let fault = both(world).into_iter().find_map(|peer| peer.fault.clone());
    fault.map_or(Ok(()), Err)
}

fn both(world: &World<Peer>) -> [&Peer; 2] {
    [world.node(CLIENT), world.node(SERVER)]
}

fn spinning(livelock: Livelock) -> Failure {
    Failure::new("livelock", livelock.to_string())
}
