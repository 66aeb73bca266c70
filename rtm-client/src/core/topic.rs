//! Subscriptions of topics.

use std::collections::BTreeSet;

use bytes::Bytes;
use rtm_channel::{ChannelName, UserId};
use rtm_topic::{StreamView, TopicName, TopicVerdict};
use rtm_wire::{
    LaneId, List, SubscribeTopic, Time, TopicMessageEvent, TopicUsers, UnsubscribeTopic,
};

use super::command::{Answer, Credit, HandleId, Output};
use super::operations::Purpose;
use super::stream::names;
use super::{Core, Place};
use crate::error::{Error, ErrorKind};
use crate::message::{TopicEvent, TopicGap, TopicMessage};
use crate::stream::SubscribedUsers;
use crate::text::Text;

/// Who gets a topic's messages.
#[derive(Debug)]
pub(super) struct TopicSink {
    pub(super) handle: HandleId,
    /// Whether the server has subscribed anybody.
    pub(super) is_confirmed: bool,
}

impl<W> Core<W> {
    pub(super) fn subscribe_topic(
        &mut self,
        now: Time,
        channel: ChannelName,
        topic: TopicName,
        users: Option<Vec<UserId>>,
        handle: HandleId,
        waiter: Option<W>,
    ) {
        let begun = check_users(users.as_deref());
        let begun = begun.and_then(|()| self.joined_stream(&channel).map(drop));
        let begun = begun.and_then(|()| {
            let entry = self.streams.get_mut(&channel).expect("it is joined");
            if entry.topics.contains_key(&topic) {
                let wrong = format!("topic {topic} is subscribed already");
                return Err(Error::of(ErrorKind::Duplicate, wrong));
            }
            entry.topics.insert(topic.clone(), TopicSink { handle, is_confirmed: false });
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
        if let Some(entry) = self.streams.get_mut(channel) {
            // Messages may overtake the answer.
            entry.view.expect_topic(topic);
        }
        let all = users.is_none();
        let users: BTreeSet<_> = users.into_iter().flatten().collect();
        let users = names(&users);
        let subscribe = SubscribeTopic {
            channel: channel.as_str(),
            topic: topic.as_str(),
            users: List::Slice(&users),
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
            entry.view.on_topic_subscribed(topic, all, users);
            if is_restore {
                forget_failed(&mut entry.view, topic, users);
            }
            let has_users = entry.view.subscribed_users(topic).is_ok();
            if let Some(sink) = entry.topics.get_mut(topic) {
                let (handle, was_confirmed) = (sink.handle, sink.is_confirmed);
                sink.is_confirmed |= has_users;
                if !has_users && (is_restore || !was_confirmed) {
                    entry.topics.remove(topic);
                    let failed = subscribed.failed.first().map(|failed| failed.error.clone());
                    let error = failed.unwrap_or_else(|| Error::new(ErrorKind::UnknownTopic));
                    self.end_topic_handle(handle, is_restore.then_some(&error));
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
            if is_restore {
                forget(&mut entry.view, topic);
            }
            entry.view.on_topic_refused(topic);
            let is_over = |sink: &mut TopicSink| is_restore || !sink.is_confirmed;
            if entry.topics.get_mut(topic).is_some_and(is_over) {
                let sink = entry.topics.remove(topic).expect("found above");
                self.end_topic_handle(sink.handle, is_restore.then_some(error));
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
        if let Some(entry) = self.streams.get_mut(&channel) {
            entry.topics.remove(&topic);
        }
        self.end_topic_handle(handle, None);
        if self.joined_stream(&channel).is_ok() {
            self.send_unsubscribe_topic(now, &channel, &topic, &[], waiter);
        } else {
            self.forget_topic(&channel, &topic);
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
        if all {
            self.forget_topic(channel, topic);
        } else if let Some(entry) = self.streams.get_mut(channel) {
            entry.view.on_topic_unsubscribed(topic, false, users);
        }
        Answer::Users(SubscribedUsers::new(users))
    }

    /// The topic is not subscribed any more.
    pub(super) fn forget_topic(&mut self, channel: &ChannelName, topic: &TopicName) {
        if let Some(entry) = self.streams.get_mut(channel) {
            forget(&mut entry.view, topic);
            if entry.topics.contains_key(topic) {
                // It was subscribed anew meanwhile, and messages may overtake the answer.
                entry.view.expect_topic(topic);
            }
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
                let publisher = Text::shared(message, event.publisher);
                let event = TopicEvent::Gap(TopicGap::new(publisher, gap));
                self.outputs.push_back(Output::Topic { handle, event, credit: None });
            }
            TopicVerdict::Repeat | TopicVerdict::Unwanted => return false,
        }
        let event = TopicEvent::Message(TopicMessage::new(message, event));
        self.outputs.push_back(Output::Topic { handle, event, credit: Some(credit) });
        true
    }

    pub(super) fn restore_topics(&mut self, now: Time, channel: &ChannelName) {
        let Some(entry) = self.streams.get(channel) else { return };
        let subscriptions = entry.view.subscriptions().map(|(topic, all, users)| {
            let users = (!all).then(|| users.iter().cloned().collect::<Vec<_>>());
            (topic.clone(), users)
        });
        for (topic, users) in subscriptions.collect::<Vec<_>>() {
            if users.as_ref().is_none_or(|users| !users.is_empty()) {
                self.expect_restored();
                self.send_subscribe_topic(now, channel, &topic, users, (true, None));
            }
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

/// Ends a subscription in the view without asking anybody.
fn forget(view: &mut StreamView, topic: &TopicName) {
    let found = view.subscriptions().find(|(found, ..)| *found == topic);
    let users = found.map(|(_, _, users)| users.clone()).unwrap_or_default();
    let users = names(&users);
    let users = TopicUsers { succeeded: List::Slice(&users), failed: List::default() };
    view.on_topic_unsubscribed(topic, true, &users);
}

/// Those who did not publish any more when the subscription was restored.
fn forget_failed(view: &mut StreamView, topic: &TopicName, users: &TopicUsers<'_>) {
    let failed: Vec<_> = users.failed.iter().map(|failed| failed.user).collect();
    let users = TopicUsers { succeeded: List::Slice(&failed), failed: List::default() };
    view.on_topic_unsubscribed(topic, false, &users);
}

/// An empty list would mean everybody.
fn check_users(users: Option<&[UserId]>) -> Result<(), Error> {
    match users {
        Some([]) => Err(Error::of(ErrorKind::InvalidUserList, "the list of users is empty")),
        _ => Ok(()),
    }
}
