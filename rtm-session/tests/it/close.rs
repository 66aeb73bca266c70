//! How sessions end.

use rtm_session::{CloseCause, Endpoint, Event};
use rtm_wire::{CloseCode, LaneId};

use crate::pair::{CLIENT, Host, SERVER, Setup, delay, ms, seed, server_key};

#[test]
fn the_peer_hears_why_and_both_forget() {
    let mut pair = Setup::new(delay(10)).connected();
    let (near, far) = (pair.session(CLIENT), pair.session(SERVER));

    pair.act(SERVER, |host, now| {
        host.endpoint.close(now, far, CloseCode::SHUTDOWN, "see you later");
    });
    pair.run(ms(3_000));

    let cause = CloseCause::Peer { code: CloseCode::SHUTDOWN, reason: "see you later".into() };
    assert_eq!(pair.news(CLIENT).back(), Some(&Event::Closed { session: near, cause }));
    let cause = CloseCause::Local(CloseCode::SHUTDOWN);
    assert_eq!(pair.news(SERVER).back(), Some(&Event::Closed { session: far, cause }));
    for host in [CLIENT, SERVER] {
        assert!(pair.world.node(host).endpoint.is_idle());
    }
}

#[test]
fn a_close_survives_the_loss_of_its_first_copies() {
    let mut pair = Setup::new(delay(10)).connected();
    let far = pair.session(SERVER);

    pair.world.network_mut().set_partition(SERVER, CLIENT, true);
    pair.act(SERVER, |host, now| host.endpoint.close(now, far, CloseCode::DONE, ""));
    pair.run(ms(1));
    pair.world.network_mut().set_partition(SERVER, CLIENT, false);
    pair.run(ms(1_000));

    let is_closed =
        |event: &Event| matches!(event, Event::Closed { cause: CloseCause::Peer { .. }, .. });
    assert!(pair.news(CLIENT).iter().any(is_closed), "{:?}", pair.news(CLIENT));
}

#[test]
fn most_hear_of_a_close_under_loss_and_all_end() {
    let mut heard = 0;
    for seed in 0..100 {
        let mut pair = Setup::new(delay(10).loss(0.3)).seed(seed).connected();
        let near = pair.session(CLIENT);
        pair.send(CLIENT, LaneId::CONTROL, "last words");
        pair.act(CLIENT, |host, now| host.endpoint.close(now, near, CloseCode::DONE, ""));
        pair.run(ms(41_000));

        for host in [CLIENT, SERVER] {
            assert!(pair.world.node(host).endpoint.is_idle(), "seed {seed}");
            assert_eq!(pair.world.node(host).endpoint.poll_timeout(), None, "seed {seed}");
        }
        let last = pair.news(SERVER).back();
        heard +=
            u32::from(matches!(last, Some(Event::Closed { cause: CloseCause::Peer { .. }, .. })));
    }
    // Three copies: 97 of 100, give or take.
    assert!(heard >= 90, "{heard} of 100");
}

#[test]
fn silence_ends_a_session_at_both_ends() {
    let mut pair = Setup::new(delay(10)).connected();
    pair.run(ms(100));

    pair.world.network_mut().set_blackout(SERVER, true);
    pair.run(ms(45_000));

    for host in [CLIENT, SERVER] {
        let last = pair.news(host).back();
        let is_idle = matches!(last, Some(Event::Closed { cause: CloseCause::IdleTimeout, .. }));
        assert!(is_idle, "{last:?}");
        assert_eq!(pair.world.node(host).endpoint.poll_timeout(), None);
    }
}

#[test]
fn keep_alive_keeps_an_idle_session() {
    let mut pair = Setup::new(delay(10).loss(0.2)).connected();

    pair.run(ms(300_000));
    pair.send(CLIENT, LaneId::CONTROL, "still there");
    pair.run(ms(2_000));

    assert_eq!(pair.got(SERVER, LaneId::CONTROL), ["still there"]);
    assert_eq!(pair.news(CLIENT).len(), 1, "nothing but the connection");
}

#[test]
fn a_server_that_lost_its_memory_resets_the_client() {
    let mut pair = Setup::new(delay(10)).connected();
    let near = pair.session(CLIENT);

    let fresh = Endpoint::server(rtm_session::Config::server(), server_key(), seed(42));
    pair.world.insert(SERVER, Host::new(fresh)).expect("idle");
    pair.send(CLIENT, LaneId::CONTROL, "hello?");
    pair.run(ms(100));

    let closed = Event::Closed { session: near, cause: CloseCause::Reset };
    assert_eq!(pair.news(CLIENT).back(), Some(&closed));
}

#[test]
fn a_reset_with_another_key_is_not_believed() {
    let mut pair = Setup::new(delay(10)).connected();

    let other = rtm_session::StaticKey::from_bytes([9; 32]);
    let fresh = Endpoint::server(rtm_session::Config::server(), other, seed(42));
    pair.world.insert(SERVER, Host::new(fresh)).expect("idle");
    pair.send(CLIENT, LaneId::CONTROL, "hello?");
    pair.run(ms(1_000));

    assert_eq!(pair.news(CLIENT).len(), 1, "nothing but the connection");
    assert!(pair.world.node(CLIENT).endpoint.counters().misplaced > 0);
}
