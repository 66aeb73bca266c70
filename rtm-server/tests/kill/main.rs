//! `kill -9` of the real program under load: what was answered is there, once, and numbers grow.
//!
//! `RTM_KILLS` says how often; three times if nothing is said.

mod check;
mod load;
mod server;

use std::time::Duration;

use self::load::Load;
use self::server::Server;

/// Longer than any single thing takes; only what hangs gets there.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_outlives_kill_9_and_nothing_comes_twice() {
    let kills = std::env::var("RTM_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let mut server = Server::start().await;
    let load = Load::start(&server).await;
    for kill in 0..kills {
        // Under load: each kind of answer has come since the last death.
        load.wait_for_progress().await;
        // Not always at the same place of a commit.
        tokio::time::sleep(Duration::from_millis(37 * kill % 211)).await;
        server.kill_and_start_again().await;
    }
    load.wait_for_progress().await;
    let record = load.stop().await;
    check::check(&server, &record).await;
    let counts = record.counts();
    println!("{kills} kills; answered: {counts:?}");
    server.stop().await;
}
