//! What is there in the end, against what was answered.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rtm_client::{ChannelEvent, HistoryOptions};
use tokio::time::timeout;

use super::load::{COUNTER, LOBBY, READER, Record, SLEEPER, lobby};
use super::server::Server;

pub(crate) async fn check(server: &Server, record: &Record) {
    check_metadata(server, record).await;
    check_tokens(record);
    check_messages(READER, &record.read, record);
    check_messages(SLEEPER, &sleepers(server).await, record);
    check_messages(LOBBY, &history(server).await, record);
}

async fn check_metadata(server: &Server, record: &Record) {
    let client = server.client("observer").await;
    let metadata = client.storage().get_channel_metadata(&lobby()).await.unwrap();
    let value = |key: &str| -> u64 {
        let item = metadata.get(key).unwrap_or_else(|| panic!("{key} is lost"));
        std::str::from_utf8(&item.value).unwrap().parse().unwrap()
    };
    for (key, written) in &record.written {
        let (found, tried) = (value(key), record.tried[key]);
        assert!((*written..=tried).contains(&found), "{key}: {written} <= {found} <= {tried}");
    }
    let counted = value(COUNTER);
    let (least, most) = (record.increments, record.increments_tried);
    assert!((least..=most).contains(&counted), "{least} <= {counted} <= {most}");
    let unique: BTreeSet<_> = record.revisions.iter().collect();
    assert_eq!(unique.len(), record.revisions.len(), "a revision was given twice");
    let last = record.revisions.iter().max().unwrap();
    assert!(metadata.major_revision >= *last, "{} < {last}", metadata.major_revision);
    client.logout().await.unwrap();
}

/// The lock is its owner's alone, so that its tokens are noted in their order. One that was
/// answered may be had again by the same user, who lost the answer to its release; by nobody else.
fn check_tokens(record: &Record) {
    for pair in record.tokens.windows(2) {
        let [(before, former), (token, owner)] = pair else { unreachable!("two of them") };
        let is_again = before == token && former == owner;
        assert!(before < token || is_again, "{pair:?} of {:?}", record.tokens);
    }
}

/// All that were answered are there, once, in their places, each writer's in order.
fn check_messages(to: &str, read: &[((u64, u64), String)], record: &Record) {
    assert!(read.windows(2).all(|pair| pair[0].0 < pair[1].0), "{to}: places only grow");
    let mut found = BTreeMap::new();
    let mut last = BTreeMap::new();
    for (place, text) in read {
        assert!(found.insert(text, place).is_none(), "{to}: {text} came twice");
        let (writer, number) = text.rsplit_once(' ').unwrap();
        let number: u64 = number.parse().unwrap();
        let before = last.insert(writer, number);
        assert!(before.is_none_or(|before| before < number), "{to}: {text} after {before:?}");
    }
    for ((_, text), place) in record.sent.iter().filter(|((receiver, _), _)| *receiver == to) {
        assert_eq!(found.get(text), Some(&place), "{to}: {text} was answered");
    }
}

/// What waits for who has never read.
async fn sleepers(server: &Server) -> Vec<((u64, u64), String)> {
    let client = server.client(SLEEPER).await;
    let mut inbox = client.inbox().await.unwrap();
    let mut read = Vec::new();
    while let Ok(Some(event)) = timeout(Duration::from_secs(2), inbox.recv()).await {
        match event {
            ChannelEvent::Message(message) => {
                let text = String::from_utf8(message.payload.to_vec()).unwrap();
                read.push(((message.epoch, message.sequence), text));
            }
            other => panic!("nobody has read, so that nothing is missing: {other:?}"),
        }
    }
    client.logout().await.unwrap();
    read
}

/// The channel's whole history, page by page.
async fn history(server: &Server) -> Vec<((u64, u64), String)> {
    let client = server.client("historian").await;
    let mut read = Vec::new();
    let mut options = HistoryOptions::new().oldest_first(true);
    loop {
        let page = client.history().get_messages(LOBBY, options.clone()).await.unwrap();
        for it in page.messages {
            let text = String::from_utf8(it.message.payload.to_vec()).unwrap();
            read.push(((it.message.epoch, it.message.sequence), text));
        }
        match page.next {
            Some(next) => options = options.page(next),
            None => break,
        }
    }
    client.logout().await.unwrap();
    read
}
