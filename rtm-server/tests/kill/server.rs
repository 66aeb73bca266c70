//! The real program, which is killed and started again in the same folder and at the same port.

use std::process::Stdio;

use rtm_client::{ClientBuilder, RtmClient, ServerAddress};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::PATIENCE;

const APP: &str = "load";
const CONFIG: &str = r#"
preset = "open"
[[app]]
id = "load"
open = true
[limits]
inbox-messages = 1000000
inbox-bytes = 1073741824
[history]
messages = 1000000000
"#;

pub(crate) struct Server {
    folder: tempfile::TempDir,
    address: ServerAddress,
    listen: String,
    child: Child,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rtm-server.toml"), CONFIG).unwrap();
        let (child, address) = spawn(&folder, "127.0.0.1:0").await;
        let listen = address.trim_start_matches("rtm://").split('?').next().unwrap().to_owned();
        Self { folder, address: address.parse().unwrap(), listen, child }
    }

    /// SIGKILL, and a new one that takes up what is there.
    pub(crate) async fn kill_and_start_again(&mut self) {
        self.child.kill().await.unwrap();
        (self.child, _) = spawn(&self.folder, &self.listen).await;
    }

    pub(crate) async fn stop(mut self) {
        self.child.kill().await.unwrap();
    }

    pub(crate) fn builder(&self, user: &str) -> ClientBuilder {
        RtmClient::builder(APP, user).server(self.address.clone())
    }

    pub(crate) fn address(&self) -> ServerAddress {
        self.address.clone()
    }

    /// A client that is logged in.
    pub(crate) async fn client(&self, user: &str) -> RtmClient {
        let client = self.builder(user).build().unwrap();
        client.login().await.unwrap();
        client
    }
}

/// A client of this user, of a server at this address.
pub(crate) fn client_at(address: ServerAddress, user: &str) -> RtmClient {
    RtmClient::builder(APP, user).server(address).build().unwrap()
}

/// A server that is ready, and what clients need to reach it.
async fn spawn(folder: &tempfile::TempDir, listen: &str) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rtm-server"))
        .arg("--config")
        .arg(folder.path().join("rtm-server.toml"))
        .arg("--data-dir")
        .arg(folder.path().join("data"))
        .args(["--listen", listen, "--log", "error"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut address = None;
    loop {
        let line = timeout(PATIENCE, lines.next_line()).await.expect("it gets ready").unwrap();
        let line = line.expect("it gets ready");
        if let Some(rest) = line.strip_prefix("connect  ") {
            address = Some(rest.to_owned());
        }
        if line == "ready" {
            return (child, address.expect("it says where it is"));
        }
    }
}
