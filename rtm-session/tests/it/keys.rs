//! Keys change under way, or the session ends in good order.

use rtm_session::{CloseCause, Event};
use rtm_sim::Reorder;
use rtm_wire::{CloseCode, LaneId};

use crate::pair::{CLIENT, SERVER, Setup, delay, ms};

use std::time::Duration;

#[test]
fn keys_change_many_times_and_nobody_notices() {
    let link = delay(10)
        .loss(0.1)
        .duplicate(0.05)
        .reorder(Reorder { probability: 0.1, extra_delay: ms(9) });
    let mut setup = Setup::new(link);
    setup.client = setup.client.key_packets(128);
    setup.server = setup.server.key_packets(200);
    let mut pair = setup.connected();

    for round in 0..2_000_u32 {
        for host in [CLIENT, SERVER] {
            pair.send(host, LaneId::CONTROL, round.to_be_bytes().to_vec());
        }
        pair.run(ms(5));
    }
    pair.run(ms(3_000));

    let wanted: Vec<_> = (0..2_000_u32).map(|round| round.to_be_bytes().to_vec()).collect();
    for host in [CLIENT, SERVER] {
        assert_eq!(pair.got(host, LaneId::CONTROL), wanted);
        let stats = pair.world.node(host).endpoint.stats(pair.session(host)).expect("open");
        assert!(stats.packets_sent > 15 * 128, "{} packets", stats.packets_sent);
    }
}

#[test]
fn a_key_that_cannot_be_changed_ends_the_session_and_the_peer_hears_why() {
    let patience = Duration::from_secs(1_000);
    let mut setup = Setup::new(delay(10));
    setup.client = setup.client.key_packets(128).idle_timeout(patience);
    setup.server = setup.server.idle_timeout(patience);
    let mut pair = setup.connected();
    let (near, far) = (pair.session(CLIENT), pair.session(SERVER));
    pair.run(ms(1_000));

    // No acknowledgement comes back, so the client only asks and asks.
    pair.world.network_mut().set_partition(SERVER, CLIENT, true);
    pair.send(CLIENT, LaneId::CONTROL, "anybody there?");
    pair.run(Duration::from_secs(800));

    let cause = CloseCause::KeysExhausted;
    assert_eq!(pair.news(CLIENT).back(), Some(&Event::Closed { session: near, cause }));
    let code = CloseCode::KEYS_EXHAUSTED;
    let cause = CloseCause::Peer { code, reason: "keys used up".into() };
    assert_eq!(pair.news(SERVER).back(), Some(&Event::Closed { session: far, cause }));
}
