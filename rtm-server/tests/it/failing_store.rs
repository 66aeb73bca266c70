//! A store that fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rtm_channel::{AppId, ChannelKey};
use rtm_client::{
    ChannelId, ClientEvent, ErrorKind, LinkReason, LinkState, MetadataItem, MetadataOptions,
    RtmClient,
};
use rtm_server::{
    Access, Change, DataDir, HistoryPage, HistoryQuery, MemoryStore, Server, ServerError, Settings,
    Store, StoreError,
};

/// Keeps everything until its disk is full.
#[derive(Debug)]
struct Full {
    store: MemoryStore,
    is_full: Arc<AtomicBool>,
}

impl Store for Full {
    fn load(&mut self) -> Result<Vec<Change>, StoreError> {
        self.store.load()
    }

    fn messages(&mut self, query: &HistoryQuery) -> Result<HistoryPage, StoreError> {
        self.store.messages(query)
    }

    fn histories(&mut self, after: Option<&ChannelKey>) -> Result<Vec<ChannelKey>, StoreError> {
        self.store.histories(after)
    }

    fn history_bytes(&self) -> u64 {
        self.store.history_bytes()
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        match self.is_full.load(Ordering::Relaxed) {
            true => Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into()),
            false => self.store.commit(changes),
        }
    }
}

#[tokio::test]
async fn a_server_that_can_keep_nothing_ends_and_nobody_was_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataDir::open(folder.path()).unwrap();
    let mut access = Access::new();
    access.insert(AppId::new("app").unwrap(), None);
    let mut settings = Settings::default();
    settings.listen = Some("127.0.0.1:0".parse().unwrap());
    let is_full = Arc::new(AtomicBool::new(false));
    let store = Full { store: MemoryStore::default(), is_full: Arc::clone(&is_full) };
    let store = Box::new(store);
    let server = Server::bind_with_store(&settings, true, access, &data, store).unwrap();
    let address = server.connection_string().parse().unwrap();
    let serving = tokio::spawn(server.run(std::future::pending()));

    let client = RtmClient::builder("app", "alice").server(address).build().unwrap();
    let mut events = client.events();
    client.login().await.unwrap();
    let lobby = ChannelId::message("lobby").unwrap();
    let write = |value: &str| {
        let items = [MetadataItem::new("a", value.to_owned())];
        let (storage, lobby) = (client.storage(), lobby.clone());
        async move { storage.set_channel_metadata(&lobby, items, MetadataOptions::new()).await }
    };
    write("1").await.unwrap();
    is_full.store(true, Ordering::Relaxed);
    let error = write("2").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");

    let ended = tokio::time::timeout(Duration::from_secs(60), serving).await.unwrap().unwrap();
    let error = ended.unwrap_err();
    assert!(matches!(error, ServerError::StoreFailed { .. }), "{error}");
    assert!(error.to_string().contains("store.redb cannot be written"), "{error}");
    // Clients are told, as at each orderly end.
    loop {
        let Some(ClientEvent::LinkState(event)) = events.recv().await else { continue };
        if event.current == LinkState::Disconnected {
            assert_eq!(event.reason, LinkReason::KickedOutByServer);
            break;
        }
    }
}
