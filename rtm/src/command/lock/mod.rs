//! `rtm lock`: locks of channels.

mod hold;
mod text;

use std::time::Duration;

use rtm_client::{ChannelId, ErrorKind, LockOptions, OwnedLock, RtmClient};

use self::hold::Hold;
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
    let Begun { client, channel, mut stop, mut place } = come(at, who).await?;
    let locks = client.locks();
    let acquire = async {
        match locks.acquire_lock(&channel, lock, false).await {
            Err(error) if retry && error.kind() == ErrorKind::LockTaken => {
                if !quiet {
                    eprintln!("rtm: waiting for lock {lock} of {}", at.channel);
                }
                Ok(locks.acquire_lock(&channel, lock, true).await?)
            }
            answer => Ok(answer?),
        }
    };
    let own: OwnedLock = begin(&client, &mut stop, acquire).await?;
    let printed = print(Texts::new(&channel, json).acquired(&own)).map_err(Failure::from);
    if is_left {
        client.logout().await?;
        return printed.map(drop);
    }
    if !quiet {
        eprintln!("rtm: holding lock {lock} of {}", at.channel);
    }
    let kept = match printed {
        Ok(_) => keep(&mut place, Hold::new(lock, own.token), hold, &mut stop).await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = kept {
        return Err(goodbye(&client, failure).await);
    }
    let released = client.locks().release_lock(&channel, lock).await;
    client.logout().await?;
    Ok(released?)
}

/// Waits while the lock is held.
async fn keep(
    place: &mut Place,
    mut own: Hold<'_>,
    hold: Option<u64>,
    stop: &mut Stop,
) -> Result<(), Failure> {
    let is_over = async {
        match hold {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    let is_lost = async {
        while let Some(news) = place.next().await? {
            let News::Lock(event) = news else { continue };
            if let Some(end) = own.end(&event) {
                return Err(Failure::new(Exit::Failed, end));
            }
        }
        Err(Failure::new(Exit::Failed, "the subscription has ended"))
    };
    tokio::select! {
        () = stop.wait() => Ok(()),
        () = is_over => Ok(()),
        lost = is_lost => lost,
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
