//! A server with its clients, each in its thread.

use std::sync::Arc;

use rtm_client::{RtmClient, ServerAddress};
use rtm_server::{AppSettings, DataDir, Preset, Server, Settings, StoreKind};
use tempfile::TempDir;

use crate::Failure;
use crate::host::Host;
use crate::path::{Kind, Publisher, Subscriber};

const APP: &str = "bench";
/// Names of the threads.
pub(crate) const THREADS: [&str; 3] = ["publisher", "server", "subscribers"];

pub(crate) struct World {
    pub(crate) publishing: Host,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) subscribing: Host,
    /// Dropped after its clients.
    _serving: Host,
    _folder: TempDir,
}

impl World {
    /// A server, a publisher and its subscribers, ready.
    pub(crate) fn new(kind: Kind, count: u32) -> Result<(Self, Vec<Subscriber>), Failure> {
        let folder = TempDir::new()?;
        let [publishing, serving, subscribing] = THREADS.map(Host::start);
        let (publishing, serving, subscribing) = (publishing?, serving?, subscribing?);
        let data = DataDir::open(folder.path())?;
        let address = serving.run(async move { serve(&data, StoreKind::Disk) })?;
        let server = address.clone();
        let publisher = publishing.run(async move {
            let client = client(&server, "publisher").await?;
            Publisher::new(kind, &client).await
        })?;
        let subscribers = subscribing.run(async move {
            let mut subscribers = Vec::new();
            for number in 0..count {
                let client = client(&address, &format!("subscriber-{number}")).await?;
                subscribers.push(Subscriber::new(kind, &client).await?);
            }
            Ok(subscribers)
        })?;
        let publisher = Arc::new(publisher);
        let world = Self { publishing, publisher, subscribing, _serving: serving, _folder: folder };
        Ok((world, subscribers))
    }
}

/// Begins to serve, for as long as the runtime lives.
pub(crate) fn serve(data: &DataDir, store: StoreKind) -> Result<ServerAddress, Failure> {
    let mut settings = Settings::default();
    settings.listen = Some("127.0.0.1:0".parse()?);
    settings.preset = Some(Preset::Open);
    settings.store = store;
    settings.app.push(AppSettings::open(APP));
    let server = Server::bind(&settings, true, settings.access()?, data)?;
    let address = server.connection_string().parse()?;
    tokio::spawn(async move {
        if let Err(error) = server.run(std::future::pending()).await {
            eprintln!("the server has ended: {error}");
        }
    });
    Ok(address)
}

pub(crate) async fn client(server: &ServerAddress, user: &str) -> Result<RtmClient, Failure> {
    let client = RtmClient::builder(APP, user).server(server.clone()).build()?;
    client.login().await?;
    Ok(client)
}
