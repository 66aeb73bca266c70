//! What the keys of rows stand for.

use rtm_channel::{AppId, ChannelKey, ChannelName, Identity, Reached, UserId};
use rtm_wire::{ChannelKind, Epoch, OperationId, Position, Sequence, SessionInstance};

use super::{StoreError, damaged};

/// App, kind and name of a channel.
pub(super) type Key = (&'static str, u8, &'static str);
/// And a name in it.
pub(super) type NameKey = (&'static str, u8, &'static str, &'static str);
/// And a place in it: epoch and sequence.
pub(super) type PlaceKey = (&'static str, u8, &'static str, u64, u64);
/// App, user, session instance, operation.
pub(super) type PublishKey = (&'static str, &'static str, u64, u64);
/// Kind and name of a channel, place, time, how far it has got.
pub(super) type PublishRow = (u8, &'static str, Place, u64, u8);
/// Epoch and sequence.
pub(super) type Place = (u64, u64);

pub(super) fn row(key: &ChannelKey) -> (&str, u8, &str) {
    (key.app.as_str(), key.kind.number(), key.name.as_str())
}

pub(super) fn named<'a>(key: &'a ChannelKey, name: &'a str) -> (&'a str, u8, &'a str, &'a str) {
    (key.app.as_str(), key.kind.number(), key.name.as_str(), name)
}

pub(super) fn placed(key: &ChannelKey, (epoch, sequence): Place) -> (&str, u8, &str, u64, u64) {
    (key.app.as_str(), key.kind.number(), key.name.as_str(), epoch, sequence)
}

pub(super) fn publish<'a>(
    app: &'a AppId,
    identity: &'a Identity,
    operation: OperationId,
) -> (&'a str, &'a str, u64, u64) {
    (app.as_str(), identity.user.as_str(), identity.instance.0, operation.0)
}

/// How far a message had got that was to be stored. A receipt comes later, if at all.
pub(super) const fn number_of_reached(reached: Reached) -> u8 {
    match reached {
        Reached::Sequenced => 0,
        Reached::Stored | Reached::Received => 1,
        Reached::Unknown | Reached::ReceivedNotStored => 2,
    }
}

pub(super) fn reached(number: u8) -> Result<Reached, StoreError> {
    match number {
        0 => Ok(Reached::Sequenced),
        1 => Ok(Reached::Stored),
        2 => Ok(Reached::Unknown),
        other => Err(damaged(format!("{other} is no way for a message to get"))),
    }
}

pub(super) fn identity(user: &str, instance: u64) -> Result<Identity, StoreError> {
    let user = UserId::new(user).map_err(damaged)?;
    Ok(Identity { user, instance: SessionInstance(instance) })
}

/// Behind this channel's name, and before all others: names have no such character.
pub(super) fn end_of(key: &ChannelKey) -> String {
    format!("{}\0", key.name)
}

pub(super) const fn place(position: Position) -> Place {
    (position.epoch.0, position.sequence.0)
}

pub(super) const fn position((epoch, sequence): Place) -> Position {
    Position { epoch: Epoch(epoch), sequence: Sequence(sequence) }
}

pub(super) fn channel((app, kind, name): (&str, u8, &str)) -> Result<ChannelKey, StoreError> {
    let (app, name) = (app_id(app)?, ChannelName::new(name).map_err(damaged)?);
    Ok(ChannelKey { app, kind: ChannelKind::from_number(kind), name })
}

pub(super) fn app_id(app: &str) -> Result<AppId, StoreError> {
    AppId::new(app).map_err(damaged)
}
