//! Real datagrams over loopback.

use rtm_session::driver::{Arrivals, Clock, Departures, Transport, UdpTransport, drive};
use rtm_session::{Config, Endpoint};
use tokio::sync::mpsc;

use crate::pair::{seed, server_key};
use crate::talker::{COUNT, Talker, message, run};

pub(crate) fn bind() -> UdpTransport {
    UdpTransport::bind("127.0.0.1:0".parse().expect("address")).expect("loopback is there")
}

#[test]
fn thousands_of_messages_cross_loopback_both_ways_and_strangers_are_counted() {
    run(async {
        let (client_socket, server_socket, mut stranger) = (bind(), bind(), bind());
        let server_addr = server_socket.local_addr().expect("bound");

        // Garbage, a data packet of no session, a first flight that nobody can read.
        let mut foreign = Departures::default();
        foreign.push(server_addr, b"what is this");
        foreign.push(server_addr, &[0x80; 60]);
        foreign.push(server_addr, &[[0x01, 0x01].as_slice(), &[0; 400]].concat());
        stranger.send(&mut foreign).await.expect("sent");

        let endpoint = Endpoint::server(Config::server(), server_key(), seed(1));
        let (_to_server, commands) = mpsc::channel(1);
        let server = tokio::spawn(drive(
            Talker::new(endpoint, false),
            server_socket,
            commands,
            Clock::start(),
        ));
        let endpoint = Endpoint::client(Config::default(), seed(2));
        let (to_client, commands) = mpsc::channel(1);
        to_client.send((server_addr, server_key().public())).await.expect("room for one");
        let client = drive(Talker::new(endpoint, true), client_socket, commands, Clock::start());
        let client = client.await.expect("loopback works");
        let server = server.await.expect("no panic").expect("loopback works");

        let wanted: Vec<_> = (0..COUNT).map(message).collect();
        assert!(client.got == wanted, "{} messages", client.got.len());
        assert!(server.got == wanted, "{} messages", server.got.len());
        let counters = server.endpoint.counters();
        let strange = (counters.malformed, counters.unknown_session, counters.undecipherable);
        assert_eq!(strange, (1, 1, 1));
        assert_eq!(counters.stateless_answers, 2, "a reset and a key hint");
    });
}

#[test]
fn a_batch_arrives_as_the_datagrams_that_were_sent() {
    run(async {
        let (mut sender, mut receiver) = (bind(), bind());
        let to = receiver.local_addr().expect("bound");
        let lengths = [1_200, 1_200, 1_200, 700, 1_200, 1, 1_400, 1_400, 0, 3];
        let mut departures = Departures::default();
        for (index, &length) in lengths.iter().enumerate() {
            departures.push(to, &vec![index as u8; length]);
        }
        sender.send(&mut departures).await.expect("sent");
        assert!(departures.is_empty());

        let mut arrivals = Arrivals::default();
        let mut got = Vec::new();
        while got.len() < lengths.len() - 1 {
            receiver.receive(&mut arrivals).await.expect("received");
            // An empty datagram is nothing to anybody.
            let full = arrivals.datagrams.drain(..).filter(|(_, bytes)| !bytes.is_empty());
            got.extend(full.map(|(_, bytes)| (bytes[0], bytes.len())));
        }
        let wanted = lengths.iter().enumerate().map(|(index, &length)| (index as u8, length));
        assert_eq!(got, wanted.filter(|&(_, length)| length > 0).collect::<Vec<_>>());
    });
}
