//! `rtm lock`: locks of channels.

mod text;

use std::time::Duration;

use rtm_client::{ChannelId, ErrorKind, LockChange, LockEvent, LockOptions, OwnedLock, RtmClient};

use self::text::Texts;
use super::link::tell_of_link;
use super::place::{News, Place, connection, unseen};
use super::watch::print_all;
use crate::cli::{At, LockAcquire, LockGet, LockOf, LockRevoke, LockSet, LockWatch, Who};
use crate::connection::Connection;
use crate::failure::{Exit, Failure};
use crate::output::print;
use crate::stop::Stop;
use crate::visit::{begin, goodbye, visit};

pub(crate) async fn set(arguments: LockSet) -> Result<(), Failure> {
    let LockSet { of, ttl } = arguments;
    let options = LockOptions::new().ttl(Duration::from_secs(ttl));
    in_channel(&of, async |client, channel| {
        Ok(client.locks().set_lock(channel, &of.lock, options).await?)
    })
    .await
}

pub(crate) async fn release(of: LockOf) -> Result<(), Failure> {
    in_channel(&of, async |client, channel| {
        Ok(client.locks().release_lock(channel, &of.lock).await?)
    })
    .await
}

pub(crate) async fn revoke(arguments: LockRevoke) -> Result<(), Failure> {
    let LockRevoke { of, owner } = arguments;
    in_channel(&of, async |client, channel| {
        Ok(client.locks().revoke_lock(channel, &of.lock, &owner).await?)
    })
    .await
}

pub(crate) async fn remove(of: LockOf) -> Result<(), Failure> {
    in_channel(&of, async |client, channel| {
        Ok(client.locks().remove_lock(channel, &of.lock).await?)
    })
    .await
}

pub(crate) async fn get(arguments: LockGet) -> Result<(), Failure> {
    let LockGet { at, json, who } = arguments;
    let channel = at.id()?;
    let client = Connection::find(&who, &[])?.client;
    let locks = visit(&client, async { Ok(client.locks().get_locks(&channel).await?) }).await?;
    print(Texts::new(&channel, json).locks(&locks))?;
    Ok(())
}

/// Acquires a lock and holds it until the time is over, or somebody interrupts; or leaves it to the
/// user's next command.
pub(crate) async fn acquire(arguments: LockAcquire) -> Result<(), Failure> {
    let LockAcquire { of, retry, hold, keep: is_left, json, quiet } = arguments;
    let LockOf { at, lock, who } = &of;
    let mut begun = come(at, who).await?;
    let Begun { client, channel, stop, .. } = &mut begun;
    let locks = client.locks();
    let acquire = async {
        match locks.acquire_lock(channel, lock, false).await {
            Err(error) if retry && error.kind() == ErrorKind::LockTaken => {
                if !quiet {
                    eprintln!("rtm: waiting for lock {lock} of {}", at.channel);
                }
                Ok(locks.acquire_lock(channel, lock, true).await?)
            }
            answer => Ok(answer?),
        }
    };
    let own: OwnedLock = begin(client, stop, acquire).await?;
    let printed = print(Texts::new(channel, json).acquired(&own)).map_err(Failure::from);
    if is_left {
        client.logout().await?;
        return printed.map(drop);
    }
    if !quiet {
        eprintln!("rtm: holding lock {lock} of {}", at.channel);
    }
    let kept = match printed {
        Ok(_) => keep(&mut begun, &own, hold).await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = kept {
        return Err(goodbye(&begun.client, failure).await);
    }
    let Begun { client, channel, .. } = &begun;
    let released = client.locks().release_lock(channel, lock).await;
    client.logout().await?;
    Ok(released?)
}

/// Waits while the lock is held.
async fn keep(begun: &mut Begun, own: &OwnedLock, hold: Option<u64>) -> Result<(), Failure> {
    let Begun { client, channel, stop, place } = begun;
    let is_over = async {
        match hold {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    let locks = client.locks();
    tokio::pin!(is_over);
    let is_lost = locks.lost(channel, own);
    tokio::pin!(is_lost);
    let mut why = "nothing was heard of the server for as long as it keeps the lock".to_owned();
    loop {
        tokio::select! {
            // What was told first: it says why.
            biased;
            () = stop.wait() => return Ok(()),
            news = place.next() => match news? {
                Some(News::Lock(event)) => why = reason(&event, own).unwrap_or(why),
                Some(_) => {}
                None => return Err(Failure::new(Exit::Failed, "the subscription has ended")),
            },
            () = &mut is_lost => {
                return Err(Failure::new(Exit::Failed, format!("lock {} is lost: {why}", own.name)));
            }
            () = &mut is_over => return Ok(()),
        }
    }
}

/// Why the lock may be lost, by what is told; what is older than its token says nothing.
fn reason(event: &LockEvent, own: &OwnedLock) -> Option<String> {
    let by = event.actor.as_deref().unwrap_or_default();
    let lock = event.locks.iter().find(|lock| lock.name == own.name);
    let is_new = lock.is_some_and(|lock| lock.token >= own.token);
    match event.change {
        LockChange::Expired if is_new => Some(format!("taken by {by}")),
        LockChange::Removed if is_new => Some(format!("removed by {by}")),
        LockChange::Snapshot if is_new || lock.is_none() => {
            Some("gone when the client came back".to_owned())
        }
        _ => None,
    }
}

pub(crate) async fn watch(arguments: LockWatch) -> Result<(), Failure> {
    let LockWatch { at, watching, json, who } = arguments;
    let Begun { client, channel, mut stop, mut place } = come(&at, &who).await?;
    if !watching.quiet {
        tell_of_link(client.events());
        eprintln!("rtm: watching the locks of {}", at.channel);
    }
    let texts = Texts::new(&channel, json);
    let next = async || {
        while let Some(news) = place.next().await? {
            if let News::Lock(event) = news {
                return Ok(Some(texts.event(&event)));
            }
        }
        Ok(None)
    };
    let result = print_all(next, watching.count, &mut stop).await;
    client.logout().await?;
    result
}

/// A client that is in a channel.
struct Begun {
    client: RtmClient,
    channel: ChannelId,
    stop: Stop,
    place: Place,
}

/// Logs in, and comes to the channel, which nobody is told of.
async fn come(at: &At, who: &Who) -> Result<Begun, Failure> {
    let (Connection { client, token }, channel) = connection(at, who)?;
    let mut stop = Stop::new()?;
    let work = async {
        client.login().await?;
        Place::come(&client, &channel, token, unseen().locks(true)).await
    };
    let place = begin(&client, &mut stop, work).await?;
    Ok(Begun { client, channel, stop, place })
}

/// Does something in the channel, and goes.
async fn in_channel(
    of: &LockOf,
    act: impl AsyncFnOnce(&RtmClient, &ChannelId) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (Connection { client, token }, channel) = connection(&of.at, &of.who)?;
    let work = async {
        let _place = Place::come(&client, &channel, token, unseen()).await?;
        act(&client, &channel).await
    };
    visit(&client, work).await
}
