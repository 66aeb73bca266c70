//! A shared whiteboard: `cargo run -p rtm-examples --bin whiteboard -- SERVER APP USER [TOKEN]`.
//!
//! Commands, a line each: `pen X Y` moves the pen, `line TEXT` draws a stroke, `wipe` wipes the
//! board. What anybody does is printed. The board is the stream channel "town":
//!
//! - strokes are items of its metadata, so that who comes later sees all of them, and they outlive
//!   the server;
//! - pens are a topic whose publishers skip all but the latest position;
//! - who wipes does so under a lock, and by its token: who has lost it meanwhile wipes nothing.

use std::process::ExitCode;

use rtm_client::{
    ChannelId, Error, ErrorKind, JoinOptions, LockOptions, MetadataItem, MetadataOptions,
    PublishOptions, Publishers, RtmClient, StorageEvent, StreamEvent, SubscribeOptions, TopicEvent,
    TopicOptions,
};
use rtm_examples::{Arguments, run};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::main]
async fn main() -> ExitCode {
    run("whiteboard", whiteboard).await
}

async fn whiteboard(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.client()?;
    client.login().await?;
    let (channel, board) = (client.stream_channel("town")?, ChannelId::stream("town")?);
    let options = SubscribeOptions::new().metadata(true);
    let options = JoinOptions::new().token(&arguments.token).options(options);
    let mut events = channel.join(options).await?;
    let pen = channel.join_topic("pens", TopicOptions::new().latest_only()).await?;
    let mut pens = channel.subscribe_topic("pens", Publishers::All).await?;
    eprintln!("you are {} at the board", arguments.user);

    let mut strokes = 0;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let Ok(Some(line)) = line else { break };
                let done = match line.split_once(' ').unwrap_or((&line, "")) {
                    ("pen", at) => {
                        pen.publish(at.to_owned(), PublishOptions::text()).await.map(drop)
                    }
                    ("line", text) => {
                        strokes += 1;
                        let key = format!("{}-{strokes}", arguments.user);
                        draw(&client, &board, key, text).await
                    }
                    ("wipe", "") => wipe(&client, &board).await,
                    _ => {
                        eprintln!("pen X Y, line TEXT, or wipe");
                        Ok(())
                    }
                };
                if let Err(error) = done {
                    eprintln!("not done: {error}");
                }
            }
            event = events.recv() => match event {
                Some(StreamEvent::Storage(event)) => show(&event),
                Some(StreamEvent::Ended(error)) => return Err(error),
                Some(_) => {}
                None => break,
            },
            event = pens.recv() => if let Some(TopicEvent::Message(message)) = event {
                let at = String::from_utf8_lossy(&message.payload);
                println!("the pen of {} is at {at}", message.publisher);
            },
        }
    }
    client.logout().await
}

/// A stroke has a key of its own, so that nobody overwrites another's.
async fn draw(client: &RtmClient, board: &ChannelId, key: String, text: &str) -> Result<(), Error> {
    // Revision 0: only if there is no such stroke; a second client of this user may have drawn it.
    let stroke = [MetadataItem::new(key, text.to_owned()).revision(0)];
    let options = MetadataOptions::new().record_author(true);
    client.storage().set_channel_metadata(board, stroke, options).await.map(drop)
}

/// One wipes at a time, and under a token that is still good when the server wipes.
async fn wipe(client: &RtmClient, board: &ChannelId) -> Result<(), Error> {
    let locks = client.locks();
    match locks.set_lock(board, "sponge", LockOptions::new()).await {
        Err(error) if error.kind() != ErrorKind::LockExists => return Err(error),
        _ => {}
    }
    let own = locks.acquire_lock(board, "sponge", true).await?;
    let options = MetadataOptions::new().lock_with_token(&own.name, own.token);
    let wiped = client.storage().remove_channel_metadata(board, [], options).await;
    locks.release_lock(board, "sponge").await?;
    match wiped {
        // There was nothing on it.
        Err(error) if error.kind() == ErrorKind::OutdatedRevision => Ok(()),
        other => other.map(drop),
    }
}

fn show(event: &StorageEvent) {
    let author = event.author.as_deref().unwrap_or("somebody");
    if event.items.is_empty() {
        return println!("the board is empty");
    }
    for stroke in event.changed.iter().filter_map(|key| event.items.get(key)) {
        let author = stroke.author.as_deref().unwrap_or(author);
        println!("{author} drew {}", String::from_utf8_lossy(&stroke.value));
    }
}
