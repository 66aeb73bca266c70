//! `rtm pub`.

use std::collections::VecDeque;
use std::time::Duration;

use rtm_client::{
    Error, MessageChannel, MessageType, PendingPublish, Priority, PublishOptions, Qos,
    ServerLimits, TopicOptions, TopicPublisher,
};
use tokio::sync::mpsc;

use super::presence::without_presence;
use crate::cli::{Publish, Urgency};
use crate::connection::Connection;
use crate::failure::{Exit, Failure};
use crate::lines::{Line, standard_input};
use crate::pace::Pace;
use crate::stop::Stop;
use crate::visit::begin;

/// Messages whose answers are waited for at a time.
const UNANSWERED_MAX: usize = 4_096;

pub(crate) async fn run(arguments: Publish) -> Result<(), Failure> {
    let joined: Vec<_> = arguments.topic.iter().map(|_| arguments.channel.clone()).collect();
    let Connection { client, token } = Connection::find(&arguments.who, &joined)?;
    // Names are checked before anything is sent.
    let message_channel = client.message_channel(&arguments.channel)?;
    let mut stop = Stop::new()?;
    let work = async {
        client.login().await?;
        let Some(topic) = &arguments.topic else {
            return Ok((Target::Channel(message_channel), None));
        };
        let stream = client.stream_channel(&arguments.channel)?;
        // Dropped: who else publishes is of no interest here.
        drop(stream.join(without_presence(token)).await?);
        let publisher = stream.join_topic(topic, topic_options(&arguments)).await?;
        Ok((Target::Topic(publisher), Some(stream)))
    };
    let (target, stream) = begin(&client, &mut stop, work).await?;
    let limits = client.limits().unwrap_or_default();
    let (rate, length) = target.limits(&limits);
    let rate = arguments.rate.unwrap_or(rate).min(rate);
    let mut stream_of_lines = StreamOfLines {
        target,
        pace: Pace::new(rate),
        length,
        custom_type: arguments.messages.custom_type.clone(),
        is_stored: arguments.store,
        unanswered: VecDeque::new(),
        next_line: 1,
        what: if arguments.messages.given.is_empty() { "line" } else { "message" },
        published: 0,
    };
    let result = stream_of_lines.publish_all(lines(&arguments.messages.given), &mut stop).await;
    let published = stream_of_lines.published;
    // All that was said before is answered; leaving tells the others that nothing follows.
    let end = async {
        if let (Target::Topic(publisher), Some(stream)) = (&stream_of_lines.target, stream) {
            publisher.leave().await?;
            stream.leave().await?;
        }
        client.logout().await
    };
    let ended = end.await.map_err(Failure::from);
    if !arguments.messages.quiet {
        eprintln!("rtm: published {published} {}", plural(published));
    }
    result.and(ended)
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "message" } else { "messages" }
}

fn topic_options(arguments: &Publish) -> TopicOptions {
    let priority = match arguments.priority {
        Urgency::Highest => Priority::Highest,
        Urgency::High => Priority::High,
        Urgency::Normal => Priority::Normal,
        Urgency::Low => Priority::Low,
    };
    let qos = if arguments.unordered { Qos::Unordered } else { Qos::Ordered };
    let options = TopicOptions::new().qos(qos).priority(priority);
    match arguments.deadline {
        Some(deadline) => options.deadline(Duration::from_millis(deadline.into())),
        None if arguments.latest_only => options.latest_only(),
        None => options,
    }
}

/// The messages of the command line, else the lines of standard input.
/// Those that are given, or the lines of standard input.
pub(super) fn lines(messages: &[String]) -> mpsc::Receiver<Line> {
    if messages.is_empty() {
        return standard_input();
    }
    let (sender, lines) = mpsc::channel(messages.len());
    for message in messages {
        sender.try_send(Ok(message.clone().into_bytes())).expect("the channel has room for all");
    }
    lines
}

enum Target {
    Channel(MessageChannel),
    Topic(TopicPublisher),
}

impl Target {
    async fn send(
        &self,
        payload: Vec<u8>,
        options: PublishOptions,
    ) -> Result<PendingPublish, Error> {
        match self {
            Self::Channel(channel) => channel.send(payload, options).await,
            Self::Topic(publisher) => publisher.send(payload, options).await,
        }
    }

    /// Messages a second, and bytes of one.
    fn limits(&self, limits: &ServerLimits) -> (u32, usize) {
        match self {
            Self::Channel(_) => (limits.messages_per_second, limits.message_len),
            Self::Topic(_) => (limits.topic_messages_per_second, limits.topic_message_len),
        }
    }
}

/// Lines on their way, in order.
struct StreamOfLines {
    target: Target,
    pace: Pace,
    length: usize,
    custom_type: String,
    is_stored: bool,
    unanswered: VecDeque<(u64, PendingPublish)>,
    next_line: u64,
    /// What the messages are, where they come from.
    what: &'static str,
    published: u64,
}

impl StreamOfLines {
    /// Publishes until the lines end, one is refused, or somebody interrupts; then waits for the
    /// answers to all that was sent.
    async fn publish_all(
        &mut self,
        mut lines: mpsc::Receiver<Line>,
        stop: &mut Stop,
    ) -> Result<(), Failure> {
        let result = loop {
            // The oldest answer decides when there is room for another message.
            let has_room = self.unanswered.len() < UNANSWERED_MAX;
            tokio::select! {
                biased;
                () = stop.wait() => {
                    break Err(Failure::new(Exit::Interrupted, "interrupted"));
                }
                answer = oldest(&mut self.unanswered), if !self.unanswered.is_empty() => {
                    if let Err(failure) = self.on_answer(answer) {
                        break Err(failure);
                    }
                }
                line = next_line(&mut self.pace, &mut lines), if has_room => match line {
                    Some(line) => if let Err(failure) = self.send(line).await {
                        break Err(failure);
                    },
                    None => break Ok(()),
                },
            }
        };
        let mut rest = Ok(());
        while !self.unanswered.is_empty() {
            let answer = oldest(&mut self.unanswered).await;
            let outcome = self.on_answer(answer);
            rest = rest.and(outcome);
        }
        result.and(rest)
    }

    async fn send(&mut self, line: Line) -> Result<(), Failure> {
        let number = self.next_line;
        let line = line.map_err(|error| {
            Failure::new(Exit::Limit, format!("{} {number} cannot be read: {error}", self.what))
        })?;
        let length = line.len() + self.custom_type.len();
        if length > self.length {
            let (what, limit) = (self.what, self.length);
            let text = format!(
                "{what} {number} has {length} bytes, above the limit of {limit} [-11010 \
                 CHANNEL_MESSAGE_LENGTH_EXCEED_LIMITATION]: split or shorten it; those before it \
                 are published"
            );
            return Err(Failure::new(Exit::Limit, text));
        }
        let message_type = match std::str::from_utf8(&line) {
            Ok(_) => MessageType::String,
            Err(_) => MessageType::Binary,
        };
        let options =
            PublishOptions::new().message_type(message_type).custom_type(self.custom_type.clone());
        let options = options.store_in_history(self.is_stored);
        let pending = self.target.send(line, options).await;
        let pending =
            pending.map_err(|error| Failure::about(format!("{} {number}", self.what), &error))?;
        self.unanswered.push_back((number, pending));
        self.next_line += 1;
        Ok(())
    }

    fn on_answer(&mut self, (line, answer): (u64, Result<(), Error>)) -> Result<(), Failure> {
        match answer {
            Ok(()) => {
                self.published += 1;
                Ok(())
            }
            Err(error) => Err(Failure::about(format!("{} {line}", self.what), &error)),
        }
    }
}

/// Waits for the oldest answer, and takes it out.
///
/// # Cancel safety
/// Nothing is taken out before its answer is there.
async fn oldest(unanswered: &mut VecDeque<(u64, PendingPublish)>) -> (u64, Result<(), Error>) {
    let Some((line, pending)) = unanswered.front_mut() else { return std::future::pending().await };
    let (line, answer) = (*line, pending.await.map(|_| ()));
    unanswered.pop_front();
    (line, answer)
}

/// The next line, when it may go.
///
/// # Cancel safety
/// A line that was taken is given.
async fn next_line(pace: &mut Pace, lines: &mut mpsc::Receiver<Line>) -> Option<Line> {
    pace.wait().await;
    lines.recv().await
}
