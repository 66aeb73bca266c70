//! Real TCP, WebSockets and proxies over loopback.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rtm_session::driver::{
    Clock, Connect, HttpProxy, StreamListener, TcpConnector, UdpTransport, WithStreams, drive,
};
use rtm_session::{Carriers, Config, Endpoint, EndpointCounters};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::pair::{seed, server_key};
use crate::talker::{COUNT, Talker, message, run};
use crate::udp::bind;

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A server whose streams come to the address; its datagrams would have to go elsewhere.
struct Served {
    addr: SocketAddr,
    server: JoinHandle<io::Result<Talker>>,
}

fn serve() -> Served {
    let listener = StreamListener::bind(loopback(), 64).expect("loopback is there");
    let addr = listener.local_addr().expect("bound");
    let transport = WithStreams::server(bind(), listener).expect("bound");
    let endpoint = Endpoint::server(Config::server(), server_key(), seed(1));
    let (_to_server, commands) = mpsc::channel(1);
    let server = drive(Talker::new(endpoint, false), transport, commands, Clock::start());
    Served { addr, server: tokio::spawn(server) }
}

/// A client talks with the server until all is said, both ways.
async fn talk(
    served: Served,
    at: SocketAddr,
    carriers: Carriers,
    connector: TcpConnector,
) -> EndpointCounters {
    let endpoint = Endpoint::client(Config::default().carriers(carriers), seed(2));
    let datagrams = (carriers != Carriers::Streams).then(bind);
    let transport: WithStreams<UdpTransport> = WithStreams::client(datagrams, Arc::new(connector));
    let (to_client, commands) = mpsc::channel(1);
    to_client.send((at, server_key().public())).await.expect("room for one");
    let client = drive(Talker::new(endpoint, true), transport, commands, Clock::start());
    let client = client.await.expect("sockets work");
    let server = served.server.await.expect("no panic").expect("sockets work");
    let all: Vec<_> = (0..COUNT).map(message).collect();
    assert!(client.got == all && server.got == all, "each message once, in order");
    server.endpoint.counters()
}

#[test]
fn thousands_of_messages_cross_a_stream_both_ways() {
    run(async {
        let served = serve();
        let at = served.addr;
        let counters = talk(served, at, Carriers::Streams, TcpConnector::new()).await;
        assert_eq!(counters.dropped(), 0);
    });
}

#[test]
fn and_a_web_socket() {
    run(async {
        let served = serve();
        let at = served.addr;
        let connector = TcpConnector::new().web_socket_only().host("localhost");
        let counters = talk(served, at, Carriers::Streams, connector).await;
        assert_eq!(counters.dropped(), 0);
    });
}

#[test]
fn where_no_datagram_is_taken_the_stream_wins_the_race() {
    run(async {
        let served = serve();
        let at = served.addr;
        talk(served, at, Carriers::Both, TcpConnector::new()).await;
    });
}

#[test]
fn a_stream_may_be_at_another_port() {
    run(async {
        let served = serve();
        let elsewhere = SocketAddr::from(([127, 0, 0, 1], 9));
        let connector = TcpConnector::new().port(served.addr.port());
        talk(served, elsewhere, Carriers::Streams, connector).await;
    });
}

/// Takes connections and hands each to `treat`.
async fn listen<F: Future<Output = ()> + Send + 'static>(
    mut treat: impl FnMut(TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind(loopback()).await.expect("loopback is there");
    let addr = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(treat(socket));
        }
    });
    addr
}

async fn read_request(socket: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(socket.read_u8().await.expect("a whole request"));
    }
    String::from_utf8(request).expect("text")
}

/// What a proxy does that knows one account and one target.
async fn prox(mut socket: TcpStream, account: Option<&str>, target: SocketAddr) {
    let request = read_request(&mut socket).await;
    assert!(request.starts_with(&format!("CONNECT rtm.invalid:{} HTTP/1.1\r\n", target.port())));
    let wanted = account.map(|account| format!("Proxy-Authorization: Basic {account}\r\n"));
    if wanted.is_some_and(|wanted| !request.contains(&wanted)) {
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
        return socket.write_all(refusal.as_bytes()).await.expect("written");
    }
    let mut onward = TcpStream::connect(target).await.expect("the server is there");
    let answer = "HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n";
    socket.write_all(answer.as_bytes()).await.expect("written");
    // Ends one way or the other.
    let _ = copy_bidirectional(&mut socket, &mut onward).await;
}

#[test]
fn a_proxy_lets_through_who_has_an_account() {
    run(async {
        let served = serve();
        let at = served.addr;
        // "alice:secret"
        let proxy = listen(move |socket| prox(socket, Some("YWxpY2U6c2VjcmV0"), at)).await;
        let proxy = HttpProxy::new("127.0.0.1", proxy.port());

        // The name is for the proxy to look up.
        let through =
            |proxy: &HttpProxy| TcpConnector::new().host("rtm.invalid").proxy(proxy.clone());
        let wrong = [proxy.clone(), proxy.clone().account("alice", "guess")];
        for proxy in wrong {
            let refused = through(&proxy).connect(at, 0).await.map(drop).expect_err("no account");
            assert!(refused.to_string().contains("407"), "{refused}");
        }
        let proxy = proxy.account("alice", "secret");
        assert!(!format!("{proxy:?}").contains("secret"));
        talk(served, at, Carriers::Streams, through(&proxy)).await;
    });
}

#[test]
fn what_a_proxy_answers_may_be_anything() {
    run(async {
        let answers: [(&'static [u8], &str); 5] = [
            (b"HTTP/1.1 403 Forbidden\r\n\r\n", "403 Forbidden"),
            (b"HTTP/1.1 502\r\n\r\n", "502"),
            (b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n", "answers"),
            (b"", "end of file"),
            (&[b'a'; 9_000], "without end"),
        ];
        for (answer, wrong) in answers {
            let proxy = listen(move |mut socket| async move {
                read_request(&mut socket).await;
                socket.write_all(answer).await.expect("written");
            })
            .await;
            let connector = TcpConnector::new().proxy(HttpProxy::new("127.0.0.1", proxy.port()));
            let refused = connector.connect(loopback(), 0).await.map(drop).expect_err(wrong);
            let says = refused.to_string();
            assert!(says.contains(wrong) && says.contains("HTTP proxy 127.0.0.1:"), "{says}");
        }
    });
}

#[test]
fn packets_that_do_not_pass_bare_pass_in_a_web_socket() {
    run(async {
        let served = serve();
        let at = served.addr;
        // Lets nothing through that doesn't look like HTTP.
        let firewall = listen(move |mut socket| async move {
            let mut first = [0; 4];
            let is_http = socket.read_exact(&mut first).await.is_ok() && first == *b"GET ";
            if is_http {
                let mut onward = TcpStream::connect(at).await.expect("the server is there");
                onward.write_all(&first).await.expect("written");
                let _ = copy_bidirectional(&mut socket, &mut onward).await;
            }
        })
        .await;
        talk(served, firewall, Carriers::Both, TcpConnector::new()).await;
    });
}

#[test]
fn connections_that_break_under_way_lose_and_repeat_nothing() {
    run(async {
        let served = serve();
        let at = served.addr;
        let connections = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&connections);
        // The first twenty break after a while, with whatever is in them.
        let wire = listen(move |mut socket| {
            let number = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                let mut onward = TcpStream::connect(at).await.expect("the server is there");
                if number >= 20 {
                    let _ = copy_bidirectional(&mut socket, &mut onward).await;
                    return;
                }
                let (mut from_client, mut to_client) = socket.split();
                let (mut from_server, mut to_server) = onward.split();
                // At a pace at which acknowledgements come back meanwhile.
                let mut left = 3_000 + 3_000 * number as usize;
                let trickle = async {
                    let mut piece = [0; 1_024];
                    while left > 0 {
                        let length = from_server.read(&mut piece).await.unwrap_or(0);
                        if length == 0 || to_client.write_all(&piece[..length]).await.is_err() {
                            return;
                        }
                        left = left.saturating_sub(length);
                        tokio::time::sleep(Duration::from_micros(500)).await;
                    }
                };
                tokio::select! {
                    _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
                    () = trickle => {}
                }
            }
        })
        .await;
        talk(served, wire, Carriers::Streams, TcpConnector::new()).await;
        assert!(connections.load(Ordering::Relaxed) > 10, "{connections:?}");
    });
}

#[test]
fn strangers_are_sent_away_and_clients_still_served() {
    run(async {
        let served = serve();
        let at = served.addr;
        let greetings: [&[u8]; 6] = [
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET \x00\x00\x00\x00\r\n\r\n",
            // A packet of 65,535 bytes is announced.
            b"RTM1\xff\xff\x01",
            b"RTM1\x40\x01",
        ];
        for greeting in greetings {
            let mut stranger = TcpStream::connect(at).await.expect("the server is there");
            stranger.write_all(greeting).await.expect("written");
            let mut answer = Vec::new();
            // Closed or reset; what a WebSocket server says before may be there.
            let _ = stranger.read_to_end(&mut answer).await;
            assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
        }
        // Packets that are none are counted, and the stream goes on.
        let mut stranger = TcpStream::connect(at).await.expect("the server is there");
        stranger.write_all(b"RTM1\x00\x05hello\x00\x00\x00\x01\x80").await.expect("written");
        let counters = talk(served, at, Carriers::Streams, TcpConnector::new()).await;
        assert_eq!(counters.malformed, 3);
        drop(stranger);
    });
}
