//! Messages on their way from the client's task to a subscription.
//!
//! The queue has no limit of its own, since it needs none: each message holds credit of its lane
//! until the application has taken it, and the server sends no more than there is credit
//! (256 KiB and 32 bytes a message on each lane).

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc};

use super::shared::{Guard, Notice, Shared};
use crate::core::{Credit, HandleId};
use crate::message::{ChannelEvent, TopicEvent};
use crate::storage::UserMetadataEvent;
use crate::stream::StreamEvent;

/// Bytes that are taken before the server hears of it, while more messages wait.
const TAKEN_MAX: usize = 32 * 1_024;

/// A message with the credit that it holds.
type Item<T> = (T, Option<Credit>);

/// The end of a subscription that the client's task has.
pub(super) enum Sink {
    Channel(mpsc::UnboundedSender<Item<ChannelEvent>>),
    Topic(mpsc::UnboundedSender<Item<TopicEvent>>),
    Stream(broadcast::Sender<StreamEvent>),
    UserMetadata(mpsc::UnboundedSender<Item<UserMetadataEvent>>),
}

/// The application's end.
pub(super) struct Queue<T> {
    items: mpsc::UnboundedReceiver<Item<T>>,
    /// What the application has taken and the task doesn't know of.
    taken: Option<Credit>,
    guard: Guard,
}

impl<T> Queue<T> {
    /// A queue, and the end for the task.
    pub(super) fn new(
        shared: &Arc<Shared>,
        sink: impl FnOnce(mpsc::UnboundedSender<Item<T>>) -> Sink,
    ) -> (Self, (HandleId, Sink)) {
        let (sender, items) = mpsc::unbounded_channel();
        let guard = Guard::new(shared);
        let sink = (guard.handle, sink(sender));
        (Self { items, taken: None, guard }, sink)
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.guard.shared
    }

    pub(super) const fn handle(&self) -> HandleId {
        self.guard.handle
    }

    /// The next item; `None` when nothing follows.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub(super) async fn recv(&mut self) -> Option<T> {
        let (item, credit) = self.items.recv().await?;
        self.take(credit);
        Some(item)
    }

    /// The next item, if it is there.
    pub(super) fn try_recv(&mut self) -> Option<T> {
        let (item, credit) = self.items.try_recv().ok()?;
        self.take(credit);
        Some(item)
    }

    fn take(&mut self, credit: Option<Credit>) {
        self.add(credit);
        let bytes = self.taken.as_ref().map_or(0, Credit::bytes);
        // An empty queue may be a peer that waits for credit.
        if bytes >= TAKEN_MAX || (bytes > 0 && self.items.is_empty()) {
            self.tell();
        }
    }

    fn add(&mut self, credit: Option<Credit>) {
        let Some(credit) = credit else { return };
        let is_joined = self.taken.as_mut().is_some_and(|taken| taken.join(credit));
        if !is_joined {
            self.tell();
            self.taken = Some(credit);
        }
    }

    fn tell(&mut self) {
        if let Some(taken) = self.taken.take() {
            self.guard.shared.notify(Notice::Taken(taken));
        }
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        // From now on the task gets its messages back.
        self.items.close();
        while let Ok((_, credit)) = self.items.try_recv() {
            self.add(credit);
        }
        self.tell();
    }
}
