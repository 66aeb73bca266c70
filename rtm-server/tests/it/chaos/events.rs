//! What was answered and heard, against what was said.

use std::collections::{BTreeMap, BTreeSet};

use rtm_client::core::{Answer, HandleId};
use rtm_client::{
    ChannelEvent, ErrorKind, Gap, Published, Qos, QueuePolicy, TopicEvent, TopicMessage,
};

use super::kept;
use super::model::{Asked, Place, number};
use super::{Chaos, LATEST, TOPICS, Weather};

/// Stored messages that are surely replayed, with the short queues of rough weather.
const REPLAYED: usize = 4;

/// A message's place among others: epoch, publication (0 in channels), sequence.
type Position = (u64, u64, u64);

impl Chaos {
    /// Each command has one answer, and each publish one that makes sense.
    pub(super) fn check_answers(&self) {
        for (who, waiter) in &self.model.waiting {
            assert!(self.lab.client(who).answers.contains_key(waiter), "{who}: no {waiter}");
        }
        for said in self.model.said.values() {
            let result = &self.lab.client(said.who).answers[&said.waiter];
            let Err(error) = result else { continue };
            let is_known = match error.kind() {
                ErrorKind::ReceiverOffline => said.target.starts_with("inbox"),
                ErrorKind::TopicNotJoined => !said.target.starts_with("channel"),
                ErrorKind::NotJoined => said.target.starts_with("topic"),
                // The publication has not begun yet.
                ErrorKind::NotConnected if said.target.starts_with("topic") => true,
                // Who read has closed the inbox, or is gone.
                ErrorKind::OutcomeUnknown if said.target.starts_with("inbox") => true,
                ErrorKind::OutcomeUnknown | ErrorKind::NotConnected | ErrorKind::NotLoggedIn => {
                    self.weather == Weather::Rough
                }
                _ => false,
            };
            assert!(is_known, "{said:?}: {error}");
        }
        if self.weather == Weather::Calm {
            for &name in self.users {
                assert_eq!(self.lab.client(name).links.len(), 2, "{name} was connected all along");
            }
        }
    }

    fn answer(&self, message: u64) -> Result<Published, ErrorKind> {
        let said = &self.model.said[&message];
        match &self.lab.client(said.who).answers[&said.waiter] {
            Ok(Answer::Published(published)) => Ok(*published),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.kind()),
        }
    }

    /// Order, gaps and repeats at each handle; and that all agree on what stands where.
    pub(super) fn check_events(&self) {
        let mut places = BTreeMap::new();
        for asked in &self.model.handles {
            match asked.place {
                Place::Channel(name) => {
                    self.check_channel(asked, &format!("channel {name}"), &mut places);
                }
                Place::Inbox => {
                    self.check_channel(asked, &format!("inbox {}", asked.who), &mut places);
                }
                Place::Topic(channel, LATEST) => {
                    self.check_latest(asked, &format!("topic {channel} {LATEST}"));
                }
                Place::Topic(channel, topic) => {
                    let target = format!("topic {channel} {topic}");
                    self.check_topic(asked, &target, qos(topic), &mut places);
                }
                Place::Stream(_) | Place::Publication(..) => {}
            }
        }
        self.check_order();
        // What was answered, but perhaps not heard, stands nowhere else and is alone there.
        let mut answered = BTreeSet::new();
        for (message, said) in &self.model.said {
            let Ok(published) = self.answer(*message) else { continue };
            if !said.target.starts_with("topic") {
                let place = (published.epoch, published.sequence);
                assert!(answered.insert((said.target.clone(), place)), "{said:?} at {place:?}");
            }
        }
    }

    /// What a client has published in a channel, or to a user, stands in the order of its calls,
    /// and is heard in it. (What was not to be stored may be gone with a life of the server, and
    /// what was to be stored before it then comes in the next one.)
    fn check_order(&self) {
        let mut last = BTreeMap::new();
        for (message, said) in &self.model.said {
            let Ok(published) = self.answer(*message) else { continue };
            if !said.target.starts_with("topic") {
                let at = (published.epoch, published.sequence);
                let former = last.insert((said.who, &said.target, published.epoch), at);
                assert!(former < Some(at), "{said:?} at {at:?} after {former:?}");
            }
        }
        for &who in self.users {
            let client = self.lab.client(who);
            let mut last = BTreeMap::new();
            let channels = client.channels.iter().filter_map(|(to, event)| match event {
                ChannelEvent::Message(it) => Some((*to, &it.publisher, &it.payload)),
                _ => None,
            });
            let topics = client.topics.iter().filter_map(|(to, event)| match event {
                TopicEvent::Message(it) if self.is_ordered(who, *to) => {
                    Some((*to, &it.publisher, &it.payload))
                }
                _ => None,
            });
            for (to, publisher, payload) in channels.chain(topics) {
                let message = number(payload);
                let former = last.insert((to, publisher), message);
                assert!(former < Some(message), "{who} hears {former:?}, then {message}");
            }
        }
    }

    fn is_ordered(&self, who: &str, topic: HandleId) -> bool {
        let place = self.model.place(who, topic);
        matches!(place, Some(Place::Topic(_, topic)) if qos(topic) == Qos::Ordered)
    }

    /// A message was heard: where nobody heard another, as its publisher was told, and meant so.
    fn check_place(
        &self,
        message: u64,
        target: &str,
        publisher: &str,
        position: Position,
        places: &mut Places,
    ) {
        let said = self.model.said.get(&message).expect("nobody hears what nobody has said");
        assert_eq!((said.target.as_str(), said.who), (target, publisher), "{message}");
        match self.answer(message) {
            Ok(published) => {
                let (epoch, _, sequence) = position;
                assert_eq!((published.epoch, published.sequence), (epoch, sequence), "{said:?}");
            }
            // It was done, and its publisher does not know.
            Err(ErrorKind::OutcomeUnknown) => {}
            Err(kind) => panic!("{said:?} was refused ({kind:?}), and heard at {position:?}"),
        }
        places.note(target, publisher, position, message);
    }

    fn check_channel(&self, asked: &Asked, target: &str, places: &mut BTreeMap<String, Places>) {
        let places = places.entry(target.to_owned()).or_default();
        let client = self.lab.client(asked.who);
        let mut last: Option<(u64, u64)> = None;
        // An inbox outlives logouts, and nothing is missed in between. What comes before the answer
        // to a subscription may have been on its way to an earlier one.
        let mut pauses = client.lives.clone();
        let answered_at = client.answered_at[&asked.waiter];
        pauses.push(answered_at);
        let mut floor = (0, 0);
        // Behind that, what was published while nobody was subscribed is missing, and no loss.
        let mut may_skip = self.is_asked_again(asked);
        let mut heard = BTreeSet::new();
        for (index, (to, event)) in client.channels.iter().enumerate() {
            if pauses.iter().any(|pause| *pause <= index) {
                pauses.retain(|pause| *pause > index);
                (floor, last) = (last.unwrap_or(floor), None);
            }
            if to.0 != asked.handle {
                continue;
            }
            match event {
                ChannelEvent::Message(it) => {
                    let at = (it.epoch, it.sequence);
                    let is_next = last.is_none_or(|(epoch, sequence)| at == (epoch, sequence + 1))
                        || ((index < answered_at || asked.place == Place::Inbox)
                            && last.is_some_and(|last| at > last)
                            && std::mem::take(&mut may_skip));
                    assert!(is_next && at > floor, "{asked:?}: {at:?} after {last:?}, {floor:?}");
                    last = Some(at);
                    heard.insert(at);
                    let position = (it.epoch, 0, it.sequence);
                    self.check_place(number(&it.payload), target, &it.publisher, position, places);
                }
                ChannelEvent::Gap(gap) => {
                    // Of an inbox that was closed and opened again, what wasn't stored is missing.
                    match asked.place {
                        Place::Inbox => self.check_missing(asked.who, target, gap),
                        _ => {
                            assert_eq!(self.weather, Weather::Rough, "{asked:?}: {gap:?}");
                            // Who lets the oldest be dropped may miss what was stored, too.
                            if kept::queue(asked.handle) != QueuePolicy::DropOldest {
                                self.check_unstored(asked, target, gap);
                            }
                        }
                    }
                    let mut inside = heard.range(..gap.before);
                    assert!(inside.next_back().is_none_or(|at| *at <= gap.after), "{gap:?}");
                    // What an answer tells of messages that came before it comes behind them.
                    let is_late = asked.place == Place::Inbox && last >= Some(gap.before);
                    if is_late {
                        continue;
                    }
                    assert!(last.is_none_or(|last| last == gap.after), "{gap:?} after {last:?}");
                    assert!(gap.before > gap.after && gap.count != Some(0), "{gap:?}");
                    last = Some((gap.before.0, gap.before.1 - 1));
                }
                ChannelEvent::Ended(_) => assert_eq!(self.weather, Weather::Rough),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Whether the same user had subscribed to the same channel before.
    fn is_asked_again(&self, asked: &Asked) -> bool {
        let is_earlier = |it: &Asked| it.handle < asked.handle && it.who == asked.who;
        let mut earlier = self.model.handles.iter().filter(|it| is_earlier(it));
        earlier.any(|it| it.place == asked.place)
    }

    /// What is missing of a channel wasn't stored, or is older than what is replayed.
    fn check_unstored(&self, asked: &Asked, target: &str, gap: &Gap) {
        if gap.count.is_none() {
            return;
        }
        let newer = |it: &Published| (it.epoch, it.sequence) >= gap.before;
        let stored =
            self.model.said.iter().filter(|(_, said)| said.target == target && said.is_stored);
        let answers: Vec<_> = stored
            .filter_map(|(message, said)| Some((said, self.answer(*message).ok()?)))
            .collect();
        // Of some, nobody knows whether they were stored, or where.
        let unknown = self.model.said.iter().filter(|(message, said)| {
            said.target == target && self.answer(**message) == Err(ErrorKind::OutcomeUnknown)
        });
        if answers.iter().filter(|(_, it)| newer(it)).count() + unknown.count() >= REPLAYED {
            return;
        }
        for (said, it) in &answers {
            let at = (it.epoch, it.sequence);
            let is_missing = gap.after < at && at < gap.before;
            assert!(!is_missing, "{asked:?}: {said:?} at {at:?} is missing: {gap:?}");
        }
    }

    /// Nothing is missing of an inbox whose publisher was told that it has come, or will come.
    fn check_missing(&self, who: &str, target: &str, gap: &Gap) {
        let is_inside = |it: &Published| {
            let at = (it.epoch, it.sequence);
            gap.count.is_some() && gap.after < at && at < gap.before
        };
        let heard: BTreeSet<u64> = self
            .lab
            .client(who)
            .channels
            .iter()
            .filter_map(|(_, event)| match event {
                ChannelEvent::Message(it) => Some(number(&it.payload)),
                _ => None,
            })
            .collect();
        for (message, said) in self.model.said.iter().filter(|(_, said)| said.target == target) {
            if self.answer(*message).is_ok_and(|it| is_inside(&it)) {
                assert!(heard.contains(message), "{said:?} is missing: {gap:?}");
            }
        }
    }

    fn check_topic(
        &self,
        asked: &Asked,
        target: &str,
        qos: Qos,
        places: &mut BTreeMap<String, Places>,
    ) {
        let places = places.entry(target.to_owned()).or_default();
        let client = self.lab.client(asked.who);
        let mut heard = BTreeSet::new();
        let mut last: BTreeMap<String, Last> = BTreeMap::new();
        for (_, event) in client.topics.iter().filter(|(to, _)| to.0 == asked.handle) {
            match event {
                TopicEvent::Message(it) => {
                    let at = (it.epoch, it.publication, it.sequence);
                    assert!(
                        heard.insert((it.publisher.to_string(), at)),
                        "{asked:?}: {at:?} twice"
                    );
                    if qos == Qos::Ordered {
                        self.check_next(asked, it, last.get(&*it.publisher).copied());
                        let publisher = it.publisher.to_string();
                        let (epoch, sequence) = (Some(it.epoch), Some(it.sequence));
                        let publication = it.publication;
                        last.insert(publisher, Last { epoch, publication, sequence });
                    }
                    self.check_place(number(&it.payload), target, &it.publisher, at, places);
                }
                TopicEvent::Gap(gap) => {
                    assert_eq!(self.weather, Weather::Rough, "{asked:?}: {gap:?}");
                    assert!(gap.count != Some(0), "{asked:?}: {gap:?}");
                    let former = last.get(&*gap.publisher);
                    let former = former.filter(|former| former.publication == gap.publication);
                    // After a restart, the number may be that of another publication.
                    let known = former.and_then(|former| former.sequence).unwrap_or(gap.after);
                    // Without an order, messages have come since the last gap that aren't noted.
                    let is_later = qos == Qos::Unordered && known < gap.after;
                    let is_known = known == gap.after || gap.after == 0 || is_later;
                    assert!(is_known, "{asked:?}: {gap:?}, {known}");
                    let sequence = gap.before.map(|before| before - 1);
                    let former = Last { epoch: None, publication: gap.publication, sequence };
                    last.insert(gap.publisher.to_string(), former);
                }
                TopicEvent::Ended(_) => assert_eq!(self.weather, Weather::Rough),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Values go forward only, and what is skipped is no gap.
    fn check_latest(&self, asked: &Asked, target: &str) {
        let client = self.lab.client(asked.who);
        let mut last = BTreeMap::new();
        for (_, event) in client.topics.iter().filter(|(to, _)| to.0 == asked.handle) {
            match event {
                TopicEvent::Message(it) => {
                    let said = &self.model.said[&number(&it.payload)];
                    assert_eq!((said.target.as_str(), said.who), (target, &*it.publisher));
                    let at = (it.epoch, it.publication, it.sequence);
                    let before = last.insert(it.publisher.to_string(), at);
                    assert!(before.is_none_or(|before| before < at), "{asked:?}: {at:?}");
                }
                // Of a publication of which no news had come when the session was lost.
                TopicEvent::Gap(gap) => {
                    assert_eq!(self.weather, Weather::Rough, "{asked:?}: {gap:?}");
                }
                TopicEvent::Ended(_) => assert_eq!(self.weather, Weather::Rough),
                other => panic!("{other:?}"),
            }
        }
    }

    /// An ordered message follows the last one of its publication, or begins another.
    fn check_next(&self, asked: &Asked, it: &TopicMessage, last: Option<Last>) {
        let Some(Last { epoch, publication, sequence }) = last else { return };
        let is_same_epoch = epoch.is_none_or(|epoch| epoch == it.epoch);
        match sequence.filter(|_| is_same_epoch && publication == it.publication) {
            Some(sequence) => assert_eq!(it.sequence, sequence + 1, "{asked:?}: {it:?}, {last:?}"),
            None if self.model.changed.contains(&(asked.who, asked.handle)) => {}
            None => assert_eq!(it.sequence, 1, "{asked:?}: {it:?} after {last:?}"),
        }
    }
}

/// The last message of a publisher that was heard, or is known to be missing.
#[derive(Clone, Copy, Debug)]
struct Last {
    /// Gaps don't tell.
    epoch: Option<u64>,
    publication: u64,
    /// `None` when the publication has ended.
    sequence: Option<u64>,
}

/// Which message stands where, in one channel, inbox or topic.
#[derive(Debug, Default)]
pub(super) struct Places {
    messages: BTreeMap<(String, Position), u64>,
    positions: BTreeMap<u64, Position>,
}

impl Places {
    fn note(&mut self, target: &str, publisher: &str, position: Position, message: u64) {
        // Channels have one sequence for all publishers, topics one for each.
        let publisher = if target.starts_with("topic") { publisher } else { "" };
        let there = *self.messages.entry((publisher.to_owned(), position)).or_insert(message);
        assert_eq!(there, message, "two messages at {position:?} of {target}");
        let position_before = *self.positions.entry(message).or_insert(position);
        assert_eq!(position_before, position, "message {message} stands twice in {target}");
    }
}

fn qos(topic: &str) -> Qos {
    TOPICS.iter().find(|(name, _)| *name == topic).expect("one of ours").1
}
