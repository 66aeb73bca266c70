//! When all has come to rest: everybody's view is the server's.

use std::collections::BTreeSet;
use std::time::Duration;

use rtm_client::core::{Answer, Command};
use rtm_client::{ChannelEvent, ErrorKind, HistoryOptions, Reached, TopicEvent};
use rtm_session::Config;
use rtm_wire::{Join, Reply, ReplyResult, SubscribeOptions};

use super::model::{Asked, Place, Said, number};
use super::{CHANNELS, Chaos, LATEST};
use crate::world::{channel, name, publication, topic, user};

impl Chaos {
    /// Everybody says something everywhere, and it is heard by exactly those who should.
    pub(super) fn settle(&mut self) {
        for &who in self.users {
            // Who waits for a lock may do so for as long as its owner likes.
            let waits = self.waits_for_locks(who);
            assert_eq!(self.lab.client(who).core.operations_in_flight(), waits, "{who}");
        }
        let online: Vec<_> =
            self.users.iter().copied().filter(|who| self.is_connected(who)).collect();
        self.check_counts(&online);
        let truth = self.authority();
        self.check_presence(&online);
        self.check_kept(&online);
        self.check_histories(&online);
        let own = self.say_in_topics(&online);
        assert_eq!(own, truth, "those who can publish are those whom the server knows");
        for who in &online {
            self.check_topics(who, &truth);
        }
        self.say_in_channels(&online);
        self.lab.run(Duration::from_secs(30));
        self.check_last(&truth);
    }

    /// All log out, and nothing is left.
    pub(super) fn end(&mut self) {
        for &who in self.users {
            let waiter = self.lab.command(who, Command::Logout);
            // Who isn't logged in any more is told so.
            let _ = self.lab.answer(who, waiter);
        }
        self.lab.with_raw("observer", |raw, now| {
            let session = raw.session.expect("it has logged in");
            raw.endpoint.close(now, session, rtm_wire::CloseCode::DONE, "");
        });
        self.lab.run(Duration::from_secs(60));
        let status = self.lab.status();
        assert_eq!((status.sessions, status.channels), (0, 0));
        for &who in self.users {
            assert!(self.lab.client(who).core.session_stats().is_none(), "{who}");
            assert_eq!(self.waits_for_locks(who), 0, "{who} waits for ever");
        }
        self.lab.shut_down();
        assert!(self.lab.server().core.is_finished(), "no session says good-bye any more");
    }

    /// The server has a session for each who is connected, and a channel for each that is in use.
    fn check_counts(&mut self, online: &[&'static str]) {
        let handles = self.model.handles.clone();
        let mut channels = BTreeSet::new();
        for asked in handles {
            if matches!(asked.place, Place::Channel(_)) && self.is_live(&asked) {
                channels.insert(asked.place);
            }
        }
        for at in CHANNELS {
            let is_joined = |who: &&&'static str| self.topics(who, at).is_some();
            if online.iter().filter(is_joined).count() > 0 {
                channels.insert(Place::Stream(at));
            }
        }
        let status = self.lab.status();
        let inboxes = self.readers().iter().filter(|who| online.contains(*who)).count();
        let expected = (online.len(), inboxes + channels.len());
        assert_eq!((status.sessions, status.channels), expected, "{online:?} {channels:?}");
    }

    /// Who has an open inbox.
    fn readers(&self) -> BTreeSet<&'static str> {
        let handles = self.model.handles.iter();
        let inboxes = handles.filter(|asked| asked.place == Place::Inbox && self.is_live(asked));
        inboxes.map(|asked| asked.who).collect()
    }

    /// A subscription that began and hasn't ended.
    pub(super) fn is_live(&self, asked: &Asked) -> bool {
        let client = self.lab.client(asked.who);
        let has_begun = client.answers[&asked.waiter].is_ok();
        has_begun && !client.ended.iter().any(|ended| ended.0 == asked.handle)
    }

    /// Who publishes where, as the server tells somebody who has just come.
    fn authority(&mut self) -> BTreeSet<String> {
        let login = crate::raw::encode(0, crate::raw::login("observer", 1));
        self.lab.add_raw("observer", Config::default(), &login);
        self.lab.run(Duration::from_secs(11));
        while self.lab.raw("observer").session.is_none() {
            self.lab.with_raw("observer", |raw, now| raw.connect(now, &login));
            self.lab.run(Duration::from_secs(11));
        }
        self.lab.with_raw("observer", |raw, now| {
            for (index, channel) in CHANNELS.into_iter().enumerate() {
                let options = SubscribeOptions::default();
                raw.request(now, 1 + index as u64, Join { channel, options, token: "" });
            }
        });
        self.lab.run(Duration::from_secs(10));
        let mut truth = BTreeSet::new();
        for (index, channel) in CHANNELS.into_iter().enumerate() {
            let reply = self.lab.raw("observer").replies(1 + index as u64).remove(0);
            let result = Reply::decode(&reply).expect("a reply").result;
            let ReplyResult::Joined { publishers, .. } = result else { panic!("{result:?}") };
            let entry = |topic: &str, user: &str| format!("{channel}/{topic}/{user}");
            truth.extend(publishers.iter().map(|it| entry(it.topic, it.user)));
        }
        truth
    }

    /// Each channel's history has each message once, and all that were stored with success.
    fn check_histories(&mut self, online: &[&'static str]) {
        let Some(reader) = online.first() else { return };
        for at in CHANNELS {
            let mut found = Vec::new();
            let mut next = Some(HistoryOptions::new().oldest_first(true));
            while let Some(options) = next {
                let command = Command::GetMessages { channel: Some(name(at)), options };
                let Ok(Answer::History(page)) = self.lab.call(reader, command) else {
                    panic!("no history of {at}")
                };
                found.extend(page.messages.iter().map(|it| number(&it.message.payload)));
                next = page.next.map(|it| HistoryOptions::new().oldest_first(true).page(it));
            }
            let once: BTreeSet<_> = found.iter().copied().collect();
            assert_eq!(once.len(), found.len(), "{at}: twice in {found:?}");
            let target = format!("channel {at}");
            for (message, said) in self.model.said.iter().filter(|(_, said)| said.target == target)
            {
                let answer = &self.lab.client(said.who).answers[&said.waiter];
                if said.is_stored && answer.is_ok() {
                    assert!(once.contains(message), "{said:?} is missing of {at}");
                }
            }
        }
    }

    /// All use what they have joined; the topics in which that succeeds.
    fn say_in_topics(&mut self, online: &[&'static str]) -> BTreeSet<String> {
        let mut own = BTreeSet::new();
        for asked in self.model.handles.clone() {
            let Place::Publication(channel, topic) = asked.place else { continue };
            if !online.contains(&asked.who) {
                continue;
            }
            let before = self.last_value(asked.handle);
            self.say(asked.who, &publication(asked.handle));
            let (who, waiter) = *self.model.waiting.last().expect("just now");
            if self.lab.answer(who, waiter).is_ok() {
                let is_new = own.insert(format!("{channel}/{topic}/{who}"));
                assert!(is_new, "{asked:?}: two handles for one publication");
                // That one was admitted at once, and is not on its way yet.
                if let (LATEST, Some(before)) = (topic, before) {
                    self.check_value(&asked, channel, before);
                }
            }
        }
        own
    }

    /// The last message of a publication that was admitted.
    fn last_value(&self, handle: u64) -> Option<u64> {
        let mut said = self.model.said.iter().rev();
        let is_it = |said: &Said| {
            said.handle.is_some_and(|it| it.0 == handle)
                && self.lab.client(said.who).answers[&said.waiter].is_ok()
        };
        said.find(|(_, said)| is_it(said)).map(|(&message, _)| message)
    }

    /// Everybody who hears a latest-only publication has its last value.
    fn check_value(&mut self, published: &Asked, at: &'static str, value: u64) {
        for asked in self.model.handles.clone() {
            let is_it = asked.place == Place::Topic(at, LATEST) && asked.who != published.who;
            if !is_it || !self.is_live(&asked) || !self.is_connected(asked.who) {
                continue;
            }
            let users = Command::SubscribedUsers { channel: name(at), topic: topic(LATEST) };
            let Ok(Answer::UserList(users)) = self.lab.call(asked.who, users) else { continue };
            if !users.iter().any(|user| user == published.who) {
                continue;
            }
            let client = self.lab.client(asked.who);
            let heard = client.topics.iter().rev().find_map(|(to, event)| match event {
                TopicEvent::Message(it) if to.0 == asked.handle => {
                    (it.publisher == published.who).then(|| number(&it.payload))
                }
                _ => None,
            });
            assert_eq!(heard, Some(value), "{asked:?} of {published:?}");
        }
    }

    /// All write to all channels and users.
    fn say_in_channels(&mut self, online: &[&'static str]) {
        let mut readers = self.readers();
        readers.retain(|who| online.contains(who));
        for who in online {
            for at in CHANNELS {
                self.say(who, &channel(at));
                let (_, waiter) = *self.model.waiting.last().expect("just now");
                self.lab.answer(who, waiter).expect("channels take messages");
            }
            for &to in self.users {
                self.say(who, &user(to));
                let (_, waiter) = *self.model.waiting.last().expect("just now");
                match self.lab.answer(who, waiter) {
                    Ok(Answer::Published(it)) => {
                        let is_read = it.reached != Reached::Stored;
                        assert_eq!(is_read, readers.contains(&to), "{to}: {it:?}");
                    }
                    Ok(other) => panic!("{other:?}"),
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::ReceiverOffline);
                        assert!(!readers.contains(&to), "{to} is there");
                    }
                }
            }
        }
    }

    /// Who else publishes in a channel, as a member sees it; `None` if it is no member.
    fn topics(&mut self, who: &str, at: &str) -> Option<BTreeSet<String>> {
        let answer = self.lab.call(who, Command::Topics { channel: name(at) });
        let Ok(Answer::Topics(list)) = answer else { return None };
        let others = list.iter().filter(|entry| entry.publisher != who);
        Some(others.map(|entry| format!("{at}/{}/{}", entry.topic, entry.publisher)).collect())
    }

    fn check_topics(&mut self, who: &str, truth: &BTreeSet<String>) {
        for at in CHANNELS {
            let Some(seen) = self.topics(who, at) else { continue };
            let of_others = |entry: &&String| {
                entry.starts_with(&format!("{at}/")) && !entry.ends_with(&format!("/{who}"))
            };
            let expected: BTreeSet<_> = truth.iter().filter(of_others).cloned().collect();
            assert_eq!(seen, expected, "{who} in {at}");
        }
    }

    /// Who has heard the last messages is who is subscribed.
    fn check_last(&mut self, truth: &BTreeSet<String>) {
        let handles = self.model.handles.clone();
        for asked in handles {
            let is_live = self.is_live(&asked) && self.is_connected(asked.who);
            match asked.place {
                Place::Channel(at) => self.check_heard(&asked, &format!("channel {at}"), is_live),
                Place::Inbox => self.check_heard(&asked, &format!("inbox {}", asked.who), is_live),
                Place::Topic(at, in_topic) => {
                    let expected = match is_live {
                        true => self.expected(&asked, at, in_topic, truth),
                        false => BTreeSet::new(),
                    };
                    let heard = self.heard_last(&asked, &format!("topic {at} {in_topic}"));
                    assert_eq!(heard, expected, "{asked:?}");
                }
                Place::Stream(_) | Place::Publication(..) => {}
            }
        }
    }

    fn check_heard(&self, asked: &Asked, target: &str, is_live: bool) {
        let last = self.last_said(target);
        let client = self.lab.client(asked.who);
        let heard = client.channels.iter().filter_map(|(to, event)| match event {
            ChannelEvent::Message(it) if to.0 == asked.handle => Some(number(&it.payload)),
            _ => None,
        });
        let count = heard.filter(|message| last.contains(message)).count();
        // The inbox is open for the next login, too.
        let expected = if is_live { last.len() } else { 0 };
        assert_eq!(count, expected, "{asked:?} of {last:?}");
    }

    /// Publishers whom a subscription should hear, as the client says.
    fn expected(
        &mut self,
        asked: &Asked,
        at: &str,
        in_topic: &str,
        truth: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        let (channel, topic) = (name(at), topic(in_topic));
        let answer = self.lab.call(asked.who, Command::SubscribedUsers { channel, topic });
        let Ok(Answer::UserList(users)) = answer else { return BTreeSet::new() };
        let publishes = |user: &String| truth.contains(&format!("{at}/{in_topic}/{user}"));
        users.into_iter().filter(publishes).collect()
    }

    fn heard_last(&self, asked: &Asked, target: &str) -> BTreeSet<String> {
        let last = self.last_said(target);
        let client = self.lab.client(asked.who);
        let heard = client.topics.iter().filter_map(|(to, event)| match event {
            TopicEvent::Message(it) if to.0 == asked.handle => {
                last.contains(&number(&it.payload)).then(|| it.publisher.to_string())
            }
            _ => None,
        });
        heard.collect()
    }

    /// What was said somewhere since all came to rest, with success.
    fn last_said(&self, target: &str) -> BTreeSet<u64> {
        let said = self.model.said.range(self.rest..).filter(|(_, said)| {
            said.target == target && self.lab.client(said.who).answers[&said.waiter].is_ok()
        });
        said.map(|(message, _)| *message).collect()
    }
}
