//! A real server on loopback, and clients.

use rtm_client::{ClientBuilder, ErrorKind, RtmClient, ServerAddress};
use rtm_server::{Access, DataDir, OwnApp, Server, ServerHandle, Settings, Status, own_app};
use rtm_token::{Certificate, Service, Token};
use tokio::task::JoinHandle;

/// A server that runs, in the runtime of the test.
pub(crate) struct Lab {
    // Removed at the end.
    _folder: tempfile::TempDir,
    pub(crate) address: ServerAddress,
    app: OwnApp,
    handle: ServerHandle,
    serving: JoinHandle<()>,
}

impl Lab {
    /// With the limits of hosted RTM, and an app that wants tokens.
    pub(crate) fn new() -> Self {
        Self::with_settings("")
    }

    pub(crate) fn with_settings(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let app = own_app(&data).unwrap();
        let mut access = Access::new();
        app.add_to(&mut access);
        let file = folder.path().join("rtm-server.toml");
        std::fs::write(&file, settings).unwrap();
        let mut settings = Settings::read(&file).unwrap();
        settings.listen = Some("127.0.0.1:0".parse().unwrap());
        let server = Server::bind(&settings, false, access, &data).unwrap();
        let address = server.connection_string().parse().unwrap();
        let handle = server.handle();
        let serving = tokio::spawn(async move {
            server.run(std::future::pending()).await.unwrap();
        });
        Self { _folder: folder, address, app, handle, serving }
    }

    pub(crate) fn app_id(&self) -> &str {
        self.app.id.as_str()
    }

    /// A client of this user, with a token.
    pub(crate) fn builder(&self, user: &str) -> ClientBuilder {
        self.builder_at(self.address.clone(), user)
    }

    pub(crate) fn builder_at(&self, address: ServerAddress, user: &str) -> ClientBuilder {
        RtmClient::builder(self.app_id(), user).server(address).token(self.token(user))
    }

    /// Good for logging in, and for joining the stream channel "town".
    pub(crate) fn token(&self, user: &str) -> String {
        self.token_for(user, 600)
    }

    /// The same, for so many seconds.
    pub(crate) fn token_for(&self, user: &str, seconds: u32) -> String {
        let services = vec![Service::rtm(user, 600), Service::rtc("town", user, 600)];
        self.token_with(services, seconds)
    }

    /// A token with these services.
    pub(crate) fn token_with(&self, services: Vec<Service>, seconds: u32) -> String {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let token = Token {
            app_id: self.app.id.clone(),
            issued_at: u32::try_from(now.unwrap().as_secs()).unwrap(),
            expires_in: seconds,
            salt: 1,
            services,
        };
        token.sign(&self.certificate())
    }

    fn certificate(&self) -> Certificate {
        self.app.certificate.clone()
    }

    pub(crate) async fn status(&self) -> Status {
        self.handle.status().await.unwrap()
    }

    pub(crate) async fn end(self) {
        self.handle.shut_down().await;
        self.serving.await.unwrap();
    }
}

/// A client that is logged in.
pub(crate) async fn log_in(builder: ClientBuilder) -> RtmClient {
    let client = builder.build().unwrap();
    client.login().await.unwrap();
    client
}

/// What `build` refuses.
#[track_caller]
pub(crate) fn refused(builder: ClientBuilder, kind: ErrorKind, code: i32) {
    let error = builder.build().map(drop).expect_err("it is one beyond");
    assert_eq!((error.kind(), error.code()), (kind, code), "{error}");
}
