//! `rtm lock`: locks of channels.

use std::time::Duration;

use rtm_client::{
    ChannelEvent, ChannelId, JoinOptions, LockChange, LockEvent, LockOptions, MessageSubscription,
    OwnedLock, RtmClient, StreamEvent, StreamEvents, SubscribeOptions,
};

use super::lock_print::Printer;
use super::storage_print::is_closed;
use super::subscribe::tell_of_link;
use crate::cli::{LockAcquire, LockAt, LockGet, LockOf, LockRevoke, LockSet, LockWatch, Who};
use crate::connection::{Connection, goodbye};
use crate::failure::{Exit, Failure};
use crate::stop::Stop;

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
    let channel = channel(&at)?;
    let client = Connection::find(&who, &[])?.client;
    let mut stop = Stop::new()?;
    let work = async {
        client.login().await?;
        Ok(client.locks().get_locks(&channel).await?)
    };
    let locks = match stop.unless(work).await {
        Ok(locks) => locks,
        Err(failure) => return Err(goodbye(&client, failure).await),
    };
    client.logout().await?;
    is_closed(Printer::new(&at, json).locks(&locks)).map(drop)
}

/// Acquires a lock and holds it until the time is over, or somebody interrupts; or leaves it to the
/// user's next command.
pub(crate) async fn acquire(arguments: LockAcquire) -> Result<(), Failure> {
    let LockAcquire { of, retry, hold, keep: is_left, json, quiet } = arguments;
    let LockOf { at, lock, who } = &of;
    let Begun { client, channel, mut stop, mut source } = begin(at, who).await?;
    let acquire = async { Ok(client.locks().acquire_lock(&channel, lock, retry).await?) };
    let own: OwnedLock = match stop.unless(acquire).await {
        Ok(own) => own,
        Err(failure) => return Err(goodbye(&client, failure).await),
    };
    let is_read = is_closed(Printer::new(at, json).acquired(&own));
    if is_left {
        client.logout().await?;
        return is_read.map(drop);
    }
    if !quiet {
        eprintln!("rtm: holding lock {lock} of {}", at.channel);
    }
    let kept = match is_read {
        Ok(_) => keep(&mut source, lock, hold, &mut stop).await,
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
    source: &mut Source,
    lock: &str,
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
        while let Some(event) = source.next().await? {
            let is_it = event.locks.iter().any(|it| it.name == lock);
            let what = match event.change {
                LockChange::Expired if is_it => "is lost",
                LockChange::Removed if is_it => "was removed",
                _ => continue,
            };
            let by = event.actor.unwrap_or_default();
            return Err(Failure::new(Exit::Failed, format!("lock {lock} {what}, by {by}")));
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
    let LockWatch { at, count, json, quiet, who } = arguments;
    let Begun { client, mut stop, mut source, .. } = begin(&at, &who).await?;
    if !quiet {
        tell_of_link(client.events());
        eprintln!("rtm: watching the locks of {}", at.channel);
    }
    let result = print_all(&mut source, &Printer::new(&at, json), count, &mut stop).await;
    client.logout().await?;
    result
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

/// A client that is in a channel.
struct Begun {
    client: RtmClient,
    channel: ChannelId,
    stop: Stop,
    source: Source,
}

/// Logs in, and comes to the channel, which nobody is told of.
async fn begin(at: &LockAt, who: &Who) -> Result<Begun, Failure> {
    let channel = channel(at)?;
    let joined = if at.stream { vec![at.channel.clone()] } else { Vec::new() };
    let Connection { client, token } = Connection::find(who, &joined)?;
    let mut stop = Stop::new()?;
    let work = async {
        client.login().await?;
        source(&client, &channel, token).await
    };
    match stop.unless(work).await {
        Ok(source) => Ok(Begun { client, channel, stop, source }),
        Err(failure) => Err(goodbye(&client, failure).await),
    }
}

/// Does something in the channel, and goes.
async fn in_channel(
    of: &LockOf,
    act: impl AsyncFnOnce(&RtmClient, &ChannelId) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Begun { client, channel, mut stop, source } = begin(&of.at, &of.who).await?;
    if let Err(failure) = stop.unless(act(&client, &channel)).await {
        return Err(goodbye(&client, failure).await);
    }
    drop(source);
    client.logout().await?;
    Ok(())
}

/// Where events come from.
pub(super) enum Source {
    Channel(MessageSubscription),
    Stream(StreamEvents),
}

/// Comes to the channel; nobody is told of it.
pub(super) async fn source(
    client: &RtmClient,
    channel: &ChannelId,
    token: String,
) -> Result<Source, Failure> {
    let options = SubscribeOptions::new().messages(false).presence(false).quiet(true).locks(true);
    if channel.is_stream() {
        let options = JoinOptions::new().token(token).options(options);
        return Ok(Source::Stream(client.stream_channel(channel.name())?.join(options).await?));
    }
    Ok(Source::Channel(client.message_channel(channel.name())?.subscribe(options).await?))
}

impl Source {
    /// The next event; `None` at an orderly end.
    async fn next(&mut self) -> Result<Option<LockEvent>, Failure> {
        loop {
            match self {
                Self::Channel(subscription) => match subscription.recv().await {
                    Some(ChannelEvent::Lock(event)) => return Ok(Some(event)),
                    Some(ChannelEvent::Ended(error)) => return Err(error.into()),
                    Some(_) => {}
                    None => return Ok(None),
                },
                Self::Stream(events) => match events.recv().await {
                    Some(StreamEvent::Lock(event)) => return Ok(Some(event)),
                    Some(StreamEvent::Lagged(missed)) => {
                        let text = format!("{missed} events were too fast to be taken");
                        return Err(Failure::new(Exit::Missing, text));
                    }
                    Some(StreamEvent::Ended(error)) => return Err(error.into()),
                    Some(_) => {}
                    None => return Ok(None),
                },
            }
        }
    }
}

/// Names are checked before anything is sent.
fn channel(at: &LockAt) -> Result<ChannelId, Failure> {
    Ok(match at.stream {
        true => ChannelId::stream(&at.channel)?,
        false => ChannelId::message(&at.channel)?,
    })
}
