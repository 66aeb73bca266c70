//! The proxy between real sockets on loopback.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use netlab::{Direction, Impairment, Proxy, ProxyConfig, Report, Stop, link_seed};
use rtm_sim::Link;
use rtm_wire::Time;

#[test]
fn passes_datagrams_both_ways_and_keeps_clients_apart() {
    let server = socket();
    let proxy = Running::start(&server, Impairment::default(), 8);
    let clients = [socket(), socket()];

    for (n, client) in clients.iter().enumerate() {
        client.send_to(&[n as u8; 1_200], proxy.address).expect("loopback");
        let (bytes, upstream) = receive(&server);
        assert_eq!(bytes, [n as u8; 1_200]);
        server.send_to(&[n as u8 + 100], upstream).expect("loopback");
    }

    for (n, client) in clients.iter().enumerate() {
        assert_eq!(receive(client), (vec![n as u8 + 100], proxy.address));
    }
    let report = proxy.stop();
    assert_eq!((report.up.delivered, report.down.delivered, report.up.dropped()), (2, 2, 0));
}

#[test]
fn loses_the_datagrams_that_the_seed_says_and_about_as_many_as_asked() {
    let server = socket();
    let impairment = Impairment { loss: 20.0, seed: 5, ..Impairment::default() };
    let mut up = model(&impairment, Direction::Up);
    let mut down = model(&impairment, Direction::Down);
    let proxy = Running::start(&server, impairment, 8);
    let client = socket();

    // One at a time: whoever is said to survive is awaited, so no socket buffer can overflow.
    let (mut there, mut back) = (0, 0);
    for n in 0..2_000_u32 {
        client.send_to(&n.to_be_bytes(), proxy.address).expect("loopback");
        if up.pass(Time::ZERO, 4).is_err() {
            continue;
        }
        there += 1;
        let (bytes, upstream) = receive(&server);
        assert_eq!(bytes, n.to_be_bytes());
        server.send_to(&bytes, upstream).expect("loopback");
        if down.pass(Time::ZERO, 4).is_err() {
            continue;
        }
        back += 1;
        assert_eq!(receive(&client).0, n.to_be_bytes());
    }

    // Four standard deviations around 1,600 of 2,000, then around 80 % of those.
    assert!((1_529..=1_671).contains(&there), "{there} of 2,000 came through");
    let expected = f64::from(there) * 0.8;
    assert!((f64::from(back) - expected).abs() < 64.0, "{back} of {there} came back");
    let report = proxy.stop();
    assert_eq!(report.up.lost, 2_000 - u64::from(there as u32));
    assert_eq!(report.down.lost, there as u64 - back as u64);
}

#[test]
fn duplicates_arrive_twice() {
    let server = socket();
    let impairment = Impairment { duplicate: 100.0, ..Impairment::default() };
    let proxy = Running::start(&server, impairment, 8);
    let client = socket();

    client.send_to(b"twin", proxy.address).expect("loopback");

    assert_eq!(receive(&server).0, b"twin");
    assert_eq!(receive(&server).0, b"twin");
    assert_eq!(proxy.stop().up.duplicated, 1);
}

#[test]
fn clients_beyond_the_limit_are_refused_and_others_still_served() {
    let server = socket();
    let proxy = Running::start(&server, Impairment::default(), 1);
    let (first, second) = (socket(), socket());

    first.send_to(b"1", proxy.address).expect("loopback");
    assert_eq!(receive(&server).0, b"1");
    second.send_to(b"2", proxy.address).expect("loopback");
    first.send_to(b"3", proxy.address).expect("loopback");

    assert_eq!(receive(&server).0, b"3");
    assert_eq!(proxy.stop().refused, 1);
}

#[test]
fn program_prints_its_address_first_and_counts_when_told_to_end() {
    let server = socket();
    let to = server.local_addr().expect("bound").to_string();
    let mut program = Command::new(env!("CARGO_BIN_EXE_netlab"))
        .args(["proxy", "--to", &to])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdout = BufReader::new(program.stdout.take().expect("piped"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("readable");
    let address: SocketAddr = line.trim().parse().expect("the first line is an address");

    socket().send_to(b"x", address).expect("loopback");
    assert_eq!(receive(&server).0, b"x");
    let pid = rustix::process::Pid::from_child(&program);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("our own child");

    let mut report = String::new();
    stdout.read_to_string(&mut report).expect("readable");
    assert!(program.wait().expect("our own child").success());
    assert!(report.starts_with("up sent=1 bytes=1 delivered=1 lost=0 "), "{report}");
    assert!(report.contains("lateness p50_us="), "{report}");
}

#[test]
fn unusable_flags_are_refused() {
    for args in [&["proxy"][..], &["proxy", "--to", "127.0.0.1:1", "--loss", "101"], &[]] {
        let output = Command::new(env!("CARGO_BIN_EXE_netlab")).args(args).output();
        assert_eq!(output.expect("the program starts").status.code(), Some(2), "{args:?}");
    }
}

/// A proxy in a thread of its own.
struct Running {
    address: SocketAddr,
    stop: Stop,
    thread: JoinHandle<std::io::Result<Report>>,
}

impl Running {
    fn start(server: &UdpSocket, impairment: Impairment, clients_max: usize) -> Self {
        let proxy = Proxy::bind(ProxyConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            to: server.local_addr().expect("bound"),
            impairment,
            clients_max,
            waiting_max: 1_000,
        })
        .expect("a free port");
        let address = proxy.local_addr().expect("bound");
        let stop = Stop::new();
        let thread = std::thread::spawn({
            let stop = stop.clone();
            move || proxy.run(&stop)
        });
        Self { address, stop, thread }
    }

    fn stop(self) -> Report {
        self.stop.request();
        self.thread.join().expect("no panic").expect("no error")
    }
}

fn model(impairment: &Impairment, direction: Direction) -> Link {
    Link::new(impairment.link_config(), link_seed(impairment.seed, 0, direction))
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    // Only a broken proxy makes anybody wait this long.
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("not zero");
    socket
}

fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buf = [0; 2_048];
    let (len, from) = socket.recv_from(&mut buf).expect("a datagram in time");
    (buf[..len].to_vec(), from)
}
