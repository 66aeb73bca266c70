//! The client's address changes under way.

use rtm_wire::LaneId;

use crate::pair::{CLIENT, SERVER, Setup, delay, ms};

#[test]
fn a_new_address_costs_no_message() {
    let mut pair = Setup::new(delay(30)).connected();
    let moved = "10.0.0.77:7".parse().expect("address");

    for round in 0..40_u32 {
        if round == 20 {
            pair.world.network_mut().rebind(CLIENT, moved);
        }
        pair.send(CLIENT, LaneId::CONTROL, round.to_be_bytes().to_vec());
        pair.send(SERVER, LaneId::CONTROL, round.to_be_bytes().to_vec());
        pair.run(ms(20));
    }
    pair.run(ms(2_000));

    let wanted: Vec<_> = (0..40_u32).map(|round| round.to_be_bytes().to_vec()).collect();
    assert_eq!(pair.got(SERVER, LaneId::CONTROL), wanted);
    assert_eq!(pair.got(CLIENT, LaneId::CONTROL), wanted);
    let server = pair.world.node(SERVER);
    assert_eq!(server.endpoint.remote(pair.session(SERVER)), Some(moved));
    assert_eq!(server.sessions.len(), 1, "the session is the same");
}
