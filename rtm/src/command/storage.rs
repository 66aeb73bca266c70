//! `rtm storage`: metadata of channels and users.

use rtm_client::{
    ChannelEvent, ChannelId, JoinOptions, MessageSubscription, Metadata, MetadataItem,
    MetadataOptions, MetadataSubscription, RtmClient, StorageEvent, Stored, StreamEvent,
    StreamEvents, SubscribeOptions, UserMetadataEvent,
};

use super::storage_print::{Printer, is_closed};
use super::subscribe::tell_of_link;
use crate::cli::{Conditions, Owner, StorageGet, StorageRemove, StorageWatch, StorageWrite, Who};
use crate::connection::{Connection, goodbye};
use crate::failure::{Exit, Failure};
use crate::stop::Stop;

/// Whose metadata is meant; the name is checked.
enum Target {
    Channel(ChannelId),
    User(String),
}

#[derive(Clone, Copy)]
enum Write {
    Set,
    Update,
    Remove,
}

pub(crate) async fn set(arguments: StorageWrite) -> Result<(), Failure> {
    write_items(Write::Set, arguments).await
}

pub(crate) async fn update(arguments: StorageWrite) -> Result<(), Failure> {
    write_items(Write::Update, arguments).await
}

pub(crate) async fn remove(arguments: StorageRemove) -> Result<(), Failure> {
    // Without keys the library removes all, which takes a flag here.
    let StorageRemove { owner, keys, all: _, conditions, who } = arguments;
    let options = options(&conditions);
    let items = keys.into_iter().map(MetadataItem::named);
    let items = items.map(|item| at(item, &conditions)).collect();
    write(Write::Remove, (&owner, &who), items, (options, &conditions)).await
}

pub(crate) async fn get(arguments: StorageGet) -> Result<(), Failure> {
    let StorageGet { owner, json, who } = arguments;
    let printer = Printer::new(kind(&owner), &owner.name, json);
    let metadata = with_client(&owner, &who, false, async |client, target| {
        let storage = client.storage();
        match target {
            Target::Channel(channel) => Ok(storage.get_channel_metadata(channel).await?),
            Target::User(user) => Ok(storage.get_user_metadata(Some(user)).await?),
        }
    });
    let metadata: Metadata = metadata.await?;
    if !json {
        eprintln!("rtm: revision {}", metadata.major_revision);
    }
    is_closed(printer.metadata(&metadata)).map(drop)
}

pub(crate) async fn watch(arguments: StorageWatch) -> Result<(), Failure> {
    let StorageWatch { owner, count, json, quiet, who } = arguments;
    let joined = if owner.stream { vec![owner.name.clone()] } else { Vec::new() };
    let Connection { client, token } = Connection::find(&who, &joined)?;
    let target = target(&owner, &client)?;
    let mut stop = Stop::new()?;
    let events = client.events();
    let mut source = match stop.unless(source(&client, &target, token)).await {
        Ok(source) => source,
        Err(failure) => return Err(goodbye(&client, failure).await),
    };
    if !quiet {
        tell_of_link(events);
        eprintln!("rtm: watching the metadata of {}", owner.name);
    }
    let printer = Printer::new(kind(&owner), &owner.name, json);
    let result = print_all(&mut source, &printer, count, &mut stop).await;
    client.logout().await?;
    result
}

/// Where events come from.
enum Source {
    Channel(MessageSubscription),
    Stream(StreamEvents),
    User(MetadataSubscription),
}

async fn source(client: &RtmClient, target: &Target, token: String) -> Result<Source, Failure> {
    client.login().await?;
    // Who only watches is nobody's news.
    let options =
        SubscribeOptions::new().messages(false).presence(false).quiet(true).metadata(true);
    Ok(match target {
        Target::Channel(channel) if channel.is_stream() => {
            let options = JoinOptions::new().token(token).options(options);
            Source::Stream(client.stream_channel(channel.name())?.join(options).await?)
        }
        Target::Channel(channel) => {
            Source::Channel(client.message_channel(channel.name())?.subscribe(options).await?)
        }
        Target::User(user) => Source::User(client.storage().subscribe_user_metadata(user).await?),
    })
}

impl Source {
    /// The next event; `None` at an orderly end.
    async fn next(&mut self) -> Result<Option<StorageEvent>, Failure> {
        loop {
            match self {
                Self::Channel(subscription) => match subscription.recv().await {
                    Some(ChannelEvent::Storage(event)) => return Ok(Some(event)),
                    Some(ChannelEvent::Ended(error)) => return Err(error.into()),
                    Some(_) => {}
                    None => return Ok(None),
                },
                Self::Stream(events) => match events.recv().await {
                    Some(StreamEvent::Storage(event)) => return Ok(Some(event)),
                    Some(StreamEvent::Lagged(missed)) => {
                        let text = format!("{missed} events were too fast to be printed");
                        return Err(Failure::new(Exit::Missing, text));
                    }
                    Some(StreamEvent::Ended(error)) => return Err(error.into()),
                    Some(_) => {}
                    None => return Ok(None),
                },
                Self::User(subscription) => match subscription.recv().await {
                    Some(UserMetadataEvent::Storage(event)) => return Ok(Some(event)),
                    Some(UserMetadataEvent::Ended(error)) => return Err(error.into()),
                    Some(_) => {}
                    None => return Ok(None),
                },
            }
        }
    }
}

/// Prints until there are enough, the source ends, or somebody interrupts.
async fn print_all(
    source: &mut Source,
    printer: &Printer,
    count: Option<u64>,
    stop: &mut Stop,
) -> Result<(), Failure> {
    let mut printed = 0;
    while count.is_none_or(|count| printed < count) {
        let event = tokio::select! {
            () = stop.wait() => break,
            event = source.next() => event?,
        };
        let Some(event) = event else { break };
        if is_closed(printer.event(&event))? {
            return Ok(());
        }
        printed += 1;
    }
    if count.is_some_and(|count| printed < count) {
        return Err(Failure::new(Exit::Interrupted, format!("ended after {printed} events")));
    }
    Ok(())
}

async fn write_items(write_: Write, arguments: StorageWrite) -> Result<(), Failure> {
    let StorageWrite { owner, items, record_time, record_author, conditions, who } = arguments;
    let item = |text: &String| match text.split_once('=') {
        Some((key, value)) => Ok(at(MetadataItem::new(key, value.to_owned()), &conditions)),
        None => Err(Failure::new(Exit::Usage, format!("{text:?} is no KEY=VALUE"))),
    };
    let items = items.iter().map(item).collect::<Result<_, _>>()?;
    let options = options(&conditions).record_time(record_time).record_author(record_author);
    write(write_, (&owner, &who), items, (options, &conditions)).await
}

async fn write(
    write: Write,
    (owner, who): (&Owner, &Who),
    items: Vec<MetadataItem>,
    (options, conditions): (MetadataOptions, &Conditions),
) -> Result<(), Failure> {
    let is_under_lock = conditions.lock.is_some();
    let stored: Stored = with_client(owner, who, is_under_lock, async |client, target| {
        let storage = client.storage();
        let stored = match (write, target) {
            (Write::Set, Target::Channel(channel)) => {
                storage.set_channel_metadata(channel, items, options).await?
            }
            (Write::Update, Target::Channel(channel)) => {
                storage.update_channel_metadata(channel, items, options).await?
            }
            (Write::Remove, Target::Channel(channel)) => {
                storage.remove_channel_metadata(channel, items, options).await?
            }
            (Write::Set, Target::User(user)) => {
                storage.set_user_metadata(Some(user), items, options).await?
            }
            (Write::Update, Target::User(user)) => {
                storage.update_user_metadata(Some(user), items, options).await?
            }
            (Write::Remove, Target::User(user)) => {
                storage.remove_user_metadata(Some(user), items, options).await?
            }
        };
        Ok(stored)
    })
    .await?;
    if !conditions.quiet {
        eprintln!("rtm: the metadata of {} is at revision {}", owner.name, stored.major_revision);
    }
    Ok(())
}

/// Does something as a client that is logged in, and says good-bye. Under a lock it is in the
/// channel meanwhile, so that it stands for its user's locks.
async fn with_client<T>(
    owner: &Owner,
    who: &Who,
    is_under_lock: bool,
    act: impl AsyncFnOnce(&RtmClient, &Target) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let joins = is_under_lock && owner.stream;
    let joined = if joins { vec![owner.name.clone()] } else { Vec::new() };
    let Connection { client, token } = Connection::find(who, &joined)?;
    let target = target(owner, &client)?;
    let mut stop = Stop::new()?;
    let work = async {
        client.login().await?;
        let _source = match &target {
            Target::Channel(channel) if is_under_lock => {
                Some(super::lock::source(&client, channel, token).await?)
            }
            _ => None,
        };
        act(&client, &target).await
    };
    match stop.unless(work).await {
        Ok(result) => {
            client.logout().await?;
            Ok(result)
        }
        Err(failure) => Err(goodbye(&client, failure).await),
    }
}

/// Names are checked before anything is sent.
fn target(owner: &Owner, client: &RtmClient) -> Result<Target, Failure> {
    let Owner { name, stream, is_user } = owner;
    Ok(match (stream, is_user) {
        (true, _) => Target::Channel(ChannelId::stream(name)?),
        (_, true) => Target::User(client.user(name)?.user_id().to_owned()),
        _ => Target::Channel(ChannelId::message(name)?),
    })
}

fn kind(owner: &Owner) -> &'static str {
    match (owner.stream, owner.is_user) {
        (true, _) => "stream",
        (_, true) => "user",
        _ => "message",
    }
}

fn options(conditions: &Conditions) -> MetadataOptions {
    let options = MetadataOptions::new().major_revision(conditions.major.unwrap_or(-1));
    match (&conditions.lock, conditions.lock_token) {
        (Some(lock), Some(token)) => options.lock_with_token(lock, token),
        (Some(lock), None) => options.lock(lock),
        _ => options,
    }
}

fn at(item: MetadataItem, conditions: &Conditions) -> MetadataItem {
    item.revision(conditions.revision.unwrap_or(-1))
}
