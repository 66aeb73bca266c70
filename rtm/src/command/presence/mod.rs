//! `rtm presence`.

mod json;
mod words;

use rtm_client::{
    ChannelEvent, ChannelId, JoinOptions, MessageSubscription, OnlineUsersOptions, PresenceEvent,
    RtmClient, StreamEvent, StreamEvents, SubscribeOptions,
};

pub(crate) use self::words::{without_presence, words};
use super::subscribe::tell_of_link;
use crate::cli::{At, Show, StateOf, Where, WhoIsThere};
use crate::connection::{Connection, goodbye};
use crate::failure::Failure;
use crate::output::print_line;
use crate::stop::Stop;

/// Is in a channel, shows states, and prints who comes, goes and shows what.
pub(crate) async fn show(arguments: Show) -> Result<(), Failure> {
    let At { channel, stream, who } = &arguments.at;
    let joined: Vec<_> = stream.then(|| channel.clone()).into_iter().collect();
    let Connection { client, token } = Connection::find(who, &joined)?;
    let id = channel_id(&arguments.at)?;
    let mut stop = Stop::new()?;
    let events = client.events();
    let begin = async {
        // Kept, and shown as soon as the channel is joined.
        client.presence().set_state(&id, arguments.states.clone()).await?;
        client.login().await?;
        Source::join(&client, &id, token).await
    };
    let mut source = match stop.unless(begin).await {
        Ok(source) => source,
        Err(failure) => return Err(goodbye(&client, failure).await),
    };
    if !arguments.printing.quiet {
        tell_of_link(events);
        eprintln!("rtm: present in {channel}");
    }
    let (mut printed, most) = (0, arguments.printing.count.unwrap_or(u64::MAX));
    let result = loop {
        if printed >= most {
            break Ok(());
        }
        tokio::select! {
            () = stop.wait() => break Ok(()),
            event = source.next() => match event {
                Ok(Some(event)) => {
                    match print(&event, arguments.printing.json) {
                        Ok(Some(true)) => printed += 1,
                        Ok(Some(false)) => break Ok(()),
                        Ok(None) => {}
                        Err(failure) => break Err(failure),
                    }
                }
                Ok(None) => break Ok(()),
                Err(failure) => break Err(failure),
            },
        }
    };
    client.logout().await?;
    result
}

/// Lists who is in a channel.
pub(crate) async fn who(arguments: WhoIsThere) -> Result<(), Failure> {
    let id = channel_id(&arguments.at)?;
    let ask = async |client: &RtmClient| {
        let mut next = Some(String::new());
        let mut total = 0;
        while let Some(page) = next {
            let mut options = OnlineUsersOptions::new().states(arguments.states).page(page);
            if let Some(limit) = arguments.page_size {
                options = options.limit(limit);
            }
            let page = client.presence().online_users(&id, options).await?;
            for user in &page.users {
                let line = if arguments.json { json::user(user) } else { words::shown(user) };
                if !print_line(&line)? {
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
    with_client(&arguments.at.who, ask).await
}

/// Prints what a user shows in a channel.
pub(crate) async fn get(arguments: StateOf) -> Result<(), Failure> {
    let id = channel_id(&arguments.at)?;
    let ask = async |client: &RtmClient| {
        let user = client.presence().get_state(&id, &arguments.whose).await?;
        if arguments.json {
            print_line(&json::user(&user))?;
        } else {
            for (key, value) in &user.states {
                print_line(&format!("{key}={value}"))?;
            }
        }
        Ok(())
    };
    with_client(&arguments.at.who, ask).await
}

/// Lists the channels that a user is in.
pub(crate) async fn find(arguments: Where) -> Result<(), Failure> {
    let ask = async |client: &RtmClient| {
        let found = client.presence().user_channels(&arguments.whom).await?;
        for channel in &found.channels {
            let line = if arguments.json { json::channel(channel) } else { channel.to_string() };
            if !print_line(&line)? {
                break;
            }
        }
        Ok(())
    };
    with_client(&arguments.who, ask).await
}

/// Logs in, asks, and logs out.
async fn with_client(
    who: &crate::cli::Who,
    ask: impl AsyncFnOnce(&RtmClient) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let client = Connection::find(who, &[])?.client;
    let mut stop = Stop::new()?;
    let asked = async {
        client.login().await?;
        ask(&client).await
    };
    match stop.unless(asked).await {
        Ok(()) => Ok(client.logout().await?),
        Err(failure) => Err(goodbye(&client, failure).await),
    }
}

fn channel_id(at: &At) -> Result<ChannelId, Failure> {
    let make = if at.stream { ChannelId::stream } else { ChannelId::message };
    Ok(make(&at.channel)?)
}

/// Whether anybody reads what was printed, if there was anything to print.
fn print(event: &PresenceEvent, is_json: bool) -> Result<Option<bool>, Failure> {
    let line = if is_json { json::event(event) } else { words(event) };
    Ok(line.map(|line| print_line(&line)).transpose()?)
}

enum Source {
    Message(MessageSubscription),
    Stream(StreamEvents),
}

impl Source {
    async fn join(client: &RtmClient, id: &ChannelId, token: String) -> Result<Self, Failure> {
        if id.is_stream() {
            let options = JoinOptions::new().token(token);
            let stream = client.stream_channel(id.name())?;
            return Ok(Self::Stream(stream.join(options).await?));
        }
        let channel = client.message_channel(id.name())?;
        let options = SubscribeOptions::new().messages(false);
        Ok(Self::Message(channel.subscribe(options).await?))
    }

    /// The next news of presence; `None` at an orderly end.
    async fn next(&mut self) -> Result<Option<PresenceEvent>, Failure> {
        loop {
            match self {
                Self::Message(subscription) => match subscription.recv().await {
                    Some(ChannelEvent::Presence(event)) => return Ok(Some(event)),
                    Some(ChannelEvent::Ended(error)) => return Err(error.into()),
                    Some(_) => {}
                    None => return Ok(None),
                },
                Self::Stream(events) => match events.recv().await {
                    Some(StreamEvent::Presence(event)) => return Ok(Some(event)),
                    Some(StreamEvent::Ended(error)) => return Err(error.into()),
                    Some(_) => {}
                    None => return Ok(None),
                },
            }
        }
    }
}
