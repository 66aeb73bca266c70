//! Waiting for room in a lane's queue.

use tokio::sync::watch;

/// The engine's end: says whether a lane has room.
///
/// The engine [shuts](Self::shut) it when a message is refused
/// ([`SendError::QueueFull`](crate::SendError::QueueFull)), and gives the message back to its
/// sender; it [opens](Self::open) it at [`Event::Writable`](crate::Event::Writable). Dropping it
/// says that the lane is gone.
#[derive(Debug)]
pub struct RoomGate {
    is_open: watch::Sender<bool>,
}

/// The application's end: a future for room. Cheap to clone, one for each task that sends.
#[derive(Clone, Debug)]
pub struct Room {
    is_open: watch::Receiver<bool>,
}

/// The lane is gone: its session has ended, or the engine has forgotten it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lane is gone")]
pub struct LaneGone;

/// Both ends for one lane, which has room at first.
#[must_use]
pub fn room() -> (RoomGate, Room) {
    let (sender, receiver) = watch::channel(true);
    (RoomGate { is_open: sender }, Room { is_open: receiver })
}

impl RoomGate {
    /// A message was refused.
    pub fn shut(&self) {
        self.is_open.send_replace(false);
    }

    /// The lane is writable again: all that wait go on.
    pub fn open(&self) {
        self.is_open.send_replace(true);
    }
}

impl Room {
    /// Waits until the lane has room. It may be taken by others before the caller's message gets
    /// there: a message that is refused waits again.
    ///
    /// # Errors
    /// The lane is gone.
    ///
    /// # Cancel safety
    /// Nothing is reserved, so nothing is lost when the future is dropped, and nobody else waits
    /// longer for it.
    pub async fn wait(&mut self) -> Result<(), LaneGone> {
        self.is_open.wait_for(|&is_open| is_open).await.map_err(|_| LaneGone)?;
        // One that was open to the end counts as gone, too.
        self.is_open.has_changed().map(drop).map_err(|_| LaneGone)
    }
}
