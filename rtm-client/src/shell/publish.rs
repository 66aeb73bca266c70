//! Publishing: a window of unanswered messages, and the answers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::{Semaphore, oneshot};

use super::shared::Shared;
use crate::core::{Answer, Command, Target};
use crate::error::{Error, ErrorKind};
use crate::message::Published;
use crate::options::PublishOptions;

/// Bytes that may be unanswered in one window: 1 MiB. Who publishes more waits in `send`.
pub const PUBLISH_WINDOW_BYTES: usize = 1_024 * 1_024;

/// What each message takes of the window besides its payload: 256 bytes, so that at most 4,096
/// messages are unanswered.
pub const PUBLISH_WINDOW_MESSAGE: usize = 256;

/// Room for unanswered messages; in the order of asking.
#[derive(Clone, Debug)]
pub(super) struct Window(Arc<Semaphore>);

impl Window {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(PUBLISH_WINDOW_BYTES)))
    }

    /// Waits for room, and hands the message to the client's task.
    ///
    /// # Cancel safety
    /// Nothing is sent when the future is dropped.
    pub(super) async fn send(
        &self,
        shared: &Shared,
        target: Target,
        payload: Bytes,
        options: PublishOptions,
    ) -> Result<PendingPublish, Error> {
        // A message that is longer than the window may go alone.
        let cost = (payload.len() + PUBLISH_WINDOW_MESSAGE).min(PUBLISH_WINDOW_BYTES);
        let cost = u32::try_from(cost).expect("at most the window");
        let room = Arc::clone(&self.0).acquire_many_owned(cost).await;
        let room = room.map_err(|_| Error::new(ErrorKind::Closed))?;
        let command = Command::Publish { target, payload, options };
        let answer = shared.send(command, None, Some(room)).await?;
        Ok(PendingPublish { answer })
    }
}

/// A message that is on its way; a future that gives what became of it.
///
/// Dropping it doesn't take the message back: it is published all the same, and nobody hears
/// whether that went well.
///
/// ```no_run
/// # async fn example(lobby: rtm_client::MessageChannel) -> Result<(), rtm_client::Error> {
/// use rtm_client::PublishOptions;
///
/// let pending = lobby.send("hello", PublishOptions::text()).await?;
/// // It is published whether its answer is waited for or not.
/// println!("{}", pending.await?.sequence);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the message is on its way, but only this tells whether it was taken"]
pub struct PendingPublish {
    answer: oneshot::Receiver<Result<Answer, Error>>,
}

impl Future for PendingPublish {
    type Output = Result<Published, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.answer).poll(context).map(|answer| match answer {
            Ok(Ok(Answer::Published(published))) => Ok(published),
            Ok(Ok(_)) => Err(Error::new(ErrorKind::Protocol)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::new(ErrorKind::Closed)),
        })
    }
}
