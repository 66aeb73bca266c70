//! Which channels a user may be in.

use std::collections::{BTreeMap, BTreeSet};

use rtm_channel::{ChannelKey, UserId};

/// Entries that are never too many.
const ENTRIES_MIN: usize = 1_000;

/// Where users have come to, and may be still.
///
/// Nobody says here that a user has gone: whoever asks looks whether it is there. Entries that are
/// out of date are dropped when there are twice as many as were true the last time, so that keeping
/// this costs little for each user that comes, and no more memory than twice what is true.
#[derive(Debug)]
pub(super) struct Places {
    channels: BTreeMap<UserId, BTreeSet<ChannelKey>>,
    entries: usize,
    entries_max: usize,
}

impl Places {
    pub(super) const fn new() -> Self {
        Self { channels: BTreeMap::new(), entries: 0, entries_max: ENTRIES_MIN }
    }

    /// A user has come to a channel.
    pub(super) fn note(&mut self, user: &UserId, key: &ChannelKey) {
        let channels = self.channels.entry(user.clone()).or_default();
        self.entries += usize::from(channels.insert(key.clone()));
    }

    /// Whether it is time to [`rebuild`](Self::rebuild).
    pub(super) const fn is_full(&self) -> bool {
        self.entries > self.entries_max
    }

    /// Keeps what is true.
    pub(super) fn rebuild<'a>(
        &mut self,
        users: impl Iterator<Item = (&'a UserId, &'a ChannelKey)>,
    ) {
        *self = Self::new();
        for (user, key) in users {
            self.note(user, key);
        }
        self.entries_max = ENTRIES_MIN.max(self.entries * 2);
    }

    /// The channels that a user may be in, by kind and name.
    pub(super) fn of(&self, user: &UserId) -> impl Iterator<Item = &ChannelKey> {
        self.channels.get(user).into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use rtm_channel::{AppId, ChannelName};
    use rtm_wire::ChannelKind;

    use super::*;

    fn key(number: usize) -> ChannelKey {
        let name = ChannelName::new(&format!("c{number}")).expect("a name");
        ChannelKey { app: AppId::new("app").expect("a name"), kind: ChannelKind::Message, name }
    }

    #[test]
    fn what_is_out_of_date_is_dropped_in_time() {
        let user = |number: usize| UserId::new(&format!("u{number}")).expect("a name");
        let mut places = Places::new();
        let mut rebuilt = 0;
        for number in 0..50_000 {
            places.note(&user(number), &key(0));
            places.note(&user(number), &key(1));
            if places.is_full() {
                rebuilt += 1;
                // All but the last ten have gone.
                let there: Vec<_> = (number - 9..=number).map(|it| (user(it), key(1))).collect();
                places.rebuild(there.iter().map(|(user, key)| (user, key)));
            }
            assert!(places.entries <= ENTRIES_MIN + 2, "{}", places.entries);
        }
        assert!((90..110).contains(&rebuilt), "{rebuilt}");
        let of_last: Vec<_> = places.of(&user(49_999)).collect();
        assert_eq!(of_last, [&key(0), &key(1)]);
        assert_eq!(places.of(&user(3)).count(), 0);
    }
}
