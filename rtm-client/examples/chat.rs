//! A chat: `cargo run -p rtm-client --example chat -- SERVER APP USER [TOKEN]`.
//!
//! SERVER and APP are what `rtm-server` prints; `rtm token --as USER` prints a TOKEN, which may be
//! left out where the app wants none. Each line of the input is published in the channel "lobby";
//! what anybody publishes there is printed. The end of the input is the end.

use std::process::ExitCode;

use rtm_client::{
    ChannelEvent, ClientEvent, Error, PublishOptions, RtmClient, ServerAddress, SubscribeOptions,
};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let result = match &arguments[..] {
        [server, app, user] => chat(server, app, user, "").await,
        [server, app, user, token] => chat(server, app, user, token).await,
        _ => {
            eprintln!("usage: chat SERVER APP USER [TOKEN]");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chat: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn chat(server: &str, app: &str, user: &str, token: &str) -> Result<(), Error> {
    let server: ServerAddress = server.parse()?;
    let client = RtmClient::builder(app, user).server(server).token(token).build()?;
    let mut events = client.events();
    client.login().await?;
    let lobby = client.message_channel("lobby")?;
    let mut messages = lobby.subscribe(SubscribeOptions::new()).await?;
    eprintln!("you are {user} in the lobby");

    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => match line {
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
                _ => break,
            },
            Some(ClientEvent::LinkState(event)) = events.recv() => {
                eprintln!("{:?} ({:?})", event.current, event.reason);
            }
        }
    }
    client.logout().await
}
