//! A server in this process, perhaps behind a proxy that loses datagrams.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use netlab::{Impairment, Proxy, ProxyConfig, Report, Stop};
use rtm_context::Context;
use rtm_server::{Access, DataDir, Server, ServerHandle, Settings, own_app};
use rtm_token::{AppId, Certificate, Service, Token};

/// A server, its files, and the context file that points to it.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
    pub(crate) context: Context,
    handle: ServerHandle,
    server: Option<JoinHandle<()>>,
}

impl Lab {
    /// A server with the limits of development, or of production.
    pub(crate) fn new(is_dev: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (context, handle, server) = serve(folder.path(), is_dev, "127.0.0.1:0");
        context.write(&folder.path().join("context.json")).expect("written");
        Self { folder, context, handle, server: Some(server) }
    }

    /// The server's next life, where the last one was.
    pub(crate) fn start_again(&mut self, is_dev: bool) {
        let place = self.context.server.trim_start_matches("rtm://");
        let (place, _) = place.split_once('?').expect("a key");
        let (context, handle, server) = serve(self.folder.path(), is_dev, place);
        assert_eq!(context.server, self.context.server, "key and port stay");
        (self.handle, self.server) = (handle, Some(server));
    }

    pub(crate) fn context_file(&self) -> PathBuf {
        self.path("context.json")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The connection string with another address.
    pub(crate) fn server_at(&self, addr: SocketAddr) -> String {
        let (_, key) = self.context.server.split_once('?').expect("a key");
        format!("rtm://{addr}?{key}")
    }

    /// A token as a token server would make it.
    pub(crate) fn token(&self, user: &str, issued_ago: u32, seconds: u32) -> String {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = u32::try_from(now.expect("after 1970").as_secs()).expect("before 2106");
        let token = Token {
            app_id: AppId::new(&self.context.app_id).expect("ours"),
            issued_at: now - issued_ago,
            expires_in: seconds,
            salt: 1,
            services: vec![Service::rtm(user, seconds)],
        };
        token.sign(&Certificate::new(&self.context.certificate).expect("ours"))
    }

    /// Ends the server in order.
    pub(crate) fn shut_down(&mut self) {
        let Some(server) = self.server.take() else { return };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(self.handle.shut_down());
        let ended = server.join();
        // A test that fails already says why.
        if !std::thread::panicking() {
            ended.expect("the server has not panicked");
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// Starts a server with its files in this folder.
fn serve(folder: &Path, is_dev: bool, listen: &str) -> (Context, ServerHandle, JoinHandle<()>) {
    let data = DataDir::open(&folder.join("data")).expect("made");
    let app = own_app(&data).expect("made");
    let mut access = Access::new();
    app.add_to(&mut access);
    let mut settings = Settings::default();
    settings.listen = Some(listen.parse().expect("an address"));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let server = {
        let _entered = runtime.enter();
        Server::bind(&settings, is_dev, access, &data).expect("a free port")
    };
    let context = Context {
        server: server.connection_string(),
        app_id: app.id.as_str().to_owned(),
        certificate: app.certificate.as_str().to_owned(),
    };
    let handle = server.handle();
    let running = std::thread::spawn(move || {
        runtime.block_on(server.run(std::future::pending())).expect("an orderly end");
    });
    (context, handle, running)
}

/// A proxy before a lab's server that loses datagrams, both ways.
pub(crate) struct Lossy {
    pub(crate) server: String,
    pub(crate) addr: SocketAddr,
    stop: Stop,
    running: JoinHandle<Report>,
}

impl Lossy {
    pub(crate) fn new(lab: &Lab, loss: f64, seed: u64) -> Self {
        let address = lab.context.server.trim_start_matches("rtm://");
        let to = address.split_once('?').expect("a key").0.parse().expect("an address");
        let config = ProxyConfig {
            listen: "127.0.0.1:0".parse().expect("an address"),
            to,
            impairment: Impairment { loss, seed, ..Impairment::default() },
            clients_max: 16,
            waiting_max: 100_000,
        };
        let proxy = Proxy::bind(config).expect("a free port");
        let addr = proxy.local_addr().expect("bound");
        let server = lab.server_at(addr);
        let stop = Stop::new();
        let until = stop.clone();
        let running = std::thread::spawn(move || proxy.run(&until).expect("loopback works"));
        Self { server, addr, stop, running }
    }

    pub(crate) fn stop(self) -> Report {
        self.stop.request();
        self.running.join().expect("the proxy has not panicked")
    }
}
