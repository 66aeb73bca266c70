//! Subscriptions of topics.

use bytes::Bytes;
use rtm_channel::{ChannelName, UserId};
use rtm_topic::{TopicMissed, TopicName, TopicVerdict};
use rtm_wire::{
    ErrorCode, LaneId, List, QueuePolicy, SubscribeTopic, Time, TopicMessageEvent, TopicUsers,
    UnsubscribeTopic,
};

use super::command::{Answer, Credit, HandleId, Output};
use super::operations::Purpose;
use super::seal::Envelope;
use super::{Core, Place};
use crate::error::{Error, ErrorKind};
use crate::message::{TopicEvent, TopicGap, TopicMessage};
use crate::stream::SubscribedUsers;

/// Who gets a topic's messages.
#[derive(Debug)]
pub(super) struct TopicSink {
    pub(super) handle: HandleId,
    queue: QueuePolicy,
    /// Whether the server has subscribed anybody.
    pub(super) is_confirmed: bool,
}

impl<W> Core<W> {
    pub(super) fn subscribe_topic(
        &mut self,
        now: Time,
        channel: ChannelName,
        topic: TopicName,
        (users, queue): (Option<Vec<UserId>>, QueuePolicy),
        handle: HandleId,
        waiter: Option<W>,
    ) {
        let begun = check_users(users.as_deref()).and_then(|()| check_queue(queue));
        let begun = begun.and_then(|()| self.joined_stream(&channel).map(drop));
        let begun = begun.and_then(|()| {
            let entry = self.streams.get_mut(&channel).expect("it is joined");
            if entry.topics.contains_key(&topic) {
                let wrong = format!("topic {topic} is subscribed already");
                return Err(Error::of(ErrorKind::Duplicate, wrong));
            }
            entry.topics.insert(topic.clone(), TopicSink { handle, queue, is_confirmed: false });
            Ok(())
        });
        if let Err(error) = begun {
            self.outputs.push_back(Output::End(handle));
            return self.answer(waiter, Err(error));
        }
        self.places.insert(handle, Place::Topic(channel.clone(), topic.clone()));
        self.send_subscribe_topic(now, &channel, &topic, users, (false, waiter));
    }

    pub(super) fn add_publishers(
        &mut self,
        now: Time,
        handle: HandleId,
        users: Option<Vec<UserId>>,
        waiter: Option<W>,
    ) {
        let place = check_users(users.as_deref()).and_then(|()| self.topic_place(handle));
        match place {
            Ok((channel, topic)) => {
                self.send_subscribe_topic(now, &channel, &topic, users, (false, waiter));
            }
            Err(error) => self.answer(waiter, Err(error)),
        }
    }

    fn send_subscribe_topic(
        &mut self,
        now: Time,
        channel: &ChannelName,
        topic: &TopicName,
        users: Option<Vec<UserId>>,
        (is_restore, waiter): (bool, Option<W>),
    ) {
        let all = users.is_none();
        let users = users.unwrap_or_default();
        let mut queue = QueuePolicy::Default;
        if let Some(entry) = self.streams.get_mut(channel) {
            queue = entry.topics.get(topic).map(|sink| sink.queue).unwrap_or(queue);
            // Messages may overtake the answer. Whoever calls has seen that the channel is joined.
            let _ = entry.view.subscribe_topic(topic, &users);
            entry.view.set_queue(topic, queue);
        }
        let users: Vec<_> = users.iter().map(UserId::as_str).collect();
        let subscribe = SubscribeTopic {
            channel: channel.as_str(),
            topic: topic.as_str(),
            users: List::Slice(&users),
            queue,
        };
        let (channel, topic) = (channel.clone(), topic.clone());
        let purpose = Purpose::SubscribeTopic { channel, topic, all, is_restore };
        self.request(now, LaneId::CONTROL, subscribe, purpose, waiter);
    }

    pub(super) fn on_topic_subscribed(
        &mut self,
        now: Time,
        channel: &ChannelName,
        topic: &TopicName,
        all: bool,
        users: &TopicUsers<'_>,
        is_restore: bool,
    ) -> Result<Answer, Error> {
        let subscribed = SubscribedUsers::new(users);
        let mut result = Ok(());
        if let Some(entry) = self.streams.get_mut(channel) {
            let missed = entry.view.on_topic_subscribed(topic, all, users);
            self.tell_missed(channel, missed);
        }
        if let Some(entry) = self.streams.get_mut(channel) {
            let is_subscribed = entry.view.subscribed_users(topic).is_ok();
            if let Some(sink) = entry.topics.get_mut(topic) {
                // Who has removed all publishers may add others.
                let is_over = !is_subscribed && (is_restore || !sink.is_confirmed);
                sink.is_confirmed |= is_subscribed;
                if is_over {
                    let has_publishers = entry.view.topics().any(|(name, ..)| name == topic);
                    let error = nobody(topic, has_publishers, &subscribed);
                    self.end_topic(channel, topic, is_restore.then_some(&error));
                    result = Err(error);
                }
            }
        }
        if is_restore {
            if let Err(error) = &result {
                self.note_unrestored(channel, Some(topic), error);
            }
            self.on_restored(now);
        }
        result.map(|()| Answer::Users(subscribed))
    }

    pub(super) fn on_subscribe_topic_refused(
        &mut self,
        now: Time,
        channel: &ChannelName,
        topic: &TopicName,
        error: &Error,
        is_restore: bool,
    ) {
        if let Some(entry) = self.streams.get_mut(channel) {
            entry.view.on_topic_refused(topic);
            let is_subscribed = entry.view.subscribed_users(topic).is_ok();
            let is_over = |sink: &TopicSink| is_restore || !sink.is_confirmed;
            if !is_subscribed && entry.topics.get(topic).is_some_and(is_over) {
                self.end_topic(channel, topic, is_restore.then_some(error));
            }
        }
        if is_restore {
            self.note_unrestored(channel, Some(topic), error);
            self.on_restored(now);
        }
    }

    pub(super) fn remove_publishers(
        &mut self,
        now: Time,
        handle: HandleId,
        users: &[UserId],
        waiter: Option<W>,
    ) {
        let place = check_users(Some(users)).and_then(|()| self.topic_place(handle));
        match place {
            Ok((channel, topic)) => {
                self.send_unsubscribe_topic(now, &channel, &topic, users, waiter);
            }
            Err(error) => self.answer(waiter, Err(error)),
        }
    }

    pub(super) fn unsubscribe_topic(&mut self, now: Time, handle: HandleId, waiter: Option<W>) {
        let Some(Place::Topic(channel, topic)) = self.places.get(&handle).cloned() else {
            return self.answer(waiter, Err(Error::new(ErrorKind::NotSubscribed)));
        };
        self.end_topic(&channel, &topic, None);
        if self.joined_stream(&channel).is_ok() {
            self.send_unsubscribe_topic(now, &channel, &topic, &[], waiter);
        } else {
            // What nobody receives is not restored.
            self.answer(waiter, Ok(Answer::Done));
        }
    }

    /// `users` is empty for the whole topic.
    fn send_unsubscribe_topic(
        &mut self,
        now: Time,
        channel: &ChannelName,
        topic: &TopicName,
        users: &[UserId],
        waiter: Option<W>,
    ) {
        let all = users.is_empty();
        if let Some(entry) = self.streams.get_mut(channel) {
            // Refused when the subscription is not answered yet; the end follows it all the same.
            let _ = entry.view.unsubscribe_topic(topic, users);
        }
        let users: Vec<_> = users.iter().map(UserId::as_str).collect();
        let unsubscribe = UnsubscribeTopic {
            channel: channel.as_str(),
            topic: topic.as_str(),
            users: List::Slice(&users),
        };
        let (channel, topic) = (channel.clone(), topic.clone());
        let purpose = Purpose::UnsubscribeTopic { channel, topic, all };
        self.request(now, LaneId::CONTROL, unsubscribe, purpose, waiter);
    }

    pub(super) fn on_topic_unsubscribed(
        &mut self,
        channel: &ChannelName,
        topic: &TopicName,
        all: bool,
        users: &TopicUsers<'_>,
    ) -> Answer {
        if let Some(entry) = self.streams.get_mut(channel) {
            entry.view.on_topic_unsubscribed(topic, all, users);
        }
        Answer::Users(SubscribedUsers::new(users))
    }

    /// The owner has not ended the subscription: most often it knew of none.
    pub(super) fn on_unsubscribe_topic_refused(
        &mut self,
        channel: &ChannelName,
        topic: &TopicName,
        all: bool,
    ) {
        if let (true, Some(entry)) = (all, self.streams.get_mut(channel)) {
            entry.view.on_topic_unsubscribed(
                topic,
                true,
                &TopicUsers { succeeded: List::default(), failed: List::default() },
            );
        }
    }

    /// What was missed of topics because the session was lost.
    pub(super) fn tell_missed(&mut self, channel: &ChannelName, missed: Vec<TopicMissed>) {
        let Some(entry) = self.streams.get(channel) else { return };
        for missed in missed {
            if let Some(handle) = entry.topics.get(&missed.topic).map(|sink| sink.handle) {
                let event = TopicEvent::Gap(TopicGap::missed(&missed));
                self.outputs.push_back(Output::Topic { handle, event, credit: None });
            }
        }
    }

    /// Publishers who were missing when their subscription was restored are there again.
    pub(super) fn subscribe_returned(&mut self, now: Time, channel: &ChannelName) {
        let Some(entry) = self.streams.get_mut(channel) else { return };
        for (topic, users) in entry.view.take_returned() {
            let users = Some(users.into_iter().collect());
            self.send_subscribe_topic(now, channel, &topic, users, (false, None));
        }
    }

    pub(super) fn subscribed_users(
        &self,
        channel: &ChannelName,
        topic: &TopicName,
    ) -> Result<Answer, Error> {
        let users = self.joined_stream(channel)?.view.subscribed_users(topic)?;
        Ok(Answer::UserList(users.iter().map(|user| user.as_str().to_owned()).collect()))
    }

    /// Whether the message went to a subscription, which takes its credit.
    pub(super) fn on_topic_message(
        &mut self,
        message: &Bytes,
        event: &TopicMessageEvent<'_>,
        credit: Credit,
    ) -> bool {
        let Some(entry) = self.streams.get_mut(event.channel) else { return false };
        let Some(handle) = entry.topics.get(event.topic).map(|sink| sink.handle) else {
            return false;
        };
        match entry.view.on_topic_message(event) {
            TopicVerdict::Deliver => {}
            TopicVerdict::DeliverAfter(gap) => {
                let event = TopicEvent::Gap(TopicGap::new(message, event, gap));
                self.outputs.push_back(Output::Topic { handle, event, credit: None });
            }
            TopicVerdict::Repeat | TopicVerdict::Unwanted => return false,
        }
        let mut received = TopicMessage::new(message, event);
        let envelope = Envelope::of_topic_message(event);
        let event = match self.open_sealed(&envelope, &mut received.payload) {
            true => TopicEvent::Message(received),
            false => TopicEvent::Undecryptable(received),
        };
        self.outputs.push_back(Output::Topic { handle, event, credit: Some(credit) });
        true
    }

    pub(super) fn restore_topics(&mut self, now: Time, channel: &ChannelName) {
        let Some(entry) = self.streams.get_mut(channel) else { return };
        let lost: Vec<_> = entry
            .view
            .subscriptions()
            .map(|(topic, all, users)| (topic.clone(), all, Vec::from_iter(users.iter().cloned())))
            .collect();
        let (wanted, dropped): (Vec<_>, Vec<_>) =
            lost.into_iter().partition(|(topic, ..)| entry.topics.contains_key(topic));
        for (topic, ..) in dropped {
            // Refused only when the channel is not joined.
            let _ = entry.view.unsubscribe_topic(&topic, &[]);
        }
        for (topic, all, users) in wanted {
            let named = (!users.is_empty()).then_some(Some(users));
            for users in named.into_iter().chain(all.then_some(None)) {
                self.expect_restored();
                self.send_subscribe_topic(now, channel, &topic, users, (true, None));
            }
        }
    }

    /// Nobody receives the topic's messages any more.
    pub(super) fn end_topic(
        &mut self,
        channel: &ChannelName,
        topic: &TopicName,
        error: Option<&Error>,
    ) {
        let entry = self.streams.get_mut(channel);
        if let Some(sink) = entry.and_then(|entry| entry.topics.remove(topic)) {
            self.end_topic_handle(sink.handle, error);
        }
    }

    fn topic_place(&self, handle: HandleId) -> Result<(ChannelName, TopicName), Error> {
        let Some(Place::Topic(channel, topic)) = self.places.get(&handle) else {
            return Err(Error::new(ErrorKind::NotSubscribed));
        };
        self.joined_stream(channel)?;
        Ok((channel.clone(), topic.clone()))
    }
}

/// Why a subscription hears nobody.
fn nobody(topic: &TopicName, has_publishers: bool, users: &SubscribedUsers) -> Error {
    match users.failed.first() {
        Some(failed) if has_publishers || failed.error.kind() != ErrorKind::UnknownTopic => {
            failed.error.clone()
        }
        _ => {
            let wrong = format!("nobody publishes in topic {topic}");
            Error::numbered(ErrorKind::UnknownTopic, ErrorCode::CHANNEL_TOPIC_NOT_EXIST, wrong)
        }
    }
}

/// Topics aren't stored.
fn check_queue(queue: QueuePolicy) -> Result<(), Error> {
    match queue {
        QueuePolicy::CatchUp => {
            let wrong = "topics aren't stored, so that nobody can catch up; choose another policy";
            Err(Error::of(ErrorKind::Unsupported, wrong))
        }
        _ => Ok(()),
    }
}

/// An empty list would mean everybody.
fn check_users(users: Option<&[UserId]>) -> Result<(), Error> {
    match users {
        Some([]) => Err(Error::of(ErrorKind::InvalidUserList, "the list of users is empty")),
        _ => Ok(()),
    }
}
