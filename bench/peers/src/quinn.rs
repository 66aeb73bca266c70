//! QUIC by quinn.

mod unlimited;

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use quinn::congestion::{BbrConfig, CubicConfig};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, ServerConfig, VarInt};
use quinn::{IdleTimeout, TransportConfig};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use self::unlimited::UnlimitedConfig;
use crate::Failure;
use crate::framing::{checked, frame};
use crate::pacer::Pacer;
use crate::recorder::Recorder;
use crate::work::{Outgoing, Work};

#[derive(Args)]
pub(crate) struct Options {
    #[arg(long, value_enum, default_value_t = Mode::StreamPerMessage)]
    mode: Mode,
    #[arg(long, value_enum, default_value_t = Congestion::Cubic)]
    cc: Congestion,
    /// One connection for all flows, or one for each
    #[arg(long, value_enum, default_value_t = Connections::One)]
    connections: Connections,
    #[command(flatten)]
    work: Work,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Connections {
    One,
    PerFlow,
}

/// How messages map to QUIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    StreamPerMessage,
    /// One stream for each flow.
    OneStream,
    Datagram,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Congestion {
    Bbr,
    Cubic,
    /// A window that never closes.
    None,
}

pub(crate) fn serve(options: &Options) -> Result<(), Failure> {
    let recorder = Recorder::new(&options.work, options.mode != Mode::Datagram);
    let runtime = runtime()?;
    let _guard = runtime.enter();
    let certified = rcgen::generate_simple_self_signed(vec![NAME.to_owned()])?;
    let certificate = certified.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(certified.key_pair.serialize_der());
    let mut config = ServerConfig::with_single_cert(vec![certificate.clone()], key.into())?;
    config.transport_config(transport(options)?);
    let endpoint = Endpoint::server(config, options.work.address)?;
    fs::write(options.work.out.join(CERTIFICATE), &certificate)?;
    recorder.watch()?;
    runtime.block_on(async move {
        while let Some(incoming) = endpoint.accept().await {
            let recorder = recorder.clone();
            tokio::spawn(async move {
                if let Ok(connection) = incoming.await {
                    receive(connection, recorder).await;
                }
            });
        }
    });
    Ok(())
}

async fn receive(connection: Connection, recorder: Recorder) {
    loop {
        tokio::select! {
            stream = connection.accept_uni() => {
                let Ok(stream) = stream else { return };
                tokio::spawn(receive_stream(stream, recorder.clone()));
            }
            datagram = connection.read_datagram() => {
                let Ok(datagram) = datagram else { return };
                recorder.record(&datagram);
            }
        }
    }
}

/// Records until the stream ends or the connection breaks.
async fn receive_stream(mut stream: RecvStream, recorder: Recorder) {
    let mut message = Vec::new();
    let mut length = [0; 4];
    while stream.read_exact(&mut length).await.is_ok() {
        let Ok(length) = checked(length) else { return };
        message.resize(length, 0);
        if stream.read_exact(&mut message).await.is_err() {
            return;
        }
        recorder.record(&message);
    }
}

pub(crate) fn send(options: &Options) -> Result<(), Failure> {
    let work = &options.work;
    let runtime = runtime()?;
    let _guard = runtime.enter();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(fs::read(work.out.join(CERTIFICATE))?))?;
    let config = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(config)?));
    config.transport_config(transport(options)?);
    let mut endpoint = Endpoint::client(SocketAddr::from(([0; 4], 0)))?;
    endpoint.set_default_client_config(config);

    let pacer = Pacer::start(work, describe(options));
    let client = Client { endpoint, mode: options.mode, work: work.clone() };
    let mut to_tasks = Vec::new();
    let mut task = || {
        let (to_task, messages) = mpsc::unbounded_channel();
        to_tasks.push(to_task);
        messages
    };
    if work.cold {
        runtime.spawn(client.send_cold(task()));
    } else if work.bulk {
        let deadline = Duration::from_nanos(work.span());
        runtime.spawn(tokio::time::timeout(deadline, client.send_bulk(pacer.start_time())));
    } else {
        let connections = match options.connections {
            Connections::One => 1,
            Connections::PerFlow => work.flow_count(),
        };
        for _ in 0..connections {
            runtime.spawn(client.clone().send_all(task()));
        }
    }
    // The runtime has a thread of its own, and so has the schedule.
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    pacer.run(|outgoing| {
        let number = usize::from(outgoing.flow) % to_tasks.len();
        // Fails when the connection has broken; the message is missing then.
        let _ = to_tasks[number].send(outgoing);
    })
}

#[derive(Clone)]
struct Client {
    endpoint: Endpoint,
    mode: Mode,
    work: Work,
}

impl Client {
    async fn connect(&self) -> Result<Connection, Failure> {
        Ok(self.endpoint.connect(self.work.address, NAME)?.await?)
    }

    /// All messages over one connection. Those that were due before it stood go first.
    async fn send_all(
        self,
        mut messages: mpsc::UnboundedReceiver<Outgoing>,
    ) -> Result<(), Failure> {
        let connection = self.connect().await?;
        let mut streams: Vec<SendStream> = Vec::new();
        if self.mode == Mode::OneStream {
            for _ in 0..self.work.flow_count() {
                streams.push(connection.open_uni().await?);
            }
        }
        while let Some(Outgoing { flow, bytes, .. }) = messages.recv().await {
            match self.mode {
                Mode::StreamPerMessage => {
                    let mut stream = connection.open_uni().await?;
                    stream.write_all(&frame(&bytes)).await?;
                    stream.finish()?;
                }
                Mode::OneStream => {
                    streams[usize::from(flow)].write_all(&frame(&bytes)).await?;
                }
                // One that finds no room replaces the oldest.
                Mode::Datagram => connection.send_datagram(bytes)?,
            }
        }
        Ok(())
    }

    async fn send_cold(self, mut messages: mpsc::UnboundedReceiver<Outgoing>) {
        let client = Arc::new(self);
        while let Some(outgoing) = messages.recv().await {
            let client = Arc::clone(&client);
            tokio::spawn(async move {
                let connection = client.connect().await?;
                let mut stream = connection.open_uni().await?;
                stream.write_all(&frame(&outgoing.bytes)).await?;
                stream.finish()?;
                stream.stopped().await?;
                Ok::<(), Failure>(())
            });
        }
    }

    async fn send_bulk(self, started: u64) -> Result<(), Failure> {
        let connection = self.connect().await?;
        let mut stream = connection.open_uni().await?;
        let piece = frame(&self.work.bulk_piece(started));
        loop {
            stream.write_all(&piece).await?;
        }
    }
}

fn transport(options: &Options) -> Result<Arc<TransportConfig>, Failure> {
    let mut config = TransportConfig::default();
    config.max_idle_timeout(Some(IdleTimeout::try_from(IDLE_TIMEOUT)?));
    // A stream for each message must not wait for credit.
    config.max_concurrent_uni_streams(VarInt::from_u32(STREAMS_MAX));
    match options.cc {
        Congestion::Bbr => config.congestion_controller_factory(Arc::new(BbrConfig::default())),
        Congestion::Cubic => config.congestion_controller_factory(Arc::new(CubicConfig::default())),
        Congestion::None => config.congestion_controller_factory(Arc::new(UnlimitedConfig)),
    };
    Ok(Arc::new(config))
}

fn describe(options: &Options) -> String {
    let mode = match options.mode {
        Mode::StreamPerMessage => "a stream for each message",
        Mode::OneStream => "a stream for each flow",
        Mode::Datagram => "datagrams",
    };
    let cc = match options.cc {
        Congestion::Bbr => "BBR",
        Congestion::Cubic => "CUBIC",
        Congestion::None => "no congestion control (window of 16 MiB)",
    };
    let connections = match (options.work.cold, options.connections) {
        (true, _) => "a connection for each message",
        (false, Connections::One) => "one connection",
        (false, Connections::PerFlow) => "a connection for each flow",
    };
    format!(
        "quinn 0.11, {connections}, {mode}, {cc}, {STREAMS_MAX} streams allowed, idle timeout \
         {} s, else defaults",
        IDLE_TIMEOUT.as_secs()
    )
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn runtime() -> Result<Runtime, Failure> {
    // A second provider can't be there: nothing else in this process installs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(Builder::new_current_thread().enable_all().build()?)
}

const NAME: &str = "netlab";
/// How the client learns whom to trust.
const CERTIFICATE: &str = "certificate.der";
/// Longer than the longest blackout.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);
const STREAMS_MAX: u32 = 10_000;
