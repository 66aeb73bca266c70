//! Who comes back with a ticket begins with half of the window that was known.

use std::time::Duration;

use rtm_session::{Config, LaneSpec};
use rtm_sim::{Bandwidth, World};
use rtm_wire::CloseCode;

use crate::pair::{CLIENT, Host, Pair, SERVER, Setup, delay, ms, server_key};

/// How the first session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Said,
    /// The client is gone, and the server doesn't know.
    Silent,
}

/// So many bytes from the server to the client, on a lane of their own: how long they take.
fn transfer(pair: &mut Pair, bytes: usize) -> Duration {
    let lane = pair.open_lane(SERVER, LaneSpec::ORDERED);
    let began = pair.world.now();
    let count = bytes.div_ceil(60_000);
    for _ in 0..count {
        pair.send(SERVER, lane, vec![1; 60_000]);
    }
    let session = pair.session(CLIENT);
    let arrived = |world: &World<Host>| {
        let messages = world.node(CLIENT).messages.iter();
        messages.filter(|(of, on, ..)| (*of, *on) == (session, lane)).count()
    };
    pair.run_until(Duration::from_secs(60), |world| arrived(world) == count);
    assert_eq!(arrived(&pair.world), count);
    pair.world.now().saturating_since(began)
}

/// A session that has used its window, and the next one, with the ticket or without: how long a
/// transfer takes in it, and how many packets are lost at the bottleneck meanwhile.
fn second_transfer(end: End, with_ticket: bool, now_kbit: Option<u64>) -> (Duration, u64) {
    let line = |kbit: u64| Bandwidth { bits_per_second: kbit * 1_000, queue_bytes: 150_000 };
    let mut setup = Setup::new(delay(50).bandwidth(line(20_000)));
    setup.client = Config::default().lane_credit(2_000_000);
    let mut pair = setup.build();
    pair.act(SERVER, |host, _| host.ticket_life = Some(Duration::from_secs(3_600)));
    pair.connect(b"login");
    pair.run_until(Duration::from_secs(20), |world| world.node(CLIENT).ticket.is_some());
    transfer(&mut pair, 4_000_000);
    // What counts is what was known when it was used, not the silence before the end.
    pair.run(Duration::from_secs(5));
    let session = pair.session(CLIENT);
    if end == End::Said {
        pair.act(CLIENT, |host, now| host.endpoint.close(now, session, CloseCode::DONE, ""));
    } else {
        pair.world.network_mut().set_default(delay(50).loss(1.0));
        pair.act(CLIENT, |host, now| host.endpoint.close(now, session, CloseCode::DONE, ""));
    }
    pair.run(Duration::from_secs(2));
    pair.world.network_mut().set_default(delay(50).bandwidth(line(now_kbit.unwrap_or(20_000))));
    if with_ticket {
        let key = server_key().public();
        pair.act(CLIENT, |host, now| {
            let ticket = host.ticket.clone().expect("it came");
            host.endpoint.resume(now, SERVER, &ticket, &[], &key, b"login").expect("may resume");
        });
    } else {
        pair.connect(b"login");
    }
    pair.run_until(Duration::from_secs(5), |world| {
        [CLIENT, SERVER].iter().all(|&host| world.node(host).sessions.len() == 2)
    });
    // The first round trip is known before there is much to send.
    pair.run(ms(500));
    let took = transfer(&mut pair, 480_000);
    let session = pair.session(SERVER);
    let lost = pair.world.node(SERVER).endpoint.stats(session).expect("it lives").packets_lost;
    (took, lost)
}

#[test]
fn a_ticket_brings_the_window_back() {
    for end in [End::Said, End::Silent] {
        let (fresh, _) = second_transfer(end, false, None);
        let (resumed, lost) = second_transfer(end, true, None);
        assert!(resumed * 10 <= fresh * 7, "{end:?}: {resumed:?}, afresh {fresh:?}");
        // Doubling goes on from there, and ends as it does: with a few too many.
        assert!(lost <= 40, "{end:?}: {lost} lost");
    }
}

#[test]
fn a_window_that_is_too_large_by_now_is_given_back() {
    // A tenth of what it was: the jump fills the queue, and something is lost.
    let (fresh, lost_afresh) = second_transfer(End::Said, false, Some(2_000));
    let (resumed, lost) = second_transfer(End::Said, true, Some(2_000));
    assert!(resumed * 10 <= fresh * 13, "{resumed:?}, afresh {fresh:?}");
    assert!(lost <= lost_afresh + 150, "{lost} lost, afresh {lost_afresh}");
}
