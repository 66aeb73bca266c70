//! A chat: `cargo run -p rtm-examples --bin chat -- SERVER APP USER [TOKEN]`.
//!
//! Each line of the input is published in the channel "lobby"; what anybody publishes there is
//! printed. The end of the input is the end.

use std::process::ExitCode;

use rtm_client::{ChannelEvent, ClientEvent, Error, PublishOptions, SubscribeOptions};
use rtm_examples::{Arguments, run};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::main]
async fn main() -> ExitCode {
    run("chat", chat).await
}

async fn chat(arguments: Arguments) -> Result<(), Error> {
    let client = arguments.client()?;
    let mut events = client.events();
    client.login().await?;
    let lobby = client.message_channel("lobby")?;
    let mut messages = lobby.subscribe(SubscribeOptions::new()).await?;
    eprintln!("you are {} in the lobby", arguments.user);

    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => match line {
                // Without a connection it waits for the next one.
                Ok(Some(line)) => {
                    if let Err(error) = lobby.publish(line, PublishOptions::text()).await {
                        eprintln!("not published: {error}");
                    }
                }
                _ => break,
            },
            event = messages.recv() => match event {
                Some(ChannelEvent::Message(message)) => {
                    let text = String::from_utf8_lossy(&message.payload);
                    println!("{}: {text}", message.publisher);
                }
                Some(ChannelEvent::Gap(_)) => eprintln!("some messages are missing here"),
                Some(ChannelEvent::Ended(error)) => return Err(error),
                Some(_) => {}
                None => break,
            },
            Some(ClientEvent::LinkState(event)) = events.recv() => {
                eprintln!("{:?} ({:?})", event.current, event.reason);
            }
        }
    }
    client.logout().await
}
