//! `rtm sub`.

use rtm_client::{
    ChannelEvent, MessageSubscription, Publishers, QueuePolicy, RtmClient, SubscribeOptions,
    TopicEvent, TopicSubscribeOptions, TopicSubscription,
};

use super::link::tell_of_link;
use super::presence::{without_presence, words};
use crate::cli::{Queue, Subscribe};
use crate::connection::Connection;
use crate::failure::{Exit, Failure};
use crate::output::{Printer, Received, is_read};
use crate::stop::Stop;
use crate::visit::begin;

pub(crate) async fn run(arguments: Subscribe) -> Result<(), Failure> {
    let joined: Vec<_> = arguments.topic.iter().map(|_| arguments.channel.clone()).collect();
    let Connection { client, token } = Connection::find(&arguments.who, &joined)?;
    // Names are checked before anything is sent.
    client.message_channel(&arguments.channel)?;
    let mut stop = Stop::new()?;
    let events = client.events();
    let mut source = begin(&client, &mut stop, subscribe(&client, &arguments, token)).await?;
    if !arguments.printing.quiet {
        tell_of_link(events);
        let topic = arguments.topic.as_ref().map_or(String::new(), |topic| format!("/{topic}"));
        eprintln!("rtm: subscribed to {}{topic}", arguments.channel);
    }
    let printer =
        Printer::new(&arguments.channel, arguments.topic.as_deref(), arguments.printing.json);
    let result = print_all(&mut source, printer, arguments.printing.count, &mut stop).await;
    client.logout().await?;
    result
}

pub(super) enum Source {
    Channel(MessageSubscription),
    Topic(TopicSubscription),
}

/// What a source gives.
enum News {
    Message(Received),
    /// Messages that are missing, in words.
    Gap(String),
    /// A message that can't be opened, in words.
    Sealed(String),
    /// Who is there, in words.
    Presence(String),
}

async fn subscribe(
    client: &RtmClient,
    arguments: &Subscribe,
    token: String,
) -> Result<Source, Failure> {
    client.login().await?;
    let Some(topic) = &arguments.topic else {
        let channel = client.message_channel(&arguments.channel)?;
        let options = SubscribeOptions::new().presence(arguments.presence);
        let options = options.queue(policy(arguments.queue));
        return Ok(Source::Channel(channel.subscribe(options).await?));
    };
    let stream = client.stream_channel(&arguments.channel)?;
    drop(stream.join(without_presence(token)).await?);
    let publishers = match arguments.from.is_empty() {
        true => Publishers::All,
        false => Publishers::users(arguments.from.clone()),
    };
    let options = TopicSubscribeOptions::new(publishers).queue(policy(arguments.queue));
    let subscription = stream.subscribe_topic(topic, options).await;
    let subscription = subscription.map_err(|error| match arguments.from.is_empty() {
        true => Failure::from(error),
        // None of those that are named.
        false => Failure::about(format!("publisher {}", arguments.from.join(", ")), &error),
    })?;
    if let Some(failed) = subscription.subscribed().failed.first() {
        return Err(Failure::about(format!("publisher {}", failed.user), &failed.error));
    }
    Ok(Source::Topic(subscription))
}

const fn policy(queue: Option<Queue>) -> QueuePolicy {
    match queue {
        None => QueuePolicy::Default,
        Some(Queue::CatchUp) => QueuePolicy::CatchUp,
        Some(Queue::DropOldest) => QueuePolicy::DropOldest,
        Some(Queue::LatestOnly) => QueuePolicy::LatestOnly,
        Some(Queue::Disconnect) => QueuePolicy::Disconnect,
    }
}

impl Source {
    /// The next piece of news; `None` at an orderly end.
    async fn next(&mut self) -> Result<Option<News>, Failure> {
        loop {
            let news = match self {
                Self::Channel(subscription) => subscription.recv().await.map(of_channel),
                Self::Topic(subscription) => subscription.recv().await.map(of_topic),
            };
            match news {
                // Something that this version doesn't show.
                Some(Ok(None)) => {}
                Some(news) => return news,
                None => return Ok(None),
            }
        }
    }
}

fn of_channel(event: ChannelEvent) -> Result<Option<News>, Failure> {
    Ok(Some(match event {
        ChannelEvent::Message(message) => News::Message(message.into()),
        ChannelEvent::Gap(gap) => {
            let count = gap.count.map_or("some".to_owned(), |count| count.to_string());
            News::Gap(format!("{count} messages after sequence {}", gap.after.1))
        }
        ChannelEvent::Undecryptable(it) => {
            News::Sealed(format!("message {} of {}", it.sequence, it.publisher))
        }
        ChannelEvent::Presence(event) => match words(&event) {
            Some(words) => News::Presence(words),
            None => return Ok(None),
        },
        ChannelEvent::Ended(error) => return Err(error.into()),
        _ => return Ok(None),
    }))
}

fn of_topic(event: TopicEvent) -> Result<Option<News>, Failure> {
    Ok(Some(match event {
        TopicEvent::Message(message) => News::Message(message.into()),
        TopicEvent::Gap(gap) => {
            let count = gap.count.map_or("some".to_owned(), |count| count.to_string());
            let (after, publisher) = (gap.after, gap.publisher);
            News::Gap(format!("{count} messages of {publisher} after sequence {after}"))
        }
        TopicEvent::Undecryptable(it) => {
            News::Sealed(format!("message {} of {}", it.sequence, it.publisher))
        }
        TopicEvent::Ended(error) => return Err(error.into()),
        _ => return Ok(None),
    }))
}

/// Prints until there are enough, the source ends, or somebody interrupts.
pub(super) async fn print_all(
    source: &mut Source,
    mut printer: Printer,
    count: Option<u64>,
    stop: &mut Stop,
) -> Result<(), Failure> {
    let (mut printed, mut gaps, mut sealed) = (0, 0, 0);
    while count.is_none_or(|count| printed < count) {
        let news = tokio::select! {
            biased;
            () = stop.wait() => break,
            news = source.next() => news?,
            // Nothing is there: what was printed is to be seen before the wait.
            () = std::future::ready(()) => {
                if !is_read(printer.flush())? {
                    return Ok(());
                }
                tokio::select! {
                    () = stop.wait() => break,
                    news = source.next() => news?,
                }
            }
        };
        match news {
            Some(News::Message(message)) => {
                if !is_read(printer.print(&message))? {
                    return Ok(());
                }
                printed += 1;
            }
            Some(News::Gap(text)) => {
                gaps += 1;
                eprintln!("rtm: missing: {text}");
            }
            Some(News::Sealed(text)) => {
                sealed += 1;
                eprintln!("rtm: sealed with another key: {text}");
            }
            Some(News::Presence(text)) => eprintln!("rtm: {text}"),
            None => break,
        }
    }
    is_read(printer.flush())?;
    if sealed > 0 {
        let text = "messages could not be opened, as told above; compare --encryption";
        return Err(Failure::new(Exit::Access, text));
    }
    if gaps > 0 {
        let text = "messages are missing, as told above; they are not repeated";
        return Err(Failure::new(Exit::Missing, text));
    }
    if count.is_some_and(|count| printed < count) {
        return Err(Failure::new(Exit::Interrupted, format!("ended after {printed} messages")));
    }
    Ok(())
}
