//! A presence timeout on a real clock; `tests/it/presence.rs` has the exact times.

use std::time::Duration;

use rtm_client::{ChannelEvent, PresenceChange, SubscribeOptions, UserState};
use tokio::runtime::Runtime;

use super::lab::{Lab, log_in};

/// Both vanish without a word, at once. The one with the shortest timeout is gone, and the other
/// isn't.
#[tokio::test]
async fn who_vanishes_is_gone_after_its_own_presence_timeout() {
    let lab = Lab::new();
    let alice = log_in(lab.builder("alice")).await;
    let lobby = alice.message_channel("lobby").unwrap();
    let mut heard = lobby.subscribe(SubscribeOptions::new()).await.unwrap();
    let vanishing = Runtime::new().unwrap();
    for (user, timeout) in [("bob", 5), ("carol", 60)] {
        let builder = lab.builder(user).presence_timeout(Duration::from_secs(timeout));
        let client = builder.build().unwrap();
        let joined = vanishing.spawn(async move {
            client.login().await.unwrap();
            let lobby = client.message_channel("lobby").unwrap();
            let subscription = lobby.subscribe(SubscribeOptions::new()).await.unwrap();
            (client, subscription)
        });
        // Not dropped, which would be a good-bye.
        std::mem::forget(joined.await.unwrap());
    }
    vanishing.shutdown_background();
    let mut told = Vec::new();
    while told.last() != Some(&PresenceChange::TimedOut("bob".into())) {
        match heard.recv().await {
            Some(ChannelEvent::Presence(event)) => told.push(event.change),
            other => panic!("{other:?}"),
        }
    }
    let expected = [
        PresenceChange::Snapshot(vec![UserState::new("alice")]),
        PresenceChange::Joined("bob".into()),
        PresenceChange::Joined("carol".into()),
        PresenceChange::TimedOut("bob".into()),
    ];
    assert_eq!(told, expected);
    alice.logout().await.unwrap();
    lab.end().await;
}
