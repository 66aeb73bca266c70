//! `rtm presence`.

mod json;
mod words;

use rtm_client::{OnlineUsersOptions, SubscribeOptions};

pub(crate) use self::words::{without_presence, words};
use super::link::tell_of_link;
use super::place::{News, Place, connection};
use super::watch::print_all;
use crate::cli::{Show, StateOf, Where, WhoIsThere};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::print;
use crate::stop::Stop;
use crate::visit::{begin, visit};

/// Is in a channel, shows states, and prints who comes, goes and shows what.
pub(crate) async fn show(arguments: Show) -> Result<(), Failure> {
    let Show { at, states, watching, json, who } = arguments;
    let (Connection { client, token }, channel) = connection(&at, &who)?;
    let mut stop = Stop::new()?;
    let events = client.events();
    let come = async {
        // Kept, and shown as soon as the channel is joined.
        client.presence().set_state(&channel, states).await?;
        client.login().await?;
        let options = SubscribeOptions::new().messages(false);
        Place::come(&client, &channel, token, options).await
    };
    let mut place = begin(&client, &mut stop, come).await?;
    if !watching.quiet {
        tell_of_link(events);
        eprintln!("rtm: present in {}", at.channel);
    }
    let next = async || {
        while let Some(news) = place.next().await? {
            let News::Presence(event) = news else { continue };
            if let Some(text) = if json { json::event(&event) } else { line(words(&event)) } {
                return Ok(Some(text));
            }
        }
        Ok(None)
    };
    let result = print_all(next, watching.count, &mut stop).await;
    client.logout().await?;
    result
}

/// Lists who is in a channel.
pub(crate) async fn who(arguments: WhoIsThere) -> Result<(), Failure> {
    let id = arguments.at.id()?;
    let client = Connection::find(&arguments.who, &[])?.client;
    let ask = async {
        let mut next = Some(String::new());
        let mut total = 0;
        while let Some(page) = next {
            let mut options = OnlineUsersOptions::new().states(arguments.states).page(page);
            if let Some(limit) = arguments.page_size {
                options = options.limit(limit);
            }
            let page = client.presence().online_users(&id, options).await?;
            for user in &page.users {
                let text = if arguments.json {
                    json::user(user)
                } else {
                    format!("{}\n", words::shown(user)).into_bytes()
                };
                if !print(text)? {
                    return Ok(());
                }
            }
            (total, next) = (page.total, page.next_page);
        }
        if !arguments.json {
            eprintln!("rtm: {total} in {}", arguments.at.channel);
        }
        Ok(())
    };
    visit(&client, ask).await
}

/// Prints what a user shows in a channel.
pub(crate) async fn get(arguments: StateOf) -> Result<(), Failure> {
    let id = arguments.at.id()?;
    let client = Connection::find(&arguments.who, &[])?.client;
    let ask = async {
        let user = client.presence().get_state(&id, &arguments.whose).await?;
        let lines = user.states.iter().map(|(key, value)| format!("{key}={value}\n"));
        print(if arguments.json { json::user(&user) } else { lines.collect::<String>().into() })?;
        Ok(())
    };
    visit(&client, ask).await
}

/// Lists the channels that a user is in.
pub(crate) async fn find(arguments: Where) -> Result<(), Failure> {
    let client = Connection::find(&arguments.who, &[])?.client;
    let ask = async {
        let found = client.presence().user_channels(&arguments.whom).await?;
        for channel in &found.channels {
            let text = match arguments.json {
                true => json::channel(channel),
                false => format!("{channel}\n").into_bytes(),
            };
            if !print(text)? {
                break;
            }
        }
        Ok(())
    };
    visit(&client, ask).await
}

fn line(words: Option<String>) -> Option<Vec<u8>> {
    words.map(|words| format!("{words}\n").into_bytes())
}
