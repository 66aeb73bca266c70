//! `rtm chat`.

use std::io::{IsTerminal, Write};

use rtm_client::{ChannelEvent, ErrorKind, MessageChannel, PublishOptions, SubscribeOptions};

use super::link::notice;
use super::presence::words;
use crate::cli::Chat;
use crate::connection::Connection;
use crate::failure::{Exit, Failure};
use crate::lines::{Line, standard_input};
use crate::stop::Stop;
use crate::visit::begin;

pub(crate) async fn run(arguments: Chat) -> Result<(), Failure> {
    let Chat { channel: name, who } = arguments;
    let client = Connection::find(&who, &[])?.client;
    let channel = client.message_channel(&name)?;
    let mut events = client.events();
    let mut stop = Stop::new()?;
    let subscribe = async {
        client.login().await?;
        Ok(channel.subscribe(SubscribeOptions::new()).await?)
    };
    let mut messages = begin(&client, &mut stop, subscribe).await?;
    let user = &who.user;
    eprintln!("* You are {user} in {name}. Type and press Enter; Ctrl-D ends.");

    let mut lines = standard_input();
    let end = loop {
        tokio::select! {
            line = lines.recv() => match line {
                Some(line) => say(&channel, line).await?,
                None => break Ok(()),
            },
            event = messages.recv() => match event {
                Some(ChannelEvent::Ended(error)) => break Err(Failure::from(error)),
                Some(event) => show(user, event)?,
                None => break Ok(()),
            },
            Some(event) = events.recv() => {
                if let Some(notice) = notice(&event) {
                    eprintln!("* {notice}");
                }
            }
            () = stop.wait() => break Ok(()),
        }
    };
    client.logout().await?;
    end
}

/// Publishes a line. What the server doesn't like is told, and the talk goes on.
async fn say(channel: &MessageChannel, line: Line) -> Result<(), Failure> {
    let line = line?;
    if line.is_empty() {
        return Ok(());
    }
    if let Err(error) = channel.publish(line, PublishOptions::text()).await {
        let what = match error.kind() {
            ErrorKind::OutcomeUnknown => "Perhaps not sent",
            _ => "Not sent",
        };
        eprintln!("* {what}: {error}");
        if !error.is_retryable() && Failure::from(error.clone()).exit == Exit::Access {
            return Err(error.into());
        }
    }
    Ok(())
}

fn show(user: &str, event: ChannelEvent) -> Result<(), Failure> {
    match event {
        // Who types sees it already.
        ChannelEvent::Message(message) if message.publisher == *user => {}
        ChannelEvent::Message(message) => {
            let text = String::from_utf8_lossy(&message.payload);
            let text = if std::io::stdout().is_terminal() { printable(&text) } else { text.into() };
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}: {text}", message.publisher)?;
            out.flush()?;
        }
        ChannelEvent::Gap(gap) => match gap.count {
            Some(count) => eprintln!("* {count} messages were missed."),
            None => eprintln!("* Messages may have been missed."),
        },
        ChannelEvent::Presence(event) => {
            if let Some(words) = words(&event) {
                eprintln!("* {words}");
            }
        }
        ChannelEvent::Undecryptable(message) => {
            eprintln!("* A message of {} is sealed with another key.", message.publisher);
        }
        _ => {}
    }
    Ok(())
}

/// Without control characters: nobody else moves this terminal's cursor.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_moves_the_cursor() {
        assert_eq!(printable("a\u{1b}[2Jb\r\u{7}\tgrüß"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}\tgrüß");
    }
}
