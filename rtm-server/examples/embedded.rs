//! A server inside another program, for tests or for a game that hosts its own rooms: started on
//! any free port, asked how it does, ended in order.
//!
//! `cargo run -p rtm-server --example embedded`

use std::time::Duration;

use rtm_server::{Access, DataDir, Server, Settings, own_app};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let data = DataDir::open(folder.path())?;
    let app = own_app(&data)?;
    let mut access = Access::new();
    app.add_to(&mut access);
    let mut settings = Settings::default();
    settings.listen = Some("127.0.0.1:0".parse()?);

    let server = Server::bind(&settings, true, access, &data)?;
    println!("serving app {} at {}", app.id.as_str(), server.connection_string());

    // The program's own work goes on beside it; clients of this process or others may connect.
    let handle = server.handle();
    let serving = tokio::spawn(server.run(std::future::pending()));
    tokio::time::sleep(Duration::from_millis(100)).await;
    if let Some(status) = handle.status().await {
        println!("{} sessions, {} channels", status.sessions, status.channels);
    }

    handle.shut_down().await;
    let status = serving.await??;
    println!("ended in order after {} logins", status.gateway.logins);
    Ok(())
}
