//! The channel that a command is in, and what it hears there but messages.

use rtm_client::{
    ChannelEvent, ChannelId, JoinOptions, LockEvent, MessageSubscription, PresenceEvent, RtmClient,
    StorageEvent, StreamEvent, StreamEvents, SubscribeOptions,
};

use crate::cli::At;
use crate::connection::Connection;
use crate::failure::{Exit, Failure};

/// Being in a channel, until it is dropped.
pub(super) enum Place {
    Message(MessageSubscription),
    Stream(StreamEvents),
}

/// What is heard.
pub(super) enum News {
    Presence(PresenceEvent),
    Storage(StorageEvent),
    Lock(LockEvent),
}

/// Nobody is told of it, and nothing is heard but what is asked for: who only watches is nobody's
/// news.
pub(super) fn unseen() -> SubscribeOptions {
    SubscribeOptions::new().messages(false).presence(false).quiet(true)
}

/// A client, with a token that is good for the channel.
pub(super) fn connection(
    at: &At,
    who: &crate::cli::Who,
) -> Result<(Connection, ChannelId), Failure> {
    let channel = at.id()?;
    let joined: Vec<_> = at.stream.then(|| at.channel.clone()).into_iter().collect();
    Ok((Connection::find(who, &joined)?, channel))
}

impl Place {
    /// Comes to a channel; the token is for a stream channel.
    pub(super) async fn come(
        client: &RtmClient,
        channel: &ChannelId,
        token: String,
        options: SubscribeOptions,
    ) -> Result<Self, Failure> {
        if channel.is_stream() {
            let options = JoinOptions::new().token(token).options(options);
            return Ok(Self::Stream(client.stream_channel(channel.name())?.join(options).await?));
        }
        Ok(Self::Message(client.message_channel(channel.name())?.subscribe(options).await?))
    }

    /// The next piece of news; `None` at an orderly end.
    pub(super) async fn next(&mut self) -> Result<Option<News>, Failure> {
        loop {
            match self {
                Self::Message(subscription) => match subscription.recv().await {
                    Some(ChannelEvent::Presence(event)) => return Ok(Some(News::Presence(event))),
                    Some(ChannelEvent::Storage(event)) => return Ok(Some(News::Storage(event))),
                    Some(ChannelEvent::Lock(event)) => return Ok(Some(News::Lock(event))),
                    Some(ChannelEvent::Ended(error)) => return Err(error.into()),
                    Some(_) => {}
                    None => return Ok(None),
                },
                Self::Stream(events) => match events.recv().await {
                    Some(StreamEvent::Presence(event)) => return Ok(Some(News::Presence(event))),
                    Some(StreamEvent::Storage(event)) => return Ok(Some(News::Storage(event))),
                    Some(StreamEvent::Lock(event)) => return Ok(Some(News::Lock(event))),
                    Some(StreamEvent::Lagged(missed)) => {
                        let text = format!("{missed} events were too fast to be taken");
                        return Err(Failure::new(Exit::Missing, text));
                    }
                    Some(StreamEvent::Ended(error)) => return Err(error.into()),
                    Some(_) => {}
                    None => return Ok(None),
                },
            }
        }
    }
}
