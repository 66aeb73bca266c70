//! How long datagrams get, on paths that carry more or less of them.

use std::time::Duration;

use rtm_session::{Config, SessionStats};
use rtm_sim::Burst;
use rtm_wire::LaneId;

use crate::pair::{CLIENT, Pair, SERVER, Setup, delay, ms};

const TICK: Duration = Duration::from_millis(33);

#[test]
fn a_session_finds_the_longest_datagram_that_passes() {
    for path in [1_200, 1_280, 1_400, 1_452, 1_500] {
        let mut pair = Setup::new(delay(20).mtu(path)).connected();
        let lateness = flow(&mut pair, 20, 1_000);

        for host in [CLIENT, SERVER] {
            let SessionStats { datagram_len, packets_lost, random_loss, .. } = stats(&pair, host);
            let best = path.min(1_452);
            assert!(datagram_len <= best && datagram_len + 20 > best, "{path}: {datagram_len}");
            assert_eq!(packets_lost, 0, "{path}: probes are no loss");
            assert!(random_loss < 0.001, "{path}: {random_loss}");
        }
        assert!(stats(&pair, CLIENT).length_probes_sent <= 15, "{path}");
        assert_eq!(lateness, ms(20), "{path}: no message waits");
    }
}

#[test]
fn lost_probes_cost_a_bulk_transfer_no_window() {
    let window = |path| {
        let mut pair = Setup::new(delay(20).mtu(path)).connected();
        for _ in 0..400 {
            pair.send(CLIENT, LaneId::CONTROL, vec![7; 1_000]);
        }
        pair.run(ms(400));
        (stats(&pair, CLIENT).window, stats(&pair, CLIENT).length_probes_sent)
    };
    let (unhindered, _) = window(1_500);
    let (window, probes) = window(1_200);
    assert!(probes >= 3, "{probes}");
    assert!(window * 10 >= unhindered * 9, "{window}, and {unhindered} where all is carried");
}

#[test]
fn an_idle_session_asks_for_nothing() {
    let mut pair = Setup::new(delay(20)).connected();
    pair.run(ms(30_000));
    for host in [CLIENT, SERVER] {
        assert_eq!(stats(&pair, host).length_probes_sent, 0);
    }
}

#[test]
fn where_it_is_switched_off_nothing_is_tried() {
    for most in [0, 1_200] {
        let mut setup = Setup::new(delay(20));
        setup.client = Config::default().datagram_len_max(most);
        let mut pair = setup.connected();
        flow(&mut pair, 10, 1_000);
        let SessionStats { datagram_len, length_probes_sent, .. } = stats(&pair, CLIENT);
        assert_eq!((datagram_len, length_probes_sent), (1_200, 0));
        assert_eq!(stats(&pair, SERVER).datagram_len, 1_452, "each end for itself");
    }
}

#[test]
fn a_path_that_becomes_shorter_is_noticed_and_used_again_later() {
    let lossy = |loss| move |path| delay(30).loss(loss).mtu(path);
    for (seed, loss) in [(1, 0.0), (2, 0.1), (3, 0.3)] {
        let link = lossy(loss);
        let mut pair = Setup::new(link(1_500)).seed(seed).connected();
        flow(&mut pair, 20, 2_500);
        assert_eq!(stats(&pair, CLIENT).datagram_len, 1_452, "loss {loss}");

        pair.world.network_mut().set_links(CLIENT, SERVER, link(1_240));
        let lateness = flow(&mut pair, 10, 2_500);
        assert_eq!(stats(&pair, CLIENT).datagram_len, 1_200, "loss {loss}");
        assert!(lateness < ms(4_000), "loss {loss}: {lateness:?}");

        flow(&mut pair, 90, 2_500);
        let found = stats(&pair, CLIENT).datagram_len;
        assert!((1_221..=1_240).contains(&found) || loss > 0.2, "loss {loss}: {found}");

        pair.world.network_mut().set_links(CLIENT, SERVER, link(1_500));
        flow(&mut pair, 610, 2_500);
        let found = stats(&pair, CLIENT).datagram_len;
        assert!(found > 1_400, "loss {loss}: {found}");
    }
}

#[test]
fn loss_is_not_taken_for_a_path_that_became_shorter() {
    let bursty = |loss| delay(30).burst(Burst::with_loss(loss, ms(60)));
    for (name, link) in [
        ("10 %", delay(30).loss(0.1)),
        ("30 %", delay(30).loss(0.3)),
        ("50 %", delay(30).loss(0.5)),
        ("10 % in bursts", bursty(0.1)),
        ("30 % in bursts", bursty(0.3)),
    ] {
        let mut pair = Setup::new(link).connected();
        flow(&mut pair, 20, 2_500);
        for minute in 0..5 {
            flow(&mut pair, 60, 1_500);
            let found = stats(&pair, CLIENT).datagram_len;
            assert!(found > 1_200, "{name}: {found} after {minute} minutes");
        }
    }
}

#[test]
fn an_outage_is_not_taken_for_a_path_that_became_shorter() {
    let mut pair = Setup::new(delay(30)).connected();
    flow(&mut pair, 10, 2_500);
    for _ in 0..5 {
        for round in 0..180 {
            pair.world.network_mut().set_partition(CLIENT, SERVER, round < 90);
            pair.send(CLIENT, LaneId::CONTROL, vec![7; 2_500]);
            pair.run(TICK);
        }
        assert_eq!(stats(&pair, CLIENT).datagram_len, 1_452);
    }
}

#[test]
fn long_messages_begun_on_a_long_path_arrive_on_a_short_one() {
    let link = |path| delay(20).loss(0.1).mtu(path);
    let mut setup = Setup::new(link(9_000));
    setup.client = Config::default().datagram_len_max(9_000);
    let mut pair = setup.connected();
    flow(&mut pair, 10, 1_000);
    assert_eq!(stats(&pair, CLIENT).datagram_len, 9_000);

    for _ in 0..10 {
        pair.send(CLIENT, LaneId::CONTROL, vec![7; 60_000]);
    }
    pair.run(ms(1));
    pair.world.network_mut().set_links(CLIENT, SERVER, link(1_200));
    let before = pair.got(SERVER, LaneId::CONTROL).len();
    pair.run(ms(30_000));
    assert_eq!(pair.got(SERVER, LaneId::CONTROL).len() - before, 10);
}

#[test]
fn another_ip_address_begins_anew_and_another_port_does_not() {
    for (moved, length) in [("10.0.0.1:4001", 1_452), ("10.0.0.77:7", 1_200)] {
        let mut pair = Setup::new(delay(20)).connected();
        flow(&mut pair, 5, 1_000);
        pair.world.network_mut().rebind(CLIENT, moved.parse().expect("address"));
        pair.send(CLIENT, LaneId::CONTROL, "here I am");
        pair.run(ms(100));
        assert_eq!(stats(&pair, SERVER).datagram_len, length, "{moved}");
        flow(&mut pair, 5, 1_000);
        assert_eq!(stats(&pair, SERVER).datagram_len, 1_452, "{moved}");
    }
}

fn stats(pair: &Pair, host: std::net::SocketAddr) -> SessionStats {
    pair.world.node(host).endpoint.stats(pair.session(host)).expect("open")
}

/// Both ends send 30 messages a second, half of them of 200 bytes and half of `length`; how late
/// the latest at the server was.
fn flow(pair: &mut Pair, seconds: u64, length: usize) -> Duration {
    pair.run(ms(5_000));
    let first = pair.got(SERVER, LaneId::CONTROL).len();
    for round in 0..seconds * 30 {
        let mut message = pair.world.now().as_micros().to_be_bytes().to_vec();
        message.resize(if round % 2 == 0 { 200 } else { length }, 1);
        for host in [CLIENT, SERVER] {
            pair.send(host, LaneId::CONTROL, message.clone());
        }
        pair.run(TICK);
    }
    pair.run(ms(5_000));
    let messages = &pair.world.node(SERVER).messages[first..];
    assert_eq!(messages.len() as u64, seconds * 30, "all of them arrive");
    let lateness = messages.iter().map(|(.., message, at)| {
        let sent = u64::from_be_bytes(message[..8].try_into().expect("eight bytes"));
        at.saturating_since(rtm_wire::Time::from_micros(sent))
    });
    lateness.max().unwrap_or_default()
}
