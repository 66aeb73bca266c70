//! The client's address changes under way.

use std::net::SocketAddr;

use bytes::BytesMut;
use rtm_session::LaneSpec;
use rtm_sim::Node;
use rtm_wire::LaneId;

use crate::pair::{CLIENT, Pair, SERVER, Setup, delay, ms, server_key};

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
    assert_eq!(server.endpoint.remote(pair.session(SERVER)), Some(moved.into()));
    assert_eq!(server.sessions.len(), 1, "the session is the same");
}

#[test]
fn addresses_change_again_and_again_under_loss() {
    for seed in 0..20 {
        let mut pair = Setup::new(delay(20).loss(0.2)).seed(seed).connected();
        for round in 0..100_u32 {
            if round % 10 == 9 {
                let moved = SocketAddr::from(([10, 0, 1, round as u8], 7));
                let former = pair.world.network().outside_address(CLIENT);
                pair.world.network_mut().rebind(former, moved);
            }
            for host in [CLIENT, SERVER] {
                pair.send(host, LaneId::CONTROL, round.to_be_bytes().to_vec());
            }
            pair.run(ms(20));
        }
        // A server that may send nothing more to a new address waits for the next keep-alive.
        pair.run(ms(11_000));

        let wanted: Vec<_> = (0..100_u32).map(|round| round.to_be_bytes().to_vec()).collect();
        assert_eq!(pair.got(SERVER, LaneId::CONTROL), wanted, "seed {seed}");
        assert_eq!(pair.got(CLIENT, LaneId::CONTROL), wanted, "seed {seed}");
    }
}

#[test]
fn a_client_that_only_listens_is_found_at_its_new_address() {
    let mut pair = Setup::new(delay(20)).connected();
    pair.run(ms(1_000));
    let moved = "10.0.0.77:7".parse().expect("address");
    pair.world.network_mut().rebind(CLIENT, moved);

    // Nobody can know before the client's next keep-alive.
    pair.send(SERVER, LaneId::CONTROL, "where are you");
    pair.run(ms(7_000));

    assert_eq!(pair.got(CLIENT, LaneId::CONTROL), ["where are you"]);
}

#[test]
fn a_packet_from_a_borrowed_address_brings_little_there_and_costs_no_message() {
    let mut pair = Setup::new(delay(20)).connected();
    let lane = pair.open_lane(SERVER, LaneSpec::ORDERED);
    pair.run(ms(1_000));
    let victim: SocketAddr = "10.9.9.9:9".parse().expect("address");
    let session = pair.session(CLIENT);

    // Somebody on the way sends the client's packet on as if it came from elsewhere.
    let mut datagram = Vec::new();
    pair.act(CLIENT, |host, now| {
        host.endpoint.send(now, session, LaneId::CONTROL, "mine".into()).expect("taken");
        host.endpoint.poll_transmit(now, &mut datagram).expect("a packet");
    });
    pair.act(SERVER, |host, now| {
        host.endpoint.handle_datagram(now, victim, BytesMut::from(&datagram[..]));
    });
    for _ in 0..60 {
        pair.send(SERVER, lane, vec![7; 1_000]);
    }
    pair.run(ms(10));
    let borrowed = pair.world.network().link_counters(SERVER, victim);
    assert!(borrowed.sent_bytes <= 3 * datagram.len() as u64, "{borrowed:?}");

    pair.run(ms(20_000));
    assert_eq!(pair.got(CLIENT, lane).len(), 60);
    assert_eq!(pair.world.node(SERVER).endpoint.remote(pair.session(SERVER)), Some(CLIENT.into()));
}

/// The next packet of a host that has something to say.
fn packet_of(pair: &mut Pair, host: SocketAddr) -> BytesMut {
    let session = pair.session(host);
    let mut datagram = Vec::new();
    pair.act(host, |host, now| {
        host.endpoint.send(now, session, LaneId::CONTROL, "mine".into()).expect("taken");
        host.endpoint.poll_transmit(now, &mut datagram).expect("a packet");
    });
    BytesMut::from(&datagram[..])
}

#[test]
fn when_a_new_address_does_not_answer_the_former_one_counts_again() {
    let mut pair = Setup::new(delay(20)).connected();
    pair.run(ms(1_000));
    let nobody: SocketAddr = "10.9.9.9:9".parse().expect("address");
    let copy = packet_of(&mut pair, CLIENT);
    pair.act(SERVER, |host, now| host.endpoint.handle_datagram(now, nobody, copy));
    let session = pair.session(SERVER);
    assert_eq!(pair.world.node(SERVER).endpoint.remote(session), Some(nobody.into()));

    // Nothing of the client gets through, so it can't say where it is.
    pair.world.network_mut().set_partition(CLIENT, SERVER, true);
    pair.send(SERVER, LaneId::CONTROL, "anybody there");
    pair.run(ms(2_900));
    assert!(pair.got(CLIENT, LaneId::CONTROL).is_empty());
    pair.run(ms(200));
    assert_eq!(pair.got(CLIENT, LaneId::CONTROL), ["anybody there"]);
    assert_eq!(pair.world.node(SERVER).endpoint.remote(session), Some(CLIENT.into()));
}

#[test]
fn the_next_packet_from_the_former_address_needs_no_new_proof() {
    let mut pair = Setup::new(delay(20)).connected();
    pair.run(ms(1_000));
    let nobody: SocketAddr = "10.9.9.9:9".parse().expect("address");
    let (copy, next) = (packet_of(&mut pair, CLIENT), packet_of(&mut pair, CLIENT));
    pair.act(SERVER, |host, now| host.endpoint.handle_datagram(now, nobody, copy));
    pair.act(SERVER, |host, now| host.endpoint.handle_datagram(now, CLIENT, next));
    for _ in 0..10 {
        pair.send(SERVER, LaneId::CONTROL, vec![7; 1_000]);
    }
    pair.run(ms(21));
    assert_eq!(pair.got(CLIENT, LaneId::CONTROL).len(), 10, "far more than three short packets");
}

#[test]
fn a_client_does_not_follow_its_servers_address() {
    let mut pair = Setup::new(delay(20)).connected();
    pair.run(ms(1_000));
    let relay = "10.9.9.9:9".parse().expect("address");
    let copy = packet_of(&mut pair, SERVER);
    pair.act(CLIENT, |host, now| host.endpoint.handle_datagram(now, relay, copy));

    assert_eq!(pair.got(CLIENT, LaneId::CONTROL), ["mine"], "it is the server's word all the same");
    let session = pair.session(CLIENT);
    assert_eq!(pair.world.node(CLIENT).endpoint.remote(session), Some(SERVER.into()));
    pair.send(CLIENT, LaneId::CONTROL, "direct");
    pair.run(ms(1_000));
    assert_eq!(pair.got(SERVER, LaneId::CONTROL), ["direct"]);
    assert_eq!(pair.world.network().link_counters(CLIENT, relay).sent_bytes, 0);
}

#[test]
fn whatever_an_unproved_address_may_still_get_the_server_does_not_spin() {
    for length in 0..60 {
        let mut pair = Setup::new(delay(20)).connected();
        let lane = pair.open_lane(SERVER, LaneSpec::ORDERED);
        pair.run(ms(1_000));
        let session = pair.session(CLIENT);
        let mut datagram = Vec::new();
        pair.act(CLIENT, |host, now| {
            let message = vec![0; length].into();
            host.endpoint.send(now, session, LaneId::CONTROL, message).expect("taken");
            host.endpoint.poll_transmit(now, &mut datagram).expect("a packet");
        });
        pair.act(SERVER, |host, now| {
            let nobody: SocketAddr = "10.9.9.9:9".parse().expect("address");
            host.endpoint.handle_datagram(now, nobody, BytesMut::from(&datagram[..]));
        });

        // The simulator refuses a node that does too much at one instant.
        for round in 0..10 {
            // Too short to be cut, so that it fits or doesn't.
            pair.send(SERVER, lane, vec![7; 40 + round % 3]);
            pair.run(ms(7));
        }
    }
}

#[test]
fn a_new_place_is_learnt_anew_and_a_new_port_is_not() {
    for (moved, is_reset) in [("10.0.0.1:4001", false), ("10.0.0.77:7", true)] {
        let mut pair = Setup::new(delay(30)).connected();
        let lane = pair.open_lane(SERVER, LaneSpec::ORDERED);
        let window = |pair: &Pair| {
            let session = pair.session(SERVER);
            pair.world.node(SERVER).endpoint.stats(session).expect("open").window
        };
        for _ in 0..200 {
            pair.send(SERVER, lane, vec![7; 1_000]);
        }
        pair.run(ms(2_000));
        let grown = window(&pair);
        assert!(grown > 20_000, "{grown}");

        pair.world.network_mut().rebind(CLIENT, moved.parse().expect("address"));
        pair.send(CLIENT, LaneId::CONTROL, "here I am");
        pair.run(ms(100));

        assert_eq!(window(&pair), if is_reset { 12_000 } else { grown }, "{moved}");
    }
}

/// The longest time that a message takes, in ms, when the client moves in the middle of a flow.
fn move_in_a_flow(seed: u64, is_told: bool) -> u64 {
    let mut pair = Setup::new(delay(30).loss(0.1)).seed(seed).connected();
    for round in 0..200_u32 {
        let from = pair.world.network().outside_address(CLIENT);
        if round == 100 {
            pair.world.network_mut().rebind(from, "10.0.0.77:7".parse().expect("address"));
            if is_told {
                pair.act(CLIENT, |host, now| host.endpoint.local_address_changed(now));
            }
        }
        let now = pair.world.now().as_micros().to_be_bytes().to_vec();
        pair.send(SERVER, LaneId::CONTROL, now.clone());
        // Mostly, it listens.
        if round % 25 == 10 {
            pair.send(CLIENT, LaneId::CONTROL, now);
        }
        pair.run(ms(20));
    }
    pair.run(ms(3_000));
    assert_eq!(pair.got(CLIENT, LaneId::CONTROL).len(), 200, "seed {seed}");
    assert_eq!(pair.got(SERVER, LaneId::CONTROL).len(), 8, "seed {seed}");
    let latencies = pair.world.node(CLIENT).messages.iter().map(|(.., message, at)| {
        let sent = u64::from_be_bytes(message[..8].try_into().expect("eight bytes"));
        at.as_micros().saturating_sub(sent) / 1_000
    });
    latencies.max().expect("200 messages")
}

#[test]
fn an_address_change_that_is_told_costs_no_message_and_two_round_trips() {
    let told: Vec<u64> = (0..40).map(|seed| move_in_a_flow(seed, true)).collect();
    let untold: Vec<u64> = (0..40).map(|seed| move_in_a_flow(seed, false)).collect();
    let mean = |all: &[u64]| all.iter().sum::<u64>() / all.len() as u64;
    println!("told {} {told:?}", mean(&told));
    println!("untold {} {untold:?}", mean(&untold));
    assert!(mean(&told) < mean(&untold));
    assert!(told.iter().all(|latency| *latency <= 400), "{told:?}");
}

/// A client's first flight and first data packet, and what the server replies, by hand.
struct ByHand {
    pair: Pair,
    flight: BytesMut,
}

impl ByHand {
    fn new() -> Self {
        let mut pair = Setup::new(delay(20)).build();
        let key = server_key().public();
        let mut flight = Vec::new();
        pair.act(CLIENT, |host, now| {
            host.endpoint.connect(now, SERVER, &key, b"login").expect("may connect");
            host.endpoint.poll_transmit(now, &mut flight).expect("a first flight");
        });
        Self { pair, flight: BytesMut::from(&flight[..]) }
    }

    /// The server's reply to the first flight at this address.
    fn reply_at(&mut self, at: SocketAddr) -> BytesMut {
        let (flight, mut reply) = (self.flight.clone(), Vec::new());
        self.pair.act(SERVER, |host, now| {
            host.handle_datagram(now, at, flight);
            assert_eq!(host.poll_transmit(now, &mut reply), Some(at));
        });
        BytesMut::from(&reply[..])
    }

    fn first_data(&mut self, reply: BytesMut) -> BytesMut {
        let mut data = Vec::new();
        self.pair.act(CLIENT, |host, now| {
            host.handle_datagram(now, SERVER, reply);
            assert_eq!(host.poll_transmit(now, &mut data), Some(SERVER));
        });
        BytesMut::from(&data[..])
    }
}

#[test]
fn what_a_copied_first_flight_names_is_no_proved_address() {
    let other: SocketAddr = "10.9.9.9:9".parse().expect("address");
    for (replies, from, is_proved) in [
        (&[CLIENT][..], CLIENT, true),
        (&[CLIENT, CLIENT], CLIENT, true),
        (&[CLIENT], other, false),
        (&[CLIENT, other], CLIENT, false),
        (&[other, CLIENT], CLIENT, false),
        (&[other, CLIENT], other, false),
    ] {
        let mut by_hand = ByHand::new();
        let got: Vec<_> = replies.iter().map(|&at| by_hand.reply_at(at)).collect();
        let data = by_hand.first_data(got[0].clone());
        let bytes = data.len() as u64;
        let mut pair = by_hand.pair;
        let counters = |pair: &Pair| pair.world.network().link_counters(SERVER, from).sent_bytes;
        let before = counters(&pair);
        pair.act(SERVER, |host, now| host.handle_datagram(now, from, data));
        for _ in 0..40 {
            pair.send(SERVER, LaneId::CONTROL, vec![7; 1_000]);
        }
        let sent = counters(&pair) - before;
        assert_eq!(sent > 3 * bytes, is_proved, "{replies:?} {from}: {sent} for {bytes}");

        // No deadline leads to the address that isn't proved; the client's own packets do.
        pair.run(ms(20_000));
        assert_eq!(pair.got(CLIENT, LaneId::CONTROL).len(), 40, "{replies:?} {from}");
    }
}
