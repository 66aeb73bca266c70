//! The loop.

use std::io;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::{Arrivals, Clock, Departures, Engine, Flow, Moment, Transport};
use crate::endpoint::{StreamAction, StreamEvent};

/// Datagrams that go out before inputs are looked at again.
const DEPARTURES_MAX: usize = 64;
/// Commands that are taken before datagrams are looked at again.
const COMMANDS_MAX: usize = 128;

/// Drives `engine` until it says stop, and gives it back.
///
/// A closed command channel does not end the loop: the engine does.
///
/// # Errors
/// The transport's.
///
/// # Cancel safety
/// Dropping the future drops the engine: sessions end without a word to their peers.
pub async fn drive<E: Engine, T: Transport>(
    mut engine: E,
    mut transport: T,
    mut commands: mpsc::Receiver<E::Command>,
    clock: Clock,
) -> io::Result<E> {
    let mut arrivals = Arrivals::default();
    let mut departures = Departures::default();
    let mut datagram = Vec::with_capacity(2_048);
    let mut taken = Vec::with_capacity(COMMANDS_MAX);
    let mut has_commands = true;
    loop {
        let flow = engine.flush(clock.moment());
        let now = clock.moment().now;
        while departures.len() < DEPARTURES_MAX {
            let Some(to) = engine.poll_transmit(now, &mut datagram) else { break };
            departures.push(to, &datagram);
        }
        let is_drained = departures.len() < DEPARTURES_MAX;
        if !departures.is_empty() {
            transport.send(&mut departures).await?;
        }
        // Closing comes after what is to be written first.
        let is_told = is_drained && act(&mut engine, &mut transport, clock);
        if is_drained && flow == Flow::Stop {
            transport.finish().await;
            return Ok(engine);
        }
        // Transmitting moves deadlines; a deadline in the past makes the sleep return at once.
        let deadline =
            engine.poll_timeout().map(|deadline| Instant::from_std(clock.instant(deadline)));
        let timer = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // What has arrived counts before what is due.
            biased;
            received = transport.receive(&mut arrivals) => received?,
            count = commands.recv_many(&mut taken, COMMANDS_MAX), if has_commands => {
                has_commands = count > 0;
            }
            () = timer => {}
            () = std::future::ready(()), if !is_drained || is_told => {}
        }
        // A flood of datagrams must not keep commands waiting.
        while taken.len() < COMMANDS_MAX {
            let Ok(command) = commands.try_recv() else { break };
            taken.push(command);
        }
        let moment = clock.moment();
        hand_over(&mut engine, moment, &mut arrivals);
        for command in taken.drain(..) {
            engine.handle_command(moment, command);
        }
        if engine.poll_timeout().is_some_and(|deadline| deadline <= moment.now) {
            engine.handle_timeout(moment);
        }
    }
}

/// Does what the engine wants about streams; whether the engine was told anything.
fn act(engine: &mut impl Engine, transport: &mut impl Transport, clock: Clock) -> bool {
    let mut is_told = false;
    while let Some(action) = engine.poll_stream_action() {
        if let (StreamAction::Open { stream, .. }, false) = (action, transport.act(action)) {
            engine.handle_stream(clock.moment(), StreamEvent::Closed { stream });
            is_told = true;
        }
    }
    is_told
}

/// Hands over what has arrived, in that order.
fn hand_over(engine: &mut impl Engine, moment: Moment, arrivals: &mut Arrivals) {
    let mut news = arrivals.streams.drain(..).peekable();
    for (index, (from, datagram)) in arrivals.datagrams.drain(..).enumerate() {
        while let Some((_, event)) = news.next_if(|(after, _)| *after <= index) {
            engine.handle_stream(moment, event);
        }
        engine.handle_datagram(moment, from, datagram);
    }
    news.for_each(|(_, event)| engine.handle_stream(moment, event));
}
