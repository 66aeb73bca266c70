//! `rtm storage`: metadata of channels and users.

mod text;

use rtm_client::{
    ChannelId, Metadata, MetadataItem, MetadataOptions, MetadataSubscription, RtmClient,
    StorageEvent, Stored, UserMetadataEvent,
};

use self::text::Texts;
use super::link::tell_of_link;
use super::place::{News, Place, unseen};
use super::watch::print_all;
use crate::cli::{Conditions, Owner, StorageGet, StorageRemove, StorageWatch, StorageWrite, Who};
use crate::connection::Connection;
use crate::failure::{Exit, Failure};
use crate::output::print;
use crate::stop::Stop;
use crate::visit::{begin, visit};

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
    let metadata: Metadata = with_client(&owner, &who, false, async |client, target| {
        let storage = client.storage();
        match target {
            Target::Channel(channel) => Ok(storage.get_channel_metadata(channel).await?),
            Target::User(user) => Ok(storage.get_user_metadata(Some(user)).await?),
        }
    })
    .await?;
    if !json {
        eprintln!("rtm: revision {}", metadata.major_revision);
    }
    print(texts(&owner, json).metadata(&metadata))?;
    Ok(())
}

pub(crate) async fn watch(arguments: StorageWatch) -> Result<(), Failure> {
    let StorageWatch { owner, watching, json, who } = arguments;
    let (Connection { client, token }, target) = connection(&owner, &who)?;
    let mut stop = Stop::new()?;
    let events = client.events();
    let come = async {
        client.login().await?;
        Source::of(&client, &target, token).await
    };
    let mut source = begin(&client, &mut stop, come).await?;
    if !watching.quiet {
        tell_of_link(events);
        eprintln!("rtm: watching the metadata of {}", owner.name);
    }
    let texts = texts(&owner, json);
    let next = async || Ok(source.next().await?.map(|event| texts.event(&event)));
    let result = print_all(next, watching.count, &mut stop).await;
    client.logout().await?;
    result
}

/// Where events come from.
enum Source {
    Channel(Place),
    User(MetadataSubscription),
}

impl Source {
    async fn of(client: &RtmClient, target: &Target, token: String) -> Result<Self, Failure> {
        Ok(match target {
            Target::Channel(channel) => {
                let options = unseen().metadata(true);
                Self::Channel(Place::come(client, channel, token, options).await?)
            }
            Target::User(user) => Self::User(client.storage().subscribe_user_metadata(user).await?),
        })
    }

    /// The next event; `None` at an orderly end.
    async fn next(&mut self) -> Result<Option<StorageEvent>, Failure> {
        loop {
            match self {
                Self::Channel(place) => match place.next().await? {
                    Some(News::Storage(event)) => return Ok(Some(event)),
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
    let (Connection { client, token }, target) = connection(owner, who)?;
    let work = async {
        let _place = match &target {
            Target::Channel(channel) if is_under_lock => {
                Some(Place::come(&client, channel, token, unseen()).await?)
            }
            _ => None,
        };
        act(&client, &target).await
    };
    visit(&client, work).await
}

/// A client, and whose metadata is meant; names are checked before anything is sent.
fn connection(owner: &Owner, who: &Who) -> Result<(Connection, Target), Failure> {
    let Owner { name, stream, is_user } = owner;
    let joined: Vec<_> = stream.then(|| name.clone()).into_iter().collect();
    let connection = Connection::find(who, &joined)?;
    let target = match (stream, is_user) {
        (true, _) => Target::Channel(ChannelId::stream(name)?),
        (_, true) => Target::User(connection.client.user(name)?.user_id().to_owned()),
        _ => Target::Channel(ChannelId::message(name)?),
    };
    Ok((connection, target))
}

fn texts(owner: &Owner, json: bool) -> Texts {
    let kind = match (owner.stream, owner.is_user) {
        (true, _) => "stream",
        (_, true) => "user",
        _ => "message",
    };
    Texts::new(kind, &owner.name, json)
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
