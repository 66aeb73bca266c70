//! The core as a node of a simulated network, with everything that it told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use rtm_channel::{AppId, UserId};
use rtm_client::core::{Answer, Command, Core, CoreConfig, Credit, HandleId, Output};
use rtm_client::{
    ChannelEvent, Error, LinkEvent, LinkReason, LinkState, ServerLimits, StreamEvent, TopicEvent,
};
use rtm_session::{Carriers, Remote};
use rtm_sim::Node;
use rtm_wire::Time;

use super::server::public_key;

/// A core and what came of it.
pub(crate) struct Client {
    pub(crate) core: Core<u64>,
    pub(crate) answers: BTreeMap<u64, Result<Answer, Error>>,
    pub(crate) links: Vec<LinkEvent>,
    pub(crate) limits: Vec<ServerLimits>,
    pub(crate) channel_events: Vec<(HandleId, ChannelEvent)>,
    pub(crate) topic_events: Vec<(HandleId, TopicEvent)>,
    pub(crate) stream_events: Vec<(HandleId, StreamEvent)>,
    pub(crate) ended: Vec<HandleId>,
    /// How often addresses of the server were asked for.
    pub(crate) servers_wanted: usize,
    /// Whether messages are taken as soon as they are there.
    pub(crate) takes: bool,
    pub(crate) credits: Vec<Credit>,
    next_waiter: u64,
}

impl Client {
    pub(crate) fn new(user: &str, seed: u8) -> Self {
        Self::with(user, seed, |_| ())
    }

    /// With these changes of its settings.
    pub(crate) fn with(user: &str, seed: u8, change: impl FnOnce(&mut CoreConfig)) -> Self {
        let mut config = CoreConfig {
            app_id: AppId::new("demo").unwrap(),
            user_id: UserId::new(user).unwrap(),
            server_key: public_key(),
            reconnect_timeout: None,
            login_timeout: Duration::from_secs(10),
            heartbeat_interval: Duration::from_secs(5),
            presence_timeout: Duration::from_secs(300),
            encryption: None,
            carriers: Carriers::Datagrams,
            may_fragment: false,
            waiting_max: Default::default(),
        };
        change(&mut config);
        Self {
            core: Core::new(config, [seed; 32]),
            answers: BTreeMap::new(),
            links: Vec::new(),
            limits: Vec::new(),
            channel_events: Vec::new(),
            topic_events: Vec::new(),
            stream_events: Vec::new(),
            ended: Vec::new(),
            servers_wanted: 0,
            takes: true,
            credits: Vec::new(),
            next_waiter: 0,
        }
    }

    /// Hands a command to the core; the number of its answer.
    pub(crate) fn command(&mut self, now: Time, command: Command) -> u64 {
        self.next_waiter += 1;
        self.core.handle_command(now, command, Some(self.next_waiter));
        self.settle(now);
        self.next_waiter
    }

    pub(crate) fn drop_handle(&mut self, now: Time, handle: u64) {
        self.core.handle_drop(now, HandleId(handle));
        self.settle(now);
    }

    /// Takes all messages that wait.
    pub(crate) fn take(&mut self, now: Time) {
        for credit in std::mem::take(&mut self.credits) {
            self.core.release(now, credit);
        }
    }

    /// The states that the link has gone through, and why.
    pub(crate) fn link_states(&self) -> Vec<(LinkState, LinkReason)> {
        self.links.iter().map(|event| (event.current, event.reason)).collect()
    }

    /// What a subscription got, in short.
    pub(crate) fn heard(&self, handle: u64) -> Vec<String> {
        let events = self.channel_events.iter().filter(|(to, _)| *to == HandleId(handle));
        events.map(|(_, event)| in_short(event)).collect()
    }

    /// What a topic subscription got, in short.
    pub(crate) fn heard_topic(&self, handle: u64) -> Vec<String> {
        let events = self.topic_events.iter().filter(|(to, _)| *to == HandleId(handle));
        let short = |event: &TopicEvent| match event {
            TopicEvent::Message(message) => {
                let text = String::from_utf8_lossy(&message.payload);
                format!("{} {}: {text}", message.publisher, message.sequence)
            }
            TopicEvent::Gap(gap) => match gap.count {
                Some(count) => format!("gap of {count}"),
                None => "gap".to_owned(),
            },
            TopicEvent::Ended(error) => format!("ended: {:?}", error.kind()),
            _ => String::new(),
        };
        events.map(|(_, event)| short(event)).collect()
    }

    /// What a membership got, in short.
    pub(crate) fn heard_stream(&self, handle: u64) -> Vec<String> {
        let events = self.stream_events.iter().filter(|(to, _)| *to == HandleId(handle));
        let short = |event: &StreamEvent| match event {
            StreamEvent::Snapshot(list) => {
                let names = list.iter().map(|entry| format!("{}/{}", entry.topic, entry.publisher));
                format!("snapshot {}", names.collect::<Vec<_>>().join(" "))
            }
            StreamEvent::PublisherJoined(entry) => format!("+{}/{}", entry.topic, entry.publisher),
            StreamEvent::PublisherLeft { topic, publisher, .. } => format!("-{topic}/{publisher}"),
            StreamEvent::Ended(error) => format!("ended: {:?}", error.kind()),
            _ => String::new(),
        };
        events.map(|(_, event)| short(event)).collect()
    }

    fn settle(&mut self, now: Time) {
        while let Some(output) = self.core.poll_output() {
            let credit = match output {
                Output::Answer { waiter, result } => {
                    let former = self.answers.insert(waiter, result);
                    assert!(former.is_none(), "two answers to one command");
                    None
                }
                Output::Channel { handle, event, credit } => {
                    self.channel_events.push((handle, event));
                    credit
                }
                Output::Topic { handle, event, credit } => {
                    self.topic_events.push((handle, event));
                    credit
                }
                Output::Stream { handle, event } => {
                    self.stream_events.push((handle, event));
                    None
                }
                // Nobody subscribes to users' metadata here.
                Output::UserMetadata { credit, .. } => credit,
                Output::End(handle) => {
                    self.ended.push(handle);
                    None
                }
                Output::Token(_) | Output::StreamLink(_) => None,
                Output::Link(event) => {
                    self.links.push(event);
                    None
                }
                Output::Limits(limits) => {
                    self.limits.push(limits);
                    None
                }
                Output::Held(_) => None,
                Output::ServersWanted => {
                    self.servers_wanted += 1;
                    None
                }
            };
            self.credits.extend(credit);
        }
        if self.takes {
            self.take(now);
        }
    }
}

impl Node for Client {
    fn handle_datagram(&mut self, now: Time, from: SocketAddr, datagram: BytesMut) {
        self.core.handle_datagram(now, from, datagram);
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.core.handle_timeout(now);
        self.settle(now);
    }

    fn poll_transmit(&mut self, now: Time, datagram: &mut Vec<u8>) -> Option<SocketAddr> {
        self.core.poll_transmit(now, datagram).map(Remote::addr)
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.core.poll_timeout()
    }
}

fn in_short(event: &ChannelEvent) -> String {
    match event {
        ChannelEvent::Message(message) => {
            let text = String::from_utf8_lossy(&message.payload);
            format!("{} {}: {text}", message.publisher, message.sequence)
        }
        ChannelEvent::Gap(gap) => match gap.count {
            Some(count) => format!("gap of {count}"),
            None => "gap".to_owned(),
        },
        ChannelEvent::Ended(error) => format!("ended: {:?}", error.kind()),
        _ => String::new(),
    }
}
