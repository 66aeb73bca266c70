//! Messages on their way from the client's task to a subscription.
//!
//! The queue has no limit of its own, since it needs none: each message holds credit of its lane
//! until the application has taken it, and the server sends no more than there is credit
//! (256 KiB and 32 bytes a message on each lane).

use std::collections::{BTreeSet, VecDeque};
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

/// Of an event, what a later one takes the place of; none if it stays in any case.
pub(super) type Key<T> = for<'a> fn(&'a T) -> Option<&'a str>;

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
    /// For who wants the latest only.
    latest: Option<Latest<T>>,
    /// What the application has taken and the task doesn't know of.
    taken: Option<Credit>,
    guard: Guard,
}

/// What has come, but for what is replaced.
struct Latest<T> {
    key: Key<T>,
    items: VecDeque<Item<T>>,
}

impl<T> Latest<T> {
    /// Takes what has come; what is replaced is given back.
    fn extend(&mut self, come: impl Iterator<Item = Item<T>>) -> Vec<Item<T>> {
        self.items.extend(come);
        let mut seen = BTreeSet::new();
        let is_kept = |item: &Item<T>, seen: &mut BTreeSet<String>| match (self.key)(&item.0) {
            Some(key) => seen.insert(key.to_owned()),
            None => true,
        };
        let kept: Vec<_> = self.items.iter().rev().map(|item| is_kept(item, &mut seen)).collect();
        let mut kept = kept.into_iter().rev();
        let (stay, go): (Vec<_>, Vec<_>) =
            self.items.drain(..).partition(|_| kept.next().unwrap_or(true));
        self.items.extend(stay);
        go
    }
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
        (Self { items, latest: None, taken: None, guard }, sink)
    }

    /// Only the newest event of each key is given, if it is `latest_only`.
    pub(super) fn set_latest(&mut self, latest_only: bool, key: Key<T>) {
        self.latest = latest_only.then(|| Latest { key, items: VecDeque::new() });
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
        if let Some(item) = self.try_recv() {
            return Some(item);
        }
        let (item, credit) = self.items.recv().await?;
        self.take(credit);
        Some(item)
    }

    /// The next item, if it is there.
    pub(super) fn try_recv(&mut self) -> Option<T> {
        let (item, credit) = match &mut self.latest {
            None => self.items.try_recv().ok()?,
            Some(latest) => {
                let items = &mut self.items;
                let replaced = latest.extend(std::iter::from_fn(|| items.try_recv().ok()));
                let next = latest.items.pop_front();
                replaced.into_iter().for_each(|(_, credit)| self.take(credit));
                next?
            }
        };
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
        let latest = self.latest.take().map(|latest| latest.items).unwrap_or_default();
        latest.into_iter().for_each(|(_, credit)| self.add(credit));
        while let Ok((_, credit)) = self.items.try_recv() {
            self.add(credit);
        }
        self.tell();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extend(latest: &mut Latest<&'static str>, come: &[&'static str]) -> (String, String) {
        let gone = latest.extend(come.iter().map(|&it| (it, None)));
        let words = |items: Vec<&str>| items.join(" ");
        let kept = latest.items.iter().map(|(it, _)| *it).collect();
        (words(kept), words(gone.into_iter().map(|(it, _)| it).collect()))
    }

    #[test]
    fn the_newest_of_each_key_stays_and_what_has_none_too() {
        // By the first letter; what begins with a dash has no key.
        let key: Key<&'static str> = |it| Some(&it[..1]).filter(|key| *key != "-");
        let mut latest = Latest { key, items: VecDeque::new() };
        let all = extend(&mut latest, &["a1", "b1", "-x", "a2", "-y"]);
        assert_eq!(all, ("b1 -x a2 -y".into(), "a1".into()));
        assert_eq!(extend(&mut latest, &["b2"]), ("-x a2 -y b2".into(), "b1".into()));
        assert_eq!(extend(&mut latest, &[]), ("-x a2 -y b2".into(), String::new()));
    }
}
