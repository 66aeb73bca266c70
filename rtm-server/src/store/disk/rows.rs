//! What the keys of rows stand for.

use rtm_channel::{AppId, ChannelKey, ChannelName};
use rtm_wire::{ChannelKind, Epoch, Position, Sequence};

use super::{StoreError, damaged};

/// App, kind and name of a channel.
pub(super) type Key = (&'static str, u8, &'static str);
/// And a name in it.
pub(super) type NameKey = (&'static str, u8, &'static str, &'static str);
/// And a place in it: epoch and sequence.
pub(super) type PlaceKey = (&'static str, u8, &'static str, u64, u64);
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
