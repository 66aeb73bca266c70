//! `wss` through a proxy that ends TLS: the real client with a connector that brings TLS along, the
//! real server behind the proxy. Here, since this is where TLS is built at all.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rtm_client::{
    ChannelEvent, ProtocolType, PublishOptions, RtmClient, ServerAddress, SubscribeOptions,
};
use rtm_server::{AppSettings, DataDir, Preset, Server, Settings};
use rtm_session::driver::{Connect, Duplex, StreamKind};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

const NAME: &str = "rtm.example";
const APP: &str = "wss";

/// What an application hands in where only `wss` passes.
struct Tls {
    connector: TlsConnector,
    proxy: SocketAddr,
}

#[async_trait::async_trait]
impl Connect for Tls {
    async fn connect(&self, _: SocketAddr, _: u32) -> io::Result<(Box<dyn Duplex>, StreamKind)> {
        let socket = TcpStream::connect(self.proxy).await?;
        socket.set_nodelay(true)?;
        let name = ServerName::try_from(NAME).expect("a name");
        let tls = self.connector.connect(name, socket).await?;
        Ok((Box::new(tls), StreamKind::WebSocket(format!("wss://{NAME}/rtm"))))
    }
}

/// Ends TLS and hands the bytes on, as nginx or HAProxy would. Where it listens, and its
/// certificate.
async fn terminate(to: SocketAddr) -> (SocketAddr, CertificateDer<'static>) {
    let certified = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).expect("made");
    let certificate = certified.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(certified.key_pair.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .expect("a certificate of our own");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let at = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut tls) = acceptor.accept(socket).await else { return };
                let mut onward = TcpStream::connect(to).await.expect("the server is there");
                // Ends one way or the other.
                let _ = copy_bidirectional(&mut tls, &mut onward).await;
            });
        }
    });
    (at, certificate)
}

fn tls(proxy: SocketAddr, trusted: CertificateDer<'static>) -> Arc<Tls> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(Tls { connector: TlsConnector::from(Arc::new(config)), proxy })
}

#[tokio::test]
async fn messages_cross_wss_through_a_proxy_that_ends_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = DataDir::open(folder.path()).expect("made");
    let mut settings = Settings::default();
    settings.listen = Some("127.0.0.1:0".parse().expect("an address"));
    settings.preset = Some(Preset::Open);
    settings.app.push(AppSettings::open(APP));
    let access = settings.access().expect("an app");
    let server = Server::bind(&settings, true, access, &data).expect("a free port");
    let address: ServerAddress = server.connection_string().parse().expect("its own");
    let (proxy, certificate) = terminate(server.tcp_addr()).await;
    tokio::spawn(server.run(std::future::pending()));

    let client = |user: &str, tls: Arc<Tls>| {
        let builder = RtmClient::builder(APP, user).server(address.clone());
        builder.protocol_type(ProtocolType::TcpOnly).stream_connector(tls).build().expect("valid")
    };
    let alice = client("alice", tls(proxy, certificate.clone()));
    let bob = client("bob", tls(proxy, certificate));
    alice.login().await.expect("in by wss");
    bob.login().await.expect("in by wss");
    let lobby = bob.message_channel("lobby").expect("a name");
    let mut heard = lobby.subscribe(SubscribeOptions::new().presence(false)).await.expect("subscribed");
    let lobby = alice.message_channel("lobby").expect("a name");
    for number in 0..500 {
        lobby.publish(format!("{number}"), PublishOptions::text()).await.expect("published");
    }
    for number in 0..500 {
        match heard.recv().await {
            Some(ChannelEvent::Message(message)) => {
                assert_eq!(message.payload, number.to_string().as_bytes());
            }
            other => panic!("{other:?}"),
        }
    }

    // A certificate that nobody vouches for: the reason is told.
    let foreign = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).expect("made");
    let carol = client("carol", tls(proxy, foreign.cert.der().clone()));
    let refused = carol.login().await.expect_err("the certificate is another one").to_string();
    assert!(refused.contains("over TCP: invalid peer certificate"), "{refused}");
}
