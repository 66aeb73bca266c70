//! Networks that drop UDP, for a while or for ever, and networks with a proxy: real processes, real
//! sockets.

use std::io::{Read, Write, copy};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::lab::{Lab, Lossy};
use crate::program::{Running, rtm, run, run_with};

fn text(lines: usize) -> String {
    (0..lines).map(|number| format!("{number}: the quick brown fox\n")).collect()
}

fn server_addr(lab: &Lab) -> SocketAddr {
    let place = lab.context.server.trim_start_matches("rtm://");
    place.split_once('?').expect("a key").0.parse().expect("an address")
}

/// Copies bytes both ways until either side ends.
fn join(client: TcpStream, server: TcpStream) {
    let (mut from_client, mut to_server) =
        (client.try_clone().expect("cloned"), server.try_clone().expect("cloned"));
    let upward = std::thread::spawn(move || {
        let _ = copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Both);
    });
    let (mut from_server, mut to_client) = (server, client);
    let _ = copy(&mut from_server, &mut to_client);
    let _ = to_client.shutdown(Shutdown::Both);
    upward.join().expect("copying does not panic");
}

/// Takes connections at `addr`, counted, and gives each to `treat`.
fn listen(
    addr: SocketAddr,
    treat: impl Fn(TcpStream) + Clone + Send + 'static,
) -> (SocketAddr, Arc<AtomicU32>) {
    let listener = TcpListener::bind(addr).expect("a free port");
    let addr = listener.local_addr().expect("bound");
    let count = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&count);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            counter.fetch_add(1, Ordering::Relaxed);
            let treat = treat.clone();
            std::thread::spawn(move || treat(client));
        }
    });
    (addr, count)
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

#[test]
fn lines_cross_tcp_alone_and_meet_udp_at_the_server() {
    let lab = Lab::new(true);
    let sub = |user, protocol| {
        let arguments = ["sub", "lobby", "--as", user, "--count", "500", "--protocol", protocol];
        let mut running = Running::start(&mut rtm(&lab, &arguments));
        running.wait_for("subscribed to lobby");
        running
    };
    let subscribers = [sub("bob", "tcp"), sub("carol", "udp"), sub("dave", "tcp-udp")];
    let mut publish = rtm(&lab, &["pub", "lobby", "--as", "alice", "--protocol", "tcp"]);
    run_with(&mut publish, text(500).as_bytes()).ok();
    for subscriber in subscribers {
        assert!(subscriber.end().ok() == text(500));
    }
}

/// No UDP socket is opened: the process has none.
#[cfg(target_os = "linux")]
#[test]
fn tcp_alone_opens_no_udp_socket() {
    let lab = Lab::new(true);
    let udp_sockets = |protocol| {
        let arguments = ["sub", "lobby", "--as", "bob", "--protocol", protocol];
        let mut running = Running::start(&mut rtm(&lab, &arguments));
        running.wait_for("subscribed to lobby");
        let all: String = ["udp", "udp6"]
            .iter()
            .map(|table| std::fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default())
            .collect();
        let inodes: Vec<&str> =
            all.lines().filter_map(|line| line.split_whitespace().nth(9)).collect();
        let links = std::fs::read_dir(format!("/proc/{}/fd", running.id())).expect("it runs");
        links
            .filter_map(|link| std::fs::read_link(link.ok()?.path()).ok())
            .filter(|to| inodes.iter().any(|it| to.to_string_lossy() == format!("socket:[{it}]")))
            .count()
    };
    assert_eq!(udp_sockets("tcp"), 0);
    assert!(udp_sockets("udp") > 0, "the count counts");
}

#[test]
fn udp_that_dies_under_way_costs_no_line() {
    let lab = Lab::new(true);
    // At one port number: UDP through something that can be stopped, TCP as it is.
    let lossy = Lossy::new(&lab, 0.0, 1);
    let to = server_addr(&lab);
    let (_, streams) = listen(lossy.addr, move |client| {
        join(client, TcpStream::connect(to).expect("the server is there"));
    });
    let at = ["--server", &lossy.server];
    let arguments = ["sub", "town", "--topic", "file", "--as", "bob", "--count", "600"];
    let mut subscriber = Running::start(rtm(&lab, &arguments).args(at));
    subscriber.wait_for("subscribed to town/file");
    let publish = ["pub", "town", "--topic", "file", "--as", "alice", "--rate", "100"];
    let mut publisher = Running::start(rtm(&lab, &publish).args(at).stdin(Stdio::piped()));
    let mut stdin = publisher.stdin();
    stdin.write_all(text(200).as_bytes()).expect("it reads");
    for number in 0..200 {
        assert_eq!(subscriber.line(), format!("{number}: the quick brown fox"));
    }
    assert_eq!(streams.load(Ordering::Relaxed), 0, "where UDP passes, TCP isn't used");
    let report = lossy.stop();
    assert!(report.up.delivered > 0 && report.down.delivered > 0, "{report}");
    let rest = text(600).split_off(text(200).len());
    stdin.write_all(rest.as_bytes()).expect("it reads");
    drop(stdin);
    publisher.end().ok();
    for number in 200..600 {
        assert_eq!(subscriber.line(), format!("{number}: the quick brown fox"));
    }
    subscriber.end().ok();
    assert_eq!(streams.load(Ordering::Relaxed), 2, "one for each process");
}

#[test]
fn lines_go_through_a_proxy_that_wants_an_account() {
    let lab = Lab::new(true);
    let to = server_addr(&lab);
    let (proxy, asked) = listen(loopback(), move |mut client| {
        let (mut request, mut byte) = (Vec::new(), [0]);
        while !request.ends_with(b"\r\n\r\n") {
            client.read_exact(&mut byte).expect("a whole request");
            request.push(byte[0]);
        }
        let request = String::from_utf8(request).expect("text");
        // "carol:p@ss"
        if request.contains("Proxy-Authorization: Basic Y2Fyb2w6cEBzcw==\r\n") {
            assert!(request.starts_with("CONNECT rtm.example.invalid:"), "{request}");
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").expect("written");
            join(client, TcpStream::connect(to).expect("the server is there"));
        } else {
            let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
            client.write_all(refusal).expect("written");
        }
    });
    // A name that only the proxy knows.
    let server = lab.context.server.replace("127.0.0.1", "rtm.example.invalid");
    let through = |account: &str| format!("http://{account}@{proxy}");
    let message = ["pub", "lobby", "--as", "alice", "--message", "hi", "--server", &server];
    let ended = run(rtm(&lab, &message).args(["--proxy", &through("carol:p@ss")]));
    ended.ok();
    assert!(asked.load(Ordering::Relaxed) > 0);
    let refused = run(rtm(&lab, &message).args(["--proxy", &through("carol:guess")]));
    assert_eq!(refused.code, Some(3), "{}", refused.err);
    assert!(!refused.err.contains("guess"), "{}", refused.err);
}

#[test]
fn proxies_that_cannot_be_are_refused_before_anything_is_sent() {
    let lab = Lab::new(true);
    let proxies =
        ["proxy:8080", "socks5://proxy:1080", "http://proxy", "http://u@proxy:1", "http://:1"];
    for proxy in proxies {
        let ended = run(&mut rtm(&lab, &["sub", "lobby", "--as", "bob", "--proxy", proxy]));
        assert_eq!(ended.code, Some(2), "{proxy}: {}", ended.err);
        assert!(ended.err.contains("http://[USER:PASSWORD@]HOST:PORT"), "{}", ended.err);
    }
    let both = ["--proxy", "http://proxy:1", "--protocol", "udp"];
    let ended = run(rtm(&lab, &["sub", "lobby", "--as", "bob"]).args(both));
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("proxy takes TCP only"), "{}", ended.err);
}
