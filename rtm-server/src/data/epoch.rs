//! The number of the server's life.

use std::path::Path;

use rtm_wire::{Epoch, UnixTime};

use super::{damaged, read, write};
use crate::error::ServerError;

/// 2024-01-01, in minutes since 1970.
const MINUTES_AT_ZERO: u64 = 28_401_120;

/// One more than the last, and no less than the calendar says in minutes, so that a lost file or
/// an old backup does not lead back to numbers that clients have seen.
pub(super) fn next(path: &Path, wall: UnixTime) -> Result<Epoch, ServerError> {
    let last: u64 = match read(path)? {
        Some(text) => text.trim().parse().map_err(|error| damaged(path, error))?,
        None => 0,
    };
    let calendar = (wall.as_millis() / 60_000).saturating_sub(MINUTES_AT_ZERO);
    let epoch = (last + 1).max(calendar);
    if epoch > Epoch::MAX.0 {
        return Err(damaged(path, format!("{epoch} is no epoch")));
    }
    write(path, &format!("{epoch}\n"))?;
    Ok(Epoch(epoch))
}
