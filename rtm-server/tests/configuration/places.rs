//! Where the server is, and how it is reached.

use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use rtm_client::{
    AreaCode, ErrorKind, PrivateConfig, ProtocolType, Proxy, RtmClient, ServerAddress,
};

use super::lab::{Lab, log_in, refused};

/// The server's address at another host or port.
fn at(lab: &Lab, host: &str, port: u16) -> ServerAddress {
    ServerAddress::new(host, port, lab.address.key()).unwrap()
}

/// A port where nobody answers, in UDP or TCP, held as long as the sockets are.
fn deaf() -> (u16, UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = udp.local_addr().unwrap().port();
        // Connections wait there, and nobody takes them.
        if let Ok(tcp) = TcpListener::bind(("127.0.0.1", port)) {
            return (port, udp, tcp);
        }
    }
}

#[tokio::test]
async fn further_hosts_are_tried_when_the_first_is_not_there() {
    let lab = Lab::new();
    let (port, _udp, _tcp) = deaf();
    let private = |hosts: Vec<String>| PrivateConfig::new().access_point_hosts(hosts);
    let here = format!("127.0.0.1:{}", lab.address.port());
    for protocol in [ProtocolType::TcpUdp, ProtocolType::UdpOnly, ProtocolType::TcpOnly] {
        let builder = lab
            .builder_at(at(&lab, "127.0.0.1", port), "alice")
            .protocol_type(protocol)
            .login_timeout(Duration::from_secs(1));
        let client = builder.clone().build().unwrap();
        assert_eq!(client.login().await.unwrap_err().kind(), ErrorKind::ServerUnreachable);
        // A name without an address is no hindrance either.
        let hosts = vec!["nowhere.invalid".to_owned(), here.clone()];
        let client = log_in(builder.private_config(private(hosts))).await;
        client.logout().await.unwrap();
    }
    let most: Vec<String> = (0..16).map(|_| here.clone()).collect();
    log_in(lab.builder("alice").private_config(private(most.clone())))
        .await
        .logout()
        .await
        .unwrap();
    let more = [&most[..], &[here]].concat();
    let one_beyond = lab.builder("alice").private_config(private(more));
    refused(one_beyond, ErrorKind::InvalidAddress, -10_024);
    for host in ["", "a b", "a:0", "a:65536", "::1"] {
        let builder = lab.builder("alice").private_config(private(vec![host.to_owned()]));
        refused(builder, ErrorKind::InvalidAddress, -10_024);
    }
    lab.end().await;
}

#[tokio::test]
async fn where_only_names_are_let_through_a_bare_address_is_an_error() {
    let lab = Lab::new();
    let port = lab.address.port();
    let by_name = lab.builder_at(at(&lab, "localhost", port), "alice");
    log_in(by_name.isp_policy_enabled(true)).await.logout().await.unwrap();
    for host in ["127.0.0.1", "::1"] {
        let bare = || lab.builder_at(at(&lab, host, port), "alice");
        refused(bare().isp_policy_enabled(true), ErrorKind::InvalidConfig, -10_014);
        assert!(bare().isp_policy_enabled(false).build().is_ok());
    }
    lab.end().await;
}

#[tokio::test]
async fn what_hosted_rtm_has_and_a_server_of_ones_own_has_not_is_not_supported() {
    let lab = Lab::new();
    let alice = || lab.builder("alice");
    let private = PrivateConfig::new;
    let defaults = alice()
        .area_code(AreaCode::GLOBAL)
        .multipath(false)
        .context(0)
        .log_upload(false)
        .private_config(private().event_upload_hosts::<&str>([]));
    log_in(defaults).await.logout().await.unwrap();
    for builder in [
        alice().area_code(AreaCode::CHINA),
        alice().area_code(AreaCode::NORTH_AMERICA | AreaCode::EUROPE),
        alice().multipath(true),
        alice().context(1),
        alice().log_upload(true),
        alice().proxy(Proxy::cloud_tcp()),
        alice().private_config(private().event_upload_hosts(["a"])),
        alice().private_config(private().log_upload_hosts(["a"])),
        alice().private_config(private().origin_domains(["a"])),
        alice().private_config(private().domain_mode(1)),
    ] {
        refused(builder, ErrorKind::Unsupported, -10_022);
    }
    lab.end().await;
}

/// What an app without a server hears, and when: all attempts are within the timeout, which is the
/// shortest.
#[tokio::test]
async fn a_login_is_one_attempt_or_as_many_as_fit_the_reconnect_timeout() {
    let lab = Lab::new();
    let (port, udp, _tcp) = deaf();
    let builder = |user| {
        lab.builder_at(at(&lab, "127.0.0.1", port), user)
            .protocol_type(ProtocolType::UdpOnly)
            .login_timeout(Duration::from_secs(1))
    };
    let timeout = Some(Duration::from_secs(15));
    let patient = builder("alice").reconnect_timeout(timeout).build().unwrap();
    let hasty: RtmClient = builder("bob").build().unwrap();
    let login = tokio::spawn(async move { (patient.login().await, patient.link_state()) });
    assert_eq!(hasty.login().await.unwrap_err().kind(), ErrorKind::ServerUnreachable);
    assert!(!login.is_finished(), "one second isn't fifteen");
    // The server comes while alice still tries.
    drop(udp);
    let relay = relay_to(port, lab.address.port());
    let (logged_in, state) = login.await.unwrap();
    logged_in.unwrap();
    assert_eq!(state, rtm_client::LinkState::Connected);
    relay.abort();
    lab.end().await;
}

/// Datagrams for one port are handed to another, and the answers back.
fn relay_to(from: u16, to: u16) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let outside = tokio::net::UdpSocket::bind(("127.0.0.1", from)).await.unwrap();
        let inside = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (mut up, mut down, mut client) = (vec![0; 2_048], vec![0; 2_048], None);
        loop {
            tokio::select! {
                Ok((length, sender)) = outside.recv_from(&mut up) => {
                    client = Some(sender);
                    let _ = inside.send_to(&up[..length], ("127.0.0.1", to)).await;
                }
                Ok((length, _)) = inside.recv_from(&mut down) => {
                    if let Some(client) = client {
                        let _ = outside.send_to(&down[..length], client).await;
                    }
                }
            }
        }
    })
}
