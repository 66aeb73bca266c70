//! `rtm user send` and `rtm user inbox`.

use rtm_client::{PublishOptions, Reached, UserChannel};

use super::link::tell_of_link;
use super::publish::lines;
use super::subscribe::{Source, print_all};
use crate::cli::{Inbox, Send};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::lines::Line;
use crate::output::Printer;
use crate::pace::Pace;
use crate::stop::Stop;
use crate::visit::begin;

pub(crate) async fn send(arguments: Send) -> Result<(), Failure> {
    let client = Connection::find(&arguments.who, &[])?.client;
    // The name is checked before anything is sent.
    let user = client.user(&arguments.to)?;
    let mut stop = Stop::new()?;
    let login = async { Ok(client.login().await?) };
    begin(&client, &mut stop, login).await?;
    let rate = client.limits().unwrap_or_default().messages_per_second;
    let mut sent = Sent { user, pace: Pace::new(rate), received: 0, stored: 0 };
    let result = stop.unless(sent.send_all(&arguments)).await;
    client.logout().await?;
    if !arguments.messages.quiet {
        let Sent { received, stored, .. } = sent;
        eprintln!("rtm: {received} received, {stored} kept for {}", arguments.to);
    }
    result
}

struct Sent {
    user: UserChannel,
    pace: Pace,
    received: u64,
    stored: u64,
}

impl Sent {
    /// One after the other, each until it has arrived: who sends to a user wants to know.
    async fn send_all(&mut self, arguments: &Send) -> Result<(), Failure> {
        let mut lines = lines(&arguments.messages.given);
        while let Some(line) = lines.recv().await {
            self.pace.wait().await;
            self.send(line, arguments).await?;
        }
        Ok(())
    }

    async fn send(&mut self, line: Line, arguments: &Send) -> Result<(), Failure> {
        let line = line?;
        let options = match std::str::from_utf8(&line) {
            Ok(_) => PublishOptions::text(),
            Err(_) => PublishOptions::new(),
        };
        let options = options
            .custom_type(arguments.messages.custom_type.clone())
            .store_in_history(arguments.store);
        match self.user.publish(line, options).await?.reached {
            Reached::Stored => self.stored += 1,
            Reached::ReceivedNotStored => {
                self.received += 1;
                eprintln!("rtm: a message was received, and not kept: the inbox is full");
            }
            _ => self.received += 1,
        }
        Ok(())
    }
}

pub(crate) async fn inbox(arguments: Inbox) -> Result<(), Failure> {
    let client = Connection::find(&arguments.who, &[])?.client;
    let mut stop = Stop::new()?;
    let events = client.events();
    let open = async {
        // Before the login, so that nothing is missed.
        let inbox = client.inbox().await?;
        client.login().await?;
        Ok(inbox)
    };
    let inbox = begin(&client, &mut stop, open).await?;
    if !arguments.printing.quiet {
        tell_of_link(events);
        eprintln!("rtm: the inbox of {} is open", arguments.who.user);
    }
    let printer = Printer::new(&arguments.who.user, None, arguments.printing.json);
    let mut source = Source::Channel(inbox);
    let result = print_all(&mut source, printer, arguments.printing.count, &mut stop).await;
    client.logout().await?;
    result
}
