//! Metadata and locks: what is answered is kept, whatever happens to the server, and in the end
//! all know the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rtm_channel::UserId;
use rtm_client::core::{Answer, Command, HandleId, LockAct, MetadataTarget, WriteKind};
use rtm_client::{
    ChannelId, JoinOptions, LockDetail, LockOptions, Metadata, MetadataItem, MetadataOptions,
    QueuePolicy, SubscribeOptions,
};

use super::model::Place;
use super::{CHANNELS, Chaos, KEYS, message_or_stream};
use crate::world::name;

/// Locks. The first one is never taken from its owner but for a loss, so that no two users ever
/// rely on it at once.
const LOCKS: [&str; 2] = ["safe", "wild"];
const TTL: Duration = Duration::from_secs(10);

/// A write that somebody has tried.
#[derive(Clone, Debug)]
pub(super) struct Written {
    who: &'static str,
    waiter: u64,
    target: String,
    key: &'static str,
    /// What was written; nothing if it was removed.
    value: Option<String>,
}

/// An acquisition that somebody has tried.
#[derive(Clone, Debug)]
pub(super) struct Acquired {
    who: &'static str,
    waiter: u64,
    channel: ChannelId,
}

impl Chaos {
    /// Somebody writes an item, or removes one.
    pub(super) fn write(&mut self, who: &'static str) {
        let number = self.model.next_handle();
        let target = self.some_target(number);
        let key = KEYS[self.below(KEYS.len())];
        let (kind, value) = match self.below(4) {
            0 => (WriteKind::Remove, None),
            1 => (WriteKind::Update, Some(number.to_string())),
            _ => (WriteKind::Set, Some(number.to_string())),
        };
        let item = match &value {
            Some(value) => MetadataItem::new(key, value.clone()),
            None => MetadataItem::named(key),
        };
        let (items, options) = (vec![item], MetadataOptions::new());
        let named = format!("{target:?}");
        let command = Command::WriteMetadata { target, kind, items, options };
        let waiter = self.lab.command(who, command);
        self.model.ask(who, waiter, None);
        self.model.written.push(Written { who, waiter, target: named, key, value });
    }

    /// Somebody does something with a lock.
    pub(super) fn lock(&mut self, who: &'static str) {
        let (number, at) = (self.model.next_handle(), CHANNELS[self.below(2)]);
        let channel = message_or_stream(at, number);
        let lock = LOCKS[self.below(LOCKS.len())];
        let act = match self.below(12) {
            0..=2 => LockAct::Set(LockOptions::new().ttl(TTL)),
            3..=6 => LockAct::Acquire { retry: self.below(2) == 0 },
            7 if lock == "wild" => LockAct::Remove,
            8 if lock == "wild" => LockAct::Revoke { owner: self.some_user().to_owned() },
            7..=9 => LockAct::Release,
            _ => LockAct::Acquire { retry: true },
        };
        let is_acquisition = matches!(act, LockAct::Acquire { .. });
        let command = Command::Lock { channel: channel.clone(), name: lock.to_owned(), act };
        let waiter = self.lab.command(who, command);
        self.model.acts.push((who, waiter));
        if is_acquisition {
            self.model.acquired.push(Acquired { who, waiter, channel });
        }
    }

    /// Acquisitions without an answer.
    pub(super) fn waits_for_locks(&self, who: &str) -> usize {
        let client = self.lab.client(who);
        let own = self.model.acts.iter().filter(|(user, _)| *user == who);
        own.filter(|(_, waiter)| !client.answers.contains_key(waiter)).count()
    }

    /// No two users rely on one lock, if nobody may take it away.
    pub(super) fn check_held(&self) {
        let mut owners = BTreeMap::new();
        for &who in self.users {
            let held = self.lab.client(who).held.iter();
            for ((channel, lock), token) in held.filter(|((_, lock), _)| lock == "safe") {
                let former = owners.insert((channel.clone(), lock.clone()), (who, *token));
                assert_eq!(former, None, "{who} relies on {lock} in {channel:?}, too");
            }
        }
    }

    /// What was answered is there, or something that came later; and all who follow know it.
    pub(super) fn check_kept(&mut self, online: &[&'static str]) {
        let Some(asker) = online.first() else { return };
        self.check_revisions();
        for target in targets(self.users) {
            let metadata = Command::ReadMetadata { target: target.clone() };
            let answer = self.lab.call(asker, metadata);
            let Ok(Answer::Metadata(set)) = answer else { panic!("{answer:?}") };
            self.check_items(&format!("{target:?}"), &set);
            if let MetadataTarget::Channel(channel) = &target {
                self.check_followers(online, channel, &set);
                let answer = self.lab.call(asker, Command::GetLocks { channel: channel.clone() });
                let Ok(Answer::Locks(locks)) = answer else { panic!("{answer:?}") };
                self.check_locks(online, channel, &locks);
            }
        }
    }

    /// No revision of a set was given twice, and no token of a channel to two users.
    fn check_revisions(&self) {
        let mut given = BTreeSet::new();
        for it in &self.model.written {
            if let Ok(Answer::Stored(stored)) = &self.lab.client(it.who).answers[&it.waiter] {
                let revision = (it.target.clone(), stored.major_revision);
                assert!(given.insert(revision), "{it:?} got {stored:?}, as another did");
            }
        }
        let mut owners = BTreeMap::new();
        for it in &self.model.acquired {
            let answer = self.lab.client(it.who).answers.get(&it.waiter);
            if let Some(Ok(Answer::Acquired(own))) = answer {
                let owner = owners.entry((it.channel.clone(), own.token)).or_insert(it.who);
                assert_eq!(*owner, it.who, "{it:?} got {own:?}");
            }
        }
    }

    /// The last write of each item that was answered is there, or one that came later.
    fn check_items(&self, target: &str, set: &Metadata) {
        for key in KEYS {
            let of_key = |it: &&Written| it.target == target && it.key == key;
            let writes: Vec<_> = self.model.written.iter().filter(of_key).collect();
            let revision = |it: &Written| match &self.lab.client(it.who).answers[&it.waiter] {
                Ok(Answer::Stored(stored)) => Some(stored.major_revision),
                _ => None,
            };
            let last =
                writes.iter().filter_map(|it| Some((revision(it)?, *it))).max_by_key(|it| it.0);
            let item = set.items.iter().find(|item| item.key == key);
            let found = item.map(|item| String::from_utf8_lossy(&item.value).into_owned());
            // Who wrote it, if that was answered, knows its revision.
            if let (Some(item), Some(value)) = (item, &found) {
                let mut writer = writes.iter().filter(|it| it.value.as_ref() == Some(value));
                let writer = writer.next().expect("nobody else writes");
                let known = revision(writer);
                assert!(known.is_none_or(|known| known == item.revision), "{writer:?}: {item:?}");
            }
            let Some((revision_of_last, last)) = last else { continue };
            assert!(revision_of_last <= set.major_revision, "{last:?}: {set:?}");
            let may_be_later = writes.iter().any(|it| revision(it).is_none());
            let is_it = found == last.value;
            let is_later = match item {
                Some(item) => item.revision > revision_of_last,
                None => set.major_revision > revision_of_last,
            };
            assert!(is_it || (may_be_later && is_later), "{last:?}: {set:?}");
        }
    }

    /// Who follows a channel's metadata was told of the set as it is.
    fn check_followers(&self, online: &[&'static str], channel: &ChannelId, set: &Metadata) {
        for asked in self.followers(online, channel) {
            let events = &self.lab.client(asked.1).storage;
            let last = events.iter().rev().find(|(to, _)| *to == asked.0);
            let (_, event) = last.expect("it was told of the set at first");
            let known: Vec<_> = event.items.iter().map(|it| (&it.key, &it.value)).collect();
            let wanted: Vec<_> = set.items.iter().map(|it| (&it.key, &it.value)).collect();
            assert_eq!(known, wanted, "{asked:?} of {channel:?}");
            assert_eq!(event.major_revision, set.major_revision, "{asked:?} of {channel:?}");
        }
    }

    /// Who hears of a channel's locks was told of them as they are, and relies on its own only.
    fn check_locks(&self, online: &[&'static str], channel: &ChannelId, locks: &[LockDetail]) {
        for (handle, who) in self.followers(online, channel) {
            let mut known: BTreeMap<String, LockDetail> = BTreeMap::new();
            let events = self.lab.client(who).locks.iter();
            for (_, event) in events.filter(|(to, _)| *to == handle) {
                match event.change {
                    rtm_client::LockChange::Snapshot => known.clear(),
                    rtm_client::LockChange::Removed => {
                        for lock in &event.locks {
                            known.remove(&lock.name);
                        }
                        continue;
                    }
                    _ => {}
                }
                for lock in &event.locks {
                    known.insert(lock.name.clone(), lock.clone());
                }
            }
            let known: Vec<_> = known.into_values().collect();
            assert_eq!(known, locks, "{who} of {channel:?}");
        }
        for who in online {
            for ((of, lock), token) in &self.lab.client(who).held {
                if of == channel {
                    let found = locks.iter().find(|it| it.name == *lock);
                    let is_own = found
                        .is_some_and(|it| it.owner.as_deref() == Some(*who) && it.token == *token);
                    assert!(is_own, "{who} relies on {lock}/{token} in {channel:?}: {found:?}");
                }
            }
        }
    }

    fn followers(
        &self,
        online: &[&'static str],
        channel: &ChannelId,
    ) -> Vec<(HandleId, &'static str)> {
        let place = |at| match channel.is_stream() {
            true => Place::Stream(at),
            false => Place::Channel(at),
        };
        let at = CHANNELS.into_iter().find(|at| *at == channel.name()).expect("one of ours");
        let handles = self.model.handles.iter();
        let live = handles.filter(|asked| {
            asked.place == place(at) && online.contains(&asked.who) && self.is_live(asked)
        });
        live.map(|asked| (HandleId(asked.handle), asked.who)).collect()
    }

    fn some_target(&mut self, number: u64) -> MetadataTarget {
        match self.below(4) {
            0 => of_user(self.some_user()),
            _ => MetadataTarget::Channel(message_or_stream(CHANNELS[self.below(2)], number)),
        }
    }
}

/// All that somebody may write to.
fn targets(users: &[&str]) -> Vec<MetadataTarget> {
    let channels =
        CHANNELS.into_iter().flat_map(|at| [0, 1].map(|kind| message_or_stream(at, kind)));
    let channels = channels.map(MetadataTarget::Channel);
    channels.chain(users.iter().map(|user| of_user(user))).collect()
}

fn of_user(user: &str) -> MetadataTarget {
    MetadataTarget::User(UserId::new(user).expect("a name"))
}

/// Of a message channel, by the number of its handle.
pub(super) const fn queue(handle: u64) -> QueuePolicy {
    match handle % 4 {
        0 => QueuePolicy::CatchUp,
        1 => QueuePolicy::DropOldest,
        2 => QueuePolicy::Disconnect,
        _ => QueuePolicy::Default,
    }
}

fn all() -> SubscribeOptions {
    SubscribeOptions::new().metadata(true).locks(true)
}

/// Subscribes to all there is of a channel.
pub(super) fn subscribe(at: &str, handle: u64) -> Command {
    let options = all().queue(queue(handle));
    Command::Subscribe { channel: name(at), options, handle: HandleId(handle) }
}

/// Joins a stream channel, and hears all there is of it.
pub(super) fn join(at: &str, handle: u64) -> Command {
    let options = JoinOptions::new().options(all());
    Command::Join { channel: name(at), options, handle: HandleId(handle) }
}
